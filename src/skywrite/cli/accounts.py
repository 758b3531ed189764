"""login, logout, accounts, whoami, use, set, slots."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from skywrite.cli.completing import complete_accounts
from skywrite.cli.options import account_option, json_option
from skywrite.cli.output import print_done, print_json, print_table, print_warnings
from skywrite.cli.quoting import shell_words
from skywrite.cli.terminal import ask, can_ask
from skywrite.errors import InputError
from skywrite.shown import printable_line

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.queue.model import Account

_HELP = "See: skywrite login --help"


@click.command("login", epilog="Example: skywrite login alice.bsky.social")
@click.argument("handle", required=False, shell_complete=complete_accounts)
@click.option("--app-password-stdin", is_flag=True, help="Read the app password from standard input.")
@click.option("--pds", metavar="URL", help="The server to sign in at; without it the account's own is found.")
@click.option("--auth-factor-token", metavar="CODE", help="The code of the second factor, from the e-mail.")
@click.option("--oauth", is_flag=True, help="Sign in in the browser, with the right to post and nothing else.")
@click.option("--right", "rights", multiple=True, metavar="NAME", help="With --oauth: one more right, such as likes.")
@click.option("--paste", is_flag=True, help="With --oauth: read the address that the browser ended on; over SSH.")
@json_option
def login_command(
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
        from skywrite.cli.oauth import sign_in_by_browser

        sign_in_by_browser(handle, pds, rights, paste=paste, as_json=as_json)
        return
    if rights or paste:
        raise InputError("--right and --paste only work with --oauth.", hint="Add --oauth.")
    from skywrite.app import Skywrite
    from skywrite.atproto.sign_in import AuthFactorRequired

    with Skywrite() as sky:
        # If nothing can be stored, do not ask for a password.
        sky.accounts()
        name = sky.context.config.handle if handle is None else handle
        if name is None:
            name = ask("Handle (such as alice.bsky.social)", instead=_HELP)
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


def _confirmed_server(sky: Any, name: str) -> str:
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
def logout_command(handle: str | None, forget: bool, yes: bool, as_json: bool) -> None:
    """Sign out of an account, here and at its server. Its scheduled posts wait until you sign in again."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.accounts import signed_out_shape

    with Skywrite() as sky:
        if not (yes or forget):
            _ask_with_posts(sky, sky.accounts.get(handle))
        account = sky.logout(handle, forget=forget)
    if as_json:
        print_json(signed_out_shape(account))
    else:
        print_done(f"Signed out {account.handle}.")


def _ask_with_posts(sky: Skywrite, account: Account) -> None:
    """Say what will wait if the account is signed out, and ask where somebody can answer."""
    from skywrite.app.overview import count_waiting

    waiting = count_waiting(sky.store, account)
    if not waiting:
        return
    posts = "1 post" if waiting == 1 else f"{waiting:,} posts"
    print_warnings([f"{posts} of {account.handle} will wait until somebody signs in again."])
    if can_ask() and not click.confirm("Sign out?", err=True):
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(0)


@click.command("accounts", epilog="Example: skywrite accounts --json")
@json_option
def accounts_command(as_json: bool) -> None:
    """List the accounts; the default one is marked."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.accounts import account_shape

    with Skywrite() as sky:
        accounts = sky.accounts()
    if as_json:
        print_json([account_shape(account) for account in accounts])
    elif not accounts:
        click.echo("No account is signed in here yet. Sign in with: skywrite login")
    else:
        print_table(
            ("", "ACCOUNT", "STATE", "SERVER"),
            [("*" if item.is_default else "", item.handle, _state(item), item.pds_url) for item in accounts],
        )


def _state(account: Any) -> str:
    if account.state == "paused" and account.paused_until:
        return f"paused until {account.paused_until:%Y-%m-%d %H:%M} UTC"
    return {"ok": "ok", "needs_login": "needs login", "paused": "paused"}[account.state]


@click.command("whoami", epilog="Example: skywrite whoami --json")
@account_option
@json_option
def whoami_command(account: str | None, as_json: bool) -> None:
    """Say which account is used when none is named, with the rights of its session and the day on which it ends."""
    from skywrite.app import Skywrite
    from skywrite.app.sessions import session_facts
    from skywrite.app.shapes.accounts import whole_account_shape

    with Skywrite() as sky:
        found = sky.account(account)
        if as_json:
            print_json(whole_account_shape(sky.context, found))
            return
        facts = session_facts(sky.context.store, found)
    click.echo(f"{found.handle} ({found.did}) on {found.pds_url}, {_state(found)}")
    if facts is not None:
        click.echo(facts.in_words())


@click.command("use", epilog="Example: skywrite use alice.bsky.social")
@click.argument("handle", shell_complete=complete_accounts)
@json_option
def use_command(handle: str, as_json: bool) -> None:
    """Make an account the default one."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.accounts import account_shape

    with Skywrite() as sky:
        account = sky.set_default(handle)
    if as_json:
        print_json(account_shape(account))
    else:
        print_done(f"{account.handle} is used when no account is named.")


