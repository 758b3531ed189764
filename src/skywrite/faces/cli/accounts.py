"""accounts: the accounts that are signed in here, with their settings, slots and OAuth client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.completing import complete_accounts
from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.oauth import oauth_command
from skywrite.faces.cli.options import account_option, json_option, on_queue
from skywrite.faces.cli.output import print_json, print_outcome, print_table
from skywrite.faces.cli.settings import set_command, slots_command

if TYPE_CHECKING:
    from skywrite.app import Skywrite


@click.group("accounts", cls=Noun, epilog="Example: skywrite accounts use alice.bsky.social")
def accounts_command() -> None:
    """List the accounts, and change their settings, slots and OAuth client."""


@accounts_command.command("list", epilog="Example: skywrite accounts list --json")
@json_option
@on_queue
def list_command(sky: Skywrite, as_json: bool) -> None:
    """List the accounts; an asterisk marks the default."""
    from skywrite.app.shapes.accounts import account_shape

    accounts = sky.accounts.list()
    if as_json:
        print_json([account_shape(account) for account in accounts])
    elif not accounts:
        click.echo("No account is signed in here yet. Sign in with: skywrite login")
    else:
        print_table(
            ("", "ACCOUNT", "STATE", "SERVER"),
            [("*" if item.is_default else "", item.handle, _state(sky, item), item.pds_url) for item in accounts],
        )


def _state(sky: Skywrite, account: Any) -> str:
    from skywrite.faces.cli.view import short_time

    if account.state == "paused" and account.paused_until:
        return f"paused until {short_time(account.paused_until, sky.context.zone(account))}"
    return {"ok": "ok", "needs_login": "needs login", "paused": "paused"}[account.state]


@accounts_command.command("show", epilog="Example: skywrite accounts show alice.bsky.social")
@click.argument("handle", required=False, shell_complete=complete_accounts)
@account_option
@json_option
@on_queue
def show_command(sky: Skywrite, handle: str | None, account: str | None, as_json: bool) -> None:
    """Show an account, and how long its session lasts.

    Without HANDLE, shows your default account.
    """
    from skywrite.app.sessions import session_facts
    from skywrite.app.shapes.accounts import whole_account_shape

    if handle is not None and account is not None:
        raise InputError("The account is given twice.", hint=f"Leave one out: skywrite accounts show {handle}")
    owner = sky.accounts.get(account if handle is None else handle)
    if as_json:
        print_json(whole_account_shape(sky.context, owner))
        return
    facts = session_facts(sky.context, owner)
    click.echo(f"{owner.handle} ({owner.did}) on {owner.pds_url}, {_state(sky, owner)}")
    if facts is not None:
        click.echo(facts.in_words())


@accounts_command.command("use", epilog="Example: skywrite accounts use alice.bsky.social")
@click.argument("handle", shell_complete=complete_accounts)
@json_option
@on_queue
def use_command(sky: Skywrite, handle: str, as_json: bool) -> None:
    """Choose the default account."""
    from skywrite.app.shapes.accounts import account_shape

    account = sky.accounts.set_default(handle)
    print_outcome(as_json, account_shape(account), f"{account.handle} is now the default account.")


for _command in (set_command, slots_command, oauth_command):
    accounts_command.add_command(_command)
