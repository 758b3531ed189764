"""Tables of posts: CSV, JSONL and JSON files and spreadsheets, as rows with the names of a draft's fields.

A cell has one value. Lists are separated by `|`; a thread's posts by a line of `---`; a cell that begins with `[` or
`{` is JSON. An empty cell has no value. Some other column names are understood if their meaning is clear: `date` with
`time`, `image`, `alt`.

What does not live here: importing the rows (`features.tables`), the cells of a spreadsheet (`spreadsheet`), which
column is which (`column_maps`) and what only other programs have (`foreign_cells`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from skywrite.core import contained
from skywrite.core.errors import InputError
from skywrite.core.files import read_regular
from skywrite.posting.compose.draft import FIELDS, fields_of
from skywrite.posting.compose.fields import ROW_OPTIONS
from skywrite.posting.sources.column_maps import Maps, Reading, UnknownColumns, read_header, said, unreadable_table
from skywrite.posting.sources.foreign_cells import (
    FOREIGN,
    UNSETTLED,
    addresses,
    joined,
    put_foreign,
    settle,
    split_cell,
)
from skywrite.posting.sources.sheet_hours import NOT_COMPUTED
from skywrite.posting.sources.table_formats import To, format_of

TABLE_BYTES_MAX = 200_000_000
# An import is checked as a whole, all or nothing, and takes about four kilobytes of memory a row.
ROWS_MAX = 100_000
# Columns that split a value into two cells, or use another word.
_ALIASES = {"image": "images", "alt": "alts", "datetime": "at", "date_time": "at"}
_PAIRED = ("date", "time")
COLUMNS = (*ROW_OPTIONS, *FIELDS, "alts", *_ALIASES, *_PAIRED)
# The field for each name that a column of our own may have.
OURS = {name: _ALIASES.get(name, name) for name in COLUMNS}
_LISTS = (*fields_of("texts"), "alts", "pool")
# These may begin with a bracket without being JSON.
_TEXTS = (*fields_of("text", "thread"), "alts", "at", "every", "until")
_JSON_LISTS = ('["', "[{")
_FLAGS = (*fields_of("flag"), "draft")
# What a spreadsheet writes where a formula failed.
_BROKEN_CELLS = frozenset({"#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#N/A", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})
_SPOKEN = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_SEPARATED, _OBJECTS, _WORKBOOKS = (".csv", ".tsv"), (".jsonl", ".ndjson", ".json"), (".xlsx", ".ods")
# Under these names programs answer with a list of posts.
_LISTS_OF_PROGRAMS = ("posts", "drafts", "results")
# A table whose first row begins with a day and a time has no header.
_MOMENT = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[ T]+\d{1,2}:\d\d")
_HEADLESS_MAX = 6
_PARAGRAPH = re.compile(r"\s*<p[ >].*</p>\s*\Z", re.DOTALL | re.IGNORECASE)
NO_MAPS = Maps()


class Table(NamedTuple):
    """The rows of a table, and how its columns were read. `published`: how many rows were left out, because they say
    that they are published already.
    """

    rows: list[dict[str, Any]]
    reading: Reading = Reading()
    published: int = 0

    def notes(self) -> list[str]:
        """What somebody should know about how it was read; nothing where its columns are our own."""
        notes = list(said(self.reading))
        if self.published:
            words = "row says that it is" if self.published == 1 else "rows say that they are"
            notes.append(f"{self.published:,} {words} published already; left out.")
        return notes


def read_table(path: Path, *, sheet: str | None = None, maps: Maps = NO_MAPS) -> Table:
    """A .csv, .tsv, .jsonl (or .ndjson), .json, .xlsx or .ods file. `sheet`: which one of a workbook."""
    _check_ending(path.name)
    try:
        data = read_regular(path, TABLE_BYTES_MAX)
        if data is None:
            raise unreadable_table(f"{path} is larger than {TABLE_BYTES_MAX // 1_000_000} MB.", hint="Split it.")
    except OSError as error:
        raise unreadable_table(f"{path} cannot be read: {error.strerror}.", hint="Check the name.") from None
    try:
        return table_from(data, path.name, sheet=sheet, maps=maps)
    except InputError as error:
        raise error.about(str(path)) from None


def table_from(data: bytes, name: str, *, sheet: str | None = None, maps: Maps = NO_MAPS) -> Table:
    """The table in the bytes of a file with this name."""
    ending = _check_ending(name)
    if ending in _WORKBOOKS:
        from skywrite.posting.sources.spreadsheet import read_spreadsheet

        table = _table(read_spreadsheet(data, sheet), "Row", maps=maps)
        _check_room(len(table.rows) - 1)
        return table
    text = _decoded(data)
    if ending in _SEPARATED and not re.match(r"\s*(\{\"|\[\s*\{)", text):
        return _separated(text, maps)
    return _objects(read_jsonl(text) if _is_jsonl(text, ending) else read_json(text), maps)


def _is_jsonl(text: str, ending: str) -> bool:
    """Whether each line is an object: what is in a file says more than its name, which somebody may have chosen."""
    if text.lstrip().startswith("["):
        return False
    first, _, others = text.strip().partition("\n")
    with suppress(ValueError, RecursionError):
        return bool(isinstance(json.loads(first), dict) and (ending != ".json" or others.strip()))
    return ending != ".json"


def _check_ending(name: str) -> str:
    """The ending of a file's name. Raises InputError for one that no table has."""
    ending = Path(name).suffix.lower()
    if ending not in (*_SEPARATED, *_OBJECTS, *_WORKBOOKS):
        hint = "Save it as .xlsx or .csv." if ending in (".xls", ".xlsb", ".numbers") else "Use .csv, .xlsx or .jsonl."
        raise unreadable_table(f"{name or 'A folder'} is not a table in a format that Skywrite reads.", hint=hint)
    return ending


