"""A hundred thousand posts on PostgreSQL, and large videos, with real processes: the memory of each stays small.

What is measured is memory only; how long it takes is of no importance here.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import psycopg
import pytest

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.sandbox import Sandbox
from tests.support.measured import Measured, measured
from tests.support.processes import python_child, skywrite
from tests.support.shell import Files

POSTS = int(os.environ.get("SKYWRITE_MANY_POSTS", "100000"))
PIECE = 20_000
FEW = 1000
LIST = str(min(POSTS, 100_000))
IMPORT_MEBIBYTES = 200
COMMAND_MEBIBYTES = 90
SERVER_MEBIBYTES = 160
VIDEO_BYTES = 90_000_000
VIDEO_MEBIBYTES = 160
DUE = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
PATIENCE_SECONDS = 3600.0


class Desk(NamedTuple):
    """A queue of alice's in PostgreSQL, and a folder."""

    environ: dict[str, str]
    folder: Path
    box: Sandbox

    def run(self, *words: str | Path, most: float = COMMAND_MEBIBYTES) -> Path:
        """Run a command that must end well within so much memory; its output."""
        output = self.folder / "output"
        done: Measured = measured(words, self.environ, output, timeout_seconds=PATIENCE_SECONDS)
        print(f"{' '.join(map(str, words))}: {done.mebibytes:.0f} MiB")
        assert (0, True) == (done.code, done.mebibytes < most), done
        return output


@pytest.fixture
def desk(postgres_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Alice is signed in."""
    with Sandbox(accounts=["alice.test"], blob_limit=100_000_000) as box:
        environ = {
            "SKYWRITE_HOME": str(tmp_path / "home"),
            "SKYWRITE_DATABASE": postgres_url,
            "SKYWRITE_PLC_URL": box.plc_url,
            "SKYWRITE_VIDEO_SERVICE": "",
        }
        words = ("login", "alice.test", "--pds", box.url, "--app-password-stdin")
        password = f"{box.account('alice.test').app_password}\n".encode()
        skywrite(*words, stdin=password, environ={**os.environ, **environ}).check_returncode()
        yield Desk(environ, tmp_path, box)


def row(number: int) -> dict[str, Any]:
    """A post of usual length."""
    text = f"Post number {number} of many, with some more words, so that it is as long as posts are."
    return {"text": text, "at": (DUE + timedelta(minutes=number)).isoformat(), "account": "alice.test"}


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_posts(desk: Desk) -> None:
    """Imported in pieces, listed, exported, shown, cancelled, counted and read through the API, page by page."""
    starts = [0, *range(FEW, POSTS, PIECE)]
    for first, stop in zip(starts, [*starts[1:], POSTS], strict=True):
        plan = desk.folder / f"plan{first}.jsonl"
        plan.write_text("".join(json.dumps(row(number)) + "\n" for number in range(first, stop)))
        desk.run("import", plan, most=IMPORT_MEBIBYTES)
    assert int(LIST) == len(json.loads(desk.run("queue", "--json", "--limit", LIST).read_bytes()))
    assert int(LIST) < len(desk.run("queue", "--limit", LIST).read_bytes().splitlines())
    assert POSTS == desk.run("export").read_bytes().count(b"\n")
    assert POSTS == _pages(desk)
    for words in ((), ("show", str(POSTS // 2)), ("stats",), ("doctor",)):
        desk.run(*words)
    desk.run("cancel", f"1-{FEW // 2}")
    desk.run("cancel", "--source", "import:plan0.jsonl", "--yes", "--json")
    assert POSTS - FEW == desk.run("export").read_bytes().count(b"\n")
    # As if all had been cancelled one by one, which takes the longest of all this.
    with psycopg.connect(desk.environ["SKYWRITE_DATABASE"], autocommit=True) as connection:
        connection.execute("UPDATE post SET state = 'cancelled', updated_at = due_at")
    assert int(LIST) == len(json.loads(desk.run("history", "--json", "--limit", LIST).read_bytes()))
    assert int(LIST) < len(desk.run("history", "--limit", LIST).read_bytes().splitlines())


def _pages(desk: Desk) -> int:
    """How many posts all pages of the API have, each of which is read once; the server stays small."""
    key = json.loads(desk.run("keys", "add", "--name", "test", "--scope", "read", "--json").read_text())
    words = ("-m", "skywrite.faces.cli.main", "serve", "--no-worker", "--port", "0", "--json")
    seen: set[int] = set()
    with python_child(*words, environ=desk.environ) as server:
        server.wait_for_line("}")
        url = json.loads(server.output)["url"]
        path, cursor = f"{url}/api/v1/posts?limit=500", ""
        while True:
            page = _json(path + cursor, key["key"])
            seen.update(post["id"] for post in page["posts"])
            if not page.get("next_cursor"):
                break
            cursor = f"&cursor={quote(page['next_cursor'])}"
        status = Path(f"/proc/{server.pid}/status").read_text()
    most = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    print(f"serve: {most:.0f} MiB")
    assert most < SERVER_MEBIBYTES
    return len(seen)


def _json(url: str, key: str) -> Any:
    """A page; a server that is asked too often says when to ask again."""
    while True:
        try:
            with urlopen(Request(url, headers={"Authorization": f"Bearer {key}"})) as response:
                return json.load(response)
        except HTTPError as refused:
            if refused.code != 429:
                raise
            SYSTEM_CLOCK.wait(threading.Event(), float(refused.headers["Retry-After"]))


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_large_video_passes_through(desk: Desk, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ninety megabytes are scheduled, imported and published through PostgreSQL, some at a time."""
    monkeypatch.setattr("tests.support.shell.LARGE_VIDEO_BYTES", VIDEO_BYTES)
    video = files.large_video
    desk.run("post", "Scheduled", "--video", video, "--alt", "A video", "--at", "in 2 seconds", most=VIDEO_MEBIBYTES)
    plan = desk.folder / "videos.jsonl"
    plan.write_text(json.dumps({"text": "Imported", "at": "now", "video": {"path": video, "alt": "The same"}}) + "\n")
    desk.run("import", plan, most=VIDEO_MEBIBYTES)
    ended = SYSTEM_CLOCK.monotonic() + 600
    while len(desk.box.posts("alice.test")) < 2 and SYSTEM_CLOCK.monotonic() < ended:
        desk.run("run", "--once", most=VIDEO_MEBIBYTES)
    assert {"Scheduled", "Imported"} == {post.text for post in desk.box.posts("alice.test")}
