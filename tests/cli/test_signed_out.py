"""Posts of an account that nobody is signed in as: whoever could do something about it hears of it."""

from __future__ import annotations

from typing import Any

import pytest

SAID = "2 posts of alice.test wait, and none goes out: you are not signed in as alice.test."


def _two(shell: Any) -> None:
    shell("post", "One", "--at", "tomorrow 9:00")
    shell("post", "Two", "--at", "tomorrow 10:00")


def test_signing_out_says_before_what_waits(shell: Any) -> None:
    """How many posts wait until somebody signs in again."""
    _two(shell)
    told = shell("logout", "alice.test")
    assert "2 posts of alice.test will wait until you sign in again." in " ".join(told.err.split())


def test_at_a_terminal_signing_out_asks_first(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With posts waiting; no is an answer, and then nothing was done. --yes is one, too."""
    _two(shell)
    monkeypatch.setattr("skywrite.faces.cli.login.can_ask", lambda: True)
    shell("logout", "alice.test", stdin=b"n\n")
    assert "ok" == shell("accounts", "--json").json[0]["state"]
    shell("logout", "alice.test", "--yes")
    assert SAID in " ".join(shell("list").err.split())


def test_without_posts_nothing_is_asked_or_said(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing out is one step then."""
    monkeypatch.setattr("skywrite.faces.cli.login.can_ask", lambda: True)
    assert "" == shell("logout", "alice.test").err


def test_the_queue_says_that_nobody_is_signed_in(shell: Any) -> None:
    """With the command that helps; its JSON stays one value."""
    _two(shell)
    assert "" == shell("list").err
    shell("logout", "alice.test")
    message = " ".join(shell("list").err.split())
    assert f"{SAID} Sign in: skywrite login alice.test" in message
    assert 2 == len(shell("list", "--json").json)
    assert "skywrite login alice.test" in shell("show", "1").out
