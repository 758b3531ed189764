"""Build and freeze: records from drafts, whole threads with their CIDs, all without a network."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from skywrite.atproto.cid import cid_for_record
from skywrite.atproto.ref import Ref
from skywrite.bsky.embed import MixedMedia
from skywrite.bsky.limits import EmptyPost, TextTooLong
from skywrite.compose.build import Prepared, build
from skywrite.compose.draft import Card, Draft, Image, Media, Reply, Stored, Video
from skywrite.compose.freeze import Frozen, freeze, replace_blobs

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
RKEYS = [f"3kznmn7xqxl2{letter}" for letter in "2345"]
CID = "bafkreigwbf7s7ixsuv7mwuzqo57jjrbqrn3tej4xd3qje6envwwrs6rf4u"
OTHER = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
IMAGE = Image(Media(stored=Stored(CID, "image/png", 100, 4, 3)), "A cat")
VIDEO = Video(Media(stored=Stored(CID, "video/mp4", 100, 4, 3)))
POST = Ref(f"at://{DID}/app.bsky.feed.post/3kznmn7xqxl22", CID)


def frozen(draft: Draft, dids: dict[str, str | None] | None = None) -> Frozen:
    """The draft's writes at a fixed time."""
    prepared = build(draft, dids or {})
    return freeze(prepared, did=DID, rkeys=RKEYS, created_at=NOW)


def test_a_card_is_left_out_where_it_was_not_gathered() -> None:
    """The word "auto" alone makes no embed."""
    assert "embed" not in build(Draft("Hello https://example.com"), {}).records[0]


def test_each_kind_of_media_has_its_embed() -> None:
    """1-4 images are images, 5-10 a gallery, a video a video, a page an external."""
    drafts = {
        "app.bsky.embed.images": Draft(images=(IMAGE,) * 4),
        "app.bsky.embed.gallery": Draft(images=(IMAGE,) * 5),
        "app.bsky.embed.video": Draft(video=VIDEO),
        "app.bsky.embed.external": Draft(card=Card("https://example.com", "Title")),
        "app.bsky.embed.record": Draft(quote=POST),
        "app.bsky.embed.recordWithMedia": Draft(quote=POST, images=(IMAGE,)),
    }
    assert list(drafts) == [build(draft, {}).records[0]["embed"]["$type"] for draft in drafts.values()]


def test_images_and_a_video_do_not_mix() -> None:
    """Five images with a video: nothing is dropped silently."""
    with pytest.raises(MixedMedia) as caught:
        build(Draft("x", images=(IMAGE,) * 5, video=VIDEO), {})
    assert "5 images and a video" in caught.value.message


def test_an_error_in_a_thread_says_which_post() -> None:
    """Someone with ten posts must know which one is too long."""
    with pytest.raises(TextTooLong) as caught:
        build(Draft("fine", thread=(Draft("x" * 301),)), {})
    assert "Post 2 of 2: The text has 301" in caught.value.message


def test_empty_is_refused_unless_something_is_shown() -> None:
    """An image alone is a post; nothing is none."""
    assert "" == build(Draft(images=(IMAGE,)), {}).records[0]["text"]
    with pytest.raises(EmptyPost):
        build(Draft("  \n "), {})


def test_a_dead_mention_stays_plain_and_an_unknown_one_stays_pending() -> None:
    """None says that the handle does not exist; a handle that nobody could be asked about is looked up when sent."""
    draft = Draft("@dead.test and @later.test and @alice.test")
    prepared = build(draft, {"dead.test": None, "alice.test": DID})
    assert 1 == len(prepared.records[0]["facets"])
    assert ["later.test"] == [item.handle for item in prepared.pending]


def test_a_pending_mention_is_filled_in_when_frozen() -> None:
    """The facet takes its place among the others, in order."""
    prepared = build(Draft("@later.test https://example.com"), {})
    done = freeze(prepared, did=DID, rkeys=RKEYS, created_at=NOW, dids={"later.test": DID})
    features = [facet["features"][0]["$type"].rpartition("#")[2] for facet in done.writes[0].value["facets"]]
    assert ["mention", "link"] == features


