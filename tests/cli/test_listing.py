"""Lists and single posts on a terminal: they fit, they count, and they say what a post holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.faces.cli.terminal import cut, width

TEXT = "おはようございます、今日はいい天気ですね。散歩に行きましょう。"


@given(st.text(max_size=60), st.integers(2, 40))
def test_a_cut_text_fits(text: str, room: int) -> None:
    """However wide its characters are, and on one line."""
    shown = cut(text, room)
    assert (True, False) == (width(shown) <= room, "\n" in shown)


@pytest.mark.parametrize("columns", [50, 80, 132])
def test_no_line_of_the_queue_is_wider_than_the_terminal(shell: Any, columns: int) -> None:
    """With wide characters, emoji and long words."""
    shell("post", TEXT * 3, "--at", "tomorrow 9:00")
    shell("post", "x" * 280, "--at", "tomorrow 9:01")
    shell("post", "👩‍👩‍👧‍👦" * 40, "--at", "tomorrow 9:02")
    shell.set(COLUMNS=str(columns))
    assert [] == [line for line in shell("list").out.splitlines() if width(line) > columns]


def test_the_queue_is_grouped_by_local_days(shell: Any) -> None:
    """A heading for each day in the account's zone, and the zone named once."""
    shell("accounts", "set", "zone=Pacific/Auckland")
    shell("post", "Early", "--at", "2031-01-01 00:30")
    shell("post", "Late", "--at", "2031-01-01 23:30")
    shell("post", "Some day", "--draft")
    lines = shell("list").out.splitlines()
    assert ["Wed 1 Jan 2031", "Without a time", "Times are in Pacific/Auckland."] == [
        line for line in lines if not line.startswith(" ")
    ]


def test_the_queue_says_how_much_it_shows(shell: Any) -> None:
    """And how to see the rest."""
    for number in range(3):
        shell("post", f"Post {number}", "--at", f"tomorrow 9:0{number}")
    assert "2 of 3. More: skywrite list --limit" in shell("list", "--limit", "2").out
    assert "of 3" not in shell("list").out


def test_show_says_what_a_post_holds(shell: Any, files: Any) -> None:
    """Images with their alt texts, gates, labels, languages, and what happens when it is late."""
    media = ["--image", files.image("sun.png"), "--alt", "The sun"]
    words = [*media, "--replies", "nobody", "--no-quotes", "--label", "nudity"]
    shell("post", "Look", *words, "--lang", "en", "--at", "tomorrow 9:00", "--late", "skip:30m")
    out = shell("show", "1").out
    wanted = ("The sun", "Who may reply: nobody", "Who may quote: nobody", "labels nudity", "language en")
    assert [] == [part for part in (*wanted, "drop it after 30 min") if part not in out]


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_they_are_unwelcome(shell: Any, environ: dict[str, str]) -> None:
    """NO_COLOR and dumb terminals get plain text, in a real process, too."""
    shell.set(**environ)
    shell("post", "Later", "--at", "tomorrow 9:00")
    assert "\x1b" not in shell("list").out + shell("show", "1").out


def test_completion_proposes_posts_accounts_and_states(shell: Any) -> None:
    """In a real process, as a shell asks for it."""
    shell("post", "Later", "--at", "tomorrow 9:00")
    script = "from skywrite.faces.cli.main import main; import sys; sys.argv = ['skywrite']; main()"
    asked = {"skywrite show ": "plain,1", "skywrite list --account al": "plain,alice.test"}
    for words, expected in asked.items():
        environ = {"_SKYWRITE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        assert expected == shell.python(script, **environ).out.strip()


def test_json_of_the_queue_is_one_list(shell: Any) -> None:
    """For scripts nothing is grouped, cut or counted."""
    shell("post", TEXT, "--at", "tomorrow 9:00")
    assert [TEXT] == [entry["text"] for entry in json.loads(shell("list", "--json").out)]
