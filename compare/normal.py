"""What differs between two runs of the same code is put into words that do not: one pure function.

What lives here: ids, secrets, digests, addresses, fractions of seconds, durations and versions. What does not: dates
and times themselves, which a clock that stands still keeps the same (`stage`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_VERSION = r"v?\d+(?:\.\d+)+[\w.+-]*"
# Names in camel case have neither a digit nor two capitals in a row; a random text of this length hardly ever has none.
_RANDOM = r"(?<![\w+.-])(?=[\w-]*(?:\d|[A-Z]{2}))(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{28,}(?![\w+-])"
# Kinds of ids, each with what it looks like. An id is numbered where it first stands, so that it stays visible which
# of them are the same. What comes earlier is replaced earlier.
_IDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("jwt", r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),
        ("key", r"\bskw_\w+"),
        ("secret", r"\bwhsec_[A-Za-z0-9+/_-]+=*"),
        ("password", r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b"),
        ("did", r"\bdid:plc:[a-z2-7]{24}\b"),
        ("cid", r"\bba[a-z2-7]{57,}\b"),
        ("uuid", r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
        ("digest", r"\b(?=[a-f]*\d)[0-9a-f]{32,}\b"),
        ("rkey", r"\b3[2-7a-z]{12}\b"),
        # Bytes in base 64, and what is made like that for addresses.
        ("sealed", r"(?<![\w/+])[A-Za-z0-9+/]{30,}={1,2}|(?<=\"seal\": \")[^\"<]+"),
        ("token", _RANDOM),
    )
)
_FRACTION = re.compile(r"(?<=\d\d:\d\d:\d\d[.,])\d+")
# What is replaced by the same words wherever it stands.
_REPLACED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"((?:localhost|127\.0\.0\.1|\[::1\])(?::|%3A))\d{2,5}\b", r"\1<port>"),
        # What another clock counts: how many requests are left, and when a cookie ends that ends now.
        (r"\br=\d+;t=\d+", "r=<left>;t=<seconds>"),
        (r"\bexpires=\w{3}, [\w :-]+ GMT", "expires=<time>"),
        # What was measured has a fraction; what somebody chose, such as a limit, has none, and is compared.
        (r"\b\d+\.\d+ ?(ms|s|seconds?)\b", r"<duration> \1"),
        (
            rf"\b(Python|SQLite|PostgreSQL|OpenSSL|ffmpeg|Linux|Pillow|uvicorn)([ /:]+(?:version )?){_VERSION}",
            r"\1\2<version>",
        ),
        (r"(?m)[ \t]+$", ""),
    )
)


def normalised(text: str, names: Mapping[str, str] | None = None) -> str:
    """The text without what another run of the same code would write otherwise.

    `names` are words of this run alone, such as its folders, and what is written for them.
    """
    for word, name in sorted((names or {}).items(), key=lambda pair: -len(pair[0])):
        text = text.replace(word, name)
    # How many digits there are belongs to the format.
    text = _FRACTION.sub(lambda match: "0" * len(match[0]), text)
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    for kind, pattern in _IDS:
        text = _numbered(text, kind, pattern)
    return text


def _numbered(text: str, kind: str, pattern: re.Pattern[str]) -> str:
    """The text with numbers for the ids of one kind, counted from where each first stands."""
    numbers: dict[str, int] = {}
    return pattern.sub(lambda match: f"<{kind} {numbers.setdefault(match[0], len(numbers) + 1)}>", text)
