"""What needs a person is said at the top of every page and counted in the menu, to those whom it concerns."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.operations import Access
from skywrite.core.feature import Need
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.pages.needs import COUNTED_MAX, counts_of, needs_of, shown_count
from skywrite.faces.server.security import Origin
from skywrite.features.answers.service import SETTING
from skywrite.features.answers.store import InboxItems, NewItem
from skywrite.features.feeds.model import NewFeed
from skywrite.features.feeds.store import FeedStore
from skywrite.queue.accounts import Accounts
from skywrite.queue.api_keys import SCOPES
from skywrite.queue.authors import written_by
from skywrite.queue.people import People
from tests.support.stored import BOB, session


def _fill(sky: Skywrite) -> str:
    """Something of each kind; returns the account's DID."""
    store, did = sky.context.store, sky.accounts.get("alice.test").did
    late, failed = (sky.schedule(text, at="in 1 hour").post_id for text in ("late", "failed"))
    sky.posts.hold(late)
    sky.accounts.set("alice.test", {"approval": "all", SETTING: "yes"})
    sky.schedule("Ask me", at="in 2 hours")
    with written_by("key 1", agent=True):
        sky.schedule("An idea", draft=True, source="api")
    claim = FeedStore(store).add_feed(NewFeed("https://feed.example/", (did,), "News"), "w", 60)
    FeedStore(store).release_feed(claim)
    item = NewItem(
        account_did=did,
        uri="at://did:plc:carol/app.bsky.feed.post/1",
        cid="bafyreiexample",
        reason="reply",
        author_did="did:plc:carol",
        author_handle="carol.test",
        text="Hello",
        subject=f"at://{did}/app.bsky.feed.post/1",
        indexed_at=sky.context.clock.now() - timedelta(minutes=1),
    )
    InboxItems(store).add([item])
    with closing(sqlite3.connect(store.place)) as database, database:
        database.execute(
            "UPDATE post SET state = 'failed', error_code = '', error_message = '', error_hint = '' WHERE id = ?",
            (failed,),
        )
        database.execute("UPDATE feed SET failures = 3")
    return did


SAID = {
    "1 post failed.": "/history?state=failed",
    "1 held post waits for you to decide.": "/posts/1",
    "The feed News cannot be read.": "/feeds",
    "2 posts wait for an approval.": "/approvals",
}


def _page(sky: Skywrite) -> str:
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}"}
    client = TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers)
    return client.get("/media").text


def _access(sky: Skywrite, *dids: str) -> Access:
    return Access(sky, frozenset(SCOPES), who="key 1", accounts=frozenset(dids) if dids else None)


def test_nothing_needs_anybody(sky: Skywrite) -> None:
    """A page says nothing above its content, and the menu has no counts."""
    assert ([], None) == (needs_of(sky, _access(sky)), re.search('class="(count|notes needs)"', _page(sky)))


def test_every_page_says_what_needs_a_person(sky: Skywrite) -> None:
    """Each with a link to where it is mended; the menu counts it, and the inbox, too."""
    _fill(sky)
    page = _page(sky)
    assert SAID == dict(re.findall(r"<li>([^<]+) <a href=\"([^\"]+)\">Look", page))
    counted = dict(re.findall(r'href="([^"]+)".*?<b class="count">([^<]+)</b>', page))
    assert {"/history": "1", "/feeds": "1", "/approvals": "2", "/inbox": "1"} == counted


def test_a_stranger_learns_nothing(sky: Skywrite) -> None:
    """What another account needs is neither said nor counted."""
    did = _fill(sky)
    sky.accounts.logout()
    assert [] == needs_of(sky, _access(sky, "did:plc:other"))
    assert needs_of(sky, _access(sky)) == needs_of(sky, _access(sky, did))


def test_what_cannot_be_read_is_left_out(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is said all the same."""
    _fill(sky)

    def failing(store: FeedStore, *given: Any) -> None:
        raise LookupError("no such column")

    monkeypatch.setattr(FeedStore, "failing", failing)
    sentences = [need.words for need in needs_of(sky, _access(sky)) if need.words]
    assert [words for words in SAID if "feed" not in words] == sentences


def test_nobody_counts_on(sky: Skywrite) -> None:
    """More than ninety-nine is ninety-nine and more."""
    assert ["99", "99+", "99+"] == [shown_count(count) for count in (99, 100, 1000)]
    assert {"/a": "3", "/b": "99+"} == counts_of([Need("/a", 1), Need("/a?x=1", 2, "x"), Need("/b", 100)])


@pytest.mark.parametrize("state", ["failed", "held"])
def test_posts_of_others_hide_nothing_of_ones_own(sky: Skywrite, state: str) -> None:
    """However many posts of another account are stuck, and were due before."""
    store = sky.context.store
    store.accounts.sign_in(session(BOB, "bob.test"))
    for hour in range(COUNTED_MAX):
        sky.schedule(f"Other {hour}", at=f"in {hour + 1} hours", account="alice.test")
    sky.schedule("Mine", at="in 30 days", account="bob.test")
    with closing(sqlite3.connect(store.place)) as database, database:
        database.execute("UPDATE post SET state = ?, error_code = '', error_message = '', error_hint = ''", (state,))
    assert [1] == [need.items for need in needs_of(sky, _access(sky, BOB))]


def test_feeds_of_others_hide_nothing_of_ones_own(sky: Skywrite) -> None:
    """However many feeds of another account cannot be read, and were added before."""
    store = sky.context.store
    store.accounts.sign_in(session(BOB, "bob.test"))
    alice = sky.context.account("alice.test").did
    for number in range(COUNTED_MAX + 1):
        owner = BOB if number == COUNTED_MAX else alice
        FeedStore(store).add_feed(NewFeed(f"https://feed.example/{number}", (owner,), "Mine"), "w", 60)
    with closing(sqlite3.connect(store.place)) as database, database:
        database.execute("UPDATE feed SET state = 'gone'")
    assert ["The feed Mine cannot be read."] == [need.words for need in needs_of(sky, _access(sky, BOB))]


def test_accounts_are_read_as_often_as_there_are_questions(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once more for each of them: a page of many accounts would take seconds."""
    store = sky.context.store
    asked: list[int] = []
    every = Accounts.all
    monkeypatch.setattr(Accounts, "all", lambda accounts: asked.append(1) or every(accounts))
    needs_of(sky, _access(sky))
    few = len(asked)
    for number in range(20):
        store.accounts.sign_in(session(f"did:plc:{number:024d}", f"n{number}.test"))
    asked.clear()
    needs_of(sky, _access(sky))
    assert few == len(asked)
