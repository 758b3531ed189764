"""service: keep `skywrite run` or `skywrite serve` alive on a laptop or a server."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from skywrite.core.errors import InputError
from skywrite.core.programs import own_program
from skywrite.faces.cli.options import json_option
from skywrite.faces.cli.output import print_done, print_json, print_outcome

if TYPE_CHECKING:
    from skywrite.features.service.service import Service

_KEPT = ("SKYWRITE_HOME", "SKYWRITE_DATABASE", "SKYWRITE_KEYRING", "SKYWRITE_FETCH_ALLOW", "SKYWRITE_PUBLIC_URL")
_SYSTEM = click.option(
    "--system", is_flag=True, help="For the whole computer (Linux, as root), with a user of its own."
)


@click.group("service", epilog="Example: skywrite service install, then: skywrite service status")
def service_command() -> None:
    """Keep the worker running: systemd, launchd, or the Windows Task Scheduler."""


@service_command.command("install", epilog="Example: skywrite service install")
@_SYSTEM
@click.option("--serve", is_flag=True, help="Run `skywrite serve`, which is the worker with the page and the API.")
@click.option("--print", "only_print", is_flag=True, help="Print the file; write and start nothing.")
@json_option
def install_command(system: bool, serve: bool, only_print: bool, as_json: bool) -> None:
    """Start the worker now, and at each boot or sign-in.

    With --serve, the server with its worker.
    """
    service = _service(system, serve=serve)
    if only_print:
        click.echo(service.text(), nl=False)
        return
    status = service.install()
    if as_json:
        print_json(status.as_dict())
        return
    print_done(f"The {'server' if serve else 'worker'} runs as a service: {status.path}")
    if sys.platform == "win32" and _kept():
        click.echo(f"  A task keeps no variables. Set them for your user with setx: {', '.join(dict(_kept()))}")
    if system:
        click.echo("  It has a database of its own. Use that one too: sudo -Hu skywrite skywrite login")


@service_command.command("status", epilog="Example: skywrite service status --json")
@_SYSTEM
@json_option
def status_command(system: bool, as_json: bool) -> None:
    """Say whether the service is installed and runs. Ends with 1 when it does not run."""
    status = _service(system).status()
    if as_json:
        print_json(status.as_dict())
    elif not status.installed:
        click.echo("No service is installed. Install one: skywrite service install")
    else:
        click.echo(f"{'Running' if status.running else 'Not running'}: {status.path}")
        if not status.running and status.detail:
            click.echo(f"  The system says: {status.detail}")
    sys.exit(0 if status.running else 1)


@service_command.command("remove", epilog="Example: skywrite service remove")
@_SYSTEM
@json_option
def remove_command(system: bool, as_json: bool) -> None:
    """Stop the service and take it out. The database and its posts stay."""
    status = _service(system).remove()
    print_outcome(as_json, status.as_dict(), "The service is removed. Posts wait until a worker runs again.")


def _service(system: bool, *, serve: bool = False) -> Service:
    from skywrite.core.config import load_config
    from skywrite.features.service.service import SERVER, WORKER, Service, Settings

    kept = () if system else _kept()
    config = load_config()
    if not system and config.shown_database != config.database:
        raise InputError(
            "SKYWRITE_DATABASE holds a password, which the service's file would show.",
            hint="Put the password into ~/.pgpass, and leave it out of the address.",
        )
    program = own_program()
    if program is None:
        raise InputError("The program skywrite is not on the PATH.", hint="Install it: pipx install .")
    return Service(Settings(program, SERVER if serve else WORKER, kept), system=system)


def _kept() -> tuple[tuple[str, str], ...]:
    """The variables that decide which database is used."""
    return tuple((name, os.environ[name]) for name in _KEPT if os.environ.get(name))
