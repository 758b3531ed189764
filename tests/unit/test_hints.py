"""Hints are values: each interface says them in its own words, and the database keeps them whole."""

from __future__ import annotations

import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.errors import Do, Hint
from skywrite.faces.cli.hints import command, hint_text
from skywrite.queue.rows import dump_hint, load_hint
from tests.support.processes import ROOT

RELEASE = Hint("Publish it now: ", Do("posts.release", 12), ". Drop it: ", Do("posts.cancel", 12))


def test_each_interface_speaks_its_own_words() -> None:
    """As a plain string a hint speaks Python; the command line says commands."""
    assert "Publish it now: sky.posts.release(12). Drop it: sky.posts.cancel(12)" == RELEASE
    assert "Publish it now: skywrite release 12. Drop it: skywrite cancel 12" == hint_text(RELEASE)


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        (Do("argument", "require_alt"), "--require-alt"),
        (Do("posts.move", 3), 'skywrite move 3 "tomorrow 9:00"'),
        (Do("accounts.login"), "skywrite login"),
    ],
)
def test_the_words_of_the_command_line(do: Do, expected: str) -> None:
    """Commands for operations, options for arguments."""
    assert expected == command(do)


@given(
    st.one_of(
        st.text(),
        st.lists(st.one_of(st.text(), st.builds(Do, st.text(), st.one_of(st.none(), st.integers(), st.text())))).map(
            lambda parts: Hint(*parts)
        ),
    )
)
def test_a_hint_comes_back_from_the_database_as_it_went_in(hint: str) -> None:
    """Plain or with operations, whatever its text looks like."""
    again = load_hint(dump_hint(hint))
    assert hint == again
    assert getattr(hint, "parts", (hint,)) == getattr(again, "parts", (again,)) or not hint


def test_a_hint_survives_being_sent_to_another_process() -> None:
    """With its operations."""
    assert RELEASE.parts == pickle.loads(pickle.dumps(RELEASE)).parts


def test_every_operation_that_a_hint_names_has_a_command() -> None:
    """What any module proposes, the command line can say."""
    named = {
        match[1]
        for path in (ROOT / "src").rglob("*.py")
        for match in re.finditer(r"\bDo\(\s*\"([a-z_.]+)\"", path.read_text(encoding="utf-8"))
    }
    for operation in named - {"argument"}:
        assert command(Do(operation)).startswith("skywrite "), operation
