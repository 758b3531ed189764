"""What a page shows, beside what came.

What lives here: one reading for both, which leaves out what no page can know (numbers of the network, keys, ports), and
the comparison. `...` and `…` stand for what the page leaves out: alone on a line for lines, else within their line.
"""

from __future__ import annotations

import difflib
import re

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# In this order. What stands for them cannot be read as one of them again.
_UNKNOWABLE = (
    (re.compile(r"did:plc:[a-z2-7]{24}"), "<did>"),
    (re.compile(r"\bbaf[a-z2-7]{20,}"), "<cid>"),
    (re.compile(r"\b3[a-z2-7]{12}\b"), "<rkey>"),
    (re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{4,}…"), "<digest>"),
    (re.compile(r"\bskw_[\w-]{20,}"), "<key>"),
    (re.compile(r"(?<=://)(127\.0\.0\.1|skywrite\.localhost|localhost):\d+"), r"\1:<port>"),
    (re.compile(r"(?<=/sign-in/)\S+"), "<token>"),
)
_LEFT_OUT = re.compile(r"\.\.\.|…")


def normal(text: str) -> str:
    """A text without what differs from run to run."""
    text = _ANSI.sub("", text).replace("\r\n", "\n")
    for pattern, stand_in in _UNKNOWABLE:
        text = pattern.sub(stand_in, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def matches(shown: str, came: str) -> bool:
    """Whether a page shows what came."""
    return re.fullmatch(_pattern(normal(shown)), normal(came)) is not None


def difference(shown: str, came: str) -> str:
    """Both, line by line, for whoever has to mend one of them."""
    lines = difflib.unified_diff(
        normal(shown).splitlines(), normal(came).splitlines(), "shown", "came", lineterm="", n=9
    )
    return "\n".join(lines)


def _pattern(shown: str) -> str:
    lines = []
    for line in shown.splitlines(keepends=True):
        if _LEFT_OUT.fullmatch(line.strip()):
            lines.append(r"(?:[^\n]*(?:\n|$))*?")
        else:
            lines.append(r"[^\n]*?".join(re.escape(part) for part in _LEFT_OUT.split(line)))
    return "".join(lines)
