"""The operations that take many posts at once: as a list, or as the table that somebody has.

What lives here: what a row may hold that comes from outside, and whose account it names. What does not: reading tables
(`sources.table`), what a row means (`app.rows`).
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from skywrite.app.operations.grammars import texts_given
from skywrite.app.operations.post_shapes import Jitter, Late
from skywrite.app.operations.shapes import ADDRESS_STARTS, DraftInput, Input, Key, OfAccount, Word, draft_row
from skywrite.app.operations.table import Access, operation
from skywrite.app.reports import check_reports
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.imports import RowShape, row_shape
from skywrite.core.clock import Clock
from skywrite.core.digits import whole_number
from skywrite.core.errors import InputError, SkywriteError
from skywrite.posting.compose.draft import FIELDS, fields_of, invalid_draft
from skywrite.posting.compose.fields import OPTIONS, ROW_OPTIONS
from skywrite.queue.identities import check_own

# Switches that requests for single posts do not have.
_SWITCHES = tuple(name for name in fields_of("flag") if not FIELDS[name].is_offered)
# Look-ups of one request may take so long, and then those of one more post.
LOOK_UP_SECONDS_MAX = 120
# No body is larger.
Table = Annotated[str, Meta(max_length=1_000_000)]


class ImportTable(Input):
    """A table: its text, or for a workbook its bytes."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="The file's name: its ending says what it is.")]
    text: Annotated[Table, Meta(description="CSV, JSON lines, or JSON.")] | None = None
    workbook: Annotated[Table, Meta(description="The bytes of an .xlsx or .ods file, as base64.")] | None = None
    map: Annotated[
        dict[Word, Word],
        Meta(max_length=1000, description="What columns are: the field for each, or nothing to leave it out."),
    ] = msgspec.field(default_factory=dict)
    account: OfAccount | None = None
    sheet: Annotated[Word, Meta(description="Of a workbook; by default the first.")] | None = None
    dates: Annotated[Literal["dmy", "mdy", "ymd"], Meta(description="The order in numeric dates.")] | None = None
    zone: Annotated[Word, Meta(description="For times that name none.")] | None = None
    partial: Annotated[bool, Meta(description="Store the good rows if some are wrong.")] = False
    dry_run: Annotated[bool, Meta(description="Check every row; store nothing.")] = False
    again: Annotated[bool, Meta(description="Also what an earlier import of this file has queued.")] = False


class BatchPost(DraftInput, kw_only=True):
    """A post of many."""

    at: Annotated[Word, Meta(description="ISO 8601, or plain English. Without it, a free slot.")] | None = None
    account: OfAccount | None = None
    key: Key | None = None
    late: Late | None = None
    jitter: Jitter | None = None
    draft: Annotated[bool, Meta(description="Keep it as a draft.")] = False


class Batch(Input):
    """Many posts, in one transaction."""

    posts: Annotated[list[BatchPost], Meta(min_length=1, max_length=1000, description="At most 1,000.")]
    partial: Annotated[bool, Meta(description="Store the good ones if some are wrong.")] = False
    dry_run: Annotated[bool, Meta(description="Check every post; store nothing.")] = False


class BatchReport(Output):
    """What became of each post, in order."""

    posts: list[RowShape]


class ImportedTable(Output):
    """An import. `source`: the program whose table it is. `notes`: how its columns were read, for people."""

    source: str
    fields: dict[str, str]
    left_out: list[str]
    notes: list[str]
    rows: list[RowShape]


@operation("POST /posts/batch", scope="schedule", name="posts.create_many", idempotent=True, network=True)
def create_many(access: Access, request: Batch) -> BatchReport:
    """Accept up to 1,000 posts in one transaction, all or none. Those whose key was used add nothing."""
    rows: list[Mapping[str, Any]] = []
    wrong: dict[int, SkywriteError] = {}
    for number, post in enumerate(request.posts, 1):
        try:
            rows.append(_row_of(access, post))
        except SkywriteError as error:
            wrong[number] = error
            rows.append({})
    reports = access.sky.transfer.import_rows(
        rows,
        partial=request.partial,
        dry_run=request.dry_run,
        source=access.source,
        wrong=wrong,
        progress=_in_time(access.sky.context.clock, len(rows)),
    )
    if not (request.dry_run or request.partial):
        check_reports(reports, can_skip=True)
    return BatchReport([row_shape(report) for report in reports])


def _row_of(access: Access, post: BatchPost) -> dict[str, Any]:
    """A post of a batch as a row. Raises what `draft_row` raises, and NotFound."""
    options = {name: value for name in OPTIONS if (value := getattr(post, name)) is not None}
    check_own(post.key)
    did = access.account(post.account).did
    return {**draft_row(access, post), **options, "account": did, **({"draft": True} if post.draft else {})}


