"""Tables of posts: CSV, JSONL and JSON files, as rows with the names of a draft's fields. Pure but for the reading.

In CSV a cell holds one value. Lists are parted by `|` (images, alts, labels, langs, tags, replies, pool); a thread's
posts by a line of `---`; a cell that begins with `[` or `{` is JSON. An empty cell says nothing.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from skywrite.errors import InputError

TABLE_BYTES_MAX = 200_000_000
_LISTS = ("images", "alts", "labels", "langs", "tags", "replies", "pool")
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class UnreadableTable(InputError):
    """A file of posts cannot be read; the message names the line."""

    def __init__(self, message: str, *, hint: str = "The guide to the queue lists the columns.") -> None:
        super().__init__(message, hint=hint)


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a .csv, .jsonl (or .ndjson) or .json file."""
    try:
        if path.stat().st_size > TABLE_BYTES_MAX:
            raise UnreadableTable(f"{path} is larger than {TABLE_BYTES_MAX // 1_000_000} MB.", hint="Split it.")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnreadableTable(f"{path} cannot be read: {error.strerror}.", hint="Check the name.") from None
    except UnicodeDecodeError:
        raise UnreadableTable(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from None
    ending = path.suffix.lower()
    readers = {".csv": read_csv, ".jsonl": read_jsonl, ".ndjson": read_jsonl, ".json": read_json}
    if ending not in readers:
        raise UnreadableTable(f"{path} is no table that is known here.", hint="Use .csv, .jsonl or .json.")
    try:
        return readers[ending](text)
    except UnreadableTable as error:
        raise error.about(str(path)) from None


def read_jsonl(text: str) -> list[dict[str, Any]]:
    """One JSON object a line; blank lines are passed over."""
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            rows.append(_object(line, f"Line {number}"))
    return rows


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableTable(f"{where}: it is not JSON: {error.msg} (column {error.colno}).") from None
    if not isinstance(value, dict):
        raise UnreadableTable(f'{where}: a row must be an object, like {{"text": "..."}}.')
    return value


def read_json(text: str) -> list[dict[str, Any]]:
    """An array of objects."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableTable(f"Line {error.lineno}: it is not JSON: {error.msg}.") from None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UnreadableTable("It must be an array of objects.")
    return value


def read_csv(text: str) -> list[dict[str, Any]]:
    """A header with field names, then a row a post; the separator is a comma, semicolon or tab."""
    header = text.splitlines()[0] if text.strip() else ""
    separator = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return [_csv_row(row, reader.line_num) for row in reader]
    except csv.Error as error:
        raise UnreadableTable(f"Line {reader.line_num}: {error}.") from None


def _csv_row(cells: dict[Any, Any], line: int) -> dict[str, Any]:
    if None in cells or None in cells.values():
        raise UnreadableTable(f"Line {line}: the row has not as many cells as the header.")
    row = {
        name.strip().lower(): _cell(name.strip().lower(), cell, line) for name, cell in cells.items() if cell.strip()
    }
    alts = row.pop("alts", [])
    if isinstance(row.get("images"), list) and row["images"] and isinstance(row["images"][0], str):
        row["images"] = [
            _image(item, alts[place] if place < len(alts) else "") for place, item in enumerate(row["images"])
        ]
    return row


def _cell(name: str, cell: str, line: int) -> Any:
    if cell.lstrip()[:1] in ("[", "{") and name not in ("text", "every"):
        try:
            return json.loads(cell)
        except json.JSONDecodeError as error:
            raise UnreadableTable(f"Line {line}, {name}: it is not JSON: {error.msg}.") from None
    if name in _LISTS:
        return [item.strip() for item in cell.split("|")]
    if name == "thread":
        return [part.strip("\n") for part in f"\n{cell}\n".split("\n---\n")]
    if name in ("quotes", "split", "markdown", "shorten", "draft"):
        if cell.strip().lower() not in _FLAGS:
            raise UnreadableTable(f"Line {line}, {name}: {cell!r} is neither yes nor no.")
        return _FLAGS[cell.strip().lower()]
    return cell


def _image(item: str, alt: str) -> dict[str, str]:
    return {"url" if item.startswith(("https://", "http://")) else "path": item, "alt": alt}
