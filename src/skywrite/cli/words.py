"""Stray words on the command line.

What lives here: a command that refuses them. A shell turns `--image *.jpg` into one value and many words, and `--at
noon friday` into a value and a word; without this check those words would be posted in public.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import click

from skywrite.errors import InputError

_FILES = ("images", "video")


class StrayWord(InputError):
    """There is a word besides the text; nothing was sent."""


class GivenTwice(InputError):
    """An option that takes one value was given twice."""


class Word(NamedTuple):
    """A word that belongs to no option; `option` is the one whose value is right before it."""

    text: str
    option: click.Option | None
    value: str


class OneTextCommand(click.Command):
    """A command with one TEXT; anything left over is an error that names the option before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words, options = read_words(self, args)
        check_options(options)
        check_one_text(words, ctx.command_path)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What follows the command's name: one TEXT."""
        return [piece.replace("[TEXT]...", "[TEXT]") for piece in super().collect_usage_pieces(ctx)]


class ManyTextsCommand(click.Command):
    """A command with several adjacent TEXTs; a word after an option is an error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words, options = read_words(self, args)
        check_options(options)
        check_together(words)
        return super().parse_args(ctx, args)


def read_words(command: click.Command, args: list[str]) -> tuple[list[Word], list[click.Option]]:
    """The words of a command line that belong to no option, and all uses of options."""
    known = {name: param for param in command.params if isinstance(param, click.Option) for name in param.opts}
    words: list[Word] = []
    options: list[click.Option] = []
    rest = iter(args)
    before: tuple[click.Option, str] | None = None
    for arg in rest:
        if arg == "--":
            words += [Word(text, None, "") for text in rest]
            break
        option = known.get(arg.partition("=")[0])
        if option is None:
            words.append(Word(arg, before[0] if before else None, before[1] if before else ""))
            before = None
            continue
        options.append(option)
        takes_value = not (option.is_flag or option.count)
        value = arg.partition("=")[2] if "=" in arg else next(rest, "") if takes_value else ""
        before = (option, value) if takes_value else None
    return words, options


def check_options(options: list[click.Option]) -> None:
    """Raise GivenTwice for an option that takes one value and has two."""
    for option, count in Counter(options).items():
        if count > 1 and not (option.multiple or option.is_flag or option.count):
            raise GivenTwice(f"{option.opts[0]} is given {count} times; it takes one value.", hint="Leave one out.")


def check_one_text(words: list[Word], command: str) -> None:
    """Raise StrayWord if there is more than one word, or if the only one looks like another file."""
    if len(words) > 1:
        stray = next((word for word in words if word.option), words[1])
        if stray.option:
            raise _after_option(stray)
        text = " ".join(word.text for word in words)
        hint = f'Put the text into quotes: {command} "{text}"'
        raise StrayWord(f"One TEXT is posted, and {len(words)} words are given.", hint=hint)
    if words and words[0].option and words[0].option.name in _FILES and _is_file(words[0].text):
        raise _after_option(words[0])


def check_together(words: list[Word]) -> None:
    """Raise StrayWord for a word that is separated from the first texts by an option."""
    for word in words[1:]:
        if word.option:
            raise _after_option(word)


def _after_option(word: Word) -> StrayWord:
    assert word.option is not None
    name = word.option.opts[0]
    if word.option.multiple:
        hint = f"Repeat the option for each: {name} {_quoted(word.value)} {name} {_quoted(word.text)}"
    else:
        hint = f'Put its value into quotes: {name} "{word.value} {word.text}"'
    return StrayWord(f"{word.text!r} is left over: {name} takes one value, {word.value!r}.", hint=hint)


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
