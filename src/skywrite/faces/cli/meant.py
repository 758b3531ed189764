"""What was meant by a command line that is wrong: a whole command where that can be said.

What lives here: commands, options and words that other programs have, and what does the same here. What does not: the
names of commands (`names`), what is wrong (`all_words`, `words`, click).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType

import click

from skywrite.core.digits import row_number
from skywrite.core.errors import InputError
from skywrite.faces.cli.given import LeftOver, see_help, shell_words
from skywrite.faces.cli.lone import is_time
from skywrite.faces.cli.names import (
    NOT_HERE,
    OLD_NAMES,
    OTHER_COMMANDS,
    OTHER_LINES,
    OTHER_VERBS,
    all_commands,
    current_words,
    home_of,
)
from skywrite.faces.cli.options import is_link
from skywrite.faces.cli.words import is_file, option_for

CLOSE = 0.7
# What copied lines begin with.
_COPIED = ("skywrite", "$", ">", "script/skywrite")
_ASKED = "Leave it out: Skywrite asks for it. A program pipes it in: --app-password-stdin"
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
    "--in": "--at",
    "--after": "--at",
    "--at-time": "--at",
    "--timezone": "--zone",
    "--tz": "--zone",
    "--url": "--card",
    "--media": "--image",
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
    "--as": "--account",
    "--later": "--at",
    "--delay": "--at",
    "--user": "--account",
    "--handle": "--account",
    "--password": "--app-password-stdin",
    "--server": "--pds",
    "--format": "--json",
    "--scopes": "--scope",
    "--dry-run": "--check",
    "--preview": "--dry-run",
    "--test": "--dry-run",
    "--simulate": "--dry-run",
    "-n": "--dry-run",
}
# What people write as options for what a command takes as it is, by the names of these arguments.
ARGUMENT_WORDS = {
    "when": ("--when", "--at", "--time", "--date", "--to", "--on"),
    "text": ("--text", "--message", "--body", "--content", "--status", "-m"),
    "target": ("--target", "--id", "--post", "--url", "--uri", "--link"),
    "file": ("--file", "--path", "--input", "-f"),
    "folder": ("--folder", "--path", "--dir", "--directory"),
    "handle": ("--handle", "--account", "--user", "--username", "-u"),
    "url": ("--url", "--feed", "--address"),
    "feed": ("--feed", "--id"),
    "slots": ("--slots", "--set"),
    "command": ("--command", "--cmd", "-c"),
    "numbers": ("--id", "--ids", "--post", "--number"),
    "targets": ("--id", "--ids", "--post", "--number"),
}


def wrong_usage(error: click.ClickException, context: click.Context, all_words: Sequence[str]) -> tuple[str, str]:
    """The sentence and the hint for a command line that click refused: `all_words` is all of it."""
    hint = see_help(context)
    if isinstance(error, click.NoSuchOption):
        name = error.option_name.partition("=")[0]
        if known := _unknown_option(name, context, all_words):
            return known
        name = next((word for word in _unknown(all_words, context) if word not in _taken_as_it_is(context)), name)
        return _with_meant(f"There is no option {name}.", _options(name, context, all_words)), hint
    if isinstance(error, click.exceptions.NoSuchCommand) and isinstance(context.command, click.Group):
        elsewhere = NOT_HERE.get(error.command_name.lower(), "") if context.parent is None else ""
        return unknown_command(error.command_name, context, all_words), elsewhere or hint
    if isinstance(error, LeftOver) and context.command_path == "skywrite login":
        return "A password does not go on the command line: the shell would keep it.", _ASKED
    words = all_words if isinstance(error, click.BadParameter) else []
    if isinstance(error, LeftOver):
        words = [error.word, "*"]
    return _with_meant(error.format_message(), _lines(context, words, all_words)), hint


def unknown_command(name: str, context: click.Context, all_words: Sequence[str]) -> str:
    """The sentence for a command that a group does not have, with those that were meant."""
    typed = name.lower()
    if context.parent is None and typed not in OTHER_COMMANDS and (whole := _whole_lines(name, all_words)):
        return _with_meant(f"There is no command {name!r}.", whole)
    from difflib import get_close_matches

    group = context.command
    assert isinstance(group, click.Group)
    at_top = context.parent is None
    known = [*all_commands(), *OLD_NAMES] if at_top else group.list_commands(context)
    other: Mapping[str, Sequence[str]] = OTHER_COMMANDS if at_top else MappingProxyType({})
    path = "skywrite" if at_top else context.command_path
    lines = [_filled(line, all_words) for line in other.get(typed, ())] or _lines(context, [name], all_words)
    if not lines and not (at_top and typed in NOT_HERE):
        verbs = [verb for verb in known if not at_top and typed in OTHER_VERBS.get(verb, ())]
        begun = [command for command in known if typed and command.startswith(typed)][:2]
        suggestions = verbs or begun or get_close_matches(typed, known, n=2, cutoff=CLOSE)
        lines = [f"{path} {OLD_NAMES.get(command, command) if at_top else command}" for command in suggestions]
    return _with_meant(f"There is no command {name!r}.", lines)


def _with_meant(message: str, meant: Sequence[str]) -> str:
    alike = dict.fromkeys(meant)
    return f"{message} Did you mean {' or '.join(alike)}?" if alike else message


def _whole_lines(name: str, all_words: Sequence[str]) -> list[str]:
    """The lines that were meant by a first word that is no name of a command: a copied line, which begins with the
    name of the program or of another one, or only a text, a link, an account, a file, a time or a number.
    """
    rest = all_words[next((place for place, word in enumerate(all_words) if word not in _COPIED), len(all_words)) :]
    if name in _COPIED:
        return [f"skywrite {shell_words(list(rest))}"]
    if rest[:1] == [name] and home_of(current_words(rest[1:2] or [""])[0]):
        return [f"skywrite {shell_words(list(rest[1:]))}"]
    if is_time(words := " ".join(rest)) and (time := _whole_time(words)):
        return [f"skywrite {shell_words(['schedule', 'Hello', '--at', time])}"]
    return [f"skywrite {shell_words(line)}" for line in _lone_lines(name.strip())]


def _whole_time(words: str) -> str:
    """These words as a time that can be pasted, with an hour if they have none; nothing if they say no time."""
    from skywrite.posting.schedule.times import local_zone, parse_time

    for time in (words, f"{words} 9:00"):
        with suppress(InputError):
            parse_time(time, now=datetime.now(UTC), zone=local_zone())
            return time
    return ""


def _lone_lines(word: str) -> list[list[str]]:
    """What a command line may be that consists of this word."""
    if re.match(r"https://bsky\.app/profile/[^/]+/|at://", word):
        return [["show", word], ["post", "Hello", "--quote", word]]
    if re.match(r"https?://", word):
        return [["post", "Hello", "--card", word], ["feeds", "add", word]]
    if row_number(word.removeprefix("#")):
        return [["show", word.removeprefix("#")]]
    if (path := Path(word)).suffix.lower() in (".csv", ".jsonl", ".ods", ".tsv", ".xlsx"):
        return [["import", word]]
    if path.suffix and is_file(word):
        option = option_for(path)
        return [["post", *(["Hello"] if option != "--file" else []), option, word]]
    if re.fullmatch(r"(?a)@?[\w-]+(\.[\w-]+)+", word):
        return [["login", word.removeprefix("@")], ["accounts", "show", word.removeprefix("@")]]
    if is_time(word) and (time := _whole_time(word)):
        return [["schedule", "Hello", "--at", time]]
    return [["post", word]] if " " in word else []


def _lines(context: click.Context, words: Sequence[str], all_words: Sequence[str]) -> list[str]:
    """The commands that do what one of these words is meant to do."""
    path = context.command_path.partition(" ")[2]
    if any("--post" in _argument_words(name) for name in _arguments(context)) and (without := _without_noun(all_words)):
        return [f"skywrite {shell_words(without)}"]
    for word in words:
        if path in ("cancel", "edit", "move", "hold", "retry") and is_link(word):
            return [f"skywrite {shell_words([verb, word])}" for verb in ("show", "delete")]
        name = word.partition("=")[0].lower()
        shown = "12" if name.isdecimal() else "1-3" if re.fullmatch(r"[0-9]+[-,][0-9]+", name) else name
        if lines := OTHER_LINES.get(f"{path} {shown}"):
            return [_filled(line, all_words) for line in lines]
    return []


def _without_noun(words: Sequence[str]) -> list[str]:
    """The words of `cancel post 4` without what the number is of; nothing if they are others."""
    for place, word in enumerate(words[1:-1], 1):
        if word.lower() in ("post", "posts", "id", "number") and row_number(words[place + 1].partition("-")[0]):
            return [*words[:place], *words[place + 1 :]]
    return []


def _filled(line: str, all_words: Sequence[str]) -> str:
    """A line of the tables, with the number and the handle that were given in place of the examples."""
    number = next((word for word in all_words if word.isdecimal()), "12")
    handle = next((word for word in all_words if re.fullmatch(r"(?a)@?[\w-]+(\.[\w-]+)+", word)), "alice.bsky.social")
    return f"skywrite {line}".rstrip().replace("12", number).replace("alice.bsky.social", handle)


def _options(name: str, context: click.Context, all_words: Sequence[str]) -> list[str]:
    """The options, or whole commands, that an option which does not exist was meant to be."""
    from difflib import get_close_matches

    if lines := _lines(context, [name], all_words):
        return lines
    earlier = next((word for word in all_words if re.fullmatch(r"(?a)-\d+[a-z]+", word)), "")
    if earlier.startswith(name) and context.command_path == "skywrite move":
        number = next((word for word in all_words if word.isdecimal()), "12")
        return [f"skywrite shift {number} --by {earlier}"]
    known = list(dict.fromkeys(_names(context.command)))
    if "--without" in known and name.startswith("--no-"):
        from skywrite.posting.compose.draft import FIELDS

        field = name.removeprefix("--no-").replace("-", "_")
        if named := next((one for one in (f"{field}s", field) if one in FIELDS), ""):
            return [f"--without {named}"]
    other = OTHER_WORDS.get(name.lower())
    if other in known:
        return [other]
    # The dashes make other names alike, too; they count where nearly all of a short name is there.
    bare = {one.lstrip("-"): one for one in known}
    near = [bare[one] for one in get_close_matches(name.lstrip("-"), bare, n=2)]
    return near or get_close_matches(name, known, n=1, cutoff=0.75)


def _unknown_option(name: str, context: click.Context, all_words: Sequence[str]) -> tuple[str, str] | None:
    """The answer to an option whose value needs none, or that stands before the command whose it is."""
    message = f"There is no option {name}."
    if name in _taken_as_it_is(context):
        rest = [word.removeprefix(f"{name}=") for word in all_words if word != name]
        if any(_unknown(rest, context)):
            return None
        return message, f"Its value needs no option: skywrite {shell_words(rest)}"
    place = next((place for place, word in enumerate(all_words) if word in all_commands()), 0)
    if context.parent is None and place and isinstance(context.command, click.Group):
        command = context.command.get_command(context, all_words[place])
        if command is not None and name in _names(command):
            rest = [all_words[place], *all_words[place + 1 :], *all_words[:place]]
            return message, f"It comes after the command: skywrite {shell_words(rest)}"
    return None


def _arguments(context: click.Context) -> list[str]:
    return [param.name or "" for param in context.command.params if isinstance(param, click.Argument)]


def _taken_as_it_is(context: click.Context) -> list[str]:
    """The options that people write for what this command takes without one."""
    return [word for argument in _arguments(context) for word in _argument_words(argument)]


def _unknown(words: Sequence[str], context: click.Context) -> Iterator[str]:
    """The long options among these words that the command does not have."""
    known = {name for option in context.command.params for name in (*option.opts, *option.secondary_opts)}
    for word in takewhile(lambda word: word != "--", words):
        name = word.partition("=")[0]
        if re.fullmatch(r"--[a-z][a-z-]*", name) and name not in known | {"--help"}:
            yield name


def _argument_words(argument: str) -> Sequence[str]:
    return ("--id", "--number", "--post") if argument.endswith("_id") else ARGUMENT_WORDS.get(argument, ())


def _names(command: click.Command) -> Iterator[str]:
    yield "--help"
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            yield from (name for name in (*option.opts, *option.secondary_opts) if name.startswith("--"))