def _decoded(data: bytes) -> str:
    codec = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        raise unreadable_table("It is not UTF-8 text.", hint="Save it as UTF-8; in Excel as CSV UTF-8.") from None


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
        raise unreadable_table(f"It has more than {ROWS_MAX:,} rows.", hint="Split it, and import the parts.")


def _object(text: str, where: str) -> dict[str, Any]:
    value = _json(text, where)
    if not isinstance(value, dict):
        raise unreadable_table(f'{where}: a row must be an object, like {{"text": "..."}}.')
    return value


def read_json(text: str) -> list[dict[str, Any]]:
    """An array of objects, also as the only list of an object, as programs answer with it."""
    value = _json(text, "")
    if isinstance(value, dict):
        value = next((value[name] for name in _LISTS_OF_PROGRAMS if isinstance(value.get(name), list)), value)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise unreadable_table("It must be an array of objects.")
    _check_room(len(value) - 1)
    return value


def _json(text: str, where: str) -> Any:
    """A JSON value. Raises InputError for anything else, for duplicate names, and for unbounded nesting or
    numbers.
    """
    try:
        return json.loads(text, object_pairs_hook=_object_of, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        place = f"{where}: " if where else f"Line {error.lineno}: "
        raise unreadable_table(f"{place}it is not JSON: {error.msg} (column {error.colno}).") from None
    except RecursionError:
        reason = "its lists and objects are nested too deeply"
    except ValueError as error:
        reason = str(error) if isinstance(error, _Refused) else "a number in it has too many digits"
    raise unreadable_table(f"{where}: {reason}." if where else f"{reason[0].upper()}{reason[1:]}.")


class _Refused(ValueError):
    """A value that JSON allows but a row does not."""


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise _Refused(f"the name {name[:40]!r} is given twice")
        fields[name] = value
    return fields


def _no_number(text: str) -> Any:
    raise _Refused(f"{text} is not a JSON value")


def _separated(text: str, maps: Maps) -> Table:
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
        raise unreadable_table(f"Line {reader.line_num + before}: {error}.") from None
    return _table(cells, "Line", lines, maps)


def _table(cells: Sequence[Sequence[str]], word: str, lines: Sequence[int] = (), maps: Maps = NO_MAPS) -> Table:
    """The rows below a header. Empty rows are ignored."""
    numbers = lines or range(1, len(cells) + 1)
    filled = [(f"{word} {at}", row) for at, row in zip(numbers, cells, strict=True) if any(map(str.strip, row))]
    if not filled:
        return Table([])
    header, below = _header_of(filled)
    reading = read_header(header, OURS, maps, filled[0][0])
    _check_times(reading.fields.values(), filled[0][0])
    rows = []
    for where, row in filled[below:]:
        if word == "Line" and len(row) != len(header) and not (reading.source and _is_ragged(row, header)):
            raise unreadable_table(f"{where}: the row has {len(row)} cells and the header {len(header)}.")
        rows.append(_row(reading, row, where))
    posts, published = joined(rows)
    return Table(posts, reading, published)


def _header_of(filled: Sequence[tuple[str, Sequence[str]]]) -> tuple[Sequence[str], int]:
    """The names of the columns, and where the rows begin: some programs write no header, some write two."""
    first = filled[0][1]
    if _MOMENT.match(first[0].strip()) and 2 <= len(first) <= _HEADLESS_MAX:
        most = max(len(row) for _, row in filled)
        return [f"column {number}" for number in range(1, most + 1)], 0
    if len(filled) > 1 and format_of(first) is None and format_of(filled[1][1]) is not None:
        return filled[1][1], 2
    return first, 1


def _is_ragged(row: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row only lacks empty cells at its end, or has some more of them."""
    return not any(cell.strip() for cell in row[len(header) :])


def _objects(rows: list[dict[str, Any]], maps: Maps) -> Table:
    """Rows that are objects. Where their names are those of another program, or of a map, they are read with it; all
    else is left to the check of each row.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    if all(name in OURS for name in names):
        return Table(rows)
    try:
        reading = read_header(names, OURS, maps, "Its rows")
    except UnknownColumns as error:
        # A name in some rows is those rows' mistake; one in all of them is a column.
        if maps.given or (len(rows) > 1 and all(error.suggested.keys() & row.keys() for row in rows)):
            raise
        return Table(rows)
    if not reading.source:
        return Table(rows)
    columns = dict(zip(names, reading.columns, strict=True))
    own_rows = []
    for number, foreign_row in enumerate(rows, 1):
        where = f"Row {number}"
        row: dict[str, Any] = {}
        for name, value in foreign_row.items():
            _put(row, columns[name], value, where)
        own_rows.append(_settled(row, reading, where))
    posts, published = joined(own_rows)
    _strip_paragraphs(posts)
    return Table(posts, reading, published)


def _strip_paragraphs(posts: Sequence[dict[str, Any]]) -> None:
    """Replace texts that are HTML paragraphs, as some programs keep them, by what a reader sees."""
    from skywrite.posting.sources.html_text import html_texts

    marked = [post for post in posts if _PARAGRAPH.match(str(post.get("text", "")))]
    if not marked:
        return
    for post, text in zip(marked, contained.call(html_texts, [post["text"] for post in marked]), strict=True):
        post["text"] = text


def _check_times(fields: Collection[str], where: str) -> None:
    """Raise InputError where columns say twice when, or only half of it."""
    for one, instead in (("date", "at"), ("time", "at")):
        if one in fields and instead in fields:
            raise unreadable_table(f"{where}: {one!r} and {instead!r} both say when.", hint="Keep one of them.")
    if "time" in fields and "date" not in fields:
        raise unreadable_table(f"{where}: there is a column 'time' and none 'date'.", hint="Add one, or use: at")


def _row(reading: Reading, cells: Sequence[str], where: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for to, cell in zip(reading.columns, cells, strict=False):
        if not cell.strip():
            continue
        if to.field.startswith("\x00"):
            raise unreadable_table(f"{where}: column {to.field[1:]} holds {cell.strip()[:30]!r} and has no name.")
        _put(row, to, cell, where)
    return _settled(row, reading, where)


def _put(row: dict[str, Any], to: To, value: Any, where: str) -> None:
    """Put a value into a row, as what its column becomes."""
    field = to.field
    if not field or value is None or value in ("", [], {}):
        return
    if isinstance(value, str) and (broken := value.strip()) in (*_BROKEN_CELLS, NOT_COMPUTED):
        hint = "A formula failed there: a text that begins with =, + or - is taken for one. Mend it, and save again."
        hint = "Open it in a spreadsheet program, and save it again." if broken == NOT_COMPUTED else hint
        raise unreadable_table(f"{where}, {field}: the cell holds {broken}.", hint=hint)
    if isinstance(value, str) and to.separator:
        for name, content in split_cell(to, value).items():
            row[name] = [*row.get(name, []), *content] if name == "thread" else content
    elif field in FOREIGN:
        put_foreign(row, field, value, where)
    else:
        content = _cell(field, value, where) if isinstance(value, str) else value
        row[field] = [*row["thread"], *content] if field == "thread" and "thread" in row else content


def _settled(row: dict[str, Any], reading: Reading, where: str) -> dict[str, Any]:
    _join_time(row, where)
    if not row.keys().isdisjoint(UNSETTLED):
        settle(row, where)
    _join_alts(row, where)
    if reading.undated == "draft" and "at" not in row:
        row["draft"] = True
    return row


def _join_time(row: dict[str, Any], where: str) -> None:
    day, clock = row.pop("date", None), row.pop("time", None)
    if clock is not None and day is None:
        raise unreadable_table(f"{where}: there is a time and no date.")
    if day is not None:
        # A spreadsheet may show a date but store it with midnight.
        day = str(day).removesuffix(" 00:00:00") if clock is not None else day
        row["at"] = f"{day} {clock}".strip() if clock is not None else str(day)


def _join_alts(row: dict[str, Any], where: str) -> None:
    alts = row.pop("alts", [])
    images = row.get("images")
    if isinstance(images, list) and images and all(isinstance(item, str) for item in images):
        if len(alts) > len(images):
            raise unreadable_table(f"{where}: there are {len(alts)} alt texts and {len(images)} images.")
        row["images"] = [_image(item, alts[place] if place < len(alts) else "") for place, item in enumerate(images)]
    elif len(alts) == 1 and isinstance(row.get("video"), dict):
        row["video"] = {**row["video"], "alt": alts[0]}
    elif alts:
        raise unreadable_table(f"{where}: there is an alt text and no image.")


def _cell(name: str, cell: str, where: str) -> Any:
    start = cell.lstrip()[:2]
    if start[:1] in ("[", "{") and (name not in _TEXTS or (name in ("thread", "alts") and start in _JSON_LISTS)):
        return _json(cell, f"{where}, {name}")
    if name == "images":
        return addresses(cell)
    if name in _LISTS:
        return [item.strip() for item in cell.split("|")]
    if name == "thread":
        return [part.strip("\n") for part in f"\n{cell}\n".split("\n---\n")]
    if name in _FLAGS:
        return _flag(name, cell, where)
    return cell


def _flag(name: str, cell: str, where: str) -> bool | str:
    word = cell.strip().lower()
    if name in FIELDS and word in FIELDS[name].words:
        return word
    if word not in _SPOKEN:
        raise unreadable_table(f"{where}, {name}: {cell!r} is neither yes nor no.")
    return _SPOKEN[word]


def _image(item: str, alt: str) -> dict[str, str]:
    return {"url" if item.startswith(("https://", "http://")) else "path": item, "alt": alt}
