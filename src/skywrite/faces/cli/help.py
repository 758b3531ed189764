"""help, version, completion: the same as --help and --version, and the line that sets up shell completion."""

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
        name, subcommand, rest = command.resolve_command(inner, rest)
        if subcommand is None:
            break
        command, inner = subcommand, click.Context(subcommand, info_name=name, parent=inner)
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


@click.command("completion", epilog="Example: skywrite completion bash >> ~/.bashrc")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print what to put into the shell's start-up file."""
    from click.shell_completion import get_completion_class

    from skywrite.faces.cli.main import cli

    completion_class = get_completion_class(shell)
    assert completion_class is not None
    click.echo(completion_class(cli, {}, "skywrite", "_SKYWRITE_COMPLETE").source())
