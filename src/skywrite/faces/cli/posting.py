"""post, schedule: what is sent now or later, one text or many rows; and sending, which `thread` shares."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.given import FILE
from skywrite.faces.cli.hints import given_command
from skywrite.faces.cli.options import (
    account_option,
    distinct_option,
    draft_options,
    draft_row,
    json_option,
    pool_of,
    read_text,
    text_options,
)
from skywrite.faces.cli.output import print_aside, print_done, print_error, print_json, print_warnings
from skywrite.faces.cli.status import print_worker_note
from skywrite.faces.cli.words import OneTextCommand

if TYPE_CHECKING:
    from skywrite.app import Scheduled, Sent, Skywrite

EXIT_INTERRUPTED = 130
# Options that say when.
_TIMES = ("at", "next_slot", "every")
_SCHEDULE = (
    click.option(
        "--at",
        "-t",
        metavar="WHEN",
        help='Post at this time: "tomorrow 9:00", "in 2 hours", ISO 8601, ... With --every: begin then.',
    ),
    click.option("--next-slot", is_flag=True, help="Post at the next free weekly slot."),
    click.option("--every", metavar="RULE", help='Post again and again: "weekdays 9:00", cron, or RRULE.'),
    click.option("--until", metavar="WHEN", help="End --every at this time."),
    click.option(
        "--except", "skip", multiple=True, metavar="DAY", help="Leave this day out of --every. May be repeated."
    ),
    click.option(
        "--zone",
        metavar="ZONE",
        help="Read --at and --every in this zone, such as Europe/Berlin. Default: the account's.",
    ),
    click.option(
        "--pool",
        "pool",
        type=FILE,
        help="Take the texts for --every in turn from a file (separated by lines of ---), instead of TEXT.",
    ),
    click.option(
        "--grammar",
        type=FILE,
        help="Take the texts for --every from a grammar (Tracery's format), a hundred different ones, instead of TEXT.",
    ),
    distinct_option,
    click.option("--key", metavar="KEY", help="Post only once for this key, however often you run it."),
    click.option(
        "--late",
        metavar="POLICY",
        help="What to do if its time is missed: publish, skip or hold, also after a grace: skip:30m.",
    ),
    click.option("--jitter", metavar="DURATION", help="Delay by a random time up to this, such as 15m."),
    click.option("--draft", "as_draft", is_flag=True, help="Keep it as a draft, without a time."),
    click.option("--reply-last", is_flag=True, help="Reply to the last post that you published from here."),
    click.option("--dry-run", is_flag=True, help="Check everything and show the result; store and send nothing."),
    click.option("--stateless", is_flag=True, help="Post without a database, once for its --key and --at."),
)
_RULE = ("every", "pool", "grammar", "distinct", "until", "skip", "zone")
_NO_USE = ("account", "next_slot", *_RULE, "jitter", "as_draft", "dry_run")


def schedule_options(command: Any) -> Any:
    """When a post goes out."""
    for option in reversed(_SCHEDULE):
        command = option(command)
    return command


@click.command(
    "post", cls=OneTextCommand, epilog='Example: skywrite post "Sales by month" --image chart.png --alt "A rising line"'
)
@text_options
@draft_options
@schedule_options
@click.option("--jsonl", is_flag=True, help="Read TEXT as rows of `skywrite import`, one JSON object a line.")
@account_option
@json_option
def post_command(
    text: tuple[str, ...], file: Path | None, editor: bool, jsonl: bool, as_json: bool, **options: Any
) -> None:
    """Post TEXT now, or at a time. With `-`, read the text from standard input.

    With --jsonl each line is a post: {"text": "..."}, with the fields of `skywrite import`. All are accepted, or none;
    then they are sent, in their order. Those with "at" wait for their time.
    """
    if jsonl:
        _send_rows(text, file, options, as_json)
        return
    send({"text": read_text(text, file, editor), **draft_row(options)}, options, as_json)


@click.command(
    "schedule",
    cls=OneTextCommand,
    epilog='Example: skywrite schedule "Good morning" --at "tomorrow 9:00"',
)
@text_options
@draft_options
@schedule_options
@account_option
@json_option
def schedule_command(text: tuple[str, ...], file: Path | None, editor: bool, as_json: bool, **options: Any) -> None:
    """Post TEXT at a time. With `-`, read the text from standard input.

    The same as `skywrite post` with --at, --next-slot or --every; without one of them, nothing is posted.
    """
    if not any(options[name] for name in _TIMES):
        if options["as_draft"]:
            whole = given_command().replace(" schedule", " post", 1)
            raise InputError("A draft has no time, so nothing was kept.", hint=f"Keep it without one: {whole}")
        is_empty = not (text or file or editor or draft_row(options))
        later = 'schedule "Later"' if is_empty else "schedule"
        whole = given_command().replace(" schedule", f' {later} --at "tomorrow 9:00"', 1)
        raise InputError("The time is missing, so nothing was posted.", hint=f"Set a time: {whole}")
    send({"text": read_text(text, file, editor), **draft_row(options)}, options, as_json)


def send(row: dict[str, Any], options: dict[str, Any], as_json: bool) -> None:
    """Send or schedule a draft as the options say, and print what became of it."""
    if options["grammar"] and options["pool"]:
        raise InputError("--grammar and --pool exclude each other.", hint="Leave one out.")
    check_not_empty(row, options)
    if options["stateless"] and options["reply_last"]:
        raise InputError("--reply-last needs the database.", hint="Give the post's link: --reply-to LINK")
    if options["stateless"]:
        return post_stateless(row, options, as_json)
    from skywrite.faces.cli.output import upload_progress

    later = any(options[name] for name in (*_TIMES, "as_draft"))
    with sky_about_to_send() as sky:
        if options["reply_last"]:
            row["reply_to"] = _last_post(sky, options["account"], row)
        if options["dry_run"]:
            from skywrite.faces.cli.view import show_preview

            pool = _texts(options)
            planned = _schedule(sky, row, options, dry_run=True) if later else None
            shown = {**row, **(pool[0] if isinstance(pool[0], dict) else {"text": pool[0]})} if pool else row
            show_preview(sky.posts.preview(account=options["account"], **shown), as_json)
            if planned and planned.due_at and not as_json:
                _print_planned(planned)
            return None
        if later:
            _print_scheduled(_schedule(sky, row, options), sky, as_json)
            return None
        useless = {
            name: options[name]
            for name in ("until", "skip", "pool", "grammar", "zone", "late", "jitter")
            if options[name]
        }
        progress = upload_progress()
        try:
            sent = sky.post(account=options["account"], key=options["key"], progress=progress, **row, **useless)
        except KeyboardInterrupt:
            _explain_interrupt(sky, options["account"], str(row.get("text") or ""))
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
        _print_sent(sent, as_json)
    return None


def check_not_empty(row: dict[str, Any], options: dict[str, Any]) -> None:
    """Raise InputError if nothing at all was given: perhaps a pipe was to be read."""
    if not any(row.values()) and not (options.get("pool") or options.get("grammar")):
        path = click.get_current_context().command_path
        hint = f"Give it a text, an image, a video, a card or a quote. What comes from a pipe: ... | {path} -"
        raise InputError("The post is empty.", code="post.empty", hint=hint)


def sky_about_to_send() -> Skywrite:
    """A `Skywrite` whose HTTP client opens while the rest is loaded: both take as long."""
    from skywrite.core.http import Http

    transport = Http()
    transport.warm_up()
    from skywrite.app import Skywrite

    return Skywrite(transport=transport)


def _last_post(sky: Skywrite, account: str | None, row: dict[str, Any]) -> str:
    """The at-uri of the last published post, of a thread its last one. Raises InputError if there is none."""
    if row.get("reply_to"):
        raise InputError("--reply-to and --reply-last exclude each other.", hint="Leave one out.")
    last = sky.posts.last_published(account=account)
    if last is None:
        raise InputError("Nothing was published from here yet.", hint="Give the post's link: --reply-to LINK")
    return last


def _explain_interrupt(sky: Skywrite, account: str | None, text: str) -> None:
    """After Ctrl-C: which post still goes out, and how to stop it."""
    did = sky.context.account(account).did
    waiting = sky.context.store.listing.posts(("publishing", "scheduled"), account_did=did, source="now", limit=1000)
    mine = max((post for post in waiting if post.text == text), key=lambda post: post.id, default=None)
    click.echo("", err=True)
    if mine is None:
        click.echo("Stopped. Nothing was stored, so nothing goes out.", err=True)
    elif mine.frozen is None or mine.is_free(sky.context.clock.now()):
        click.echo(f"Stopped. Post {mine.id} is kept: the next `skywrite run` sends it.", err=True)
        click.echo(f"To stop it: skywrite cancel {mine.id}", err=True)
    else:
        click.echo(
            f"Stopped. Post {mine.id} may be on the network already; the next `skywrite run` finds out.", err=True
        )
        click.echo(f"See: skywrite show {mine.id}", err=True)


def _send_rows(text: tuple[str, ...], file: Path | None, options: dict[str, Any], as_json: bool) -> None:
    """Rows of standard input (`-`) or of a file."""
    from skywrite.app import Skywrite
    from skywrite.app.reports import check_reports
    from skywrite.core.errors import InputError
    from skywrite.features import feature
    from skywrite.posting.sources.table import read_jsonl

    if feature("tables") is None:
        raise InputError("--jsonl needs the feature tables, which is off the list.", hint="Post one text at a time.")
    for name in ("next_slot", "reply_last", *_RULE, "as_draft", "dry_run"):
        if options[name]:
            flag = {"as_draft": "draft", "skip": "except"}.get(name, name).replace("_", "-")
            raise InputError(
                f"--{flag} does not go with --jsonl.", hint='Give rows their "at", or use skywrite import.'
            )
    shared = {**draft_row(options), **{name: options[name] for name in ("at", "late", "jitter") if options[name]}}
    rows = [{**shared, **row} for row in read_jsonl(read_text(text, file, False))]
    if not rows:
        raise InputError(
            "No rows were given.", code="post.empty", hint='Give one JSON object a line: {"text": "Hello"}'
        )
    with Skywrite() as sky:
        base = file.parent if file else None
        reports = sky.transfer.post_rows(rows, base=base, account=options["account"], key=options["key"])
    if not any(report.id for report in reports):
        check_reports(reports)
    _print_rows(reports, as_json)
    sys.exit(next((report.error.exit_code for report in reports if report.error), 0))


def _print_rows(reports: Any, as_json: bool) -> None:
    from skywrite.faces.cli.view import short_time

    if as_json:
        from skywrite.app.shapes.imports import row_shape

        print_json([row_shape(report) for report in reports])
        return
    for report in reports:
        print_warnings(f"Row {report.row}: {warning}" for warning in report.warnings)
        if report.error:
            print_error({"message": f"Row {report.row}: {report.error.message}", "hint": report.error.hint}, False)
        elif report.sent:
            print_done(f"Row {report.row}: posted: {report.sent.url}")
        else:
            when = short_time(report.due_at, report.zone)
            print_done(f"Row {report.row}: post {report.id} waits until {when}.")


def _schedule(sky: Skywrite, row: dict[str, Any], options: dict[str, Any], *, dry_run: bool = False) -> Scheduled[Any]:
    chosen = [name for name in ("at", "next_slot", "as_draft") if options[name]]
    if len(chosen) > 1:
        raise InputError("--at, --next-slot and --draft exclude each other.", hint="Leave all but one out.")
    if options["every"] and options["next_slot"]:
        raise InputError("--every and --next-slot exclude each other.", hint="Leave one out.")
    return sky.schedule(
        at=options["at"],
        every=options["every"],
        until=options["until"],
        skip=options["skip"] or None,
        pool=pool_of(options["pool"]) if options["pool"] else None,
        grammar=options["grammar"],
        distinct=options["distinct"],
        zone=options["zone"],
        account=options["account"],
        key=options["key"],
        late=options["late"],
        jitter=options["jitter"],
        draft=options["as_draft"],
        dry_run=dry_run,
        **row,
    )


def _texts(options: dict[str, Any]) -> Sequence[Any] | None:
    from skywrite.posting.sources.grammar import texts_in_turn

    pool = pool_of(options["pool"]) if options["pool"] else None
    return texts_in_turn(pool, options["grammar"], options["distinct"], None)


def _print_sent(sent: Sent, as_json: bool) -> None:
    if as_json:
        print_json(sent.as_dict())
        return
    print_warnings(sent.warnings)
    print_done(f"Posted: {sent.url}")


def _print_scheduled(scheduled: Scheduled[Any], sky: Skywrite, as_json: bool) -> None:
    from skywrite.posting.schedule.times import format_time

    if as_json:
        from skywrite.app.shapes.posts import whole_post

        number, warnings = scheduled.post_id, scheduled.warnings
        print_json(whole_post(sky, number, existed=scheduled.existed, warnings=warnings))
        return
    print_warnings(scheduled.warnings)
    if scheduled.existed and scheduled.state != "scheduled":
        print_done(f"Post {scheduled.id} already exists: {scheduled.state}. See: skywrite show {scheduled.id}")
        return
    if scheduled.due_at is None:
        print_done(f"Kept as draft {scheduled.id}. Give it a time with: skywrite move {scheduled.id} WHEN")
        return
    again = f" and again, as recurrence {scheduled.recurrence_id}" if scheduled.recurrence_id else ""
    print_done(f"Post {scheduled.id} goes out {format_time(scheduled.due_at, scheduled.zone)}{again}.")
    if sky.approvals.is_wanted(scheduled.post_id):
        target = f"recurring:{scheduled.recurrence_id}" if scheduled.recurrence_id else scheduled.id
        print_aside(f"Only if it is approved by then: skywrite approve {target}")
    print_worker_note(sky)


def _print_planned(planned: Scheduled[Any]) -> None:
    from skywrite.posting.schedule.times import format_time

    assert planned.due_at is not None
    print_warnings(planned.warnings)
    click.echo(f"It would go out {format_time(planned.due_at, planned.zone)}.")


def post_stateless(row: dict[str, Any], options: dict[str, Any], as_json: bool) -> None:
    """Publish a post once for its key and time. One that is not due yet, or was missed, is only reported."""
    from skywrite.stateless import Stateless

    for name in ("key", "at"):
        if not options[name]:
            raise InputError(
                f"--stateless needs --{name}.",
                hint="The same --key and --at always mean the same post: --key release-1.2.0 --at 2027-01-05T09:00Z",
            )
    for name in _NO_USE:
        if options[name]:
            option = {"as_draft": "draft"}.get(name, name).replace("_", "-")
            raise InputError(f"--{option} and --stateless exclude each other.")
    with Stateless() as sky:
        report = sky.post(key=options["key"], at=options["at"], late=options["late"], **row)
    if as_json:
        print_json(report.as_dict())
        return
    print_warnings(report.warnings)
    if report.state == "waiting":
        print_done(f"Not due yet: it goes out with the first run after {report.due_at:%Y-%m-%d %H:%M} UTC.")
    elif report.state == "missed":
        print_done(f"Not posted: it was due at {report.due_at:%Y-%m-%d %H:%M} UTC, too long ago. See --late.")
    else:
        print_done(f"{'Posted' if report.state == 'published' else 'Posted before'}: {report.url}")


def print_stateless(report: Any) -> None:
    """Print one line about a post without a database."""
    print_warnings(f"{report.name}: {warning}" if report.name else warning for warning in report.warnings)
    when = f" {report.due_at:%Y-%m-%d %H:%M} UTC" if report.due_at and report.state in ("waiting", "missed") else ""
    click.echo(f"{report.state + when:<12} {report.name or ''} {report.url or ''}".rstrip())
