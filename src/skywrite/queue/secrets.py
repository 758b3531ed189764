"""Small secrets besides the sessions: keys of OAuth clients, passwords of mail servers, and pending sign-ins.

What lives here: storing them sealed. What does not: what they mean.
"""

from __future__ import annotations

from datetime import datetime

from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row


class SecretOperations(StoreBase):
    """Sealed texts by scope and name."""

    def put_secret(self, scope: str, name: str, text: str | None, *, expires_at: datetime | None = None) -> None:
        """Store a secret, which is gone after a time if one is given; None removes it."""
        sealed = None if text is None else self._vault.seal(text.encode(), secret_about(scope, name))
        with self._writing(wake=False) as tx:
            if sealed is None:
                tx.run("delete_secret", scope=scope, name=name)
            else:
                tx.run("put_secret", scope=scope, name=name, sealed=sealed, expires_at=expires_at)

    def secret(self, scope: str, name: str) -> str | None:
        """A secret, or None. Raises WrongKey."""
        with self._reading() as tx:
            row = tx.row("get_secret", scope=scope, name=name, now=self._clock.now())
        return self._unsealed(scope, name, row)

    def take_secret(self, scope: str, name: str) -> str | None:
        """Return and remove a one-time secret: only one of several concurrent callers gets it."""
        with self._writing(wake=False) as tx:
            row = tx.row("take_secret", scope=scope, name=name, now=self._clock.now())
        return self._unsealed(scope, name, row)

    def prune_secrets(self) -> int:
        """Forget secrets that have expired. Returns how many."""
        with self._writing(wake=False) as tx:
            return tx.run("forget_secrets", now=self._clock.now())

    def _unsealed(self, scope: str, name: str, row: Row | None) -> str | None:
        return None if row is None else self._vault.unseal(bytes(row["sealed"]), secret_about(scope, name)).decode()


def secret_about(scope: str, name: str) -> str:
    return f"{scope}/{name}"
