"""The string formats of lexicons, exactly as strict as the reference server.

`protocol.atproto.syntax` checks every format on which both agree. Times are checked here: the server accepts times
that no calendar has (30 February).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from skywrite.protocol.atproto.syntax import AtUri, Did, Handle, InvalidSyntax, Language, Nsid, RecordKey, Tid
from skywrite.sandbox.lexdata import is_cid

MAX_DATETIME_LENGTH = 64
_URI = re.compile(r"[A-Za-z0-9_]+:(?://)?[^\s/]\S*")
_DATETIME = re.compile(
    r"(\d{4})-(0[1-9]|1[012])-([0-2]\d|3[01])T([01]\d|2[0-3]):([0-5]\d):[0-5]\d(?:\.\d+)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_MINUTES_A_DAY = 1440
_TITLES = {
    "at-identifier": "AT identifier",
    "did": "DID",
    "nsid": "NSID",
    "cid": "CID string",
    "tid": "TID string",
    "record-key": "record key",
}


def has_format(text: str, name: str) -> bool:
    """Whether the text has the named format."""
    return _CHECKS[name](text)


def format_title(name: str) -> str:
    """The format's name in error messages."""
    return _TITLES.get(name, name)


def _reads_as(*classes: type[str]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        for one in classes:
            try:
                one(text)
            except InvalidSyntax:
                continue
            return True
        return False

    return check


def _is_datetime(text: str) -> bool:
    match = _DATETIME.fullmatch(text)
    if match is None or len(text) > MAX_DATETIME_LENGTH or text.endswith("-00:00"):
        return False
    year, day, zone = match[1], match[2] + match[3], match[6]
    if match[3] == "00":
        return False
    offset = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    minutes = int(match[4]) * 60 + int(match[5]) - offset
    if year == "0000" and day == "0101":
        return minutes >= 0
    if year == "9999" and day == "1231":
        return minutes < _MINUTES_A_DAY
    return True


def _is_uri(text: str) -> bool:
    return _URI.fullmatch(text) is not None


_CHECKS: dict[str, Callable[[str], bool]] = {
    "at-identifier": _reads_as(Did, Handle),
    "at-uri": _reads_as(AtUri),
    "cid": is_cid,
    "datetime": _is_datetime,
    "did": _reads_as(Did),
    "handle": _reads_as(Handle),
    "language": _reads_as(Language),
    "nsid": _reads_as(Nsid),
    "record-key": _reads_as(RecordKey),
    "tid": _reads_as(Tid),
    "uri": _is_uri,
}
