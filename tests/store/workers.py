"""Processes that work on one database at the same time: `python -m tests.store.workers VERB DATABASE HOME ...`.

What lives here: the verbs that such a process runs, and how a test starts one. Each result is one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import cast

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.core.errors import StorageError
from skywrite.queue.model import Published, Retry
from skywrite.queue.store import Store
from tests.support.claims import claim_next
from tests.support.processes import Child, python_child
from tests.support.stored import LEASE_SECONDS, PROBLEM, opened, post, session, take

RETRY_EVERY = 7


def worker(verb: str, address: str, home: Path, *arguments: str) -> Child:
    """Start such a process."""
    return python_child("-m", "tests.store.workers", verb, address, home, *arguments)


def sign_in(store: Store, did: str) -> None:
    """Make an account known."""
    store.accounts.sign_in(session(did))


def drain(store: Store, name: str, seconds: str, *broken: str) -> None:
    """Claim and settle until nothing is left or the time is over; every claim is printed when it is made.

    With "broken" the queries lose what guards them: the control of the test that uses this.
    """
    if broken:
        break_guards(store)
    ends = time.monotonic() + float(seconds)
    claims = 0
    while time.monotonic() < ends:
        try:
            claim = claim_next(store, name, LEASE_SECONDS, take("F"))
        except (StorageError, RuntimeError):
            if not broken:
                raise
            continue
        if claim is None:
            if store.claims.next_ready_at() is None:
                break
            time.sleep(0.002)
            continue
        claims += 1
        again = claims % RETRY_EVERY == 0 and claim.post.attempts == 1
        told = {"post": claim.post.id, "account": claim.account.did, "token": claim.token, "retry": again}
        outcome = Retry(store.clock.now(), PROBLEM) if again else Published(f"at://a/b/{claim.post.id}", "bafy")
        print(json.dumps({**told, "settled": store.claims.settle(claim, outcome)}))


def add(store: Store, name: str, count: str, *dids: str) -> None:
    """Add posts to accounts, one at a time, each with a key that all who run this share."""
    for number in range(int(count)):
        for did in dids:
            print(json.dumps(store.posts.add([post(f"{name} {number}", did=did, key=f"key-{number}")])[0]._asdict()))


def break_guards(store: Store) -> None:
    """Take the lock, the lease's and the state's tests out of claiming, as a careless change might."""
    database = store.database
    database._queries["open_attempts"] = cast(bytes, database.query("open_attempts")) + b" ON CONFLICT DO NOTHING"
    for query, guard, instead in (
        ("claim_accounts", b"FOR UPDATE SKIP LOCKED", b""),
        (
            "take_accounts",
            b"(lease_until IS NULL OR lease_until <= %(now)s)\n  AND (did, lease_token) IN (\n"
            b"    SELECT item.value ->> 'did', CAST(item.value ->> 'before' AS bigint)",
            b"did IN (\n    SELECT item.value ->> 'did'",
        ),
        (
            "take_posts",
            b"  AND version = CAST(item.value ->> 'version' AS bigint) AND state || '' IN ('scheduled', 'publishing')\n"
            b"  AND (state = 'scheduled' OR lease_token < CAST(item.value ->> 'token' AS bigint))",
            b"",
        ),
    ):
        text = database.query(query)
        assert isinstance(text, bytes) and guard in text, (query, text)
        database._queries[query] = text.replace(guard, instead)


def main(verb: str, address: str, home: str, *arguments: str) -> None:
    """Run one verb on a database."""
    store = opened(address, Path(home), SYSTEM_CLOCK)
    {"sign-in": sign_in, "drain": drain, "add": add}[verb](store, *arguments)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
