"""The drafts of the official app that were pulled, and how they and our posts were then.

What does not live here: pulling them (`service`).
"""

from __future__ import annotations

from typing import NamedTuple

from skywrite.queue.base import StoreBase


class PulledState(NamedTuple):
    """A draft's post here, and digests of the draft there and of the post here when both were last the same."""

    post_id: int
    remote_digest: str
    local_digest: str


class AppDrafts:
    """The pulled drafts of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def get(self, account_did: str, draft_id: str) -> PulledState | None:
        """What is known of a draft; None if it was never pulled."""
        with self._store.reading() as tx:
            row = tx.row("get_app_draft", account_did=account_did, id=draft_id)
        return None if row is None else PulledState(row["post_id"], row["remote_digest"], row["local_digest"])

    def put(self, account_did: str, draft_id: str, state: PulledState) -> None:
        """Record how both sides are now."""
        with self._store.writing(wake=False) as tx:
            tx.run("put_app_draft", account_did=account_did, id=draft_id, **state._asdict())
