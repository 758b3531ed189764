"""Lists of subscriptions on the command line: each feed is shown, none is added before somebody says so."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from tests.support.feed_server import FeedServer, feed_server, item, rss
from tests.support.shell import Files, Shell


@pytest.fixture
def web(shell: Shell) -> Iterator[FeedServer]:
    """Two feeds, which may be opened."""
    with feed_server() as server:
        server.pages["/news"] = rss(item("one", title="Harbour opens"), title="News")
        server.pages["/blog"] = rss(item("two", title="A new ship"), title="Blog")
        shell.set(SKYWRITE_FETCH_ALLOW="127.0.0.1")
        yield server


@pytest.fixture
def feeds(files: Files, web: FeedServer) -> str:
    """A list of both, and of one that is not there."""
    outlines = "".join(f'<outline text="{name}" xmlUrl="{web.url}/{name}"/>' for name in ("news", "gone", "blog"))
    return files.text("subscriptions.opml", f"<opml version='2.0'><body>{outlines}</body></opml>")


def test_a_list_is_shown_and_added_by_saying_so(shell: Shell, feeds: str, web: FeedServer) -> None:
    """Without a terminal nothing is added, and the hint adds all that are there; again, they are there already."""
    told = shell("feeds", "add", feeds, code=None)
    assert all(words in told.out for words in ("Harbour opens", "A new ship", "0 of 3 feeds added"))
    assert (True, []) == (told.code != 0, shell("feeds", "list", "--json").json)
    hint = next(line for line in (told.out + told.err).splitlines() if "--yes" in line)
    added = shell(*shlex.split(hint.partition("skywrite ")[2]), code=None)
    assert "2 of 3 feeds added; 0 there already, 1 not to be had." in added.out
    assert [f"{web.url}/news", f"{web.url}/blog"] == [one["url"] for one in shell("feeds", "list", "--json").json]
    assert [] == shell("list", "--json").json
    again = shell("feeds", "add", feeds, "--yes", "--json", code=None).json
    assert [True, False, True] == [one["existed"] for one in again]


def test_somebody_at_a_terminal_is_asked(shell: Shell, feeds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for all feeds that are there."""
    asked: list[str] = []
    monkeypatch.setattr("skywrite.features.feeds.cli.can_ask", lambda: True)
    monkeypatch.setattr("click.confirm", lambda text, **_: asked.append(text) or len(asked) > 1)
    shell("feeds", "add", feeds, code=None)
    assert [] == shell("feeds", "list", "--json").json
    shell("feeds", "add", feeds, code=None)
    assert ["Post the new items of these 2 feeds from now on?"] * 2 == asked
    assert 2 == len(shell("feeds", "list", "--json").json)


def test_feeds_are_written_as_a_list(shell: Shell, files: Files, feeds: str) -> None:
    """To a file or to the output; the file can be added again."""
    shell("feeds", "add", feeds, "--yes", code=None)
    out = str(files.folder / "mine.opml")
    shell("feeds", "export", "-o", out)
    assert shell("feeds", "export").out.encode() == (files.folder / "mine.opml").read_bytes()
    assert [True, True] == [one["existed"] for one in shell("feeds", "add", out, "--json").json]


@pytest.mark.parametrize("text", ["no list", "<rss/>"])
def test_what_is_no_list_is_an_error(shell: Shell, files: Files, text: str) -> None:
    """With the file's name."""
    told = shell("feeds", "add", files.text("a.opml", text), "--json", code=2).json
    assert ("opml.unreadable", True) == (told["code"], "a.opml" in told["message"])
    assert "cannot be read" in shell("feeds", "add", "away.opml", code=2).err
