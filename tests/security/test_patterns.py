"""Every regular expression of the project reads a text that never ends as it should in time that grows with its length.

What lives here: finding the patterns, and the texts. What does not: whole readers with hostile texts (`test_cost.py`).
"""

from __future__ import annotations

import ast
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from skywrite.posting.schedule.slots import parse_slots
from skywrite.posting.sources.foreign_cells import addresses
from skywrite.posting.sources.post_file import read_file
from skywrite.protocol.bsky.shortlink import short_url
from tests.support.processes import ROOT

METHODS: dict[str, Callable[[Any, Any], object]] = {
    "match": lambda pattern, text: pattern.match(text),
    "search": lambda pattern, text: pattern.search(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "finditer": lambda pattern, text: sum(1 for _ in pattern.finditer(text)),
    "findall": lambda pattern, text: pattern.findall(text),
    "sub": lambda pattern, text: pattern.sub(lambda _: text[:0], text),
    "split": lambda pattern, text: pattern.split(text),
}
# Patterns that are not linear, and why no text is long enough for that to matter.
SHORT = {
    "queue.postgres._OPTION": "the address of the database, from the person who runs it",
    "queue.schema.spelled": "our own schema",
    "features.feeds.reading.dates._AFTER": "at most 80 characters",
    "features.feeds.reading.dates._COMMENT": "at most 80 characters",
    "features.feeds.reading.dates._TIME": "at most 80 characters",
    "features.feeds.reading.dates._read": "at most 80 characters",
    "features.feeds.reading.formats._MAIL_FIRST": "at most 400 characters",
    "features.feeds.reading.formats._MAIL_LAST": "at most 400 characters",
    "protocol.bsky.split._ends_sentence": "at most 24 characters",
}
# Long enough for a pattern that is not linear to stand out, and short enough for one of the worst kind to end.
LENGTHS = (24, 250, 1000, 4000)
SUSPECT_SECONDS = 0.004
GROWTH_MAX = 8.0
PIECES = (
    *("a", " ", "\t", "\n", "\r\n", " \n", "1", "-", ".", ":", "/", ",", ";", "@", "#", "*", "_", "`", "!", "&", "%"),
    *(
        "(",
        "[",
        "<",
        "<a",
        "<a ",
        "</a",
        "<!--",
        "](",
        "](a",
        "![",
        "![a",
        "[a](",
        "(a",
        "(at ",
        "'",
        '"',
        "=",
        "a=",
        "\\",
    ),
    *(
        "a ",
        "a.",
        "a@",
        "a/",
        "1:",
        "{",
        "{{",
        "\u2028",
        "\u00a0",
        "é",
        "¹",
        "[[",
        "**a ",
        "__a",
        "http://a",
        "$a",
        "<?xml",
    ),
)
STARTS = ("", "![", "<a ", "a", "http://")
ENDS = ("\x01", "!\n.")


class Found(NamedTuple):
    """A pattern, where it is, and the methods that are called on it."""

    where: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def patterns() -> Iterator[Found]:
    """All patterns that the modules make, apart from those made of a caller's words."""
    for file in sorted((ROOT / "src/skywrite").rglob("*.py")):
        source = file.read_text()
        if "re." in source and "import re\n" in source:
            yield from patterns_in(file, ast.parse(source))


def patterns_in(file: Path, tree: ast.Module) -> Iterator[Found]:
    """Those of one module: what it keeps by name or in a table, and what it writes into calls."""
    name = ".".join(file.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    known = vars(import_module(name))
    short = name.removeprefix("skywrite.")
    used: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in METHODS and isinstance(node.value, ast.Name):
            used[node.value.id].add(node.attr)
    for variable, value in known.items():
        for pattern in kept(value):
            yield Found(f"{short}.{variable}", pattern, frozenset(used[variable] or {"search", "fullmatch"}))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            yield from written(function, known, short)


def kept(value: object) -> Iterator[re.Pattern[Any]]:
    """The patterns in a value."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list | frozenset):
        for item in value:
            yield from kept(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from kept(item)


def written(function: ast.FunctionDef, known: Mapping[str, Any], short: str) -> Iterator[Found]:
    """The patterns in the calls of a function: `re.sub(...)`, and `_pattern(...).sub(...)`, compiled when needed."""
    for node in ast.walk(function):
        if not (isinstance(node, ast.Attribute) and node.attr in METHODS):
            continue
        subject = node.value
        if ast.unparse(subject) == "re":
            subject = next(call for call in ast.walk(function) if isinstance(call, ast.Call) and call.func is node)
        elif not (isinstance(subject, ast.Call) and ast.unparse(subject.func) in ("_pattern", "re.compile")):
            continue
        try:
            pattern = eval(ast.unparse(subject.args[0]), dict(known))
        except NameError:
            continue
        yield Found(f"{short}.{function.name}", re.compile(pattern), frozenset([node.attr]))


def seconds(entry: Found, method: str, text: Any) -> float:
    """The processor time of one call."""
    before = time.thread_time()
    METHODS[method](entry.pattern, text)
    return time.thread_time() - before


def is_linear(entry: Found, method: str, piece: str, start: str, end: str) -> bool:
    """Whether four times the text takes about four times as long."""

    def text(length: int) -> Any:
        whole = start + (piece * (length // len(piece) + 1))[:length] + end
        return whole.encode() if isinstance(entry.pattern.pattern, bytes) else whole

    for length in LENGTHS:
        if seconds(entry, method, text(length)) > SUSPECT_SECONDS:
            small = min(seconds(entry, method, text(length // 4)) for _ in range(5))
            large = min(seconds(entry, method, text(length)) for _ in range(5))
            return large < SUSPECT_SECONDS or large < small * GROWTH_MAX
    return True


LONG = 200_000


def test_a_name_of_200_000_letters_is_read_once() -> None:
    """An address that no browser takes is shown as it is written."""
    address = f"http://{'a' * LONG}ä.com"
    assert address == short_url(address)


def test_a_cell_of_200_000_blanks_is_read_once() -> None:
    """Blanks separate addresses, and nothing else."""
    assert [f"a{' ' * LONG}b"] == addresses(f"a{' ' * LONG}b")
    assert ["https://a.example", "https://b.example"] == addresses(f"https://a.example,{' ' * LONG}https://b.example")


def test_200_000_blanks_between_days_and_times_are_read_once() -> None:
    """They mean what one blank means."""
    blanks = " " * LONG
    assert parse_slots("mon,tue 9:00 am", "UTC") == parse_slots(
        f"mon,{blanks}tue 9:00{blanks}am{blanks};{blanks}", "UTC"
    )


def test_images_that_never_end_are_read_once(tmp_path: Path) -> None:
    """A line of a post's file that begins a hundred thousand images is refused or text, and done with."""
    for piece in ("](a", "![a", "![a]("):
        (tmp_path / "a.md").write_text("Hello\n\n![" + piece * (150_000 // len(piece)))
        assert "Hello" == read_file(tmp_path, "a.md", tmp_path).row["text"][:5]


@pytest.mark.nightly
def test_no_text_holds_a_pattern() -> None:
    """A pattern that is not linear holds the interpreter, and with it the server, for minutes."""
    wrong = [
        (entry.where, method, start, piece, end)
        for entry in patterns()
        if entry.where not in SHORT
        for method in sorted(entry.methods)
        for piece in PIECES
        for start in (STARTS if method in ("match", "fullmatch") else STARTS[:1])
        for end in ENDS
        if not is_linear(entry, method, piece, start, end)
    ]
    assert [] == wrong


def test_every_exception_is_one() -> None:
    """What is said to be short is there; what has gone is no longer an excuse for what comes."""
    places = [entry.where for entry in patterns()]
    assert [] == [short for short in SHORT if short not in places]
    assert len(places) > 200
