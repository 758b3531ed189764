"""recurring: posts that repeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from skywrite.core.errors import InputError, SkywriteError
from skywrite.faces.cli.completing import complete_recurrences
from skywrite.faces.cli.given import FILE
from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import ID, account_option, distinct_option, json_option, on_queue, one_text, pool_of
from skywrite.faces.cli.output import print_done, print_json, print_warnings
from skywrite.faces.cli.showing import gate_lines, policy_words
from skywrite.faces.cli.terminal import columns, cut, print_columns, show
from skywrite.faces.cli.view import detail_lines, record_lines
from skywrite.faces.cli.words import NumberAndTextCommand

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.app.reports import RecurrenceStatus
    from skywrite.queue.model import Recurrence


@click.group("recurring", cls=Noun, epilog="Example: skywrite recurring show 3")
def recurring_command() -> None:
    """List, show, edit or stop recurrences; move or skip an occurrence."""


@recurring_command.command("list", epilog="Example: skywrite recurring list --json")
@account_option
@json_option
@on_queue
def list_command(sky: Skywrite, account: str | None, as_json: bool) -> None:
    """List recurrences, with their next times."""

    statuses = [sky.recurrences.status(item) for item in sky.recurrences.list(account)]
    if as_json:
        from skywrite.app.shapes.recurrences import status_shape

        print_json([status_shape(status) for status in statuses])
    elif not statuses:
        click.echo('No recurrences yet. Make one: skywrite post "Good morning" --every "weekdays 9:00"')
    else:
        rows = [_row(status) for status in statuses]
        several = slice(2, 2) if len(sky.accounts.list()) > 1 else slice(2, 3)
        table = [list(row) for row in (("ID", "NEXT", "ACCOUNT", "RULE", "TEXT"), *rows)]
        for row in table:
            del row[several]
        print_columns(table)


def _row(status: RecurrenceStatus) -> tuple[str, ...]:
    recurrence, handle, times = status
    local = times[0].astimezone(ZoneInfo(recurrence.zone)) if times else None
    following = f"{local:%a} {local.day} {local:%b %H:%M}" if local else recurrence.state
    text = f"pool of {len(recurrence.pool)}" if recurrence.pool else str(recurrence.draft.get("text", ""))
    return str(recurrence.id), following, handle, f"{recurrence.rule} ({recurrence.zone})", text


@recurring_command.command("show", epilog="Example: skywrite recurring show 3")
@click.argument("recurrence_id", type=ID, metavar="ID", shell_complete=complete_recurrences)
@json_option
@on_queue
def show_command(sky: Skywrite, recurrence_id: int, as_json: bool) -> None:
    """Show a recurrence, its next five times and its exceptions."""

    status = sky.recurrences.status(sky.recurrences.get(recurrence_id))
    if as_json:
        from skywrite.app.shapes.recurrences import status_shape

        print_json(status_shape(status))
    else:
        show(_lines(status))


def _lines(status: RecurrenceStatus) -> Iterator[str]:
    from skywrite.posting.schedule.recurrence import describe, parse_rule
    from skywrite.posting.schedule.times import format_time

    rule, handle, times = status
    yield f"Recurrence {rule.id} of {handle}: {click.style(rule.state, bold=True)}"
    with suppress(SkywriteError):
        sentence = describe(parse_rule(rule.rule, zone=rule.zone, start=rule.starts_at))
        yield f"Rule: {rule.rule} ({sentence})"
    if rule.starts_at:
        yield f"Starts: {format_time(rule.starts_at, rule.zone)}"
    if rule.until:
        yield f"Ends: {format_time(rule.until, rule.zone)}"
    if rule.jitter_seconds:
        yield f"Jitter: up to {rule.jitter_seconds // 60} min"
    yield f"If it is late: {policy_words(rule)}"
    yield "Next:" if times else "It has no further occurrences."
    yield from (f"  {format_time(at, rule.zone)}" for at in times)
    if rule.exceptions:
        yield "Exceptions:"
    for original, moved in sorted(rule.exceptions.items()):
        what = f"moved to {format_time(datetime.fromisoformat(moved), rule.zone)}" if moved else "skipped"
        yield f"  {format_time(datetime.fromisoformat(original), rule.zone)}: {what}"
    yield f"Texts, in turn ({len(rule.pool)}):" if rule.pool else "Text:"
    for item in rule.pool:
        yield f"  {cut(item['draft'].get('text') or '(no text)', columns() - 2)}"
        yield from (f"    {line}" for record in _records(item) for line in detail_lines(record))
    if not rule.pool:
        yield from (f"  {line}" for record in _records(rule._asdict()) for line in record_lines(record))
    yield from gate_lines(rule.prepared)


def _records(content: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The posts of a thread, as they were prepared; of what an older version stored, the text."""
    records: Sequence[Mapping[str, Any]] = content.get("prepared", {}).get("records", ())
    return records or [{"text": content["draft"].get("text", "")}]


