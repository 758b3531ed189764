"""help, version: the same as --help and --version."""

from __future__ import annotations

import click

from skywrite import __version__
from skywrite.faces.cli.completing import complete_commands
from skywrite.faces.cli.options import json_option
from skywrite.faces.cli.output import print_json


@click.command("help", epilog="Example: skywrite help post")
@click.argument("words", nargs=-1, metavar="[COMMAND]...", shell_complete=complete_commands)
@click.pass_context
def help_command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show help, for everything or for one command: skywrite help post."""
    root = context.find_root()
    command: click.Command = root.command
    inner = root
    rest = list(words)
    while rest and isinstance(command, click.Group):
        name, found, rest = command.resolve_command(inner, rest)
        if found is None:
            break
        command, inner = found, click.Context(found, info_name=name, parent=inner)
    click.echo(command.get_help(inner))


@click.command("version", epilog="Example: skywrite version")
@json_option
def version_command(as_json: bool) -> None:
    """Show the version of Skywrite."""
    if as_json:
        from skywrite.app.shapes.done import Version

        print_json(Version(__version__))
    else:
        click.echo(f"skywrite, version {__version__}")
