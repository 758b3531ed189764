"""The terminal: its width, the width of text, the pager, and asking whoever sits there.

What lives here: measuring and cutting text, and the question for a word or a password. What does not: the content
(`listing`, `showing`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import TextIO

import click

from skywrite.core.errors import InputError

PIPE_COLUMNS = 120
COLUMNS_MIN = 40
LINES = 200
# What makes an emoji of the character before it, and the letters of which flags are made.
_EMOJI = "\ufe0f"
_FLAGS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))


def is_terminal() -> bool:
    """Whether the output is a terminal."""
    return sys.stdout.isatty()


def can_ask() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def has_person() -> bool:
    """Whether a person started this: from a terminal, whatever its input and output are now. Cron has none."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return sys.stdin.isatty() or sys.stderr.isatty()
    return True


def ask(what: str, *, instead: str, hide: bool = False) -> str:
    """What somebody types. Raises InputError if nobody is there; `instead` says how else to give it."""
    if not sys.stdin.isatty():
        raise InputError(f"{what} is missing, and there is no terminal to ask on.", hint=instead)
    return str(click.prompt(what, hide_input=hide, err=True))


def plain_terminal() -> bool:
    """Whether to avoid colours and pagers: NO_COLOR (no-color.org) or a dumb terminal."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def columns() -> int:
    """The columns of a line; a fixed number if not on a terminal."""
    if not is_terminal() and not os.environ.get("COLUMNS"):
        return PIPE_COLUMNS
    return max(_size().columns, COLUMNS_MIN)


def _size() -> os.terminal_size:
    # It loads what compresses files, which takes 2 ms; posting needs neither.
    import shutil

    return shutil.get_terminal_size()


def width(text: str) -> int:
    """The columns of a text: wide characters and emoji take two, combining marks none."""
    if text.isascii():
        return len(text)
    from skywrite.protocol.bsky.graphemes import graphemes

    return sum(map(_columns_of, graphemes(text)))


def _columns_of(cluster: str) -> int:
    """The columns of what is one character to a reader (UAX 11 and 29): those of its first one, wide as an emoji."""
    from unicodedata import category, east_asian_width

    first = cluster[0]
    if _EMOJI in cluster or east_asian_width(first) in "WF" or first in _FLAGS:
        return 2
    return 0 if category(first) in ("Mn", "Me", "Cf", "Cc") else 1


def cut(text: str, room: int) -> str:
    """The beginning of a text, on one line, cut to so many columns."""
    from skywrite.core.shown import printable

    flat = printable(" ".join(text.split()))
    if width(flat) <= room:
        return flat
    from skywrite.protocol.bsky.graphemes import graphemes

    kept, taken = "", 0
    for cluster in graphemes(flat):
        taken += width(cluster)
        if taken > room - 1:
            break
        kept += cluster
    return kept.rstrip() + "…"


def wrapped(text: str, *, first: int = 0, stream: TextIO | None = None) -> str:
    """A sentence wrapped between words, if on a terminal; `first` columns are already used.

    Words that are longer than a line, such as addresses, stay whole.
    """
    if not (stream or sys.stdout).isatty():
        return text
    import textwrap

    room = max(_size().columns, COLUMNS_MIN)
    if first + width(text) <= room:
        return text
    lines = textwrap.wrap(
        " " * first + text, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)[first:]


def pad(text: str, room: int) -> str:
    """A text padded with blanks to so many columns."""
    return text + " " * max(room - width(text), 0)


def print_columns(rows: Sequence[Sequence[str]], *, gap: str = "  ") -> None:
    """Print rows with aligned cells; the last cell gets the rest of the line."""
    if not rows:
        return
    widths = [max(width(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
    room = max(columns() - sum(widths) - len(gap) * len(widths), 10)
    for row in rows:
        cells = [pad(cell, size) for cell, size in zip(row[:-1], widths, strict=True)]
        click.echo(gap.join([*cells, cut(row[-1], room)]).rstrip())


def show(lines: Iterable[str]) -> None:
    """Print lines as they come, through a pager if they do not fit on the terminal."""
    remaining = iter(lines)
    first = list(islice(remaining, _size().lines)) if is_terminal() and not plain_terminal() else []
    if not first or len(first) < _size().lines:
        # Each time is written out at once, so many lines at a time.
        everything = chain(first, remaining)
        while some := list(islice(everything, LINES)):
            click.echo("\n".join(some))
        return
    # less: exit if it fits on one screen, keep colours, do not clear the screen.
    os.environ.setdefault("LESS", "-FRX")
    click.echo_via_pager(f"{line}\n" for line in chain(first, remaining))
