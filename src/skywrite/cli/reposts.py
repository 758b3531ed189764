"""repost, pin, unpin, reposts: scheduled reposts and pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.cli.completing import complete_posts
from skywrite.cli.options import ID, account_option, json_option
from skywrite.cli.output import one_line, print_done, print_json
from skywrite.cli.terminal import print_columns

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


def _command(name: str, what: str, example: str) -> click.Command:
    @click.command(name, help=what, epilog=f"Example: {example}")
    @click.argument("target", metavar="ID_OR_LINK", shell_complete=complete_posts)
    @click.option("--at", default="now", show_default=True, metavar="WHEN", help="When a worker does it.")
    @click.option("--key", metavar="KEY", help="Do it only once for this key, however often you run the command.")
    @account_option
    @json_option
    def command(target: str, as_json: bool, **options: str | None) -> None:
        from skywrite.app import Skywrite
        from skywrite.app.shapes.reposts import repost_shape
        from skywrite.cli.status import print_worker_note
        from skywrite.schedule.times import format_time

        given = {option: value for option, value in options.items() if value is not None}
        with Skywrite() as sky:
            action = getattr(sky.reposts, name)(target, **given)
            if as_json:
                print_json(repost_shape(sky.context, action))
            else:
                due = format_time(action.due_at, sky.context.zone(sky.account(action.account_did)))
                print_done(f"{name.capitalize()} {action.id} waits for {due}: {one_line(_post_of(sky, action))}")
                print_worker_note(sky)

    return command


_repost_command = _command(
    "repost",
    "Repost a post at a time or repeatedly, one of yours or of somebody else.",
    'skywrite repost 12 --every "monday 18:00" --undo-after 24h',
)
repost_command = _repeating(_undone(_repost_command, "Take the repost back so long after it, such as 24h."))
_pin_command = _command(
    "pin", "Pin a post of yours to the profile at a time.", 'skywrite pin 12 --at "monday 9:00" --undo-after 7d'
)
pin_command = _undone(_pin_command, "Unpin it so long after that, such as 7d.")
unpin_command = _command(
    "unpin", "Unpin a post of yours at a time, if it is still pinned then.", 'skywrite unpin 12 --at "friday 18:00"'
)


@click.group("reposts", invoke_without_command=True, epilog="Example: skywrite reposts cancel 3")
@json_option
@click.pass_context
def reposts_command(context: click.Context, as_json: bool) -> None:
    """List reposts and pins that are waiting or have failed; cancel one."""
    if context.invoked_subcommand is not None:
        return
    from skywrite.app import Skywrite
    from skywrite.app.shapes.reposts import repost_shape

    with Skywrite() as sky:
        actions = sky.reposts.list()
        if as_json:
            print_json([repost_shape(sky.context, action) for action in actions])
            return
        rows = [_row(sky, action) for action in actions]
        zones = {sky.context.zone(sky.account(action.account_did)) for action in actions}
    if not rows:
        click.echo("No repost and no pin waits.")
    else:
        print_columns([("ID", "DUE", "WHAT", "POST"), *rows])
        click.echo(f"Times are in {', '.join(sorted(zones))}.")


def _row(sky: Skywrite, action: Action) -> tuple[str, ...]:
    from zoneinfo import ZoneInfo

    at = action.due_at.astimezone(ZoneInfo(sky.context.zone(sky.account(action.account_did))))
    every = f", {action.rule} ({action.zone})" if action.rule else ""
    when, text = f"{at:%a} {at.day} {at:%b %Y %H:%M}", _post_of(sky, action)
    if action.error:
        text = f"{'failed' if action.state == 'failed' else 'tried again'}: {action.error} ({text})"
    return str(action.id), when, f"{action.kind}{every}", text


def _post_of(sky: Skywrite, action: Action) -> str:
    """The text of its post, if this queue published it; else its address."""
    post = sky.context.store.published_as(action.author, action.uri)
    return " ".join(post.text.split()) if post is not None and post.text else action.uri


@reposts_command.command("cancel", epilog="Example: skywrite reposts cancel 3")
@click.argument("action_id", type=ID, metavar="ID")
@json_option
def cancel_command(action_id: int, as_json: bool) -> None:
    """Cancel a repost or pin."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.reposts import repost_shape

    with Skywrite() as sky:
        action = sky.reposts.cancel(action_id)
        if as_json:
            print_json(repost_shape(sky.context, action))
            return
    print_done(f"The {action.kind} {action.id} is cancelled.")
