"""`sync`, `import` and `approve` are killed at each point: run again, each post is there once, as it should be."""

from __future__ import annotations

from pathlib import Path

from tests.crash.killing import Ended
from tests.crash.test_killed_commands import EARLY, Desk, queue

__all__ = ["queue"]


def write(folder: Path, **texts: str) -> None:
    """Files of posts that go out early, however late it is."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(f"---\nat: {EARLY.isoformat()}\nlate: publish\n---\n{text}\n")


def waiting(desk: Desk, source: str) -> list[str]:
    """The texts that wait, from one source."""
    return sorted(post.text for post in desk.sky.context.store.listing.all_posts(("scheduled",), source=source))


def test_a_killed_sync_is_made_good_by_the_next(queue: Desk) -> None:
    """A file that is new, one that changed and one that is gone: each post is old or new, and then as the folder is."""
    texts: list[str] = []

    def once(point: int) -> Ended:
        folder = queue.folder / f"posts{point}"
        write(folder, **{f"changed{point}": f"Old {point}", f"gone{point}": f"Gone {point}"})
        queue.sky.folders.sync(folder)
        write(folder, **{f"changed{point}": f"Changed {point}", f"new{point}": f"New {point}"})
        (folder / f"gone{point}.md").unlink()
        ended = queue.run("sync", folder, point=point)
        source = f"folder:{folder.resolve()}"
        left = set(waiting(queue, source))
        assert len(left & {f"Old {point}", f"Changed {point}"}) == 1
        assert left <= {f"{word} {point}" for word in ("Old", "Changed", "Gone", "New")}
        queue.sky.folders.sync(folder)
        texts.extend(expected := [f"Changed {point}", f"New {point}"])
        assert expected == waiting(queue, source)
        return ended

    queue.until_it_survives(once)
    assert sorted(texts) == queue.publish_all()


def test_a_killed_import_is_made_good_by_the_next(queue: Desk) -> None:
    """Nothing of a table is there or all of it, and importing it again adds what is missing and nothing twice."""
    texts: list[str] = []

    def once(point: int) -> Ended:
        table = queue.folder / f"table{point}.csv"
        rows = [f"Row {point}.{number}" for number in range(3)]
        table.write_text("at,late,text\n" + "".join(f"{EARLY.isoformat()},publish,{row}\n" for row in rows))
        ended = queue.run("import", table, point=point)
        stored = [post.text for post in queue.sky.context.store.listing.all_posts(("scheduled",)) if post.text in rows]
        assert sorted(stored) in ([], rows)
        again = queue.run("import", table, point=0)
        assert 0 == again.code, again.printed
        texts.extend(rows)
        return ended

    queue.until_it_survives(once)
    assert sorted(texts) == queue.publish_all()


def test_a_killed_approval_is_whole_or_did_not_happen(queue: Desk) -> None:
    """What was reported as approved is, and goes out once; what was not approved stays."""
    queue.sky.accounts.set("alice.test", {"approval": "all"})
    approved: list[str] = []
    missing: list[str] = []

    def once(point: int) -> Ended:
        text = f"Wait {point}"
        post_id = queue.add(text)
        digest = queue.sky.approvals.look(post_id).digest
        ended = queue.run("approve", post_id, "--confirm", digest, "--by", "Ann", point=point)
        is_wanted = queue.sky.approvals.is_wanted(post_id)
        (missing if is_wanted else approved).append(text)
        assert not (is_wanted and f"Post {post_id} is approved" in ended.printed)
        return ended

    queue.until_it_survives(once)
    assert approved and missing
    assert sorted(approved) == queue.publish_all()
