"""hooks: addresses at which other programs ask for posts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.completing import complete_files
from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import account_option, json_option, on_queue
from skywrite.faces.cli.output import one_line, print_done, print_json, print_outcome, print_table
from skywrite.faces.cli.terminal import ask

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.hooks.service import AddedHook
    from skywrite.features.hooks.store import Hook

_EXAMPLE = "skywrite hooks add releases --kind github --template '{{ release.name }} {{ release.html_url }}'"
_OUTCOMES = {None: "nothing came yet", "made": "made", "repeated": "came again", "nothing": "gave no text"}


@click.group("hooks", cls=Noun, epilog=f"Example: {_EXAMPLE}")
def hooks_command() -> None:
    """Let other programs ask for posts: a release on GitHub, an order in a shop, an article in Ghost.

    They send signed messages to `skywrite serve`. What they hear of is another thing: webhooks.
    """


@hooks_command.command("add", epilog=f"Example: {_EXAMPLE}")
@click.argument("name")
@click.option(
    "--kind",
    required=True,
    metavar="KIND",
    help="Who signs: github, standard (Standard Webhooks), ghost, shopify, woocommerce, or secret (a header).",
)
@click.option("--template", required=True, metavar="TEXT", help="The post's text, with {{ paths }} into the message.")
@click.option("--publish", is_flag=True, help="Post at once. Default: what comes waits as a draft.")
@click.option("--secret-stdin", is_flag=True, help="Read the other program's secret from standard input.")
@click.option("--lang", "langs", multiple=True, metavar="LANG", help="The language of its posts. May be repeated.")
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="A content warning for its posts.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A hidden hashtag of its posts.")
@click.option("--mentions", is_flag=True, help="Let an @handle in a message notify its owner.")
@account_option
@json_option
@on_queue
def add_command(
    sky: Skywrite,
    name: str,
    kind: str,
    template: str,
    publish: bool,
    secret_stdin: bool,
    langs: tuple[str, ...],
    labels: tuple[str, ...],
    tags: tuple[str, ...],
    mentions: bool,
    account: str | None,
    as_json: bool,
) -> None:
    """Make a post of each message to /hooks/NAME.

    The secret is printed once, and never again.
    """
    added_hook = sky.hooks.add(
        name,
        template=template,
        kind=kind,
        account=account,
        publish=publish,
        secret=_secret(secret_stdin),
        langs=langs,
        labels=labels,
        tags=tags,
        mentions=mentions,
    )
    _print_secret(sky, added_hook, secret_stdin, as_json)
    if not as_json:
        waits = "goes out at once" if publish else "waits as a draft; with --publish it would go out at once"
        click.echo(f"Let the program send its messages to /hooks/{name} of your server. What comes {waits}.", err=True)


@hooks_command.command("list", epilog="Example: skywrite hooks list --json")
@json_option
@on_queue
def list_command(sky: Skywrite, as_json: bool) -> None:
    """List hooks, and what became of the last message of each."""
    from skywrite.features.hooks.operations import hook_shape

    hooks = sky.hooks.list()
    if as_json:
        print_json([hook_shape(sky.context, hook) for hook in hooks])
    elif not hooks:
        click.echo(f"No hooks yet. Add one: {_EXAMPLE}")
    else:
        print_table(("ID", "NAME", "KIND", "MAKES", "LAST MESSAGE"), [_row(sky, hook) for hook in hooks])


def _row(sky: Skywrite, hook: Hook) -> tuple[str, ...]:
    from skywrite.faces.cli.view import short_time, zone_for

    last = _OUTCOMES.get(hook.outcome, "failed")
    if hook.post_id is not None:
        last += f" post {hook.post_id}"
    if hook.delivered_at:
        last = f"{short_time(hook.delivered_at, zone_for(sky, hook.account_did))} {last}"
    if hook.problem:
        last += f": {one_line(hook.problem.message)} [{hook.problem.code}]"
    return str(hook.id), hook.name, hook.kind, "posts" if hook.publishes else "drafts", last


@hooks_command.command("edit", epilog="Example: skywrite hooks edit releases --publish")
@click.argument("name")
@click.option("--template", metavar="TEXT", help="Another text.")
@click.option("--publish/--draft", default=None, help="Post at once, or make drafts.")
@json_option
@on_queue
def edit_command(sky: Skywrite, name: str, template: str | None, publish: bool | None, as_json: bool) -> None:
    """Change what later messages become."""
    from skywrite.features.hooks.operations import hook_shape

    hook = sky.hooks.edit(name, template=template, publish=publish)
    print_outcome(as_json, hook_shape(sky.context, hook), f"Hook {hook.name} is changed.")


@hooks_command.command("secret", epilog="Example: skywrite hooks secret releases")
@click.argument("name")
@click.option("--secret-stdin", is_flag=True, help="Read the other program's secret from standard input.")
@json_option
@on_queue
def secret_command(sky: Skywrite, name: str, secret_stdin: bool, as_json: bool) -> None:
    """Take another secret. The old one ends at once."""
    _print_secret(sky, sky.hooks.replace_secret(name, _secret(secret_stdin)), secret_stdin, as_json)


@hooks_command.command("test", epilog="Example: skywrite hooks test releases message.json")
@click.argument("name")
@click.argument("file", shell_complete=complete_files)
@json_option
@on_queue
def test_command(sky: Skywrite, name: str, file: str, as_json: bool) -> None:
    """Show what would become of a message.

    FILE holds it (- is standard input). Nothing is stored or sent.
    """
    from skywrite.app.shapes.posts import preview_shape
    from skywrite.faces.cli.view import print_preview
    from skywrite.features.hooks.operations import TestedHook
    from skywrite.features.hooks.service import read_message

    ready = sky.hooks.test(name, read_message(_message(file)))
    if as_json:
        print_json(TestedHook(None if ready is None else preview_shape(ready)))
    elif ready is None:
        click.echo("The template gives no text, so there would be no post.")
    else:
        print_preview(ready)


@hooks_command.command("remove", epilog="Example: skywrite hooks remove releases")
@click.argument("name")
@json_option
@on_queue
def remove_command(sky: Skywrite, name: str, as_json: bool) -> None:
    """Remove a hook. Its posts stay."""
    from skywrite.app.shapes.done import Removed

    hook = sky.hooks.remove(name)
    print_outcome(as_json, Removed(hook.id), f"Hook {hook.name} is removed; its posts stay.")


def _message(file: str) -> bytes:
    """What a file holds, or standard input."""
    from skywrite.core.files import read_regular
    from skywrite.features.hooks.service import MESSAGE_BYTES_MAX

    try:
        limit = MESSAGE_BYTES_MAX
        data = sys.stdin.buffer.read(limit + 1) if file == "-" else read_regular(Path(file), limit)
    except OSError as error:
        raise InputError(
            f"{file} cannot be read: {error.strerror}.", code="file.unreadable", hint="Check the name."
        ) from None
    if data is None or len(data) > limit:
        raise InputError(f"{file} is larger than a message may be, which is 1 MB.", code="file.unreadable")
    return data


def _secret(from_stdin: bool) -> str | None:
    """The secret of the other program; at a terminal it is asked for. None: a new one is made."""
    if not from_stdin:
        return None
    if sys.stdin.isatty():
        return ask("The other program's secret", instead="Pipe it in.", hide=True)
    return sys.stdin.readline().rstrip("\r\n")


def _print_secret(sky: Skywrite, added_hook: AddedHook, from_stdin: bool, as_json: bool) -> None:
    from skywrite.features.hooks.operations import secret_hook_shape

    if as_json:
        print_json(secret_hook_shape(sky.context, added_hook))
        return
    print_done(f"Hook {added_hook.hook.name} of {added_hook.hook.kind}")
    if not from_stdin:
        click.echo(added_hook.secret)
        click.echo("Copy the secret into the other program now: it is not shown again.", err=True)
