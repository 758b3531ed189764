"""`skywrite sync FOLDER`: the queue is what the folder says, whatever happens to files, posts and the sync itself."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from skywrite.app.drafting import Drafting
from skywrite.app.shapes.imports import file_shape
from skywrite.app.shapes.jsonable import jsonable
from skywrite.core.errors import SkywriteError
from skywrite.features.folders.store import SyncStore
from skywrite.posting.sources import marking
from skywrite.queue.model import Slot
from tests.support.desk import LATER, NOON, Desk, post_text
from tests.support.errors import fails


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def image() -> bytes:
    """A small PNG."""
    from PIL import Image

    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, "PNG")
    return data.getvalue()


def test_new_changed_and_gone(desk: Desk) -> None:
    """New files are scheduled, changed ones edited, those that are gone cancelled, and the rest left alone."""
    desk.write(a=post_text("one"), b=post_text("two", LATER + timedelta(hours=1)))
    assert {"a": "scheduled", "b": "scheduled"} == desk.actions()
    assert {"a": "unchanged", "b": "unchanged"} == desk.actions()
    desk.write(a=post_text("one, mended"), c=post_text("three", LATER + timedelta(hours=2)))
    (desk.folder / "b.md").unlink()
    assert {"a": "edited", "b": "cancelled", "c": "scheduled"} == desk.actions()
    assert ["one, mended", "three"] == desk.waiting()


def test_time_and_zone(desk: Desk) -> None:
    """A changed time moves the post; a time without a zone is one of the account's zone, or of the file's own."""
    desk.sky.accounts.set("alice.test", {"zone": "Europe/Berlin"})
    desk.write(a="---\nat: 2026-12-01 09:00\n---\nx", b="---\nat: 2026-12-01 09:00\nzone: Asia/Tokyo\n---\ny")
    hours = {name: report.due_at.hour for name, report in desk.sync().items() if report.due_at}
    assert {"a": 8, "b": 0} == hours
    desk.write(a="---\nat: 2026-12-01 19:00\n---\nx")
    due_at = desk.sync()["a"].due_at
    assert due_at is not None
    assert 18 == due_at.hour


def test_published_is_left_alone(desk: Desk) -> None:
    """A published post stays as it is, whether its file is changed, removed, or put back."""
    desk.write(a=post_text("one"))
    desk.sync()
    desk.clock.set(LATER)
    desk.sky.run_once()
    assert ["published"] == list(desk.actions().values())
    desk.write(a=post_text("one, changed too late"))
    changed = desk.sync()["a"]
    assert ("published", 1) == (changed.action, len(changed.warnings))
    assert () == desk.sync()["a"].warnings
    (desk.folder / "a.md").unlink()
    assert {"a": "published"} == desk.actions()
    desk.write(a=post_text("one"))
    assert {"a": "published"} == desk.actions()
    desk.sky.run_once()
    assert ["one"] == desk.published()


def test_gone_and_back(desk: Desk) -> None:
    """A file that was removed and put back is scheduled again, under the same key, and goes out once."""
    desk.write(a=post_text("one"))
    first = desk.sync()["a"]
    (desk.folder / "a.md").unlink()
    desk.sync()
    desk.write(a=post_text("one"))
    again = desk.sync()["a"]
    assert ("scheduled", True) == (again.action, first.id != again.id)
    desk.clock.set(LATER)
    desk.sky.run_once()
    assert ["one"] == desk.published()


def test_renamed(desk: Desk) -> None:
    """A file that is renamed keeps its post: by what is in it, or by its own key even when it is changed too."""
    desk.write(a=post_text("one"), b=post_text("two", key="second"))
    desk.sync()
    desk.clock.set(LATER)
    desk.sky.run_once()
    (desk.folder / "a.md").rename(desk.folder / "z.md")
    (desk.folder / "b.md").unlink()
    desk.write(y=post_text("two, changed", LATER + timedelta(hours=1), key="second"))
    assert {"y": "published", "z": "published"} == desk.actions()
    desk.sky.run_once()
    assert ["one", "two"] == sorted(desk.published())


def test_a_renamed_folder(desk: Desk) -> None:
    """A folder that has another name keeps its posts, too, whatever became of their files."""
    desk.write(
        a=post_text("one"),
        b=post_text("two", LATER + timedelta(days=1)),
        c=post_text("three", LATER + timedelta(days=2)),
    )
    desk.sync()
    desk.clock.set(LATER)
    desk.sky.run_once()
    desk.folder = desk.folder.rename(desk.base / "articles")
    (desk.folder / "b.md").rename(desk.folder / "z.md")
    desk.write(c=post_text("three, changed", LATER + timedelta(days=2)))
    assert {"a": "published", "c": "edited", "z": "unchanged"} == desk.actions()
    assert (["one"], ["two", "three, changed"]) == (desk.published(), desk.waiting())


def test_a_folder_beside_another(desk: Desk) -> None:
    """A folder with the files of another one that is still there takes none of its posts."""
    desk.write(a=post_text("one"))
    desk.sync()
    shutil.copytree(desk.folder, desk.base / "copy")
    (desk.base / "copy" / "a.md").rename(desk.base / "copy" / "b.md")
    [report] = desk.sky.folders.sync(desk.base / "copy")
    assert ("scheduled", {"a": "unchanged"}) == (report.action, desk.actions())


def test_cancelled_by_hand(desk: Desk) -> None:
    """A post that was cancelled by hand stays cancelled until its file changes."""
    desk.write(a=post_text("one"))
    number = desk.sync()["a"].id
    assert number is not None
    desk.sky.posts.cancel(number)
    assert {"a": "unchanged"} == desk.actions()
    assert [] == desk.waiting()
    desk.write(a=post_text("one, after all"))
    assert {"a": "scheduled"} == desk.actions()
    assert ["one, after all"] == desk.waiting()


def test_missed(desk: Desk) -> None:
    """A file whose time was over by more than its grace when it was first seen is told, and not queued."""
    desk.write(
        old=post_text("old", NOON - timedelta(days=30)),
        late=post_text("late", NOON - timedelta(hours=3)),
        wanted=post_text("wanted", NOON - timedelta(days=2), late="publish"),
        strict=post_text("strict", NOON - timedelta(hours=1), late="skip:30m"),
    )
    assert {"old": "missed", "late": "scheduled", "wanted": "scheduled", "strict": "missed"} == desk.actions()
    desk.sky.run_once()
    assert ["late", "wanted"] == sorted(desk.published())


def test_slots(desk: Desk) -> None:
    """Files without a time take the account's next free slots in the order of their names, and keep them."""
    desk.sky.accounts.set_slots("alice.test", [Slot(day, 9 * 60, "UTC") for day in range(7)])
    desk.write(b=post_text("two", None), a=post_text("one", None))
    first = {name: report.due_at for name, report in desk.sync().items()}
    assert [NOON + timedelta(hours=21), NOON + timedelta(hours=45)] == [first["a"], first["b"]]
    desk.write(a=post_text("one, mended", None))
    assert first["a"] == desk.sync()["a"].due_at


