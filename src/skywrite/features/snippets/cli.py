"""snippets: texts that are used again, and signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import A_HANDLE, json_option, on_queue, one_text
from skywrite.faces.cli.output import one_line, print_json, print_outcome, print_table

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.snippets.operations import SnippetShape

_EXAMPLE = 'skywrite snippets add shop "Open daily from 9 to 6. https://shop.example"'


@click.group("snippets", cls=Noun, epilog=f"Example: {_EXAMPLE}")
def snippets_command() -> None:
    """Keep texts that you use again, and signatures.

    In the composer on the page, a semicolon and the name insert one. In a shell: "$(skywrite snippets show shop)".
    """


@snippets_command.command("add", epilog=f"Example: {_EXAMPLE}")
@click.argument("name")
@one_text()
@click.option("--account", "-u", **A_HANDLE, help="Only for this account. Default: for all of them.")
@click.option("--signature", is_flag=True, help="New posts that you write for the account on the page end with it.")
@json_option
@on_queue
def add_command(sky: Skywrite, name: str, text: str, account: str | None, signature: bool, as_json: bool) -> None:
    """Keep TEXT under NAME. With `-`, read the text from standard input."""
    from skywrite.features.snippets.operations import snippet_shape

    snippet = snippet_shape(sky.context, sky.snippets.add(name, text, account=account, signature=signature))
    what = f"the signature of {snippet.account}" if signature else f"for {snippet.account or 'all accounts'}"
    counted = "1 character" if snippet.graphemes == 1 else f"{snippet.graphemes} characters"
    print_outcome(as_json, snippet, f"Snippet {snippet.name} is kept: {what}, {counted}.")


@snippets_command.command("list", epilog="Example: skywrite snippets list --json")
@click.option("--account", "-u", **A_HANDLE, help="Only those that this account can use. Default: all.")
@json_option
@on_queue
def list_command(sky: Skywrite, account: str | None, as_json: bool) -> None:
    """List snippets, with how many characters they take of a post."""
    from skywrite.features.snippets.operations import snippet_shape

    snippets = [snippet_shape(sky.context, one) for one in sky.snippets.list(account)]
    if as_json:
        print_json(snippets)
    elif not snippets:
        click.echo(f"No snippets yet. Keep one: {_EXAMPLE}")
    else:
        print_table(("NAME", "FOR", "LENGTH", "TEXT"), [_row(one) for one in snippets])


def _row(one: SnippetShape) -> tuple[str, ...]:
    whom = f"{one.account} (signature)" if one.signature else one.account or "all"
    return one.name, whom, str(one.graphemes), one_line(one.text)


@snippets_command.command("show", epilog="Example: skywrite snippets show shop")
@click.argument("name")
@json_option
@on_queue
def show_command(sky: Skywrite, name: str, as_json: bool) -> None:
    """Print the text of a snippet."""
    from skywrite.features.snippets.operations import snippet_shape

    snippet = sky.snippets.get(name)
    if as_json:
        print_json(snippet_shape(sky.context, snippet))
    else:
        click.echo(snippet.text)


@snippets_command.command("remove", epilog="Example: skywrite snippets remove shop")
@click.argument("name")
@json_option
@on_queue
def remove_command(sky: Skywrite, name: str, as_json: bool) -> None:
    """Remove a snippet. What you wrote with it stays."""
    from skywrite.app.shapes.done import Removed

    snippet = sky.snippets.remove(name)
    print_outcome(as_json, Removed(snippet.id), f"Snippet {snippet.name} is removed.")
