"""Every command of the command line, as its parser names them, with `--help` and with each example.

What lives here: the walk and the record of a run. What does not: the examples (`examples`).
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from compare.examples import COMMANDS, OLD_NAMES, Example
from compare.stage import Ran, Stage


class Command(NamedTuple):
    """A command that the parser knows: its words and its options."""

    path: str
    options: tuple[str, ...]


class Found(BaseException):
    """The root of the commands, which the program was about to run."""

    def __init__(self, root: click.Command) -> None:
        super().__init__()
        self.root = root


class Missing(Exception):
    """Something has no example."""


def walk(stage: Stage) -> list[Command]:
    """Every command and group, with its options."""
    ran = stage.call(_print_tree)
    return [Command(path, tuple(options)) for path, options in json.loads(ran.out)]


def _print_tree() -> None:
    def found(root: click.Command, *arguments: Any, **options: Any) -> None:
        raise Found(root)

    # Whatever is asked, the program hands its root to click.
    sys.argv = ["skywrite"]
    click.Command.main = found  # type: ignore[assignment, method-assign]
    try:
        import_module("skywrite.__main__").main()
    except Found as one:
        print(json.dumps(list(tree(one.root, click.Context(one.root, info_name="skywrite"), ""))))


def tree(command: click.Command, context: click.Context, path: str) -> Iterator[tuple[str, list[str]]]:
    """The words of each command with its options, the groups included."""
    yield path, sorted(option for parameter in command.params for option in parameter.opts)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from tree(inner, click.Context(inner, info_name=name, parent=context), f"{path} {name}".strip())


def record(stage: Stage, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A file for each command: its help, and each example with what it did. Raises Missing."""
    commands = walk(stage)
    if missing := [command.path for command in commands if command.path not in COMMANDS]:
        raise Missing(f"No example in compare/examples.py (COMMANDS) for the commands: {', '.join(missing)}.")
    for command in commands:
        yield f"commands/{command.path.replace(' ', '-') or 'skywrite'}.txt", _all_of(stage, names, command)
    helps = [shown(f"{name} --help", stage.run(*name.split(), "--help")) for name in ("history", *OLD_NAMES)]
    yield "commands/old-names.txt", "\n".join(helps)


def _all_of(stage: Stage, names: Mapping[str, str], command: Command) -> str:
    texts = [shown(f"{command.path} --help", stage.run(*command.path.split(), "--help"))]
    for entry in COMMANDS[command.path]:
        example = Example(entry) if isinstance(entry, str) else entry
        words, given_words = f"{command.path} {example.words}".strip(), filled(example.words, names)
        standard_input = filled(example.standard_input, names)
        # What is stopped when it has written something writes something else with --json, and has an example for that.
        kinds = ("", " --json") if "--json" in command.options and example.until is None else ("",)
        for kind in kinds:
            arguments = shlex.split(f"{command.path} {given_words}{kind}")
            more = {name: filled(value, names) for name, value in example.environ.items()}
            ran = stage.run(*arguments, standard_input=standard_input, until=example.until, more=more)
            texts.append(shown(words + kind, ran))
    return "\n".join(texts)


def shown(words: str, ran: Ran) -> str:
    """A run as text; JSON over several lines, so that a difference is a line."""
    parts = [f"$ skywrite {words}", f"exit {ran.code}"]
    parts += [f"-- {name}\n{pretty(text)}" for name, text in (("output", ran.out), ("errors", ran.err)) if text]
    parts += [f"-- {name}\n{text}" for name, text in (("network", ran.network), ("files", ran.files)) if text]
    return "\n".join(parts) + "\n"


def pretty(text: str) -> str:
    """JSON over several lines; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    except ValueError:
        return text.rstrip("\n")


def filled(text: str, names: Mapping[str, str]) -> str:
    """A text of an example, with what the names stand for. Raises Missing."""

    def named(match: re.Match[str]) -> str:
        if match[1] not in names:
            raise Missing(f"Nothing in the filled database is called {match[1]!r}.")
        return names[match[1]]

    return re.sub(r"%([a-z][a-z0-9-]*)%", named, text)
