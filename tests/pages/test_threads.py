"""The composer as a desk: a box for each post, the time in a bar, and nothing of what is written is ever lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from skywrite.app import Skywrite
from tests.pages.conftest import Watched
from tests.pages.test_composing import number, write
from tests.pages.test_editing import stored
from tests.pages.test_keeping import picture, queue

__all__ = ["queue"]

LONG = " ".join(f"Sentence {place} of a long story, which goes on." for place in range(20))


def texts(page: Page) -> list[str]:
    """What stands in the boxes, in their order."""
    return [box.input_value() for box in page.locator("[data-box] .writing textarea").all()]


def saved(page: Page) -> None:
    """Wait until all that was written is stored as a draft."""
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")


def of(draft: dict[str, Any]) -> list[str]:
    """The texts of a stored thread."""
    return [draft["text"], *(part["text"] for part in draft.get("thread", ()))]


def test_a_thread_is_written_split_joined_moved_and_sent(tab: Watched) -> None:
    """By keys alone, each post with its own count; what is stored is what stands there."""
    page = tab.visit("/compose")
    page.locator("#text").press_sequentially("One two")
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Split here").click()
    assert ["One", "two"] == texts(page)
    expect(page.locator("[data-count]").first).to_have_text("3 of 300")
    page.keyboard.press("Alt+ArrowUp")
    assert ["two", "One"] == texts(page)
    page.get_by_role("button", name="Add to the thread").click()
    page.keyboard.type("Three")
    saved(page)
    assert ["two", "One", "Three"] == of(stored(tab, number(page))["draft"])
    page.get_by_role("button", name="Move down").first.click()
    page.get_by_role("button", name="Join with the next post").last.click()
    assert ["One", "two\nThree"] == texts(page)
    page.fill("[data-at]", "tomorrow 9:15")
    expect(page.locator("[data-send]")).to_have_text(re.compile(r"^Schedule · \w{3} 09:15$"))
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/posts/**")
    post = stored(tab, number(page))
    assert (["One", "two\nThree"], "scheduled") == (of(post["draft"]), post["state"])


def test_a_long_text_that_is_pasted_is_a_thread_to_edit(tab: Watched) -> None:
    """Cut between sentences; and one text again, if that was meant."""
    page = tab.visit("/compose")
    paste = """text => { const field = document.querySelector("#text"), data = new DataTransfer();
      data.setData("text/plain", text);
      field.focus();
      if (field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })))
        document.execCommand("insertText", false, text); }"""
    tab.may_be_refused = True
    page.evaluate(paste, LONG)
    expect(page.locator("[data-said]")).to_contain_text("thread of 4")
    parts = texts(page)
    assert (LONG, {"."}) == (" ".join(parts), {text[-1] for text in parts})
    page.get_by_role("button", name="Make it one text again").click()
    assert [LONG] == texts(page)


def test_posts_of_a_thread_keep_what_is_their_own(tab: Watched, queue: Skywrite, tmp_path: Path) -> None:
    """Whatever is moved, edited and removed around them: hashtags beside the text, pictures, cards."""
    card = {"url": "https://given.example/", "title": "Its own", "description": "Words"}
    thread = [{"text": "Second", "tags": ["second"]}, {"text": "Third", "card": card}]
    draft = queue.schedule("First", account="alice.test", draft=True, tags=["first"], thread=thread, card="none")
    before = stored(tab, draft.post_id)["draft"]["thread"]
    page = tab.visit(f"/compose?draft={draft.post_id}")
    page.locator("[name=part-3]").focus()
    page.keyboard.press("Alt+ArrowUp")
    saved(page)
    page.locator("[data-box] .writing textarea").nth(1).fill("Third, edited")
    saved(page)
    expect(page.locator("[data-preview] .seen")).to_have_count(3)
    after = stored(tab, draft.post_id)["draft"]
    assert [{**before[1], "text": "Third, edited"}, before[0]] == after["thread"]
    assert ("First", ["first"]) == (after["text"], after["tags"])


def test_pictures_belong_to_their_post_and_have_an_order(tab: Watched, tmp_path: Path) -> None:
    """Their description is asked for beside them; keys and buttons change their order."""
    page = tab.visit("/compose")
    page.fill("#text", "With pictures")
    page.set_input_files("#files", [picture(tmp_path, "one.png", "red"), picture(tmp_path, "two.png", "blue")])
    page.get_by_label("Description of image 1").fill("Red")
    page.get_by_label("Description of image 2").fill("Blue")
    page.get_by_role("button", name="Move image 2 to the left").click()
    page.get_by_role("button", name="Add to the thread").click()
    page.keyboard.type("And one more")
    page.locator("[data-box] input[type=file]").nth(1).set_input_files(picture(tmp_path, "three.png", "gold"))
    expect(page.locator("[data-shots] img")).to_have_count(3)
    saved(page)
    expect(page.locator("[data-preview] img")).to_have_count(3)
    draft = stored(tab, number(page))["draft"]
    assert (["Blue", "Red"], 1) == ([image["alt"] for image in draft["images"]], len(draft["thread"][0]["images"]))


def test_esc_leads_to_the_plan_with_all_saved(tab: Watched) -> None:
    """At once after the last letter."""
    page = tab.visit("/compose")
    page.locator("#text").press_sequentially("Left in a hurry")
    page.keyboard.press("Escape")
    page.wait_for_url(f"{tab.url}/")
    assert ["draft"] == [
        post["state"] for post in tab.api("GET", "/posts?state=draft&text=Left%20in%20a%20hurry")["posts"]
    ]


def cut_off(page: Page) -> None:
    """Nothing that is to be stored arrives any more."""
    page.route("**/api/v1/posts*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.route(
        "**/api/v1/posts/*", lambda route: route.abort() if route.request.method == "PATCH" else route.continue_()
    )


def test_what_was_not_saved_survives_a_reload(tab: Watched) -> None:
    """Of a new post and of a draft, typed while the line was down: it is there again, and is saved then."""
    page = tab.visit("/compose")
    for way in ("new", "draft"):
        if way == "draft":
            write(page, "A beginning")
        cut_off(page)
        page.fill("#text", f"Typed in a tunnel, {way}")
        expect(page.locator("[data-said] .trouble")).to_contain_text("does not answer")
        page.on("dialog", lambda dialog: dialog.accept())
        page.unroute_all()
        page.reload()
        expect(page.locator("#text")).to_have_value(f"Typed in a tunnel, {way}")
        saved(page)
        assert f"Typed in a tunnel, {way}" == stored(tab, number(page))["draft"]["text"]
    tab.complaints.clear()


def test_what_a_crash_left_is_offered(tab: Watched) -> None:
    """A tab that went away before anything was stored: the next one offers what was typed."""
    page = tab.open()
    page.goto(f"{tab.url}/compose")
    cut_off(page)
    page.fill("#text", "Never saved anywhere")
    expect(page.locator("[data-said] .trouble")).to_contain_text("does not answer")
    page.close()
    page = tab.visit("/compose")
    page.get_by_role("button", name="Bring it back").click()
    expect(page.locator("#text")).to_have_value("Never saved anywhere")
    saved(page)
    tab.complaints.clear()


def test_a_session_that_is_over_loses_nothing(own_tab: Watched, browser: Browser) -> None:
    """The page says where to sign in, and saves by itself as soon as somebody is signed in again."""
    page = own_tab.visit("/compose")
    write(page, "Before")
    cookies = own_tab.context.cookies()
    own_tab.context.clear_cookies()
    page.fill("#text", "After the end")
    expect(page.locator("[data-said]")).to_contain_text("You are signed out")
    own_tab.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.evaluate("dispatchEvent(new Event('focus'))")
    saved(page)
    assert "After the end" == stored(own_tab, number(page))["draft"]["text"]
    own_tab.complaints.clear()


def test_what_another_tab_overtook_becomes_a_draft_of_its_own(tab: Watched) -> None:
    """Neither window loses what it has."""
    page = tab.visit("/compose")
    write(page, "Both of us")
    first = number(page)
    tab.api("PATCH", f"/posts/{first}", {"text": "Mine"})
    page.fill("#text", "Yours")
    page.get_by_role("button", name="Keep what stands here as another draft").click()
    expect(page).not_to_have_url(re.compile(f"={first}$"))
    saved(page)
    assert ("Mine", "Yours") == (stored(tab, first)["draft"]["text"], stored(tab, number(page))["draft"]["text"])
    tab.complaints.clear()


def test_emoji_and_hashtags_are_completed(tab: Watched) -> None:
    """Emoji by a word of their name, hashtags from what the account posted."""
    page = tab.visit("/compose")
    page.locator("#text").press_sequentially("Warm :croiss")
    page.get_by_role("listbox", name="Emoji").get_by_role("option").first.click()
    page.locator("#text").press_sequentially("#sourd")
    expect(page.get_by_role("listbox", name="Hashtags").get_by_role("option", name="#sourdough")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#text")).to_have_value("Warm 🥐 #sourdough ")


def test_the_bar_says_what_the_button_will_do(tab: Watched) -> None:
    """The next slot first; tomorrow, a day from the month, and a rhythm from the editor; all of it in sight."""
    page = tab.visit("/compose")
    send, meant = page.locator("[data-send]"), page.locator("[data-at-said]")
    expect(send).to_have_text(re.compile(r"^Schedule · .*\d\d:\d\d$"))
    page.get_by_role("button", name="Tomorrow 9:00").click()
    expect(meant).to_contain_text("09:00 (Europe/Berlin)")
    page.get_by_role("button", name="Pick a day…").click()
    page.get_by_role("button", name="Later month").click()
    page.locator("[data-day='1']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_label("Time", exact=True).last.fill("16:45")
    page.get_by_role("button", name="Take it").click()
    expect(send).to_have_text(re.compile(r"^Schedule · 2 \w{3}.* 16:45$|^Schedule · \w{3} 16:45$"))
    page.check("input[name=mode][value=every]")
    page.get_by_role("button", name="Edit…").click()
    page.get_by_label("How often").last.select_option("two")
    page.get_by_role("button", name="Take it").click()
    expect(meant).to_contain_text("2 weeks")
    page.check("input[name=mode][value=now]")
    expect(send).to_have_text("Post now")
    assert page.evaluate("document.querySelector('[data-send]').getBoundingClientRect().bottom <= innerHeight")


@pytest.mark.parametrize("width", [320, 390])
def test_the_button_is_in_sight_on_a_phone(phone: Watched, width: int) -> None:
    """However long the thread is, and nothing is wider than the screen."""
    page = phone.visit("/compose")
    page.set_viewport_size({"width": width, "height": 640})
    for _ in range(3):
        page.get_by_role("button", name="Add to the thread").click()
        page.keyboard.type("One more post with enough words for several lines on a small screen. ")
    box = page.locator("[data-send]").bounding_box()
    assert box is not None
    is_inside = box["y"] >= 0 and box["y"] + box["height"] <= 640
    assert (True, width) == (is_inside, page.evaluate("document.documentElement.scrollWidth"))
    phone.complaints.clear()


def test_several_accounts_have_one_text_and_their_variants(tab: Watched) -> None:
    """Scheduled together, with the draft in their place; each says what it is to say, and all are moved by one form."""
    page = tab.visit("/compose")
    write(page, "We are open on Sunday")
    draft = number(page)
    page.get_by_role("group", name="Also as").get_by_label("bob.test").check()
    page.locator("summary", has_text="Another text for bob.test").click()
    page.get_by_label("Text for bob.test").fill("They are open on Sunday")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_label("Text for bob.test")).to_have_value("They are open on Sunday")
    page.fill("[data-at]", "tomorrow 9:40")
    expect(page.locator("[data-send]")).to_have_text(re.compile("^Schedule 2 posts"))
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    expect(page.locator("#together")).to_contain_text("bob.test")
    page.fill("#together-at", "tomorrow 10:40")
    page.get_by_role("button", name="Move all").click()
    expect(page.locator("[data-said]")).to_contain_text("All 2 posts are moved")
    posts = tab.api("GET", "/posts?state=scheduled,draft&text=open%20on%20Sunday")["posts"]
    seen = sorted((post["account"], post["text"], post["due_at"][11:16]) for post in posts)
    assert [("alice.test", "We are open on Sunday"), ("bob.test", "They are open on Sunday")] == [
        one[:2] for one in seen
    ]
    assert (1, False) == (len({one[2] for one in seen}), draft in [post["id"] for post in posts])
