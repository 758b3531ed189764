"""The stage of a comparison: each command begins with the same files, time and sandbox, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import ROOT

PROGRAM = """
import sys, tempfile
from datetime import UTC, datetime
from pathlib import Path
from compare.commands import shown
from compare.normal import normalised
from compare.stage import Stage

with tempfile.TemporaryDirectory() as folder:
    stage = Stage(Path(folder), Path(sys.argv[1]), now=datetime(2026, 3, 16, 7, tzinfo=UTC))
    password = stage.box.account("alice.test").app_password
    stage.fill("login", "alice.test", "--app-password-stdin", standard_input=password)
    stage.keep()
    for words in (["post", "Hello #world", "--json"], ["post", "Later", "--at", "fri 17:00"], ["history"], ["queue"]):
        print(normalised(shown(" ".join(words), stage.run(*words)), stage.names))
    with stage.served() as (url, path):
        print(normalised(f"{url}{path}"))
"""
EXPECTED = """$ skywrite post Hello #world --json
exit 0
-- output
{
 "id": 1,
 "uri": "at://<did 1>/app.bsky.feed.post/<rkey 1>",
 "cid": "<cid 1>",
 "url": "https://bsky.app/profile/alice.test/post/<rkey 1>","""


def test_each_run_begins_anew() -> None:
    """What a command posts and stores is gone when the next one begins, and two recordings are the same."""
    words = [sys.executable, "-c", PROGRAM, str(ROOT / "src")]
    first, second = (subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in "12")
    assert first == second
    assert EXPECTED in first
    assert "com.atproto.repo.applyWrites x 1" in first
    assert "Post 1 goes out Fri 20 Mar 2026 17:00 UTC" in first
    assert "http://127.0.0.1:<port>/sign-in/<token 1>" in first
    # In the command's line and in the record that it sent, and in no history of a later command.
    assert 2 == first.count("Hello #world")
