"""A text that is rather something else: a time, a command, the number of a post, or an option that stands in it.

What lives here: the questions about such texts, each with the command that is meant, and with the one that posts the
text as it is. What does not: words beside a text, and the names of files (`words`).
"""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import TYPE_CHECKING

import click

from skywrite.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skywrite.faces.cli.line import Line, Word

_NUMBER = r"(?a)#?[0-9]{1,6}"
# Options that somebody gives who means a post of the queue by its number, or a time, and not a text.
_OF_THE_QUEUE = {"at", "zone", "late", "account", "accounts", "key", "as_json", "quiet", "as_draft", "next_slot"}
# Words that somebody types who wants to do something, and not to post them.
_DEEDS = ("version", "list", "ls", "status", "send", "rm", "quit", "exit", "q")
_HELP = ("help", "/help", "/?", "?", "hilfe", "aide", "ayuda", "aiuto", "ajuda")
# Commands that take the number of a post and nothing more, and words for sending it at once.
_OF_A_POST = ("approve", "cancel", "delete", "hold", "reject", "release", "retry", "show")
_TO_PUBLISH = ("post", "publish", "send")
_TIME_WORDS_MAX = 5
# Parts of a day: alone they are rather said to others.
_GREETINGS = ("morning", "afternoon", "evening", "night")


def check_is_a_text(line: Line) -> None:
    """Raise InputError if the only word is rather something to do, such as help, or a time."""
    from skywrite.faces.cli.names import OLD_NAMES, all_commands

    if line.ended or not line.words:
        return
    text = line.words[0].text
    are_numbers = all(re.fullmatch(_NUMBER, word.text) for word in line.words)
    if are_numbers and _is_of_the_queue(line):
        number = text.removeprefix("#")
        raise _stray(line, f"If you mean post {number}: skywrite show {number}. To post the number")
    if len(line.words) > 1:
        return
    word = text.lower()
    if word in _HELP:
        raise _stray(line, f"If you want that done: {line.command} --help. To post the word")
    if not line.options and word in {*_DEEDS, *all_commands(), *OLD_NAMES}:
        known = OLD_NAMES.get(word, word if word in all_commands() else "--help")
        raise _stray(line, f"If you want that done: skywrite {known}. To post the word")
    if named := re.fullmatch(r"(?s)(text|message|post)=(.+)", text):
        raise _stray(line, f"If that is the text: {line.with_text(named[2])}. To post all of it")
    if _is_of_the_queue(line) and is_time(text):
        raise _stray(line, f"If that is its time: {_timed(line, text)}. To post the words")


def check_dash_is_alone(line: Line, words: Sequence[Word]) -> None:
    """Raise InputError for `-` beside other texts: it is standard input, and then all of it comes from there."""
    if not line.ended and len(words) > 1 and "-" in {word.text for word in words}:
        hint = (
            f"Let all texts come from there, with lines of --- between them. To post the sign: {line.ending_options()}"
        )
        raise InputError("'-' is standard input, and stands alone. Nothing was posted.", code="word.stray", hint=hint)


def check_one_number(line: Line) -> None:
    """Raise InputError for texts that are numbers, as those of posts are: one post is changed."""
    texts = [word.text for word in line.words[1:]]
    if texts and not line.ended and all(re.fullmatch(_NUMBER, text) for text in texts):
        hint = f"One post is changed at a time. If the number is the text: {line.ending_options()}"
        raise InputError(f"Is {texts[0]!r} the text of a post? Nothing was changed.", code="word.stray", hint=hint)


def check_no_time_beside_number(line: Line) -> None:
    """Raise InputError if the text for what has this number is a time, or a rule."""
    if line.ended or len(line.words) != 2 or not _is_of_the_queue(line):
        return
    number, text = (word.text for word in line.words)
    if not is_time(text):
        return
    meant = line.whole([number, "--every", _english(text)]) if "--every" in line.known else line.at_time(number, text)
    hint = f"If that is its time: {meant}. If that is the text: {line.ending_options()}"
    raise InputError(f"Is {text!r} the text? Nothing was changed.", code="word.stray", hint=hint)


def check_no_deed_beside_number(line: Line, group: click.Command | None) -> None:
    """Raise InputError if the text for what has this number is rather something to do with it: `edit 3 publish`."""
    if line.ended or len(line.words) != 2 or not _is_of_the_queue(line):
        return
    number, text = (word.text for word in line.words)
    meant = _deeds(line, group).get(text.lower())
    if meant is not None:
        hint = f"If you want that done: {meant.replace('12', number)}. If that is the text: {line.ending_options()}"
        raise InputError(f"Is {text!r} the text? Nothing was changed.", code="word.stray", hint=hint)


def _deeds(line: Line, group: click.Command | None) -> dict[str, str]:
    """What is done to something by its number, and the command that does it, with 12 for the number."""
    from skywrite.faces.cli.names import OTHER_COMMANDS

    before = line.command.rpartition(" ")[0]
    if before != "skywrite":
        verbs = group.commands if isinstance(group, click.Group) else ()
        return {verb: f"{before} {verb} 12" for verb in verbs if verb not in ("add", "list", "new")}
    commands = {
        word: lines[0] for word, lines in OTHER_COMMANDS.items() if lines[0] == "undo" or " 12" in lines[0][-3:]
    }
    commands |= {verb: f"{verb} 12" for verb in _OF_A_POST} | dict.fromkeys(_TO_PUBLISH, "move 12 now")
    # A post that can be changed is not published.
    return {word: f"{before} {one.replace('delete', 'cancel')}" for word, one in {**commands, "undo": "undo"}.items()}


