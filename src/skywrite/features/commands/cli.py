"""commands: scheduled commands, whose output is posted."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import (
    ID,
    Seconds,
    Whole,
    account_option,
    draft_options,
    draft_row,
    json_option,
    on_queue,
)
from skywrite.faces.cli.output import one_line, print_done, print_json, print_outcome, print_table, print_warnings
from skywrite.faces.cli.status import print_commands_note

if TYPE_CHECKING:
    from skywrite.app import Skywrite

_OUTCOMES = {
    None: "has not run yet",
    "posted": "posted",
    "nothing": "printed nothing",
    "same": "printed the same as before",
    "failed": "failed",
}


class CommandGroup(Noun):
    """`skywrite commands "..." --every RULE` is `skywrite commands add "..." --every RULE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and "--every" in args:
            args = ["add", *args]
        return super().resolve_command(ctx, args)


@click.group("commands", cls=CommandGroup, epilog='Example: skywrite commands add "./weather.sh" --every "0 8 * * *"')
def commands_command() -> None:
    """Run commands at their times, and post what they print."""


@commands_command.command(
    "add", epilog='Example: skywrite commands add "./weather.sh" --every "0 8 * * *" --tag weather'
)
@click.argument("command", nargs=-1, required=True)
@click.option("--every", required=True, metavar="RULE", help='Run it at these times: cron, "weekdays 9:00", or RRULE.')
@click.option("--zone", metavar="ZONE", help="Read the rule in this zone. Default: the account's.")
@click.option("--jsonl", is_flag=True, help="Read the output as rows of `skywrite import`, one JSON object a line.")
@click.option("--repeat", is_flag=True, help="Also post output that is the same as last time.")
@click.option(
    "--timeout",
    type=Seconds(),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Kill the command after this time.",
)
@click.option(
    "--max-bytes", type=Whole(), default=1_000_000, show_default=True, help="Kill the command when it prints more."
)
@click.option(
    "--late", metavar="POLICY", help="Make up for a missed run: skip:2h (up to 2 hours late), publish (always)."
)
@draft_options
@account_option
@json_option
@on_queue
def add(
    sky: Skywrite, /, command: tuple[str, ...], timeout: float, account: str | None, as_json: bool, **options: Any
) -> None:
    """Run COMMAND on a schedule, and post its output.

    The command runs in the shell, in this folder, while `skywrite run` is running.

    A command that prints nothing, or fails, posts nothing. The worker's log and `skywrite commands list` show why it
    failed.
    """
    from skywrite.app.shapes.done import command_shape
    from skywrite.posting.schedule.times import format_time

    line = command[0] if len(command) == 1 else shlex.join(command)
    timer = sky.commands.add(
        line,
        every=options["every"],
        zone=options["zone"],
        account=account,
        folder=Path.cwd(),
        timeout_seconds=timeout,
        max_bytes=options["max_bytes"],
        jsonl=options["jsonl"],
        repeat=options["repeat"],
        late=options["late"],
        draft=draft_row(options),
    )
    if as_json:
        print_json(command_shape(timer))
        return
    assert timer.next_at is not None
    when = format_time(timer.next_at, timer.zone)
    print_done(f"Command {timer.id} runs {when}. Try it: skywrite commands run {timer.id}")
    print_commands_note(sky)


@commands_command.command("list", epilog="Example: skywrite commands list --json")
@json_option
@on_queue
def list_(sky: Skywrite, as_json: bool) -> None:
    """List the scheduled commands and functions, with their last runs."""
    from skywrite.app.shapes.done import command_shape

    timers = sky.commands.list()
    if as_json:
        print_json([command_shape(timer) for timer in timers])
    elif not timers:
        click.echo('No scheduled commands yet. Add one: skywrite commands add "./weather.sh" --every "0 8 * * *"')
    else:
        head = ("ID", "RULE", "NEXT RUN", "LAST RUN", "WHAT")
        print_table(head, [_row(timer) for timer in timers])


def _row(timer: Any) -> tuple[str, ...]:
    from skywrite.faces.cli.view import short_time

    last = _OUTCOMES[timer.outcome]
    if timer.ran_at:
        last = f"{short_time(timer.ran_at, timer.zone)} {last}"
    if timer.problem:
        last += f": {one_line(timer.problem.message)} [{timer.problem.code}]"
    following = short_time(timer.next_at, timer.zone) if timer.next_at else "never"
    what = f"{timer.name}()" if timer.kind == "function" else one_line(timer.name)
    return str(timer.id), f"{timer.rule} ({timer.zone})", following, last, what


@commands_command.command("remove", epilog="Example: skywrite commands remove 3")
@click.argument("command_id", type=ID, metavar="ID")
@json_option
@on_queue
def remove(sky: Skywrite, command_id: int, as_json: bool) -> None:
    """Remove a command. Its posts stay."""
    from skywrite.app.shapes.done import Removed

    timer = sky.commands.remove(command_id)
    print_outcome(as_json, Removed(timer.id), f"Command {timer.id} is removed; its posts stay.")


@commands_command.command("run", epilog="Examples: skywrite commands run 3; skywrite commands run 3 --post")
@click.argument("command_id", type=ID, metavar="ID")
@click.option("--post", is_flag=True, help="Post what it prints, and count it as its last output.")
@json_option
@on_queue
def run(sky: Skywrite, command_id: int, post: bool, as_json: bool) -> None:
    """Try a command: run it now, and show what it would post."""

    if post:
        _post(sky, command_id, as_json)
    else:
        _try(sky, command_id, as_json)


def _try(sky: Skywrite, command_id: int, as_json: bool) -> None:
    from skywrite.faces.cli.view import print_preview

    tried = sky.commands.try_run(command_id)
    if as_json:
        from skywrite.app.shapes.done import tried_shape

        print_json(tried_shape(tried))
        return
    for ready in tried.posts:
        print_preview(ready)
    if not tried.posts:
        click.echo("It printed nothing, so nothing would be posted.")


def _post(sky: Skywrite, command_id: int, as_json: bool) -> None:
    from skywrite.app.shapes.done import posted_command
    from skywrite.posting.sources.command import CommandFailed

    result, ids = sky.commands.run(command_id)
    if result.problem:
        raise CommandFailed(result.problem.message, code="command.output_unusable", hint=result.problem.hint)
    sent = [sky.posts.send(post_id) for post_id in ids]
    if as_json:
        print_json(posted_command(result.outcome, sent))
        return
    for item in sent:
        print_warnings(item.warnings)
        print_done(f"Posted: {item.url}")
    if not sent:
        click.echo(f"It {_OUTCOMES[result.outcome]}, so nothing was posted.")
