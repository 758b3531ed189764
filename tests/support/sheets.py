"""Spreadsheets written from nothing: the smallest .xlsx and .ods that hold given cells.

A cell is a text, a number, or a `Day` (what a spreadsheet shows as a date, a time, or both).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from skywrite.posting.sources.table import table_from

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
# Built-in number formats: date, time, both (ECMA-376, 18.8.30).
_FORMATS = {date: 14, time: 20, datetime: 22}


@dataclass(frozen=True)
class Day:
    """A date, a time of day, or both, as a spreadsheet has them."""

    value: date | time | datetime


def xlsx(sheets: Mapping[str, Sequence[Sequence[Any]]], *, from_1904: bool = False, drift: float = 0.0) -> bytes:
    """A workbook of Excel. `drift` is added to times, in days, as arithmetic with them leaves it."""
    numbered = list(enumerate(sheets.items(), 1))
    names = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>' for n, (name, _) in numbered)
    epoch = '<workbookPr date1904="1"/>' if from_1904 else ""
    links = [(f"r{n}", "worksheet", f"worksheets/sheet{n}.xml") for n, _ in numbered]
    styles = "".join(f'<xf numFmtId="{number}" applyNumberFormat="1"/>' for number in (0, *_FORMATS.values()))
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
            "_rels/.rels": _relations([("r1", "officeDocument", "xl/workbook.xml")]),
            "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{RELS}">{epoch}<sheets>{names}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": _relations([*links, ("s", "styles", "styles.xml")]),
            "xl/styles.xml": f"<styleSheet {MAIN}><cellXfs>{styles}</cellXfs></styleSheet>",
            **{f"xl/worksheets/sheet{n}.xml": _xlsx_sheet(rows, from_1904, drift) for n, (_, rows) in numbered},
        }
    )


def _relations(links: Sequence[tuple[str, str, str]]) -> str:
    inner = "".join(f'<Relationship Id="{key}" Type="{RELS}/{kind}" Target="{to}"/>' for key, kind, to in links)
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def _xlsx_sheet(rows: Sequence[Sequence[Any]], from_1904: bool, drift: float) -> str:
    parts = []
    for number, row in enumerate(rows, 1):
        cells = []
        for place, cell in enumerate(row):
            at = f'r="{chr(65 + place)}{number}"'
            if isinstance(cell, Day):
                style = list(_FORMATS).index(type(cell.value)) + 1
                cells.append(f'<c {at} s="{style}"><v>{serial(cell.value, from_1904) + drift!r}</v></c>')
            elif isinstance(cell, bool):
                cells.append(f'<c {at} t="b"><v>{int(cell)}</v></c>')
            elif isinstance(cell, int | float):
                cells.append(f"<c {at}><v>{cell}</v></c>")
            elif cell:
                cells.append(f'<c {at} t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>')
        parts.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f"<worksheet {MAIN}><sheetData>{''.join(parts)}</sheetData></worksheet>"


def serial(value: date | time | datetime, from_1904: bool = False) -> float:
    """The number that Excel keeps of a date: days since 30 December 1899, or 1 January 1904."""
    start = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)
    if isinstance(value, time):
        return timedelta(hours=value.hour, minutes=value.minute, seconds=value.second) / timedelta(days=1)
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return (moment - start) / timedelta(days=1)


def ods(sheets: Mapping[str, Sequence[Sequence[Any]]], *, before: str = "", more: str = "") -> bytes:
    """A workbook of LibreOffice. `before`: a document type; `more`: rows as XML."""
    namespaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    tables = "".join(
        f'<table:table table:name="{escape(name)}">{"".join(_ods_row(row) for row in rows)}{more}</table:table>'
        for name, rows in sheets.items()
    )
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    return zipped(
        {
            "mimetype": kind,
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{manifest}"/>',
            "content.xml": f"{before}<office:document-content {namespaces}>{body}</office:document-content>",
        }
    )


def _ods_row(row: Sequence[Any]) -> str:
    cells = []
    for cell in row:
        if isinstance(cell, Day) and isinstance(cell.value, time):
            kind = f'office:value-type="time" office:time-value="PT{cell.value:%HH%MM%SS}"'
        elif isinstance(cell, Day):
            kind = f'office:value-type="date" office:date-value="{cell.value.isoformat()}"'
        elif isinstance(cell, int | float):
            kind = f'office:value-type="float" office:value="{cell}"'
        else:
            kind = 'office:value-type="string"'
        text = "".join(f"<text:p>{escape(line)}</text:p>" for line in str(cell).split("\n"))
        cells.append(f"<table:table-cell {kind}>{text}</table:table-cell>" if cell != "" else "<table:table-cell/>")
    return f"<table:table-row>{''.join(cells)}</table:table-row>"


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip archive of these files."""
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return data.getvalue()


def with_cell(workbook: bytes, cell: str) -> bytes:
    """A workbook with a cell as it stands in the file, in place of the text that is the cell's address."""
    with zipfile.ZipFile(BytesIO(workbook)) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    place = cell.partition('r="')[2].partition('"')[0]
    sheet = "xl/worksheets/sheet1.xml"
    return zipped({**parts, sheet: re.sub(rf'<c r="{place}".*?</c>', cell, parts[sheet])})


def read_csv(text: str) -> list[dict[str, Any]]:
    """The rows of a table of separated values."""
    return table_from(text.encode(), "posts.csv").rows
