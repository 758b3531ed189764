"""Backup, publish, restore, publish: against the reference PDS, on both databases, nothing appears twice.

On a push each test runs on one of the two: what is restored there and then is the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from skywrite.app import Skywrite
from skywrite.app.bots import Answerer
from skywrite.core.config import load_config
from skywrite.features.answers.bot.answering import item_of
from skywrite.features.answers.store import InboxItems, NewItem
from skywrite.features.reposts.service import REPOST
from skywrite.protocol.bsky.limits import POST
from skywrite.queue.marks import Marks, ToMark
from tests.crash.support import environment, fake_now
from tests.support.pds import Pds, PdsAccount

POSTS = 20
WORDS = count()
EVERY, EVERY_SECONDS = "*/5 * * * *", 300


def sqlite_files(request: pytest.FixtureRequest, folder: Path) -> tuple[str, Callable[[], str]]:
    """A database file, and what copies it and names the copy."""
    original = folder / "queue.db"

    def copy() -> str:
        shutil.copy(original, folder / "backup.db")
        return str(folder / "backup.db")

    return str(original), copy


def postgres_databases(request: pytest.FixtureRequest, folder: Path) -> tuple[str, Callable[[], str]]:
    """The same with a database on a server; nobody may be connected to it while it is copied."""
    server = request.getfixturevalue("postgres")
    original: str = request.getfixturevalue("postgres_url")

    def copy() -> str:
        name = original.rpartition("/")[2]
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}".encode())
        return f"{original}_copy"

    return original, copy


@pytest.mark.parametrize(
    "database", [sqlite_files, pytest.param(postgres_databases, marks=pytest.mark.nightly)], ids=["sqlite", "postgres"]
)
def test_a_restored_backup_publishes_nothing_twice(
    pds: Pds,
    account: PdsAccount,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    database: Callable[[pytest.FixtureRequest, Path], tuple[str, Callable[[], str]]],
) -> None:
    """Twenty posts, one of them a thread with gates, go out after the backup; the restored queue finds all of them."""
    original, copy = database(request, tmp_path)
    clock = fake_now()

    def opened(address: str) -> Skywrite:
        return Skywrite(config=load_config(environment(tmp_path, pds.plc_url, address)), clock=clock)

    with opened(original) as sky:
        sky.accounts.login(account.handle, account.app_password, pds=pds.url)
        due = clock.now() + timedelta(seconds=1)
        for number in range(POSTS - 1):
            sky.schedule(f"post {number}", at=due)
        sky.schedule("a thread", at=due, thread=["its second post"], replies=["mentioned"])
    backup = copy()
    clock.advance(1)
    with opened(original) as sky:
        sky.run_once()
    written = pds.records(account.did)
    clock.advance(5)
    with opened(backup) as restored:
        restored.run_once()
        ends = [(post.state, post.uri) for post in restored.context.store.listing.all_posts()]
        problems = [
            one.problem.name
            for number in range(1, POSTS + 1)
            for one in restored.context.store.posts.attempts(number)
            if one.problem
        ]
    assert (POSTS + 1, written) == (len(written), pds.records(account.did))
    assert ([("published", True)] * POSTS, ["FoundOnNetwork"] * POSTS) == (
        [(state, uri in {record["uri"] for record in written}) for state, uri in ends],
        problems,
    )


def make_by_itself(sky: Skywrite, did: str) -> None:
    """What a worker makes in two turns: an answer, follow-ups, a repost, a function's post, in words of this turn."""
    sky.every(EVERY, name="often")(lambda: f"A function at {next(WORDS)}")
    counts = dict.fromkeys(("reposts", "replies", "quotes", "bookmarks"), 0) | {"likes": 2}
    post = sky.context.store.posts.get(1)
    Marks(sky.context.store).note([(ToMark(1, str(post.uri), did, 1, "text", sky.context.clock.now()), counts, [])])
    item = InboxItems(sky.context.store).claim(did, lambda item: None)
    assert item is not None
    asked = item_of(sky.accounts.get(did), item, tuple, asked=False)
    sky.inbox.answer_by(Answerer("answer", lambda asked: f"An answer at {next(WORDS)}", unasked=True), asked, item)
    for _ in range(2):
        sky.run_once()


@pytest.mark.parametrize(
    "database", [pytest.param(sqlite_files, marks=pytest.mark.nightly), postgres_databases], ids=["sqlite", "postgres"]
)
def test_a_restored_backup_makes_nothing_twice_by_itself(
    pds: Pds,
    account: PdsAccount,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    database: Callable[[pytest.FixtureRequest, Path], tuple[str, Callable[[], str]]],
) -> None:
    """An answer, a follow-up's reply and repost, a repeated repost and a function's post: each once, as it was."""
    original, copy = database(request, tmp_path)
    clock, carol = fake_now(), pds.create_account()

    def opened(address: str) -> Skywrite:
        return Skywrite(config=load_config(environment(tmp_path, pds.plc_url, address)), clock=clock)

    def made() -> list[Any]:
        return [pds.records(account.did, name) for name in (POST, REPOST)]

    with opened(original) as sky:
        sky.accounts.login(account.handle, account.app_password, pds=pds.url)
        sky.every(EVERY, name="often")(lambda: None)
        sky.run_once()
        sent = sky.post("Ask me")
        subject = {"uri": sent.uri, "cid": sent.cid}
        value = {"text": "When?", "createdAt": "2026-01-01T00:00:00Z", "reply": {"root": subject, "parent": subject}}
        body = {"repo": carol.did, "collection": POST, "record": value}
        asked = pds.call("com.atproto.repo.createRecord", body, jwt=carol.access_jwt)
        fields = (
            account.did,
            asked["uri"],
            asked["cid"],
            "reply",
            carol.did,
            carol.handle,
            "When?",
            sent.uri,
            clock.now(),
        )
        InboxItems(sky.context.store).add([NewItem(*fields)])
        sky.follow_ups.add(1, when="1 like", reply="Thank you")
        sky.follow_ups.add(1, when="2 likes", repost=True)
        sky.reposts.repost(sent.uri, every=EVERY)
        # The first answers of a bot wait for an approval.
        sky.accounts.set(None, {"answers": "on"})
    before, backup = made(), copy()
    # Within the next five minutes, and not at their edge.
    clock.advance(EVERY_SECONDS - clock.now().timestamp() % EVERY_SECONDS + 60)
    with opened(original) as sky:
        make_by_itself(sky, account.did)
    after = made()
    clock.advance(1)
    with opened(backup) as restored:
        make_by_itself(restored, account.did)
    assert ([(1, 0), (4, 2)], after) == ([tuple(map(len, one)) for one in (before, after)], made())