def check_no_option_in_text(line: Line) -> None:
    """Raise InputError for a text that ends with options, as unbalanced quotation marks make it; and for an option
    after `--`, which makes a text of it.
    """
    if line.ended and any(word.text in line.known for word in line.words[1:]):
        without = line.whole([arg for arg in line.args if arg != "--"])
        hint = f"If you mean the option: {without}. A text that is an option can come from a file: --file"
        raise InputError("An option after -- is a text. Nothing was done.", code="word.stray", hint=hint)
    if line.ended:
        return
    for word in line.words:
        match = re.match(r"(?s)(.*?\S)\s+(--[a-z].*)", word.text)
        options = _options_in(line, match[2]) if match else []
        if match and options:
            text = match[1].rstrip("'\"") or match[1]
            meant = line.whole([*line.args[: word.place], text, *options, *line.args[word.place + 1 :]])
            hint = f"If you mean the option: {meant}. If all of it is the text: {line.ending_options()}"
            raise InputError(
                f"The text ends with {match[2][:60]!r}, as options are typed. Nothing was posted.",
                code="word.stray",
                hint=hint,
            )


def is_time(text: str) -> bool:
    """Whether a text is a time or a rule, and nothing else. Other words are not read, because reading takes long."""
    words = text.lower().split()
    if not 1 <= len(words) <= _TIME_WORDS_MAX:
        return False
    if not any(map(str.isdigit, text)) and not all(word.rstrip(".!?,") in _words_of_dates() for word in words):
        return False
    from skywrite.posting.schedule.foreign_rules import in_english
    from skywrite.posting.schedule.recurrence import parse_rule
    from skywrite.posting.schedule.times import can_be_read

    if can_be_read(text):
        return True
    try:
        parse_rule(text, zone="UTC")
    except InputError:
        return bool(in_english(text))
    return True


def _english(rule: str) -> str:
    """A rule as `--every` reads it: one in another language in English."""
    from skywrite.posting.schedule.foreign_rules import in_english
    from skywrite.posting.schedule.recurrence import parse_rule

    try:
        parse_rule(rule, zone="UTC")
    except InputError:
        return in_english(rule) or rule
    return rule


def length_in(text: str) -> str:
    """A length of time as `--by` takes it, such as 1h30m for "+ 1 h 30 min" and "two days later"; else nothing."""
    from skywrite.posting.schedule.times import read_parts

    bare = re.sub(r"^\+|\b(later|earlier)$", "", text.strip()).strip()
    try:
        span = read_parts(f"in {bare}", None)[1].span
    except InputError:
        return ""
    if span is None or span.months:
        return ""
    hours, rest = divmod(int(span.seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    units = ((span.days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    length = "".join(f"{amount}{unit}" for amount, unit in units if amount)
    return f"-{length}" if length and text.endswith("earlier") else length


@cache
def _words_of_dates() -> frozenset[str]:
    """The words of dates in all languages, as they stand in the tables."""
    from skywrite.posting.schedule.vocabulary import HOUR_WORDS, SMALL_WORDS, WEEKDAYS

    kinds = [one for kinds in SMALL_WORDS.values() for one in kinds.items() if one[0] not in _GREETINGS]
    lines = [*WEEKDAYS.values(), *(line for _, line in kinds), *HOUR_WORDS]
    return frozenset(word for line in lines for word in line.replace(",", " ").split())


def _is_of_the_queue(line: Line) -> bool:
    return {option.name for option in line.options} <= _OF_THE_QUEUE


def _stray(line: Line, hint: str) -> InputError:
    message = f"Is {line.words[0].text!r} the text of a post? Nothing was posted."
    return InputError(message, code="word.stray", hint=f"{hint}: {line.ending_options()}")


def _timed(line: Line, text: str) -> str:
    """The command with an example of a text, and the given one as its time."""
    from skywrite.posting.schedule.times import can_be_read

    name = "--at" if can_be_read(text) else "--every"
    text = _english(text) if name == "--every" else text
    place = line.words[0].place
    rest = [*line.args[:place], *line.args[place + 1 :]]
    for at, arg in enumerate(rest):
        option = line.known.get(arg.partition("=")[0])
        if option is not None and option.name == "at":
            value = arg.partition("=")[2] if "=" in arg else rest.pop(at + 1)
            return line.whole(["Hello", *rest[:at], name, f"{text} {value}", *rest[at + 1 :]])
    return line.whole(["Hello", *rest, name, text])


def _options_in(line: Line, ending: str) -> list[str]:
    """The end of a text as options with their values; nothing, if it is not only that."""
    try:
        words = shlex.split(ending)
    except ValueError:
        words = ending.replace('"', " ").replace("'", " ").split()
    options: list[list[str]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if name in line.known:
            options.append([name, value] if equals else [name])
        elif options and not word.startswith("--"):
            options[-1].append(word)
        else:
            return []
    pieces: list[str] = []
    for name, *values in options:
        option = line.known[name]
        if bool(values) == bool(option.is_flag or option.count):
            return []
        pieces += [name, " ".join(values)] if values else [name]
    return pieces
