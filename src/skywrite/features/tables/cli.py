"""import, export, backup."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skywrite.core.errors import InputError, SkywriteError
from skywrite.core.files import whole_private_file
from skywrite.faces.cli.given import FILE, OUTPUT, FilePath, shell_words
from skywrite.faces.cli.hints import given_command
from skywrite.faces.cli.options import account_option, json_option, on_queue, read_stdin
from skywrite.faces.cli.output import (
    json_array,
    json_text,
    print_aside,
    print_done,
    print_json,
    print_outcome,
    print_pieces,
)
from skywrite.faces.cli.status import approvals_note, worker_note
from skywrite.faces.cli.terminal import can_ask, show, wrapped

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.app.reports import RowReport
    from skywrite.posting.sources.table import Table

FOLDER = FilePath(path_type=Path, file_okay=False, exists=True)
STDIN = Path("-")
_KINDS = {
    **dict.fromkeys((".csv", ".tsv"), "a table"),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "a workbook"),
    ".json": "a JSON file",
}


@click.command("import", epilog="Example: skywrite import plan.csv --dry-run")
@click.argument("file", type=FILE)
@account_option
@click.option("--partial", is_flag=True, help="Import the good rows even if others are wrong.")
@click.option("--dry-run", is_flag=True, help="Check every row and show the plan, day by day; store nothing.")
@click.option("--root", type=FOLDER, help="Use only media files in this folder, for tables from others.")
@click.option("--again", is_flag=True, help="Also queue rows that an earlier import of this file has queued.")
@click.option("--dates", type=click.Choice(["dmy", "mdy", "ymd"]), help="Read dates such as 04/03/2027 in this order.")
@click.option("--zone", metavar="ZONE", help="Read times that name no zone in this one. Default: the account's.")
@click.option("--sheet", metavar="NAME", help="Read this sheet of a workbook.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="COLUMN=FIELD",
    help='What a column of others is: "Post date=at"; "Network=" leaves it out. Remembered for this header.',
)
@json_option
@on_queue
def import_command(
    sky: Skywrite, /, file: Path, as_json: bool, sheet: str | None, columns: tuple[str, ...], **options: Any
) -> None:
    """Schedule many posts from a CSV, XLSX, ODS, JSONL or JSON file, all or nothing. With `-`, read standard input.

    \b
    A row of JSONL: {"text": "Hello", "at": "2027-01-05T09:00:00+01:00", "images": [{"path": "a.jpg", "alt": "A"}]}
    Without "at", rows take the next free slots. With "every" ("weekdays 9:00") a row is a recurrence, with "until",
    "zone", and "pool" or "grammar". CSV and workbooks have the same names as columns, and "date" with "time", "image"
    with "alt".
    Paths count from the file's folder. Importing a file again queues only what is new in it.
    Tables of Buffer, Hootsuite, Later, Publer, SocialBee, Typefully, Postiz, GoHighLevel and MagicSync are recognised.
    """
    from skywrite.app.reports import ImportFailed, check_reports
    from skywrite.features.tables.plan import ImportReport, plan_of

    partial, dry_run = options["partial"], options["dry_run"]
    table = _read(sky, file, sheet, _map_of(columns))
    rows = table.rows
    if not rows:
        raise InputError(
            f"{_called(file)} contains no rows{' to import' if table.published else ''}.",
            hint=" ".join(table.notes()) or "Is it the right file? See: skywrite import --help",
        )
    if not dry_run:
        sky.transfer.remember(table)
    if not as_json:
        for line in table.notes():
            print_aside(line)
    options["dates"] = options["dates"] or table.reading.dates
    reports = _import(sky, rows, file, options)
    if not as_json and (order := _asked_order(reports)) is not None:
        options["dates"] = order
        reports = _import(sky, rows, file, options)
    note = "" if dry_run else worker_note(sky)
    approvals = "" if dry_run else approvals_note(sky)
    zone_note = _zone_note(sky, rows, options["account"], options["zone"])
    plan = plan_of(reports) if dry_run else None
    try:
        if not partial or not any(report.id for report in reports):
            check_reports(reports, can_skip=not partial)
    except ImportFailed as error:
        if not as_json:
            _print_reports(reports, dry_run)
            raise
        print_json(ImportReport(reports, plan, error, table.reading).as_dict())
        sys.exit(error.exit_code)
    if as_json:
        from skywrite.app.shapes.imports import row_shape

        print_json(
            ImportReport(reports, plan, None, table.reading).as_dict()
            if dry_run
            else [row_shape(report) for report in reports]
        )
        return
    _print_reports(reports, dry_run)
    for line in (zone_note, approvals, note):
        if line:
            print_aside(line)


def _map_of(columns: Sequence[str]) -> Mapping[str, str]:
    """A map from options: `COLUMN=FIELD`, with an empty field for a column that is left out."""
    mapping: dict[str, str] = {}
    for option in columns:
        column, equals, field = option.rpartition("=")
        if not equals or not column.strip():
            raise InputError(
                f"--map {option!r} is not COLUMN=FIELD.",
                hint='Write it like --map "Post date=at", or --map "Network=".',
            )
        mapping[column] = field.strip()
    return mapping


def _read(sky: Skywrite, file: Path, sheet: str | None, columns: Mapping[str, str]) -> Table:
    """The table, or an error whose hint is the whole command that reads it."""
    from skywrite.posting.sources.column_maps import ASKED, UnknownColumns

    try:
        if file == STDIN:
            return _read_stdin(sky, sheet, columns)
        return sky.transfer.read_table(file, sheet=sheet, map=columns)
    except UnknownColumns as error:
        maps = [f"--map {shell_words([f'{name}={field}'])}" for name, field in error.suggested.items()]
        lead = " (a field in place of ?, or nothing to leave a column out)" if ASKED in error.suggested.values() else ""
        error.hint = f"Say what each is{lead}: {given_command()} {' '.join(maps)}"
        raise


def _read_stdin(sky: Skywrite, sheet: str | None, columns: Mapping[str, str]) -> Table:
    """The table that comes from a pipe: a workbook is a ZIP archive, and all else says itself what it is."""
    from skywrite.posting.sources.table import TABLE_BYTES_MAX

    data = read_stdin(TABLE_BYTES_MAX)
    name = "stdin.xlsx" if data.startswith(b"PK") else "stdin.csv"
    try:
        return sky.transfer.read_table(data, name=name, sheet=sheet, map=columns)
    except InputError as error:
        raise error.about(_called(STDIN)) from None


def _called(file: Path) -> str:
    return "Standard input" if file == STDIN else str(file)


def _import(sky: Skywrite, rows: list[dict[str, Any]], file: Path, options: Mapping[str, Any]) -> list[RowReport]:
    with _progress(len(rows)) as bar:
        return sky.transfer.import_rows(
            rows,
            base=file.parent,
            name="stdin" if file == STDIN else file.name,
            progress=lambda _: bar.update(1),
            **options,
        )


def _asked_order(reports: Sequence[RowReport]) -> str | None:
    """The order of day and month, asked once for the whole file: on a terminal, if nothing else is wrong."""
    from skywrite.posting.schedule.time_errors import AmbiguousTime

    wrong = [report.error for report in reports if report.error is not None]
    first = wrong[0] if wrong else None
    if not (isinstance(first, AmbiguousTime) and can_ask()):
        return None
    if not all(isinstance(error, AmbiguousTime) and error.orders for error in wrong):
        return None
    click.echo(first.message, err=True)
    return str(click.prompt("The order of all dates in the file", type=click.Choice(first.orders), err=True))


def _zone_note(sky: Skywrite, rows: Sequence[Mapping[str, Any]], account: str | None, zone: str | None) -> str:
    """In which zone the times of rows are read, for each account if they differ; empty if no row has a time."""
    timed = [row for row in rows if row.get("at") is not None or row.get("every") is not None]
    if not timed:
        return ""
    if zone is not None:
        return f"Times that name no zone are read in {zone}."
    by_handle: dict[str, str] = {}
    for name in {own if isinstance(own := row.get("account"), str) else account for row in timed}:
        with suppress(SkywriteError):
            known = sky.accounts.get(name)
            by_handle[known.handle] = sky.context.zone(known)
    zones = set(by_handle.values())
    words = zones if len(zones) == 1 else [f"{place} for {handle}" for handle, place in sorted(by_handle.items())]
    return (
        f"Times that name no zone are read in {', '.join(words)}; --zone ZONE reads them in another."
        if by_handle
        else ""
    )


def _plural(word: str, count: int, many: str | None = None) -> str:
    if count == 1:
        return word
    return f"{word}s" if many is None else many


def _progress(count: int) -> Any:
    return click.progressbar(
        length=count, label="Checking rows", file=sys.stderr, hidden=not sys.stderr.isatty() or count < 20
    )


def _print_reports(reports: list[Any], dry_run: bool) -> None:
    from skywrite.features.tables.cli_plan import plan_lines, remark_lines
    from skywrite.features.tables.plan import plan_of

    plan = plan_of(reports)
    if dry_run:
        show(plan_lines(plan))
    for line in (*remark_lines(plan.remarks, "Note:", "yellow"), *remark_lines(plan.problems, "Error:", "red")):
        click.echo(line, err=True)
    there = sum(report.existed for report in reports)
    before = f", {there:,} {_plural('is', there, 'are')} there already (--again queues them once more)" if there else ""
    stored = [report for report in reports if report.id or report.recurrence_id]
    if dry_run:
        good = sum(report.error is None for report in reports)
        click.echo(wrapped(f"{good:,} of {len(reports):,} rows are right{before}. Nothing was stored."))
    elif stored:
        fresh = sum(not report.existed and report.recurrence_id is None for report in stored)
        rules = sum(not report.existed and report.recurrence_id is not None for report in stored)
        recurrences = f", {rules:,} {_plural('recurrence', rules)} (see: skywrite recurring)" if rules else ""
        undo = " Undo: skywrite undo" if fresh or rules else ""
        print_done(f"Accepted: {fresh:,} {_plural('post', fresh)}{recurrences}{before}. See: skywrite list.{undo}")


@click.command("export", epilog="Example: skywrite export --media media > plan.jsonl")
@account_option
@click.option("--media", type=FilePath(path_type=Path), help="Write images and videos into this folder.")
@click.option("--output", "-o", type=OUTPUT, help="Write to this file. Default: standard output.")
@json_option
@on_queue
def export_command(sky: Skywrite, account: str | None, media: Path | None, output: Path | None, as_json: bool) -> None:
    """Write scheduled posts as JSONL (with --json, as one JSON array), which `skywrite import` reads."""
    from skywrite.app.shapes.done import ExportedRows

    _check_name(output, as_json)
    count = 0

    def counted(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    rows = counted(
        sky.transfer.export_rows(account=account, media_folder=media, base=output.parent if output else None)
    )
    pieces = json_array(rows) if as_json else (json_text(row) + "\n" for row in rows)
    if output is None:
        print_pieces(pieces)
        return
    # Drafts are private.
    with whole_private_file(output) as file:
        file.writelines(piece.encode() for piece in pieces)

    print_outcome(as_json, ExportedRows(count, str(output)), f"{count} {_plural('row', count)} written to {output}.")


def _check_name(output: Path | None, as_json: bool) -> None:
    """Raise InputError for the name of a file of another kind: other programs would not open it."""
    written, kind = (".json", "JSON") if as_json else (".jsonl", "JSON lines")
    ending = "" if output is None else output.suffix.lower()
    if output is None or ending == written or ending not in _KINDS:
        return
    meant = ["--json", "-o", str(output)] if ending == ".json" else ["-o", str(output.with_suffix(written))]
    meant = ["--json", *meant] if as_json else meant
    raise InputError(
        f"export writes {kind}, and {output} is the name of {_KINDS[ending]}. Nothing was written.",
        hint=f"For {'JSON' if '--json' in meant else kind}: {shell_words(['skywrite', 'export', *meant])}",
    )


@click.command("backup", epilog="Example: skywrite backup skywrite-2026-11-24.db")
@click.argument("file", type=FilePath(path_type=Path))
@json_option
@on_queue
def backup_command(sky: Skywrite, file: Path, as_json: bool) -> None:
    """Copy the whole database, even while it is in use. The copy does not hold the key: back it up separately."""
    from skywrite.app.shapes.done import WrittenFile

    sky.transfer.backup(file)
    home = sky.context.config.home
    print_outcome(
        as_json,
        WrittenFile(str(file)),
        f"The database is copied to {file}. Its secrets open only with the key (SKYWRITE_KEY or {home / 'key'}).",
    )
