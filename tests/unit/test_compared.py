"""What was approved beside what would go out: every difference is marked, in words."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.posting.publish.compared import Piece, joined, rows

BLOB = {"$type": "blob", "ref": {"$link": "bafyone"}, "mimeType": "image/png", "size": 12}
IMAGES = {"$type": "app.bsky.embed.images", "images": [{"alt": "A cat", "image": BLOB}]}


def content(**changes: Any) -> dict[str, Any]:
    """What an approval covers, with changes of its record, its prepared form, or itself."""
    record = {"text": "Numbers for October", "langs": ["en"], **changes.pop("record", {})}
    prepared = {"records": [record], **changes.pop("prepared", {})}
    base = {"account": "did:plc:alice", "due": "2026-11-26T08:00:00+00:00", "late": ["publish", None]}
    return {**base, "prepared": prepared, **changes}


def facet(uri: str) -> dict[str, Any]:
    """A link on the first word."""
    feature = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
    return {"index": {"byteStart": 0, "byteEnd": 7}, "features": [feature]}


@pytest.mark.parametrize(
    ("before", "now", "part", "mark"),
    [
        ({}, {"record": {"text": "Numbers for November"}}, "Text", "changed"),
        (
            {"record": {"facets": [facet("https://a.example")]}},
            {"record": {"facets": [facet("https://b.example")]}},
            "Links and mentions",
            "changed",
        ),
        ({}, {"record": {"embed": IMAGES}}, "Image 1", "added"),
        ({"record": {"embed": IMAGES}}, {}, "Image 1", "removed"),
        ({}, {"record": {"langs": ["de"]}}, "Languages", "changed"),
        ({}, {"prepared": {"replies": []}}, "Who may reply", "added"),
        ({}, {"prepared": {"quotes": False}}, "Who may quote", "added"),
        ({}, {"prepared": {"blobs": [["bafyone", "image/png", 12]]}}, "Files", "added"),
        ({}, {"prepared": {"pending": [[0, 0, 4, "bob.test"]]}}, "Not looked up yet", "added"),
        ({}, {"due": "2026-11-27T08:00:00+00:00"}, "Due", "changed"),
        ({}, {"late": ["skip", 60]}, "If it is late", "changed"),
        ({}, {"account": "did:plc:bob"}, "Account", "changed"),
        ({}, {"record": {"something": "new"}}, "Details", "changed"),
    ],
)
def test_each_difference_has_a_row(before: Any, now: Any, part: str, mark: str) -> None:
    """One row differs, and it is the part that was changed; what nobody has a name for is shown as it is."""
    differences = rows(content(**before), content(**now), "UTC")
    assert [(part, mark)] == [(row.part, row.mark) for row in differences if row.mark != "same"]


def test_words_that_differ_are_marked() -> None:
    """The rest of the text stays plain, and both sides read as they are."""
    row = rows(content(), content(record={"text": "Numbers for November"}), "UTC")[0]
    assert ((Piece("Numbers for ", False), Piece("October", True)), "Numbers for November") == (
        row.before,
        joined(row.now),
    )


def test_what_is_equal_has_no_marks() -> None:
    """Every part is there, and none differs."""
    differences = rows(content(), content(), "Europe/Berlin")
    assert ({"same"}, "Thu 26 Nov 2026 09:00 Europe/Berlin (08:00 UTC)") == (
        {row.mark for row in differences},
        next(joined(row.now) for row in differences if row.part == "Due"),
    )


def test_a_thread_and_a_pool_are_compared_part_by_part() -> None:
    """A second post of a thread, and a second text of a pool, have names of their own."""
    one, two = {"records": [{"text": "A"}, {"text": "B"}]}, {"records": [{"text": "C"}]}
    rule = {"account": "did:plc:alice", "rule": "daily 9:00", "zone": "UTC", "late": ["skip", 3600], "jitter": 0}
    differences = rows({**rule, "posts": [one, two]}, {**rule, "posts": [one, {"records": [{"text": "D"}]}]}, "UTC")
    texts = [(row.part, row.mark) for row in differences if "Text" in row.part]
    assert [("1: Text", "same"), ("1: Text, part 2", "same"), ("2: Text", "changed")] == texts
