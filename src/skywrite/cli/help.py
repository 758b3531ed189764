"""help: the same as --help."""

from __future__ import annotations

import click

from skywrite.cli.completing import complete_commands


@click.command("help", epilog="Example: skywrite help post")
@click.argument("words", nargs=-1, metavar="[COMMAND]...", shell_complete=complete_commands)
@click.pass_context
def help_command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show help, for everything or for one command: skywrite help post."""
    root = context.find_root()
    command: click.Command = root.command
    inner = root
    for word in words:
        if not isinstance(command, click.Group):
            break
        name, found, _ = command.resolve_command(inner, [word])
        if found is None:
            break
        command, inner = found, click.Context(found, info_name=name, parent=inner)
    click.echo(command.get_help(inner))
