"""Tables of posts: CSV, JSONL and JSON files and spreadsheets, as rows with the names of a draft's fields.

A cell has one value. Lists are separated by `|` (images, alts, labels, langs, tags, replies, pool); a thread's posts by
a line of `---`; a cell that begins with `[` or `{` is JSON. An empty cell has no value. Some other column names are
understood if their meaning is clear: `date` with `time`, `image`, `alt`.

What does not live here: importing the rows (`app.transfer`), the cells of a spreadsheet (`spreadsheet`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from skywrite.compose.draft import FIELDS
from skywrite.errors import InputError
from skywrite.files import read_regular

TABLE_BYTES_MAX = 200_000_000
# An import is checked as a whole, all or nothing, and takes about four kilobytes of memory a row.
ROWS_MAX = 100_000
OPTION_COLUMNS = (
    *("at", "account", "key", "late", "jitter", "draft"),
    *("every", "until", "pool", "zone", "exceptions"),
)
# Columns that split a value into two cells, or use another word.
_ALIASES = {"image": "images", "alt": "alts", "datetime": "at", "date_time": "at"}
_PAIRED = ("date", "time")
COLUMNS = (*FIELDS, *OPTION_COLUMNS, "alts", *_ALIASES, *_PAIRED)
_OTHER_WORDS = {
    **dict.fromkeys(("message", "post", "body", "content", "tweet", "status", "caption"), "text"),
    **dict.fromkeys(("when", "scheduled", "schedule", "publish_at", "scheduled_at", "due", "timestamp"), "at"),
    **dict.fromkeys(("image", "images", "photo", "photos", "media", "image_url", "file"), "images"),
    **dict.fromkeys(("alt_text", "alt text", "alttext", "image_alt"), "alts"),
    **dict.fromkeys(("hashtags", "hashtag", "tag"), "tags"),
    **dict.fromkeys(("language", "lang", "locale"), "langs"),
    **dict.fromkeys(("timezone", "tz", "time_zone"), "zone"),
    **dict.fromkeys(("link", "url", "website"), "card"),
    **dict.fromkeys(("handle", "profile", "user"), "account"),
    **dict.fromkeys(("id", "slug"), "key"),
}
_LISTS = ("images", "alts", "labels", "langs", "tags", "replies", "pool")
# These may begin with a bracket without being JSON.
_TEXTS = ("text", "every", "thread", "alts", "at", "until")
_JSON_LISTS = ('["', "[{")
_FLAGS = ("quotes", "split", "markdown", "shorten", "tidy", "mentions", "draft")
_SPOKEN = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class UnreadableTable(InputError):
    """A file of posts cannot be read; the message names the line."""

    def __init__(self, message: str, *, hint: str = "The guide to the queue lists the columns.") -> None:
        super().__init__(message, hint=hint)


def read_table(path: Path, *, sheet: str | None = None) -> list[dict[str, Any]]:
    """The rows of a .csv, .jsonl (or .ndjson), .json, .xlsx or .ods file. `sheet`: which one of a workbook."""
    ending = path.suffix.lower()
    readers = {".csv": read_csv, ".tsv": read_csv, ".jsonl": read_jsonl, ".ndjson": read_jsonl, ".json": read_json}
    if ending not in (*readers, ".xlsx", ".ods"):
        hint = "Save it as .xlsx or .csv." if ending in (".xls", ".xlsb", ".numbers") else "Use .csv, .xlsx or .jsonl."
        raise UnreadableTable(f"{path} is not a table in a format that Skywrite reads.", hint=hint)
    try:
        data = read_regular(path, TABLE_BYTES_MAX)
        if data is None:
            raise UnreadableTable(f"{path} is larger than {TABLE_BYTES_MAX // 1_000_000} MB.", hint="Split it.")
    except OSError as error:
        raise UnreadableTable(f"{path} cannot be read: {error.strerror}.", hint="Check the name.") from None
    try:
        if ending not in readers:
            from skywrite.sources.spreadsheet import read_spreadsheet

            found = list(_rows(read_spreadsheet(data, sheet), "Row"))
            _check_room(len(found) - 1)
            return found
        return readers[ending](_decoded(data))
    except InputError as error:
        raise error.about(str(path)) from None


def _decoded(data: bytes) -> str:
    codec = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        raise UnreadableTable("It is not UTF-8 text.", hint="Save it as UTF-8; in Excel as CSV UTF-8.") from None


def read_jsonl(text: str) -> list[dict[str, Any]]:
    """One JSON object per line; blank lines are ignored. Only a line feed ends a line: a text may contain U+2028."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            _check_room(len(rows))
            rows.append(_object(line, f"Line {number}"))
    return rows


def _check_room(rows: int) -> None:
    """Raise if a table has that many rows and yet another one."""
    if rows >= ROWS_MAX:
        raise UnreadableTable(f"It has more than {ROWS_MAX:,} rows.", hint="Split it, and import the parts.")


def _object(text: str, where: str) -> dict[str, Any]:
    value = _json(text, where)
    if not isinstance(value, dict):
        raise UnreadableTable(f'{where}: a row must be an object, like {{"text": "..."}}.')
    return value


def read_json(text: str) -> list[dict[str, Any]]:
    """An array of objects."""
    value = _json(text, "")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UnreadableTable("It must be an array of objects.")
    _check_room(len(value) - 1)
    return value


