"""serve: the page, the HTTP API, MCP, metrics and the worker, in one process. sandbox: a PDS stand-in on this computer,
to try things without the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.options import Whole, json_option
from skywrite.faces.cli.output import print_json

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.faces.server.serving import Place


@click.command("serve", epilog="Examples: skywrite serve; skywrite serve --demo; skywrite serve --port 0 --json")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=Whole(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--no-worker", is_flag=True, help="Publish nothing; another process runs the worker.")
@click.option(
    "--public-url",
    metavar="URL",
    envvar="SKYWRITE_PUBLIC_URL",
    help="The address by which people reach the server through a proxy (or SKYWRITE_PUBLIC_URL).",
)
@click.option("--proxy", "proxies", multiple=True, metavar="NETWORK", help="A proxy whose X-Forwarded-* are believed.")
@click.option("--demo", is_flag=True, help="Accounts of a sandbox and a filled week; nothing leaves this computer.")
@click.option("--log", "log_format", type=click.Choice(["text", "json", "none"]), default="text", show_default=True)
@json_option
def serve_command(
    host: str,
    port: int,
    no_worker: bool,
    public_url: str | None,
    proxies: tuple[str, ...],
    demo: bool,
    log_format: str,
    as_json: bool,
) -> None:
    """Serve the page and the API until stopped (Ctrl-C or SIGTERM), and publish what is due.

    It prints a link that signs you in, once.
    """
    from contextlib import ExitStack

    from skywrite.core.errors import MissingExtra
    from skywrite.posting.publish.processes import exit_in_the_end, exiting_by_signals

    with ExitStack() as stack:
        stack.enter_context(exiting_by_signals())
        from skywrite.app import Skywrite
        from skywrite.faces.cli.running import make_log

        try:
            from skywrite.faces.server.serving import Options, serve
        except ModuleNotFoundError as error:
            raise MissingExtra(f"The server needs an optional part ({error.name}).", extra="server") from None

        if demo:
            from skywrite.faces.server.demo import demo_queue

            sky = stack.enter_context(demo_queue())
        else:
            sky = stack.enter_context(Skywrite())
        log = make_log("none" if as_json else log_format, sky.context.clock)
        options = Options(host, port, not no_worker, public_url, proxies)

        def ready(place: Place) -> None:
            _announce(sky, place, public_url, as_json, demo)

        serve(sky, options, ready=ready, log=log, when_stopping=exit_in_the_end)


def _announce(sky: Skywrite, place: Place, public_url: str | None, as_json: bool, demo: bool) -> None:
    """Print where the server is, with a link that signs its owner in."""
    from skywrite.faces.server.serving import SignInLink
    from skywrite.queue.people import People

    people = People(sky.context.store)
    path = f"/sign-in/{people.new_link(people.owner().id)}"
    if as_json:
        # Not all programs resolve *.localhost as browsers do.
        url = place.local_url if public_url is None else public_url
        print_json(SignInLink(url, path, sky.context.config.home if demo else None).as_dict())
    else:
        click.echo(f"Skywrite listens on {place.page_url} (stop it with Ctrl-C)")
        click.echo(f"Sign in (once, within 30 minutes): {place.page_url}{path}")
        if demo:
            click.echo(f"For an API key: SKYWRITE_HOME={sky.context.config.home} skywrite keys add --name demo")


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
