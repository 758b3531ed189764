"""What every command checks of the values and options that it is given, and words as one types them in a shell.

What lives here: an empty value is refused, and an option that is given twice, and words that are left over. What does
not: what was meant instead (`meant`), stray words beside a text (`words`), what each option may say (its command).
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import click

from skywrite.core.errors import InputError
from skywrite.core.files import local_name
from skywrite.faces.cli.names import Noun

# What says something when it is empty: no description, no note; and texts and times, whose own errors say more.
EMPTY_SAYS_SOMETHING = ("alts", "note", "text", "texts", "slots", "when")
# `re` compiles a pattern on first use, so importing this module compiles none.
# Options whose value may be a single word between quotation marks.
_SAYS_ANYTHING = ("--alt", "--note")
_OPENING, _CLOSING = tuple("“„«‘‚”"), tuple("”“»’‘")
_OPTION = r"(?s)--?[A-Za-z][A-Za-z0-9-]*(=.*)?"
# What word processors, phones and web pages make of two hyphens.
_LONG_DASHES = "‐‑‒–—―−"
_PLAIN = r"(?a)[\w@%+=:,./-]+"
# What web pages put in the place of a space, and what stands beside words unseen.
_HARD_SPACES = "\u00a0\u2007\u202f"
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"


class EmptyResets(click.Command):
    """A command in which an empty value takes an option back to its default. What it changes is still named."""


class LeftOver(click.UsageError):
    """A word that nothing takes."""

    def __init__(self, word: str, context: click.Context) -> None:
        super().__init__(f"{word!r} is left over. What belongs together stands in quotes.", context)
        self.word = word


class FilePath(click.Path):
    """A path; an empty one is refused, because Python takes it for the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not value.strip() and param is not None:
            raise _is_empty(param)
        return super().convert(local_name(value) if isinstance(value, str) else value, param, ctx)


class OutputPath(FilePath):
    """A file to write; `-` is standard output, which is None."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return None if value == "-" else super().convert(value, param, ctx)


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

    Raises InputError for an option that takes one value and has two, in the command or in the groups before it, for one
    that stands where a value is missing, or has a long dash, and click.UsageError for words that are left over. What
    cannot be parsed is left to the command itself, which may have more to say about it.
    """
    command, context, rest = root, click.Context(root, info_name=name, **root.context_settings), list(words)
    while True:
        rest = command.with_list(rest) if isinstance(command, Noun) else rest
        if not isinstance(command, click.Group):
            _refuse_mistaken(command, context, rest)
        try:
            _, rest, parameters = command.make_parser(context).parse_args(rest)
        except click.UsageError:
            return context
        if any(option.name == "help" for option in parameters):
            return context
        _refuse_twice(parameters, context)
        if not rest:
            return context
        if not isinstance(command, click.Group):
            raise LeftOver(rest[0], context)
        command_name, inner, rest = command.resolve_command(context, rest)
        if inner is None:
            return context
        command, context = inner, click.Context(inner, info_name=command_name, parent=context, **inner.context_settings)


def refuse_typographic_quotes(words: Sequence[str]) -> None:
    """Raise InputError for words between quotation marks that mean nothing to a shell, as other programs print them.

    A value with spaces in it stood between the shell's own: it may be what somebody said. So may a description.
    """
    kept = list(words[: words.index("--")]) if "--" in words else list(words)
    meant, place, quotation = [], 0, ""
    while place < len(kept):
        option, value = _parted(kept[place])
        last = next((end for end in range(place, len(kept)) if kept[end].endswith(_CLOSING)), None)
        says = option or (kept[place - 1] if place else "")
        if (
            not value.startswith(_OPENING)
            or last is None
            or says.rstrip("=") in _SAYS_ANYTHING
            or re.search(r"\s", "".join(kept[place : last + 1]))
        ):
            meant.append(kept[place])
            place += 1
            continue
        whole = " ".join([value, *kept[place + 1 : last + 1]])
        quotation = quotation or whole
        meant.append(option + whole[1:-1].strip())
        place = last + 1
    if quotation:
        command = f"skywrite {shell_words([*meant, *words[len(kept) :]])}"
        raise InputError(
            f"A shell does not take the quotation marks of {quotation[:60]} for its own, so nothing was done.",
            code="word.stray",
            hint=f"Use straight ones: {command}. A text that is to have these marks comes last, after --",
        )


