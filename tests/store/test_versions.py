"""Each change carries the version that it was made from: nobody overwrites what somebody else changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from skywrite.features.folders.store import SyncedFile, SyncStore
from skywrite.queue.model import ChangedMeanwhile, Changes, Failed, Post, Published
from skywrite.queue.store import Store
from tests.support.stored import ALICE, PROBLEM, claimed, later, post, take

Change = Callable[[Store, Post], Post]

CHANGES: dict[str, Change] = {
    "edit": lambda store, seen: store.posts.edit(seen.id, Changes(draft={"text": "new"}), version=seen.version),
    "move": lambda store, seen: store.posts.move(seen.id, later(60), version=seen.version),
    "hold": lambda store, seen: store.posts.hold(seen.id, version=seen.version),
    "cancel": lambda store, seen: store.posts.cancel(seen.id, version=seen.version),
}
every_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())


def waiting(store: Store) -> Post:
    """A post that is scheduled."""
    return store.posts.get(store.posts.add([post()])[0].id)


def held(store: Store) -> Post:
    """A post that is held."""
    return store.posts.hold(waiting(store).id)


def failed(store: Store) -> Post:
    """A post that was refused."""
    seen = waiting(store)
    store.claims.settle(claimed(store, take()), Failed(PROBLEM))
    return store.posts.get(seen.id)


@every_change
def test_a_change_of_what_was_seen_is_made(store: Store, change: Change) -> None:
    """With the version that was read, a change is made, and the version goes up."""
    seen = waiting(store)
    assert seen.version + 1 == change(store, seen).version


@every_change
def test_a_change_made_from_an_older_version_clashes(store: Store, change: Change) -> None:
    """Somebody has moved the post since: nothing is changed, and the error says how it is now."""
    seen = waiting(store)
    moved = store.posts.move(seen.id, later(3600))
    with pytest.raises(ChangedMeanwhile, match="changed meanwhile; it is scheduled now"):
        change(store, seen)
    assert moved == store.posts.get(seen.id)


def test_a_hold_is_not_undone_by_an_edit_that_was_prepared_before(store: Store) -> None:
    """An edit takes seconds to prepare; a post that is held meanwhile stays held, with its text."""
    seen = waiting(store)
    store.posts.hold(seen.id)
    with pytest.raises(ChangedMeanwhile):
        store.posts.edit(seen.id, Changes(draft={"text": "new"}, due_at=seen.due_at), version=seen.version)
    assert ("held", "Hello") == (store.posts.get(seen.id).state, store.posts.get(seen.id).text)


def test_release_and_retry_carry_a_version_too(store: Store) -> None:
    """A held post is released, and a failed one retried, only as they were seen."""
    for seen, again in ((held(store), store.posts.release), (failed(store), store.posts.retry)):
        store.posts.edit(seen.id, Changes(draft={"text": "other"}))
        with pytest.raises(ChangedMeanwhile):
            again(seen.id, version=seen.version)
        assert seen.state == store.posts.get(seen.id).state
        again(seen.id, version=seen.version + 1)
        assert "scheduled" == store.posts.get(seen.id).state
        store.posts.cancel(seen.id)


def test_a_file_does_not_overwrite_what_was_changed_by_hand_meanwhile(store: Store) -> None:
    """The sync of a folder prepares for seconds as well."""
    file = SyncedFile("posts", "a.md", ALICE, "file:a.md", "digest")
    seen = store.posts.get(SyncStore(store).add_synced(file, post(key="file:a.md", source="folder:posts")).id)
    store.posts.hold(seen.id)
    with pytest.raises(ChangedMeanwhile):
        now = file._replace(post_id=seen.id, digest="new")
        SyncStore(store).edit_synced(now, Changes(draft={"text": "new"}), "digest", version=seen.version)
    assert ["digest"] == [one.digest for one in SyncStore(store).synced_files("posts")]


def test_workers_count_as_somebody(store: Store) -> None:
    """Each step of an attempt makes another version, so that a page that shows an older one is out of date."""
    versions = [waiting(store).version]
    claim = claimed(store, take())
    versions.append(store.posts.get(1).version)
    store.claims.freeze(claim, "again")
    versions.append(store.posts.get(1).version)
    store.claims.settle(claim, Published("at://did:plc:alice/app.bsky.feed.post/3kroot", "bafypost"))
    versions.append(store.posts.get(1).version)
    assert [1, 2, 3, 4] == versions
