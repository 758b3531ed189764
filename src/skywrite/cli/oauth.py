"""login --oauth: signing in with a browser; and oauth: your own client."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import click

from skywrite.app import Skywrite
from skywrite.app.oauth import OAuth, SignedIn
from skywrite.app.oauth_files import check_published, hosted_client, turned, write_files
from skywrite.app.oauth_listener import Listener, pasted
from skywrite.app.shapes.accounts import signed_in_shape
from skywrite.app.shapes.done import ChosenClient, turned_client, written_client
from skywrite.atproto.oauth import Pending
from skywrite.atproto.oauth_scopes import RIGHTS, chosen_rights, granted_rights, scope_of
from skywrite.cli.given import FOLDER
from skywrite.cli.options import json_option
from skywrite.cli.output import print_done, print_json, print_warnings
from skywrite.errors import InputError


def sign_in_by_browser(
    handle: str | None, pds: str | None, rights: tuple[str, ...], *, paste: bool, as_json: bool
) -> None:
    """Open the browser, wait until it returns, and store the session."""
    with Skywrite() as sky:
        # If nothing can be stored, do not open a browser.
        sky.accounts()
        name = sky.context.config.handle if handle is None else handle
        place = sky.context.environment_pds() if pds is None else pds
        if not name and not place:
            raise InputError("Neither a handle nor a server is named.", hint="skywrite login --oauth alice.bsky.social")
        done = _signed_in(sky.oauth, name, place, rights, paste=paste)
        sky.context.agents.forget(done.account.did)
        if as_json:
            print_json(signed_in_shape(sky.context, done.account, done.warnings))
            return
    print_warnings(done.warnings)
    print_done(f"Signed in as {done.account.handle} on {done.account.pds_url}.")
    for right in granted_rights(done.session.scope):
        click.echo(f"  {right}: {RIGHTS[right].allows}")
    click.echo(f"The session ends on {done.session.ends_at:%Y-%m-%d}, whatever is done; sign in again before that.")


def _signed_in(oauth: OAuth, name: str | None, pds: str | None, rights: tuple[str, ...], *, paste: bool) -> SignedIn:
    pending: Pending | None = None
    with Listener(lambda: pending.state if pending else "") as listener:
        client = oauth.default_client(scope_of(chosen_rights(rights)))
        hosted = client.redirect_uris[0].startswith("https://")
        redirect_uri = client.redirect_uris[0] if hosted else f"http://127.0.0.1:{listener.port}/callback"
        port = listener.port if hosted else None
        pending = oauth.begin(name, rights=rights, pds=pds, client=client, redirect_uri=redirect_uri, port=port)
        _show(pending.url, open_browser=not paste)
        returned = pasted(_read_address(), pending.state) if paste else _waited(listener)
    return oauth.finish(pending, returned)


def _show(url: str, *, open_browser: bool) -> None:
    click.echo(f"Open this page in a browser, and accept there:\n\n  {url}\n", err=True)
    if open_browser and not os.environ.get("SSH_CONNECTION"):
        import webbrowser

        webbrowser.open(url)


def _read_address() -> str:
    click.echo(
        "Then paste the full address of the last page in the browser, even if that page cannot be reached.",
        err=True,
    )
    return sys.stdin.readline()


def _waited(listener: Listener) -> dict[str, str]:
    """The parameters from the browser, or those pasted into the terminal, whichever comes first."""
    if sys.stdin.isatty():
        click.echo("Using a browser on another computer? Paste the address of the last page.", err=True)
        threading.Thread(target=_read_pasted, args=(listener,), daemon=True).start()
    return listener.wait()


def _read_pasted(listener: Listener) -> None:
    for line in sys.stdin:
        if line.strip() and listener.paste(line):
            return
        click.echo("That is not the address of this sign-in; paste the full address.", err=True)


@click.group("oauth", epilog="Example: skywrite oauth init https://me.example --folder site")
def oauth_command() -> None:
    """Create and maintain your own OAuth client, for sessions that last two years."""


@oauth_command.command("init", epilog="Example: skywrite oauth init https://me.example --folder site")
@click.argument("address")
@click.option("--folder", type=FOLDER, default=Path(), help="Where to write.")
@click.option("--public", is_flag=True, help="A client without a key: sessions of two weeks, under your own name.")
@click.option("--name", default="Skywrite", help="What the sign-in page calls the client.")
@json_option
def init_command(address: str, folder: Path, public: bool, name: str, as_json: bool) -> None:
    """Write the files of a client for a static host.

    Its key stays here, sealed.

    Put the files at ADDRESS. From then on `skywrite login --oauth` uses this client.
    """
    with Skywrite() as sky:
        client = hosted_client(address, public=public)
        if sky.context.store.secret("oauth_client", client.client_id) is not None:
            raise InputError(
                f"There is a client {client.client_id} already, and sessions may be bound to its key.",
                hint="Give it a new key: skywrite oauth rotate",
            )
        paths = write_files(client, folder, name=name)
        sky.oauth.keep_client(client)
        sky.context.store.put_setting("oauth_name", client.client_id, name)
    if as_json:
        print_json(written_client(client.client_id, paths))
        return
    print_done(f"Written: {', '.join(str(path) for path in paths)}.")
    click.echo(f"Put them at {client.client_id.rpartition('/')[0]}/, then check: skywrite oauth check")


@oauth_command.command("rotate", epilog="Example: skywrite oauth rotate --folder site")
@click.option("--folder", type=FOLDER, default=Path(), help="Where to write.")
@click.option("--drop-unused", is_flag=True, help="Also drop the keys that no session here is bound to.")
@json_option
def rotate_command(folder: Path, drop_unused: bool, as_json: bool) -> None:
    """Give the client a new key for new sign-ins. Sessions keep the key that they began with."""
    with Skywrite() as sky:
        before = sky.oauth.default_client("")
        client = turned(sky.oauth, before, drop_unused=drop_unused)
        paths = write_files(client, folder, name=sky.context.store.setting("oauth_name", client.client_id, "Skywrite"))
        sky.oauth.keep_client(client)
    if as_json:
        print_json(turned_client(client.client_id, client.keys, paths))
        return
    print_done(f"The client has {len(client.keys)} keys. Put the files in place again before the next sign-in.")


@oauth_command.command("check", epilog="Example: skywrite oauth check")
@json_option
def check_command(as_json: bool) -> None:
    """Compare the served files with the client that is stored here."""
    with Skywrite() as sky:
        found = check_published(sky.oauth, sky.oauth.default_client(""))
    if as_json:
        print_json(found.as_dict())
    else:
        print_warnings(found.problems)
        if not found.problems:
            print_done(f"{found.client_id} is as it should be.")
    sys.exit(1 if found.problems else 0)


@oauth_command.command("use", epilog="Example: skywrite oauth use loopback")
@click.argument("client")
@json_option
def use_client_command(client: str, as_json: bool) -> None:
    """Choose the client of new sign-ins.

    An address that was given to init, or loopback.
    """
    with Skywrite() as sky:
        chosen = None
        if client != "loopback":
            chosen = sky.oauth.client(client if client.endswith(".json") else hosted_client(client).client_id).client_id
        sky.context.store.put_setting("oauth", "client", chosen)
    if as_json:
        print_json(ChosenClient(chosen))
        return
    print_done(f"New sign-ins use {chosen or 'the loopback client'}.")
