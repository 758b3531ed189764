"""One claim at a time, for tests; a worker claims for all its threads at once (`Claims.claim_some`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from skywrite.queue.model import Claim, Decide
from skywrite.queue.store import Store


def claim_next(
    store: Store,
    worker: str,
    lease_seconds: float,
    decide: Decide,
    *,
    avoid: Iterable[str] = (),
    only: Iterable[str] | None = None,
    **tries: Any,
) -> Claim | None:
    """The claim for the next post, or None if nothing is ready; `tries` as in `claim_some`."""
    claims = store.claims.claim_some(worker, lease_seconds, decide, 1, lambda: (avoid, only), **tries)
    return claims[0] if claims else None
