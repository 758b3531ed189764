"""What is said when something is wrong: to whom it happened, and what to type."""

from __future__ import annotations

import shlex
import sqlite3
from contextlib import closing

import pytest

from tests.support.shell import Files, Shell


def test_what_is_no_address_says_what_to_type(shell: Shell) -> None:
    """`feed add nonsense` is told in the words of those who type addresses, and not of those who parse them."""
    told = shell("feeds", "add", "nonsense", "--json", code=2).json
    assert "'nonsense' is not a web address: it does not begin with https://." == told["message"]
    assert "Write it whole, such as https://example.com/blog." == told["hint"]


@pytest.mark.parametrize("number", ["0", "-1", "one", "9" * 40])
def test_a_number_that_nothing_has_shows_no_range_of_the_database(shell: Shell, number: str) -> None:
    """`show 0` says what numbers are, and not how large one may be."""
    told = shell("show", "--", number, code=2)
    assert f"'{number}' is not the number of anything here: they are 1, 2, 3 and so on." in told.err


def test_an_empty_name_is_not_looked_up(shell: Shell) -> None:
    """`feed edit "$FEED"` with an unset variable says that the name is empty, although empty options reset."""
    told = shell("feeds", "edit", "", "--template", "", "--json", code=2).json
    assert ("FEED is empty.", "Set a value. See: skywrite feeds edit --help") == (told["message"], told["hint"])


def test_days_are_written_as_everywhere(shell: Shell) -> None:
    """`recurring list` writes a day as the queue does, without a zero before it."""
    shell("post", "Again", "--every", "RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=2;BYHOUR=9;BYMINUTE=0")
    assert " 2 Mar 09:00" in shell("recurring", "list").out


def test_a_recurrence_is_shown_whole(shell: Shell) -> None:
    """`recurring show` has the labels, the languages and who may reply, as the post will."""
    shell("post", "Again", "--every", "daily 9:00", "--label", "porn", "--lang", "de", "--replies", "nobody")
    shown = shell("recurring", "show", "1").out
    assert shown.endswith("Text:\n  Again\n  language de · labels porn\n  Who may reply: nobody\n")


def test_each_text_of_a_pool_is_shown_whole(shell: Shell, files: Files) -> None:
    """Of a pool, each text has its own languages."""
    pool = files.text("pool.txt", "One\n---\nTwo\n")
    shell("post", "--every", "daily 9:00", "--pool", pool, "--lang", "de", "--no-quotes")
    shown = shell("recurring", "show", "1").out
    assert "  One\n    language de\n  Two\n    language de\n  Who may quote: nobody\n" in shown


def test_a_clock_is_right_by_a_server_that_answered(shell: Shell) -> None:
    """`doctor` says whose clock it looked at, once for each account whose server it reached."""
    shell.login("bob.test")
    shell("logout", "bob.test", "--yes")
    clocks = [item["message"] for item in shell("doctor", "--json", code=None).json if item["what"] == "clock"]
    assert [f"right, by that of {shell.box.url}"] == clocks


def test_nobody_is_told_to_run_before_somebody_signs_in(shell: Shell) -> None:
    """`doctor` advises a sign-in first, with the handle that it knows."""
    shell("logout", "--yes")
    hints = {item["what"]: item["hint"] for item in shell("doctor", "--json", code=None).json}
    assert "Sign in first: skywrite login. Then start one: skywrite run" == hints["worker"]
    assert "Sign in: skywrite login alice.test" == hints["alice.test"]


def test_a_new_zone_says_what_keeps_the_old_one(shell: Shell) -> None:
    """Slots and recurrences stay in their zone, and the hint moves the slots when it is pasted."""
    shell("accounts", "set", "zone=Europe/Berlin")
    shell("accounts", "slots", "mon-fri 9:00; sat 11:00")
    shell("post", "Again", "--every", "daily 9:00")
    told = shell("accounts", "set", "zone=Asia/Tokyo").err
    assert "Note: The weekly slots stay in Europe/Berlin. To have them in Asia/Tokyo: skywrite accounts slots " in told
    assert "Note: Recurrences stay in Europe/Berlin." in told
    shell(*shlex.split(next(line for line in told.splitlines() if "slots" in line).partition("skywrite ")[2]))
    assert {"Asia/Tokyo"} == {slot["zone"] for slot in shell("accounts", "slots", "--json").json}
    assert "The weekly slots" not in shell("accounts", "set", "zone=Asia/Tokyo").err


