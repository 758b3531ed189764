"""The page on feeds: every command and the Python work, with local servers in the place of those it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skywrite.cli.main import main
from skywrite.sandbox import Sandbox
from tests.docs.examples import HANDLE, PASSWORD, examples, fill_sandbox
from tests.support.feed_server import FeedServer, Reply, feed_server, item, rss

PAGE = "docs/guide/feeds.md"


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    """The blogs of the page, and a sandbox in the place of bsky.social."""
    with feed_server() as web, Sandbox(accounts=(HANDLE,)) as box:
        fill_sandbox(box)
        web.pages["/"] = Reply(
            b"<link rel=alternate type='application/rss+xml' href='/feed'>", headers={"content-type": "text/html"}
        )
        items = [item(name, link=f"{web.url}/{name}", category="Sea watch") for name in ("two", "one")]
        web.pages["/feed"] = rss(*items, title="A blog")
        monkeypatch.chdir(tmp_path)
        outline = f'<outline text="A blog" xmlUrl="{web.url}/feed"/>'
        (tmp_path / "subscriptions.opml").write_text(f"<opml><body>{outline}</body></opml>")
        for name, value in {
            "SKYWRITE_HOME": str(tmp_path / "home"),
            "SKYWRITE_PLC_URL": box.plc_url,
            "SKYWRITE_FETCH_ALLOW": "127.0.0.1",
            "BLUESKY_PDS": box.url,
            "BLUESKY_APP_PASSWORD": PASSWORD,
            "BLUESKY_HANDLE": HANDLE,
        }.items():
            monkeypatch.setenv(name, value)
        yield web


def local(text: str, web: FeedServer) -> str:
    """The same with local addresses."""
    return re.sub(r"https://[a-z]+\.example", web.url, text)


def run(words: list[str], expected: int = 0) -> None:
    """One command; `run` ends by itself here."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--once"] if words == ["run"] else words)
    assert expected == (ended.value.code or 0), words


def test_every_command_works(web: FeedServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Typed in the order of the page, none of them fails, and each says something."""
    for example in examples(PAGE):
        if example.language == "sh":
            for words in example.commands():
                # One of the two posts has to wait for the account's gap.
                run([local(word, web) for word in words], 0)
                assert capsys.readouterr().out, words


def test_the_python_example_runs(web: FeedServer, capsys: pytest.CaptureFixture[str]) -> None:
    """It adds a feed and shows an item."""
    (example,) = [one for one in examples(PAGE) if one.language == "python"]
    names: dict[str, Any] = {}
    exec(compile(local(example.code, web), example.name, "exec"), names)
    out = capsys.readouterr().out
    assert "A blog (1,)" in out and "queued TWO" in out


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
