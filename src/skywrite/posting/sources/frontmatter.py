"""The front matter of a Markdown file: a small, safe part of YAML, TOML or JSON, with the line of every value and
error. Pure.

What lives here: where it begins and ends, and its mappings, lists and scalars. What does not: what the names mean
(`post_file`).

Left out on purpose: YAML's anchors and aliases (with which a short text can expand without limit), tags, and scalars
that turn into something unexpected: `no`, `17:00`, `2026-12-24` and `1e3` stay texts; only `true`, `false` and empty
values are converted.

The forms are those of python-frontmatter: `---` (three or more, or `---yaml`), `+++` for TOML, `{` for JSON. Blank
lines and comments (`<!-- -->`) may come first. A file that begins like one of them but is not valid is an error, so
that mistyped front matter is never published as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, Literal, NamedTuple

from skywrite.core.errors import InputError

HEAD_BYTES_MAX = 20_000
DEPTH_MAX = 8
AS_TEXT = "If it is meant as text, begin the file with an empty head: a line of --- and another line of ---."

_NOTHING = ("", "~", "null", "Null", "NULL")
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")
_YAML_OPENS = re.compile(r"-{3,}(?:ya?ml)?", re.IGNORECASE)
_TOML_OPENS = re.compile(r"\+{3,}|-{3}toml", re.IGNORECASE)
_ENDS = {"yaml": re.compile(r"-{3,}|\.{3}"), "toml": re.compile(r"\+{3,}")}
_TOML_NAME = re.compile(r"\s*(?:(\[\[?)\s*)?[\"']?([A-Za-z_][\w-]*)[\"']?\s*(?:=|\.|\])")

Kind = Literal["yaml", "toml", "json"]


class InvalidFrontMatter(InputError):
    """The front matter of a file cannot be read; `line` counts from 1 in the file."""

    code = "front_matter.invalid"

    def __init__(self, message: str, line: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line


class Head(NamedTuple):
    """Where front matter is: `opens` is the index of its first line, `text` its content, `body` the line after it."""

    kind: Kind
    opens: int
    text: str
    body: int

    def read(self) -> tuple[dict[str, Any], dict[str, int]]:
        """The values, and the lines of all names (`images.0.alt`) in the file. Raises InvalidFrontMatter."""
        first_line = self.opens + (1 if self.kind == "json" else 2)
        if len(self.text.encode("utf-8", "surrogatepass")) > HEAD_BYTES_MAX:
            raise InvalidFrontMatter(f"The front matter is larger than {HEAD_BYTES_MAX // 1000} KB.", first_line)
        reader = {"yaml": read_front_matter, "toml": _read_toml, "json": _read_json}[self.kind]
        return reader(self.text, first_line)


def find_head(lines: Sequence[str]) -> Head | None:
    """The front matter of a file, or None. Raises InvalidFrontMatter if it begins like one but is not valid."""
    opens = _first_line(lines)
    if opens is None:
        return None
    line = lines[opens].removeprefix("\ufeff").rstrip()
    if line.startswith("{"):
        return _find_json(lines, opens, line)
    kind: Kind = "toml" if _TOML_OPENS.fullmatch(line) else "yaml"
    if kind == "yaml" and not _YAML_OPENS.fullmatch(line):
        if line.startswith(("---", "+++")):
            raise InvalidFrontMatter(f"{line[:20]!r} starts like front matter but is not.", opens + 1, hint=AS_TEXT)
        return None
    end = _ENDS["yaml" if line.startswith("-") else kind]
    for number in range(opens + 1, len(lines)):
        if end.fullmatch(lines[number].rstrip()):
            return Head(kind, opens, "\n".join(lines[opens + 1 : number]), number + 1)
    raise InvalidFrontMatter("The front matter has no end.", opens + 1, hint=f"Close it with a line of {line[:3]}.")


def has_named_head(text: str) -> bool:
    """Whether a text begins with front matter in YAML or TOML that sets something."""
    lines = text.splitlines()
    try:
        head = find_head(lines)
        return head is not None and head.kind != "json" and bool(head.read()[0])
    except InvalidFrontMatter:
        return False


def _first_line(lines: Sequence[str]) -> int | None:
    """The first line that is neither blank nor a comment."""
    in_comment = False
    for number, line in enumerate(lines):
        line = line.removeprefix("\ufeff").strip()
        if in_comment or line.startswith("<!--"):
            in_comment = "-->" not in line
            if not in_comment and not line.endswith("-->"):
                return None
        elif line:
            return number
    return None


def _find_json(lines: Sequence[str], opens: int, line: str) -> Head | None:
    text = "\n".join(lines[opens:]).removeprefix("\ufeff")
    try:
        _, end = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode(text)
    except (ValueError, RecursionError) as error:
        if line != "{" and not re.match(r'\{\s*"', line):
            return None
        where = opens + error.lineno if isinstance(error, json.JSONDecodeError) else opens + 1
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        message = f"The file begins like JSON front matter and is none: {reason}."
        raise InvalidFrontMatter(message, where, hint=AS_TEXT) from None
    rest = text[end:].split("\n", 1)[0]
    last = opens + text.count("\n", 0, end)
    if rest.strip():
        raise InvalidFrontMatter("The text must start on a new line after the }.", last + 1, hint=AS_TEXT)
    return Head("json", opens, text[:end], last + 1)


def _read_json(text: str, first_line: int) -> tuple[dict[str, Any], dict[str, int]]:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in items:
            if name in values:
                raise InvalidFrontMatter(f"{name!r} is given twice.", first_line, hint="Keep one of them.")
            values[name] = value
        return values

    value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=pairs)
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), first_line):
        for name in re.findall(r'"([A-Za-z_]\w{0,40})"\s*:', line):
            lines.setdefault(name, number)
    return _plain(value, first_line), lines


def _read_toml(text: str, first_line: int) -> tuple[dict[str, Any], dict[str, int]]:
    import tomllib

    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        match = re.search(r"at line (\d+)", str(error))
        at_end = text.count("\n") if "end of document" in str(error) else 0
        where = first_line + (int(match[1]) - 1 if match else at_end)
        reason = str(error).partition(" (at ")[0] if isinstance(error, tomllib.TOMLDecodeError) else "too deep"
        raise InvalidFrontMatter(f"The front matter cannot be read: {reason}.", where) from None
    lines: dict[str, int] = {}
    tables: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), first_line):
        name = _TOML_NAME.match(line)
        if name is None:
            continue
        lines.setdefault(name[2], number)
        if name[1] == "[[":
            lines[f"{name[2]}.{tables.setdefault(name[2], 0)}"] = number
            tables[name[2]] += 1
    return _plain(value, first_line), lines


def _plain(value: Any, line: int, depth: int = 0) -> Any:
    """Values treated like YAML's here: numbers, dates and times of day are texts."""
    if depth > DEPTH_MAX:
        raise InvalidFrontMatter("The front matter is nested too deeply.", line)
    if isinstance(value, dict):
        return {name: _plain(one, line, depth + 1) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, line, depth + 1) for one in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | str) else str(value)


def read_front_matter(text: str, first_line: int = 1) -> tuple[dict[str, Any], dict[str, int]]:
    """The values of YAML front matter (without its `---` lines), and the lines of all names in the file.

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
        raise InvalidFrontMatter("The front matter contains a character that is not allowed.", line) from None
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
    """Builds values from a parser's events, reading each event once."""

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
            raise InvalidFrontMatter("Anchors and aliases (& and *) are not supported.", line, hint="Quote the text.")
        if event.tag not in (None, "!"):
            raise InvalidFrontMatter(f"The tag {event.tag} is not supported.", line, hint="Leave it out.")
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
