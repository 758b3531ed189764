"""sandbox: a PDS stand-in on this computer, to try things without the network."""

from __future__ import annotations

import click

from skywrite.faces.cli.options import Whole, json_option
from skywrite.faces.cli.output import print_json


@click.command("sandbox", epilog="Example: skywrite sandbox --port 2583 --account alice.test")
@click.option("--port", type=Whole(0, 65535), default=0, help="0 takes a free one.")
@click.option("--account", "accounts", multiple=True, default=("alice.test", "bob.test"), show_default=True)
@json_option
def sandbox_command(port: int, accounts: tuple[str, ...], as_json: bool) -> None:
    """Run a stand-in for a Bluesky server on 127.0.0.1 until stopped. Nothing leaves this computer."""
    from skywrite.sandbox import Sandbox, serve
    from skywrite.sandbox.serving import SandboxAddress

    def ready(box: Sandbox) -> None:
        if as_json:
            print_json(SandboxAddress(box.url, box.plc_url, tuple(map(box.account, accounts))).as_dict())
            return
        click.echo(f"The sandbox listens on {box.url} (stop it with Ctrl-C)")
        for handle in accounts:
            account = box.account(handle)
            click.echo(f"  {account.handle}  app password {account.app_password}")
        click.echo("Use it in another terminal:")
        click.echo(f"  export SKYWRITE_PLC_URL={box.plc_url} SKYWRITE_HOME=$(mktemp -d)")
        click.echo(f"  skywrite login {accounts[0]} --pds {box.url}")

    serve(port=port, accounts=accounts, ready=ready)
