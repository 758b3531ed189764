"""The fenced blocks of the documentation: all of them, in the order of their pages.

What lives here: finding them. What does not: what each of them is (`pages`), and running them (`readers`).
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from tests.support.processes import ROOT

# Indented ones, in lists, are blocks, too; the end has the indentation of the beginning.
_BLOCK = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*(\S*)[^\n]*\n(.*?)^\1\2[ \t]*$", re.MULTILINE | re.DOTALL)
# script/docs writes these from the code, whose own tests read every help and every code.
_MADE = {"docs/reference/command-line.md", "docs/reference/errors.md"}
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    code: str

    @property
    def name(self) -> str:
        """Where to look for it."""
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Every page of the repository that is Markdown and written by hand, by its path."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("deploy/**/*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted({path.relative_to(ROOT).as_posix() for path in paths} - _MADE)


def blocks(page: str) -> list[Block]:
    """All blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [
        Block(page, text.count("\n", 0, match.start()) + 1, match[3], textwrap.dedent(match[4]))
        for match in _BLOCK.finditer(text)
    ]
    assert len(_FENCE.findall(text)) == 2 * len(blocks), f"{page} has a fence that does not end"
    return blocks
