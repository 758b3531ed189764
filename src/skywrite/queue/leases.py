"""Leases of all kinds of periodic work: who holds them, and how they end when their holder is dead.

What lives here: what is the same for all of them. What does not: taking, renewing and giving back a lease (each kind
has its module), the leases of posts (`claims`) and timers (`timers`), and who is dead (`app.workers`).
"""

from __future__ import annotations

from skywrite.queue.base import StoreBase

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
        with self._store._reading() as tx:
            return [row["lease_owner"] for row in tx.rows("lease_owners")]

    def end(self, owner: str) -> int:
        """End the leases of a worker that is gone, so that others go on at once. Returns how many."""
        with self._store._writing() as tx:
            now = self._store._clock.now()
            return sum(tx.run(query, owner=owner, now=now) for query in LEASED.values())
