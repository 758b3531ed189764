"""Identifiers against the interop vectors of AT Protocol, and the parts that ours expose."""

from __future__ import annotations

import contextlib
import copy
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.errors import InputError
from skywrite.protocol.atproto.syntax import (
    AtUri,
    Datetime,
    Did,
    Handle,
    InvalidSyntax,
    Language,
    Nsid,
    RecordKey,
    Tid,
)

VECTORS = Path(__file__).parent.parent / "vectors" / "atproto-interop"
KINDS: dict[str, type[str]] = {
    "handle": Handle,
    "did": Did,
    "nsid": Nsid,
    "recordkey": RecordKey,
    "tid": Tid,
    "aturi": AtUri,
    "datetime": Datetime,
    "language": Language,
}
DID = "did:plc:7iza6de2dwap2sbkpav7c6c6"


def cases(ending: str) -> list[tuple[str, str]]:
    """(kind, text) of every vector file with that ending, spaces kept."""
    cases = []
    for path in sorted(VECTORS.glob(f"*_{ending}.txt")):
        kind = path.name.split("_")[0]
        lines = path.read_text(encoding="utf-8").split("\n")
        cases += [(kind, line) for line in lines if line and not line.startswith("#")]
    return cases


def test_the_vectors_cover_every_identifier() -> None:
    """Each of the eight identifiers has valid and invalid vectors."""
    assert set(KINDS) == {kind for kind, _ in cases("syntax_valid")}
    assert set(KINDS) == {kind for kind, _ in cases("syntax_invalid")}
    assert {"datetime", "language"} == {kind for kind, _ in cases("parse_invalid")}


@pytest.mark.parametrize(("kind", "text"), cases("syntax_valid"))
def test_valid_vectors_are_kept_as_they_are(kind: str, text: str) -> None:
    """What the vectors call valid is accepted; only handles change, to lower case."""
    expected = text.lower() if kind == "handle" else text
    assert expected == KINDS[kind](text)


@pytest.mark.parametrize(("kind", "text"), cases("syntax_invalid") + cases("parse_invalid"))
def test_invalid_vectors_are_refused(kind: str, text: str) -> None:
    """What the vectors call invalid raises InvalidSyntax."""
    with pytest.raises(InvalidSyntax):
        KINDS[kind](text)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("text", ["", " ", "\n", "\x00", "é", None, 7, b"did:plc:a"])
def test_nothing_and_other_types_are_refused(kind: type[str], text: object) -> None:
    """Empty text, control characters and values that are no text are refused by every identifier."""
    with pytest.raises(InvalidSyntax):
        kind(text)


@pytest.mark.parametrize(("kind", "text"), [("handle", "alice.test"), ("tid", "3jzfcijpj2z2a"), ("did", DID)])
def test_a_final_newline_is_not_overlooked(kind: str, text: str) -> None:
    """A valid identifier with a newline at its end is refused."""
    with pytest.raises(InvalidSyntax):
        KINDS[kind](text + "\n")


@pytest.mark.parametrize("text", ["did:web:a%ZZ", "did:web:a%F", "did:web:a%B:foo", "did:web:a::::", "did:web:%"])
def test_percent_signs_in_dids_need_two_digits(text: str) -> None:
    """A percent sign without two hexadecimal digits, and a colon at the end, make no DID."""
    with pytest.raises(InvalidSyntax):
        Did(text)


@pytest.mark.parametrize("text", ["de-419-DE", "EN", "en_US", "english-", "en--US", "x", "en-u"])
def test_languages_follow_the_whole_grammar(text: str) -> None:
    """Tags that only look like BCP 47 are refused."""
    with pytest.raises(InvalidSyntax):
        Language(text)


@pytest.mark.parametrize(
    "text", ["0000-01-01T00:00:00Z", "0009-01-01T00:00:00Z", "9999-12-31T23:30:00-07:00", "2024-01-01T00:00:00+24:00"]
)
def test_times_out_of_range_are_refused(text: str) -> None:
    """Years before 10, after 9999 in UTC, and offsets of a day are refused."""
    with pytest.raises(InvalidSyntax):
        Datetime(text)


def test_a_datetime_tells_its_time_in_utc() -> None:
    """The moment counts the offset in and keeps microseconds."""
    expected = datetime(1985, 4, 12, 21, 35, 50, 123456, tzinfo=UTC)
    assert expected == Datetime("1985-04-12T23:20:50.1234567+01:45").utc


def test_an_at_uri_tells_its_parts() -> None:
    """The address of a record has authority, collection and record key."""
    expected = (DID, "app.bsky.feed.post", "3jzfcijpj2z2a")
    uri = AtUri.make(*expected)
    assert f"at://{'/'.join(expected)}" == uri
    assert expected == (uri.authority, uri.collection, uri.rkey)


def test_absent_parts_of_an_at_uri_are_empty() -> None:
    """The address of a repository or a collection has empty parts where it ends."""
    expected = [("alice.test", "", ""), (DID, "app.bsky.feed.post", "")]
    uris = [AtUri("at://alice.test"), AtUri(f"at://{DID}/app.bsky.feed.post")]
    assert expected == [(uri.authority, uri.collection, uri.rkey) for uri in uris]


def test_making_an_at_uri_of_bad_parts_is_refused() -> None:
    """A record key with a slash cannot smuggle in another part."""
    with pytest.raises(InvalidSyntax):
        AtUri.make(DID, "app.bsky.feed.post", "a/b")


def test_a_did_tells_its_method() -> None:
    """The method is the second part."""
    expected = ["plc", "web"]
    assert expected == [Did(DID).method, Did("did:web:example.com").method]


def test_the_error_says_what_and_what_to_do() -> None:
    """InvalidSyntax is an InputError and a ValueError, quotes the text (cut), and has a hint."""
    with pytest.raises(InvalidSyntax) as caught:
        Handle("@alice" + "x" * 5000)
    expected = ("id.invalid", InputError.exit_code)
    assert expected == (caught.value.code, caught.value.exit_code)
    assert isinstance(caught.value, ValueError)
    assert len(caught.value.message) < 150
    assert "alice.bsky.social" in caught.value.hint


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_identifiers_survive_copies(kind: type[str]) -> None:
    """Pickled, copied or validated again, an identifier is the same and of the same type."""
    name = next(name for name, value in KINDS.items() if value is kind)
    original = kind(next(text for case_kind, text in cases("syntax_valid") if case_kind == name))
    for again in (pickle.loads(pickle.dumps(original)), copy.deepcopy(original), kind(original)):
        assert (kind, original) == (type(again), again)


@given(st.text())
def test_any_text_is_accepted_or_refused(text: str) -> None:
    """No text makes an identifier fail in another way than InvalidSyntax."""
    for kind in KINDS.values():
        with contextlib.suppress(InvalidSyntax):
            assert text.lower() == kind(text).lower()


@given(st.datetimes(min_value=datetime(10, 1, 2), max_value=datetime(9999, 12, 30)))
def test_any_time_of_ours_is_a_valid_datetime(moment: datetime) -> None:
    """What Python writes for an aware moment is read back as the same moment."""
    aware = moment.replace(tzinfo=UTC)
    assert aware == Datetime(aware.isoformat(timespec="microseconds")).utc
