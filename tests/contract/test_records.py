"""What a record must be: every limit of a post and of what surrounds it, with the server's own words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.asking import (
    NOBODY,
    NOWHERE_BLOB,
    NOWHERE_CID,
    Writer,
    external,
    facet,
    gallery,
    images,
    new_tid,
    png,
    post,
)

FAMILY = "👨‍👩‍👧‍👦"
SELF_LABELS = "com.atproto.label.defs#selfLabels"
TYPED = 'an object which includes the "$type" property'
DATA = "one of null, boolean, integer, string, cid, bytes, array or object"
BLOB = {"$type": "blob", "ref": {"$link": NOWHERE_BLOB}, "mimeType": "image/png", "size": 67}


def labels(*values: str) -> dict[str, Any]:
    return {"$type": SELF_LABELS, "values": [{"val": value} for value in values]}


def date(text: Any) -> dict[str, Any]:
    return post(createdAt=text)


ACCEPTED = {
    "the smallest post": post(""),
    "300 graphemes": post("é" * 300),
    "300 graphemes in 2700 bytes": post("👍🏽\u200d" * 100 + "x" * 100),
    "NUL": post("a\0b"),
    "no $type": {"text": "x", "createdAt": "2024-01-01T00:00:00Z"},
    "unknown fields": post(extra="x", nothing=None),
    "bytes and links": post(raw={"$bytes": "AAA"}, link={"$link": NOWHERE_CID}),
    "microseconds": date("2024-01-01T00:00:00.123456Z"),
    "an offset": date("2024-01-01T00:00:00+02:00"),
    "a day that does not exist": date("2023-02-30T00:00:00Z"),
    "the year 0": date("0000-01-01T00:00:00Z"),
    "the future": date("2123-01-01T00:00:00Z"),
    "three languages": post(langs=["en-US", "zh-Hant-TW", "i-klingon"]),
    "eight tags": post(tags=["a" * 64] * 8),
    "ten labels": post(labels=labels(*["porn"] * 10)),
    "labels of another kind": post(labels={"$type": "com.example#labels", "values": []}),
    "a facet beyond the text": post(facets=[facet(0, 99)]),
    "a facet that ends before it begins": post(facets=[facet(5, 1)]),
    "a facet of another kind": post(facets=[{**facet(0, 1), "features": [{"$type": "com.example#blink"}]}]),
    "an embed of another kind": post(embed={"$type": "com.example.embed", "x": 1}),
    "a card without an image": post(embed=external()),
    "a quote": post(embed={"$type": "app.bsky.embed.record", "record": {"uri": f"at://{NOBODY}", "cid": NOWHERE_CID}}),
}

REFUSED: dict[str, tuple[Any, str]] = {
    "no text": ({"createdAt": "2024-01-01T00:00:00Z"}, 'Missing required key "text" at $.record'),
    "no createdAt": ({"text": "x"}, 'Missing required key "createdAt" at $.record'),
    "text that is no text": (post(1), "Expected string value type (got 1) at $.record.text"),  # type: ignore[arg-type]
    "301 graphemes": (post("a" * 301), "grapheme too big (maximum 300, got 301) at $.record.text"),
    "3025 bytes": (post(FAMILY * 121), "string too big (maximum 3000, got 3025) at $.record.text"),
    "3001 bytes": (post(FAMILY * 120 + "x"), "string too big (maximum 3000, got 3001) at $.record.text"),
    "a date alone": (date("2024-01-01"), 'Invalid datetime (got "2024-01-01") at $.record.createdAt'),
    "no zone": (date("2024-01-01T00:00:00"), 'Invalid datetime (got "2024-01-01T00:00:00") at $.record.createdAt'),
    "-00:00": (
        date("2024-01-01T00:00:00-00:00"),
        'Invalid datetime (got "2024-01-01T00:00:00-00:00") at $.record.createdAt',
    ),
    "small letters": (
        date("2024-01-01t00:00:00z"),
        'Invalid datetime (got "2024-01-01t00:00:00z") at $.record.createdAt',
    ),
    "a leap second": (
        date("2024-01-01T00:00:60Z"),
        'Invalid datetime (got "2024-01-01T00:00:60Z") at $.record.createdAt',
    ),
    "hour 24": (date("2024-01-01T24:00:00Z"), 'Invalid datetime (got "2024-01-01T24:00:00Z") at $.record.createdAt'),
    "day 0": (date("2024-01-00T00:00:00Z"), 'Invalid datetime (got "2024-01-00T00:00:00Z") at $.record.createdAt'),
    "after the year 9999": (
        date("9999-12-31T23:59:59-05:00"),
        'Invalid datetime (got "9999-12-31T23:59:59-05:00") at $.record.createdAt',
    ),
    "before the year 0": (
        date("0000-01-01T00:00:00+01:00"),
        'Invalid datetime (got "0000-01-01T00:00:00+01:00") at $.record.createdAt',
    ),
    "four languages": (post(langs=["en"] * 4), "array too big (maximum 3, got 4) at $.record.langs"),
    "a language of one letter": (post(langs=["e"]), 'Invalid language (got "e") at $.record.langs[0]'),
    "a language's name": (post(langs=["english"]), 'Invalid language (got "english") at $.record.langs[0]'),
    "a language in capitals": (post(langs=["EN"]), 'Invalid language (got "EN") at $.record.langs[0]'),
    "an empty language": (post(langs=["en", ""]), 'Invalid language (got "") at $.record.langs[1]'),
    "an underscore": (post(langs=["en_US"]), 'Invalid language (got "en_US") at $.record.langs[0]'),
    "languages that are no list": (post(langs="en"), 'Expected array value type (got "en") at $.record.langs'),
    "languages that are null": (post(langs=None), "Expected array value type (got null) at $.record.langs"),
    "nine tags": (post(tags=["a"] * 9), "array too big (maximum 8, got 9) at $.record.tags"),
    "a tag of 65 graphemes": (post(tags=["a" * 65]), "grapheme too big (maximum 64, got 65) at $.record.tags[0]"),
    "a tag of 650 bytes": (post(tags=[FAMILY * 26]), "string too big (maximum 640, got 650) at $.record.tags[0]"),
    "eleven labels": (
        post(labels=labels(*"abcdefghijk")),
        "array too big (maximum 10, got 11) at $.record.labels.values",
    ),
    "a label of 129 bytes": (
        post(labels=labels("a" * 129)),
        "string too big (maximum 128, got 129) at $.record.labels.values[0].val",
    ),
    "labels without $type": (
        post(labels={"values": []}),
        f'Expected {TYPED} value type (got {{"values": ...}}) at $.record.labels',
    ),
    "a facet before the text": (
        post(facets=[facet(-1, 1)]),
        "integer too small (minimum 0, got -1) at $.record.facets[0].index.byteStart",
    ),
    "a link without scheme": (
        post(facets=[facet(0, 1, uri="example")]),
        'Invalid uri (got "example") at $.record.facets[0].features[0].uri',
    ),
    "a mention by handle": (
        post(facets=[facet(0, 1, kind="mention", did="alice.test")]),
        'Invalid DID (got "alice.test") at $.record.facets[0].features[0].did',
    ),
    "a hashtag of 65 graphemes": (
        post(facets=[facet(0, 1, kind="tag", tag="a" * 65)]),
        "grapheme too big (maximum 64, got 65) at $.record.facets[0].features[0].tag",
    ),
    "a feature without $type": (
        post(facets=[{**facet(0, 1), "features": [{"uri": "x"}]}]),
        f'Expected {TYPED} value type (got {{"uri": ...}}) at $.record.facets[0].features[0]',
    ),
    "a reply without parent": (
        post(reply={"root": {"uri": f"at://{NOBODY}", "cid": NOWHERE_CID}}),
        'Missing required key "parent" at $.record.reply',
    ),
    "a reply to a web page": (
        post(reply={"root": {"uri": "https://x", "cid": NOWHERE_CID}}),
        'Invalid at-uri (got "https://x") at $.record.reply.root.uri',
    ),
    "a reply to no version": (
        post(reply={"root": {"uri": f"at://{NOBODY}", "cid": "x"}}),
        'Invalid CID string (got "x") at $.record.reply.root.cid',
    ),
    "an embed without $type": (
        post(embed={"x": 1, "y": 2, "z": 3}),
        f'Expected {TYPED} value type (got {{"x": ..., "y": ..., ...}}) at $.record.embed',
    ),
    "an embed that is null": (post(embed=None), f"Expected {TYPED} value type (got null) at $.record.embed"),
    "five images": (post(embed=images(BLOB, 5)), "array too big (maximum 4, got 5) at $.record.embed.images"),
    "an aspect ratio of 0": (
        post(embed=images(BLOB, aspectRatio={"width": 0, "height": 1})),
        "integer too small (minimum 1, got 0) at $.record.embed.images[0].aspectRatio.width",
    ),
    "an image of 2,000,001 bytes": (
        post(embed=images({**BLOB, "size": 2_000_001})),
        "blob too big (maximum 2000000, got 2000001) at $.record.embed.images[0].image",
    ),
    "an image that is a text": (
        post(embed=images({**BLOB, "mimeType": "text/plain"})),
        'Expected "image/*" (got "text/plain") at $.record.embed.images[0].image.mimeType',
    ),
    "a blob with more fields": (
        post(embed=images({**BLOB, "x": 1})),
        'Expected blob value type (got {"$type": ..., "ref": ..., ...}) at $.record.embed.images[0].image',
    ),
    "a blob that is a record": (
        post(embed=images({**BLOB, "ref": {"$link": NOWHERE_CID}})),
        'Expected blob value type (got {"$type": ..., "ref": ..., ...}) at $.record.embed.images[0].image',
    ),
    "a blob that is a string": (
        post(embed=images("x")),
        'Expected blob value type (got "x") at $.record.embed.images[0].image',
    ),
    "a gallery of 21": (post(embed=gallery(BLOB, 21)), "array too big (maximum 20, got 21) at $.record.embed.items"),
    "a gallery without alt": (
        post(embed=gallery(BLOB, without="alt")),
        'Missing required key "alt" at $.record.embed.items[0]',
    ),
    "a gallery without aspectRatio": (
        post(embed=gallery(BLOB, without="aspectRatio")),
        'Missing required key "aspectRatio" at $.record.embed.items[0]',
    ),
    "a gallery without $type": (
        post(embed=gallery(BLOB, without="$type")),
        f'Expected {TYPED} value type (got {{"image": ..., "alt": ..., ...}}) at $.record.embed.items[0]',
    ),
    "a video that is an image": (
        post(embed={"$type": "app.bsky.embed.video", "video": BLOB}),
        'Expected "video/mp4" (got "image/png") at $.record.embed.video.mimeType',
    ),
    "a video of 300,000,001 bytes": (
        post(embed={"$type": "app.bsky.embed.video", "video": {**BLOB, "mimeType": "video/mp4", "size": 300_000_001}}),
        "blob too big (maximum 300000000, got 300000001) at $.record.embed.video",
    ),
    "a card without description": (
        post(embed={"$type": "app.bsky.embed.external", "external": {"uri": "https://x.y", "title": "x"}}),
        'Missing required key "description" at $.record.embed.external',
    ),
    "a card for no address": (
        post(embed=external(uri="x")),
        'Invalid uri (got "x") at $.record.embed.external.uri',
    ),
    "a thumbnail of 1,000,001 bytes": (
        post(embed=external(thumb={**BLOB, "size": 1_000_001})),
        "blob too big (maximum 1000000, got 1000001) at $.record.embed.external.thumb",
    ),
}


@pytest.mark.parametrize("record", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(alice: Writer, record: dict[str, Any]) -> None:
    """A post within every limit is taken, known as valid, and read back as it was written."""
    rkey = new_tid()
    answer = alice.create(record, rkey=rkey)
    assert (200, "valid", alice.uri(rkey)) == (
        answer.status,
        answer.body.get("validationStatus"),
        answer.body.get("uri"),
    )
    assert {"$type": "app.bsky.feed.post", **record} == alice.read(rkey).body["value"]


@pytest.mark.parametrize(("record", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(alice: Writer, record: Any, reason: str) -> None:
    """A post beyond a limit is refused with the place and the limit."""
    expected = (400, "InvalidRequest", f"Invalid app.bsky.feed.post record: {reason}")
    assert expected == alice.create(record).error


@pytest.mark.parametrize(
    ("record", "got", "at"),
    [(post(extra=1.5), "1.5", "extra"), (post(facets=[facet(0.5, 1)]), "0.5", "facets[0].index.byteStart")],
)
def test_fractions(alice: Writer, record: dict[str, Any], got: str, at: str) -> None:
    """A number with a fraction is refused wherever it stands."""
    expected = (400, "InvalidRequest", f"Expected {DATA} value type (got {got}) at $.record.{at}")
    assert expected == alice.create(record).error


def test_number_too_large(alice: Writer) -> None:
    """An integer that JavaScript cannot hold makes the server fail."""
    assert (500, "InternalServerError", "Internal Server Error") == alice.create(post(extra=2**53)).error


def test_lone_surrogate(alice: Writer) -> None:
    """Half of a surrogate pair is stored as U+FFFD."""
    answer = alice.create(post("\ud83d"))
    assert 200 == answer.status
    assert "\ufffd" == alice.read(answer.body["uri"].rpartition("/")[2]).body["value"]["text"]


def test_whole_float(alice: Writer) -> None:
    """1.0 is the integer 1."""
    answer = alice.create(post(extra=1.0))
    assert 1 == alice.read(answer.body["uri"].rpartition("/")[2]).body["value"]["extra"]


def test_padded_bytes(alice: Writer) -> None:
    """Bytes are read back without the padding of their base64."""
    answer = alice.create(post(extra={"$bytes": "AAA="}))
    assert alice.read(answer.body["uri"].rpartition("/")[2]).body["value"]["extra"] == {"$bytes": "AAA"}


def test_other_type(alice: Writer) -> None:
    """A record goes into the collection that its $type names."""
    answer = alice.create(post() | {"$type": "app.bsky.feed.like"})
    message = "Invalid $type: expected app.bsky.feed.post, got app.bsky.feed.like"
    assert (400, "InvalidRequest", message) == answer.error


def test_old_blob_form(alice: Writer) -> None:
    """The blob form that was given up is refused, wherever it stands."""
    answer = alice.create(post(extra={"cid": NOWHERE_BLOB, "mimeType": "image/png"}))
    assert (400, "InvalidRequest", f"Legacy blobs are not allowed ({NOWHERE_BLOB})") == answer.error


@pytest.mark.parametrize(
    ("collection", "rkey", "record", "message"),
    [
        ("app.bsky.feed.post", "hello", post(), 'Invalid record key for {}: Invalid TID string (got "hello") at $'),
        (
            "app.bsky.feed.post",
            "3zzzzzzzzzzz",
            post(),
            'Invalid record key for {}: Invalid TID string (got "3zzzzzzzzzzz") at $',
        ),
        ("app.bsky.feed.post", "a/b", post(), 'Invalid record key (got "a/b") at $.rkey'),
        ("app.bsky.feed.post", ".", post(), 'Invalid record key (got ".") at $.rkey'),
        ("app.bsky.feed.post", "", post(), 'Invalid record key (got "") at $.rkey'),
        ("app.bsky.actor.profile", "other", {}, 'Invalid record key for {}: Expected "self" (got "other") at $'),
    ],
)
def test_record_keys(alice: Writer, collection: str, rkey: str, record: dict[str, Any], message: str) -> None:
    """A record key has the form that its lexicon asks for."""
    answer = alice.create(record, collection, rkey=rkey)
    assert (400, "InvalidRequest", message.format(collection)) == answer.error


def test_future_record_key(newcomer: Writer) -> None:
    """A TID far in the future is a good record key."""
    assert 200 == newcomer.create(post(), rkey="3zzzzzzzzzzz2").status


POST_URI = f"at://{NOBODY}/app.bsky.feed.post/3k"
LIST = {"purpose": "app.bsky.graph.defs#curatelist"}
SIX_RULES = {"post": POST_URI, "allow": [{"$type": "com.example.rule"}] * 6}
BAD_SUBJECT = {"subject": {"uri": "x", "cid": "x"}}
OTHERS: list[tuple[str, dict[str, Any], str]] = [
    ("feed.like", {}, 'Missing required key "subject" at $.record'),
    ("feed.like", BAD_SUBJECT, 'Invalid at-uri (got "x") at $.record.subject.uri'),
    ("feed.repost", {"subject": {"uri": POST_URI}}, 'Missing required key "cid" at $.record.subject'),
    ("graph.follow", {"subject": "alice.test"}, 'Invalid DID (got "alice.test") at $.record.subject'),
    ("graph.block", {"subject": NOBODY}, 'Missing required key "createdAt" at $.record'),
    ("feed.threadgate", SIX_RULES, "array too big (maximum 5, got 6) at $.record.allow"),
    ("feed.threadgate", {"post": "x"}, 'Invalid at-uri (got "x") at $.record.post'),
    ("feed.postgate", {"post": POST_URI}, 'Missing required key "createdAt" at $.record'),
    ("graph.list", {"name": "x"}, 'Missing required key "purpose" at $.record'),
    ("graph.list", {**LIST, "name": ""}, "string too small (minimum 1, got 0) at $.record.name"),
    ("graph.listitem", {"subject": NOBODY, "list": "x"}, 'Invalid at-uri (got "x") at $.record.list'),
    ("graph.starterpack", {"name": "x" * 51}, "grapheme too big (maximum 50, got 51) at $.record.name"),
    ("feed.generator", {"did": "x"}, 'Invalid DID (got "x") at $.record.did'),
]


@pytest.mark.parametrize(("name", "record", "reason"), OTHERS)
def test_other_records(alice: Writer, name: str, record: dict[str, Any], reason: str) -> None:
    """Likes, follows, gates, lists and their kin are checked against their lexicons too."""
    collection = f"app.bsky.{name}"
    assert (400, "InvalidRequest", f"Invalid {collection} record: {reason}") == alice.create(record, collection).error


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"displayName": "x" * 65}, "grapheme too big (maximum 64, got 65) at $.record.displayName"),
        ({"description": "x" * 257}, "grapheme too big (maximum 256, got 257) at $.record.description"),
        (
            {"avatar": {**BLOB, "mimeType": "image/webp"}},
            'Expected one of "image/png" or "image/jpeg" (got "image/webp") at $.record.avatar.mimeType',
        ),
        ({"pinnedPost": {"uri": "x"}}, 'Invalid at-uri (got "x") at $.record.pinnedPost.uri'),
    ],
)
def test_profiles(alice: Writer, record: dict[str, Any], reason: str) -> None:
    """A profile has limits of its own."""
    answer = alice.put("self", record, "app.bsky.actor.profile")
    assert (400, "InvalidRequest", f"Invalid app.bsky.actor.profile record: {reason}") == answer.error


def test_unknown_lexicon(alice: Writer) -> None:
    """A record of an unknown lexicon is taken unless the caller insists."""
    free = alice.create({"a": 1}, "com.example.thing", rkey=new_tid())
    assert (200, "unknown") == (free.status, free.body["validationStatus"])
    insisted = alice.create({"a": 1}, "com.example.thing", validate=True)
    assert (400, "InvalidRequest", "Unknown lexicon type: com.example.thing") == insisted.error


def test_without_validation(alice: Writer) -> None:
    """`validate: false` lets everything through and says nothing about it."""
    answer = alice.create(post("a" * 400), validate=False)
    assert (200, False) == (answer.status, "validationStatus" in answer.body)


def test_image(alice: Writer) -> None:
    """Images go into images, galleries, cards and beside quotes."""
    blob = alice.upload(png()).body["blob"]
    quote = {"record": {"uri": f"at://{NOBODY}/app.bsky.feed.post/3k", "cid": NOWHERE_CID}}
    beside = {"$type": "app.bsky.embed.recordWithMedia", "record": quote, "media": images(blob)}
    embeds = [images(blob, 4), gallery(blob, 10), gallery(blob, 20), external(thumb=blob), beside]
    assert [200] * 5 == [alice.create(post(embed=embed)).status for embed in embeds]
