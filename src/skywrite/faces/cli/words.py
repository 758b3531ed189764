"""Stray words on the command line.

What lives here: a command that refuses them, and shows the whole command as it was meant. A shell turns `--image *.jpg`
into one value and many words, and `--at noon friday` into a value and a word; without this check those words would be
posted in public. What does not: empty values and unknown options (`given`).
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.given import is_option, shell_words
from skywrite.faces.cli.line import Line, Word
from skywrite.faces.cli.lone import (
    check_dash_is_alone,
    check_is_a_text,
    check_no_deed_beside_number,
    check_no_option_in_text,
    check_no_time_beside_number,
    check_one_number,
)

_FILES = ("images", "video")
_DESCRIPTIONS = ("alts",)


class OneTextCommand(click.Command):
    """A command with one TEXT; anything left over is an error that names the option before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        line = read_line(self, ctx, args)
        check_one_text(line)
        check_no_option_in_text(line)
        check_is_a_text(line)
        check_line_breaks(line)
        check_no_file_name(line, self)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What follows the command's name: one TEXT."""
        return [piece.replace("[TEXT]...", "[TEXT]") for piece in super().collect_usage_pieces(ctx)]


class ManyTextsCommand(click.Command):
    """A command with several adjacent TEXTs, after a number if `numbered`; a word after an option is an error."""

    numbered = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        line = read_line(self, ctx, args)
        check_together(line)
        check_dash_is_alone(line, line.words[self.numbered :])
        check_no_option_in_text(line)
        check_line_breaks(line)
        check_no_file_name(line, self)
        return super().parse_args(ctx, args)


class EditCommand(ManyTextsCommand):
    """A command with the number of a post and TEXTs: another number is an error."""

    numbered = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        line = read_line(self, ctx, list(args))
        check_one_number(line)
        check_no_time_beside_number(line)
        check_no_deed_beside_number(line, None if ctx.parent is None else ctx.parent.command)
        return super().parse_args(ctx, args)


class NumberAndTextCommand(click.Command):
    """A command with a number and a TEXT, wherever they stand; the name of a file is an error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        line = read_line(self, ctx, list(args))
        check_no_time_beside_number(line)
        check_no_deed_beside_number(line, None if ctx.parent is None else ctx.parent.command)
        check_no_option_in_text(line)
        check_line_breaks(line)
        check_no_file_name(line, self)
        return super().parse_args(ctx, args)


class ThreadCommand(ManyTextsCommand):
    """A command in which each TEXT is a post: a sentence without quotes is an error, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        line = read_line(self, ctx, list(args))
        check_together(line)
        check_no_sentence(line)
        check_no_option_in_text(line)
        check_is_a_text(line)
        check_line_breaks(line)
        return super().parse_args(ctx, args)


def read_line(command: click.Command, ctx: click.Context, args: list[str]) -> Line:
    """A command line. Raises NoSuchOption for an option that the command does not have: it is no text."""
    known = {name: param for param in command.params if isinstance(param, click.Option) for name in param.opts}
    known |= dict(_others(command, ctx))
    words: list[Word] = []
    options: list[click.Option] = []
    ended = False
    place = 0
    before: click.Option | None = None
    while place < len(args):
        arg = args[place]
        option = None if ended else known.get(arg.partition("=")[0]) or _cluster(known, arg)
        if arg == "--" and not ended:
            ended = True
        elif option is not None:
            options.append(option)
            takes_value = not (option.is_flag or option.count)
            place += takes_value and "=" not in arg and arg in known
            before = option if takes_value else None
        elif not ended and is_option(arg):
            raise click.NoSuchOption(arg, ctx=ctx)
        elif not ended and arg.startswith("-") and arg != "-":
            raise _dashed(Line(ctx.command_path, args, words, options, ended, known), arg, place)
        else:
            words.append(Word(arg, place, before))
            before = None
        place += 1
    return Line(ctx.command_path, args, words, options, ended, known)


def _others(command: click.Command, ctx: click.Context) -> list[tuple[str, click.Option]]:
    """The options that click adds itself."""
    help_option = command.get_help_option(ctx)
    return [] if help_option is None else [(name, help_option) for name in help_option.opts]


def _cluster(known: dict[str, click.Option], arg: str) -> click.Option | None:
    """The flag that a word like `-qh` begins with."""
    return known.get(arg[:2]) if re.fullmatch(r"-[a-z]+", arg) else None


def check_one_text(line: Line) -> None:
    """Raise InputError if there is more than one word, or if the only one looks like another file."""
    words = line.words
    if len(words) > 1:
        stray = next((word for word in words if word.option), words[1])
        if stray.option:
            raise _after_option(line, stray, is_one=True)
        quoted = line.with_text(" ".join(word.text for word in words))
        meant = _meant(line)
        hint = (
            f"Put the text into quotes: {quoted}" if meant is None else f"{meant}. If all of it is the text: {quoted}"
        )
        raise InputError(f"One TEXT is posted, and {len(words)} words are given.", code="word.stray", hint=hint)
    if words and words[0].option and words[0].option.name in _FILES and is_file(words[0].text):
        raise _after_option(line, words[0], is_one=True)


