"""Clocks that ran ahead and were corrected: times that they left in the future are reset, so that nothing waits for
them.

What lives here: leases, pauses, retries and polls that are further ahead than any that could be set now, or that were
set at a future time. What does not: the minimum gap (`publish.budget`) and the ledger of write points (`claims`), which
ignore the future; times that a user gave; occurrences, which are never made twice.
"""

from __future__ import annotations

from datetime import timedelta

from skywrite.queue.base import StoreBase
from skywrite.queue.steps import locked, update_ready

# Smaller differences between computers do no harm; `doctor` reports larger ones.
SKEW = timedelta(seconds=60)


class ClockSkewOperations(StoreBase):
    """Operations that clean up after a clock that ran ahead."""

    def recover_clock_skew(self, *, lease_seconds: float, pause_seconds: float) -> int:
        """Free accounts and feeds that wait for a time which only a clock that ran ahead can have set.

        Returns how many. No lease is longer than `lease_seconds`, and no pause longer than `pause_seconds`. An account
        that was deferred by its own pace is decided again. Fencing tokens still protect against the holder of a lease
        if it is alive after all.
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
