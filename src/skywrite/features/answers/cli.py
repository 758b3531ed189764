"""inbox: replies, mentions and quotes of your posts; answers: the bots that answer some of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.given import FILE
from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import ID, Whole, account_option, json_option, on_queue, one_text
from skywrite.faces.cli.output import print_aside, print_done, print_json, print_outcome
from skywrite.faces.cli.words import NumberAndTextCommand, OneTextCommand

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.answers.service import Bot, Tried


@click.group("inbox", cls=Noun, epilog='Example: skywrite inbox answer 3 "Thank you!"')
def inbox_command() -> None:
    """Read what others wrote about your posts, and reply.

    A worker collects replies for accounts that turn it on: skywrite accounts set inbox=yes
    """


@inbox_command.command("list", epilog="Example: skywrite inbox list --all")
@click.option("--all", "everything", is_flag=True, help="Also list what is done.")
@click.option("--collect", is_flag=True, help="Ask the network now; with inbox=yes, a worker does so every minute.")
@account_option
@json_option
@on_queue
def list_command(sky: Skywrite, everything: bool, collect: bool, account: str | None, as_json: bool) -> None:
    """List what waits for an answer."""
    from skywrite.faces.cli.view import short_time, zone_for
    from skywrite.features.answers.operations import item_shape
    from skywrite.features.answers.service import is_collected
    from skywrite.features.answers.store import SEEN_BEFORE

    if collect:
        sky.inbox.collect(account)
    items = sky.inbox.list(everything=everything, account=account)
    if as_json:
        print_json([item_shape(sky.context, item) for item in items])
        return
    collected = any(map(is_collected, sky.accounts.list()))
    if not items:
        click.echo("Nothing waits for an answer.")
        if not collected and not collect:
            print_aside("No replies are collected yet. Let a worker collect them: skywrite accounts set inbox=yes")
    for item in items:
        state = "" if item.state == "new" else f" ({item.state})"
        at = short_time(item.indexed_at, zone_for(sky, item.account_did))
        click.echo(f"{item.id}  {at}  {item.reason} by @{item.author_handle}{state}")
        for line in (item.text or "(no text)").split("\n"):
            click.echo(f"   | {line}")
        if item.passed and item.passed != SEEN_BEFORE:
            click.echo(f"   No program answers it: {item.passed}")


@inbox_command.command(
    "answer",
    cls=NumberAndTextCommand,
    epilog='Example: skywrite inbox answer 3 "Thank you!" --at "in 10 minutes"',
)
@click.argument("item_id", type=ID, metavar="ID")
@one_text()
@click.option("--at", "-t", metavar="WHEN", help="When the reply goes out. Default: now.")
@json_option
@on_queue
def answer_command(sky: Skywrite, item_id: int, text: str, at: str | None, as_json: bool) -> None:
    """Reply through the queue."""
    from skywrite.app.shapes.posts import post_shape

    entry = sky.inbox.answer(item_id, text, at=at)

    print_outcome(as_json, post_shape(entry), f"Post {entry.post.id} answers item {item_id}: {entry.post.state}.")


@inbox_command.command("done", epilog="Example: skywrite inbox done 3 4")
@click.argument("item_ids", type=ID, nargs=-1, required=True, metavar="ID...")
@json_option
@on_queue
def done_command(sky: Skywrite, item_ids: tuple[int, ...], as_json: bool) -> None:
    """Mark items as done: they need no reply."""
    from skywrite.app.shapes.done import InboxDone

    for item_id in item_ids:
        sky.inbox.done(item_id)
        if not as_json:
            print_done(f"{item_id} is done.")
    if as_json:
        print_json(InboxDone(list(item_ids)))


@inbox_command.command("snooze", epilog='Example: skywrite inbox snooze 3 "monday 9:00"')
@click.argument("item_id", type=ID, metavar="ID")
@click.argument("when", nargs=-1, required=True)
@json_option
@on_queue
def snooze_command(sky: Skywrite, item_id: int, when: tuple[str, ...], as_json: bool) -> None:
    """Show an item again later."""
    from skywrite.faces.cli.view import short_time, zone_for
    from skywrite.features.answers.operations import item_shape

    item = sky.inbox.snooze(item_id, " ".join(when))
    assert item.snoozed_until is not None
    until = short_time(item.snoozed_until, zone_for(sky, item.account_did))
    print_outcome(as_json, item_shape(sky.context, item), f"{item_id} is snoozed until {until}.")


@click.group("answers", cls=Noun, epilog='Example: skywrite answers try "@bot weather berlin" --app bot.py')
def answers_command() -> None:
    """Watch over what answers by itself, and try it before.

    The first ten answers of an account wait for an approval. Then: skywrite answers resume
    """


@answers_command.command("list", epilog="Example: skywrite answers list")
@account_option
@json_option
@on_queue
def answers_list_command(sky: Skywrite, account: str | None, as_json: bool) -> None:
    """List for which accounts something answers."""
    _print_bots(
        sky.answers.list(account=account),
        as_json,
        "Nothing has answered by itself yet. What is set up: skywrite answers ways. Begin: skywrite answers new NAME",
    )


@answers_command.command("pause", epilog="Example: skywrite answers pause")
@account_option
@json_option
@on_queue
def pause_command(sky: Skywrite, account: str | None, as_json: bool) -> None:
    """Let nothing be answered any more."""
    _print_bots(sky.answers.pause(account), as_json, "No account is signed in.")


@answers_command.command("resume", epilog="Example: skywrite answers resume --account bot.example.com")
@account_option
@json_option
@on_queue
def resume_command(sky: Skywrite, account: str | None, as_json: bool) -> None:
    """Let bots answer without approval."""
    _print_bots(sky.answers.resume(account), as_json, "Nothing has answered by itself yet.")


@answers_command.command(
    "try", cls=OneTextCommand, epilog='Example: skywrite answers try "@bot weather berlin" --app bot.py'
)
@one_text()
@click.option("--app", "app", type=FILE, help="The Python file of the bot.")
@click.option("--from", "author", metavar="HANDLE", default="somebody.example", help="Who asks.")
@account_option
@json_option
def try_command(text: str, app: Path | None, author: str, account: str | None, as_json: bool) -> None:
    """Show what would be answered to a mention.

    Nothing is posted.
    """
    from skywrite.features.answers.operations import tried_shape

    with _bot(app) as sky:
        tried = sky.answers.try_text(text, author=author, account=account)
    if as_json:
        print_json([tried_shape(one) for one in tried])
        return
    if not tried:
        click.echo("Nothing answers a mention.")
    _print_tried(tried, "")


@answers_command.command("rehearse", epilog="Example: skywrite answers rehearse --app bot.py")
@click.option("--app", "app", type=FILE, help="The Python file of the bot.")
@click.option("--limit", type=Whole(1, 1000), default=20, show_default=True, help="How many of the latest items.")
@account_option
@json_option
def answers_rehearse_command(app: Path | None, limit: int, account: str | None, as_json: bool) -> None:
    """Show what would be answered to the inbox.

    It asks for the latest items, answered or not. Nothing is posted or marked.
    """
    from skywrite.features.answers.operations import rehearsed_shape

    with _bot(app) as sky:
        rehearsals = sky.answers.rehearse(account=account, limit=limit)
        if as_json:
            print_json([rehearsed_shape(sky.context, one) for one in rehearsals])
            return
    if not rehearsals:
        click.echo("The inbox is empty. Collect what is there: skywrite inbox --collect")
    for one in rehearsals:
        click.echo(f"{one.item.id}  {one.item.reason} by @{one.item.author_handle}")
        for line in (one.item.text or "(no text)").split("\n"):
            click.echo(f"   | {line}")
        _print_tried(one.tried, "   ")
        if one.why:
            click.echo(f"   {one.why}")


def _bot(app: Path | None) -> Skywrite:
    from skywrite.app import Skywrite
    from skywrite.faces.cli.running import load_app

    return Skywrite() if app is None else load_app(app)


def _print_tried(tried: Iterable[Tried], margin: str) -> None:
    for one in tried:
        if one.problem is not None:
            click.echo(f"{margin}{one.name}: {one.problem.message}")
        elif one.answer is None:
            click.echo(f"{margin}{one.name} has nothing to say.")
        else:
            click.echo(f"{margin}{one.name} answers:")
            for line in one.answer.split("\n"):
                click.echo(f"{margin}   > {line}")


def _print_bots(bots: Sequence[Bot], as_json: bool, nothing: str) -> None:
    from skywrite.features.answers.operations import bot_shape

    if as_json:
        print_json([bot_shape(bot) for bot in bots])
        return
    if not bots:
        click.echo(nothing)
    for bot in bots:
        click.echo(f"{bot.account.handle}  {bot.state}, {bot.today} answers within a day")
        if bot.waiting:
            click.echo(f"   {bot.waiting} wait for an approval: skywrite approve")
        if bot.why:
            click.echo(f"   {bot.why}{' Let it go on: skywrite answers resume' if bot.state != 'on' else ''}")
