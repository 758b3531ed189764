"""A text that is rather a time, a command or an option is asked about; nothing is posted that nobody meant."""

from __future__ import annotations

import shlex

import click
import pytest

from skywrite.faces.cli.lone import is_time
from tests.cli.walk import commands
from tests.support.shell import Shell

# What shows what would go out, or keeps a text, and sends nothing.
_SENDS_NOTHING = ("preview", "answers try", "snippets add")


def with_text() -> list[str]:
    """Every command that takes a text, with what else it needs."""
    needs = {"groups add": "--account alice.test --account bob.test", "schedule": '--at "2070-01-05 9:00"'}
    lines = []
    for path, command in commands():
        names = [param.name for param in command.params if isinstance(param, click.Argument)]
        name = " ".join(path)
        if names and names[-1] in ("text", "texts") and name not in _SENDS_NOTHING:
            lines.append(f"{name} {'1 ' * (len(names) - 1)}WORD {needs.get(name, '')}".strip())
    return lines


def test_a_time_is_no_text_for_any_command(prepared: Shell) -> None:
    """Whoever forgets --at, or types `edit` for `move`, is asked; with `--` before them the words are a text."""
    before = prepared("list", "--json").out
    answers = {}
    for line in with_text():
        for word in ("tomorrow", "Freitag", '"tomorrow 9:00"', "9:00", '"in 2 hours"', "now"):
            told = prepared(*shlex.split(line.replace("WORD", word)), code=None)
            answers[f"{line} {word}"] = (told.code, "the text" in told.err, "If that is" in told.err)
    assert {(2, True, True)} == set(answers.values())
    assert before == prepared("list", "--json").out
    assert 7 == len(with_text())


def test_a_dash_is_standard_input_for_each_command_that_takes_a_text(prepared: Shell) -> None:
    """It is never a text by itself, and beside other texts it is asked about."""
    prepared.set(COLUMNS="400")
    outcomes = {}
    for line in with_text():
        if line.startswith("inbox"):
            line = "answers try WORD"
        told = prepared(*shlex.split(line.replace("WORD", "-")), stdin=b"\xff", code=None)
        outcomes[line] = (told.code, "Standard input is not UTF-8" in told.err)
    assert {(2, True)} == set(outcomes.values())
    for line in ("thread One -", "thread - - --dry-run", "preview One -", "edit 1 One -"):
        told = prepared(*shlex.split(line), stdin=b"Two", code=2)
        assert "stands alone" in told.err
    assert ["Published"] == prepared.posts()
    assert "│ -" in prepared("thread", "--dry-run", "--", "One", "-").out


@pytest.mark.parametrize(
    "text",
    ["Hello", "May", "Good morning", "Top 10 tips", "10", "C3PO", "now and then", "UTC", "Z", "Morning", "Evening!"],
)
def test_other_texts_are_no_times(text: str) -> None:
    """A text that merely has a number or a month in it goes out."""
    assert not is_time(text)


@pytest.mark.parametrize("text", ["daily 9:00", "every monday 9:00", "heute", "завтра", "this friday", "Tomorrow"])
def test_times_in_words_and_rules_are_times(text: str) -> None:
    """A rule is meant for --every, and a day for --at."""
    assert is_time(text)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("post tomorrow", "skywrite post Hello --at tomorrow"),
        ('post "daily 9:00"', 'skywrite post Hello --every "daily 9:00"'),
        ("schedule tomorrow --at 9:00", 'skywrite schedule Hello --at "tomorrow 9:00"'),
        ("edit 1 tomorrow", "skywrite move 1 tomorrow"),
        ('recurring edit 1 "daily 10:00"', 'skywrite recurring edit 1 --every "daily 10:00"'),
        ("post List", "skywrite list"),
        ("post /help", "skywrite post --help"),
        ("post ?", "skywrite post --help"),
        ('"post" "Hello\' --dry-run"', "skywrite post Hello --dry-run"),
        ("post \"Hello --at 'tomorrow 9:00'\"", 'skywrite post Hello --at "tomorrow 9:00"'),
        ('thread -- One --at "tomorrow 9:00"', 'skywrite thread One --at "tomorrow 9:00"'),
        ("post Hello -image sun.png", "skywrite post Hello --image sun.png"),
        ("post Hello -dry-run", "skywrite post Hello --dry-run"),
        ("post Hello --AT now", "skywrite post Hello --at now"),
        ("post -help", "skywrite post --help"),
        ("post Hello /dry-run", "skywrite post Hello --dry-run"),
    ],
)
def test_the_whole_command_is_shown_that_was_meant(prepared: Shell, typed: str, meant: str) -> None:
    """What is asked about comes with the command that does what was meant."""
    told = prepared(*shlex.split(typed), code=2)
    assert f": {meant}. " in f"{told.err.strip()} ".replace("\n", ". ")


@pytest.mark.parametrize("text", ["It has --dry-run and --json for scripts", "We won -- at last", "a --nonsense"])
def test_a_text_may_speak_of_options(prepared: Shell, text: str) -> None:
    """Only a text that ends with nothing but options is asked about."""
    assert text in prepared("post", text, "--dry-run").out
