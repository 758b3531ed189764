"""Files and their posts change together: added once, edited by one sync at a time, dropped with their keys."""

from __future__ import annotations

from skywrite.features.folders.store import STALE, SyncedFile, SyncStore
from skywrite.queue.model import Changes, Published
from skywrite.queue.store import Store
from tests.support.errors import fails
from tests.support.stored import ALICE, BOB, claimed, later, post

SOURCE = "folder:blog"


def file(path: str = "a.md", digest: str = "1", key: str = "", did: str = ALICE) -> SyncedFile:
    return SyncedFile("blog", path, did, key or f"file:{path}", digest)


def add(store: Store, synced: SyncedFile, text: str = "Hello") -> SyncedFile:
    """A file with its post; as the store lists it."""
    SyncStore(store).add_synced(synced, post(text, did=synced.account_did, key=synced.key, source=SOURCE))
    return next(known for known in SyncStore(store).synced_files("blog") if known.path == synced.path)


def test_added_once(store: Store) -> None:
    """A file that is known adds nothing, and is listed with the state of its post."""
    first = add(store, file())
    again = SyncStore(store).add_synced(file(digest="2"), post("Other", key="file:a.md", source=SOURCE))
    assert (first.post_id, True) == again[:2]
    assert [file()._replace(post_id=first.post_id, due_at=later(0))] == SyncStore(store).synced_files("blog")
    assert [] == SyncStore(store).synced_files("elsewhere")


def test_key_of_this_folder(store: Store) -> None:
    """A post of this folder whose file was forgotten is found by its key, and known to be stale."""
    known = store.posts.add([post("Hello", key="file:a.md", source=SOURCE)])[0]
    assert (known.id, True) == SyncStore(store).add_synced(file(), post("New", key="file:a.md", source=SOURCE))[:2]
    assert [STALE] == [synced.digest for synced in SyncStore(store).synced_files("blog")]


def test_key_of_others(store: Store) -> None:
    """A key of a post from elsewhere, or of another file, is refused, and nothing is stored."""
    store.posts.add([post("Hello", key="mine")])
    add(store, file("b.md", key="theirs"))
    for key in ("mine", "theirs"):
        with fails("post_key.taken"):
            SyncStore(store).add_synced(file(key=key), post("New", key=key, source=SOURCE))
    assert ["b.md"] == [synced.path for synced in SyncStore(store).synced_files("blog")]


def test_edited_by_one(store: Store) -> None:
    """Of two syncs that saw the same file, one edits the post; the other changes nothing."""
    known = add(store, file())
    edit = Changes(draft={"text": "First"})
    assert "First" == SyncStore(store).edit_synced(known._replace(digest="2"), edit, "1").text
    with fails("folder.busy"):
        SyncStore(store).edit_synced(known._replace(digest="3"), Changes(draft={"text": "Second"}), "1")
    assert ("First", "2") == (store.posts.get(known.post_id).text, SyncStore(store).synced_files("blog")[0].digest)


def test_published(store: Store) -> None:
    """A post that is being published is neither edited nor dropped; a published one is forgotten, and keeps its key."""
    known = add(store, file())
    claim = claimed(store)
    with fails("post.not_editable"):
        SyncStore(store).edit_synced(known._replace(digest="2"), Changes(draft={"text": "Late"}), "1")
    with fails("post.not_cancellable"):
        SyncStore(store).drop_synced(known)
    assert ["publishing"] == [synced.state for synced in SyncStore(store).synced_files("blog")]
    store.claims.settle(claim, Published("at://x/app.bsky.feed.post/1", "cid", ("1",)))
    SyncStore(store).drop_synced(known)
    again = add(store, file())
    assert (known.post_id, "published") == (again.post_id, again.state)


def test_dropped(store: Store) -> None:
    """A file that is gone takes its post and its key with it, once."""
    known = add(store, file())
    SyncStore(store).drop_synced(known)
    with fails("folder.busy"):
        SyncStore(store).drop_synced(known)
    old = store.posts.get(known.post_id)
    assert ("cancelled", None) == (old.state, old.key)
    assert known.post_id != add(store, file()).post_id


def test_dropped_after_a_change(store: Store) -> None:
    """A sync that saw the file before another changed it drops nothing."""
    known = add(store, file())
    SyncStore(store).note_synced(known._replace(digest="2"), "1")
    with fails("folder.busy"):
        SyncStore(store).drop_synced(known)
    assert "scheduled" == store.posts.get(known.post_id).state


def test_moved(store: Store) -> None:
    """A renamed file keeps its post; two names never share one."""
    known = add(store, file())
    add(store, file("b.md"))
    SyncStore(store).move_synced(file(), "blog", "c.md")
    for path, new_path in (("a.md", "d.md"), ("c.md", "b.md")):
        with fails("folder.busy"):
            SyncStore(store).move_synced(file(path), "blog", new_path)
    assert {"b.md", "c.md"} == {synced.path for synced in SyncStore(store).synced_files("blog")}
    assert known.post_id == next(
        synced.post_id for synced in SyncStore(store).synced_files("blog") if synced.path == "c.md"
    )


def test_replaced(store: Store) -> None:
    """For another account, the old post is cancelled and the new one stored, together or not at all."""
    known = add(store, file())
    moved = file(did=BOB, digest="2")
    result = SyncStore(store).replace_synced(known, moved, post("Hello", did=BOB, key="file:a.md", source=SOURCE))
    assert ("cancelled", "scheduled") == (store.posts.get(known.post_id).state, store.posts.get(result.id).state)
    assert [(BOB, result.id, "2")] == [
        (synced.account_did, synced.post_id, synced.digest) for synced in SyncStore(store).synced_files("blog")
    ]
    store.posts.add([post("Taken", key="taken")])
    back = file(key="taken", digest="3")
    with fails("post_key.taken"):
        SyncStore(store).replace_synced(
            SyncStore(store).synced_files("blog")[0], back, post("Hello", key="taken", source=SOURCE)
        )
    assert "scheduled" == store.posts.get(result.id).state


def test_account_removed(store: Store) -> None:
    """What is known of the files of an account goes with it."""
    store.posts.cancel(add(store, file()).post_id)
    add(store, file("b.md", did=BOB))
    store.accounts.remove(ALICE)
    assert ["b.md"] == [synced.path for synced in SyncStore(store).synced_files("blog")]
