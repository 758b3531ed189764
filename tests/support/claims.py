"""One claim at a time, for tests; a worker claims for all its threads at once (`Store.claim_some`)."""

from __future__ import annotations

from collections.abc import Iterable

from skywrite.queue.model import Claim, Decide
from skywrite.queue.store import Store


def claim_next(
    store: Store,
    worker: str,
    lease_seconds: float,
    decide: Decide,
    *,
    tries: int = 50,
    avoid: Iterable[str] = (),
    only: Iterable[str] | None = None,
) -> Claim | None:
    """The claim for the next post, or None if nothing is ready."""
    claims = store.claim_some(worker, lease_seconds, decide, 1, lambda: (avoid, only), tries=tries)
    return claims[0] if claims else None
