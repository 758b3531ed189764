"""Spreadsheets (.xlsx, .ods) as tables of texts, read in the child process and with limits.

What lives here: choosing the sheet, and converting cells. What does not: what the columns mean (`table`). Dates and
times of day are the workbook's own, whatever its epoch; they have no zone, so they are local time.
"""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time, timedelta
from importlib.util import find_spec
from io import BytesIO

from skywrite.core import contained
from skywrite.core.errors import InputError, MissingExtra
from skywrite.posting.sources.sheet_hours import broken_cells, cells_with_hours

SPREADSHEET_BYTES_MAX = 20_000_000
# The declared unpacked size; the real one is limited by the child's memory.
UNPACKED_BYTES_MAX = 300_000_000
PARTS_MAX = 2_000
CELLS_MAX = 2_000_000


def read_spreadsheet(data: bytes, sheet: str | None = None) -> list[list[str]]:
    """The rows of a sheet, as texts: of the named one, or of the only one that is not empty.

    Raises InputError, and MissingExtra.
    """
    if find_spec("python_calamine") is None:
        raise MissingExtra("Reading spreadsheets needs an optional part.", extra="tables")
    if len(data) > SPREADSHEET_BYTES_MAX:
        raise InputError(
            f"It is larger than {SPREADSHEET_BYTES_MAX // 1_000_000} MB.",
            code="spreadsheet.unreadable",
            hint="Split it.",
        )
    _check_archive(data)
    try:
        return contained.call(_rows_of, data, sheet)
    except contained.TooCostly as error:
        raise InputError(
            error.message, code="spreadsheet.unreadable", hint="Save it as CSV and check its size."
        ) from None


def _check_archive(data: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise InputError(
            "It is not a spreadsheet.", code="spreadsheet.unreadable", hint="Save it as .xlsx, .ods or .csv."
        ) from None
    if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_BYTES_MAX:
        raise InputError(
            "It unpacks to more than a table of posts can hold.", code="spreadsheet.unreadable", hint="Save it as CSV."
        )


def _rows_of(data: bytes, sheet: str | None) -> list[list[str]]:
    """In the child process: the cells of the chosen sheet."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(BytesIO(data))
        sheets = {name: book.get_sheet_by_name(name) for name in book.sheet_names if sheet in (None, name)}
        filled = {name: one for name, one in sheets.items() if one.height and one.width}
        name = _chosen(list(filled), list(sheets), book.sheet_names, sheet)
        if filled and filled[name].total_height * filled[name].total_width > CELLS_MAX:
            raise InputError(
                f"The sheet {name!r} has too many cells.",
                code="spreadsheet.unreadable",
                hint="Delete empty rows and columns.",
            )
        cells = filled[name].to_python(skip_empty_area=False) if filled else []
    except CalamineError as error:
        reason = str(error).splitlines()[0][:100] if str(error) else "it is damaged"
        raise InputError(
            f"It cannot be read: {reason}.", code="spreadsheet.unreadable", hint="Save it again, or as .csv."
        ) from None
    hours = cells_with_hours(data, name) if any(type(cell) is date for row in cells for cell in row) else set()
    broken = broken_cells(data, name) if any(cell == "" for row in cells for cell in row) else {}
    return [
        [
            broken.get((y, x))
            or _text(datetime.combine(cell, time()) if type(cell) is date and (y, x) in hours else cell)
            for x, cell in enumerate(row)
        ]
        for y, row in enumerate(cells)
    ]


def _chosen(filled: list[str], candidates: list[str], names: list[str], sheet: str | None) -> str:
    if sheet is not None and not candidates:
        raise InputError(
            f"There is no sheet {sheet!r}.", code="spreadsheet.unreadable", hint=f"Its sheets: {', '.join(names)}."
        )
    if len(filled) > 1:
        raise InputError(
            f"Several sheets hold something: {', '.join(filled)}.",
            code="spreadsheet.unreadable",
            hint="Name the one with the posts, or delete others.",
        )
    return filled[0] if filled else ""


def _text(cell: object) -> str:
    """The value of a cell, as a person would type it."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        # Day fractions are not exact: round to the second.
        return (cell + timedelta(microseconds=500_000)).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        cell = timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second, microseconds=cell.microsecond)
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return str(cell) if cell is not None else ""
