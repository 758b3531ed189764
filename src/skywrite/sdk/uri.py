"""The SDK's `AtUri`: an at-uri in its parts.

What lives here: reading and making one. What does not: the strict reading of records' addresses (`atproto.syntax`).
"""

from __future__ import annotations

import re
from typing import NamedTuple, Self
from urllib.parse import parse_qsl

from skywrite.core.errors import InputError

_AT_URI = r"(?:at://)?(did:[a-z0-9:%-]+|[a-z0-9][a-z0-9.:-]*)(/[^?#\s]*)?(?:\?([^#\s]+))?(#\S+)?"
_RELATIVE = r"(/[^?#\s]*)?(?:\?([^#\s]+))?(#\S+)?"


class AtUri(NamedTuple):
    """An at-uri: whose it is (`host`), and the way to a record there.

    AtUri.from_str("at://did:plc:abc/app.bsky.feed.post/3k2a").rkey
    """

    host: str
    pathname: str = ""
    hash: str = ""
    search: str = ""

    @classmethod
    def from_str(cls, uri: str) -> Self:
        """Read an at-uri. Raises InputError."""
        match = re.fullmatch(_AT_URI, uri, re.IGNORECASE)
        if match is None:
            raise InputError(f"{uri[:200]!r} is not an at-uri.", hint="One looks like at://did:plc:.../COLLECTION/KEY.")
        return cls(match[1], match[2] or "", match[4] or "", match[3] or "")

    @classmethod
    def from_relative_str(cls, base: str, uri: str) -> Self:
        """Read the part after the host. Raises InputError."""
        match = re.fullmatch(_RELATIVE, uri)
        if match is None:
            raise InputError(f"{uri[:200]!r} is not the path of an at-uri.", hint="One begins with a slash.")
        return cls(base, match[1] or "", match[3] or "", match[2] or "")

    @classmethod
    def make(cls, handle_or_did: str, collection: str | None = None, rkey: str | None = None) -> Self:
        """The at-uri of an account, a collection or a record."""
        return cls.from_str("/".join(part for part in (handle_or_did, collection, rkey) if part))

    @property
    def protocol(self) -> str:
        """Always at://"""
        return "at://"

    @property
    def hostname(self) -> str:
        """Whose it is: a DID or a handle."""
        return self.host

    @property
    def origin(self) -> str:
        """The address of the account."""
        return f"at://{self.host}"

    @property
    def collection(self) -> str:
        """The collection, or an empty text."""
        return self._parts[0]

    @property
    def rkey(self) -> str:
        """The key of the record, or an empty text."""
        return self._parts[1]

    @property
    def _parts(self) -> list[str]:
        return [*(part for part in self.pathname.split("/") if part), "", ""]

    @property
    def search_params(self) -> list[tuple[str, str]]:
        """The pairs after the question mark."""
        return parse_qsl(self.search)

    @property
    def href(self) -> str:
        """The whole at-uri."""
        return str(self)

    @property
    def http(self) -> str:
        """The SDK's older name for `href`."""
        return str(self)

    def __str__(self) -> str:
        path = self.pathname or "/"
        return f"at://{self.host}{path}{self.search and f'?{self.search}'}{self.hash}"
