"""Build and freeze: records from drafts, whole threads with their CIDs, all without a network."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from skywrite.core.errors import InputError
from skywrite.posting.compose.build import PendingMention, Prepared, build, render
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.fields import Caption, Card, Image, Media, Reply, Stored, Video
from skywrite.posting.compose.freeze import Frozen, freeze, mention_handles, replace_blobs
from skywrite.protocol.atproto.cid import cid_for_record
from skywrite.protocol.atproto.syntax import Ref
from skywrite.protocol.bsky.post import FACET
from tests.support.errors import fails

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
    with fails("media.mixed") as caught:
        build(Draft("x", images=(IMAGE,) * 5, video=VIDEO), {})
    assert "5 images and a video" in caught.value.message


def test_an_error_in_a_thread_says_which_post() -> None:
    """Someone with ten posts must know which one is too long."""
    with fails("text.too_long") as caught:
        build(Draft("fine", thread=(Draft("x" * 301),)), {})
    assert "Post 2 of 2: The text has 301" in caught.value.message


def test_empty_is_refused_unless_something_is_shown() -> None:
    """An image alone is a post; nothing is none."""
    assert "" == build(Draft(images=(IMAGE,)), {}).records[0]["text"]
    with fails("post.empty"):
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


# The text of a post


def test_a_text_is_prepared_as_asked_for() -> None:
    """Tidying, Markdown, short links and mentions each can be turned off."""
    url = "https://example.com/a/very/long/path"
    text = f"\n[a](https://x.com) {url} @alice.test"
    plain = {"tidy": False, "markdown": False, "shorten": False, "mentions": False}
    shown = {name: build(Draft(text, **{**plain, name: True}), {"alice.test": DID}).records[0] for name in plain}
    assert {
        "tidy": f"[a](https://x.com) {url} @alice.test",
        "markdown": f"\na {url} @alice.test",
        "shorten": "\n[a](x.com) example.com/a/very/long/... @alice.test",
        "mentions": text,
    } == {name: record["text"] for name, record in shown.items()}
    kinds = {name: [kind_of(facet) for facet in record["facets"]] for name, record in shown.items()}
    assert ["link", "link", "mention"] == kinds["mentions"]
    assert ["link", "link"] == kinds["tidy"] == kinds["markdown"] == kinds["shorten"]


def test_how_a_text_is_prepared_by_default() -> None:
    """By default a text is tidied, Markdown links and mentions are links and mentions, and long links are short."""
    text = "\n[a](https://x.com) https://example.com/a/very/long/path @a.test"
    (record,) = build(Draft(text), {"a.test": DID}).records
    assert "a example.com/a/very/long/... @a.test" == record["text"]
    assert ["link", "link", "mention"] == [kind_of(facet) for facet in record["facets"]]


def kind_of(facet: Any) -> str:
    """The kind of a facet's first feature."""
    return str(facet["features"][0]["$type"].rpartition("#")[2])


def test_facets_of_the_caller() -> None:
    """Facets that the caller made are used as they are: nothing is detected, and no mention waits."""
    facets = ({"index": {"byteStart": 0, "byteEnd": 1}, "features": [{"$type": f"{FACET}#tag", "tag": "x"}]},)
    prepared = build(Draft("#a [b](https://x.com) @c.test", facets=facets, split=True), {})
    (record,) = prepared.records
    assert ("#a [b](https://x.com) @c.test", list(facets), ()) == (record["text"], record["facets"], prepared.pending)


def test_characters_are_checked_first() -> None:
    """NUL stops a draft before anything is made of its text."""
    with fails("text.invalid"):
        render(Draft("a\0b", facets=()))


def test_a_long_text_becomes_a_thread() -> None:
    """With `split`, a text becomes posts with numbers; languages and labels are on each, tags on the first."""
    draft = Draft("word " * 100, split=True, numbering="1/n", langs=("en",), labels=("porn",), tags=("t",))
    first, second = build(draft, {}).records
    assert (first["text"][-4:], second["text"][-4:]) == (" 1/2", " 2/2")
    assert [["en"]] * 2 == [record["langs"] for record in (first, second)]
    assert first["labels"] == second["labels"]
    assert (["t"], False) == (first["tags"], "tags" in second)
    with fails("text.too_long", match=r"^The text has"):
        build(draft._replace(split=False), {})


