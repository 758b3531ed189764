"""Drafts: what rows may say, and that nothing is lost on the way there and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.errors import InputError, MissingExtra
from skywrite.posting.compose import resolve
from skywrite.posting.compose.draft import FIELDS, Draft, draft_from_dict
from skywrite.posting.compose.fields import Caption, Card, Image, Media, Reply, Stored, Video
from skywrite.posting.compose.texts import split_parts, thread_draft, with_quoted_link
from skywrite.protocol.atproto.syntax import Ref
from tests.support.errors import fails

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
    ("row", "words"),
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
def test_a_wrong_field_is_named(row: dict[str, Any], words: str) -> None:
    """The message names the field, so that a row of thousands can be mended."""
    with fails("draft.invalid") as caught:
        draft_from_dict(row)
    assert words in caught.value.message


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


@given(name=st.sampled_from(list(FIELDS)), value=JSON)
def test_whatever_a_field_holds_is_read_or_refused(name: str, value: Any) -> None:
    """Any JSON value in any field makes a draft or InvalidDraft, and no other error."""
    with suppress(InputError):
        draft_from_dict({name: value})


def test_bytes_never_show_in_a_repr() -> None:
    """An image's bytes would fill the log."""
    assert "secret" not in repr(Media(data=b"secret"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"textt": "x"}, "Did you mean 'text'?"),
        ({"zzz": "x"}, "The fields are: text, images, video"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest(row: dict[str, Any], words: str) -> None:
    """A field that does not exist is an error that says which one was meant, or which there are."""
    with fails("draft.invalid") as caught:
        draft_from_dict(row)
    assert caught.value.hint.startswith(words)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": 3}, "text must be text, not int."),
        ({"markdown": "yes"}, "markdown must be true, false or strip, not 'yes'."),
        ({"labels": {"a": 1}}, "labels must be a list of texts."),
        ({"tags": 5}, "tags must be a list of texts."),
        ({"langs": [1]}, "langs must be text, not int."),
        ({"images": [{"path": "a", "url": "https://b"}]}, "images"),
        ({"images": [5]}, "images"),
        ({"images": 5}, "images must be a list."),
        ({"images": [("a", 5)]}, "alt must be text, not int."),
        ({"images": [{"path": "a", "alt": 5}]}, "alt must be text, not int."),
        ({"images": [{"data": "x"}]}, "images: data must be bytes, not str."),
        ({"images": [{"path": 5}]}, "images: path must be text, not int."),
        ({"images": [{"url": 5}]}, "images: url must be text, not int."),
        ({"images": [{"cid": CID}]}, "Stored media need 'mime'."),
        ({"images": [{"cid": CID, "mime": "image/png"}]}, "Stored media need 'size'."),
        ({"images": [{"cid": CID, "mime": "image/png", "size": True}]}, "size of stored media must be int, not bool."),
        ({"images": [{"cid": CID, "mime": "x", "size": 1, "width": "4"}]}, "width of stored media must be int"),
        ({"video": {"path": "a", "gif": "yes"}}, "gif must be true or false, not 'yes'."),
        ({"video": {"path": "a", "captions": "x"}}, "captions must be a list, not str."),
        ({"video": {"path": "a", "captions": {"lang": "en"}}}, "captions must be a list, not dict."),
        ({"video": {"path": "a", "captions": ["x"]}}, "captions: each needs a language and a file"),
        ({"video": {"path": "a", "captions": [{"lang": 5, "path": "x"}]}}, "lang must be text, not int."),
        ({"card": {"title": "x"}}, "url must be text, not NoneType."),
        ({"card": {"url": "x", "title": 5}}, "title must be text, not int."),
        ({"card": {"url": "x", "description": 5}}, "description must be text, not int."),
        ({"card": {"url": "x", "associated": "at://x"}}, "associated must be a list, not str."),
        ({"card": 5}, "card must be text, not int."),
        ({"quote": 5}, "quote must be text, not int."),
        ({"quote": {"uri": "at://x"}}, "A reference to a record lacks 'cid'."),
        ({"quote": {"uri": "at://x", "cid": 5}}, "cid must be text, not int."),
        ({"reply_to": 5}, "reply_to must be text, not int."),
        ({"reply_to": {}}, "A reference to a record lacks 'uri'."),
        ({"reply_to": {"root": "x"}}, "A reference to a record must have uri and cid; it is str."),
        ({"facets": [5]}, "facets must be a list of app.bsky.richtext.facet objects."),
        ({"facets": [{"a": 1}, 5]}, "facets must be a list of app.bsky.richtext.facet objects."),
        ({"facets": 5}, "facets must be a list of app.bsky.richtext.facet objects."),
        ({"embed": "x"}, "embed must be an app.bsky.embed object with its $type."),
        ({"thread": {"text": "x"}}, "thread must be a list of texts or drafts."),
        ({"thread": 5}, "thread must be a list of texts or drafts."),
        ({"thread": [5]}, "A post of a thread must be a text or a draft, not int."),
        ({"thread": [{"text": "x", "replies": ["nobody"]}]}, "replies belongs to the first post of a thread."),
        ({"thread": [{"text": "x", "quotes": False}]}, "quotes belongs to the first post of a thread."),
        ({"thread": [{"text": "x", "thread": ["y"]}]}, "thread belongs to the first post of a thread."),
        ({"numbering": "roman"}, "numbering cannot be 'roman'."),
    ],
)
def test_what_is_wrong_with_a_field(row: dict[str, Any], words: str) -> None:
    """Each kind of wrong value has a sentence of its own."""
    with fails("draft.invalid") as caught:
        draft_from_dict(row)
    assert caught.value.message.startswith(words)


