"""What a sheet of .xlsx says beside its values: which cells show an hour, and which have no value.

Excel keeps midnight and a day without a time as the same number, and only the format of the cell says which of the two
is shown. The reader of the values gives neither this nor errors. What does not live here: the values (`spreadsheet`).
"""

from __future__ import annotations

import re
import zipfile
from html import unescape
from io import BytesIO

# Formats that every workbook has: those with an hour in them.
_BUILT_IN = frozenset({"18", "19", "20", "21", "22", "45", "46", "47"})
_IN_QUOTES = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.')
_TAG = r"<(?:\w+:)?%s\b[^>]*>"
_CELL = re.compile(_TAG % "c")
_WHOLE_CELL = re.compile(r"(<(?:\w+:)?c\b[^>]*(?<!/)>)(.*?)</(?:\w+:)?c>", re.DOTALL)
# What a program writes that knows the formula and not its result.
NOT_COMPUTED = "a formula without a value"
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def broken_cells(data: bytes, sheet: str) -> dict[tuple[int, int], str]:
    """By row and column, from 0, what stands in place of a value: an error such as #N/A, or `NOT_COMPUTED`."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        file = _file_of(archive, set(archive.namelist()), sheet)
        text = "" if file is None else archive.read(file).decode("utf-8", "replace")
    by_place = {}
    for cell in _WHOLE_CELL.finditer(text):
        tag, inside = cell.groups()
        value = re.search(rf"{_TAG % 'v'}([^<]+)<", inside)
        kind = _attribute(tag, "t")
        if kind == "e":
            by_place[_place(_attribute(tag, "r"))] = value[1] if value else "#N/A"
        elif value is None and kind != "str" and re.search(_TAG % "f", inside):
            by_place[_place(_attribute(tag, "r"))] = NOT_COMPUTED
    return by_place


def cells_with_hours(data: bytes, sheet: str) -> set[tuple[int, int]]:
    """The row and column, from 0, of each cell of a sheet that is shown with an hour; none for other kinds of files."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        names = set(archive.namelist())
        file = _file_of(archive, names, sheet)
        if file is None or "xl/styles.xml" not in names:
            return set()
        styles = _styles(archive.read("xl/styles.xml").decode("utf-8", "replace"))
        cells = (tag[0] for tag in _CELL.finditer(archive.read(file).decode("utf-8", "replace")))
        return {_place(_attribute(cell, "r")) for cell in cells if _attribute(cell, "s") in styles}


def _file_of(archive: zipfile.ZipFile, names: set[str], sheet: str) -> str | None:
    """The file in the archive that holds a sheet."""
    book, links = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
    if not {book, links} <= names:
        return None
    sheets = re.findall(_TAG % "sheet", archive.read(book).decode("utf-8", "replace"))
    key = next((_attribute(one, r"(?:\w+:)?id") for one in sheets if unescape(_attribute(one, "name")) == sheet), "")
    targets = re.findall(_TAG % "Relationship", archive.read(links).decode("utf-8", "replace"))
    target = next((_attribute(one, "Target") for one in targets if _attribute(one, "Id") == key), "")
    file = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return file if file in names else None


def _styles(text: str) -> set[str]:
    """The numbers of the styles whose format has an hour."""
    own = {
        _attribute(tag, "numFmtId"): unescape(_attribute(tag, "formatCode"))
        for tag in re.findall(_TAG % "numFmt", text)
    }
    hours = _BUILT_IN - own.keys() | {key for key, code in own.items() if "h" in _IN_QUOTES.sub("", code).lower()}
    _, _, rest = text.partition("cellXfs")
    formats = [_attribute(tag, "numFmtId") for tag in re.findall(_TAG % "xf", rest.partition("cellXfs>")[0])]
    return {str(place) for place, key in enumerate(formats) if key in hours}


def _attribute(tag: str, name: str) -> str:
    match = re.search(rf"\s{name}=(?:\"([^\"]*)\"|'([^']*)')", tag)
    return (match[1] if match[1] is not None else match[2]) if match else ""


def _place(reference: str) -> tuple[int, int]:
    match = _PLACE.fullmatch(reference)
    if match is None:
        return -1, -1
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]) - 1, column - 1