def _json(text: str, where: str) -> Any:
    """A JSON value. Raises UnreadableTable for anything else, for duplicate names, and for unbounded nesting or
    numbers.
    """
    try:
        return json.loads(text, object_pairs_hook=_object_of, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        place = f"{where}: " if where else f"Line {error.lineno}: "
        raise UnreadableTable(f"{place}it is not JSON: {error.msg} (column {error.colno}).") from None
    except RecursionError:
        reason = "its lists and objects are nested too deeply"
    except ValueError as error:
        reason = str(error) if isinstance(error, _Refused) else "a number in it has too many digits"
    raise UnreadableTable(f"{where}: {reason}." if where else f"{reason[0].upper()}{reason[1:]}.")


class _Refused(ValueError):
    """A value that JSON allows but a row does not."""


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Refused(f"the name {twice[:40]!r} is given twice")
    return found


def _no_number(text: str) -> Any:
    raise _Refused(f"{text} is not a JSON value")


def read_csv(text: str) -> list[dict[str, Any]]:
    """A header with field names, then a row for each post; the separator is a comma, semicolon or tab."""
    first, _, rest = text.partition("\n")
    separator = max(",;\t", key=first.count)
    before = 0
    if first.strip().lower()[:4] == "sep=" and len(first.strip()) == 5:
        # Excel can write the separator in a separate first line.
        separator, text, before = first.strip()[4], rest, 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    cells: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if row:
                _check_room(len(cells) - 1)
            cells.append(row)
            lines.append(reader.line_num + before)
    except csv.Error as error:
        raise UnreadableTable(f"Line {reader.line_num + before}: {error}.") from None
    return list(_rows(cells, "Line", lines))


def _rows(cells: Sequence[Sequence[str]], word: str, lines: Sequence[int] = ()) -> Iterator[dict[str, Any]]:
    """The rows below a header. Empty rows are ignored."""
    header: list[str] | None = None
    for number, row in enumerate(cells):
        where = f"{word} {lines[number] if lines else number + 1}"
        if not any(cell.strip() for cell in row):
            continue
        if header is None:
            header = _header(row, where)
            continue
        if word == "Line" and len(row) != len(header):
            raise UnreadableTable(f"{where}: the row has {len(row)} cells and the header {len(header)}.")
        yield _row(header, row, where)


def _header(row: Sequence[str], where: str) -> list[str]:
    """The columns' names, as fields. Raises UnreadableTable for an unknown or duplicate name."""
    header: list[str] = []
    for number, cell in enumerate(row, 1):
        given = cell.strip().lower()
        name = _ALIASES.get(given, given)
        if name and name not in COLUMNS:
            raise UnreadableTable(f"{where}: there is no column {cell.strip()[:40]!r}.", hint=_did_you_mean(given))
        if name and name in header:
            raise UnreadableTable(f"{where}: the column {cell.strip()!r} appears twice.", hint="Keep one of them.")
        header.append(name or f"\x00{number}")
    for one, instead in (("date", "at"), ("time", "at")):
        if one in header and instead in header:
            raise UnreadableTable(f"{where}: {one!r} and {instead!r} both say when.", hint="Keep one of them.")
    if "time" in header and "date" not in header:
        raise UnreadableTable(f"{where}: there is a column 'time' and none 'date'.", hint="Add one, or use: at")
    return header


def _did_you_mean(name: str) -> str:
    known = _OTHER_WORDS.get(name) or next(iter(get_close_matches(name, COLUMNS, 1, 0.7)), None)
    return f"Did you mean {known!r}?" if known else f"The columns are: {', '.join((*OPTION_COLUMNS, *FIELDS, 'alts'))}."


def _row(header: Sequence[str], cells: Sequence[str], where: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=False):
        if not cell.strip():
            continue
        if name.startswith("\x00"):
            raise UnreadableTable(f"{where}: column {name[1:]} holds {cell.strip()[:30]!r} and has no name.")
        row[name] = _cell(name, cell, where)
    _join_time(row, where)
    _join_alts(row, where)
    return row


def _join_time(row: dict[str, Any], where: str) -> None:
    day, clock = row.pop("date", None), row.pop("time", None)
    if clock is not None and day is None:
        raise UnreadableTable(f"{where}: there is a time and no date.")
    if day is not None:
        # A spreadsheet may show a date but store it with midnight.
        day = str(day).removesuffix(" 00:00:00") if clock is not None else day
        row["at"] = f"{day} {clock}".strip() if clock is not None else str(day)


def _join_alts(row: dict[str, Any], where: str) -> None:
    alts = row.pop("alts", [])
    images = row.get("images")
    if isinstance(images, list) and images and all(isinstance(item, str) for item in images):
        if len(alts) > len(images):
            raise UnreadableTable(f"{where}: there are {len(alts)} alt texts and {len(images)} images.")
        row["images"] = [_image(item, alts[place] if place < len(alts) else "") for place, item in enumerate(images)]
    elif alts:
        raise UnreadableTable(f"{where}: there is an alt text and no image.")


def _cell(name: str, cell: str, where: str) -> Any:
    start = cell.lstrip()[:2]
    if start[:1] in ("[", "{") and (name not in _TEXTS or (name in ("thread", "alts") and start in _JSON_LISTS)):
        return _json(cell, f"{where}, {name}")
    if name in _LISTS:
        return [item.strip() for item in cell.split("|")]
    if name == "thread":
        return [part.strip("\n") for part in f"\n{cell}\n".split("\n---\n")]
    if name in _FLAGS:
        if cell.strip().lower() not in _SPOKEN:
            raise UnreadableTable(f"{where}, {name}: {cell!r} is neither yes nor no.")
        return _SPOKEN[cell.strip().lower()]
    return cell


def _image(item: str, alt: str) -> dict[str, str]:
    return {"url" if item.startswith(("https://", "http://")) else "path": item, "alt": alt}
