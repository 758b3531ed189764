"""Many posts at once: the plan of an import, ranges and sources, one JSON document, and taking it back."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import pytest

from tests.support.shell import Files, Shell


def a_plan(files: Files, rows: int = 30) -> str:
    """A table in which every row goes out in the same minute."""
    lines = ["text,at", *(f"Number {number},2030-05-01T09:00:00Z" for number in range(1, rows + 1))]
    return files.text("plan.csv", "\n".join(lines))


def test_a_dry_run_shows_the_plan(shell: Shell, files: Files) -> None:
    """Day by day with local times, text and images; what is odd about many rows is said once."""
    shell("accounts", "set", "zone=Europe/Berlin")
    files.image("sun.png")
    plan = files.text(
        "plan.jsonl",
        '{"text": "Later", "at": "2030-05-02T09:00:00Z"}\n'
        '{"text": "Sun", "at": "2030-05-01T07:30:00Z", "images": [{"path": "sun.png", "alt": "The sun"}]}\n'
        '{"text": "One day", "draft": true}\n'
        '{"text": "Morning", "every": "weekdays 9:00"}\n',
    )
    lines = shell("import", plan, "--dry-run").out.splitlines()
    assert ["Wed 1 May 2030", "  09:30  Sun  1 image", "Thu 2 May 2030", "  11:00  Later"] == lines[2:6]
    assert ["Without a time", "         One day"] == lines[6:8]
    assert ("  09:00  Morning  weekdays 9:00", []) == (lines[1].replace("every ", ""), shell("list", "--json").json)


def test_warnings_and_errors_of_many_rows_are_summed_up(shell: Shell, files: Files) -> None:
    """2,499 notes would hide the one that matters."""
    told = shell("import", a_plan(files), "--dry-run")
    assert 2 == len(told.err.splitlines())
    assert ("28 more rows like it: 3-30", True) == (told.err.splitlines()[1].strip(), "Row 2: Note: Row 1" in told.err)
    bad = files.text("bad.csv", "text,at\n" + "".join(f"x{number},some day\n" for number in range(30)))
    told = shell("import", bad, "--dry-run", code=2)
    assert (True, True) == ("29 more rows like it: 2-30" in told.err, len(told.err.splitlines()) < 6)


def test_the_plan_as_json(shell: Shell, files: Files) -> None:
    """One document with the plan and the report of each row."""
    told = shell("import", a_plan(files, 2), "--dry-run", "--json").json
    assert (2, "2030-05-01", 2) == (told["plan"]["posts"], told["plan"]["days"][0]["day"], len(told["rows"]))


def states(shell: Shell) -> str:
    """The first letter of each post's state, by number."""
    posts = shell("list", "--json").json + shell("list", "--past", "--json").json
    return "".join(post["state"][0] for post in sorted(posts, key=lambda post: post["id"]))


def test_ranges_and_numbers(shell: Shell, files: Files) -> None:
    """`cancel 2-3 5` cancels these; numbers that no post has are left out of a range, and an error alone."""
    shell("import", a_plan(files, 5))
    told = shell("cancel", "2-3", "5-9")
    assert ("sccsc", 3) == (states(shell), len(told.out.splitlines()))
    assert "There is no post from 7 to 9" in shell("cancel", "7-9", code=2).err
    for wrong in ("3-1", "1-", "x", "0", "1-99999999"):
        shell("cancel", wrong, code=2)
    shell("undo")
    assert "sssss" == states(shell)


def test_sources_and_states(shell: Shell, files: Files) -> None:
    """All posts of an import, or all that are held; there is no need to read numbers off a list."""
    shell("post", "By hand", "--at", "in 1 hour")
    shell("import", a_plan(files, 3))
    shell("hold", "2")
    shell("release", "--state", "held")
    assert "ssss" == states(shell)
    shell("cancel", "--source", "import:plan.csv", "--state", "scheduled")
    assert "sccc" == states(shell)
    assert "No post from import:plan.csv" in shell("cancel", "--source", "import:plan.csv", code=2).err
    assert "is not for posts in the state" in shell("hold", "--state", "failed", code=2).err
    assert "do not go with" in shell("cancel", "1", "--state", "held", code=2).err
    assert "No post is named" in shell("cancel", code=2).err


def test_one_document_for_many(shell: Shell, files: Files) -> None:
    """A number alone gives an object; several give a list, what went wrong in its place."""
    shell("import", a_plan(files, 3))
    assert "cancelled" == shell("cancel", "1", "--json").json["state"]
    told = shell("hold", "3", "1", "2", "--json", code=2).json
    assert [(3, "held", None), (1, None, "post.wrong_state"), (2, "held", None)] == [
        (one["id"], one.get("state"), one["code"] if "message" in one else None) for one in told
    ]


@pytest.mark.parametrize(("answer", "left"), [("n", 3), ("y", 0)])
def test_a_person_is_asked_before_many_are_cancelled(shell: Shell, files: Files, answer: str, left: int) -> None:
    """On a terminal, where posts are chosen by what they have in common; `--yes` does not ask."""
    shell("import", a_plan(files, 3))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(
            sys.executable, [sys.executable, "-m", "skywrite.faces.cli.main", "cancel", "--source", "import:plan.csv"]
        )
    os.write(terminal, f"{answer}\n".encode())
    output = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        output += piece
    os.waitpid(pid, 0)
    assert (b"Cancel 3 posts?" in output, left) == (True, len(shell("list", "--json").json))


def test_slots_say_their_zone(shell: Shell) -> None:
    """Slots keep the zone that the account had when they were set, and say so where it is another one now."""
    shell("accounts", "set", "zone=Europe/Berlin")
    shell("accounts", "slots", "mon-fri 9:00")
    assert "mon-fri 9:00\n" == shell("accounts", "slots").out
    shell("accounts", "set", "zone=America/New_York")
    line = "mon-fri 9:00  in Europe/Berlin, not in America/New_York, the account's zone\n"
    assert line == shell("accounts", "slots").out


def test_slots_are_not_erased_by_an_empty_word(shell: Shell) -> None:
    """An empty variable of a script removes nothing; --clear does."""
    shell("accounts", "slots", "mon-fri 9:00")
    assert "--clear" in shell("accounts", "slots", "", code=2).err
    assert 5 == len(shell("accounts", "slots", "--json").json)
    shell("accounts", "slots", "--clear")
    assert [] == shell("accounts", "slots", "--json").json


def test_an_import_is_taken_back(shell: Shell, files: Files) -> None:
    """The whole of it, by one word."""
    told = shell("import", a_plan(files, 3))
    assert "skywrite undo" in told.out
    assert "import of 3 posts" in shell("undo").out
    assert ([], Path(a_plan(files)).name) == (shell("list", "--json").json, "plan.csv")
