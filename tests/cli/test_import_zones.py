"""The zone of an import: it is said, and can be chosen for one file."""

from __future__ import annotations

import pytest

from tests.support.shell import Files, Shell

PLAN = "text,at\nOne,2027-01-05 09:00\nTwo,2027-01-05T10:00:00+01:00\n"


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_an_import_names_its_zone(shell: Shell, files: Files, option: tuple[str, ...]) -> None:
    """Beside what was accepted, it says in which zone times without one were read, and how to choose another."""
    shell("accounts", "set", "zone=Asia/Tokyo")
    told = shell("import", files.text("plan.csv", PLAN), *option).out
    assert "Times that name no zone are read in Asia/Tokyo; --zone ZONE reads them in another." in told
    assert "no zone" not in shell("import", files.text("slots.csv", "text\nOne\n"), "--partial", code=None).out


def test_accounts_with_other_zones_are_named(shell: Shell, files: Files) -> None:
    """Where accounts of one file have different zones, each is said."""
    shell.login("bob.test")
    shell("accounts", "set", "zone=Asia/Tokyo", "--account", "alice.test")
    shell("accounts", "set", "zone=Europe/Paris", "--account", "bob.test")
    rows = "account,text,at\nalice.test,One,2027-01-05 09:00\nbob.test,Two,2027-01-05 09:00\n"
    told = shell("import", files.text("plan.csv", rows)).out
    assert "Asia/Tokyo for alice.test, Europe/Paris for bob.test" in told


def test_an_import_reads_times_in_a_zone_of_its_own(shell: Shell, files: Files) -> None:
    """`--zone` holds for times and recurrences that name none, and for nothing else."""
    plan = files.text("plan.csv", PLAN)
    told = shell("import", plan, "--zone", "america/new_york", "--json").json
    assert ["2027-01-05T14:00", "2027-01-05T09:00"] == [row["due_at"][:16] for row in told]
    daily = files.text("daily.jsonl", '{"text": "Daily", "every": "daily 9:00"}\n')
    shell("import", daily, "--zone", "America/New_York")
    assert "America/New_York" in shell("recurring", "--json").out
    assert "zone.unknown" in shell("import", plan, "--zone", "Mars/Base", "--json", code=2).out


def test_many_rows_are_read_in_that_zone_too(shell: Shell, files: Files) -> None:
    """An import whose rows are checked by several processes gives each the zone."""
    rows = "".join(f'{{"text": "Row {n}", "at": "2027-02-03 09:00:{n % 60:02}"}}\n' for n in range(1200))
    told = shell("import", files.text("many.jsonl", rows), "--zone", "Asia/Tokyo", "--json").json
    assert {"2027-02-03T00:00"} == {row["due_at"][:16] for row in told}
