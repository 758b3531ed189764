"""Where an app password goes is shown and asked about, before it is sent."""

from __future__ import annotations

import pytest

from tests.support.shell import Shell


@pytest.fixture
def terminal(signed_out: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell at a terminal, where DNS says that alice.test is on the sandbox's server."""
    monkeypatch.setattr("skywrite.faces.cli.login._may_ask", lambda: True)
    monkeypatch.setattr("skywrite.posting.publish.signing_in.service_for", lambda *_: signed_out.box.url)
    return signed_out


def test_an_unknown_server_is_shown_and_asked_about(terminal: Shell) -> None:
    """Without a yes nothing is sent."""
    told = terminal("login", "alice.test", "--app-password-stdin", stdin=b"n\n", code=2)
    assert f"alice.test signs in at {terminal.box.url}, which no account here uses." in told.err
    assert 0 == terminal.box.calls.total()


def test_a_yes_signs_in_and_the_server_is_known_from_then_on(terminal: Shell) -> None:
    """The second account of a server is not asked about."""
    for handle, answer in (("alice.test", "y\n"), ("bob.test", "")):
        password = terminal.box.account(handle).app_password
        told = terminal("login", handle, "--app-password-stdin", stdin=f"{answer}{password}\n".encode())
        assert bool(answer) == ("which no account here uses" in told.err)


def test_a_server_that_the_user_named_is_not_asked_about(terminal: Shell) -> None:
    """--pds says it already."""
    terminal.login()


def test_no_password_is_asked_for_what_names_no_account(terminal: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handle that is not whole is said at once."""
    monkeypatch.setattr("skywrite.faces.cli.login.ask", lambda *_, **__: pytest.fail("A password was asked for."))
    told = terminal("login", "alice", code=2)
    assert ("'alice' is not a full account name." in told.err, 0) == (True, terminal.box.calls.total())
