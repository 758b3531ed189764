"""Writes the reference pages that the program itself knows best: every command with its options, every error.

What lives here: two pages in docs/reference, made before each build and not kept in git. What does not: the Python
reference, which the site makes from docstrings (docs/reference/python.md).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

import skywrite
from skywrite.core.codes import CODES
from skywrite.core.errors import SkywriteError
from skywrite.faces.cli.main import cli

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
# A program, and names of another library, which say when they are imported that they are not here.
LEFT_OUT = ("__main__", ".firehose", ".xrpc_client")
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
        if ".sandbox" not in module.name and not module.name.endswith(LEFT_OUT):
            import_module(module.name)
    classes = {SkywriteError}
    open_ends = [SkywriteError]
    while open_ends:
        for child in open_ends.pop().__subclasses__():
            if child not in classes and child.__module__.startswith("skywrite."):
                classes.add(child)
                open_ends.append(child)
    return sorted(classes, key=lambda error: (error.exit_code, error.__name__))


ERRORS_HEAD = """# Errors and exit codes

`--json` prints an error as `error`, `code`, `message` and `hint`. `error` is the class that a Python program catches,
and `code` says what went wrong exactly. Classes, codes and exit codes are stable. What has no exit code is no
exception: why a post waits, or what the command line says about itself.

| exit code | what it means |
|---|---|
| 0 | done |
| 1 | the database or the system does not do as asked |
| 2 | what you gave is wrong; nothing was sent |
| 3 | an account needs someone to sign in |
| 4 | not now: the network or a server; try again later |
| 5 | a server refused it, and will refuse it again |
| 130 | stopped by Ctrl-C |

| code | class | exit code | HTTP | meaning |
|---|---|---|---|---|
"""


def error_page() -> str:
    """The page of errors: code, class, exit code, status, meaning."""
    classes = {error.__name__: error for error in errors()}
    rows = []
    for code, name, meaning in sorted(
        (code, name, text) for name, known in CODES.items() for code, text in known.items()
    ):
        kind = classes.get(name)
        numbers = f"{kind.exit_code} | {kind.http_status}" if kind else " | "
        rows.append(f"| `{code}` | `{name}` | {numbers} | {meaning.replace('{', '&#123;')} |")
    return ERRORS_HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "command-line.md").write_text(command_page(), encoding="utf-8")
    (FOLDER / "errors.md").write_text(error_page(), encoding="utf-8")
