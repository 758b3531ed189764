"""Verbs of `skywrite answers`: ways of answering without a program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.given import FILE
from skywrite.faces.cli.options import ID, Seconds, account_option, distinct_option, json_option, on_queue
from skywrite.faces.cli.output import one_line, print_aside, print_done, print_json, print_outcome, print_table
from skywrite.faces.cli.status import print_commands_note, print_worker_note

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.ways.service import AddedWay
    from skywrite.features.ways.store import Way

_EXAMPLE = 'skywrite answers add --command "./weather.sh" --word weather'
_OUTCOMES = {None: "was not asked yet", "answered": "answered", "nothing": "had no answer", "failed": "failed"}


@click.command("add", epilog=f"Example: {_EXAMPLE}")
@click.option("--command", metavar="COMMAND", help="Answer with what a command prints. It gets the item as JSON.")
@click.option("--webhook", metavar="URL", help="Answer with what an address responds to a signed message.")
@click.option("--text", type=FILE, help="Answer with texts of a grammar (Tracery's format).")
@click.option("--word", metavar="WORD", help="Answer only what begins with this word, after the mention.")
@click.option(
    "--only", multiple=True, metavar="REASON", help="Answer only this: mention, reply or quote. May be repeated."
)
@click.option("--unasked", is_flag=True, help="Also answer who did not tag you; the network's rule is against it.")
@click.option("--retract", is_flag=True, help="Take an answer back when what it answers is deleted.")
@click.option("--thread", is_flag=True, help="Give it the posts above, too, at most ten. Each item asks the network.")
@distinct_option
@click.option("--timeout", type=Seconds(), metavar="SECONDS", help="How long an answer may take. Default: 20.")
@account_option
@json_option
@on_queue
def add_command(
    sky: Skywrite,
    /,
    command: str | None,
    webhook: str | None,
    text: Path | None,
    timeout: float | None,
    distinct: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Answer without a program: by a command, an address or a grammar.

    The first one that answers wins, in the order in which they were added. The answers of an account that begins wait
    for your approval.
    """
    if sum(one is not None for one in (command, webhook, text)) != 1:
        raise InputError("Say what answers.", hint="Give one of --command, --webhook and --text.")
    if options["word"] is None:
        del options["word"]
    if timeout is not None:
        options["timeout_seconds"] = timeout
    if text is not None:
        if timeout is not None:
            raise InputError("A grammar takes no time.", hint="Leave --timeout out.")
        added_way = sky.ways.add_text(text, distinct=distinct, **options)
    elif distinct is not None:
        raise InputError("A number of different texts needs a grammar.", hint="Leave --distinct out.")
    elif webhook is not None:
        added_way = sky.ways.add_webhook(webhook, **options)
    else:
        assert command is not None
        added_way = sky.ways.add_command(command, folder=Path.cwd(), **options)
    _print_added(sky, added_way, as_json)


def _print_added(sky: Skywrite, added_way: AddedWay, as_json: bool) -> None:
    from skywrite.features.ways.operations import added_shape

    if as_json:
        print_json(added_shape(sky.context, added_way))
        return
    word = (added_way.way.doing and added_way.way.doing.word) or "hello"
    print_done(f'Way {added_way.way.id} answers from now on. Try it: skywrite answers try "@you {word}"')
    if added_way.way.doing is not None and added_way.way.doing.distinct:
        print_aside(f"No text is repeated within {added_way.way.doing.distinct} answers.")
    if added_way.secret is not None:
        click.echo(added_way.secret)
        print_aside("Check what comes by this secret. It is not shown again.")
    if added_way.way.doing is not None and added_way.way.doing.kind == "command":
        print_commands_note(sky)
    else:
        print_worker_note(sky)


@click.command("ways", epilog="Example: skywrite answers ways --json")
@json_option
@on_queue
def ways_command(sky: Skywrite, as_json: bool) -> None:
    """List what answers without a program.

    It says what became of the last item of each, too.
    """
    from skywrite.features.ways.operations import way_shape

    ways = sky.ways.list()
    if as_json:
        print_json([way_shape(sky.context, way) for way in ways])
    elif not ways:
        click.echo(f"Nothing answers without a program yet. Add something: {_EXAMPLE}")
    else:
        print_table(("ID", "KIND", "STATE", "LAST ITEM", "WHAT"), [_row(sky, way) for way in ways])


def _row(sky: Skywrite, way: Way) -> tuple[str, ...]:
    from skywrite.faces.cli.view import short_time, zone_for

    last = _OUTCOMES[way.outcome]
    if way.asked_at:
        last = f"{short_time(way.asked_at, zone_for(sky, way.account_did))} {last}"
    if way.problem:
        last += f": {one_line(way.problem.message)} [{way.problem.code}]"
    if way.doing is None:
        return str(way.id), "?", way.state, last, "was not added with your key, so it answers nothing"
    word = f" ({way.doing.word})" if way.doing.word else ""
    return str(way.id), way.doing.kind, way.state, last, one_line(way.doing.name) + word


@click.command("stop", epilog="Example: skywrite answers stop 2")
@click.argument("way_id", type=ID, metavar="ID")
@json_option
@on_queue
def stop_command(sky: Skywrite, way_id: int, as_json: bool) -> None:
    """Ask one way of answering no more, until you start it."""
    from skywrite.features.ways.operations import way_shape

    way = sky.ways.pause(way_id)
    print_outcome(as_json, way_shape(sky.context, way), f"Way {way_id} answers nothing until you start it.")


@click.command("start", epilog="Example: skywrite answers start 2")
@click.argument("way_id", type=ID, metavar="ID")
@json_option
@on_queue
def start_command(sky: Skywrite, way_id: int, as_json: bool) -> None:
    """Let a way of answering that you have stopped go on."""
    from skywrite.features.ways.operations import way_shape

    way = sky.ways.resume(way_id)
    print_outcome(as_json, way_shape(sky.context, way), f"Way {way_id} answers again.")


@click.command("remove", epilog="Example: skywrite answers remove 2")
@click.argument("way_id", type=ID, metavar="ID")
@json_option
@on_queue
def remove_command(sky: Skywrite, way_id: int, as_json: bool) -> None:
    """Remove a way of answering. What it answered stays."""
    from skywrite.app.shapes.done import Removed

    sky.ways.remove(way_id)
    print_outcome(as_json, Removed(way_id), f"Way {way_id} is removed; what it answered stays.")
