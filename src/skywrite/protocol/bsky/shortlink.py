"""The short form in which the official app shows a URL. The facet keeps the whole link.

What lives here: `short_url`. The app parses URLs as browsers do (WHATWG URL). If that needs more than simple rules
(host names in other scripts, numbers as addresses, `..` in paths), the URL stays as it is.
"""

from __future__ import annotations

import re
from functools import cache

_REST_MAX = 15
_REST_KEPT = 13

_URL = r"(?is)https?://(?:[^/?#\\]*@)?([^/?#\\@]*)(/[^?#\\]*)?(\?[^#]*)?(#.*)?"
_HOST = r"(?=[_.-]*[a-z0-9])([a-z0-9_.-]+)(?::([0-9]{0,5}))?"
_NUMBER_AT_END = r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$"
_DEFAULT_PORTS = {"http://": 80, "https:/": 443}
_DOT_SEGMENT = r"(?i)/(?:\.|%2e){1,2}(?:/|$)"
# What browsers percent-encode in a path, a query and a fragment, besides everything outside printable ASCII.
_ENCODED = (frozenset('"<>`{}'), frozenset("\"<>'"), frozenset('"<>`'))


def short_url(url: str) -> str:
    """Host and rest of an http(s) URL, without its scheme. A rest of over 15 characters becomes 13 and `...`.

    Anything else is returned unchanged.
    """
    match = _pattern(_URL).fullmatch(url)
    if match is None or _pattern(r"[\0-\x20\x7f]").search(url):
        return url
    host = _host(match[1].lower(), url[:7].lower())
    path = match[2] or ""
    if host is None or _pattern(_DOT_SEGMENT).search(path):
        return url
    parts = (path, match[3] or "", match[4] or "")
    rest = "".join(_encoded(part, also) for part, also in zip(parts, _ENCODED, strict=True) if len(part) > 1)
    return host + (f"{rest[:_REST_KEPT]}..." if len(rest) > _REST_MAX else rest)


def _host(text: str, scheme: str) -> str | None:
    match = _pattern(_HOST).fullmatch(text)
    if match is None:
        return None
    name = match[1]
    if _pattern(_NUMBER_AT_END).search(name) and not _is_plain_ipv4(name):
        return None
    if not match[2] or int(match[2]) == _DEFAULT_PORTS[scheme]:
        return name
    return f"{name}:{int(match[2])}" if int(match[2]) < 65_536 else None


def _is_plain_ipv4(name: str) -> bool:
    parts = name.split(".")
    return len(parts) == 4 and all(part.isdecimal() and str(int(part)) == part and int(part) < 256 for part in parts)


@cache
def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def _encoded(part: str, also: frozenset[str]) -> str:
    if part.isascii() and also.isdisjoint(part):
        return part
    return "".join(
        character
        if character.isascii() and character not in also
        else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
        for character in part
    )
