"""completion: the line that sets up shell completion."""

from __future__ import annotations

import click


@click.command("completion", epilog="Example: skywrite completion bash >> ~/.bashrc")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print what to put into the shell's start-up file."""
    from click.shell_completion import get_completion_class

    from skywrite.faces.cli.main import cli

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "skywrite", "_SKYWRITE_COMPLETE").source())
