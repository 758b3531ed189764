"""What `run` says to people, and what it says to logs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.app.chores import Heartbeat
from tests.cli.test_commands import Terminal
from tests.support.shell import Shell


def test_a_line_for_each_post(shell: Shell) -> None:
    """When, who, what, and where it can be seen; nothing about claims and attempts."""
    shell("post", "Sales by month", "--at", "now")
    lines = shell("run", "--once", "--log", "people").out.splitlines()
    url = shell("list", "--past", "--json").json[0]["url"]
    time, _, rest = lines[0].partition("  ")
    assert f'alice.test  "Sales by month"  {url}' == rest
    assert 2 == time.count(":")
    assert (2, True) == (len(lines), lines[1].startswith("1 published"))


def test_a_run_that_leaves_posts_says_until_when(shell: Shell) -> None:
    """Those that wait for the pace of their account are left to the next run."""
    shell("accounts", "set", "gap_seconds=3600", "zone=UTC")
    shell("post", "First", "--at", "now")
    shell("post", "Second", "--at", "now")
    line = shell("run", "--once", "--log", "people", code=4).out.splitlines()[-1]
    assert line.startswith("1 published, 0 failed, 0 held, 0 skipped; 1 due post is still to be sent (the next one may")
    assert line.endswith("UTC, because of the gap; see: skywrite list).")
    assert "goes out" in shell("list").out
    assert "Goes out: " in shell("show", "2").out


def test_logs_stay_logs(shell: Shell) -> None:
    """Where nobody watches each step is a line with its facts, on standard error."""
    shell("post", "Hello", "--at", "now")
    told = shell("run", "--once")
    assert (True, True, False) == ("published post=1" in told.err, "claimed" in told.err, "idle" in told.err)


def test_what_comes_next(shell: Shell) -> None:
    """When nothing is due a line says what is next, with its local time; a refusal says why."""
    shell("accounts", "set", "zone=UTC")
    year = datetime.now(UTC).year + 1
    shell("post", "Later", "--at", f"{year}-12-24 18:00")
    terminal = Terminal("run")
    terminal.expect("Running: posts go out at their times.")
    terminal.expect('24 Dec 18:00  alice.test  "Later"')
    terminal.answer("\x03")
    terminal.expect("Stopped. 0 published.")
    assert 0 == terminal.end()


def test_what_did_not_work(shell: Shell) -> None:
    """A post that is held says why."""
    shell("post", "Hello", "--at", "now")
    shell.box.set_status("alice.test", "deactivated")
    output = shell("run", "--once", "--log", "people", code=None).out
    assert 'alice.test  "Hello"  held: ' in output


def test_who_sends_it_is_said_where_nobody_does(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No worker on this database; or the computer's service, which has a database of its own."""
    later = ("post", "--at", "in 1 hour")
    assert "No worker is running. Start one: skywrite run" in shell(*later, "One").out
    monkeypatch.setattr("skywrite.posting.publish.processes.computer_has_service", lambda: True)
    assert "service has its own database" in shell(*later, "Two").out
    with Skywrite() as sky:
        Heartbeat(sky.context).run()
        assert 1 == len(shell(*later, "Three").out.splitlines())