def test_mentions_that_wait_know_their_post() -> None:
    """Each mention that waits has the number of its post, its place in bytes, and its handle."""
    draft = Draft("é @a.test", thread=(Draft("word " * 60 + "@b.test", split=True), Draft("@c.test")))
    prepared = build(draft, {"c.test": None})
    assert (PendingMention(0, 3, 10, "a.test"), PendingMention(2, 0, 7, "b.test")) == prepared.pending
    assert ["a.test", "b.test"] == list(mention_handles(prepared))


@pytest.mark.parametrize(("posts", "fits"), [(100, True), (101, False)])
def test_the_longest_thread(posts: int, fits: bool) -> None:
    """A thread has at most a hundred posts."""
    draft = Draft("first", thread=(Draft("more"),) * (posts - 1))
    if fits:
        assert posts == len(build(draft, {}).records)
        return
    with pytest.raises(InputError, match="has 101 posts; the maximum is 100"):
        build(draft, {})


def test_gates_count_among_the_records() -> None:
    """A thread is one commit of at most two hundred records, gates included."""
    thread = (Draft("more"),) * 99
    prepared = build(Draft("first", thread=thread, quotes=False), {})
    assert (200, 1, 2, 101) == (
        prepared.writes(),
        build(Draft("x"), {}).writes(),
        build(Draft("x", replies=()), {}).writes(),
        build(Draft("first", thread=thread, replies=("mentioned",)), {}).writes(),
    )
    with pytest.raises(InputError, match="are 201 records; the maximum is 200"):
        build(Draft("first", thread=thread, quotes=False, replies=("nobody",)), {})


def test_who_may_reply_is_checked() -> None:
    """A rule that is none stops the draft, and a reply cannot have rules at all."""
    with fails("gate.invalid"):
        build(Draft("x", replies=("friends",)), {})
    with pytest.raises(InputError, match="A reply cannot set who may reply"):
        build(Draft("x", replies=("nobody",), reply_to=Reply(POST, POST)), {})


def test_a_reply_names_root_and_parent() -> None:
    """The first post of a draft replies to its parent."""
    root = Ref("at://did:plc:other/app.bsky.feed.post/3kznmn7xqxl22", CID)
    first, second = build(Draft("x", reply_to=Reply(root, POST), thread=(Draft("y"),)), {}).records
    assert ({"root": root.as_dict(), "parent": POST.as_dict()}, False) == (first["reply"], "reply" in second)
    with fails("reference.invalid"):
        build(Draft("x", reply_to=Reply(Ref("x", CID), POST)), {})


def test_values_that_no_record_has() -> None:
    """A number with a fraction has no place in a record, wherever the caller put it."""
    facet = {"index": {"byteStart": 0, "byteEnd": 1}, "features": [{"$type": "com.example.future", "size": 1.5}]}
    for draft in (Draft("x", embed={"$type": "com.example.future", "size": 1.5}), Draft("x", facets=(facet,))):
        with pytest.raises(InputError, match=r"1\.5"):
            build(draft, {})


# What is shown


@pytest.mark.parametrize(
    "draft",
    [
        Draft("x", quote="at://x"),
        Draft("x", reply_to="at://x"),
        Draft("x", images=(Image(Media(path="a.png")),)),
        Draft("x", video=Video(Media(path="a.mp4"))),
        Draft("x", video=VIDEO._replace(captions=(Caption("en", Media(path="a.vtt")),))),
        Draft("x", card=Card("https://example.com", thumb=Media(path="a.png"))),
    ],
)
def test_what_was_not_looked_up(draft: Draft) -> None:
    """A draft that still names files or links makes no record."""
    with fails("draft.unresolved"):
        build(draft, {})


