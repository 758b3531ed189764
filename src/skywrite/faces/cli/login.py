"""login, logout: signing in with an app password, or in the browser; and signing out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from skywrite.core.errors import InputError
from skywrite.core.shown import printable_line
from skywrite.faces.cli.completing import complete_accounts
from skywrite.faces.cli.options import json_option, on_queue
from skywrite.faces.cli.output import print_done, print_json, print_outcome, print_warnings
from skywrite.faces.cli.terminal import ask, can_ask

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.queue.model import Account

_HELP = "See: skywrite login --help"


@click.command("login", epilog="Example: skywrite login alice.bsky.social")
@click.argument("handle", required=False, shell_complete=complete_accounts)
@click.option("--app-password-stdin", is_flag=True, help="Read the app password from standard input.")
@click.option("--pds", metavar="URL", help="The server to sign in at. Default: the account's own.")
@click.option("--auth-factor-token", metavar="CODE", help="The code of the second factor, from the e-mail.")
@click.option("--oauth", is_flag=True, help="Sign in in the browser, with the right to post and nothing else.")
@click.option("--right", "rights", multiple=True, metavar="NAME", help="With --oauth: one more right, such as likes.")
@click.option("--paste", is_flag=True, help="With --oauth: read the address that the browser ended on; over SSH.")
@json_option
@on_queue
def login_command(
    sky: Skywrite,
    handle: str | None,
    app_password_stdin: bool,
    pds: str | None,
    auth_factor_token: str | None,
    oauth: bool,
    rights: tuple[str, ...],
    paste: bool,
    as_json: bool,
) -> None:
    """Sign in with a handle and an app password, or with --oauth, and keep the session, encrypted.

    Asks for what is missing. BLUESKY_HANDLE, BLUESKY_APP_PASSWORD and BLUESKY_PDS are used where they are set.
    """
    if oauth:
        from skywrite.faces.cli.browser import sign_in_by_browser

        sign_in_by_browser(sky, handle, pds, rights, paste=paste, as_json=as_json)
        return
    if rights or paste:
        raise InputError("--right and --paste only work with --oauth.", hint="Add --oauth.")
    from skywrite.protocol.atproto.sign_in import AuthFactorRequired, account_name

    # If nothing can be stored, do not ask for a password.
    sky.accounts.list()
    name = sky.context.config.handle if handle is None else handle
    if name is None:
        name = ask("Handle (such as alice.bsky.social)", instead=_HELP)
    account_name(name)
    pds = sky.context.environment_pds() if pds is None else pds
    if pds is None and _may_ask():
        pds = _confirmed_server(sky, name)
    secret = _app_password(app_password_stdin, sky.context.config.app_password)
    try:
        done = sky.accounts.login(name, secret, auth_factor_token=auth_factor_token, pds=pds)
    except AuthFactorRequired:
        if auth_factor_token or not _may_ask():
            raise
        click.echo("A sign-in code was sent to your e-mail address.", err=True)
        code = ask("Code", instead=_HELP)
        done = sky.accounts.login(name, secret, auth_factor_token=code, pds=pds)
    if as_json:
        from skywrite.app.shapes.accounts import signed_in_shape

        print_json(signed_in_shape(sky.context, done.account, done.warnings))
        return
    print_warnings(done.warnings)
    print_done(f"Signed in as {done.account.handle} on {done.account.pds_url}.")


def _confirmed_server(sky: Skywrite, name: str) -> str:
    """The account's server. If it is unknown here, ask first: DNS or a typo may have chosen it."""
    server, known = sky.accounts.server_for(name)
    if not known:
        click.echo(
            f"{printable_line(name)} signs in at {printable_line(server)}, which no account here uses.", err=True
        )
        if not click.confirm("Send the app password there?", err=True):
            raise InputError("Nothing was sent.", hint="Check the spelling of the handle, or name the server: --pds")
    return str(server)


def _may_ask() -> bool:
    return sys.stdin.isatty()


def _app_password(from_stdin: bool, from_environment: str | None) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    if from_environment is not None:
        return from_environment
    instead = "Pipe it in with --app-password-stdin, or set BLUESKY_APP_PASSWORD."
    return ask("App password", instead=instead, hide=True)


@click.command("logout", epilog="Example: skywrite logout alice.bsky.social")
@click.argument("handle", required=False, shell_complete=complete_accounts)
@click.option("--forget", is_flag=True, help="Also remove the account and its history, if nothing of it is scheduled.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@json_option
@on_queue
def logout_command(sky: Skywrite, handle: str | None, forget: bool, yes: bool, as_json: bool) -> None:
    """Sign out of an account, here and at its server. Its scheduled posts wait until you sign in again."""
    from skywrite.app.shapes.accounts import signed_out_shape

    if not (yes or forget):
        _ask_with_posts(sky, sky.accounts.get(handle))
    account = sky.accounts.logout(handle, forget=forget)
    print_outcome(as_json, signed_out_shape(account), f"Signed out {account.handle}.")


def _ask_with_posts(sky: Skywrite, account: Account) -> None:
    """Say what will wait if the account is signed out, and ask where somebody can answer."""
    from skywrite.app.overview import count_waiting

    waiting = count_waiting(sky.context, account)
    if not waiting:
        return
    posts = "1 post" if waiting == 1 else f"{waiting:,} posts"
    print_warnings([f"{posts} of {account.handle} will wait until you sign in again."])
    if can_ask() and not click.confirm("Sign out?", err=True):
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(0)
