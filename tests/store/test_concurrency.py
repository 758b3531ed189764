"""Many processes on one database: no post is claimed twice, none is lost, and accounts keep their order."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.queue.model import Published
from skywrite.queue.store import Store
from tests.store.workers import RETRY_EVERY, worker
from tests.support.chance import NIGHTLY
from tests.support.claims import claim_next
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stored import LEASE_SECONDS, OpenAt, later, post, session, take

PROCESSES = 8
SECONDS = 60 if NIGHTLY else PATIENCE_SECONDS
POSTS = 20_000 if NIGHTLY else 150
PUBLISHED_MIN = POSTS // 4 if NIGHTLY else POSTS
CONTROLS_MAX = 20
CLAIMS = 48
ACCOUNTS = [f"did:plc:account{n}" for n in range(12)]


def results(address: str, home: Path, *arguments: str) -> list[dict[str, Any]]:
    """What all processes printed, none of which may fail."""
    workers = [worker(arguments[0], address, home, f"worker-{n}", *arguments[1:]) for n in range(PROCESSES)]
    ended = [one.wait(SECONDS + PATIENCE_SECONDS) for one in workers]
    assert [0] * PROCESSES == ended, "\n".join(one.output for one in workers)
    return [json.loads(line) for one in workers for line in one.lines]


def filled(store: Store) -> Store:
    """The store with many accounts, and posts that were due long ago."""
    for did in ACCOUNTS:
        store.accounts.sign_in(session(did))
    past = [later(-(10**8) + n) for n in range(POSTS)]
    store.posts.add([post(f"{n}", did=ACCOUNTS[n % len(ACCOUNTS)], due=due) for n, due in enumerate(past)])
    return store


def faults(store: Store, told: list[dict[str, Any]]) -> list[str]:
    """Everything that is wrong with what the processes did; empty when all is well."""
    faults = []
    allowed = Counter(one["post"] for one in told if one["retry"])
    for number, count in Counter(one["post"] for one in told).items():
        if count > 1 + allowed[number]:
            faults.append(f"post {number} was claimed {count} times")
    faults += [f"post {one['post']} was not settled by who claimed it" for one in told if not one["settled"]]
    for did in ACCOUNTS:
        mine = sorted((one for one in told if one["account"] == did), key=lambda one: one["token"])
        order = [one["post"] for one in mine if not one["retry"]]
        if order != sorted(order):
            faults.append(f"{did} was published out of order")
        if len({one["token"] for one in mine}) != len(mine):
            faults.append(f"{did} gave one token twice")
    return faults


def test_eight_processes_claim(address: str, home: Path, open_at: OpenAt) -> None:
    """Eight processes drain one queue: each post is published by exactly one claim, in its account's order."""
    store = filled(open_at(address, SYSTEM_CLOCK))
    told = results(address, home, "drain", str(SECONDS))
    published = list(store.listing.all_posts(["published"]))
    assert [] == faults(store, told)
    assert {one["post"] for one in told if not one["retry"]} == {row.id for row in published}
    # Of each process every seventh claim is one to be tried again, if it was not tried again already.
    retries_min = (len(told) - PROCESSES * RETRY_EVERY) // RETRY_EVERY // 2
    assert (True, True) == (len(published) >= PUBLISHED_MIN, sum(one["retry"] for one in told) >= retries_min)


@pytest.mark.nightly
def test_the_test_can_fail(postgres_address: str, home: Path, open_at: OpenAt) -> None:
    """The control: without the lock and the tests of lease, state and attempt, posts are claimed twice.

    Where the processes happen not to meet, they get another chance.
    """
    store, problems = open_at(postgres_address, SYSTEM_CLOCK), list[str]()
    for _ in range(CONTROLS_MAX):
        filled(store)
        told = results(postgres_address, home, "drain", "8", "broken")
        if problems := faults(store, told):
            break
    assert [] != problems


def test_the_same_keys_at_once(address: str, home: Path, open_at: OpenAt) -> None:
    """Processes that add posts with the same keys at the same time store each of them once."""
    store = open_at(address, SYSTEM_CLOCK)
    for did in ACCOUNTS[:2]:
        store.accounts.sign_in(session(did))
    told = results(address, home, "add", "10", *ACCOUNTS[:2])
    fresh = [one["id"] for one in told if not one["existed"]]
    assert (20, 20, {one["id"] for one in told}) == (len(fresh), store.listing.count()["scheduled"], set(fresh))


@pytest.mark.parametrize("threads", [8])
def test_threads_share_a_store(address: str, open_at: OpenAt, threads: int) -> None:
    """Threads of one process may use one store, and get different posts."""
    store = filled(open_at(address, SYSTEM_CLOCK))
    seen: list[int] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            # Who comes while others have locked all accounts gets nothing.
            while len(seen) < CLAIMS:
                claim = claim_next(store, "w", LEASE_SECONDS, take("F"))
                if claim is not None:
                    seen.append(claim.post.id)
                    assert store.claims.settle(claim, Published("at://a/b/c", "bafy"))
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert ([], len(set(seen)), True) == (errors, len(seen), len(seen) >= CLAIMS)
