"""What `show`, `history` and `recurring` say."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tests.cli.conftest import Files, Shell


def test_a_deleted_post_says_so(shell: Shell) -> None:
    """It stays published, because it went out; `show` and `history` say that it is gone, however it was named."""
    shell("post", "One")
    link = shell("post", "Two", "--json").json["url"]
    shell("delete", "1")
    shell("delete", link)
    assert [("published", "Deleted")] * 2 == [
        (post["state"], post["error"]["error"]) for post in shell("history", "--json").json
    ]
    assert (True, 2) == ("published, deleted since" in shell("show", "1").out, shell("history").out.count("Deleted"))


def test_a_recurrence_is_shown(shell: Shell, files: Files) -> None:
    """Its rule in words, its next five times without those that are left out, its exceptions and its texts."""
    shell("set", "zone=Europe/Berlin")
    shell("post", "--every", "0 9 1 1 *", "--pool", files.text("pool.txt", "One\n---\nTwo"))
    year = datetime.now(UTC).year + 1
    told = shell("recurring", "skip", "1", f"{year + 1}-01-01 09:00")
    assert f"skips {date(year + 1, 1, 1):%a} 1 Jan {year + 1} 09:00" in told.out
    shown = shell("recurring", "show", "1").out
    assert ["skipped", "Two"] == [part for part in ("skipped", "Two", f"1 Jan {year + 6}") if part in shown]
    assert f"1 Jan {year + 5} 09:00" in shown
    [listed] = shell("recurring", "list", "--json").json
    assert (5, f"{year}-01-01T08:00:00Z") == (len(listed["next"]), listed["next"][0].replace(".000", ""))


def test_a_recurrence_is_edited(shell: Shell, files: Files) -> None:
    """Its text, its rule or its pool, with the post that waits; its number stays."""
    shell("post", "Good morning", "--every", "0 9 1 1 *", "--zone", "UTC")
    shell("recurring", "edit", "1", "Good evening")
    assert ["Good evening"] == [post["text"] for post in shell("queue", "--json").json]
    shell("recurring", "edit", "1", "--every", "0 18 1 1 *")
    [waiting] = shell("queue", "--json").json
    assert ("Good evening", 1, True) == (waiting["text"], waiting["recurrence"], "T18:00" in waiting["due_at"])
    shell("recurring", "edit", "1", "--pool", files.text("pool.txt", "One\n---\nTwo"))
    assert ["One"] == [post["text"] for post in shell("queue", "--json").json]
    assert "from a pool" in shell("recurring", "edit", "1", "Three", code=2).err
    assert "nothing to change" in shell("recurring", "edit", "1", code=2).err
