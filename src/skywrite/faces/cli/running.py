"""run: the worker, with logs that people or machines read."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skywrite.core.clock import Clock, to_iso
from skywrite.core.config import DEFAULT_THREADS
from skywrite.core.errors import InputError
from skywrite.core.shown import printable
from skywrite.faces.cli.given import FILE
from skywrite.faces.cli.options import Whole, json_option
from skywrite.faces.cli.output import is_quiet, print_done, print_json, print_warnings
from skywrite.posting.sources.functions import load_program

if TYPE_CHECKING:
    from skywrite.app import Skywrite


@click.command("run", epilog="Examples: skywrite run --log json --metrics 127.0.0.1:9464; skywrite run --app bot.py")
@click.option("--once", is_flag=True, help="Publish what is due now, then exit.")
@click.option("--app", "app", type=FILE, help="Run the functions of a Python file that return posts (@sky.every).")
@click.option("--call", "name", metavar="NAME", help="Call one function of --app now, post what it returns, and exit.")
@click.option(
    "--threads",
    type=Whole(1, 256),
    default=DEFAULT_THREADS,
    show_default=True,
    help="Maximum posts to send at once.",
)
@click.option(
    "--log",
    "log_format",
    type=click.Choice(["people", "text", "json", "none"]),
    help="How to report. Default: people on a terminal, text otherwise.",
)
@click.option(
    "--commands/--no-commands",
    default=None,
    help="Run scheduled commands (see `skywrite commands`). Default: only with your own SQLite file.",
)
@click.option("--metrics", metavar="HOST:PORT", help="Serve Prometheus metrics there (extra: metrics).")
@json_option
def run_command(
    once: bool,
    app: Path | None,
    name: str | None,
    threads: int,
    log_format: str | None,
    commands: bool | None,
    metrics: str | None,
    as_json: bool,
) -> None:
    """Publish posts when they are due, until you stop it (Ctrl-C or SIGTERM). It finishes what it is sending first.

    With --once, the exit code is 0 if nothing due is left, 4 if something has to wait, 5 if something was refused.
    """
    from skywrite.posting.publish.processes import exit_in_the_end, exiting_by_signals

    with ExitStack() as stack:
        # The codes of the others say what is left to be done.
        if not once and name is None:
            stack.enter_context(exiting_by_signals())
        from skywrite.app import Skywrite

        sky = stack.enter_context(Skywrite() if app is None else load_app(app))
        if name is not None:
            _print_called(sky.call(name), as_json)
            return
        log = _log("none" if as_json else log_format, sky, once)
        if metrics:
            from skywrite.faces.cli.metrics import serve_metrics

            log = serve_metrics(metrics, sky, log)
        if once:
            tally = sky.run_once(threads=threads, log=log, commands=commands)
            left = sky.posts.count_due()
            _report(sky, tally, left, as_json)
            sys.exit(5 if tally.failed else 4 if left or tally.held else 0)
        tally = sky.run(threads=threads, log=log, commands=commands, when_stopping=exit_in_the_end)
        log("stopped", published=tally.published)


def _log(kind: str | None, sky: Skywrite, once: bool) -> Callable[..., None]:
    """What reports each step."""
    from skywrite.faces.cli.narrating import Narration
    from skywrite.faces.cli.terminal import is_terminal

    if kind is None and is_quiet():
        return make_log("none", sky.context.clock)
    if kind == "people" or (kind is None and is_terminal()):
        return Narration(sky, once=once)
    return make_log("text" if kind is None else kind, sky.context.clock)


def _print_called(sent: Any, as_json: bool) -> None:
    if as_json:
        from skywrite.app.shapes.done import called_function

        print_json(called_function(sent))
    elif sent is None:
        click.echo("It returned nothing, so nothing was posted.")
    else:
        print_warnings(sent.warnings)
        print_done(f"Posted: {sent.url}")


def _report(sky: Skywrite, tally: Any, left: int, as_json: bool) -> None:
    if as_json:
        from skywrite.app.shapes.done import run_shape

        print_json(run_shape(tally, left))
    else:
        summary = f"{tally.published} published, {tally.failed} failed, {tally.held} held, {tally.skipped} skipped"
        waiting = "1 due post is" if left == 1 else f"{left} due posts are"
        why = f" ({_why(sky)})" if left else ""
        click.echo(f"{summary}; {waiting} still to be sent{why}.")


def _why(sky: Skywrite) -> str:
    """Why what is due was left: the pace of its account, and until when; else where to look."""
    from zoneinfo import ZoneInfo

    entry = next(iter(sky.posts.each(states=("scheduled",), limit=1)), None)
    if entry is None or entry.push is None:
        return "why: skywrite list, skywrite show ID"
    at = entry.push.at.astimezone(ZoneInfo(sky.context.zone(entry.account)))
    return f"the next one may go out at {at:%H:%M:%S %Z}, because of {entry.push.reason}; see: skywrite list"


def make_log(kind: str, clock: Clock) -> Callable[..., None]:
    """A function `log(event, **facts)`; `kind` is text, json or none. A line that cannot be written is skipped."""

    def log(event: str, **facts: Any) -> None:
        if kind == "none" or event == "idle":
            return
        plain = {name: _plain(value) for name, value in facts.items() if value is not None}
        at = to_iso(clock.now())
        if kind == "json":
            line = json.dumps({"time": at, "event": event, **plain}, ensure_ascii=False)
        else:
            line = " ".join([at, event, *(f"{name}={_quoted(value)}" for name, value in plain.items())])
        # A full disk, a broken pipe, or a closed stream.
        with suppress(OSError, ValueError):
            sys.stderr.write(printable(line) + "\n")
            sys.stderr.flush()

    return log


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        place = traceback.extract_tb(value.__traceback__)[-1:]
        where = f" at {place[0].filename.rpartition('skywrite/')[2]}:{place[0].lineno}" if place else ""
        return f"{type(value).__name__}{where}"
    return value if isinstance(value, str | int | float | bool) else str(value)


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(mark in text for mark in ' "=\\\n') else text


def load_app(path: Path) -> Skywrite:
    """The `Skywrite` of a program: the one called `sky`, or the first one, with the functions of all of them.

    Raises InputError.
    """
    from skywrite.app import Skywrite

    module = load_program(path)
    by_id = {id(value): value for value in vars(module).values() if isinstance(value, Skywrite)}
    named = vars(module).get("sky")
    apps = [named] if isinstance(named, Skywrite) else list(by_id.values())
    if not apps:
        raise InputError(f"{path} has no Skywrite.", code="program.invalid", hint="Make one in it: sky = Skywrite()")
    first = apps[0]
    for other in apps[1:]:
        first._functions.adopt(other._functions)
    if not (first._functions.names() or first._functions.listeners.all()):
        raise InputError(
            f"{path} has no functions that post or answer.",
            code="program.invalid",
            hint='Decorate one with @sky.every("0 9 * * *"), or with @sky.on_mention.',
        )
    return first
