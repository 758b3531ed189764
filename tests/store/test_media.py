"""Stored bytes: kept once, read in pieces, dropped when nothing needs them."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.database import DiskFull
from skywrite.queue.media import ABOUT, CHUNK_BYTES, SPOOL_BYTES
from skywrite.queue.model import MediaInfo, NewMedia, Published
from skywrite.queue.sqlite import SqliteDatabase
from skywrite.queue.store import Store
from tests.support.errors import fails
from tests.support.media import media_of
from tests.support.stored import ALICE, OpenAt, OpenStore, claimed, media, post, raw, session

DAY = 86_400


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5])
def test_bytes_come_back(store: Store, size: int) -> None:
    """Bytes come back as they were, in pieces of at most 1 MiB, however they were handed over."""
    data = bytes(n % 251 for n in range(size))
    pieces = iter([data[start : start + 700_001] for start in range(0, size, 700_001)])
    assert MediaInfo("bafy", "video/mp4", size) == store.media.put(NewMedia("bafy", "video/mp4", size, pieces))
    read = list(store.media.read("bafy"))
    assert (data, True) == (b"".join(read), all(len(piece) <= CHUNK_BYTES for piece in read))


def test_same_bytes_are_kept_once(store: Store) -> None:
    """Bytes that are there are neither read nor stored again."""
    again = media(b"x", "bafy")
    store.media.put(media(b"x", "bafy"))
    store.media.put(again)
    assert ([b"x"], 1) == (list(again.pieces), raw(store, "SELECT count(*) AS n FROM media_chunk")[0]["n"])


def test_others_write_while_bytes_are_read(sqlite_address: str, home: Path, open_at: OpenAt) -> None:
    """A video on a slow share keeps nobody from the database, be it here or in another process."""
    store = open_at(sqlite_address)
    store.accounts.sign_in(session(ALICE))
    other = Store(SqliteDatabase(sqlite_address, busy_seconds=0.1), store.vault, store.clock)

    def slow_pieces() -> Iterator[bytes]:
        for number in range(3):
            other.posts.add([post(f"{number}")])
            yield bytes(SPOOL_BYTES)

    store.media.put(NewMedia("bafy", "video/mp4", 3 * SPOOL_BYTES, slow_pieces()))
    other.close()
    assert (3, 3 * SPOOL_BYTES) == (store.listing.count()["scheduled"], sum(map(len, store.media.read("bafy"))))


def test_two_that_store_the_same_bytes_at_once(store: Store, open_again: OpenStore) -> None:
    """They are kept once, and whole."""
    other = open_again()

    def overtaken() -> Iterator[bytes]:
        yield b"ab"
        other.media.put(media(b"abc", "bafy"))
        yield b"c"

    store.media.put(NewMedia("bafy", "image/png", 3, overtaken()))
    assert [b"abc"] == list(store.media.read("bafy"))


def test_no_room_for_bytes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as what it is, and nothing is stored."""

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", lambda *_, **__: Full())
    with pytest.raises(DiskFull, match="No space left"):
        store.media.put(media(b"x", "bafy"))
    assert None is store.media.info("bafy")


def test_wrong_size_is_refused(store: Store) -> None:
    """Bytes that break off before their announced size are not stored."""
    with pytest.raises(ValueError, match="has 1 bytes, not 2"):
        store.media.put(media(b"x", "bafy", size=2))
    assert None is store.media.info("bafy")


def test_unknown_bytes(store: Store) -> None:
    """Bytes that are not there are told before the first piece."""
    with fails("media.unknown", match="bafynone"):
        store.media.read("bafynone")


def test_media_with_its_post(store: Store) -> None:
    """A post and its media are stored together, and are known from the post."""
    post_id = store.posts.add([post(media=("bafyb", "bafya"))], media=[media(b"1", "bafya"), media(b"22", "bafyb")])[
        0
    ].id
    assert ["bafya", "bafyb"] == media_of(store, post_id)


def test_an_upload_is_each_uploaders_own(store: Store, clock: FakeClock) -> None:
    """Two who upload the same bytes both have them; who drops theirs takes nobody's, and both go with the bytes."""
    store.media.put(media(b"same"))
    about = [{**dict.fromkeys(ABOUT), "name": who} for who in ("key 1", "key 2")]
    for one in about:
        store.media.put_upload(one["name"], "bafymedia", one, share=one["name"])
    store.media.drop_upload("key 1", "bafymedia")
    assert ({}, {"bafymedia": about[1]}) == (store.media.uploads_by("key 1"), store.media.uploads_by("key 2"))
    assert {"key 2": about[1]} == store.media.uploads("bafymedia")
    clock.advance(2 * DAY)
    assert (1, {}) == (store.media.prune(), store.media.uploads_by("key 2"))


def test_what_uploads_take_is_counted_for_each_share(store: Store) -> None:
    """Only bytes that nothing needs count, once for all of a share, and for nobody else."""
    store.posts.add([post(media=("bafyused",))], media=[media(b"22", "bafyused")])
    store.media.put(media(b"333", "bafyfree"))
    for who, cid in (("key 1", "bafyused"), ("key 1", "bafyfree"), ("key 2", "bafyfree")):
        store.media.put_upload(who, cid, dict.fromkeys(ABOUT), share="key 1")
    assert (3, 0) == (store.media.unneeded_bytes("key 1"), store.media.unneeded_bytes("key 2"))


def test_prune_drops_what_nothing_needs(store: Store, clock: FakeClock) -> None:
    """After a day, bytes that no post needs are dropped; those of waiting posts stay for as long as they wait."""
    store.media.put(media(b"1", "bafyunused"))
    store.posts.add([post(media=("bafyused",))], media=[media(b"2", "bafyused")])
    assert 0 == store.media.prune()
    clock.advance(DAY + 1)
    dropped = store.media.prune()
    assert (1, None, b"2") == (dropped, store.media.info("bafyunused"), b"".join(store.media.read("bafyused")))


def test_storing_again_keeps_from_pruning(store: Store, clock: FakeClock) -> None:
    """Bytes that were handed over again lately are not pruned under the post that is about to need them."""
    store.media.put(media(b"1", "bafy"))
    clock.advance(DAY)
    store.media.put(media(b"1", "bafy"))
    clock.advance(60)
    assert (0, 1) == (store.media.prune(), len(store.posts.add([post(media=("bafy",))])))


def test_prune_drops_any_number(store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it takes a few at a time: links of finished posts, and files."""
    monkeypatch.setattr("skywrite.queue.media.LINKS_AT_ONCE", 2)
    monkeypatch.setattr("skywrite.queue.media.FILES_AT_ONCE", 3)
    names = [f"bafy{number}" for number in range(7)]
    store.posts.add([post(media=(name,)) for name in names], [media(b"x", cid=name) for name in names])
    for number in range(1, 8):
        store.posts.cancel(number)
    clock.advance(31 * 86_400)
    assert (7, []) == (store.media.prune(), [name for name in names if store.media.info(name)])


def test_prune_drops_what_was_published_long_ago(store: Store, clock: FakeClock) -> None:
    """Media of posts that were published a month ago are dropped, those of yesterday's stay."""
    store.posts.add([post(media=("bafy",))], media=[media(b"1", "bafy")])
    store.claims.settle(claimed(store), Published("at://a/b/c", "bafyc"))
    clock.advance(DAY * 29)
    early = store.media.prune()
    clock.advance(DAY * 2)
    assert (0, 1, []) == (early, store.media.prune(), media_of(store, 1))
