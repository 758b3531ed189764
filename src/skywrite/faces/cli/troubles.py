"""What is wrong with many files, on a terminal: a few problems one by one, many of one kind as one.

What does not live here: finding them (`sources.folder`, `sources.check`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from skywrite.faces.cli.hints import hint_text
from skywrite.posting.sources.post_file import unknown_field

# So many problems of one kind are shown as one.
FOLD_FROM = 6
WORDS_MAX = 8
ARTICLES_MIN = 3
_QUOTED = re.compile(r"'[^']*'")
# What differs between problems of one kind: quoted words, names of files, numbers.
_VARIES = re.compile(r"'[^']*'|(?<![^\s'])[^\s']*[/.]\w[^\s']*|\d+")
SITE_HINT = (
    "These files look like articles of a website. To post each new one with its link, "
    "add the site's feed: skywrite feeds add https://example.com/blog"
)


class Trouble(NamedTuple):
    """One problem: the file, the line if there is one, what is wrong, and what to do."""

    file: str
    line: int | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.file}{f':{self.line}' if self.line else ''}: {self.message}"


def trouble_lines(troubles: Iterable[Trouble], label: str = "") -> Iterator[str]:
    """The lines that say what is wrong, those of one kind together."""
    kinds: dict[str, list[Trouble]] = {}
    for one in troubles:
        kinds.setdefault(_VARIES.sub("", one.message), []).append(one)
    for same in kinds.values():
        shown = same if len(same) < FOLD_FROM else same[:1]
        for one in shown:
            yield f"{label}{one}"
            if one.hint:
                yield f"    {hint_text(one.hint)}"
        if len(same) > len(shown):
            files = len({one.file for one in same})
            yield f"    {len(same) - 1:,} more like it, in {files:,} files{_words(same)}. All of them: --json"


def looks_like_a_site(troubles: Sequence[Trouble]) -> bool:
    """Whether most of the files that are wrong have a title, as articles have and posts have not."""
    wrong = {one.file for one in troubles}
    titled = {one.file for one in troubles if one.message == unknown_field("title")}
    return len(titled) >= ARTICLES_MIN and 2 * len(titled) > len(wrong)


def _words(same: Sequence[Trouble]) -> str:
    """The quoted words in which problems of one kind differ from the first."""
    quotations = dict.fromkeys(word for one in same for word in _QUOTED.findall(one.message))
    others = [word for word in quotations if word not in same[0].message]
    if not others:
        return ""
    return f" (also {', '.join(others[:WORDS_MAX])}{', ...' if len(others) > WORDS_MAX else ''})"
