"""`accounts set`: nonsense is refused with what a setting may be, and `doctor` finds what cannot be read."""

from __future__ import annotations

import pytest

from skywrite.app import Skywrite
from skywrite.app.settings import SETTINGS
from tests.support.nonsense import nonsense_words
from tests.support.shell import Shell


@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_takes_nonsense(shell: Shell, name: str) -> None:
    """Each value is an error that says what to do, and nothing is set."""
    for value in nonsense_words(name):
        if value.strip():
            told = shell("accounts", "set", f"{name}={value}", "--json", code=2)
            assert [True, True] == [bool(told.json[part]) for part in ("message", "hint")], told
    assert {} == shell("accounts", "set", "--json").json


def test_the_help_lists_every_setting(signed_out: Shell) -> None:
    """`skywrite accounts set --help` shows each with its meaning and an example."""
    told = signed_out("accounts", "set", "--help").out
    assert [] == [item.name for item in SETTINGS.values() if item.name not in told or item.example not in told]


def test_an_unreadable_approval_setting_holds_every_post(shell: Shell) -> None:
    """`doctor` names an approval setting that names no source, and each post waits until it is set again."""
    with Skywrite() as sky:
        sky.context.store.accounts.set_settings(sky.accounts.get().did, {"approval": ["agent"], "langs": ["??"]})
    shell("accounts", "set", "langs=")
    told = shell("doctor", code=1).out
    assert "a setting cannot be read: approval must be all, agents, none, or a list of sources" in told
    assert "every post waits for an approval" in told
    number = str(shell("post", "Wait", "--at", "in 3 days", "--json").json["id"])
    assert [number] == [line.split()[0] for line in shell("approve").out.splitlines()]


@pytest.mark.parametrize("words", [["approval=none"], ["approval="], ["--reset"]])
def test_posts_that_need_no_approval_any_more_are_counted(shell: Shell, words: list[str]) -> None:
    """Whoever ends the approvals hears how many posts go out without one."""
    shell("accounts", "set", "approval=all")
    shell("post", "Wait", "--at", "in 3 days")
    expected = "1 post that waited for an approval needs none now, and will be published without one."
    assert [True, False] == [expected in shell("accounts", "set", *given).err for given in (words, ["approval=none"])]
