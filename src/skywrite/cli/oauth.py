"""login --oauth: the browser, the waiting, and what came of it."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import click

from skywrite.app import Skywrite
from skywrite.app.oauth import OAuth, SignedIn
from skywrite.app.oauth_listener import Listener, pasted
from skywrite.atproto.oauth import Pending
from skywrite.atproto.oauth_scopes import RIGHTS, chosen_rights, granted_rights, scope_of
from skywrite.cli.output import print_done, print_json, print_warnings
from skywrite.errors import InputError


def sign_in_by_browser(
    handle: str | None, pds: str | None, rights: tuple[str, ...], *, paste: bool, as_json: bool
) -> None:
    """Send the browser away, wait until it comes back, and keep the session."""
    with Skywrite() as sky:
        # Where nothing can be kept, nobody is sent to a browser.
        sky.accounts()
        name, place = handle or sky.config.handle, pds or sky.environment_pds()
        if not name and not place:
            raise InputError("Neither a handle nor a server is named.", hint="skywrite login --oauth alice.bsky.social")
        done = _signed_in(sky.oauth, name, place, rights, paste=paste)
        sky.agents.forget(done.account.did)
    if as_json:
        print_json({**_facts(done), "warnings": done.warnings})
        return
    print_warnings(done.warnings)
    print_done(f"Signed in as {done.account.handle} on {done.account.pds_url}.")
    for right in granted_rights(done.session.scope):
        click.echo(f"  {right}: {RIGHTS[right].allows}")
    click.echo(f"The session ends on {done.session.ends_at:%Y-%m-%d}, whatever is done; sign in again before that.")


def _facts(done: SignedIn) -> dict[str, Any]:
    return {
        "did": done.account.did,
        "handle": done.account.handle,
        "pds": done.account.pds_url,
        "rights": list(granted_rights(done.session.scope)),
        "scope": done.session.scope,
        "ends_at": done.session.ends_at.isoformat(),
    }


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
        "Then paste the whole address of the page that the browser ends on. It may say that it cannot be reached.",
        err=True,
    )
    return sys.stdin.readline()


def _waited(listener: Listener) -> dict[str, str]:
    """What came from the browser, or was pasted at the terminal, whichever is first."""
    if sys.stdin.isatty():
        click.echo("In another computer's browser? Paste the address of the page that it ends on.", err=True)
        threading.Thread(target=_read_pasted, args=(listener,), daemon=True).start()
    return listener.wait()


def _read_pasted(listener: Listener) -> None:
    for line in sys.stdin:
        if line.strip() and listener.paste(line):
            return
        click.echo("That is not the address of this sign-in; paste it whole.", err=True)
