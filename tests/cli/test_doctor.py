"""`doctor`: what it repairs, what it asks before, and the report that it writes."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import click
import pytest

from skywrite.features.checkup import cli, report
from skywrite.features.checkup.service import Finding, Repair, Repaired, repair
from skywrite.posting.publish.processes import worker_name
from tests.support.shell import Shell

# The name of a process on this computer, with an id that no process gets.
DEAD = f"{worker_name().partition('/')[0]}/4194305.1/abc"


@pytest.fixture(autouse=True)
def without_a_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The computer that runs the tests may have a service of its own."""
    monkeypatch.setattr(report, "_service_log", list)


def run_sql(shell: Shell, *statements: str) -> None:
    """Change the database as a hand would."""
    with closing(sqlite3.connect(shell.home / "skywrite.db")) as database, database:
        for statement in statements:
            database.execute(statement)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def indexes(shell: Shell) -> set[str]:
    """The indexes that are there."""
    with closing(sqlite3.connect(shell.home / "skywrite.db")) as database:
        return {row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}


def break_everything(shell: Shell) -> set[str]:
    """Something of each kind that can be repaired. Returns the indexes from before."""
    shell.login("bob.test")
    shell("schedule", "Waiting", "--at", "in 3 days", "--account", "alice.test")
    before = indexes(shell)
    run_sql(
        shell,
        "DROP INDEX post_scheduled",
        "DROP INDEX action_key",
        """UPDATE account SET settings = '{"langs": 5, "approval": 7, "zone": "UTC"}' WHERE handle = 'alice.test'""",
        "UPDATE account SET settings = '[1]' WHERE handle = 'bob.test'",
        f"UPDATE account SET lease_owner = '{DEAD}', lease_until = '2100-01-01T00:00:00.000000Z'"
        " WHERE handle = 'alice.test'",
    )
    (shell.home / "key").chmod(0o644)
    (shell.home / "skywrite.db").chmod(0o640)
    return before


def state(shell: Shell) -> tuple[object, ...]:
    """What `break_everything` breaks."""
    with closing(sqlite3.connect(shell.home / "skywrite.db")) as database:
        settings = database.execute("SELECT settings, lease_owner FROM account ORDER BY handle").fetchall()
    return mode(shell.home / "key"), mode(shell.home / "skywrite.db"), indexes(shell), settings


def test_fix_says_what_it_would_do_and_does_nothing_unasked(shell: Shell) -> None:
    """Without an answer, and with --json, each repair is named and nothing changes."""
    break_everything(shell)
    before = state(shell)
    told = shell("doctor", "--fix", code=1)
    count = told.out.count("Repair: ")
    assert "Nothing was changed. To repair it: skywrite doctor --fix --yes" in told.out
    document = shell("doctor", "--fix", "--json", code=1).json
    assert (True, count, []) == (count > 2, len(document["planned"]), document["done"])
    assert f"Let Skywrite repair {count} of these: skywrite doctor --fix" in shell("doctor", code=1).out
    assert before == state(shell)


def test_fix_repairs_all_that_it_names(shell: Shell) -> None:
    """Modes, indexes, settings and what a dead worker holds, also what shows only once the rest is repaired; posts of
    accounts that lost their settings wait for an approval.
    """
    before = break_everything(shell)
    told = shell("doctor", "--fix", "--yes")
    assert (8, 0) == (told.out.count("✓ Repaired: "), told.out.count("✗ Not repaired"))
    key, database, after, _ = state(shell)
    assert (0o600, 0o600, before) == (key, database, after)
    assert {"approval": "all", "zone": "UTC"} == shell("accounts", "set", "--account", "alice.test", "--json").json
    assert {"approval": "all"} == shell("accounts", "set", "--account", "bob.test", "--json").json
    assert "nothing that can be repaired" in shell("doctor", "--fix").out
    shell("run", "--once")
    assert ["Waiting"] == [item["text"] for item in shell("list", "--json", "--account", "alice.test").json]


@pytest.mark.parametrize(("answer", "is_done"), [(True, True), (False, False)])
def test_fix_asks_whoever_is_there(shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: bool, is_done: bool) -> None:
    """On a terminal, a yes repairs it, and a no leaves it."""
    (shell.home / "key").chmod(0o644)
    monkeypatch.setattr(cli, "can_ask", lambda: True)
    monkeypatch.setattr(click, "confirm", lambda question: answer)
    shell("doctor", "--fix", code=0 if is_done else 1)
    assert is_done == (mode(shell.home / "key") == 0o600)


def test_a_repair_that_fails_keeps_no_other_from_being_done() -> None:
    """Each says what became of it."""
    done: list[str] = []

    def fail() -> None:
        raise PermissionError(1, "Operation not permitted")

    findings = [
        Finding("key", "open", repair=Repair("Close it.", fail)),
        Finding("worker", "fine"),
        Finding("settings", "odd", repair=Repair("Set it.", lambda: done.append("set"))),
    ]
    assert [Repaired("Close it.", "Operation not permitted."), Repaired("Set it.")] == repair(findings)
    assert ["set"] == done


@pytest.mark.parametrize("words", [("doctor", "--report"), ("support",), ("support", "-o", "skywrite-report.txt")])
def test_the_report_is_one_private_file(
    shell: Shell, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By either name it is in the current folder, only its owner reads it, and it names neither account nor post."""
    monkeypatch.chdir(tmp_path)
    shell("schedule", "Quiet words", "--at", "in 3 days")
    assert "skywrite-report.txt" in shell(*words).out
    file = tmp_path / "skywrite-report.txt"
    text = file.read_text()
    assert (0o600, False, False) == (mode(file), "Quiet" in text, "alice.test" in text)
    titles = ["Skywrite", "Environment", "Configuration", "Findings", "Database", "Last events"]
    titles += ["Last attempts that did not publish", "Log", "Packages"]
    assert titles == [line[3:] for line in text.splitlines() if line.startswith("## ")]


def test_the_report_goes_to_standard_output_too(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-o -` is for pipes; `--json` names the file."""
    monkeypatch.chdir(tmp_path)
    assert shell("doctor", "--report", "-o", "-").out.startswith("## Skywrite\n")
    assert {"file": "there.txt"} == shell("doctor", "--report", "-o", "there.txt", "--json").json


def test_a_report_is_written_with_a_configuration_that_cannot_be_read(shell: Shell, tmp_path: Path) -> None:
    """What is wrong with a variable stands in the report, as it is the reason for it."""
    shell.set(SKYWRITE_KEYRING="perhaps")
    shell("doctor", "--report", "-o", str(tmp_path / "report.txt"))
    assert "SKYWRITE_KEYRING is 'perhaps'" in (tmp_path / "report.txt").read_text()


@pytest.mark.parametrize(
    "words",
    [("--fix", "--report"), ("--run", "--fix"), ("--with-texts",), ("--yes",), ("-o", "x"), ("--fix", "--with-texts")],
)
def test_options_that_do_not_go_together(shell: Shell, words: tuple[str, ...]) -> None:
    """They are refused with what to give instead."""
    told = shell("doctor", *words, "--json", code=2).json
    assert told["hint"].startswith(("Give one of them", "Add --"))


def test_no_file_is_left_where_a_report_cannot_be_written(shell: Shell, tmp_path: Path) -> None:
    """A folder that is not there is an error with its name."""
    told = shell("doctor", "--report", "-o", str(tmp_path / "none" / "report.txt"), code=None)
    assert (True, True, False) == (told.code > 0, "none" in told.err, (tmp_path / "none").exists())
