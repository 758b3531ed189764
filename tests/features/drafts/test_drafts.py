"""`skywrite drafts pull`: what the official app's drafts hold comes along, what cannot is said, nothing comes twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.app import Skywrite
from skywrite.app.shapes.imports import pulled_shape
from skywrite.app.shapes.jsonable import jsonable
from skywrite.core.config import load_config
from skywrite.features.drafts.app_draft import read_app_draft
from skywrite.features.drafts.service import PulledDraft
from skywrite.protocol.atproto.repo import Repo, Write
from skywrite.sandbox import Sandbox
from tests.support.desk import LATER, Desk, config_for
from tests.support.network import Network
from tests.support.processes import skywrite

NSID = "app.bsky.draft"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


class App:
    """The official app, as far as it keeps drafts."""

    def __init__(self, sky: Skywrite) -> None:
        self.agent = sky.context.agent(sky.accounts.get())

    def write(self, *posts: dict[str, Any], **more: Any) -> str:
        return str(self.agent.procedure(f"{NSID}.createDraft", {"draft": {"posts": list(posts), **more}})["id"])

    def change(self, draft_id: str, *posts: dict[str, Any]) -> None:
        self.agent.procedure(f"{NSID}.updateDraft", {"draft": {"id": draft_id, "draft": {"posts": list(posts)}}})


def text(value: str, **more: Any) -> dict[str, Any]:
    return {"text": value, **more}


def pulled(sky: Skywrite) -> dict[str, str]:
    """What became of the draft with each text."""
    return {draft.text: draft.action for draft in sky.drafts.pull()}


def test_pulled_once(desk: Desk) -> None:
    """Drafts come as drafts, once, however often they are pulled, and more of them than fit on a page."""
    app = App(desk.sky)
    for number in range(120):
        app.write(text(f"draft {number}"))
    assert {"pulled"} == set(pulled(desk.sky).values())
    assert {"unchanged"} == set(pulled(desk.sky).values())
    assert 120 == len(desk.sky.posts.list(states=("draft",), limit=1000))


def test_repeated_by_the_server(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that gives a draft on every page, without end, is asked until nothing is new."""
    cursors = iter("abcdef")

    class Repeating:
        def query(self, nsid: str, params: dict[str, Any]) -> dict[str, Any]:
            return {"drafts": [{"id": "3k", "draft": {"posts": [text("one")]}}], "cursor": next(cursors)}

    app = desk.sky.context.agent(desk.sky.accounts.get())
    monkeypatch.setattr(app, "query", Repeating().query)
    assert [("one", "pulled")] == [(draft.text, draft.action) for draft in desk.sky.drafts.pull()]


def test_changed_on_either_side(desk: Desk) -> None:
    """A draft that was changed in the app is brought up to it, unless it was changed or used here."""
    app = App(desk.sky)
    ids = [app.write(text(name)) for name in ("a", "b", "c")]
    known = {draft.text: draft.post_id for draft in desk.sky.drafts.pull()}
    assert known["b"] and known["c"]
    desk.sky.posts.edit(known["b"], text="b, edited here")
    desk.sky.posts.move(known["c"], LATER)
    for draft_id, name in zip(ids, ("a", "b", "c"), strict=True):
        app.change(draft_id, text(f"{name}, changed in the app"))
    assert {
        "a, changed in the app": "updated",
        "b, changed in the app": "yours",
        "c, changed in the app": "yours",
    } == pulled(desk.sky)
    texts = sorted(entry.post.text for entry in desk.sky.posts.list())
    assert ["a, changed in the app", "b, edited here", "c"] == texts


def test_structure(desk: Desk) -> None:
    """Threads, quotes, labels, languages and gates come along, and are published as they were meant."""
    me = desk.sky.accounts.get()
    value = {"$type": "app.bsky.feed.post", "text": "Well", "createdAt": "2026-01-01T00:00:00.000Z"}
    write = Write.of("app.bsky.feed.post", "3kznmn7xqxl22", value)
    quoted = Repo(desk.sky.context.agent(me)).create_all([write]).refs[0]
    labels = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "nudity"}]}
    record = {"record": {"uri": quoted.uri, "cid": quoted.cid}}
    App(desk.sky).write(
        text("one [as](https://127.0.0.1) written", labels=labels, embedRecords=[record]),
        text("two"),
        langs=["de"],
        threadgateAllow=[{"$type": "app.bsky.feed.threadgate#mentionRule"}],
        postgateEmbeddingRules=[{"$type": "app.bsky.feed.postgate#disableRule"}],
    )
    (draft,) = desk.sky.drafts.pull()
    assert draft.post_id
    desk.sky.posts.move(draft.post_id, LATER)
    desk.clock.set(LATER)
    desk.sky.run_once()
    _, first, second = desk.box.posts("alice.test")
    assert ("one [as](127.0.0.1) written", "two") == (first.text, second.text)
    assert (quoted.uri, first.uri, ("de",), ("de",)) == (first.quotes, second.reply_to, first.langs, second.langs)
    assert [{"val": "nudity"}] == first.record["labels"]["values"]
    (gate,) = desk.box.records("alice.test", "app.bsky.feed.threadgate")
    assert [{"$type": "app.bsky.feed.threadgate#mentionRule"}] == gate.value["allow"]
    assert 2 == len(desk.box.records("alice.test", "app.bsky.feed.postgate"))


