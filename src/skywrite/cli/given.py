"""What every command checks of the values and options that it is given.

What lives here: an empty value is refused, and an option that is given twice, and an unknown option names the one that
was meant. What does not: stray words (`words`), and what each option may say (its command).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from skywrite.cli.nouns import Noun
from skywrite.errors import InputError

# What says something when it is empty: no description, no note; and texts and times, whose own errors say more.
EMPTY_SAYS_SOMETHING = ("alts", "note", "text", "texts", "slots", "when")
# What people call our options elsewhere.
OTHER_WORDS = {
    "--schedule": "--at",
    "--scheduled": "--at",
    "--when": "--at",
    "--time": "--at",
    "--date": "--at",
    "--on": "--at",
    "--repeat": "--every",
    "--cron": "--every",
    "--rule": "--every",
    "--slot": "--next-slot",
    "--timezone": "--zone",
    "--tz": "--zone",
    "--photo": "--image",
    "--picture": "--image",
    "--attach": "--image",
    "--alt-text": "--alt",
    "--description": "--alt",
    "--language": "--lang",
    "--hashtag": "--tag",
    "--link": "--card",
    "--reply": "--reply-to",
    "--in-reply-to": "--reply-to",
    "--user": "--account",
    "--handle": "--account",
    "--password": "--app-password-stdin",
    "--server": "--pds",
    "--format": "--json",
}
# `re` compiles a pattern on first use, so importing this module compiles none.
_OPTION = r"(?s)--?[A-Za-z][A-Za-z0-9-]*(=.*)?"


class EmptyResets(click.Command):
    """A command in which an empty value takes an option back to its default. What it changes is still named."""


class FilePath(click.Path):
    """A path; an empty one is refused, because Python takes it for the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not value.strip() and param is not None:
            raise _is_empty(param)
        return super().convert(value, param, ctx)


def refuse_empty(command: click.Command) -> None:
    """Let each option and argument of a command refuse an empty value, unless that says something."""
    for option in command.params:
        if isinstance(command, EmptyResets) and isinstance(option, click.Option):
            continue
        if not getattr(option, "is_flag", False) and option.name not in EMPTY_SAYS_SOMETHING:
            option.callback = _NotEmpty.before(option.callback)


class _NotEmpty:
    """A callback of an option that refuses empty values, and then calls the option's own."""

    def __init__(self, then: Callable[..., Any] | None) -> None:
        self.then = then

    @classmethod
    def before(cls, callback: Callable[..., Any] | None) -> _NotEmpty:
        return callback if isinstance(callback, cls) else cls(callback)

    def __call__(self, context: click.Context, option: click.Parameter, value: Any) -> Any:
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, str) and not item.strip():
                raise _is_empty(option)
        return value if self.then is None else self.then(context, option, value)


def _is_empty(option: click.Parameter) -> InputError:
    name = option.opts[0] if isinstance(option, click.Option) else option.human_readable_name
    what = "Set a value." if option.required else "Set a value, or leave it out."
    return InputError(f"{name} is empty.", hint=f"{what} {see_help(click.get_current_context())}")


def see_help(context: click.Context | None) -> str:
    """Where a command is explained, with its examples."""
    return f"See: {context.command_path if context else 'skywrite'} --help"


def check_options(root: click.Command, name: str, words: Sequence[str]) -> click.Context:
    """The context of the command that is given, for errors of click that do not know theirs.

    Raises InputError for an option that takes one value and has two, in the command or in the groups before it, and
    click.UsageError for words that are left over. What cannot be parsed is left to the command itself, which may have
    more to say about it.
    """
    command, context, rest = root, click.Context(root, info_name=name, **root.context_settings), list(words)
    while True:
        rest = command.with_list(rest) if isinstance(command, Noun) else rest
        try:
            _, rest, given = command.make_parser(context).parse_args(rest)
        except click.UsageError:
            return context
        if any(option.name == "help" for option in given):
            return context
        _refuse_twice(given, context)
        if not rest:
            return context
        if not isinstance(command, click.Group):
            raise click.UsageError(f"{rest[0]!r} is left over. What belongs together stands in quotes.", context)
        found, inner, rest = command.resolve_command(context, rest)
        if inner is None:
            return context
        command, context = inner, click.Context(inner, info_name=found, parent=context, **inner.context_settings)


def _refuse_twice(given: Sequence[click.Parameter], context: click.Context) -> None:
    for option, count in Counter(given).items():
        if isinstance(option, click.Option) and count > 1 and not (option.multiple or option.is_flag or option.count):
            hint = f"Leave all but one out. {see_help(context)}"
            raise InputError(
                f"{option.opts[0]} is given {count} times; it takes one value.", code="option.twice", hint=hint
            )


def unknown_option(given: str, ctx: click.Context | None) -> str:
    """The sentence for an option that a command does not have, with those that were meant."""
    from difflib import get_close_matches

    name = given.partition("=")[0]
    message = f"There is no option {name}."
    if ctx is None:
        return message
    known = list(dict.fromkeys(_names(ctx.command)))
    other = OTHER_WORDS.get(name.lower())
    meant = [other] if other in known else get_close_matches(name, known, n=2)
    return f"{message} Did you mean {' or '.join(meant)}?" if meant else message


def is_option(word: str) -> bool:
    """Whether a word looks like an option, and not like a text that begins with a dash."""
    return re.fullmatch(_OPTION, word) is not None


def _names(command: click.Command) -> Iterator[str]:
    yield "--help"
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            yield from (name for name in (*option.opts, *option.secondary_opts) if name.startswith("--"))


# Reading the file reports whether it exists and is readable.
FILE = FilePath(path_type=Path, readable=False)
FOLDER = FilePath(path_type=Path, file_okay=False)