def _meant(line: Line) -> str | None:
    """What words beside a text are rather than a text: something to do, options, files or a time. With the command."""
    if (deed := _with_deed(line)) is not None:
        return f"If you want that done: {deed}"
    if (suggestion := _with_options(line)) is not None:
        return f"If you mean the option: {suggestion}"
    if (attached := _with_files(line)) is not None:
        return f"If you mean the file: {attached}"
    if (timed := _with_time(line)) is not None:
        return f"If that is its time: {timed}"
    return None


def _with_deed(line: Line) -> str | None:
    """Another command with the numbers of posts, if that is all."""
    from skywrite.faces.cli.names import OLD_NAMES, all_commands

    name, *numbers = [word.text for word in line.words]
    is_deed = name in {*all_commands(), *OLD_NAMES} and not line.options
    return f"skywrite {shell_words([name, *numbers])}" if is_deed and all(map(str.isdecimal, numbers)) else None


def _with_options(line: Line) -> str | None:
    """The command with `at=9:00` as `--at 9:00`, and without the `--` that makes texts of options."""
    if line.ended:
        without = [arg for arg in line.args if arg != "--"]
        return line.whole(without) if any(word.text in line.known for word in line.words) else None
    args, count = list(line.args), 0
    for word in reversed(line.words[1:]):
        named = re.fullmatch(r"(?s)/?([a-z][a-z_-]*)(?:[=:](.+))?", word.text)
        name = f"--{named[1].replace('_', '-')}" if named else ""
        if not named or name not in line.known or not (named[2] or word.text.startswith("/")):
            continue
        if line.known[name].is_flag != bool(named[2]):
            args[word.place : word.place + 1] = [name, named[2]] if named[2] else [name]
            count += 1
    return line.whole(args) if count == len(line.words) - 1 else None


def _with_files(line: Line) -> str | None:
    """The command with the files beside its text attached."""
    args = list(line.args)
    for word in reversed(line.words[1:]):
        option = option_for(Path(word.text)) if is_file(word.text) else "--file"
        if option == "--file" or option not in line.known:
            return None
        args[word.place : word.place + 1] = [option, word.text]
    return line.whole(args)


def check_together(line: Line) -> None:
    """Raise InputError for a word that is separated from the first texts by an option."""
    for word in line.words[1:]:
        if word.option:
            raise _after_option(line, word)


def check_no_sentence(line: Line) -> None:
    """Raise InputError for words that are a sentence without quotes: one after the other, and the later one small."""
    pairs = zip(line.words, line.words[1:], strict=False)
    if line.ended or not any(_is_word(first.text) and _goes_on(later.text) for first, later in pairs):
        return
    text = " ".join(word.text for word in line.words)
    hint = f"Put each post into quotes: {line.with_text(text)}. If each word is a post: {line.ending_options()}"
    raise InputError(f"Each TEXT is a post, and {len(line.words)} words are given.", code="word.stray", hint=hint)


def check_line_breaks(line: Line) -> None:
    """Raise InputError for a backslash and an n, which a shell does not make a line break."""
    places = _places_of_texts(line)
    if line.ended or not any("\\n" in line.args[place] for place in places):
        return
    words = [_with_breaks(arg) if place in places else shell_words([arg]) for place, arg in enumerate(line.args)]
    meant = " ".join([line.command, *words])
    hint = f"If it is a line break, in bash and zsh: {meant}. To post it as it stands: {line.ending_options()}"
    raise InputError(r"A shell does not make a line break of \n. Nothing was posted.", code="word.stray", hint=hint)


def _places_of_texts(line: Line) -> set[int]:
    """Where the texts stand, and the descriptions of images."""
    places = {word.place for word in line.words}
    for place, arg in enumerate(line.args):
        option = line.known.get(arg.partition("=")[0])
        if option is not None and option.name in _DESCRIPTIONS:
            places.add(place if "=" in arg else place + 1)
    return places & set(range(len(line.args)))


def _with_breaks(word: str) -> str:
    """A word as bash and zsh read it where its backslashes before an n are line breaks."""
    if "\\n" not in word:
        return shell_words([word])
    kept = word.replace("\\", "\\\\").replace("\\\\n", "\\n").replace("'", "\\'")
    return f"$'{kept}'"


def check_no_file_name(line: Line, command: click.Command) -> None:
    """Raise InputError for a text that is the name of a file: what is in the file is meant. A number is a post's."""
    words = [word for word in line.words if word.text != "-" and not word.text.isdecimal()]
    file_word = next((word for word in words if is_file(_file_name(word))), None)
    if line.ended or file_word is None:
        return
    option = option_for(Path(_file_name(file_word)))
    hint = f"To post its name: {line.ending_options()}"
    if any(option in param.opts for param in command.params):
        rest = [*line.args[: file_word.place], *line.args[file_word.place + 1 :]]
        hint = f"If you mean the file: {line.whole([*rest, option, _file_name(file_word)])}. {hint}"
    raise InputError(f"{file_word.text!r} is the name of a file. Nothing was posted.", code="word.stray", hint=hint)