def test_a_thread_is_linked_by_computed_cids() -> None:
    """Each post answers the one before it, and names the first as root."""
    done = frozen(Draft("one", thread=(Draft("two"), Draft("three"))))
    refs = [
        {"uri": f"at://{DID}/app.bsky.feed.post/{rkey}", "cid": write.cid}
        for rkey, write in zip(RKEYS, done.writes, strict=False)
    ]
    replies = [write.value.get("reply") for write in done.writes]
    assert [None, {"root": refs[0], "parent": refs[0]}, {"root": refs[0], "parent": refs[1]}] == replies
    assert [cid_for_record(write.value) for write in done.writes] == [write.cid for write in done.writes]


def test_a_thread_that_answers_keeps_the_root_of_the_conversation() -> None:
    """Its second post belongs to the same conversation as its first."""
    root = Ref("at://did:plc:other/app.bsky.feed.post/3kznmn7xqxl22", CID)
    done = frozen(Draft("one", reply_to=Reply(root, POST), thread=(Draft("two"),)))
    assert [root.as_dict(), root.as_dict()] == [write.value["reply"]["root"] for write in done.writes]


def test_gates_are_in_the_same_commit() -> None:
    """A threadgate for the root, a postgate for each post, with the keys of their posts."""
    done = frozen(Draft("one", replies=("nobody",), quotes=False, thread=(Draft("two"),)))
    expected = [
        ("app.bsky.feed.post", RKEYS[0]),
        ("app.bsky.feed.post", RKEYS[1]),
        ("app.bsky.feed.threadgate", RKEYS[0]),
        ("app.bsky.feed.postgate", RKEYS[0]),
        ("app.bsky.feed.postgate", RKEYS[1]),
    ]
    assert expected == [(write.collection, write.rkey) for write in done.writes]


def test_the_posts_of_a_thread_are_a_millisecond_apart() -> None:
    """So that everybody sorts them alike."""
    done = frozen(Draft("one", thread=(Draft("two"),)))
    expected = ["2026-11-24T09:00:00.000Z", "2026-11-24T09:00:00.001Z"]
    assert expected == [write.value["createdAt"] for write in done.writes]


def test_prepared_and_frozen_survive_the_database() -> None:
    """What is stored is what is sent."""
    draft = Draft("@later.test", images=(IMAGE,), replies=("mentioned",), quotes=False, langs=("de",))
    prepared = build(draft, {})
    assert prepared == Prepared.from_dict(prepared.to_dict())
    done = frozen(draft)
    assert done == Frozen.from_json(done.to_json())


def test_other_blobs_of_the_server_replace_ours_everywhere() -> None:
    """The video service may make another file: every CID that depends on it follows."""
    done = frozen(Draft("one", video=VIDEO, thread=(Draft("two"),)))
    answer: dict[str, Any] = {"$type": "blob", "ref": {"$link": OTHER}, "mimeType": "video/mp4", "size": 90}
    changed = replace_blobs(done, {CID: answer})
    assert OTHER == changed.writes[0].value["embed"]["video"]["ref"]["$link"]
    assert changed.writes[0].cid == changed.writes[1].value["reply"]["parent"]["cid"]
    assert [cid_for_record(write.value) for write in changed.writes] == [write.cid for write in changed.writes]
    assert [write.rkey for write in done.writes] == [write.rkey for write in changed.writes]


def test_the_same_blobs_change_nothing() -> None:
    """The usual answer leaves the frozen post as it is."""
    done = frozen(Draft("one", video=VIDEO))
    answer = {"$type": "blob", "ref": {"$link": CID}, "mimeType": "video/mp4", "size": 100}
    assert done == replace_blobs(done, {CID: answer})
