"""accounts oauth: your own OAuth client."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.given import FOLDER
from skywrite.faces.cli.options import json_option, on_queue
from skywrite.faces.cli.output import print_done, print_json, print_outcome, print_warnings

if TYPE_CHECKING:
    from skywrite.app import Skywrite


@click.group("oauth", epilog="Example: skywrite accounts oauth init https://me.example --folder site")
def oauth_command() -> None:
    """Create your own OAuth client, for two-year sessions."""


@oauth_command.command("init", epilog="Example: skywrite accounts oauth init https://me.example --folder site")
@click.argument("address")
@click.option("--folder", type=FOLDER, default=Path(), help="The folder to write to.")
@click.option("--public", is_flag=True, help="A client without a key: sessions of two weeks, under your own name.")
@click.option("--name", default="Skywrite", help="The name of the client on the sign-in page.")
@json_option
@on_queue
def init_command(sky: Skywrite, address: str, folder: Path, public: bool, name: str, as_json: bool) -> None:
    """Write the files of a client for a static host.

    Its key stays here, encrypted.

    Put the files at ADDRESS. From then on `skywrite login --oauth` uses this client.
    """
    from skywrite.app.oauth.files import hosted_client, write_files
    from skywrite.app.shapes.done import written_client

    client = hosted_client(address, public=public)
    if sky.oauth.has_client(client.client_id):
        raise InputError(
            f"There is a client {client.client_id} already, and sessions may be bound to its key.",
            hint="Give it a new key: skywrite accounts oauth rotate",
        )
    paths = write_files(client, folder, name=name)
    sky.oauth.keep_client(client, name=name)
    if as_json:
        print_json(written_client(client.client_id, paths))
        return
    print_done(f"Written: {', '.join(str(path) for path in paths)}.")
    click.echo(f"Put them at {client.client_id.rpartition('/')[0]}/, then check: skywrite accounts oauth check")


@oauth_command.command("rotate", epilog="Example: skywrite accounts oauth rotate --folder site")
@click.option("--folder", type=FOLDER, default=Path(), help="The folder to write to.")
@click.option("--drop-unused", is_flag=True, help="Also drop the keys that no session here is bound to.")
@json_option
@on_queue
def rotate_command(sky: Skywrite, folder: Path, drop_unused: bool, as_json: bool) -> None:
    """Give the client a new key for new sign-ins. Sessions keep the key that they began with."""
    from skywrite.app.oauth.files import turned, write_files
    from skywrite.app.shapes.done import turned_client

    before = sky.oauth.default_client("")
    client = turned(sky.oauth, before, drop_unused=drop_unused)
    paths = write_files(client, folder, name=sky.oauth.client_name(client.client_id))
    sky.oauth.keep_client(client)
    print_outcome(
        as_json,
        turned_client(client.client_id, client.keys, paths),
        f"The client has {len(client.keys)} keys. Put the files in place again before the next sign-in.",
    )


@oauth_command.command("check", epilog="Example: skywrite accounts oauth check")
@json_option
@on_queue
def check_command(sky: Skywrite, as_json: bool) -> None:
    """Compare the served files with the client that is stored here."""
    from skywrite.app.oauth.files import check_published

    published = check_published(sky.oauth, sky.oauth.default_client(""))
    if as_json:
        print_json(published.as_dict())
    else:
        print_warnings(published.problems)
        if not published.problems:
            print_done(f"{published.client_id} is as it should be.")
    sys.exit(1 if published.problems else 0)


@oauth_command.command("use", epilog="Example: skywrite accounts oauth use loopback")
@click.argument("client")
@json_option
@on_queue
def use_client_command(sky: Skywrite, client: str, as_json: bool) -> None:
    """Choose the client of new sign-ins.

    An address that was given to init, or loopback.
    """
    from skywrite.app.oauth.files import hosted_client
    from skywrite.app.shapes.done import ChosenClient

    chosen = None
    if client != "loopback":
        chosen = sky.oauth.client(client if client.endswith(".json") else hosted_client(client).client_id).client_id
    sky.oauth.use_client(chosen)
    print_outcome(as_json, ChosenClient(chosen), f"New sign-ins use {chosen or 'the loopback client'}.")