def _file_name(word: Word) -> str:
    """A word as the name of a file: with an @ before it, as curl has it, if there is no such file."""
    return word.text if is_file(word.text) else word.text.removeprefix("@")


def option_for(path: Path) -> str:
    """The option that takes a file of this kind."""
    from skywrite.protocol.media.sniff import HEAD_BYTES, IMAGES, VIDEOS, sniff

    try:
        with path.open("rb") as file:
            kind = sniff(file.read(HEAD_BYTES))
    except OSError:
        kind = ""
    return "--image" if kind in IMAGES else "--video" if kind in VIDEOS else "--file"


def _with_time(line: Line) -> str | None:
    """The command with its last words as the time, if they are one."""
    from datetime import UTC

    from skywrite.core.clock import SYSTEM_CLOCK
    from skywrite.core.errors import SkywriteError
    from skywrite.posting.schedule.times import parse_time

    if any("--at" in option.opts for option in line.options):
        return None
    words = [word.text for word in line.words]
    for first in range(1, len(words)):
        begin = first + (words[first].lower() in ("at", "on"))
        when = " ".join(words[begin:])
        try:
            parse_time(when, now=SYSTEM_CLOCK.now(), zone=str(UTC))
        except SkywriteError:
            continue
        places = {word.place for word in line.words}
        rest = [arg for place, arg in enumerate(line.args) if place not in places]
        return line.whole([" ".join(words[:first]), *rest, "--at", when])
    return None


def _is_word(text: str) -> bool:
    return bool(text) and not re.search(r"\s", text)


def _goes_on(text: str) -> bool:
    return _is_word(text) and text[0].islower()


def _dashed(line: Line, arg: str, place: int) -> InputError:
    """A text that begins with a dash, which a shell cannot tell from an option."""
    rest = [*line.args[:place], *line.args[place + 1 :]]
    name, colon, value = arg.partition(":")
    if colon and value and name in line.known:
        meant = line.whole([*line.args[:place], name, value, *line.args[place + 1 :]])
        return InputError(f"There is no option {name}:", code="word.stray", hint=f"A space comes after it: {meant}")
    hint = f"A text that begins with a dash comes last, after --: {line.whole([*rest, '--', arg])}"
    return InputError(f"{arg[:40]!r} begins with a dash, as options do.", code="word.stray", hint=hint)


def _after_option(line: Line, word: Word, *, is_one: bool = False) -> InputError:
    """The error for a word that the value before it belongs to, with the command as it was meant."""
    assert word.option is not None
    name, value = word.option.opts[0], line.args[word.place - 1]
    before = line.args[: word.place - 1]
    if "=" in value and not (before and before[-1] in word.option.opts):
        before, value = [*before, name], value.partition("=")[2]
    last = _last_stray(line, word)
    between = line.args[word.place : last + 1]
    after = line.args[last + 1 :]
    files = _as_files([value, *between]) if word.option.name in _FILES else []
    if files and is_file(value) and not any(is_file(text) or Path(text).suffix for text in between):
        first = max((one.place + 1 for one in line.words if one.place < word.place), default=0)
        apart = line.whole([*before[:first], *between, *before[first:], value, *after])
        meant = line.with_text(" ".join(one.text for one in line.words)) if is_one else apart
        hint = f"Put texts before the options: {meant}"
    elif any(is_file(file) for file in files):
        named = [piece for file in files for piece in (name, file)][1:]
        hint = f"Put names with spaces into quotes: {line.whole([*before, *named, *after])}"
    elif word.option.multiple:
        repeated = [piece for text in between for piece in (name, text)]
        hint = f"Repeat the option for each: {line.whole([*before, value, *repeated, *after])}"
    else:
        whole = " ".join(piece for piece in (value, *between) if piece not in ("", "=", ":"))
        hint = f"Put its value into quotes: {line.whole([*before, whole, *after])}"
    return InputError(f"{word.text!r} is left over: {name} takes one value, {value!r}.", code="word.stray", hint=hint)


def _last_stray(line: Line, word: Word) -> int:
    """The place of the last word in a row with this one that belongs to the option before it.

    If no text comes before the option, the last word of several is the text.
    """
    places = [other.place for other in line.words]
    last = word.place
    while last + 1 in places:
        last += 1
    has_text = places[0] < word.place or any(place > last for place in places)
    return last if has_text or last == word.place else last - 1


def _as_files(words: list[str]) -> list[str]:
    """Words as the names of files that are there, the longest first; what is no file stays a word."""
    names: list[str] = []
    while words:
        ends = range(len(words), 0, -1)
        count = next((end for end in ends if is_file(" ".join(words[:end]))), 1)
        names.append(" ".join(words[:count]))
        words = words[count:]
    return names


def is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
