"""Post records: what is built, and what `check_post` finds before the server does, or where nobody else looks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.errors import InputError
from skywrite.protocol.bsky.embed import record
from skywrite.protocol.bsky.post import check_post, post_record
from skywrite.protocol.bsky.richtext import RichText, detect, facet_records
from tests.support.errors import fails

DID = "did:plc:7iza6de2dwap2sbkpav7c6c6"
REF = {
    "uri": f"at://{DID}/app.bsky.feed.post/3k2yihcrp6f2c",
    "cid": "bafyreieawtmh7hwfrqpamqkodza5r62bbfhsepe2iyustgxhgbhi6b2lfi",
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def facet(start: int, end: int, **feature: str) -> dict[str, Any]:
    given_feature = feature or {"type": "link", "uri": "https://a.b"}
    kind = given_feature.pop("type", "link")
    features = [{"$type": f"app.bsky.richtext.facet#{kind}", **given_feature}]
    return {"index": {"byteStart": start, "byteEnd": end}, "features": features}


class TestBuilding:
    def test_least(self) -> None:
        """Absent fields are left out; createdAt is stamped by whoever sends."""
        assert {"$type": "app.bsky.feed.post", "text": "hi"} == post_record("hi")

    def test_everything(self) -> None:
        """Each field in the lexicon's form."""
        facets = facet_records(detect(RichText("hi @a.com")).facets, {"a.com": DID})
        built = post_record(
            "hi @a.com",
            created_at=NOW,
            facets=facets,
            langs=["en"],
            tags=["#news"],
            labels=["bot"],
            embed=record(REF),
            reply={"root": REF, "parent": REF},
        )
        assert {
            "$type": "app.bsky.feed.post",
            "text": "hi @a.com",
            "facets": facets,
            "reply": {"root": REF, "parent": REF},
            "embed": record(REF),
            "langs": ["en"],
            "labels": {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "bot"}]},
            "tags": ["news"],
            "createdAt": "2026-01-01T00:00:00.000Z",
        } == built
        check_post(built, stamped=True)

    def test_text_may_be_empty_with_an_embed(self) -> None:
        """An embed alone is a post; nothing at all is none."""
        assert "" == post_record("", embed=record(REF))["text"]
        with fails("post.empty"):
            post_record("")

    @given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300))
    def test_detected_facets_always_pass(self, text: str) -> None:
        """Whatever detection finds, the record is right."""
        post_record(f"{text}.", facets=facet_records(detect(RichText(f"{text}.")).facets, {})) if len(
            text
        ) < 300 else None


class TestFacets:
    @pytest.mark.parametrize(
        "good", [facet(0, 1), facet(1, 3), facet(3, 7), facet(0, 7), facet(0, 1, type="tag", tag="a")]
    )
    def test_on_characters(self, good: dict[str, Any]) -> None:
        """Facets on whole characters are right, up to the end."""
        check_post({"$type": "app.bsky.feed.post", "text": "aé😀", "facets": [good]})

    @pytest.mark.parametrize(
        ("bad", "part"),
        [
            (facet(0, 8), "ends at byte 8"),
            (facet(0, 2), "cuts a character"),
            (facet(2, 3), "cuts a character"),
            (facet(4, 7), "cuts a character"),
            (facet(3, 3), "covers nothing"),
            (facet(3, 1), "covers nothing"),
            (facet(7, 9), "ends at byte 9"),
            (facet(-1, 1), "no range"),
            ({"index": {"byteStart": 0}, "features": []}, "no range"),
            ({"index": {"byteStart": True, "byteEnd": 1}, "features": []}, "no range"),
            ({"index": {"byteStart": 0, "byteEnd": 1}, "features": []}, "no features"),
            ({"index": {"byteStart": 0, "byteEnd": 1}, "features": [{}]}, "without \\$type"),
            ("facet", "no range"),
            (facet(0, 1, type="mention", did="alice.test"), "not a DID|handle|DID"),
            (facet(0, 1, type="link", uri="a.b"), "not a URL"),
            (facet(0, 1, type="tag", tag="t" * 65), "too long"),
            (facet(0, 1, type="tag", tag=""), "empty"),
        ],
    )
    def test_out_of_place(self, bad: Any, part: str) -> None:
        """Ranges beyond the text, through a character, or empty are refused, and so are features that say nothing."""
        with fails("facet.invalid", match=part):
            check_post({"$type": "app.bsky.feed.post", "text": "aé😀", "facets": [bad]})

    @pytest.mark.parametrize("pair", [[facet(3, 7), facet(0, 1)], [facet(0, 3), facet(1, 7)]])
    def test_in_order(self, pair: list[dict[str, Any]]) -> None:
        """Facets out of order, or over each other, are refused."""
        with fails("facet.invalid", match="Facet 2"):
            check_post({"$type": "app.bsky.feed.post", "text": "aé😀", "facets": pair})


class TestChecking:
    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"$type": "app.bsky.feed.like"}, "record.malformed"),
            ({"text": None}, "record.malformed"),
            ({"text": "a" * 301}, "text.too_long"),
            ({"createdAt": "2026-01-01"}, "timestamp.invalid"),
            ({"createdAt": "2026-01-01T00:00:00-00:00"}, "timestamp.invalid"),
            ({"langs": ["en", "de", "fr", "it"]}, "language.invalid"),
            ({"tags": ["t"] * 9}, "record.malformed"),
            ({"tags": list("abcdefghi")}, "tag.invalid"),
            ({"tags": [5]}, "tag.invalid"),
            ({"labels": ["porn"]}, "record.malformed"),
            ({"labels": {"values": [{"val": "pron"}]}}, "label.unknown"),
            ({"reply": {"root": REF}}, "reference.invalid"),
            ({"reply": {"root": REF, "parent": {"uri": "x"}}}, "reference.invalid"),
            ({"reply": {"root": {"uri": "x"}, "parent": REF}}, "reference.invalid"),
            ({"labels": {"values": [{"val": "porn"}] * 11}}, "record.malformed"),
            ({"embed": "x"}, InputError),
            ({"facets": "x"}, "facet.invalid"),
            ({"langs": "en"}, InputError),
        ],
    )
    def test_refused(self, fields: dict[str, Any], error: type[Exception]) -> None:
        """What the server would refuse is refused here."""
        with fails(error):
            check_post({"$type": "app.bsky.feed.post", "text": "hi", **fields})

    def test_repetitions_count(self) -> None:
        """As many languages, tags and labels as the server accepts pass, and no more, though some are repeated."""
        lists = {"langs": ["en"] * 3, "tags": ["t"] * 8, "labels": {"values": [{"val": "porn"}] * 10}}
        check_post({"$type": "app.bsky.feed.post", "text": "hi", **lists})
        for more in ({"langs": ["en"] * 4}, {"tags": ["t"] * 9}, {"labels": {"values": [{"val": "porn"}] * 11}}):
            with fails("record.malformed"):
                check_post({"$type": "app.bsky.feed.post", "text": "hi", **lists, **more})

    def test_stamped(self) -> None:
        """createdAt may be absent until the post is stamped."""
        check_post(post_record("hi"))
        with fails("timestamp.invalid"):
            check_post(post_record("hi"), stamped=True)