def test_settings_that_cannot_be_read_are_reset_by_pasting(shell: Shell) -> None:
    """Whatever stands in an account's settings, the hint leads out, and nothing goes out unseen meanwhile."""
    with closing(sqlite3.connect(shell.home / "skywrite.db")) as database, database:
        database.execute("UPDATE account SET settings = '[1]'")
    hint = shell("accounts", "set", "zone=UTC", "--json", code=1).json["hint"]
    assert hint.startswith("Reset its settings: skywrite accounts set --reset approval=all --account did:")
    assert {"approval": "all"} == shell(*shlex.split(hint.partition("skywrite ")[2]), "--json").json
    assert {"approval": "all", "zone": "UTC"} == shell("accounts", "set", "zone=UTC", "--json").json


def test_a_setting_that_means_nothing_stops_a_post_with_a_reason(shell: Shell) -> None:
    """`doctor` names the account, too, when it says how to set it again."""
    with closing(sqlite3.connect(shell.home / "skywrite.db")) as database, database:
        database.execute("""UPDATE account SET settings = '{"langs": 5}'""")
    told = shell("post", "Hello", "--json", code=2).json
    assert ("The setting langs of alice.test cannot be read.", "See: skywrite doctor") == (
        told["message"],
        told["hint"],
    )
    hints = [item["hint"] for item in shell("doctor", "--json", code=None).json]
    assert "Set it again: skywrite accounts set langs= --account alice.test" in hints
    assert [] == shell.posts()


def test_a_command_is_checked_with_the_options_of_its_posts(shell: Shell) -> None:
    """A label that no post may have is refused when the command is added, and not at each of its runs."""
    for option, value in (("--label", "x y"), ("--lang", "nonsense!"), ("--card", "nonsense"), ("--replies", "x")):
        shell("commands", "add", "true", "--every", "daily 9:00", option, value, code=2)
    shell("commands", "add", "true", "--every", "daily 9:00", "--image", "made-by-the-command.png")


def test_what_belongs_to_an_approval_needs_a_post(shell: Shell) -> None:
    """`approve --confirm DIGEST` without a post approves nothing, and says so."""
    for words in (["--confirm", "abc"], ["--at", "in 2 days"], ["--by", "Berta"], ["--note", "Fine"]):
        assert f"{words[0]} needs a post." == shell("approve", *words, "--json", code=2).json["message"]


def test_many_posts_that_need_an_approval_say_so(shell: Shell, files: Files) -> None:
    """`import` and `sync` say that posts wait for an approval, as `post` does."""
    shell("accounts", "set", "approval=all", "zone=UTC")
    plan = files.text("plan.csv", "text,at\nHello,2070-05-01 09:00\nAgain,2070-05-02 09:00\n")
    assert "2 posts wait for an approval. See: skywrite approve" in shell("import", plan).out
    (files.folder / "posts").mkdir()
    files.text("posts/a.md", "---\nat: 2070-05-03 09:00\n---\nFrom a file\n")
    assert "3 posts wait for an approval. See: skywrite approve" in shell("sync", str(files.folder / "posts")).out


def test_nobody_is_asked_for_a_password_without_a_terminal(shell: Shell) -> None:
    """`notices add email --user` in a script says where the password comes from, instead of waiting for one."""
    words = ("me@example.com", "--from", "me@example.com", "--server", "smtp.example.com", "--user", "bot")
    assert "SKYWRITE_SMTP_PASSWORD" in shell("notices", "add", "email", *words, "--json", code=2).json["hint"]
