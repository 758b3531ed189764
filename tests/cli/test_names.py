"""Names of commands: few at the top, one for each thing, and every old name goes on working."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import click
import pytest

from skywrite.faces.cli.main import cli
from skywrite.faces.cli.names import OLD_NAMES, all_commands, groups
from tests.cli.walk import commands, long_name, options
from tests.support.processes import ROOT
from tests.support.shell import Shell

# Commands at the top; those about the program itself are not counted. docs/adr says which stay, and why.
TOP_MAX = 47
SHORT = {"--account": "-u", "--at": "-t", "--file": "-f", "--image": "-i", "--json": "-j"}
# The sandbox creates accounts, and uses none.
OTHER_MEANING = {("sandbox", "--account")}


def test_the_top_is_small() -> None:
    """There are at most so many commands to choose from."""
    counted = [name for title, group in groups().items() if title != "Skywrite itself" for name in group]
    assert TOP_MAX >= len(counted)


def test_no_two_names_are_one_word() -> None:
    """A noun is there once: no `key` beside `keys`."""
    assert [] == [name for name in all_commands() if f"{name}s" in all_commands()]


@pytest.mark.parametrize("old", [*OLD_NAMES])
def test_an_old_name_works_and_names_the_new_one(signed_out: Shell, old: str) -> None:
    """`skywrite repost --help` is the help of `skywrite reposts add`; so is `skywrite help repost`."""
    words = [word for word in OLD_NAMES[old].split() if not word.startswith("-")]
    told = signed_out(*old.split(), "--help").out
    assert told.startswith(f"Usage: skywrite {' '.join(words)} [")
    assert told == signed_out("help", *old.split()).out


def test_old_names_are_hidden() -> None:
    """Help and completion list no old name."""
    context = click.Context(cli)
    suggestions = {item.value for item in cli.shell_complete(context, "")}
    assert set() == set(OLD_NAMES) & {*cli.list_commands(context), *suggestions}
    assert set() == {name.split()[0] for name in OLD_NAMES.values()} - set(all_commands())


def test_old_names_do_what_the_new_ones_do(shell: Shell) -> None:
    """Lists, settings and reposts, by both names."""
    shell("post", "Out")
    shell("schedule", "Later", "--at", "in 3 days")
    for old, new in (("queue", ["list"]), ("history", ["list", "--past"]), ("whoami", ["accounts", "show"])):
        assert shell(*new, "--json").json == shell(old, "--json").json
    assert {"zone": "UTC"} == shell("set", "zone=UTC", "--json").json == shell("accounts", "set", "--json").json
    shell("repost", "1", "--at", "in 3 days", "--key", "again")
    shell("reposts", "add", "1", "--at", "in 3 days", "--key", "again")
    assert ["repost"] == [item["kind"] for item in shell("reposts", "--json").json]


def _old_names_in_texts() -> Iterator[str]:
    old = re.compile(rf"(?<![/\w.-])skywrite ({'|'.join(sorted(OLD_NAMES, key=len, reverse=True))})(?![\w/-]|\.[a-z])")
    # What was decided, and what changed, is told with the names of its time.
    kept = (ROOT / "docs" / "adr", ROOT / "CHANGELOG.md", ROOT / "src/skywrite/faces/cli/names.py")
    places = [ROOT / "README.md", *(path for top in ("src", "docs", "deploy") for path in (ROOT / top).rglob("*"))]
    for path in places:
        if path.suffix in (".md", ".py", ".html", ".js", ".yml", ".service", ".po", ".sql", ".toml"):
            if any(path.is_relative_to(place) for place in kept):
                continue
            for match in old.finditer(path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(ROOT)}: {match[0]}"


def test_no_text_uses_an_old_name() -> None:
    """Hints, help, guides, pages and units say the names of today."""
    assert [] == list(_old_names_in_texts())


def test_the_version_is_told_however_one_asks(signed_out: Shell) -> None:
    """`version`, `-V` and `--version` say the same."""
    output = signed_out("--version").out
    assert [output, output] == [signed_out("-V").out, signed_out("version").out]
    assert f"skywrite, version {signed_out('version', '--json').json['version']}\n" == output


def test_what_people_type_first(shell: Shell) -> None:
    """`schedule TEXT --at WHEN` schedules, `list` shows it, and a noun alone lists."""
    shell("schedule", "Good morning", "--at", "tomorrow 9:00")
    assert (["Good morning"], []) == ([post["text"] for post in shell("list", "--json").json], shell.posts())
    assert ["alice.test"] == [account["handle"] for account in shell("accounts", "-j").json]
    for noun in ("answers", "commands", "feeds", "follow-ups", "inbox", "keys", "notices", "recurring", "reposts"):
        assert shell(noun, "list", "--json").json == shell(noun, "--json").json


@pytest.mark.parametrize("more", [(), ("--key", "once"), ("--jitter", "15m")])
def test_schedule_without_a_time_posts_nothing(shell: Shell, more: tuple[str, ...]) -> None:
    """`schedule "Hello"` asks for a time, and its hint is the whole command."""
    told = shell("schedule", "Hello", *more, "--json", code=2).json
    assert "The time is missing, so nothing was posted." == told["message"]
    assert told["hint"].startswith('Set a time: skywrite schedule --at "tomorrow 9:00" Hello')
    assert ([], []) == (shell.posts(), shell("list", "--json").json)


def test_schedule_without_a_time_shows_how_to_keep_a_draft(shell: Shell) -> None:
    """`schedule "Hello" --draft` keeps nothing, and its hint does."""
    told = shell("schedule", "Hello", "--draft", "--json", code=2).json
    assert "Keep it without one: skywrite post Hello --draft --json" == told["hint"]
    assert [] == shell("list", "--json").json
    assert "draft" == shell("post", "Hello", "--draft", "--json").json["state"]


def test_the_most_used_options_are_short(shell: Shell) -> None:
    """Every command that has one of them has its short form, and no other option takes that letter."""
    wrong = []
    for path, command in commands(groups=True):
        for option in options(path, command):
            name = long_name(option)
            letters = [other for other in option.opts if other in SHORT.values()]
            wanted = [SHORT[name]] if name in SHORT and (*path, name) not in OTHER_MEANING else []
            if wanted != letters:
                wrong.append((*path, *option.opts))
    assert [] == wrong
    shell("post", "Short", "-t", "in 3 days", "-u", "alice.test")
    [post] = shell("list", "-j").json
    assert ("Short", True) == (post["text"], datetime.fromisoformat(post["due_at"]) > _in_two_days())


def _in_two_days() -> datetime:
    from skywrite.core.clock import SystemClock

    return SystemClock().now() + timedelta(days=2)


def test_an_error_of_a_short_option_is_json(shell: Shell) -> None:
    """`-j` prints errors as JSON, like `--json`."""
    assert "UsageError" == shell("list", "nonsense", "-j", code=2).json["error"]
