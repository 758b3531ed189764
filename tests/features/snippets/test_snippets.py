"""Texts that are used again: kept under one name, counted as the network counts, and signatures, one for an account."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.operations.table import Access
from skywrite.features.snippets.operations import AddSnippet, ListSnippets, add, list_snippets
from skywrite.features.snippets.service import CHARACTERS_MAX
from tests.support.errors import fails
from tests.support.shell import Shell
from tests.support.world import World


def test_a_snippet_is_kept_listed_and_removed(shell: Shell) -> None:
    """What is printed is the text and nothing else, so that a shell can put it into a post."""
    shell("snippets", "add", "hours", "Open daily 🥐")
    listed = shell("snippets", "list", "--json").json
    assert [("hours", "Open daily 🥐", 12, None, False)] == [
        tuple(one[name] for name in ("name", "text", "graphemes", "account", "signature")) for one in listed
    ]
    assert "Open daily 🥐\n" == shell("snippets", "show", "hours").out
    shell("snippets", "remove", "hours")
    assert [] == shell("snippets", "list", "--json").json


def test_a_family_is_one_character(sky: Skywrite) -> None:
    """A snippet takes as much of a post as the network says."""
    sky.snippets.add("family", "👨‍👩‍👧‍👦")
    shapes = list_snippets(Access(sky, frozenset({"read"})), ListSnippets()).snippets
    assert [1] == [one.graphemes for one in shapes]


@pytest.mark.parametrize("name", ["", "Shop", "1st", "two words", "a;b", "x" * 41])
def test_a_name_is_what_one_can_type(sky: Skywrite, name: str) -> None:
    """Whatever could not be typed after a semicolon is refused."""
    with fails("name.invalid"):
        sky.snippets.add(name, "Hello")


@pytest.mark.parametrize("text", ["", " \n", "x" * (CHARACTERS_MAX + 1)])
def test_a_snippet_says_something_and_not_too_much(sky: Skywrite, text: str) -> None:
    """Neither nothing nor a book is kept."""
    with fails("input.invalid", "The snippet hello"):
        sky.snippets.add("hello", text)
    assert [] == sky.snippets.list()


def test_a_name_stands_for_one_text(sky: Skywrite) -> None:
    """A second one is refused, and the first one stays."""
    sky.snippets.add("hello", "Hello")
    with fails("snippet.exists", "named hello"):
        sky.snippets.add("hello", "Good evening", account="alice.test")
    assert ["Hello"] == [one.text for one in sky.snippets.list()]


def test_an_account_signs_in_one_way(world: World, sky: Skywrite) -> None:
    """A second signature is refused; other accounts have their own, and nobody sees it among theirs."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    sky.snippets.add("alice", "— Alice", signature=True)
    with fails("snippet.exists", "signature already"):
        sky.snippets.add("other", "— A.", signature=True, account="alice.test")
    sky.snippets.add("bob", "— Bob", signature=True, account="bob.test")
    sky.snippets.add("hello", "Hello")
    assert ["alice", "hello"] == [one.name for one in sky.snippets.list("alice.test")]


def test_a_key_for_some_accounts_keeps_texts_for_them_only(sky: Skywrite) -> None:
    """What it adds is of its account, and what is for all accounts is not shown to it."""
    sky.snippets.add("all", "For all")
    did = sky.accounts.get("alice.test").did
    access = Access(sky, frozenset({"read", "draft"}), frozenset({did}))
    made = add(access, AddSnippet(name="mine", text="Mine"))
    assert ("alice.test", ["mine"]) == (
        made.account,
        [one.name for one in list_snippets(access, ListSnippets()).snippets],
    )


@pytest.mark.parametrize("text", ["a\0b", "a\udcffb"])
def test_a_snippet_is_a_text(sky: Skywrite, text: str) -> None:
    """What no post can say, and not every database can store, is refused."""
    with fails("text.invalid"):
        sky.snippets.add("hello", text)


def test_an_account_that_keeps_too_many_stops_no_other(sky: Skywrite, world: World, monkeypatch: Any) -> None:
    """Each account has a limit of its own, and so has what is for all of them."""
    monkeypatch.setattr("skywrite.features.snippets.service.SNIPPETS_MAX", 1)
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    for account in ("alice.test", "bob.test", None):
        sky.snippets.add(f"first-{(account or 'all').partition('.')[0]}", "Hello", account=account)
        with fails("input.invalid", "1 snippets already"):
            sky.snippets.add("second", "Hello", account=account)
