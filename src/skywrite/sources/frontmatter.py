"""The head of a Markdown file: a small, safe part of YAML, with the line of every value and every error. Pure.

What lives here: mappings, lists and scalars, built from the parser's events. What does not: what the names mean
(`folder`). Left out on purpose: anchors and aliases (with which a short text unfolds without end), tags, and scalars
that become something else than they look like: `no`, `17:00`, `2026-12-24` and `1e3` stay texts, only `true`, `false`
and nothing at all are more than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from skywrite.errors import InputError

HEAD_BYTES_MAX = 20_000
DEPTH_MAX = 8

_NOTHING = ("", "~", "null", "Null", "NULL")
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")


class InvalidFrontMatter(InputError):
    """The head of a file cannot be read; `line` counts from 1 in the file."""

    def __init__(self, message: str, line: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line


def read_front_matter(text: str, first_line: int = 1) -> tuple[dict[str, Any], dict[str, int]]:
    """The values of a head (without its `---` lines), and the lines of all names (`images.0.alt`) in the file.

    Raises InvalidFrontMatter.
    """
    import yaml

    if len(text.encode("utf-8", "surrogatepass")) > HEAD_BYTES_MAX:
        raise InvalidFrontMatter(f"The front matter is larger than {HEAD_BYTES_MAX // 1000} KB.", first_line)
    builder = _Builder(yaml.parse(text, Loader=yaml.SafeLoader), first_line)
    try:
        value = builder.document()
    except yaml.reader.ReaderError as error:
        line = first_line + text[: error.position].count("\n")
        raise InvalidFrontMatter("The front matter holds a character that may not be there.", line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + mark.line if mark else first_line
        problem = error.problem or error.context or "it is not YAML"
        hint = 'Put a text with a colon, #, @ or quotes in it into quotes: alt: "Part 2: the end".'
        raise InvalidFrontMatter(f"The front matter cannot be read: {problem}.", line, hint=hint) from None
    if value is None:
        return {}, {}
    if not isinstance(value, dict):
        raise InvalidFrontMatter("The front matter must be names with values, like `at: 2027-01-05 09:00`.", first_line)
    return value, builder.lines


class _Builder:
    """Values from a parser's events, each event looked at once."""

    def __init__(self, events: Iterator[Any], first_line: int) -> None:
        self._events = events
        self._first_line = first_line
        self.lines: dict[str, int] = {}

    def document(self) -> Any:
        value, documents = None, 0
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise InvalidFrontMatter("The front matter ends twice.", self._line(event))
                value = self._value(next(self._events), "", 0)
        return value

    def _line(self, event: Any) -> int:
        return self._first_line + int(event.start_mark.line)

    def _value(self, event: Any, place: str, depth: int) -> Any:
        kind, line = type(event).__name__, self._line(event)
        if kind == "AliasEvent" or event.anchor:
            raise InvalidFrontMatter("Anchors and aliases (& and *) are not read here.", line, hint="Quote the text.")
        if event.tag not in (None, "!"):
            raise InvalidFrontMatter(f"The tag {event.tag} is not read here.", line, hint="Leave it out.")
        if depth > DEPTH_MAX:
            raise InvalidFrontMatter("The front matter is nested too deeply.", line)
        if place:
            self.lines.setdefault(place, line)
        if kind == "MappingStartEvent":
            return self._mapping(place, depth)
        if kind == "SequenceStartEvent":
            return self._sequence(place, depth)
        return _scalar(event.value) if event.style is None else event.value

    def _mapping(self, place: str, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            line = self._line(event)
            name = self._value(event, "", depth + 1)
            if isinstance(name, dict | list):
                raise InvalidFrontMatter("A name must be a text.", line)
            name = str(event.value)
            if name in values:
                raise InvalidFrontMatter(f"{name!r} is given twice.", line, hint="Keep one of them.")
            inner = f"{place}.{name}" if place else name
            self.lines[inner] = line
            values[name] = self._value(next(self._events), inner, depth + 1)
        return values

    def _sequence(self, place: str, depth: int) -> list[Any]:
        values: list[Any] = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            values.append(self._value(event, f"{place}.{len(values)}", depth + 1))
        return values


def _scalar(text: str) -> Any:
    if text in _NOTHING:
        return None
    return True if text in _TRUE else False if text in _FALSE else text
