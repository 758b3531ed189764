"""Every option, typed wrongly: without its value, twice, misspelt, and with a value that means nothing.

The options come from the command line itself. A new kind of value belongs into `WRONG`, or into `ANYTHING`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress

import click

from skywrite.core.errors import SkywriteError
from tests.cli.test_given import TEXTS
from tests.cli.test_hints import parsed
from tests.cli.walk import commands, long_name, options
from tests.support.shell import Shell, Told

Path = tuple[str, ...]
NOWHERE = "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3k2aaaaaaaa22"
# What makes a command whole: its arguments by their names, and options that it requires.
ARGUMENTS = {
    "address": ["https://me.example"],
    "client": ["https://me.example/client.json"],
    "command": ["true"],
    "file": ["plan.csv"],
    "folder": ["posts"],
    "handle": ["alice.test"],
    "shell": ["bash"],
    "target": [NOWHERE],
    "text": ["Hello"],
    "to": ["me@example.com"],
    "url": ["http://127.0.0.1/"],
    "when": ["tomorrow 9:00"],
}
REQUIRED = {
    "--every": ["daily 9:00"],
    "--kind": ["secret"],
    "--command": ["true"],
    "--template": ["Hello"],
    "--from": ["me@example.com"],
    "--account": ["alice.test"],
    "--name": ["n"],
    "--server": ["localhost"],
    "--until": ["in 2 days"],
    "--except": ["2060-12-25"],
    "--when": ["50 likes"],
}
# What an option goes with, and what it replaces.
WITH = {
    "--caption": ["--video", "sun.png"],
    "--jitter": ["--at", "tomorrow 9:00"],
    "--late": ["--at", "tomorrow 9:00"],
    "--distinct": ["--every", "daily 9:00", "--grammar", "bot.json"],
    "--grammar": ["--every", "daily 9:00"],
    "--pool": ["--every", "daily 9:00"],
    "--until": ["--every", "daily 9:00"],
    "--except": ["--every", "daily 9:00"],
    "--zone": ["--at", "tomorrow 9:00"],
}
WITHOUT = {"--file": ["Hello"], "--pool": ["Hello"], "--grammar": ["Hello"]}
# A value that means nothing, for each kind of value.
WRONG = {
    "COLUMN=FIELD": "x",
    "HANDLE=TEXT": "x",
    "DAY": "someday",
    "DURATION": "soon",
    "FILE": "missing.png",
    "HANDLE": "nobody.test",
    "FIELD": "nothing",
    "HOST:PORT": "x",
    "HOST[:PORT]": "a b",
    "HOURS": "late",
    "KEY": "k" * 1000,
    "KIND": "x",
    "LABEL": "x y",
    "LANG": "not a language",
    "LANG=FILE": "en",
    "LINK": "nonsense",
    "NETWORK": "x",
    "NUMBER": "many",
    "POLICY": "whatever",
    "RULE": "every blue moon",
    "SCOPE": "x",
    "SOURCE": "nonsense",
    "SPAN": "nonsense",
    "TAG": "x" * 700,
    "TIME": "often",
    "URL": "nonsense",
    "WHEN": "whenever",
    "WHO": "nonsense",
    "ZONE": "Berlin/Europe",
    "COMMAND": " ",
    "REASON": "x",
    "WORD": "two words",
    "choice": "nonsense",
    "directory": "plan.csv",
    "number": "many",
    "path": "no/such",
    "SECONDS": "soon",
}
# What takes any text, or a name of something that others made; and what makes a new file or folder.
ANYTHING = {
    *("--alt", "--auth-factor-token", "--confirm", "--name", "--note", "--reply", "--template", "--user"),
    *("--by", "--call", "--campaign", "--sheet", "--source", "--media"),
}
# Values of other kinds than they say.
OTHER = {
    "--state": "x",
    "email --from": "x",
    "login --right": "x",
    "sandbox --account": "a b",
    "serve --host": "no host",
    "stats --by": "x",
}
# A command makes its files itself, when it runs.
LATER = {
    (("commands", "add"), "--image"),
    (("commands", "add"), "--video"),
    # Whoever is made up there is known nowhere.
    (("answers", "try"), "--from"),
}
# What stands in no line of `app` or `queue`, and what a wrong command line is called.
NAMES = {"UsageError", "SystemRefused"}
_COMMAND = re.compile(r"skywrite (?:[a-z-]+)(?: [a-z-]+)*(?: --[a-z-]+)*")


def every_option(*, flags: bool = False) -> Iterator[tuple[Path, click.Command, click.Option]]:
    """Every option of every command and group."""
    for path, command in commands(groups=True):
        for option in options(path, command):
            if flags or not option.is_flag:
                yield path, command, option


def whole(path: Path, command: click.Command, option: click.Option) -> list[str]:
    """A command that lacks nothing but this option."""
    if isinstance(command, click.Group):
        return [*path]
    name, words = long_name(option), [*path]
    for param in command.params:
        if isinstance(param, click.Argument) and (param.required or param.name == "text"):
            words += ["1"] if path == ("reject",) else ARGUMENTS.get(str(param.name), ["1"])
        elif isinstance(param, click.Option) and param.required and param is not option:
            words += [param.opts[0], *REQUIRED[param.opts[0]]]
    needs = WITH.get(name, [])
    if needs and needs[0] not in words and any(needs[0] in param.opts for param in command.params):
        words += needs
    if path == ("schedule",) and not {name, *words} & {"--at", "--every"}:
        words += WITH["--zone"]
    return [word for word in words if word not in WITHOUT.get(name, [])]


def wrong_value(path: Path, option: click.Option) -> str | None:
    """A value that the option cannot have; None if it takes any."""
    name = long_name(option)
    other = OTHER.get(f"{path[-1]} {name}") or OTHER.get(name)
    return other or (None if name in ANYTHING else WRONG[option.metavar or option.type.name])


def with_json(command: click.Command, words: list[str]) -> list[str]:
    """The same, told in JSON where the command has it."""
    return [*words, "--json"] if any("--json" in param.opts for param in command.params) else words


def told_error(told: Told) -> dict[str, str]:
    """The error, in JSON or on two lines."""
    if told.out.startswith("{"):
        return {name: str(value) for name, value in told.json.items()}
    message, _, hint = told.err.partition("To do: ")
    return {"message": message.removeprefix("Error: ").strip(), "hint": hint.strip()}


def error_names(kind: type[SkywriteError] = SkywriteError) -> set[str]:
    """The names of all errors that are loaded: that of a class is what programs look at."""
    return {kind.__name__}.union(*(error_names(inner) for inner in kind.__subclasses__()))


def test_an_option_without_its_value_names_the_help_of_its_command(signed_out: Shell) -> None:
    """`skywrite post "Hello" --at` says that a value is missing, and where that command is explained."""
    helps = set()
    for path, _, option in every_option():
        name = long_name(option)
        told = signed_out(*path, name, code=2)
        help_of = " ".join(["skywrite", *path, "--help"])
        assert {"message": f"Option '{name}' requires an argument.", "hint": f"See: {help_of}"} == told_error(told)
        helps.add(help_of)
    for pasted in helps:
        assert "Usage: " in signed_out(*shlex.split(pasted)[1:]).out
    assert len(helps) > 40


def test_an_option_that_is_given_twice_is_refused(signed_out: Shell) -> None:
    """`--account alice.test --account bob.test` has two meanings, and none of them is taken."""
    for path, _, option in every_option():
        if option.multiple:
            continue
        name = long_name(option)
        told = told_error(signed_out(*path, name, "1", name, "2", code=2))
        assert f"{option.opts[0]} is given 2 times; it takes one value." == told["message"], path
        assert told["hint"].endswith(" ".join(["See: skywrite", *path, "--help"]))


def test_a_misspelt_option_names_the_one_that_was_meant(signed_out: Shell) -> None:
    """`--acount` is `--account`, for every option and flag."""
    for path, _, option in every_option(flags=True):
        for name in (*option.opts, *option.secondary_opts):
            if not name.startswith("--") or option.hidden:
                continue
            typed = f"{name[:-1]}q"
            told = told_error(signed_out(*path, typed, code=2))
            assert told["message"].startswith(f"There is no option {typed}. Did you mean "), (path, told)
            assert name in re.findall(r"--[a-z-]+", told["message"])[1:], (path, told)


def test_a_value_that_means_nothing_is_refused(prepared: Shell) -> None:
    """Each wrong value ends with a name that programs know and with what to do, and changes nothing."""
    before = prepared("export").out, prepared.posts(), prepared.posts("bob.test")
    for path, command, option in every_option():
        value = wrong_value(path, option)
        if value is None or (path, long_name(option)) in LATER:
            continue
        words = with_json(command, [*whole(path, command, option), long_name(option), value])
        told = prepared(*words, code=None)
        assert told.code in (2, 3) or "/" in value, (words, told)
        assert "Traceback" not in told.out + told.err
        if path == ("doctor",):
            continue
        error = told_error(told)
        assert error.get("error", "UsageError") in error_names() | NAMES, (words, told)
        assert error["hint"], (words, told)
        for pasted in _COMMAND.findall(error["hint"]):
            with suppress(click.exceptions.Exit):
                parsed(pasted)
    assert before == (prepared("export").out, prepared.posts(), prepared.posts("bob.test"))


def test_only_options_that_take_any_text_have_no_wrong_value() -> None:
    """A new option has a wrong value above, or takes anything."""
    known = {long_name(option) for _, _, option in every_option()}
    assert set() == {*ANYTHING, *(name.split()[-1] for name in OTHER), *WITH, *WITHOUT} - known


def test_an_empty_number_or_choice_is_refused(signed_out: Shell) -> None:
    """`--limit "$LIMIT"` with an unset variable is an error; texts are in `test_given`."""
    for path, _, option in every_option():
        if not isinstance(option.type, TEXTS):
            told = told_error(signed_out(*path, long_name(option), "", code=2))
            assert told["message"].startswith("Invalid value for "), (path, told)