def _parted(word: str) -> tuple[str, str]:
    """An option with its equals sign, and its value; nothing and the word, if it is no option."""
    name, equals, value = word.partition("=")
    return (f"{name}=", value) if equals and name.startswith("-") else ("", word)


def _refuse_mistaken(command: click.Command, context: click.Context, words: Sequence[str]) -> None:
    """Raise InputError for an option that is taken for a value, and for a word that is an option but for its spelling.

    An empty variable of a shell leaves its option without a value: `--key $KEY --dry-run` would post, with the key
    "--dry-run".
    """
    known = {name: option for option in command.get_params(context) for name in option.opts if name.startswith("-")}
    meant: list[str] = []
    place, mistake = 0, ""
    while place < len(words) and words[place] != "--":
        word = words[place]
        option = known.get(word)
        takes_value = isinstance(option, click.Option) and not (option.is_flag or option.count)
        if takes_value and words[place + 1 : place + 2] and words[place + 1].partition("=")[0] in known:
            value = words[place + 1]
            raise InputError(
                f"{word} lacks its value: {value!r} is an option. Nothing was done.",
                code="word.stray",
                hint=f"Set a value, or leave it out. If {value} is the value: "
                f"{_line(context, [*words[:place], f'{word}={value}', *words[place + 2 :]])}",
            )
        spelled = _spelled(word, known) if option is None else [word]
        mistake = mistake or ("" if spelled == [word] else word)
        meant += spelled
        if takes_value:
            meant += words[place + 1 : place + 2]
        place += 1 + takes_value
    if mistake:
        line = _line(context, [*meant, *words[place:]])
        how = "begins with a long dash, where options have two hyphens"
        how = how if mistake.startswith(tuple(_LONG_DASHES)) else "holds an option, but not as options are typed"
        raise InputError(
            f"{mistake!r} {how}. Nothing was done.",
            code="word.stray",
            hint=f"If you mean the option: {line}. As a text it comes last, after --",
        )


def _spelled(word: str, known: Collection[str]) -> list[str]:
    """A word as the options of which it consists, which programs have written with other dashes and spaces."""
    if re.match(r"-[A-Za-z]{2}|--[A-Z]", word):
        # `-image`, as other programs have it, is no cluster of one-letter options; `--AT` is no other option.
        name, equals, value = word.partition("=")
        long = f"--{name.lstrip('-').lower()}"
        return [f"{long}{equals}{value}"] if name not in known and long in known else [word]
    pieces = [piece for piece in re.split(f"[{_HARD_SPACES}]", word) if piece]
    meant = [_folded(piece) if _folded(piece).partition("=")[0] in known else piece for piece in pieces]
    return [word] if is_option(word) or not any(piece.partition("=")[0] in known for piece in meant) else meant


def _folded(word: str) -> str:
    """A word with two hyphens before it, and with plain ones in its name."""
    name, equals, value = word.partition("=")
    bare = name.lstrip(f"{_ZERO_WIDTH}{_LONG_DASHES}-")
    if bare == name:
        return word
    return "--" + re.sub(f"[{_LONG_DASHES}_]", "-", bare) + equals + value


def _line(context: click.Context, words: Sequence[str]) -> str:
    """The command with these words, to paste."""

    return f"{context.command_path} {shell_words(list(words))}"


def _refuse_twice(parameters: Sequence[click.Parameter], context: click.Context) -> None:
    for option, count in Counter(parameters).items():
        if isinstance(option, click.Option) and count > 1 and not (option.multiple or option.is_flag or option.count):
            hint = f"Leave all but one out; one may come from an alias of your shell. {see_help(context)}"
            raise InputError(
                f"{option.opts[0]} is given {count} times; it takes one value.", code="option.twice", hint=hint
            )


def is_option(word: str) -> bool:
    """Whether a word looks like an option, and not like a text that begins with a dash."""
    return re.fullmatch(_OPTION, word) is not None


# Reading the file reports whether it exists and is readable.
FILE = FilePath(path_type=Path, readable=False)
OUTPUT = OutputPath(path_type=Path)
FOLDER = FilePath(path_type=Path, file_okay=False)


def shell_words(words: list[str]) -> str:
    """Words as one types them in a shell; in double quotes where these are enough, which every shell reads."""
    return " ".join(_shell_word(word) for word in words)


def _shell_word(word: str) -> str:
    if re.fullmatch(_PLAIN, word):
        return word
    return shlex.quote(word) if re.search(r'["$`!\\\n]', word) or not word else f'"{word}"'
