"""login --oauth: signing in with a browser."""

from __future__ import annotations

import os
import sys
import threading

import click

from skywrite.app import Skywrite
from skywrite.app.oauth.listener import Listener, pasted
from skywrite.app.oauth.service import OAuth, SignedIn
from skywrite.app.shapes.accounts import signed_in_shape
from skywrite.core.errors import InputError
from skywrite.faces.cli.output import print_done, print_json, print_warnings
from skywrite.protocol.atproto.oauth import Pending
from skywrite.protocol.atproto.oauth_scopes import RIGHTS, chosen_rights, granted_rights, scope_of


def sign_in_by_browser(
    sky: Skywrite, handle: str | None, pds: str | None, rights: tuple[str, ...], *, paste: bool, as_json: bool
) -> None:
    """Open the browser, wait until it returns, and store the session."""
    # If nothing can be stored, do not open a browser.
    sky.accounts.list()
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
