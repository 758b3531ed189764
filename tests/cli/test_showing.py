"""What `show`, `history` and `recurring` say."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tests.support.processes import ROOT
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


def test_a_post_is_shown_by_its_link(shell: Shell) -> None:
    """And by its at-uri, with the handle or the DID; a post from elsewhere is none of the queue's."""
    post = shell("post", "One", "--json").json
    rkey = post["uri"].rpartition("/")[2]
    for link in (post["uri"], post["url"], f"at://alice.test/app.bsky.feed.post/{rkey}"):
        assert 1 == shell("show", link, "--json").json["id"]
    assert "post.unknown" in shell("show", f"{post['url'][:-1]}x", "--json", code=2).out


def test_commands_show_times_in_the_zone_of_the_account(shell: Shell, files: Files) -> None:
    """UTC is shown only where there is no account: without a database, and by a proof that others read."""
    shell("accounts", "set", "zone=Asia/Tokyo")
    files.text("a.md", "---\nat: 2070-05-05T09:00:00Z\n---\nFrom a file\n")
    assert "(post 1, 2070-05-05 18:00 Asia/Tokyo)" in shell("sync", str(files.folder)).out
    shell("post", "One")
    assert re.search(r"Attempt 1, .* Asia/Tokyo: it is on the network", shell("show", "2").out)
    source = ROOT / "src/skywrite"
    commands = [*source.glob("faces/cli/*.py"), *source.glob("features/*/cli.py")]
    fixed = [path for path in commands if re.search(r"%H:%M(:%S)?\} UTC", path.read_text(encoding="utf-8"))]
    assert ["faces/cli/posting.py", "features/receipts/cli.py"] == sorted(
        path.relative_to(source).as_posix() for path in fixed
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
