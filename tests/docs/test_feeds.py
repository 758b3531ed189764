"""What the page on feeds says of errors, beside that its blocks run (`test_blocks`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite.faces.cli.main import main
from skywrite.sandbox import Sandbox
from tests.support.feed_server import FeedServer, Reply, feed_server, item, rss

HANDLE = "alice.bsky.social"


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    """The blogs of the page, and a sandbox in the place of bsky.social."""
    with feed_server() as web, Sandbox(accounts=(HANDLE,)) as box:
        web.pages["/"] = Reply(
            b"<link rel=alternate type='application/rss+xml' href='/feed'>", headers={"content-type": "text/html"}
        )
        items = [item(name, link=f"{web.url}/{name}", category="Sea watch") for name in ("two", "one")]
        web.pages["/feed"] = rss(*items, title="A blog")
        monkeypatch.chdir(tmp_path)
        for name, value in {
            "SKYWRITE_HOME": str(tmp_path / "home"),
            "SKYWRITE_PLC_URL": box.plc_url,
            "SKYWRITE_FETCH_ALLOW": "127.0.0.1",
            "BLUESKY_PDS": box.url,
            "BLUESKY_APP_PASSWORD": box.account(HANDLE).app_password,
            "BLUESKY_HANDLE": HANDLE,
        }.items():
            monkeypatch.setenv(name, value)
        yield web


def run(words: list[str], expected: int = 0) -> None:
    """One command."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert expected == (ended.value.code or 0), words


def test_errors_end_as_documented(web: FeedServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong input is 2, a feed that cannot be read now is 4, with a sentence each."""
    run(["feed", "add", f"{web.url}/feed", "--template", "{{ tilte }}"], 2)
    run(["feed", "add", f"{web.url}/feed"], 0)
    web.pages["/feed"] = Reply(status=503)
    run(["feed", "check", "1"], 4)
    run(["feed", "check", "7"], 2)
    run(["feed", "add", f"{web.url}/feed2"], 5)
    run(["feed", "add", "http://10.0.0.1/feed"], 2)
    run(["feed", "add", f"{web.url}/", "--every", "1m"], 2)
    told = capsys.readouterr().err
    for part in ("'tilte'", "503", "no feed 7", "404", "not a public address", "5 minutes"):
        assert part in told
