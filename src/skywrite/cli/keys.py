"""keys: API keys for programs and agents."""

from __future__ import annotations

from typing import Any

import click

from skywrite.cli.options import A_HANDLE, ID, json_option
from skywrite.cli.output import print_done, print_json, print_table


@click.group("keys", epilog='Example: skywrite keys add --name "my agent" --scope read --scope draft')
def keys_command() -> None:
    """API keys for programs and agents."""


@keys_command.command("add", epilog='Example: skywrite keys add --name "my agent" --scope draft --scope read')
@click.option("--name", required=True, help="What will use the key.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="read, draft, schedule, publish or manage. May be repeated; without it: read and draft.",
)
@click.option(
    "--account",
    "accounts",
    multiple=True,
    **A_HANDLE,
    help="Only this account. May be repeated.",
)
@click.option("--until", metavar="WHEN", help="When the key ends.")
@json_option
def add_command(
    name: str, scopes: tuple[str, ...], accounts: tuple[str, ...], until: str | None, as_json: bool
) -> None:
    """Make a key. It is printed once, and never again."""
    from skywrite.app import Skywrite
    from skywrite.app.operations.keys import add_key
    from skywrite.app.shapes.keys import new_key_shape

    with Skywrite() as sky:
        key, secret = add_key(sky, name, scopes or ("read", "draft"), accounts, until)
        if as_json:
            print_json(new_key_shape(key, secret))
            return
        print_done(f"Key {key.id} for {key.name}: {', '.join(key.scopes)}")
        click.echo(secret)
        click.echo("Copy it now: it is not shown again.", err=True)


@keys_command.command("list", epilog="Example: skywrite keys list --json")
@json_option
def list_command(as_json: bool) -> None:
    """Show the keys, and when they were last used."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.keys import key_shape
    from skywrite.queue.api_keys import ApiKeys

    with Skywrite() as sky:
        keys = ApiKeys(sky.context.store).all()
    if as_json:
        print_json([key_shape(key) for key in keys])
    elif not keys:
        click.echo('There are no keys. Make one: skywrite keys add --name "my agent" --scope read --scope draft')
    else:
        head = ("ID", "KEY", "SCOPES", "LAST USED", "ENDS", "NAME")
        print_table(head, [_key_row(key) for key in keys])


@keys_command.command("revoke", epilog="Example: skywrite keys revoke 3")
@click.argument("key_id", metavar="ID", type=ID)
@json_option
def revoke_command(key_id: int, as_json: bool) -> None:
    """End a key at once."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.keys import key_shape
    from skywrite.queue.api_keys import ApiKeys

    with Skywrite() as sky:
        key = ApiKeys(sky.context.store).revoke(key_id)
    if as_json:
        print_json(key_shape(key))
    else:
        print_done(f"Key {key.id} ({key.name}) is revoked.")


def _key_row(key: Any) -> tuple[str, ...]:
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    ends = "revoked" if key.revoked_at else f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else ""
    return str(key.id), key.shown, ",".join(key.scopes), used, ends, key.name
