"""What the composer has no field for stays as it is, whatever is edited; and all files that were chosen arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from skywrite.faces.server.pages.filled import EDITED
from skywrite.faces.server.pages.kept import kept_words
from skywrite.posting.compose.draft import FIELDS
from skywrite.queue.model import Post
from tests.pages.conftest import Watched
from tests.pages.test_composing import number
from tests.pages.test_editing import stored
from tests.support.serving import Server

REF = {"uri": "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3l2ctj3tkk22a", "cid": "bafyreihdwdcefgh4"}
LINK = {"$type": "app.bsky.richtext.facet#link", "uri": "https://placed.example/"}
EMBED = {"uri": "https://made.example/", "title": "Made", "description": ""}
# Every field of a draft, in groups that one post can have. `None` is filled with an upload.
POSTS: dict[str, dict[str, Any]] = {
    "options": {
        "images": None,
        "quote": REF,
        "replies": ["mentioned", "followers"],
        "quotes": False,
        "labels": ["nudity", "graphic-media"],
        "langs": ["en", "de"],
        "tags": ["bakery", "bread"],
        "campaign": "Spring",
        "markdown": False,
        "shorten": False,
        "tidy": False,
        "mentions": False,
        "split": True,
        "numbering": "1/n",
        "thread": [{"text": "The second post", "tags": ["second"]}],
    },
    "reply": {"reply_to": {"root": REF, "parent": REF}},
    "video": {"video": None},
    "card": {"card": {"url": "https://given.example/", "title": "A title of its own", "description": "And words"}},
    "facets": {"facets": [{"index": {"byteStart": 0, "byteEnd": 3}, "features": [LINK]}]},
    "embed": {"embed": {"$type": "app.bsky.embed.external", "external": EMBED}},
}


@pytest.fixture
def queue(site: Server) -> Iterator[Skywrite]:
    """The queue of the server, for what a program may store and the page has no field for."""
    with Skywrite(config=load_config({"SKYWRITE_HOME": site.home})) as sky:
        yield sky


@pytest.fixture
def files(tab: Watched, tmp_path: Path) -> dict[str, Any]:
    """An image and a video with captions that are stored, as a program gives them."""
    return {
        "images": [{**upload(tab, picture(tmp_path)), "alt": "A loaf", "name": "loaf.png"}],
        "video": {
            **upload(tab, animation(tmp_path)),
            "alt": "It moves",
            "gif": True,
            "captions": [{"lang": "en", "data": b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"}],
        },
    }


def picture(folder: Path, name: str = "loaf.png", colour: str = "orange") -> Path:
    """An image file."""
    Image.new("RGB", (64, 48), colour).save(folder / name)
    return folder / name


def animation(folder: Path) -> Path:
    """An animated GIF."""
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:], duration=200)
    return folder / "moving.gif"


def upload(tab: Watched, path: Path) -> dict[str, Any]:
    """The file as it is stored, for a draft."""
    page = tab.visit("/media")
    script = """async bytes => (await fetch("/api/v1/media", {method: "POST", body: new Uint8Array(bytes)})).json()"""
    answer = page.evaluate(script, list(path.read_bytes()))
    return {"cid": answer["media"], **{name: answer[name] for name in ("mime", "size", "width", "height")}}


def test_every_field_of_a_post_is_in_a_group() -> None:
    """The walk below leaves none out."""
    assert set(FIELDS) == {"text", *(name for fields in POSTS.values() for name in fields)}


def test_what_cannot_be_edited_is_shown() -> None:
    """Each field without a field of the composer has its words."""
    others = {name: value for fields in POSTS.values() for name, value in fields.items() if name not in EDITED}
    posts = {
        name: SimpleNamespace(draft={name: value}, late_policy="hold", late_seconds=None)
        for name, value in others.items()
    }
    assert [] == [name for name, post in posts.items() if not kept_words(cast(Post, post), EDITED)]


def typed(page: Page, text: str) -> None:
    """Edit a draft: it is saved as one types."""
    page.fill("#text", text)
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")


def with_the_button(page: Page, text: str) -> None:
    """Edit it and keep it as a draft."""
    page.fill("#text", text)
    page.check("input[name=mode][value=draft]")
    page.click("[data-send]")
    page.wait_for_url("**/?done=*")


def into_a_slot(page: Page, text: str) -> None:
    """Edit it and put it into the next slot, which a copy gets."""
    page.fill("#text", text)
    page.check("input[name=mode][value=slot]")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")


WAYS: tuple[Callable[[Page, str], None], ...] = (typed, with_the_button, into_a_slot)


# Without a script all of them are edited in one test; with it, the group with most fields is, and at night the others.
@pytest.mark.parametrize(
    "group", [name if name == "options" else pytest.param(name, marks=pytest.mark.nightly) for name in POSTS]
)
def test_an_edit_of_the_text_changes_the_text_alone(
    tab: Watched, queue: Skywrite, files: dict[str, Any], group: str
) -> None:
    """Whatever else a program gave the post is there afterwards, with or without a field on the page."""
    fields = {name: files.get(name) if value is None else value for name, value in POSTS[group].items()}
    # The group with the most fields goes all ways, the others go that of the autosave: a browser is slow.
    for way in WAYS if group == "options" else WAYS[:1]:
        text = f"Old words of {group}"
        draft = queue.schedule(text, account="alice.test", draft=True, late="skip:30m", **fields)
        before = stored(tab, draft.post_id)
        page = tab.visit(f"/compose?draft={draft.post_id}")
        way(page, f"New words of {group}, {way.__name__}")
        after = stored(tab, number(page) if way is into_a_slot else draft.post_id)
        expected = {**before["draft"], "text": f"New words of {group}, {way.__name__}"}
        assert (way, expected, before["late"]) == (way, after["draft"], after["late"])
        tab.api("DELETE", f"/posts/{after['id']}")


def test_without_a_script_an_edit_of_the_text_changes_the_text_alone(
    browser: Browser, tab: Watched, signed_in: Any, queue: Skywrite, files: dict[str, Any]
) -> None:
    """The form sends everything, and only what differs from the post counts."""
    context = browser.new_context(storage_state=signed_in, java_script_enabled=False)
    page = context.new_page()
    for group, options in POSTS.items():
        fields = {name: files.get(name) if value is None else value for name, value in options.items()}
        draft = queue.schedule(f"Old words of {group}", account="alice.test", draft=True, **fields)
        before = stored(tab, draft.post_id)
        page.goto(f"{tab.url}/compose?draft={draft.post_id}")
        page.fill("#text", f"New words of {group}")
        page.check("input[name=mode][value=draft]")
        page.click("[data-send]")
        page.wait_for_url("**/?done=*")
        assert {**before["draft"], "text": f"New words of {group}"} == stored(tab, draft.post_id)["draft"]
    context.close()


def test_several_choices_are_shown_and_stay(tab: Watched, queue: Skywrite) -> None:
    """Several rules, labels and languages are in their fields, and what has no field is listed."""
    draft = queue.schedule("Shown", account="alice.test", draft=True, **{**POSTS["options"], "images": []})
    page = tab.visit(f"/compose?draft={draft.post_id}")
    seen = [page.locator(f"#{name} option:checked").inner_text() for name in ("replies", "label")]
    assert ["People I mention, My followers", "nudity, graphic-media"] == seen
    assert ("en, de", REF["uri"]) == (page.input_value("#lang"), page.input_value("#quote"))
    assert "The second post" == page.input_value("[name=part-2]")
    expect(page.locator(".kept")).to_contain_text("Hashtags beside the text")


def test_a_new_description_leaves_captions_and_the_loop(tab: Watched, queue: Skywrite, files: dict[str, Any]) -> None:
    """The video is the same one, so what the form does not know of it stays."""
    draft = queue.schedule("Moving", account="alice.test", draft=True, video=files["video"])
    before = stored(tab, draft.post_id)["draft"]
    page = tab.visit(f"/compose?draft={draft.post_id}")
    page.get_by_role("textbox", name="Description of GIF").fill("It moves in a circle")
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")
    after = stored(tab, draft.post_id)["draft"]
    assert {**before, "video": {**before["video"], "alt": "It moves in a circle"}} == after


def test_all_files_of_one_dialog_arrive(tab: Watched, tmp_path: Path) -> None:
    """Four images, in their order."""
    colours = ("red", "green", "blue", "gold")
    page = tab.visit("/compose")
    page.fill("#text", "Four at once")
    page.set_input_files("#files", [picture(tmp_path, f"{colour}.png", colour) for colour in colours])
    expect(page.locator("[data-shots] textarea")).to_have_count(4)
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")
    expect(page.locator("[data-preview] img")).to_have_count(4)
    assert 4 == len(stored(tab, number(page))["draft"]["images"])


def hold_uploads(page: Page) -> list[Any]:
    """Uploads wait until the test lets them go on."""
    held: list[Any] = []
    page.route("**/api/v1/media?*", lambda route: held.append(route))
    return held


@pytest.mark.parametrize(
    "mode", ["at", "every", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("slot", "now", "draft"))]
)
def test_every_way_to_store_waits_for_the_files(tab: Watched, tmp_path: Path, mode: str) -> None:
    """The button says so meanwhile, and what is stored has the image."""
    page = tab.visit("/compose")
    held = hold_uploads(page)
    page.fill("#text", f"With its image, {mode}")
    page.check(f"input[name=mode][value={mode}]")
    if mode in ("at", "every"):
        page.fill(f"input[name={mode}]", "weekdays 9:20" if mode == "every" else "tomorrow 9:20")
    with page.expect_request("**/api/v1/media?*"):
        page.set_input_files("#files", picture(tmp_path))
    page.click("[data-send]")
    expect(page.locator("[data-send]")).to_have_text("Uploading…")
    held.pop().continue_()
    page.wait_for_url("**done=*")
    name = "recurrences" if mode == "every" else "posts"
    answer = tab.api(
        "GET", "/recurrences" if mode == "every" else f"/posts?state=draft,scheduled,publishing,published&text={mode}"
    )
    mine = [item for item in answer[name] if item["text"] == f"With its image, {mode}"]
    assert [1] == [len(item["draft"]["images"]) for item in mine]


def test_a_file_that_does_not_arrive_is_not_left_out_silently(tab: Watched, tmp_path: Path) -> None:
    """Nothing is sent, and the text says what is missing."""
    page = tab.visit("/compose")
    held = hold_uploads(page)
    page.fill("#text", "Never without it")
    page.fill("[data-at]", "tomorrow 9:25")
    with page.expect_request("**/api/v1/media?*"):
        page.set_input_files("#files", picture(tmp_path))
    page.click("[data-send]")
    held.pop().abort()
    expect(page.locator("[data-said] .trouble")).to_contain_text("Nothing was sent, since loaf.png did not arrive")
    assert [] == tab.api("GET", "/posts?state=scheduled&text=Never%20without%20it")["posts"]
    tab.complaints.clear()


def test_an_animated_gif_plays_like_one(tab: Watched, tmp_path: Path) -> None:
    """The record says so, as it does for one from the command line."""
    page = tab.visit("/compose")
    page.fill("#text", "It moves")
    page.set_input_files("#files", animation(tmp_path))
    expect(page.locator("[data-preview]")).to_contain_text("GIF:")
    expect(page.locator("[data-notes]")).to_contain_text("moving.gif has no alt text")
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")
    page.fill("[data-at]", "tomorrow 9:30")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    assert stored(tab, number(page))["draft"]["video"]["gif"] is True


def test_without_a_script_files_join_those_that_are_there(
    browser: Browser, tab: Watched, signed_in: Any, queue: Skywrite, files: dict[str, Any], tmp_path: Path
) -> None:
    """An image is added to the images, and a GIF is a video that loops."""
    context = browser.new_context(storage_state=signed_in, java_script_enabled=False)
    page = context.new_page()
    draft = queue.schedule("One image", account="alice.test", draft=True, images=files["images"])
    page.goto(f"{tab.url}/compose?draft={draft.post_id}")
    page.set_input_files("#files", picture(tmp_path, "second.png", "teal"))
    page.check("input[name=mode][value=draft]")
    page.click("[data-send]")
    page.wait_for_url("**/?done=*")
    page.goto(f"{tab.url}/compose")
    page.fill("#text", "A GIF without a script")
    page.set_input_files("#files", animation(tmp_path))
    page.fill("[data-at]", "tomorrow 9:35")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    context.close()
    assert 2 == len(stored(tab, draft.post_id)["draft"]["images"])
    assert stored(tab, number(page))["draft"]["video"]["gif"] is True
