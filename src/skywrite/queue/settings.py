"""Values of the whole queue by scope and name: settings, which are what somebody chose, and sealed secrets besides the
sessions: keys of OAuth clients, passwords of mail servers, and pending sign-ins.

What does not live here: what they mean; what belongs to an account, a feed and so on, which is with them; and what the
program itself must remember, which has tables of its own.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from skywrite.queue.base import StoreBase, repeated
from skywrite.queue.database import Row
from skywrite.queue.rows import dump_json


class Settings:
    """JSON values by scope and name."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def get(self, scope: str, name: str, default: Any = None) -> Any:
        """A setting (any JSON value), or the default."""
        with self._store.reading() as tx:
            row = tx.row("get_setting", scope=scope, name=name)
        return default if row is None else json.loads(row["value"])

    def all(self, scope: str) -> dict[str, Any]:
        """All settings of a scope."""
        with self._store.reading() as tx:
            return {row["name"]: json.loads(row["value"]) for row in tx.rows("list_settings", scope=scope)}

    @repeated
    def put(self, scope: str, name: str, value: Any) -> None:
        """Store a setting; None removes it."""
        with self._store.writing(wake=False) as tx:
            if value is None:
                tx.run("delete_setting", scope=scope, name=name)
            else:
                tx.run("put_setting", scope=scope, name=name, value=dump_json(value))


class Secrets:
    """Sealed texts by scope and name."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def put(self, scope: str, name: str, text: str | None, *, expires_at: datetime | None = None) -> None:
        """Store a secret, which is gone after a time if one is given; None removes it."""
        sealed = None if text is None else self._store.vault.seal(text.encode(), secret_about(scope, name))
        with self._store.writing(wake=False) as tx:
            if sealed is None:
                tx.run("delete_secret", scope=scope, name=name)
            else:
                tx.run("put_secret", scope=scope, name=name, sealed=sealed, expires_at=expires_at)

    def put_new(self, scope: str, name: str, text: str, *, expires_at: datetime) -> bool:
        """Store a secret, unless there is one already: of several concurrent callers, one is told True."""
        values = {"sealed": self._store.vault.seal(text.encode(), secret_about(scope, name)), "expires_at": expires_at}
        with self._store.writing(wake=False) as tx:
            return tx.run("put_new_secret", scope=scope, name=name, now=self._store.clock.now(), **values) == 1

    def get(self, scope: str, name: str) -> str | None:
        """A secret, or None. Raises WrongKey."""
        with self._store.reading() as tx:
            row = tx.row("get_secret", scope=scope, name=name, now=self._store.clock.now())
        return self._unsealed(scope, name, row)

    def take(self, scope: str, name: str) -> str | None:
        """Return and remove a one-time secret: only one of several concurrent callers gets it."""
        with self._store.writing(wake=False) as tx:
            row = tx.row("take_secret", scope=scope, name=name, now=self._store.clock.now())
        return self._unsealed(scope, name, row)

    def prune(self) -> int:
        """Forget secrets that have expired. Returns how many."""
        with self._store.writing(wake=False) as tx:
            return tx.run("forget_secrets", now=self._store.clock.now())

    def _unsealed(self, scope: str, name: str, row: Row | None) -> str | None:
        return (
            None if row is None else self._store.vault.unseal(bytes(row["sealed"]), secret_about(scope, name)).decode()
        )


def secret_about(scope: str, name: str) -> str:
    return f"{scope}/{name}"
