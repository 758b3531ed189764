"""accounts bot: saying that an account is a bot; answers new: the beginning of a program that answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.options import account_option, json_option, on_queue
from skywrite.faces.cli.output import print_done, print_json, print_outcome

if TYPE_CHECKING:
    from skywrite.app import Skywrite


@click.group("bot", epilog="Example: skywrite accounts bot on")
def bot_command() -> None:
    """Say in the account's profile that it is a bot."""


@bot_command.command("on", epilog="Example: skywrite accounts bot on --account bot.example.com")
@account_option
@json_option
@on_queue
def on_command(sky: Skywrite, account: str | None, as_json: bool) -> None:
    """Say that the account is a bot; everything else in its profile stays."""
    changed = sky.bots.on(account)
    _print(sky, account, True, as_json, "says that it is a bot" if changed else "already says that it is a bot")


@bot_command.command("off", epilog="Example: skywrite accounts bot off")
@account_option
@json_option
@on_queue
def off_command(sky: Skywrite, account: str | None, as_json: bool) -> None:
    """Stop saying that the account is a bot."""
    changed = sky.bots.off(account)
    _print(
        sky, account, False, as_json, "no longer says that it is a bot" if changed else "did not say that it is a bot"
    )


@bot_command.command("status", epilog="Example: skywrite accounts bot status")
@account_option
@json_option
@on_queue
def status_command(sky: Skywrite, account: str | None, as_json: bool) -> None:
    """Show whether the account says that it is a bot."""
    is_bot = sky.bots.status(account)
    _print(sky, account, is_bot, as_json, "says that it is a bot" if is_bot else "does not say that it is a bot")


def _print(sky: Skywrite, account: str | None, is_bot: bool, as_json: bool, what: str) -> None:
    from skywrite.app.shapes.done import BotSaid

    handle = sky.accounts.get(account).handle
    print_outcome(as_json, BotSaid(handle, is_bot), f"{handle} {what}.")


@click.command("new", epilog="Example: skywrite answers new weather")
@click.argument("name")
@json_option
def new_command(name: str, as_json: bool) -> None:
    """Begin a bot: a program, its test and a service.

    They are written into a folder of that name.
    """
    from skywrite.app.shapes.done import FilesWritten
    from skywrite.features.bots.cli_new import begin

    paths = begin(name, Path())
    if as_json:
        print_json(FilesWritten([str(path) for path in paths]))
        return
    print_done(f"Written: {', '.join(map(str, paths))}")
    click.echo(f'  Try it: skywrite answers try "@bot {name} Berlin" --app {paths[0]}')
    click.echo(f"  Test it: pytest {paths[1]}")
    click.echo(f"  Run it: skywrite run --app {paths[0]}")
