"""watch: commands that run at times; what one prints is posted."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from skywrite.cli.options import ID, account_option, draft_options, draft_row, json_option
from skywrite.cli.output import one_line, print_done, print_json, print_table, print_warnings

_OUTCOMES = {
    None: "has not run yet",
    "posted": "posted",
    "nothing": "printed nothing",
    "same": "printed the same as before",
    "failed": "failed",
}


class WatchGroup(click.Group):
    """`skywrite watch COMMAND --every RULE` is `skywrite watch add COMMAND --every RULE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and "--every" in args:
            args = ["add", *args]
        return super().resolve_command(ctx, args)


@click.group("watch", cls=WatchGroup, epilog='Example: skywrite watch add "./weather.sh" --every "0 8 * * *"')
def watch_command() -> None:
    """Run commands at times, and post what they print."""


@watch_command.command("add", epilog='Example: skywrite watch add "./weather.sh" --every "0 8 * * *" --tag weather')
@click.argument("command", nargs=-1, required=True)
@click.option("--every", required=True, metavar="RULE", help='When it runs: cron, "weekdays 9:00", or RRULE.')
@click.option("--zone", metavar="ZONE", help="The time zone of the rule; without it the account's.")
@click.option("--jsonl", is_flag=True, help="It prints rows of `skywrite import`, one JSON object a line.")
@click.option("--repeat", is_flag=True, help="Post the same output again, too.")
@click.option("--timeout", type=float, default=60.0, show_default=True, metavar="SECONDS", help="Kill it after that.")
@click.option("--max-bytes", type=int, default=1_000_000, show_default=True, help="Kill it when it prints more.")
@click.option(
    "--late", metavar="POLICY", help="Make up for a missed run: skip:2h, up to 2 hours late; publish, always."
)
@draft_options
@account_option
@json_option
def add(command: tuple[str, ...], timeout: float, account: str | None, as_json: bool, **options: Any) -> None:
    """Run COMMAND at the times of a rule, and post its output.

    It runs in the shell, in this folder.

    When it prints nothing, nothing is posted. When it ends with an error, that is told in the worker's log and in
    `skywrite watch list`, and nothing is posted. `skywrite run` must be running.
    """
    from skywrite.app import Skywrite
    from skywrite.app.reports import command_dict
    from skywrite.schedule.times import format_time

    line = command[0] if len(command) == 1 else shlex.join(command)
    with Skywrite() as sky:
        timer = sky.add_watch(
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
        print_json(command_dict(timer))
        return
    assert timer.next_at is not None
    print_done(f"Watch {timer.id} runs {format_time(timer.next_at, timer.zone)}. Try it: skywrite watch run {timer.id}")
    click.echo("  It is run by `skywrite run`, which must be running then.")


@watch_command.command("list", epilog="Example: skywrite watch list --json")
@json_option
def list_(as_json: bool) -> None:
    """List the commands and functions, with their last runs."""
    from skywrite.app import Skywrite
    from skywrite.app.reports import command_dict

    with Skywrite() as sky:
        timers = sky.watches()
    if as_json:
        print_json([command_dict(timer) for timer in timers])
    elif not timers:
        click.echo('No watches yet. Make one: skywrite watch add "./weather.sh" --every "0 8 * * *"')
    else:
        head = ("ID", "RULE", "NEXT RUN", "LAST RUN", "WHAT")
        print_table(head, [_row(timer) for timer in timers])


def _row(timer: Any) -> tuple[str, ...]:
    last = _OUTCOMES[timer.outcome]
    if timer.ran_at:
        last = f"{timer.ran_at:%Y-%m-%d %H:%M} {last}"
    if timer.problem:
        last += f": {one_line(timer.problem.message)} [{timer.problem.name}]"
    following = f"{timer.next_at:%Y-%m-%d %H:%M} UTC" if timer.next_at else "never"
    what = f"{timer.name}()" if timer.kind == "function" else one_line(timer.name)
    return str(timer.id), f"{timer.rule} ({timer.zone})", following, last, what


@watch_command.command("remove", epilog="Example: skywrite watch remove 3")
@click.argument("watch_id", type=ID, metavar="ID")
@json_option
def remove(watch_id: int, as_json: bool) -> None:
    """Forget a command. Its posts stay."""
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        timer = sky.remove_watch(watch_id)
    if as_json:
        print_json({"removed": timer.id})
    else:
        print_done(f"Watch {timer.id} is removed.")


@watch_command.command("run", epilog="Examples: skywrite watch run 3; skywrite watch run 3 --post")
@click.argument("watch_id", type=ID, metavar="ID")
@click.option("--post", is_flag=True, help="Post what it prints, and count it as its last output.")
@json_option
def run(watch_id: int, post: bool, as_json: bool) -> None:
    """Run a command now for a try, and show what would be posted."""
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        if post:
            _post(sky, watch_id, as_json)
        else:
            _try(sky, watch_id, as_json)


def _try(sky: Any, watch_id: int, as_json: bool) -> None:
    from skywrite.cli.view import print_preview

    tried = sky.try_watch(watch_id)
    if as_json:
        print_json(tried.as_dict())
        return
    for ready in tried.posts:
        print_preview(ready)
    if not tried.posts:
        click.echo("It printed nothing, so nothing would be posted.")


def _post(sky: Any, watch_id: int, as_json: bool) -> None:
    from skywrite.app.commands import CommandFailed

    result, ids = sky.run_watch(watch_id)
    if result.problem:
        raise CommandFailed(result.problem.message, hint=result.problem.hint)
    sent = [sky.send(post_id) for post_id in ids]
    if as_json:
        print_json({"outcome": result.outcome, "posts": [item.as_dict() for item in sent]})
        return
    for item in sent:
        print_warnings(item.warnings)
        print_done(f"Posted: {item.url}")
    if not sent:
        click.echo(f"It {_OUTCOMES[result.outcome]}, so nothing was posted.")
