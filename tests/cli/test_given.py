"""Given is not None: an empty value that somebody gave is a value, and never stands for one that nobody gave."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from skywrite.faces.cli.given import EMPTY_SAYS_SOMETHING
from tests.cli.walk import commands
from tests.support.shell import Shell

TEXTS = (click.types.StringParamType, click.Path)


@pytest.mark.parametrize("target", ["1", "recurring:1"])
def test_an_empty_digest_approves_nothing(shell: Shell, target: str) -> None:
    """`--confirm ""`, as a script with an unset variable has it, is an error, and nothing is approved."""
    shell("accounts", "set", "approval=all", "zone=UTC")
    shell("post", "Look first", "--at", "in 3 days")
    shell("post", "Again", "--every", "mondays 9:00", "--at", "in 3 days")
    told = shell("approve", target, "--confirm", "", "--by", "Berta", code=2)
    assert "--confirm is empty." in told.err
    assert [] == shell("approve", target, "--json").json["verdicts"]


def options() -> Iterator[tuple[tuple[str, ...], click.Option]]:
    """Every option that takes a text, of every command."""
    for path, command in commands():
        for option in command.params:
            if isinstance(option, click.Option) and not option.is_flag and isinstance(option.type, TEXTS):
                yield path, option


def test_no_option_takes_an_empty_value_for_none(signed_out: Shell) -> None:
    """`--reply-to "$LINK"` with an unset variable is an error, and no post without a reply; so with every option."""
    asked = []
    for path, option in options():
        if option.name not in EMPTY_SAYS_SOMETHING and path != ("feeds", "edit"):
            told = signed_out(*path, option.opts[0], "", code=2)
            assert f"{option.opts[0]} is empty." in told.err, (path, told)
            asked.append(path)
    assert len(asked) > 120
