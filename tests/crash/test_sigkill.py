"""Workers are killed all the time, answers get lost, and yet everything is published once.

The control shows that the test can fail: the same loop with keys chosen by the server publishes some posts twice.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from tests.crash.workers import fork_server, start_worker, texts, wait_for_events
from tests.support.chance import NIGHTLY, SEED
from tests.support.fault_proxy import RESET_AFTER, Fault, FaultProxy
from tests.support.pds import Pds, PdsAccount

POSTS = 200 if NIGHTLY else 48
TWO_WORKERS_POSTS = 200 if NIGHTLY else 16
CONTROL_POSTS = 400 if NIGHTLY else 32
KILLS_MIN = 2000 if NIGHTLY else 20
TWO_WORKERS_KILLS_MIN = 500 if NIGHTLY else 10
ACCOUNTS = 4
LOST_ANSWERS = 0.05
EVENTS_MAX = 9
QUIET_SECONDS = 5.0
ALIVE_SECONDS_MAX = 0.03


def losing_answers(seed: int) -> Callable[[str, str], Fault | None]:
    """Every twentieth write is carried out without anybody being told."""
    chance = random.Random(seed)

    def decide(method: str, name: str) -> Fault | None:
        lost = name.startswith("com.atproto.repo.") and method == "POST" and chance.random() < LOST_ANSWERS
        return RESET_AFTER if lost else None

    return decide


def environment(folder: Path, proxy: FaultProxy, database: str = "") -> dict[str, str]:
    """What a worker process needs to know."""
    return {
        "SKYWRITE_HOME": str(folder),
        "SKYWRITE_DATABASE": database or str(folder / "queue.db"),
        "SKYWRITE_PLC_URL": proxy.url,
        "SKYWRITE_VIDEO_SERVICE": "",
    }


def sign_in(environ: dict[str, str], proxy: FaultProxy, accounts: list[PdsAccount]) -> list[list[str]]:
    """Sign the accounts in; the texts that each is to have in the end, none so far."""
    with Skywrite(config=load_config(environ)) as sky:
        for account in accounts:
            sky.accounts.login(account.handle, account.app_password, pds=proxy.url)
            # On a slow computer the backlog is overdue before it is out.
            sky.accounts.set(account.handle, {"catch_up_gap_seconds": 0})
    return [[] for _ in accounts]


def fill(environ: dict[str, str], accounts: list[PdsAccount], expected: list[list[str]], posts: range) -> None:
    """Schedule posts, every third one a thread, and note the texts of each account."""
    with Skywrite(config=load_config(environ)) as sky:
        rows = []
        for number in posts:
            place = number % len(accounts)
            row: dict[str, Any] = {
                "text": f"post {number}",
                "at": "now",
                "account": accounts[place].handle,
                "late": "publish",
            }
            expected[place].append(f"post {number}")
            if number % 3 == 0:
                row["thread"] = [f"post {number}, second"]
                expected[place].append(f"post {number}, second")
            rows.append(row)
        assert [] == [report.error for report in sky.transfer.import_rows(rows) if report.error]


def kill_until_done(environ: dict[str, str], *, seed: int, control: bool = False, workers: int = 1) -> int:
    """Start workers, and kill them at a random moment of their work, until nothing is left; how many kills."""
    chance, context, kills = random.Random(seed), fork_server(), 0
    with Skywrite(config=load_config(environ)) as sky:
        while sky.posts.count_due():
            running = [start_worker(context, environ, control=control) for _ in range(workers)]
            wait_for_events(running, chance.randint(1, EVENTS_MAX), QUIET_SECONDS)
            threading.Event().wait(chance.uniform(0.0, ALIVE_SECONDS_MAX))
            for victim in running:
                victim.kill()
                kills += 1
    return kills


def kill_often(
    environ: dict[str, str],
    accounts: list[PdsAccount],
    expected: list[list[str]],
    kills_min: int,
    *,
    posts_a_round: int = POSTS,
    workers: int = 1,
) -> tuple[int, int]:
    """Schedule posts and kill until they are out, as often as it takes, since a fast computer is killed less often for
    as many posts; how many posts and kills."""
    posts = kills = 0
    while kills < kills_min:
        fill(environ, accounts, expected, range(posts, posts + posts_a_round))
        posts += posts_a_round
        kills += kill_until_done(environ, seed=SEED + posts, workers=workers)
    return posts, kills


@pytest.mark.timeout(7200 if NIGHTLY else 1800)
def test_nothing_is_lost_and_nothing_is_published_twice(pds: Pds, tmp_path: Path) -> None:
    """Dozens of kills (thousands at night), one answer in twenty lost: each post is there once; the queue says so."""
    accounts = [pds.create_account() for _ in range(ACCOUNTS)]
    with FaultProxy(pds.url, pds.plc_url) as proxy:
        environ = environment(tmp_path, proxy)
        expected = sign_in(environ, proxy, accounts)
        proxy.decide = losing_answers(SEED + 1)
        posts, kills = kill_often(environ, accounts, expected, KILLS_MIN)
        lost = sum(item.fault is RESET_AFTER for item in proxy.exchanges)
        print(f"{posts} posts, {kills} kills, {lost} lost answers")
        with Skywrite(config=load_config(environ)) as sky:
            counts = sky.context.store.listing.count()
    assert [sorted(texts_of) for texts_of in expected] == [texts(pds.records(account.did)) for account in accounts]
    assert (posts, 0) == (counts["published"], counts["failed"] + counts["held"])


@pytest.mark.timeout(3600 if NIGHTLY else 1800)
def test_the_control_publishes_twice(pds: Pds, tmp_path: Path) -> None:
    """With record keys chosen by the server, the same kills make duplicates: the test above can fail."""
    accounts = [pds.create_account() for _ in range(ACCOUNTS)]
    with FaultProxy(pds.url, pds.plc_url) as proxy:
        environ = environment(tmp_path, proxy)
        expected = sign_in(environ, proxy, accounts)
        fill(environ, accounts, expected, range(CONTROL_POSTS))
        proxy.decide = losing_answers(1)
        kill_until_done(environ, seed=2, control=True)
    count = sum(len(pds.records(account.did)) for account in accounts)
    assert count > sum(map(len, expected))


@pytest.mark.timeout(3600 if NIGHTLY else 1800)
def test_two_workers_on_postgresql_lose_and_repeat_nothing(pds: Pds, postgres_url: str, tmp_path: Path) -> None:
    """The same on PostgreSQL, with two workers that are killed together."""
    accounts = [pds.create_account() for _ in range(ACCOUNTS)]
    with FaultProxy(pds.url, pds.plc_url) as proxy:
        environ = environment(tmp_path, proxy, postgres_url)
        expected = sign_in(environ, proxy, accounts)
        proxy.decide = losing_answers(SEED + 3)
        posts, kills = kill_often(
            environ, accounts, expected, TWO_WORKERS_KILLS_MIN, posts_a_round=TWO_WORKERS_POSTS, workers=2
        )
        print(f"{posts} posts, {kills} kills")
    assert [sorted(texts_of) for texts_of in expected] == [texts(pds.records(account.did)) for account in accounts]
