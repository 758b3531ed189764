"""queue, history, show, edit, move, cancel, retry, release, hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skywrite.cli.hints import hint_text
from skywrite.cli.options import ID, account_option, draft_options, draft_row, json_option, read_text, text_options
from skywrite.cli.output import one_line, print_done, print_error, print_json, print_table, print_warnings
from skywrite.cli.words import ManyTextsCommand
from skywrite.errors import InputError, SkywriteError
from skywrite.queue.model import FINAL_STATES

if TYPE_CHECKING:
    from skywrite.app.results import Entry
    from skywrite.queue.model import Account

_COLOURS = {"published": "green", "failed": "red", "held": "yellow", "publishing": "cyan"}


def _listing(command: Any) -> Any:
    for option in (
        json_option,
        click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Most rows."),
        click.option("--state", "states", multiple=True, help="Only posts in this state. May be repeated."),
        account_option,
    ):
        command = option(command)
    return command


@click.command("queue", epilog="Example: skywrite queue --json | jq '.[] | .due_at'")
@_listing
def queue_command(account: str | None, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the posts that wait, in the order in which they are due."""
    from skywrite.app import Skywrite
    from skywrite.queue.model import WAITING_STATES

    with Skywrite() as sky:
        entries = sky.queue(account=account, states=_states(states, WAITING_STATES), limit=limit)
        if as_json:
            print_json([entry.as_dict() for entry in entries])
        elif not entries:
            click.echo('Nothing is waiting. Add something: skywrite post "Later" --at "tomorrow 9:00"')
        else:
            _print_entries(entries, "DUE", lambda entry: _moment(entry.post.due_at, sky.context.zone(entry.account)))