@recurring_command.command(
    "edit",
    cls=NumberAndTextCommand,
    epilog='Example: skywrite recurring edit 3 "Good evening" --every "weekdays 18:00"',
)
@click.argument("recurrence_id", type=ID, metavar="ID", shell_complete=complete_recurrences)
@one_text(required=False)
@click.option("--every", metavar="RULE", help='Another rule: "weekdays 9:00", cron, or RRULE.')
@click.option("--until", metavar="WHEN", help="Another end.")
@click.option("--zone", metavar="ZONE", help="Another time zone for the rule.")
@click.option("--pool", type=FILE, help="Other texts, used in turn: a file, separated by lines of ---.")
@click.option("--grammar", type=FILE, help="Other texts, from a grammar in Tracery's format.")
@distinct_option
@click.option("--late", metavar="POLICY", help="If its time is missed: publish, skip or hold.")
@click.option("--jitter", metavar="DURATION", help="Add a random part of this, such as 15m.")
@json_option
@on_queue
def edit(
    sky: Skywrite,
    /,
    recurrence_id: int,
    text: str | None,
    pool: Path | None,
    grammar: Path | None,
    distinct: int | None,
    as_json: bool,
    **options: str | None,
) -> None:
    """Change a recurrence, and all its future posts. What you do not give stays."""
    from skywrite.app.shapes.recurrences import status_shape

    changes: dict[str, Any] = {name: value for name, value in options.items() if value}
    if text is not None:
        changes["text"] = text
    if pool is not None:
        changes["pool"] = pool_of(pool)
    if grammar is not None:
        if pool is not None:
            raise InputError("--grammar and --pool exclude each other.", hint="Leave one out.")
        changes["grammar"] = grammar
    if distinct is not None:
        changes["distinct"] = distinct
    if not changes:
        raise InputError("There is nothing to change.", hint="See: skywrite recurring edit --help")
    rule, warnings = sky.recurrences.edit(recurrence_id, **changes)
    status = sky.recurrences.status(rule)
    if as_json:
        print_json(status_shape(status, warnings))
        return
    print_warnings(warnings)
    print_done(f"Recurrence {rule.id} is changed. It comes next {_when(status.next_times[0], rule)}.")


def _when(at: datetime, rule: Recurrence) -> str:
    from skywrite.posting.schedule.times import format_time

    return format_time(at, rule.zone)


@recurring_command.command("stop", epilog="Example: skywrite recurring stop 3")
@click.argument("recurrence_id", type=ID, metavar="ID", shell_complete=complete_recurrences)
@json_option
@on_queue
def stop(sky: Skywrite, recurrence_id: int, as_json: bool) -> None:
    """Stop a recurrence, and cancel its waiting posts."""
    from skywrite.app.shapes.recurrences import Stopped

    cancelled = sky.recurrences.stop(recurrence_id)
    if as_json:
        print_json(Stopped(recurrence_id, cancelled))
    else:
        posts = "post is" if cancelled == 1 else "posts are"
        print_done(f"Recurrence {recurrence_id} is stopped; {cancelled} waiting {posts} cancelled.")


@recurring_command.command("skip", epilog='Example: skywrite recurring skip 3 "2026-12-24 09:00"')
@click.argument("recurrence_id", type=ID, metavar="ID", shell_complete=complete_recurrences)
@click.argument("when")
@json_option
def skip(recurrence_id: int, when: str, as_json: bool) -> None:
    """Skip one occurrence."""
    _change(recurrence_id, when, None, as_json)


@recurring_command.command("move", epilog='Example: skywrite recurring move 3 "2026-12-24 09:00" "2026-12-24 12:00"')
@click.argument("recurrence_id", type=ID, metavar="ID", shell_complete=complete_recurrences)
@click.argument("when")
@click.argument("to")
@json_option
def move(recurrence_id: int, when: str, to: str, as_json: bool) -> None:
    """Move one occurrence to another time."""
    _change(recurrence_id, when, to, as_json)


def _change(recurrence_id: int, when: str, to: str | None, as_json: bool) -> None:
    from skywrite.app import Skywrite
    from skywrite.features.recurring.operations import recurrence_shape

    with Skywrite() as sky:
        before = sky.recurrences.get(recurrence_id)
        rule = sky.recurrences.skip_or_move(recurrence_id, when, to)
        if as_json:
            print_json(recurrence_shape(sky, rule))
            return
    changed = [pair for pair in rule.exceptions.items() if pair not in before.exceptions.items()]
    for original, moved in changed:
        left = _when(datetime.fromisoformat(original), rule)
        if moved is None:
            print_done(f"Recurrence {recurrence_id} skips {left}.")
        else:
            print_done(f"Recurrence {recurrence_id}: {left} is moved to {_when(datetime.fromisoformat(moved), rule)}.")
    if not changed:
        print_done(f"Recurrence {recurrence_id} is like that already.")
