"""Writes the reference pages that the program itself knows best: every command with its options, every error.

What lives here: two pages in docs/reference, made before each build and not kept in git. What does not: the Python
reference, which the site makes from docstrings (docs/reference/python.md).
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

import skywrite
from skywrite.cli.main import cli
from skywrite.errors import SkywriteError

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
COLUMNS = 100


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Each command and subcommand that is not hidden, with its help."""
    with context.scope():
        yield context.command_path, command.get_help(context)
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                if inner is not None and not inner.hidden:
                    yield from commands(inner, click.Context(inner, info_name=name, parent=context, **SETTINGS))


SETTINGS = {"terminal_width": COLUMNS, "max_content_width": COLUMNS}


def command_page() -> str:
    """The page of all commands, in the order of `skywrite --help`."""
    context = click.Context(cli, info_name="skywrite", **SETTINGS)
    blocks = [f"## {path}\n\n```text\n{text}\n```\n" for path, text in commands(cli, context)]
    return "\n".join(["# Command line\n\nWhat `--help` says, for every command.\n", *blocks])


def errors() -> list[type[SkywriteError]]:
    """Every error class of the package that a user can meet."""
    for module in pkgutil.walk_packages(skywrite.__path__, "skywrite."):
        if ".sandbox" not in module.name and not module.name.endswith("__main__"):
            import_module(module.name)
    found: set[type[SkywriteError]] = set()
    open_ends = [SkywriteError]
    while open_ends:
        for child in open_ends.pop().__subclasses__():
            if child not in found and child.__module__.startswith("skywrite."):
                found.add(child)
                open_ends.append(child)
    return sorted(found, key=lambda error: (error.exit_code, error.__name__))


ERRORS_HEAD = """# Errors and exit codes

The name is what `--json` prints as `error`, and the name of the exception in Python. Names and exit codes are stable.

| exit code | what it means |
|---|---|
| 0 | done |
| 1 | the database or the system does not do as asked |
| 2 | what you gave is wrong; nothing was sent |
| 3 | an account needs someone to sign in |
| 4 | not now: the network or a server; try again later |
| 5 | a server refused it, and will refuse it again |
| 130 | stopped by Ctrl-C |

| name | exit code | meaning |
|---|---|---|
"""


def meaning(error: type[SkywriteError]) -> str:
    """The first paragraph of the docstring, on one line."""
    return " ".join((inspect.getdoc(error) or "").partition("\n\n")[0].split()).replace("{", "&#123;")


def error_page() -> str:
    """The page of errors: name, exit code, meaning."""
    rows = [f"| `{error.__name__}` | {error.exit_code} | {meaning(error)} |" for error in errors()]
    return ERRORS_HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "command-line.md").write_text(command_page(), encoding="utf-8")
    (FOLDER / "errors.md").write_text(error_page(), encoding="utf-8")
