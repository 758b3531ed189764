"""The identifiers of AT Protocol. Each is a `str` that is known to be valid. A `Ref` is an identifier with a CID.

What lives here: grammar. What does not: anything that needs the network. Each class raises `InvalidSyntax`.
Sources: https://atproto.com/specs/did, /handle, /nsid, /record-key, /at-uri-scheme, /lexicon; RFC 5646 for languages.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import ClassVar, NamedTuple, Self

from skywrite.core.errors import InputError

# Names that are never in the public DNS (RFC 6761, RFC 7686), and those that the handle specification disallows.
RESERVED_ENDINGS = (".test", ".localhost", ".local", ".internal", ".invalid", ".example", ".alt", ".arpa", ".onion")

TID_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_SHOWN_CHARACTERS = 80

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_FIRST_LABEL = r"[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_LANGUAGE = (
    r"(?:[a-z]{2,3}(?:-[A-Za-z]{3}){0,3})(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[0-9A-WY-Za-wy-z](?:-[A-Za-z0-9]{2,8})+)*)"
    r"(?:-[xX](?:-[A-Za-z0-9]{1,8})+)?"
)
_LANGUAGE_ALONE = (
    r"[xX](?:-[A-Za-z0-9]{1,8})+|en-GB-oed|sgn-(?:BE-FR|BE-NL|CH-DE)|art-lojban|cel-gaulish|no-bok|no-nyn|"
    r"zh-(?:guoyu|hakka|min|min-nan|xiang)|"
    r"i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)"
)


class InvalidSyntax(InputError, ValueError):
    """The text is not a valid identifier of its kind."""

    code = "id.invalid"


class _Checked(str):
    """Text of one grammar: `_pattern` must match all of it and `_holds` agree."""

    __slots__ = ()
    _called: ClassVar[str]
    _pattern: ClassVar[str]
    _max_length: ClassVar[int]
    _hint: ClassVar[str]

    def __new__(cls, text: str) -> Self:
        if type(text) is cls:
            return text
        if not isinstance(text, str):
            raise InvalidSyntax(f"{cls._called} must be text, not {type(text).__name__}.", hint=cls._hint)
        # `re` compiles a pattern on first use and caches it, so importing this module compiles none.
        if len(text) > cls._max_length or not re.fullmatch(cls._pattern, text) or not cls._holds(text):
            raise InvalidSyntax(f"{_shown(text)} is not {cls._called}.", hint=cls._hint)
        return super().__new__(cls, cls._normal(text))

    @classmethod
    def _holds(cls, text: str) -> bool:
        return True

    @classmethod
    def _normal(cls, text: str) -> str:
        return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...")


class Did(_Checked):
    """A decentralized identifier, such as `did:plc:ewvi7nxzyoun6zhxrhs64oiz`."""

    __slots__ = ()
    _called = "a DID"
    _pattern = r"did:[a-z]+:(?:[a-zA-Z0-9._:-]|%[0-9a-fA-F]{2})*(?:[a-zA-Z0-9._-]|%[0-9a-fA-F]{2})"
    _max_length = 2048
    _hint = "A DID looks like did:plc:ewvi7nxzyoun6zhxrhs64oiz."

    @property
    def method(self) -> str:
        """The second part: `plc`, `web`."""
        return self.split(":", 2)[1]


class Handle(_Checked):
    """A domain name that stands for an account, in lower case and without `@`."""

    __slots__ = ()
    _called = "a handle"
    _pattern = rf"(?:{_LABEL}\.)+{_FIRST_LABEL}"
    _max_length = 253
    _hint = "A handle is a whole domain name without @, such as alice.bsky.social."

    @classmethod
    def _normal(cls, text: str) -> str:
        return text.lower()


class Nsid(_Checked):
    """The name of a lexicon, such as `app.bsky.feed.post`."""

    __slots__ = ()
    _called = "an NSID"
    _pattern = rf"{_FIRST_LABEL}(?:\.{_LABEL})+\.[a-zA-Z][a-zA-Z0-9]{{0,62}}"
    _max_length = 253 + 1 + 63
    _hint = "An NSID is a reversed domain name and a name, such as app.bsky.feed.post."


class RecordKey(_Checked):
    """The last part of a record's address (`rkey`)."""

    __slots__ = ()
    _called = "a record key"
    _pattern = r"[a-zA-Z0-9_~.:-]+"
    _max_length = 512
    _hint = "A record key has 1 to 512 characters of A-Z a-z 0-9 . - _ : ~ and is neither . nor .. ."

    @classmethod
    def _holds(cls, text: str) -> bool:
        return text not in (".", "..")