def test_every_way_to_write_a_field() -> None:
    """Values that the caller has made stay, and short forms mean the same as long ones."""
    card, caption = Card("https://x.com", "Title"), Caption("en", Media(path="a.vtt"))
    reference = Ref("at://did:plc:x/a.b.c/1", CID)
    video = Video(Media(path="a.mp4"), "A", (caption,), True)
    fields = {
        "images": [Image(Media(path="a.png"), "A"), Media(data=b"x"), Path("b.png"), ["c.png", "C"]],
        "video": video,
        "card": card,
        "quote": reference,
        "reply_to": Reply(reference, reference),
        "facets": [{"a": 1}],
        "embed": {"$type": "x"},
        "thread": ["one", {"text": "two", "split": True}, Draft("three")],
        "labels": "porn",
        "langs": None,
        "numbering": "1/n",
    }
    draft = draft_from_dict(fields)
    expected = (
        Image(Media(path="a.png"), "A"),
        Image(Media(data=b"x")),
        Image(Media(path="b.png")),
        Image(Media(path="c.png"), "C"),
    )
    assert (expected, video, card, reference) == (draft.images, draft.video, draft.card, draft.quote)
    assert (Reply(reference, reference), ({"a": 1},), {"$type": "x"}) == (draft.reply_to, draft.facets, draft.embed)
    assert (Draft("one"), Draft("two", split=True), Draft("three")) == draft.thread
    assert (("porn",), (), "1/n") == (draft.labels, draft.langs, draft.numbering)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a.png", Media(path="a.png")),
        ("http://x.com/a.png", Media(url="http://x.com/a.png")),
        ({"url": "https://x.com/a.png", "name": "a"}, Media(url="https://x.com/a.png", name="a")),
        ({"path": Path("a.png"), "name": "a"}, Media(path="a.png", name="a")),
        ({"data": b"x", "name": "a"}, Media(data=b"x", name="a")),
        (
            {"cid": CID, "mime": "image/png", "size": 100, "width": 4, "height": 3, "name": "a"},
            Media(stored=STORED, name="a"),
        ),
        ({"cid": CID, "mime": "x", "size": 1}, Media(stored=Stored(CID, "x", 1))),
    ],
)
def test_where_media_come_from(value: Any, expected: Media) -> None:
    """Media are a path, an address, bytes, or bytes stored already, with a name or without."""
    assert (Image(expected),) == draft_from_dict({"images": [value]}).images
    assert (Image(expected),) == draft_from_dict({"images": value}).images


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "auto"),
        (False, "none"),
        ("https://x.com", "https://x.com"),
        ({"url": "https://x.com"}, Card("https://x.com")),
        ({"url": "https://x.com", "thumb": "a.png"}, Card("https://x.com", thumb=Media(path="a.png"))),
        (
            {"url": "https://x.com", "thumb": {"cid": CID, "mime": "x", "size": 1}},
            Card("https://x.com", thumb=Stored(CID, "x", 1)),
        ),
    ],
)
def test_ways_to_ask_for_a_card(value: Any, expected: Any) -> None:
    """A card is yes or no, an address, or what it shows."""
    assert expected == draft_from_dict({"card": value}).card


