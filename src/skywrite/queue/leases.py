"""Leases of all kinds of periodic work: who holds them, how they end when their holder is dead, and the end of times
that only a clock that ran ahead can have set.

What lives here: what is the same for all of them; leases, pauses, retries and polls that are further ahead than any
that could be set now, or that were set at a future time. What does not: taking, renewing and giving back a lease (each
kind has its module), the leases of posts (`claims`) and timers (`timers`), and who is dead (`publish.processes`); the
minimum gap (`publish.budget`) and the ledger of write points (`ledger`), which ignore the future; times that a user
gave; occurrences, which are never made twice.
"""

from __future__ import annotations

from datetime import timedelta

from skywrite.queue.base import StoreBase, locked, update_ready

# Smaller differences between computers do no harm; `doctor` reports larger ones.
SKEW = timedelta(seconds=60)

# The tables that say who works on a row, and the query that ends it.
LEASED = {
    "feed": "end_leases_of_feed",
    "action": "end_leases_of_action",
    "inbox": "end_leases_of_inbox",
    "webhook": "end_leases_of_webhook",
    "notice_channel": "end_leases_of_notice_channel",
}


class Leases:
    """The leases of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def owners(self) -> list[str]:
        """The workers that hold any."""
        with self._store.reading() as tx:
            return [row["lease_owner"] for row in tx.rows("lease_owners")]

    def end(self, owner: str) -> int:
        """End the leases of a worker that is gone, so that others go on at once. Returns how many."""
        with self._store.writing() as tx:
            now = self._store.clock.now()
            return sum(tx.run(query, owner=owner, now=now) for query in LEASED.values())


def recover_clock_skew(store: StoreBase, *, lease_seconds: float, pause_seconds: float) -> int:
    """Free accounts and feeds that wait for a time which only a clock that ran ahead can have set.

    Returns how many. No lease is longer than `lease_seconds`, and no pause longer than `pause_seconds`. An account
    that was deferred by its own pace is decided again. Fencing tokens still protect against the holder of a lease
    if it is alive after all.
    """
    now = store.clock.now()
    times = {
        "now": now,
        "soon": now + SKEW,
        "lease_end": now + SKEW + timedelta(seconds=lease_seconds),
        "pause_end": now + SKEW + timedelta(seconds=pause_seconds),
    }
    with store.reading() as tx:
        dids = [row["did"] for row in tx.rows("accounts_skewed", **times)]
    for did in dids:
        with store.writing() as tx:
            locked(tx, did)
            for name in ("end_skewed_lease", "end_skewed_pause", "end_skewed_waits"):
                tx.run(name, did=did, **times)
            update_ready(tx, did)
    return len(dids)