class Tid(_Checked):
    """A record key that contains a time; see `tid`."""

    __slots__ = ()
    _called = "a TID"
    _pattern = rf"[{TID_ALPHABET[:16]}][{TID_ALPHABET}]{{12}}"
    _max_length = 13
    _hint = "A TID has 13 characters, such as 3jzfcijpj2z2a."


class AtUri(_Checked):
    """The address of a repository, a collection or a record: `at://authority[/collection[/rkey]]`.

    Without query and fragment: the form that lexicons allow.
    """

    __slots__ = ()
    _called = "an at:// address"
    _pattern = r"at://[^/]+(?:/[^/]+(?:/[^/]+)?)?"
    _max_length = 8192
    _hint = "An address looks like at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3jzfcijpj2z2a."

    @classmethod
    def make(cls, did: str, collection: str, rkey: str) -> AtUri:
        """The address of one record."""
        return cls(f"at://{did}/{collection}/{rkey}")

    @classmethod
    def _holds(cls, text: str) -> bool:
        authority, *path = text.removeprefix("at://").split("/")
        try:
            (Did if authority.startswith("did:") else Handle)(authority)
            for part, kind in zip(path, (Nsid, RecordKey), strict=False):
                kind(part)
        except InvalidSyntax:
            return False
        return True

    @property
    def authority(self) -> str:
        """The DID or handle."""
        return self.split("/")[2]

    @property
    def collection(self) -> str:
        """The collection's NSID; empty in the address of a repository."""
        return self._part(3)

    @property
    def rkey(self) -> str:
        """The record key; empty in the address of a repository or a collection."""
        return self._part(4)

    def _part(self, number: int) -> str:
        parts = self.split("/")
        return parts[number] if len(parts) > number else ""


class Datetime(_Checked):
    """A time as lexicons write it: RFC 3339 with `T`, seconds and a zone, which is `Z` or an offset."""

    __slots__ = ()
    _called = "a date and time of the protocol"
    _pattern = (
        r"(?!000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,20})?"
        r"(?:Z|(?!-00:00)[+-][0-9]{2}:[0-9]{2})"
    )
    _max_length = 64
    _hint = "Write it as 2024-11-05T09:30:00.000Z; the zone is required."

    @classmethod
    def _holds(cls, text: str) -> bool:
        try:
            _parse_time(text)
        except (ValueError, OverflowError):
            return False
        return True

    @property
    def utc(self) -> datetime:
        """As a datetime in UTC, without digits after the microseconds."""
        return _parse_time(self)


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class Language(_Checked):
    """A BCP 47 language tag in strict form: the language in lower case, no repeated variant or extension."""

    __slots__ = ()
    _called = "a language tag"
    _pattern = rf"{_LANGUAGE_ALONE}|{_LANGUAGE}"
    _max_length = 128
    _hint = "A language tag looks like en, de or pt-BR (BCP 47)."

    @classmethod
    def _holds(cls, text: str) -> bool:
        matched = re.fullmatch(cls._pattern, text)
        if matched is None or matched["variants"] is None:
            return True
        variants = matched["variants"].lower().split("-")[1:]
        singletons = [part for part in matched["extensions"].lower().split("-")[1:] if len(part) == 1]
        return len(set(variants)) == len(variants) and len(set(singletons)) == len(singletons)


class Ref(NamedTuple):
    """A record, by at-uri and the CID of its content (com.atproto.repo.strongRef)."""

    uri: str
    cid: str

    def as_dict(self) -> dict[str, str]:
        """The object that records contain."""
        return {"uri": self.uri, "cid": self.cid}
