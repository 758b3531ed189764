"""`skywrite` without a command, its help, and words that are no commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from skywrite.app.overview import Overview
from skywrite.faces.cli.main import cli, main
from skywrite.faces.cli.names import all_commands, groups
from skywrite.faces.cli.status import _ended_lines
from skywrite.queue.actions import Action
from skywrite.queue.follow_ups import FollowUp
from tests.support.world import NOON


def outcome(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, and what was printed."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer where nothing is set up."""
    monkeypatch.setenv("SKYWRITE_HOME", str(tmp_path))
    for name in ("BLUESKY_HANDLE", "BLUESKY_APP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_a_newcomer_is_shown_the_first_steps(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command and without an account, `skywrite` says how to begin."""
    code, out, _ = outcome(capsys)
    assert (0, True) == (code, "skywrite login" in out)


def test_how_things_stand(shell: Any) -> None:
    """The account, the worker, the next posts and what needs somebody, a line each."""
    shell("post", "Good morning", "--at", "tomorrow 9:00")
    held = json.loads(shell("post", "Wait", "--at", "tomorrow 9:30", "--json").out)["id"]
    shell("hold", str(held))
    lines = shell().out.splitlines()
    assert ["Account", "Worker", "Queue"] == [line.split()[0] for line in lines[:3]]
    assert [True, True] == ["Good morning" in lines[3], "Needs you" in lines[4] and "held" in lines[4]]


def test_a_post_of_another_year_says_which(shell: Any) -> None:
    """5 January of a later year does not read as the next one."""
    shell("post", "Far away", "--at", "2070-01-05 09:00 UTC")
    assert ["2070"] == re.findall(r"\b2070\b", next(line for line in shell().out.splitlines() if "Far away" in line))


def test_reposts_and_follow_ups_of_which_nothing_came_need_somebody() -> None:
    """Each that failed has its line, and those that expired one together; none of those that wait."""
    stored = Action(3, "did:plc:a", "repost", "at://x", "bafy", "rkey", NOON, None, "failed", 1, "Not allowed.")
    item = FollowUp(4, 1, "likes", 50, "reply", "Hi", None, "failed", "Too long.", None, None, False, NOON)
    overview = Overview([], 0, [], 0, [], [], 0, NOON, [stored], [item, item._replace(state="expired")])
    assert [
        "repost 3 failed: Not allowed.",
        "follow-up 4 failed: Too long.",
        "1 follow-up expired: skywrite follow-ups",
    ] == [*_ended_lines(overview)]


def test_how_things_stand_for_scripts(shell: Any) -> None:
    """The same as one object."""
    shell("post", "Good morning", "--at", "tomorrow 9:00")
    overview = json.loads(shell("--json").out)
    assert (1, 0, ["Good morning"]) == (
        overview["waiting"],
        overview["workers"],
        [post["text"] for post in overview["next"]],
    )


def test_help_lists_every_command_in_a_group_with_its_whole_line(capsys: pytest.CaptureFixture[str]) -> None:
    """In 80 columns no summary is cut or wrapped."""
    out = outcome(capsys, "--help")[1]
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    for commands in groups().values():
        for name, (_, summary) in commands.items():
            assert lines[name].endswith(f" {summary}")


def test_no_summary_of_a_subcommand_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """Groups inside list whole sentences, too."""
    cut = [name for name in all_commands() if "..." in outcome(capsys, name, "--help")[1].partition("Commands:")[2]]
    assert [] == cut


def test_help_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`skywrite help feed add` says what `skywrite feeds add --help` says."""
    assert outcome(capsys, "feed", "add", "--help") == outcome(capsys, "help", "feed", "add")


def test_a_misspelled_command_names_those_that_are_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """And ends with 2."""
    code, _, err = outcome(capsys, "quue")
    assert (2, True) == (code, "Did you mean skywrite list?" in err)


def test_every_command_has_a_summary() -> None:
    """A command that is offered is described."""
    assert list(all_commands()) == cli.list_commands(None)  # type: ignore[arg-type]
    assert all(summary for commands in groups().values() for _, summary in commands.values())