@pytest.mark.parametrize(
    "fields", [{"images": (IMAGE,)}, {"video": VIDEO}, {"quote": POST}, {"card": Card("https://example.com", "Title")}]
)
def test_an_embed_of_the_caller(fields: dict[str, Any]) -> None:
    """An embed that the caller made is used as it is, and goes with nothing else."""
    ready = {"$type": "com.example.future", "a": 1}
    assert ready == build(Draft("x", embed=ready, card="auto"), {}).records[0]["embed"]
    with pytest.raises(InputError, match="either a ready-made embed, or media"):
        build(Draft("x", embed=ready, **fields), {})


def test_the_embed_of_a_video() -> None:
    """A video has its text, size and captions, and says if it plays as a GIF."""
    caption = Stored(OTHER, "text/vtt", 20)
    video = VIDEO._replace(alt="A cat", captions=(Caption("en", Media(stored=caption)),), gif=True)
    prepared = build(Draft("x", video=video), {})
    assert {
        "$type": "app.bsky.embed.video",
        "video": Stored(CID, "video/mp4", 100).blob(),
        "alt": "A cat",
        "aspectRatio": {"width": 4, "height": 3},
        "captions": [{"lang": "en", "file": caption.blob()}],
        "presentation": "gif",
    } == prepared.records[0]["embed"]
    assert (Stored(CID, "video/mp4", 100), caption) == prepared.blobs
    assert "presentation" not in build(Draft("x", video=VIDEO), {}).records[0]["embed"]


def test_the_embed_of_a_card() -> None:
    """A card has its texts, its image and the records of its page."""
    thumb = Stored(OTHER, "image/jpeg", 20, 4, 3)
    prepared = build(Draft("x", card=Card("https://example.com", "Title", "About", thumb, (POST,))), {})
    assert {
        "uri": "https://example.com",
        "title": "Title",
        "description": "About",
        "thumb": thumb.blob(),
        "associatedRefs": [POST.as_dict()],
    } == prepared.records[0]["embed"]["external"]
    assert (Stored(OTHER, "image/jpeg", 20),) == prepared.blobs


def test_media_are_uploaded_once() -> None:
    """Each of the media is named once, without its size in pixels."""
    draft = Draft("x", images=(IMAGE, IMAGE), thread=(Draft("y", images=(IMAGE,)),))
    assert (Stored(CID, "image/png", 100),) == build(draft, {}).blobs
    image = build(draft, {}).records[0]["embed"]["images"][0]
    assert ("A cat", {"width": 4, "height": 3}) == (image["alt"], image["aspectRatio"])


def test_a_card_is_on_the_post_that_has_its_link() -> None:
    """In a long text, the card goes to the post with its link; what else is shown goes to the first."""
    url = "https://example.com"
    text = "word " * 59 + url
    card = Card(url, "Title")
    for fields, holder in (({"card": card}, 1), ({"card": card._replace(url="https://other.example")}, 0)):
        records = build(Draft(text, split=True, **fields), {}).records
        assert [index == holder for index in range(2)] == ["embed" in record for record in records]
    for shown in ({"images": (IMAGE,)}, {"video": VIDEO}, {"quote": POST}):
        records = build(Draft(text, split=True, card=card, **shown), {}).records
        assert [True, False] == ["embed" in record for record in records]


# What is stored


def test_the_least_is_stored() -> None:
    """What a post does not have is not in its stored form."""
    prepared = build(Draft("x", card="none"), {})
    assert ["records"] == list(prepared.to_dict())
    done = frozen(Draft("x"))
    assert ["did", "writes"] == list(json.loads(done.to_json()))
    full = build(Draft("@later.test", images=(IMAGE,), replies=(), quotes=False), {}).to_dict()
    assert ([[0, 0, 11, "later.test"]], [], False, [[CID, "image/png", 100]]) == (
        full["pending"],
        full["replies"],
        full["quotes"],
        full["blobs"],
    )