@click.command("history", epilog="Example: skywrite history --state failed")
@_listing
def history_command(account: str | None, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the posts that are done with, the latest first."""
    from skywrite.app import Skywrite
    from skywrite.queue.model import FINAL_STATES

    with Skywrite() as sky:
        entries = sky.history(account=account, states=_states(states, FINAL_STATES), limit=limit)
        if as_json:
            print_json([entry.as_dict() for entry in entries])
        elif not entries:
            click.echo("Nothing was published yet.")
        else:
            _print_entries(entries, "WHEN", lambda entry: _moment(_ended(entry), sky.context.zone(entry.account)))


def _ended(entry: Entry) -> datetime:
    return entry.post.published_at or entry.post.updated_at


def _states(given: tuple[str, ...], default: Sequence[Any]) -> Any:
    from skywrite.queue.model import STATES

    for state in given:
        if state not in STATES:
            raise InputError(f"There is no state {state!r}.", hint=f"The states are: {', '.join(STATES)}.")
    return given or default


def _print_entries(entries: list[Entry], when: str, moment: Callable[[Entry], str]) -> None:
    rows = [
        (str(entry.post.id), moment(entry), entry.post.state, entry.account.handle, _told(entry)) for entry in entries
    ]
    print_table(("ID", when, "STATE", "ACCOUNT", "TEXT"), rows)


def _told(entry: Entry) -> str:
    text = one_line(entry.post.text or "(no text)")
    return f"{text}  [{entry.post.problem.name}]" if entry.post.problem else text


def _moment(moment: datetime | None, zone: str) -> str:
    from zoneinfo import ZoneInfo

    return moment.astimezone(ZoneInfo(zone)).strftime("%a %d %b %Y %H:%M") if moment else "no time yet"


@click.command("show", epilog="Example: skywrite show 12")
@click.argument("post_id", type=ID, metavar="ID")
@json_option
def show_command(post_id: int, as_json: bool) -> None:
    """Tell everything about a post: its text, its state, and every attempt in plain words."""
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        entry = sky.show(post_id)
        zone = sky.context.zone(entry.account)
    if as_json:
        print_json({**entry.as_dict(), "tries": [_attempt_json(item) for item in entry.attempts]})
        return
    _print_entry(entry, zone)


def _attempt_json(attempt: Any) -> dict[str, Any]:
    from skywrite.clock import to_iso

    return {
        "number": attempt.number,
        "started_at": to_iso(attempt.started_at),
        "ended_at": to_iso(attempt.ended_at) if attempt.ended_at else None,
        "outcome": attempt.outcome,
        "error": attempt.problem.name if attempt.problem else None,
        "message": attempt.problem.message if attempt.problem else None,
    }


def _print_entry(entry: Entry, zone: str) -> None:
    from skywrite.schedule.times import format_time

    post = entry.post
    state = click.style(post.state, fg=_COLOURS.get(post.state), bold=True)
    click.echo(f"Post {post.id} of {entry.account.handle}: {state}")
    if post.due_at:
        click.echo(f"Due: {format_time(post.due_at, zone)}")
    if post.attempt_at and post.state == "scheduled":
        click.echo(f"Next attempt: {format_time(post.attempt_at, zone)}")
    if post.state == "scheduled" and (why := _held_up_by(entry.account)):
        click.echo(f"{click.style('Waits:', fg='yellow')} {why}")
    if post.recurrence_id:
        click.echo(f"Made by recurrence {post.recurrence_id}")
    if post.key:
        click.echo(f"Key: {post.key}")
    if entry.url:
        click.echo(f"Link: {entry.url}\nat-uri: {post.uri}")
    click.echo("")
    for line in (post.text or "(no text)").split("\n"):
        click.echo(f"  {line}")
    count = len(post.prepared.get("records", ()))
    if count > 1:
        click.echo(f"  … and {count - 1} more in its thread")
    click.echo("")
    for attempt in entry.attempts:
        click.echo(_attempt_line(attempt))
    if post.problem:
        click.echo(f"{click.style('Why:', fg='yellow')} {post.problem.message} [{post.problem.name}]")
        if post.problem.hint and post.state not in FINAL_STATES:
            click.echo(f"{click.style('To do:', fg='cyan')} {hint_text(post.problem.hint)}")


def _held_up_by(account: Account) -> str:
    """What keeps all posts of an account from going out."""
    if not account.signed_in or account.state == "needs_login":
        return f"nobody is signed in as {account.handle}. Sign in with: skywrite login"
    if account.state == "paused" and account.paused_until:
        return f"until {account.paused_until:%Y-%m-%d %H:%M:%S} UTC: {account.pause_reason or 'its account is paused'}"
    return ""


_OUTCOMES = {
    "published": "it is on the network",
    "retry": "not for now, it is tried again",
    "failed": "refused for good",
    "held": "it waits for you",
    "lost": "its worker ended in the middle; the next attempt looked whether it had gone out",
    "released": "its worker was stopped before it was sent",
    None: "under way",
}


def _attempt_line(attempt: Any) -> str:
    told = _OUTCOMES.get(attempt.outcome, attempt.outcome)
    why = f": {attempt.problem.message}" if attempt.problem else ""
    return f"Attempt {attempt.number}, {attempt.started_at:%Y-%m-%d %H:%M:%S} UTC: {told}{why}"


@click.command("edit", cls=ManyTextsCommand, epilog='Example: skywrite edit 12 "A better text" --at "fri 18:00"')
@click.argument("post_id", type=ID, metavar="ID")
@text_options
@draft_options
@click.option("--at", metavar="WHEN", help="Another time.")
@click.option("--late", metavar="POLICY", help="If its time is missed: publish, skip or hold.")
@json_option
def edit_command(
    post_id: int, text: tuple[str, ...], file: Path | None, editor: bool, as_json: bool, **options: Any
) -> None:
    """Change a post that has not been tried yet. What is not given stays as it is."""
    from skywrite.app import Skywrite

    changes = draft_row(options)
    if editor:
        changes["text"] = _edited(post_id)
    elif text or file:
        changes |= _other_text(post_id, text, file)
    if options["late"]:
        changes["late"] = options["late"]
    if not changes and not options["at"]:
        raise InputError("Nothing to change was given.", hint="See: skywrite edit --help")
    with Skywrite() as sky:
        _print_changed(sky.edit(post_id, at=options["at"], **changes), sky, "changed", as_json)


def _other_text(post_id: int, text: tuple[str, ...], file: Path | None) -> dict[str, Any]:
    """The text to put in place; of a thread, those of all its posts, given one by one or parted by lines of `---`."""
    from skywrite.app import Skywrite
    from skywrite.cli.posting import parts

    with Skywrite() as sky:
        thread = sky.show(post_id).post.draft.get("thread") or []
    if not thread:
        return {"text": read_text(text, file, False)}
    texts = list(text) if len(text) > 1 else parts(read_text(text, file, False))
    if len(texts) != len(thread) + 1:
        raise InputError(
            f"Post {post_id} is a thread of {len(thread) + 1} posts, and {len(texts)} texts were given.",
            hint="Give as many, one by one or in a file, parted by lines of ---; or cancel it and post another one.",
        )
    rest = [{**part, "text": other} for part, other in zip(thread, texts[1:], strict=True)]
    return {"text": texts[0], "thread": rest}


def _edited(post_id: int) -> str:
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        written = click.edit(sky.posts.get(post_id).post.text)
    if written is None:
        raise InputError("Nothing was saved in the editor, so nothing is changed.", hint="Save the text, then quit.")
    return written.rstrip("\n")


def _print_changed(entry: Entry, sky: Any, what: str, as_json: bool) -> None:
    if as_json:
        print_json({**entry.as_dict(), "warnings": list(entry.warnings)})
        return
    from skywrite.schedule.times import format_time

    print_warnings(entry.warnings)
    post = entry.post
    when = (
        f", due {format_time(post.due_at, sky.context.zone(entry.account))}"
        if post.due_at and post.state == "scheduled"
        else ""
    )
    state = "" if post.state == what else f": {post.state}"
    print_done(f"Post {post.id} is {what}{state}{when}.")


@click.command("move", epilog='Example: skywrite move 12 "monday 9:00"')
@click.argument("post_id", type=ID, metavar="ID")
@click.argument("when", nargs=-1, required=True)
@json_option
def move_command(post_id: int, when: tuple[str, ...], as_json: bool) -> None:
    """Give a post another time."""
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        _print_changed(sky.move(post_id, " ".join(when)), sky, "moved", as_json)


def _simple(name: str, verb: str, what: str, help_text: str) -> click.Command:
    @click.command(name, help=help_text, epilog=f"Example: skywrite {name} 12")
    @click.argument("post_ids", type=ID, nargs=-1, required=True, metavar="ID...")
    @json_option
    def command(post_ids: tuple[int, ...], as_json: bool) -> None:
        from skywrite.app import Skywrite

        errors: list[SkywriteError] = []
        with Skywrite() as sky:
            for post_id in post_ids:
                try:
                    _print_changed(getattr(sky, verb)(post_id), sky, what, as_json)
                except SkywriteError as error:
                    errors.append(error)
        for earlier in errors[:-1]:
            print_error(earlier.as_dict(), as_json)
        if errors:
            raise errors[-1]

    return command


cancel_command = _simple(
    "cancel", "cancel", "cancelled", "Cancel posts. Once this says so, they will never be published."
)
retry_command = _simple("retry", "retry", "to be tried again", "Try failed posts again.")
release_command = _simple(
    "release", "release", "released", "Let held posts go out: at their time, or now where that has passed."
)
hold_command = _simple("hold", "hold", "held", "Keep posts from going out until they are released.")
