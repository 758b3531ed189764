"""reposts: scheduled reposts and pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.completing import complete_posts
from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import ID, account_option, json_option, on_queue
from skywrite.faces.cli.output import one_line, print_done, print_json, print_outcome
from skywrite.faces.cli.terminal import print_columns

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.queue.actions import Action


def _repeating(command: click.Command) -> click.Command:
    """With the options of what is repeated."""
    command.params += [
        click.Option(["--every"], metavar="RULE", help='Repeat it: "weekdays 18:00", cron, or RRULE.'),
        click.Option(["--until"], metavar="WHEN", help="When repeating ends."),
        click.Option(["--zone"], metavar="ZONE", help="The time zone of the recurrence."),
    ]
    return command


def _undone(command: click.Command, undo: str) -> click.Command:
    """With the option of what is undone after a time."""
    command.params.insert(2, click.Option(["--undo-after"], metavar="DURATION", help=undo))
    return command


def _command(name: str, operation: str, what: str, example: str) -> click.Command:
    @click.command(name, help=what, epilog=f"Example: {example}")
    @click.argument("target", metavar="ID_OR_LINK", shell_complete=complete_posts)
    @click.option("--at", "-t", default="now", show_default=True, metavar="WHEN", help="When to do it.")
    @click.option("--key", metavar="KEY", help="Act only once for this key, however often you run the command.")
    @account_option
    @json_option
    def command(target: str, as_json: bool, **options: str | None) -> None:
        from skywrite.app import Skywrite
        from skywrite.app.shapes.reposts import repost_shape
        from skywrite.faces.cli.status import print_worker_note
        from skywrite.posting.schedule.times import format_time

        values = {option: value for option, value in options.items() if value is not None}
        with Skywrite() as sky:
            action = getattr(sky.reposts, operation)(target, **values)
            if as_json:
                print_json(repost_shape(sky.context, action))
            else:
                due = format_time(action.due_at, sky.context.zone(sky.accounts.get(action.account_did)))
                print_done(f"{operation.capitalize()} {action.id} waits for {due}: {one_line(_post_of(sky, action))}")
                print_worker_note(sky)

    return command


@click.group("reposts", cls=Noun, epilog='Example: skywrite reposts add 12 --at "monday 18:00"')
def reposts_command() -> None:
    """Repost, pin and unpin posts at a time."""


_add = _command(
    "add",
    "repost",
    "Repost a post at a time, or repeatedly. Any public post will do.",
    'skywrite reposts add 12 --every "monday 18:00" --undo-after 24h',
)
_pin = _command(
    "pin",
    "pin",
    "Pin a post of yours to your profile at a time.",
    'skywrite reposts pin 12 --at "monday 9:00" --undo-after 7d',
)
_unpin = _command(
    "unpin",
    "unpin",
    "Unpin a post of yours at a time, if it is still pinned then.",
    'skywrite reposts unpin 12 --at "friday 18:00"',
)
reposts_command.add_command(_repeating(_undone(_add, "Undo the repost after this long, such as 24h.")))
reposts_command.add_command(_undone(_pin, "Unpin it after this long, such as 7d."))
reposts_command.add_command(_unpin)


@reposts_command.command("list", epilog="Example: skywrite reposts list --json")
@json_option
@on_queue
def list_command(sky: Skywrite, as_json: bool) -> None:
    """List reposts and pins that are waiting or have failed."""
    from skywrite.app.shapes.reposts import repost_shape

    actions = sky.reposts.list()
    if as_json:
        print_json([repost_shape(sky.context, action) for action in actions])
        return
    rows = [_row(sky, action) for action in actions]
    zones = {sky.context.zone(sky.accounts.get(action.account_did)) for action in actions}
    if not rows:
        click.echo('No reposts or pins are waiting. Add one: skywrite reposts add 12 --at "monday 18:00"')
    else:
        print_columns([("ID", "DUE", "WHAT", "POST"), *rows])
        click.echo(f"Times are in {', '.join(sorted(zones))}.")


def _row(sky: Skywrite, action: Action) -> tuple[str, ...]:
    from zoneinfo import ZoneInfo

    at = action.due_at.astimezone(ZoneInfo(sky.context.zone(sky.accounts.get(action.account_did))))
    every = f", {action.rule} ({action.zone})" if action.rule else ""
    when, text = f"{at:%a} {at.day} {at:%b %Y %H:%M}", _post_of(sky, action)
    if action.error:
        text = f"{'failed' if action.state == 'failed' else 'tried again'}: {action.error} ({text})"
    return str(action.id), when, f"{action.kind}{every}", text


def _post_of(sky: Skywrite, action: Action) -> str:
    """The text of its post, if this queue published it; else its address."""
    post = sky.context.store.posts.published_as(action.author, action.uri)
    return " ".join(post.text.split()) if post is not None and post.text else action.uri


@reposts_command.command("cancel", epilog="Example: skywrite reposts cancel 3")
@click.argument("action_id", type=ID, metavar="ID")
@json_option
@on_queue
def cancel_command(sky: Skywrite, action_id: int, as_json: bool) -> None:
    """Cancel a repost or pin."""
    from skywrite.app.shapes.reposts import repost_shape

    action = sky.reposts.cancel(action_id)
    print_outcome(as_json, repost_shape(sky.context, action), f"The {action.kind} {action.id} is cancelled.")
