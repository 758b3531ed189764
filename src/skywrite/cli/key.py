"""key: the key that seals secrets. API keys have their own command (`keys`)."""

from __future__ import annotations

import sys

import click

from skywrite.cli.options import json_option
from skywrite.cli.output import print_done, print_json


@click.group("key", epilog="Example: skywrite key rotate")
def key_command() -> None:
    """Replace the key that seals sessions and secrets."""


@key_command.command("rotate", epilog="Example: skywrite key rotate")
@click.option("--new-key-stdin", is_flag=True, help="Read the new key from standard input; with SKYWRITE_KEY only.")
@click.option("--force", is_flag=True, help="Also while workers seem to run; after a crash of theirs.")
@json_option
def rotate(new_key_stdin: bool, force: bool, as_json: bool) -> None:
    """Seal all secrets with a new key.

    Sessions, OAuth keys, webhooks and commands change together, or nothing does.

    Stop the workers first. A key in a file or in the keyring is created and replaced there. If SKYWRITE_KEY holds the
    key, give the new one on standard input, and set the variable to it everywhere afterwards.
    """
    from skywrite.app import Skywrite
    from skywrite.app.shapes.done import resealed_shape

    new_key = sys.stdin.readline().strip() if new_key_stdin else None
    with Skywrite() as sky:
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