def test_frozen_with_media_survive_the_database() -> None:
    """Whether the media were uploaded is kept with them."""
    done = frozen(Draft("x", images=(IMAGE,)))
    for one in (done, done._replace(uploaded=True), frozen(Draft("é"))):
        assert one == Frozen.from_json(one.to_json())
    assert '"uploaded":false' in done.to_json()
    assert '"text":"é"' in frozen(Draft("é")).to_json()
    assert (f"at://{DID}/app.bsky.feed.post/{RKEYS[0]}", done.writes[0].cid) == (done.uri, done.cid)
    gated = frozen(Draft("x", replies=(), quotes=False))
    assert (1, 3) == (len(gated.posts), len(gated.writes))


def test_gates_have_the_times_of_their_posts() -> None:
    """The gates of a post name it and were made with it; only the first has rules for replies."""
    done = frozen(Draft("one", replies=("mentioned",), quotes=False, thread=(Draft("two"),)))
    threadgate, first, second = [write.value for write in done.writes[2:]]
    uris = [f"at://{DID}/app.bsky.feed.post/{rkey}" for rkey in RKEYS[:2]]
    assert [uris[0], uris[0], uris[1]] == [gate["post"] for gate in (threadgate, first, second)]
    times = ["2026-11-24T09:00:00.000Z", "2026-11-24T09:00:00.000Z", "2026-11-24T09:00:00.001Z"]
    assert times == [gate["createdAt"] for gate in (threadgate, first, second)]
    assert [{"$type": "app.bsky.feed.threadgate#mentionRule"}] == threadgate["allow"]


def test_mentions_are_filled_in_where_they_are() -> None:
    """Each post gets its own mentions, in order; one whose handle does not exist stays plain."""
    draft = Draft("https://example.com @a.test #tag", thread=(Draft("@b.test"), Draft("@dead.test")))
    dids = {"a.test": DID, "b.test": DID, "dead.test": None}
    done = freeze(build(draft, {}), did=DID, rkeys=RKEYS, created_at=NOW, dids=dids)
    kinds = [[kind_of(facet) for facet in write.value.get("facets", ())] for write in done.writes]
    assert [["link", "mention", "tag"], ["mention"], []] == kinds
    assert {"byteStart": 0, "byteEnd": 7} == done.writes[1].value["facets"][0]["index"]


@pytest.mark.parametrize("changes", [{"mimeType": "video/webm"}, {"size": 90}])
def test_a_blob_that_the_server_describes_otherwise(changes: dict[str, Any]) -> None:
    """The same bytes with another type or size change the record too; nothing else in it does."""
    answer = {**Stored(CID, "video/mp4", 100).blob(), **changes}
    one = frozen(Draft("one", video=VIDEO))
    changed = replace_blobs(one, {CID: answer})
    assert one is replace_blobs(one, {CID: Stored(CID, "video/mp4", 100).blob()})
    assert answer == changed.writes[0].value["embed"]["video"]
    expected = {**one.writes[0].value["embed"], "video": answer}
    assert expected == changed.writes[0].value["embed"]


def test_a_blob_that_is_ours_by_another_name() -> None:
    """A response with a blob that the post does not have replaces the one that was sent."""
    one = frozen(Draft("one", video=VIDEO))._replace(blobs=())
    answer = Stored(CID, "video/mp4", 100).blob()
    assert one.writes == replace_blobs(one, {CID: answer}).writes


def test_other_references_stay() -> None:
    """A quote of another post keeps its CID when a blob changes, and so does everything that looks like one."""
    done = frozen(Draft("one", quote=POST, images=(IMAGE,), thread=(Draft("two"),)))
    answer = Stored(OTHER, "image/png", 100).blob()
    changed = replace_blobs(done, {CID: answer})
    assert POST.as_dict() == changed.writes[0].value["embed"]["record"]["record"]
    assert OTHER == changed.writes[0].value["embed"]["media"]["images"][0]["image"]["ref"]["$link"]
    parent = {"uri": changed.uri, "cid": changed.cid}
    assert {"root": parent, "parent": parent} == changed.writes[1].value["reply"]
