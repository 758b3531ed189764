"""CIDs: what we compute before sending is what the server answers, for every kind of record."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.protocol.atproto.cid import cid_for_record
from tests.contract.asking import (
    NOBODY,
    NOWHERE_CID,
    POST,
    Writer,
    external,
    facet,
    gallery,
    images,
    new_tid,
    op,
    png,
    post,
)

NOW = {"createdAt": "2024-01-01T00:00:00.000Z"}
REF = {"uri": f"at://{NOBODY}/{POST}/3k", "cid": NOWHERE_CID}
LABELS = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "porn"}]}
POSTS = {
    "plain": post("hello world"),
    "unicode": post("e\u0301 👨‍👩‍👧‍👦 \u200f שלום \0"),
    "facets": post(facets=[facet(0, 1), facet(1, 2, kind="tag", tag="x")]),
    "everything": post(langs=["en"], tags=["a"], labels=LABELS, reply={"root": REF, "parent": REF}),
    "card": post(embed=external()),
    "quote": post(embed={"$type": "app.bsky.embed.record", "record": REF}),
    "odd fields": post(extra={"": 0, "b": [None, True, -1], "aa": 2**53 - 1, "raw": {"$bytes": "AAEC"}}),
}
OTHERS = {
    "app.bsky.feed.like": {"subject": REF, **NOW},
    "app.bsky.feed.repost": {"subject": REF, **NOW},
    "app.bsky.graph.follow": {"subject": NOBODY, **NOW},
    "app.bsky.graph.block": {"subject": NOBODY, **NOW},
    "app.bsky.graph.list": {"name": "x", "purpose": "app.bsky.graph.defs#curatelist", **NOW},
    "app.bsky.graph.listitem": {"subject": NOBODY, "list": f"at://{NOBODY}/app.bsky.graph.list/3k", **NOW},
    "app.bsky.graph.starterpack": {"name": "x", "list": f"at://{NOBODY}/app.bsky.graph.list/3k", **NOW},
    "app.bsky.feed.generator": {"did": "did:web:example.com", "displayName": "x", **NOW},
    "com.example.thing": {"a": {"$link": NOWHERE_CID}},
}


@pytest.mark.parametrize("record", POSTS.values(), ids=POSTS)
def test_posts(alice: Writer, record: dict[str, Any]) -> None:
    """A post's CID is computable before it is sent."""
    assert alice.create(record).body["cid"] == cid_for_record(record)


@pytest.mark.parametrize(("collection", "record"), OTHERS.items(), ids=OTHERS)
def test_others(alice: Writer, collection: str, record: dict[str, Any]) -> None:
    """So is that of every other record; its `$type` belongs to it."""
    answer = alice.create(record, collection)
    assert (answer.status, answer.body.get("cid")) == (200, cid_for_record({"$type": collection, **record}))


def test_media(alice: Writer) -> None:
    """So is that of posts with images, galleries and captions."""
    blob = alice.upload(png()).body["blob"]
    video = alice.upload(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"video", "video/mp4").body["blob"]
    words = alice.upload(b"WEBVTT\n\n00:00.000 --> 00:01.000\nvideo\n", "text/vtt").body["blob"]
    video = {"$type": "app.bsky.embed.video", "video": video, "captions": [{"lang": "en", "file": words}], "alt": "x"}
    beside = {"$type": "app.bsky.embed.recordWithMedia", "record": {"record": REF}, "media": images(blob)}
    records = [post(embed=embed) for embed in (images(blob, 4), gallery(blob, 10), video, beside, external(thumb=blob))]
    answers = [alice.create(record) for record in records]
    assert [answer.body["cid"] for answer in answers] == [cid_for_record(record) for record in records]


def test_thread_in_one_commit(alice: Writer) -> None:
    """A thread with its gates goes out in one commit: each post names the CIDs of those before it."""
    keys = [new_tid() for _ in range(3)]
    records = [post("1")]
    refs = [{"uri": alice.uri(keys[0]), "cid": cid_for_record(records[0])}]
    for number in (1, 2):
        records.append(post(str(number + 1), reply={"root": refs[0], "parent": refs[-1]}))
        refs.append({"uri": alice.uri(keys[number]), "cid": cid_for_record(records[-1])})
    gates = [
        op("create", keys[0], {"$type": name, "post": refs[0]["uri"], **NOW}, name)
        for name in ("app.bsky.feed.threadgate", "app.bsky.feed.postgate")
    ]
    done = alice.apply([op("create", rkey, record) for rkey, record in zip(keys, records, strict=True)] + gates)
    posts = [{"uri": result["uri"], "cid": result["cid"]} for result in done.body["results"][:3]]
    assert posts == refs
    assert [result["cid"] for result in done.body["results"][3:]] == [cid_for_record(gate["value"]) for gate in gates]
    assert [alice.read(rkey).body["cid"] for rkey in keys] == [ref["cid"] for ref in refs]
