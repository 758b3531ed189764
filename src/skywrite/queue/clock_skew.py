"""Clocks that ran ahead and came back: what they left in the future is brought back, so that nothing waits for it.

What lives here: leases, pauses, retries and checks that lie further ahead than any that could be set now, or that were
set at a time which is still to come. What does not: the least gap (`publish.budget`) and the ledger of write points
(`claims`), which leave out what is still to come; times that a user gave; occurrences, which are never made twice.
"""

from __future__ import annotations

from datetime import timedelta

from skywrite.queue.base import StoreBase
from skywrite.queue.steps import locked, update_ready

# Computers whose clocks are less apart than this are no trouble; `doctor` reports larger differences.
SKEW = timedelta(seconds=60)


class ClockSkewOperations(StoreBase):
    """Operations that undo what a clock that ran ahead has left."""

    def recover_clock_skew(self, *, lease_seconds: float, pause_seconds: float) -> int:
        """Free accounts and feeds that wait for a time which only a clock that ran ahead can have set; how many.

        No lease is longer than `lease_seconds`, and no pause longer than `pause_seconds`. An account that is put off
        by its own pace is asked again. Fencing tokens still guard what the holder of a lease does, should it be
        alive after all.
        """
        now = self._clock.now()
        times = {
            "now": now,
            "soon": now + SKEW,
            "lease_end": now + SKEW + timedelta(seconds=lease_seconds),
            "pause_end": now + SKEW + timedelta(seconds=pause_seconds),
        }
        with self._reading() as tx:
            dids = [row["did"] for row in tx.rows("accounts_skewed", **times)]
        for did in dids:
            with self._writing() as tx:
                locked(tx, did)
                for name in ("end_skewed_lease", "end_skewed_pause", "end_skewed_waits"):
                    tx.run(name, did=did, **times)
                update_ready(tx, did)
        return len(dids)

    def recover_feed_clock_skew(self, *, lease_seconds: float) -> int:
        """`recover_clock_skew` for feeds."""
        now = self._clock.now()
        lease_end = now + SKEW + timedelta(seconds=lease_seconds)
        with self._writing(wake=False) as tx:
            return tx.run("end_skewed_feed_waits", now=now, soon=now + SKEW, lease_end=lease_end)