def test_what_stays_behind(desk: Desk) -> None:
    """Images and videos stay on their device, which is said with their alt texts; a draft of nothing else too."""
    image = {"localRef": {"path": "image:1"}, "alt": "The sun"}
    video = {"localRef": {"path": "video:1"}}
    app = App(desk.sky)
    app.write(text("With images", embedImages=[image, image]), text("", embedVideos=[video]), deviceName="Pixel")
    app.write(text("", embedGallery={"items": [{"$type": f"{NSID}.defs#draftEmbedImage", **image}]}))
    app.write(text("x" * 700))
    drafts = {draft.text: draft for draft in desk.sky.drafts.pull()}
    assert {"With images": "pulled", "": "empty", "x" * 700: "pulled"} == {
        name: draft.action for name, draft in drafts.items()
    }
    assert (
        "Post 1: 2 images stay on Pixel (alt text: The sun; The sun); add the files when you edit it.",
        "Post 2: 1 video stays on Pixel; add the files when you edit it.",
        "Post 2 holds no text, so it is left out.",
    ) == drafts["With images"].notes
    long = drafts["x" * 700].post_id
    assert long
    assert 3 == len(desk.sky.posts.get(long).post.prepared["records"])


def test_one_that_is_wrong(desk: Desk) -> None:
    """A draft that cannot be posted is told, and stops no other."""
    app = App(desk.sky)
    app.write(text("fine"))
    app.write(text("wrong\0"))
    drafts = {draft.text: draft for draft in desk.sky.drafts.pull()}
    assert ("pulled", "wrong") == (drafts["fine"].action, drafts["wrong\0"].action)
    error = drafts["wrong\0"].error
    assert error is not None
    assert 2 == error.exit_code


def test_killed_in_between(desk: Desk) -> None:
    """A pull that ended before it noted what it had done adds nothing twice."""
    app = App(desk.sky)
    app.write(text("one"))
    desk.sky.drafts.pull()
    with desk.sky.context.store.writing() as tx:
        tx.select(desk.sky.context.store.database.translate("DELETE FROM app_draft"), {})
    assert {"one": "updated"} == pulled(desk.sky)
    assert {"one": "unchanged"} == pulled(desk.sky)
    assert 1 == len(desk.sky.posts.list(states=("draft",)))


PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return inner | st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)


JSON = nested(nested(PLAIN))
NAMES = ("posts", "langs", "threadgateAllow", "postgateEmbeddingRules", "deviceName")
POST_NAMES = ("text", "labels", "embedImages", "embedGallery", "embedVideos", "embedExternals", "embedRecords")


@given(
    st.dictionaries(st.sampled_from(NAMES), JSON),
    st.lists(st.dictionaries(st.sampled_from(POST_NAMES), JSON), max_size=3),
)
def test_anything(draft: dict[str, Any], posts: list[dict[str, Any]]) -> None:
    """A draft may hold anything: reading it never fails."""
    for whole in ({**draft, "posts": posts}, draft):
        read = read_app_draft({"id": "x", "draft": whole})
        assert "x" == read.id


def environment(folder: Path, url: str, handle: str, password: str) -> dict[str, str]:
    return config_for(folder, url, BLUESKY_HANDLE=handle, BLUESKY_APP_PASSWORD=password)


def test_command(desk: Desk) -> None:
    """The command line tells each draft; with --json as an array of objects."""
    with Sandbox() as box:
        alice = box.account("alice.test")
        environ = environment(desk.base / "shell", box.url, alice.handle, alice.app_password)
        with Skywrite(config=load_config(environ)) as sky:
            App(sky).write(text("From the app", embedVideos=[{"localRef": {"path": "video:1"}}]))
        told = skywrite("drafts", "pull", environ=environ)
        assert 0 == told.returncode, told.stderr.decode()
        assert "pulled     draft 1     From the app\n" in told.stdout.decode()
        assert "Post 1: 1 video stays on the device that it was written on" in told.stderr.decode()
        (report,) = json.loads(skywrite("drafts", "pull", "--json", environ=environ).stdout)
        assert ("unchanged", 1, "From the app") == (report["action"], report["id"], report["text"])


@pytest.mark.network
def test_on_the_reference_network(network: Network, tmp_path: Path) -> None:
    """The account's server passes the question on to the AppView by itself, and its answer is understood."""
    account = network.create_account()
    environ = environment(tmp_path, network.url, account.handle, account.app_password)
    environ["SKYWRITE_PLC_URL"] = network.plc_url
    network.settle()
    with Skywrite(config=load_config(environ)) as sky:
        App(sky).write(text("From the app"), text("and more"))
        assert {"From the app": "pulled"} == pulled(sky)
        assert {"From the app": "unchanged"} == pulled(sky)


def test_forms() -> None:
    """A report has one form for scripts."""
    draft = PulledDraft("3k", "pulled", "Hello", 1, ("note",))
    assert {
        "draft": "3k",
        "action": "pulled",
        "id": 1,
        "text": "Hello",
        "notes": ["note"],
        "warnings": [],
        "notices": [],
        "error": None,
    } == jsonable(pulled_shape(draft), str)