@operation("POST /imports", scope="schedule", network=True)
def create(access: Access, request: ImportTable) -> ImportedTable:
    """Schedule the posts of a table, all or none: CSV, JSON or a workbook, also of another program."""
    transfer = access.sky.transfer
    # What somebody said about a header counts for those who have all accounts, as they have the queue.
    table = transfer.read_table(
        _bytes_of(request), name=request.name, sheet=request.sheet, map=request.map, remembered=access.accounts is None
    )
    if not table.rows:
        raise InputError(f"{request.name} contains no rows to import.", hint=" ".join(table.notes()))
    rows: list[Mapping[str, Any]] = []
    wrong: dict[int, SkywriteError] = {}
    for number, row in enumerate(table.rows, 1):
        try:
            rows.append(_allowed(access, row))
        except SkywriteError as error:
            wrong[number] = error
            rows.append({})
    needs_account = request.account is not None or any("account" not in row for row in table.rows)
    reports = transfer.import_rows(
        rows,
        account=access.account(request.account).did if needs_account else None,
        partial=request.partial,
        dry_run=request.dry_run,
        name=request.name,
        again=request.again,
        dates=table.reading.dates if request.dates is None else request.dates,
        zone=request.zone,
        wrong=wrong,
        progress=_in_time(access.sky.context.clock, len(rows)),
    )
    if not (request.dry_run or request.partial):
        check_reports(reports, can_skip=True)
    reading = table.reading
    fields, left_out = dict(reading.fields) if reading.source else {}, list(reading.left_out)
    return ImportedTable(reading.source, fields, left_out, table.notes(), [row_shape(report) for report in reports])


def _in_time(clock: Clock, count: int) -> Callable[[int], None]:
    """What ends an import whose look-ups take too long, before anything is stored: it holds a thread all the time."""
    ends = clock.monotonic() + LOOK_UP_SECONDS_MAX

    def check(done: int) -> None:
        if clock.monotonic() > ends:
            raise InputError(
                f"After {LOOK_UP_SECONDS_MAX} seconds, links, handles and images of {done} of the {count} posts were "
                "looked up, so nothing was stored.",
                code="import.too_slow",
                hint="Send fewer posts at a time, or leave out links to servers that do not answer.",
            )

    return check


def _bytes_of(request: ImportTable) -> bytes:
    if (request.text is None) == (request.workbook is None):
        raise InputError("A table is either text or a workbook.", hint="Give text or workbook.")
    if request.text is not None:
        return request.text.encode()
    try:
        return b64decode(request.workbook or "", validate=True)
    except ValueError:
        raise InputError("The workbook is not base64.", hint="Encode the bytes of the workbook.") from None


def _allowed(access: Access, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row from outside: of an account that the caller may post to, with media from addresses or uploads only.

    Raises what `draft_row` raises, NotFound and InputError.
    """
    check_own(row.get("key"))
    options = {name: row[name] for name in (*ROW_OPTIONS, *_SWITCHES) if name in row}
    if "account" in row:
        options["account"] = access.account(str(row["account"])).did
    pool = row.get("pool", [])
    if not (isinstance(pool, list) and all(isinstance(item, str) for item in pool)):
        raise invalid_draft("The pool of a row is a list of texts.")
    if (grammar := options.pop("grammar", None)) not in (None, ""):
        options["pool"] = texts_given(
            row.get("pool"), _grammar_of(grammar), _distinct_of(options.pop("distinct", None))
        )
    draft = {name: _sourced(name, value) for name, value in row.items() if name not in options}
    try:
        return {**options, **draft_row(access, msgspec.convert(draft, DraftInput))}
    except msgspec.ValidationError as error:
        raise invalid_draft(f"{str(error).replace('Object contains', 'There is an')}.") from None


def _grammar_of(value: Any) -> Mapping[str, Any]:
    """The grammar in a row. Raises InputError for the name of a file."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if not isinstance(value, Mapping):
        hint = "Put the grammar itself into the row."
        raise InputError(
            f"{str(value)[:80]!r} is no grammar, and only the table was sent.", code="file.outside", hint=hint
        )
    return value


def _distinct_of(value: Any) -> int | None:
    if value in (None, ""):
        return None
    number = value if type(value) is int else whole_number(str(value))
    if number is None:
        raise invalid_draft(f"distinct must be a number, not {str(value)[:40]!r}.")
    return number


def _sourced(name: str, value: Any) -> Any:
    """Images and videos with where they come from. Raises InputError for a file."""
    if name == "images" and isinstance(value, list):
        return [_sourced("image", item) for item in value]
    if name not in ("image", "video"):
        return value
    if isinstance(value, str):
        value = {"url" if value.startswith(ADDRESS_STARTS) else "path": value}
    if isinstance(value, Mapping) and "path" in value:
        hint = "Give its address, or upload it and post the row by itself."
        raise InputError(f"{value['path']} is a file, and only the table was sent.", code="file.outside", hint=hint)
    return value
