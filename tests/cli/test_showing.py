"""What `show`, `history` and `recurring` say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.shell import Files, Shell


def test_a_deleted_post_says_so(shell: Shell) -> None:
    """It stays published, because it went out; `show` and `history` say that it is gone, however it was named."""
    shell("post", "One")
    link = shell("post", "Two", "--json").json["url"]
    shell("delete", "1")
    shell("delete", link)
    assert [("published", "Deleted")] * 2 == [
        (post["state"], post["error"]["error"]) for post in shell("list", "--past", "--json").json
    ]
    assert (True, 2) == (
        "published, deleted since" in shell("show", "1").out,
        shell("list", "--past").out.count("post.deleted"),
    )


def test_a_recurrence_is_shown(shell: Shell, files: Files) -> None:
    """Its rule in words, its next five times without those that are left out, its exceptions and its texts."""
    shell("accounts", "set", "zone=Europe/Berlin")
    # Half a year from now: none of its times comes while the test runs.
    month = (datetime.now(UTC) + timedelta(days=183)).month
    post = shell(
        "post", "--every", f"0 9 1 {month} *", "--pool", files.text("pool.txt", "One\n---\nTwo"), "--json"
    ).json
    first = datetime.fromisoformat(post["due_at"])
    second, sixth, seventh = (f"{first.replace(year=first.year + years):%a 1 %b %Y 09:00}" for years in (1, 5, 6))
    assert f"skips {second}" in shell("recurring", "skip", "1", f"{first.year + 1}-{month:02}-01 09:00").out
    shown = shell("recurring", "show", "1").out
    assert [True, True, True, False] == [part in shown for part in ("skipped", "Two", sixth, seventh)]
    [listed] = shell("recurring", "list", "--json").json
    assert (5, post["due_at"]) == (len(listed["next"]), listed["next"][0])


def test_a_recurrence_is_edited(shell: Shell, files: Files) -> None:
    """Its text, its rule or its pool, with the post that waits; its number stays."""
    shell("post", "Good morning", "--every", "0 9 1 1 *", "--zone", "UTC")
    shell("recurring", "edit", "1", "Good evening")
    assert ["Good evening"] == [post["text"] for post in shell("list", "--json").json]
    shell("recurring", "edit", "1", "--every", "0 18 1 1 *")
    [waiting] = shell("list", "--json").json
    assert ("Good evening", 1, True) == (waiting["text"], waiting["recurrence"], "T18:00" in waiting["due_at"])
    shell("recurring", "edit", "1", "--pool", files.text("pool.txt", "One\n---\nTwo"))
    assert ["One"] == [post["text"] for post in shell("list", "--json").json]
    assert "from a pool" in shell("recurring", "edit", "1", "Three", code=2).err
    assert "nothing to change" in shell("recurring", "edit", "1", code=2).err
