"""keys: API keys for programs and agents; and the key that encrypts secrets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import A_HANDLE, ID, json_option, on_queue
from skywrite.faces.cli.output import print_done, print_json, print_outcome, print_table

if TYPE_CHECKING:
    from skywrite.app import Skywrite


@click.group("keys", cls=Noun, epilog='Example: skywrite keys add --name "my agent" --scope read --scope draft')
def keys_command() -> None:
    """Manage API keys for programs and agents, and the key that encrypts your secrets."""


@keys_command.command("add", epilog='Example: skywrite keys add --name "my agent" --scope draft --scope read')
@click.option("--name", required=True, help="What will use the key.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="read, draft, schedule, publish or manage. May be repeated. Default: read and draft.",
)
@click.option(
    "--account",
    "-u",
    "accounts",
    multiple=True,
    **A_HANDLE,
    help="Limit the key to this account. May be repeated.",
)
@click.option("--until", metavar="WHEN", help="When the key expires. Default: never.")
@json_option
@on_queue
def add_command(
    sky: Skywrite, name: str, scopes: tuple[str, ...], accounts: tuple[str, ...], until: str | None, as_json: bool
) -> None:
    """Make an API key. It is printed once, and never again."""
    from skywrite.features.keys.operations import add_key, new_key_shape

    # No scope has a comma in its name.
    named = [scope.strip() for names in scopes for scope in names.split(",")]
    key, secret = add_key(sky, name, named or ("read", "draft"), accounts, until)
    if as_json:
        print_json(new_key_shape(key, secret))
        return
    print_done(f"Key {key.id} for {key.name}: {', '.join(key.scopes)}")
    click.echo(secret)
    click.echo("Copy it now: it is not shown again.", err=True)


@keys_command.command("list", epilog="Example: skywrite keys list --json")
@json_option
@on_queue
def list_command(sky: Skywrite, as_json: bool) -> None:
    """List API keys, and when they were last used."""
    from skywrite.features.keys.operations import key_shape
    from skywrite.queue.api_keys import ApiKeys

    keys = ApiKeys(sky.context.store).all()
    if as_json:
        print_json([key_shape(key) for key in keys])
    elif not keys:
        click.echo('No API keys yet. Make one: skywrite keys add --name "my agent" --scope read --scope draft')
    else:
        head = ("ID", "KEY", "SCOPES", "LAST USED", "ENDS", "NAME")
        print_table(head, [_key_row(key) for key in keys])


@keys_command.command("revoke", epilog="Example: skywrite keys revoke 3")
@click.argument("key_id", metavar="ID", type=ID)
@json_option
@on_queue
def revoke_command(sky: Skywrite, key_id: int, as_json: bool) -> None:
    """Revoke an API key at once."""
    from skywrite.features.keys.operations import key_shape
    from skywrite.queue.api_keys import ApiKeys

    key = ApiKeys(sky.context.store).revoke(key_id)
    print_outcome(as_json, key_shape(key), f"Key {key.id} ({key.name}) is revoked.")


@keys_command.command("rotate-encryption", epilog="Example: skywrite keys rotate-encryption")
@click.option("--new-key-stdin", is_flag=True, help="Read the new key from standard input; with SKYWRITE_KEY only.")
@click.option("--force", is_flag=True, help="Also while workers seem to run, such as after a crash.")
@json_option
@on_queue
def rotate_encryption_command(sky: Skywrite, new_key_stdin: bool, force: bool, as_json: bool) -> None:
    """Encrypt all secrets with a new key.

    Your API keys stay as they are. Sessions, OAuth keys, webhooks and commands change together, or nothing does.

    Stop the workers first. A key in a file or in the keyring is created and replaced there. If SKYWRITE_KEY holds the
    key, give the new one on standard input, and set the variable to it everywhere afterwards.
    """
    from skywrite.app.shapes.done import resealed_shape

    new_key = sys.stdin.readline().strip() if new_key_stdin else None
    done = sky.rotate_key(new_key, force=force)
    if as_json:
        print_json(resealed_shape(done))
        return
    print_done(
        f"Under the new key: sessions {done.sessions}, secrets {done.secrets}, webhooks {done.webhooks}, "
        f"commands {done.commands}."
    )
    if new_key is not None:
        click.echo("Set SKYWRITE_KEY to the new key now, for every process that uses this database.")


def _key_row(key: Any) -> tuple[str, ...]:
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    ends = "revoked" if key.revoked_at else f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else ""
    return str(key.id), key.shown, ",".join(key.scopes), used, ends, key.name