class SettingsCommand(click.Command):
    """A command whose help lists all settings."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from skywrite.app.settings import SETTINGS

        super().format_help_text(ctx, formatter)
        formatter.write_paragraph()
        for item in SETTINGS.values():
            formatter.write(f"  {item.name:<22}{item.help:<38}{item.example}\n")


@click.command(
    "set", cls=SettingsCommand, epilog="Example: skywrite set zone=Europe/Berlin gap_seconds=300 late=hold:2h langs=de"
)
@click.argument("settings", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--reset", is_flag=True, help="Take all others back to their defaults, also when they cannot be read.")
@account_option
@json_option
def set_command(settings: tuple[str, ...], reset: bool, account: str | None, as_json: bool) -> None:
    """Show or change an account's settings; NAME= removes one."""
    from skywrite.app import Skywrite

    changes = dict(_pair(item) for item in settings)
    with Skywrite() as sky:
        change = sky.accounts.reset if reset else sky.accounts.set
        now = change(account, changes) if changes or reset else sky.account(account).settings
        kept = _kept_zones(sky, account, now.get("zone")) if "zone" in changes or reset else []
    print_warnings(kept)
    if as_json:
        print_json(now)
        return
    if not now:
        click.echo("All settings are as they come. Set one like: skywrite set zone=Europe/Berlin")
    for name, value in sorted(now.items()):
        click.echo(f"{name} = {_shown(value)}")


def _kept_zones(sky: Skywrite, account: str | None, zone: str | None) -> list[str]:
    """What goes on in another zone than the account's new one."""
    from skywrite.schedule.slots import format_slots

    new = sky.context.zone(sky.account(account)) if zone is None else zone
    slots = [slot for slot in sky.slots(account) if slot.zone != new]
    rules = {rule.zone for rule in sky.recurrences.list(account)} - {new}
    notes = []
    if slots:
        zones = ", ".join(sorted({slot.zone for slot in slots}))
        again = shell_words(["slots", format_slots(slots), *(["--account", account] if account else [])])
        notes.append(f"The weekly slots stay in {zones}. To have them in {new}: skywrite {again}")
    if rules:
        notes.append(f"Recurrences stay in {', '.join(sorted(rules))}. To change one: skywrite recurring edit --help")
    return notes


def _shown(value: Any) -> str:
    """A setting, as one writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, list) else str(value)


def _pair(text: str) -> tuple[str, str | None]:
    name, mark, value = text.partition("=")
    if not mark:
        raise InputError(f"{text!r} is not a setting.", hint="Write it like zone=Europe/Berlin.")
    return name.strip(), value.strip() or None


@click.command("slots", epilog='Example: skywrite slots "mon-fri 9:00,17:30; sat 11:00"')
@click.argument("slots", required=False)
@click.option("--clear", is_flag=True, help="Remove all slots. Posts that have one keep their time.")
@account_option
@json_option
def slots_command(slots: str | None, clear: bool, account: str | None, as_json: bool) -> None:
    """Show or set an account's weekly slots, which `post --next-slot` and imports without times fill."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.accounts import slot_shape
    from skywrite.schedule.slots import format_slots, parse_slots

    if slots is not None and (clear or not slots.strip()):
        hint = "Remove all slots with --clear, or give new ones: mon-fri 9:00,17:30"
        raise InputError("Slots and --clear exclude each other." if clear else "No slots were given.", hint=hint)
    with Skywrite() as sky:
        if clear:
            sky.set_slots(account, [])
        elif slots is not None:
            sky.set_slots(account, parse_slots(slots, sky.context.zone(sky.account(account))))
        now, zone = sky.slots(account), sky.context.zone(sky.account(account))
    if as_json:
        print_json([slot_shape(slot) for slot in now])
        return
    if not now:
        click.echo('No slots yet. Set them like: skywrite slots "mon-fri 9:00,17:30"')
    for name in dict.fromkeys(slot.zone for slot in now):
        # The zone of the account may have been another one when they were set.
        where = "" if name == zone else f"  in {name}, not in {zone}, the account's zone"
        click.echo(format_slots(slot for slot in now if slot.zone == name) + where)
