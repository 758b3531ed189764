"""What the command line prints: sentences, tables and JSON; colours only on a terminal.

What does not live here: how a post is shown (`view`).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TextIO, cast

import click

from skywrite.app.shapes.jsonable import jsonable
from skywrite.core.shown import printable, printable_line, printable_styled
from skywrite.faces.cli.hints import hint_text
from skywrite.faces.cli.terminal import wrapped

PIECES = 200
UNSAID_MAX = 2000
QUIET = "skywrite.quiet"


class OutputLost(OSError):
    """Output could not be written; `unsaid` is what it was to say."""

    unsaid: str = ""


class CleanStream:
    """A stream for terminals and pipes that removes untrusted control characters, and keeps what was not written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.buffer = CleanBytes(self)
        self._unsaid = ""

    def write(self, text: str) -> int:
        clean = printable_styled(text)
        self._unsaid = f"{self._unsaid}{clean}"[-UNSAID_MAX:]
        with self._losing():
            self._stream.write(clean)
        return len(text)

    def flush(self) -> None:
        with self._losing():
            self._stream.flush()
        self._unsaid = ""

    @contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            lost = OutputLost(error.errno, error.strerror)
            lost.unsaid = self._unsaid
            raise lost from None

    def write_raw(self, text: str) -> None:
        """Write our own text, with its carriage returns."""
        self._stream.write(text)
        self._stream.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class CleanBytes:
    """The binary buffer of a clean stream, to which click sometimes writes text: it is cleaned too."""

    def __init__(self, stream: CleanStream) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        self._stream.write(data.decode("utf-8", "replace"))
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def open_streams() -> None:
    """Open the standard streams that the caller closed: otherwise our next file would take their place."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            place = os.open(os.devnull, os.O_RDWR)
            if place != number:
                os.dup2(place, number)
                os.close(place)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def clean_streams() -> None:
    """From now on all output is clean; characters that the terminal cannot show are escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure") and not isinstance(stream, CleanStream):
            stream.reconfigure(errors="backslashreplace")
            setattr(sys, name, cast(TextIO, CleanStream(stream)))


def print_json(value: Any) -> None:
    """Print one JSON value, for scripts, with hints rendered for the command line."""
    click.echo(json_text(jsonable(value, hint_text), indent=1 if isinstance(value, list | tuple) else None))


def json_array(items: Iterable[Any]) -> Iterator[str]:
    """The lines of a JSON array, made one item at a time: it may not fit into memory."""
    before = "["
    for item in items:
        yield f"{before}\n " + json_text(jsonable(item, hint_text), indent=1).replace("\n", "\n ")
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def print_json_array(items: Iterable[Any]) -> None:
    """`print_json` of a long list, item by item."""
    print_pieces(json_array(items))


def print_pieces(pieces: Iterable[str]) -> None:
    """Print a long text as it comes, many pieces at a time, because each time is written out at once."""
    remaining = iter(pieces)
    while some := "".join(islice(remaining, PIECES)):
        click.echo(some, nl=False)


def json_text(value: Any, indent: int | None = None) -> str:
    """A value as JSON for standard output: everything but ASCII is escaped unless the encoding is UTF-8."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    return json.dumps(value, ensure_ascii=encoding not in ("utf-8", "utf8"), indent=indent)


def print_error(error: Mapping[str, str], as_json: bool) -> None:
    """Print an error: what happened, and what to do; with --json as an object on standard output."""
    if as_json:
        print_json(error)
        return
    _labelled(click.style("Error:", fg="red", bold=True), 7, error["message"])
    if error["hint"]:
        # Not wrapped: a command that is broken into two lines cannot be pasted.
        click.echo(f"{click.style('To do:', fg='cyan')} {printable_line(hint_text(error['hint']))}", err=True)


def _labelled(label: str, first: int, sentence: str) -> None:
    """Print a sentence after a label, on standard error."""
    click.echo(f"{label} {wrapped(printable_line(sentence), first=first, stream=sys.stderr)}", err=True)


def is_quiet() -> bool:
    """Whether to print only errors, and what was asked for."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(QUIET))


def print_aside(line: str) -> None:
    """Print optional advice, such as what to do next."""
    if not is_quiet():
        click.echo(f"  {wrapped(line, first=2)}")


def print_done(sentence: str) -> None:
    """Print what was done."""
    if is_quiet():
        return
    click.echo(f"{click.style('✓', fg='green')} {wrapped(printable_line(sentence), first=2)}")


def print_outcome(as_json: bool, outcome: Any, sentence: str) -> None:
    """Print what was done: as JSON for a script, in a sentence for a person."""
    if as_json:
        print_json(outcome)
    else:
        print_done(sentence)


def print_warnings(warnings: Iterable[str]) -> None:
    """Print warnings on standard error."""
    if is_quiet():
        return
    for warning in warnings:
        _labelled(click.style("Note:", fg="yellow"), 6, warning)


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns; the last one may have any length."""
    lines = [list(head), *[[printable_line(cell) for cell in row] for row in rows]]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    for number, line in enumerate(lines):
        cells = [cell.ljust(width) for cell, width in zip(line[:-1], widths[:-1], strict=True)] + [line[-1]]
        text = "  ".join(cells).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)


def one_line(text: str, width: int = 60) -> str:
    """The beginning of a text, for a table."""
    flat = printable(" ".join(text.split()))
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def upload_progress() -> Callable[[Any, str, int, int], None] | None:
    """A progress bar for uploads; None if not on a terminal."""
    if is_quiet() or not sys.stderr.isatty():
        return None
    shown = {"percent": -1}

    def show(post: Any, cid: str, done: int, size: int) -> None:
        percent = 100 * done // max(size, 1)
        if size < 1_000_000 or percent == shown["percent"]:
            return
        shown["percent"] = percent
        bar = "█" * (percent // 5)
        end = "\n" if percent == 100 else ""
        _write_raw(f"\rUploading {bar:<20} {percent:3d} % of {size / 1e6:.1f} MB {end}")

    return show


def _write_raw(text: str) -> None:
    if isinstance(sys.stderr, CleanStream):
        sys.stderr.write_raw(text)
    else:
        click.echo(text, err=True, nl=False)