@pytest.mark.parametrize("verb", ["add_synced", "replace_synced"])
def test_a_slot_that_is_taken_meanwhile(desk: Desk, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that is overtaken between looking and storing takes the next slot, and the files after it others."""
    desk.sky.accounts.set_slots("alice.test", [Slot(day, 9 * 60, "UTC") for day in range(7)])
    desk.write(a=post_text("one", key="old"))
    if verb == "replace_synced":
        desk.sync()
    desk.write(a=post_text("one", None, key="new"), b=post_text("two", None))
    store = getattr(SyncStore, verb)

    def overtaken(*values: Any) -> Any:
        monkeypatch.setattr(SyncStore, verb, store)
        with desk.another() as quick:
            quick.schedule("Quick")
        return store(*values)

    monkeypatch.setattr(SyncStore, verb, overtaken)
    told = {name: report.due_at for name, report in desk.sync().items()}
    slots = [NOON + timedelta(hours=hours) for hours in (21, 45, 69)]
    stored = [entry.post.due_at for entry in desk.sky.posts.list()]
    assert ({"a": slots[1], "b": slots[2]}, slots) == (told, stored)


def test_wrong_file(desk: Desk) -> None:
    """A file that is broken is reported and its post stays as it was; all others go on."""
    desk.write(a=post_text("one"))
    desk.sync()
    desk.write(a="---\nat: someday\n---\none", b=post_text("two"), c=post_text("x" * 301))
    reports = desk.sync()
    assert {"a": "wrong", "b": "scheduled", "c": "wrong"} == {name: report.action for name, report in reports.items()}
    assert 2 == reports["a"].line
    assert ["one", "two"] == sorted(desk.waiting())


def test_a_surprise_in_one_file_stops_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any error while one file is taken in is that file's, and the others are scheduled."""
    desk.write(a="---\nimages: [{path: [sun.png]}]\n---\nx", b=post_text("good"), c=post_text("surprise"))
    make = Drafting.prepare

    def prepare(self: Any, draft: Any, *rest: Any, **options: Any) -> Any:
        if draft.text == "surprise":
            raise TypeError("x")
        return make(self, draft, *rest, **options)

    monkeypatch.setattr(Drafting, "prepare", prepare)
    reports = desk.sync()
    assert {"a": "wrong", "b": "scheduled", "c": "wrong"} == {name: one.action for name, one in reports.items()}
    assert "skywrite.bug" == (reports["c"].error and reports["c"].error.code)


def test_a_file_that_cannot_be_marked_stops_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps a file from being marked is a warning about that file, whose post is published."""
    desk.write(a=post_text("one"), b=post_text("two"))
    desk.sync()
    desk.clock.advance(timedelta(days=1, hours=1).total_seconds())
    desk.sky.run_once()
    mark = marking.mark_published

    def refuse(file: Path, uri: str) -> None:
        if file.name == "a.md":
            raise PermissionError(13, "Permission denied")
        mark(file, uri)

    monkeypatch.setattr(marking, "mark_published", refuse)
    reports = desk.sync(mark=True)
    assert ("published", "published") == (reports["a"].action, reports["b"].action)
    assert "could not be marked: Permission denied. Write published: at://" in reports["a"].warnings[0]
    assert (False, True) == tuple("published: at://" in (desk.folder / f"{name}.md").read_text() for name in "ab")


def test_images(desk: Desk) -> None:
    """Images count from the file's folder, in the head or as a line of their own; another image is an edit."""
    (desk.folder / "art").mkdir()
    (desk.folder / "art" / "sun.png").write_bytes(image())
    (desk.folder / "sub").mkdir()
    (desk.folder / "sub" / "b.md").write_text(post_text("![The sun](../art/sun.png)\n\nGood morning"))
    desk.write(a=f"---\nat: {LATER:%Y-%m-%d %H:%M} UTC\nimages:\n  - path: art/sun.png\n    alt: The sun\n---\nHello")
    desk.sync()
    desk.clock.set(LATER)
    desk.sky.run_once()
    assert {"Hello": ("The sun",), "Good morning": ("The sun",)} == {
        post.text: post.images for post in desk.box.posts("alice.test")
    }
    (desk.folder / "c.md").write_text(post_text("![x](art/sun.png)", LATER + timedelta(days=1)))
    desk.sync()
    (desk.folder / "art" / "sun.png").write_bytes(image() + b"\0")
    assert "edited" == desk.actions()["c"]


def test_thread_and_gates(desk: Desk) -> None:
    """Lines of --- part a thread; the fields of the front matter are those of a draft."""
    desk.write(a=post_text("one\n\n---\n\ntwo\n\n---\nthree", replies="nobody", quotes="no", langs="no"))
    desk.sync()
    desk.clock.set(LATER)
    desk.sky.run_once()
    posts = desk.box.posts("alice.test")
    assert ["one", "two", "three"] == [post.text for post in posts]
    assert [None, posts[0].uri, posts[1].uri] == [post.reply_to for post in posts]
    assert {("no",)} == {post.langs for post in posts}
    assert 1 == len(desk.box.records("alice.test", "app.bsky.feed.threadgate"))


def test_drafts_and_marks(desk: Desk) -> None:
    """A file that says it is a draft, or is marked as published, is not posted; `mark` writes the mark."""
    desk.write(a=post_text("one", draft="yes"), b=post_text("two", published="at://x"), c=post_text("three"))
    assert {"a": "draft", "b": "published", "c": "scheduled"} == desk.actions()
    desk.clock.set(LATER)
    desk.sky.run_once()
    desk.sync(mark=True)
    uri = desk.box.posts("alice.test")[0].uri
    assert f"---\npublished: {uri}\nat:" == (desk.folder / "c.md").read_text()[: len(uri) + 19]
    assert {"a": "draft", "b": "published", "c": "published"} == desk.actions(mark=True)
    desk.write(a=post_text("one"))
    desk.sync()
    desk.write(a=post_text("one", draft="yes"))
    assert "cancelled" == desk.actions()["a"]


def test_keys_of_others(desk: Desk) -> None:
    """A key that a post from elsewhere has is refused, and two files with one key are told apart."""
    desk.sky.schedule("by hand", at=LATER, key="mine")
    desk.write(a=post_text("one", key="mine"), b=post_text("two", key="k"), c=post_text("three", key="k"))
    reports = desk.sync()
    assert {"a": "wrong", "b": "scheduled", "c": "wrong"} == {name: report.action for name, report in reports.items()}
    error = reports["a"].error
    assert error is not None
    assert "post_key.taken" == error.code
    assert ["by hand", "two"] == sorted(desk.waiting())


def test_folder_is_missing(desk: Desk) -> None:
    """A folder that is not there is an error, and cancels nothing."""
    desk.write(a=post_text("one"))
    desk.sync()
    desk.folder.rename(desk.base / "elsewhere")
    with fails("folder.unreadable"):
        desk.sync()
    assert ["one"] == desk.waiting()


def test_no_prune(desk: Desk) -> None:
    """Without pruning, the posts of files that are gone stay."""
    desk.write(a=post_text("one"))
    desk.sync()
    (desk.folder / "a.md").unlink()
    assert {"a": "kept"} == desk.actions(prune=False)
    assert ["one"] == desk.waiting()
    assert {"a": "cancelled"} == desk.actions()


def test_another_account(desk: Desk) -> None:
    """A file that names another account moves there; one that names an unknown account is wrong."""
    bob = desk.box.account("bob.test")
    desk.sky.accounts.login(bob.handle, bob.app_password, pds=desk.box.url)
    desk.write(a=post_text("one"))
    desk.sync()
    desk.write(a=post_text("one", account="'@bob.test'"), b=post_text("two", account="eve.test"))
    assert {"a": "scheduled", "b": "wrong"} == desk.actions()
    assert ["bob.test"] == [entry.account.handle for entry in desk.sky.posts.list(states=("scheduled",))]


def test_memory_lost(desk: Desk) -> None:
    """A queue whose memory of the folder is gone finds its posts by their keys, and brings them up to the files."""
    desk.write(a=post_text("one"))
    desk.sync()
    with desk.sky.context.store.writing() as tx:
        tx.select(desk.sky.context.store.database.translate("DELETE FROM folder_file"), {})
    desk.write(a=post_text("one, mended"))
    assert {"a": "edited"} == desk.actions()
    assert {"a": "unchanged"} == desk.actions()
    assert ["one, mended"] == desk.waiting()


def test_races(desk: Desk) -> None:
    """Syncs of one folder by many processes at once leave each post once."""
    desk.write(**{f"f{number}": post_text(f"post {number}") for number in range(6)})
    errors: list[BaseException] = []

    def sync() -> None:
        try:
            with desk.another() as sky:
                sky.folders.sync(desk.folder)
        except SkywriteError as error:
            errors.append(error)

    for _ in range(2):
        threads = [threading.Thread(target=sync) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        desk.write(f1=post_text("post 1"), f2=post_text("post 2, mended"), f6=post_text("post 6"))
        (desk.folder / "f0.md").unlink(missing_ok=True)
    sync()
    assert [] == errors
    assert ["post 1", "post 2, mended", "post 3", "post 4", "post 5", "post 6"] == sorted(desk.waiting())


TEXTS = st.sampled_from(["one", "two", "three"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from("abc"), TEXTS),
        st.tuples(st.just("remove"), st.sampled_from("abc"), st.just("")),
        st.tuples(st.just("rename"), st.sampled_from("abc"), st.sampled_from("def")),
        st.tuples(st.just("sync"), st.just(""), st.just("")),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
@example([("write", "c", "one"), ("sync", "", ""), ("rename", "c", "d"), ("sync", "", ""), ("write", "c", "one")])
def test_any_edits_end_in_the_folder(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    """Whatever is done to the files, and whenever it is synced: the queue ends as the folder says."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    try:
        for number, (verb, name, value) in enumerate(steps):
            path = desk.folder / f"{name}.md"
            if verb == "write":
                path.write_text(post_text(f"{value} {number}"))
            elif verb == "remove":
                path.unlink(missing_ok=True)
            elif verb == "rename" and path.exists():
                path.rename(desk.folder / f"{value}.md")
            elif verb == "sync":
                desk.sync()
        desk.sync()
        files = sorted(path.read_text().rpartition("---\n")[2].strip() for path in desk.folder.glob("*.md"))
        assert files == sorted(desk.waiting())
        assert {"unchanged"} >= set(desk.actions().values())
    finally:
        desk.close()


def test_json_of_a_report(desk: Desk) -> None:
    """A report has one form for scripts."""
    desk.write(a=post_text("one"))
    report = jsonable(file_shape(desk.sync()["a"]), str)
    assert {
        "file": "a.md",
        "action": "scheduled",
        "id": 1,
        "due_at": "2026-11-25T12:00:00.000Z",
        "uri": None,
        "line": None,
        "warnings": [],
        "notices": [],
        "error": None,
    } == json.loads(json.dumps(report))
