"""All commands, from the list that the command line itself gives."""

from __future__ import annotations

from collections.abc import Iterator

import click

from skywrite.cli.main import cli


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something itself, with its words."""
    yield from _under((), cli)


def _under(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from _under((*path, name), inner)
