"""inbox: replies, mentions and quotes of your posts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.nouns import Noun
from skywrite.faces.cli.options import ID, account_option, json_option, on_queue
from skywrite.faces.cli.output import print_aside, print_done, print_json, print_outcome
from skywrite.faces.cli.words import NumberAndTextCommand

if TYPE_CHECKING:
    from skywrite.app import Skywrite


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
    from skywrite.features.answers.operations import item_shape
    from skywrite.features.answers.store import SEEN_BEFORE

    if collect:
        sky.inbox.collect(account)
    items = sky.inbox.list(everything=everything, account=account)
    if as_json:
        print_json([item_shape(sky.context, item) for item in items])
        return
    collected = any(known.settings.get("inbox") for known in sky.accounts.list())
    if not items:
        click.echo("Nothing waits for an answer.")
        if not collected and not collect:
            print_aside("No replies are collected yet. Let a worker collect them: skywrite accounts set inbox=yes")
    for item in items:
        state = "" if item.state == "new" else f" ({item.state})"
        click.echo(f"{item.id}  {item.indexed_at:%Y-%m-%d %H:%M} UTC  {item.reason} by @{item.author_handle}{state}")
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
@click.argument("text")
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
    from skywrite.features.answers.operations import item_shape

    item = sky.inbox.snooze(item_id, " ".join(when))
    print_outcome(
        as_json, item_shape(sky.context, item), f"{item_id} is snoozed until {item.snoozed_until:%Y-%m-%d %H:%M} UTC."
    )
