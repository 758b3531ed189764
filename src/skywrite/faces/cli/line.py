"""A command line as it was typed: its words and options, and the whole commands that hints show.

What lives here: the values. What does not: reading them from what was given, and what is wrong with them (`words`,
`lone`).
"""

from __future__ import annotations

from typing import NamedTuple

import click

from skywrite.faces.cli.given import shell_words

# Commands that change a text, and those of the same group that change a time.
_MOVING = {"edit": "move", "answer": "snooze"}


class Word(NamedTuple):
    """A word that belongs to no option, and its place; `option` is the one whose value is right before it."""

    text: str
    place: int
    option: click.Option | None


class Line(NamedTuple):
    """A command line: all that was given after the command, the words that belong to no option, and the options.

    `ended`: whether `--` says that the rest are texts. `known`: the options that the command has, by their names.
    """

    command: str
    args: list[str]
    words: list[Word]
    options: list[click.Option]
    ended: bool
    known: dict[str, click.Option]

    def whole(self, args: list[str]) -> str:
        """The command with these arguments, to paste."""
        return f"{self.command} {shell_words(args)}"

    def with_text(self, text: str) -> str:
        """The command with this text in place of all words."""
        places = {word.place for word in self.words}
        rest = [arg for place, arg in enumerate(self.args) if place not in places and arg != "--"]
        return self.whole([text, *rest] if is_text(text) else [*rest, "--", text])

    def at_time(self, number: str, when: str) -> str:
        """The command that moves what has this number to a time."""
        before, _, verb = self.command.rpartition(" ")
        return f"{before} {_MOVING.get(verb, verb)} {shell_words([number, when])}"

    def ending_options(self) -> str:
        """The command that takes each word as it is."""
        places = {word.place for word in self.words}
        rest = [arg for place, arg in enumerate(self.args) if place not in places]
        return self.whole([*rest, "--", *(word.text for word in self.words)])


def is_text(word: str) -> bool:
    """Whether a word is taken for a text, and not for an option."""
    return word == "-" or not word.startswith("-")
