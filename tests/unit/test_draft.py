"""Drafts: what rows may say, and that nothing is lost on the way there and back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.atproto.ref import Ref
from skywrite.compose.draft import (
    FIELDS,
    Caption,
    Card,
    Draft,
    Image,
    InvalidDraft,
    Media,
    Reply,
    Stored,
    Video,
    draft_from_dict,
)

CID = "bafkreigwbf7s7ixsuv7mwuzqo57jjrbqrn3tej4xd3qje6envwwrs6rf4u"
STORED = Stored(CID, "image/png", 100, 4, 3)


def test_images_are_paths_addresses_pairs_or_objects() -> None:
    """Every way to name an image means the same."""
    row = {"images": ["a.png", "https://example.com/b.png", ("c.png", "C"), {"path": "d.png", "alt": "D"}, b"bytes"]}
    expected = (
        Image(Media(path="a.png")),
        Image(Media(url="https://example.com/b.png")),
        Image(Media(path="c.png"), "C"),
        Image(Media(path="d.png"), "D"),
        Image(Media(data=b"bytes")),
    )
    assert expected == draft_from_dict(row).images


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"txt": "x"}, "'txt'"),
        ({"text": 3}, "text must be text"),
        ({"images": 3}, "images"),
        ({"images": [{"alt": "no file"}]}, "images"),
        ({"images": [{"path": "a", "url": "https://b"}]}, "images"),
        ({"quotes": "yes"}, "quotes"),
        ({"numbering": "roman"}, "numbering"),
        ({"video": {"path": "a.mp4", "captions": [{"path": "a.vtt"}]}}, "captions"),
        ({"thread": "just text"}, "thread"),
        ({"thread": [{"text": "x", "reply_to": "at://x"}]}, "reply_to"),
        ({"quote": {"uri": "at://x"}}, "cid"),
        ({"facets": "all"}, "facets"),
        ({"embed": {"images": []}}, "$type"),
        ({"images": [{"path": ["sun.png"]}]}, "images: path must be text"),
        ({"images": [{"url": {"a": 1}}]}, "images: url must be text"),
        ({"images": [{"cid": 1, "mime": "image/png", "size": 1}]}, "cid of stored media"),
        ({"reply_to": {"root": "x"}}, "A reference to a record"),
        ({"reply_to": {"root": {"uri": 1, "cid": "x"}}}, "uri must be text"),
        ({"thread": [["x"]]}, "A post of a thread"),
        ({"video": {"path": "a.mp4", "captions": 5}}, "captions must be a list"),
        ({"card": {"url": "https://x", "associated": 5}}, "associated must be a list"),
    ],
)
def test_a_wrong_field_is_named(row: dict[str, Any], said: str) -> None:
    """The message names the field, so that a row of thousands can be mended."""
    with pytest.raises(InvalidDraft) as caught:
        draft_from_dict(row)
    assert said in caught.value.message


def test_a_gathered_draft_survives_the_way_into_the_database() -> None:
    """Stored media, references and cards come back as they were."""
    draft = Draft(
        text="Hello",
        images=(Image(Media(stored=STORED, name="a.png"), "A"),),
        video=Video(Media(stored=STORED), "V", (Caption("en", Media(stored=STORED)),), True),
        card=Card("https://example.com", "Title", "About", STORED, (Ref("at://did:plc:x/a.b.c/1", CID),)),
        quote=Ref("at://did:plc:x/app.bsky.feed.post/1", CID),
        reply_to=Reply(Ref("at://a", CID), Ref("at://b", CID)),
        replies=("mentioned",),
        quotes=False,
        labels=("porn",),
        langs=("de",),
        thread=(Draft(text="Second", split=True),),
    )
    assert draft == draft_from_dict(draft.as_dict())


_TEXT = st.text(max_size=20)


@given(
    st.fixed_dictionaries(
        {
            "text": _TEXT,
            "labels": st.lists(_TEXT, max_size=2).map(tuple),
            "tags": st.lists(_TEXT, max_size=2).map(tuple),
            "replies": st.none() | st.lists(_TEXT, max_size=2).map(tuple),
            "quotes": st.booleans(),
            "markdown": st.booleans(),
            "split": st.booleans(),
            "thread": st.lists(_TEXT.map(Draft), max_size=3).map(tuple),
        }
    )
)
def test_any_draft_survives_the_way_there_and_back(values: dict[str, Any]) -> None:
    """Reading what was written gives the same draft."""
    draft = Draft(**values)
    assert draft == draft_from_dict(draft.as_dict())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["path", "url", "cid", "mime", "size", "alt", "root", "parent", "uri", "lang", "captions"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(name=st.sampled_from(FIELDS), value=JSON)
def test_whatever_a_field_holds_is_read_or_refused(name: str, value: Any) -> None:
    """Any JSON value in any field makes a draft or InvalidDraft, and no other error."""
    with suppress(InvalidDraft):
        draft_from_dict({name: value})


def test_bytes_never_show_in_a_repr() -> None:
    """An image's bytes would fill the log."""
    assert "secret" not in repr(Media(data=b"secret"))
