"""What waits for an approval, or was rejected, does not go out of another database that asks for none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shell import Shell


@pytest.mark.parametrize(
    "typed",
    [
        [("schedule", "Hello", "--at", "in 2 hours")],
        [("post", "Hello", "--every", "daily 9:00"), ("reject", "recurring:1")],
        [("post", "Hello", "--every", "daily 9:00")],
    ],
    ids=["post", "rejected recurrence", "recurrence"],
)
def test_what_nobody_approved_is_not_scheduled(shell: Shell, tmp_path: Path, typed: list[tuple[str, ...]]) -> None:
    """An export has it in a form that publishes nothing by surprise."""
    shell("accounts", "set", "approval=all")
    for line in typed:
        shell(*line)
    shell("export", "-o", str(tmp_path / "all.jsonl"))
    shell.set(SKYWRITE_HOME=str(tmp_path / "other"))
    shell.login()
    shell("import", str(tmp_path / "all.jsonl"))
    assert [] == shell("list", "--state", "scheduled", "--json").json