def test_a_video_in_words() -> None:
    """A video is a file, with its text, captions and whether it plays as a GIF where these are named."""
    row = {"path": "a.mp4", "alt": "A", "captions": [{"lang": "en", "path": "a.vtt"}], "gif": True}
    expected = Video(Media(path="a.mp4"), "A", (Caption("en", Media(path="a.vtt")),), True)
    assert expected == draft_from_dict({"video": row}).video
    assert Video(Media(path="a.mp4")) == draft_from_dict({"video": "a.mp4"}).video
    assert Video(Media(path="a.mp4")) == draft_from_dict({"video": {"path": "a.mp4", "alt": None}}).video
    caption = Caption("en", Media(path="b"))
    again = draft_from_dict({"video": {**row, "captions": [caption]}}).video
    assert again is not None and (caption,) == again.captions


def test_the_files_of_a_draft() -> None:
    """Every file that a draft and its thread name is listed, and nothing else."""
    draft = Draft(
        images=(Image(Media(path="a.png")), Image(Media(url="https://x.com/b.png"))),
        video=Video(Media(path="c.mp4"), captions=(Caption("en", Media(path="d.vtt")),)),
        card=Card("https://x.com", thumb=Media(path="e.png")),
        thread=(Draft(images=(Image(Media(path="f.png")),), card=Card("https://x.com", thumb=STORED)),),
    )
    assert ["a.png", "c.mp4", "d.vtt", "e.png", "f.png"] == draft.files()
    assert [] == Draft("x").files()


@pytest.mark.parametrize(
    ("media", "label"),
    [
        (Media(path="a", url="b", data=b"x", name="n"), "n"),
        (Media(path="a", url="b"), "a"),
        (Media(url="b"), "b"),
        (Media(stored=STORED), "The image"),
        (Media(data=b"x"), "The data"),
    ],
)
def test_the_name_of_media(media: Media, label: str) -> None:
    """Messages show a name, or else the path, the address or the CID."""
    assert (label, f"Media({label!r})") == (media.label, repr(media))


def test_only_what_is_set_is_written() -> None:
    """A draft as a row has its text and what is not the default; stored media need no path."""
    assert {"text": ""} == Draft().as_dict()
    assert {"url": "u", "thumb": {"path": "a.png"}} == Draft(card=Card("u", thumb=Media(path="a.png"))).as_dict()[
        "card"
    ]
    stored = {"cid": CID, "mime": "image/png", "size": 100, "width": 4, "height": 3}
    draft = Draft(
        "x",
        images=(Image(Media(path="p", stored=STORED, name="a.png"), "A"), Image(Media(path="b.png"))),
        video=Video(Media(url="https://x.com/v.mp4"), captions=(Caption("en", Media(path="a.vtt")),), gif=True),
        card=Card("https://x.com", associated=(Ref("u", "c"),)),
        langs=("en",),
        thread=(Draft("y"),),
    )
    assert {
        "text": "x",
        "images": [{**stored, "name": "a.png", "alt": "A"}, {"path": "b.png", "alt": ""}],
        "video": {
            "url": "https://x.com/v.mp4",
            "alt": "",
            "captions": [{"path": "a.vtt", "lang": "en"}],
            "gif": True,
        },
        "card": {"url": "https://x.com", "associated": [{"uri": "u", "cid": "c"}]},
        "langs": ["en"],
        "thread": [{"text": "y"}],
    } == draft.as_dict()


# Several posts in one text, and links that become quotes


@pytest.mark.parametrize(
    ("text", "posts"),
    [
        ("one", ["one"]),
        ("one\n---\ntwo\n\n --- \n\nthree", ["one", "two", "three"]),
        ("---\n---\none\n---", ["one"]),
        ("one --- two", ["one --- two"]),
        ("\n  one\n", ["  one"]),
        ("---", [""]),
        ("", [""]),
    ],
)
def test_posts_in_one_text(text: str, posts: list[str]) -> None:
    """Lines of three dashes separate posts; what is empty between them is none."""
    assert posts == split_parts(text)


def test_the_thread_of_texts() -> None:
    """Each text may become several posts; all share labels, languages and style, and the first has the rest."""
    row = {"langs": ["en"], "numbering": "1/n", "markdown": False, "card": "none", "images": ["a.png"]}
    shared = {"langs": ["en"], "numbering": "1/n", "markdown": False}
    expected = {**row, "text": "one", "split": True, "thread": [{"text": "two", "split": True, **shared}]}
    assert expected == thread_draft(["one", "two"], row)
    assert [] == thread_draft(["one"], {})["thread"]


