"""notices: who is notified of problems, by e-mail or by a command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import ID, json_option, on_queue
from skywrite.faces.cli.output import print_json, print_outcome, print_table
from skywrite.faces.cli.status import print_commands_note
from skywrite.faces.cli.terminal import ask

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.notices.store import Channel

PASSWORD = "SKYWRITE_SMTP_PASSWORD"


@click.group("notices", cls=Noun, epilog="Example: skywrite notices add command ./notify.sh --quiet 22:00-7:00")
def notices_command() -> None:
    """Get notices of problems: a post is refused or held, an account needs a login, a feed fails, nothing is published.

    One notice for each problem, and one when it is solved. Programs use webhooks: skywrite serve.
    """


@notices_command.group(
    "add", epilog="Example: skywrite notices add email me@x.example --from bot@x.example --server smtp.x.example"
)
def add_group() -> None:
    """Add a notification channel."""


def _common(command: Any) -> Any:
    for option in (
        json_option,
        click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Send only this kind. May be repeated."),
        click.option("--quiet", metavar="HOURS", help="Quiet hours, such as 22:00-7:00; notices are sent afterwards."),
    ):
        command = option(command)
    return command


@add_group.command(
    "email", epilog="Example: skywrite notices add email me@x.example --from bot@x.example --server smtp.x.example"
)
@click.argument("to")
@click.option("--from", "sender", required=True, help="The sender's address.")
@click.option("--server", required=True, metavar="HOST[:PORT]", help="The mail server; port 587 where none is given.")
@click.option("--user", help=f"Signs in at the server; the password is read from {PASSWORD}, or asked for.")
@click.option("--plain", is_flag=True, help="Send without encryption where the server offers none.")
@_common
@on_queue
def email_command(
    sky: Skywrite,
    to: str,
    sender: str,
    server: str,
    user: str | None,
    plain: bool,
    quiet: str | None,
    kinds: tuple[str, ...],
    as_json: bool,
) -> None:
    """Send notices by e-mail."""

    password = None
    if user:
        password = os.environ.get(PASSWORD) or ask("The mail server's password", instead=f"Set {PASSWORD}.", hide=True)
    channel = sky.notices.add_email(
        to,
        sender=sender,
        server=server,
        user=user,
        password=password,
        plain=plain,
        quiet=quiet,
        kinds=kinds or None,
    )
    _added(channel, as_json)


@add_group.command("command", epilog="Example: skywrite notices add command ./notify.sh --kind post.held")
@click.argument("command")
@_common
@on_queue
def command_command(sky: Skywrite, command: str, quiet: str | None, kinds: tuple[str, ...], as_json: bool) -> None:
    """Run a command for each notice.

    The command gets the text in SKYWRITE_NOTICE_SUBJECT and SKYWRITE_NOTICE_TEXT.
    """

    channel = sky.notices.add_command(command, quiet=quiet, kinds=kinds or None)
    _added(channel, as_json)
    if not as_json:
        print_commands_note(sky)


@notices_command.command("list", epilog="Example: skywrite notices list")
@json_option
@on_queue
def list_command(sky: Skywrite, as_json: bool) -> None:
    """List notification channels."""
    from skywrite.features.notices.service import channel_shape

    channels = sky.notices.list()
    if as_json:
        print_json([channel_shape(channel) for channel in channels])
    elif not channels:
        click.echo("No notification channels yet. Add one: skywrite notices add --help")
    else:
        print_table(("ID", "KIND", "TO", "LAST ERROR"), [_row(channel) for channel in channels])


@notices_command.command("test", epilog="Example: skywrite notices test 1")
@click.argument("channel_id", type=ID, metavar="ID")
@json_option
@on_queue
def test_command(sky: Skywrite, channel_id: int, as_json: bool) -> None:
    """Send a test notice."""
    from skywrite.app.shapes.done import TestedChannel

    sky.notices.test(channel_id)
    print_outcome(as_json, TestedChannel(channel_id), "The test was sent.")


@notices_command.command("remove", epilog="Example: skywrite notices remove 1")
@click.argument("channel_id", type=ID, metavar="ID")
@json_option
@on_queue
def remove_command(sky: Skywrite, channel_id: int, as_json: bool) -> None:
    """Stop sending notices to a channel."""
    from skywrite.app.shapes.done import Removed

    sky.notices.remove(channel_id)
    print_outcome(as_json, Removed(channel_id), f"Notice channel {channel_id} is removed.")


def _added(channel: Channel, as_json: bool) -> None:
    from skywrite.features.notices.service import channel_shape

    print_outcome(
        as_json,
        channel_shape(channel),
        f"Notice channel {channel.id} is added. Try it: skywrite notices test {channel.id}",
    )


def _row(channel: Channel) -> tuple[str, ...]:
    to = channel.config.get("to") or channel.config.get("command", "")
    return str(channel.id), channel.kind, str(to)[:60], channel.error or ""
