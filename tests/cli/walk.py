"""All commands, from the list that the command line itself gives."""

from __future__ import annotations

from collections.abc import Iterator

import click

from skywrite.faces.cli.main import cli


def commands(*, groups: bool = False) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something itself, with its words; with `groups` also those that have commands."""
    yield from _under((), cli, groups)


def options(path: tuple[str, ...], command: click.Command) -> Iterator[click.Option]:
    """Every option of a command, those that click adds included."""
    # click keeps the option for help that it makes here.
    context = click.Context(command, parent=click.Context(cli, **cli.context_settings) if path else None)
    context.help_option_names = cli.context_settings["help_option_names"]
    yield from (param for param in command.get_params(context) if isinstance(param, click.Option))


def long_name(option: click.Option) -> str:
    """The name that an option has besides its letter."""
    return max(option.opts, key=len)


def _under(
    path: tuple[str, ...], command: click.Command, groups: bool
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if groups or not isinstance(command, click.Group):
        yield path, command
    if not isinstance(command, click.Group):
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from _under((*path, name), inner, groups)