LINK = "https://bsky.app/profile/alice.test/post/3kznmn7xqxl22"


@pytest.mark.parametrize(
    "fields",
    [
        {"text": f"Look {LINK} there"},
        {"text": "Look https://example.com"},
        {"text": "Look https://bsky.app/about"},
        {"text": "  "},
        {"text": ""},
        {},
        {"text": f"Look {LINK}", "quote": "at://x"},
        {"text": f"Look {LINK}", "embed": {"$type": "x"}},
        {"text": f"Look {LINK}", "facets": [{}]},
    ],
)
def test_texts_without_a_quote(fields: dict[str, Any]) -> None:
    """Only a link to a post at the very end becomes a quote, and only where nothing else is quoted or made."""
    assert fields == with_quoted_link({**fields, "quote_links": True})


def test_a_link_at_the_end_becomes_a_quote() -> None:
    """If it is asked for, in each post of a thread, or by default."""
    row = {"text": f"Well said\n\n{LINK} \n"}
    done = {"text": "Well said", "quote": LINK}
    assert done == with_quoted_link({**row, "quote_links": True}) == with_quoted_link(row, default=True)
    assert row == with_quoted_link(row) == with_quoted_link({**row, "quote_links": False}, default=True)
    assert done == with_quoted_link({**row, "quote_links": None}, default=True)
    thread = {"text": "x", "thread": [f"Well said {LINK}", row, 5]}
    assert {"text": "x", "thread": [done, done, 5]} == with_quoted_link(thread, default=True)


# Guessing the language


class Model:
    """Answers what the test wants, and keeps what it was asked."""

    def __init__(self, lang: str, sure: float) -> None:
        self.answer = (lang, sure)
        self.asked: list[str] = []

    def classify(self, words: str) -> tuple[str, float]:
        self.asked.append(words)
        return self.answer


@pytest.fixture
def nothing_loaded() -> Iterator[None]:
    """No model is in memory, before or after."""
    resolve._identifier.cache_clear()
    yield
    resolve._identifier.cache_clear()


@pytest.mark.usefixtures("nothing_loaded")
def test_the_model_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is the one that comes with the optional part, with probabilities; without it the error names it."""
    text = "Guten Morgen zusammen"
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(MissingExtra) as caught:
        resolve.detect_language(text)
    assert "langs" == caught.value.extra
    loaded: list[Any] = []

    class Identifier:
        @staticmethod
        def from_model_file(path: str, *, norm_probs: bool) -> Model:
            loaded.append((path, norm_probs))
            return Model("de", 1.0)

    part = SimpleNamespace(MODEL_FILE="model", LanguageIdentifier=Identifier)
    monkeypatch.setitem(sys.modules, "py3langid.langid", part)
    assert ["de", "de"] == [resolve.detect_language(text) for _ in range(2)]
    assert [("model", True)] == loaded


@pytest.mark.parametrize(("sure", "expected"), [(0.9, "de"), (0.89, None)])
def test_a_guess_must_be_sure(monkeypatch: pytest.MonkeyPatch, sure: float, expected: str | None) -> None:
    """A language is guessed from the words alone, and named only if the model is sure."""
    model = Model("de", sure)
    monkeypatch.setattr(resolve, "_identifier", lambda: model)
    assert expected == resolve.detect_language("Guten Morgen @alice.test #tag https://x.com http://x.com zusammen")
    assert ["Guten Morgen zusammen"] == model.asked


@pytest.mark.parametrize(("text", "asks"), [("abcdefghijkl", True), ("abcdefghijk 123!", False)])
def test_short_texts_have_no_language(monkeypatch: pytest.MonkeyPatch, text: str, asks: bool) -> None:
    """Under twelve letters nothing is guessed."""
    model = Model("de", 1.0)
    monkeypatch.setattr(resolve, "_identifier", lambda: model)
    assert (asks, int(asks)) == (resolve.detect_language(text) is not None, len(model.asked))


@pytest.mark.parametrize("field", [{"images": ""}, {"images": [" "]}, {"video": ""}])
def test_an_empty_name_of_a_file_is_no_folder(field: dict[str, object]) -> None:
    """It is an error of its own: as a path it would be the current folder."""
    with fails("draft.invalid", match="the name of a file is empty"):
        draft_from_dict({"text": "x", **field})
