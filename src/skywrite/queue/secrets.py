"""Small secrets besides the sessions: keys of OAuth clients, and pending sign-ins.

What lives here: storing them sealed, as settings. What does not: what they mean.
"""

from __future__ import annotations

import base64
import json

from skywrite.queue.base import StoreBase


class SecretOperations(StoreBase):
    """Sealed texts by scope and name."""

    def put_secret(self, scope: str, name: str, text: str | None) -> None:
        """Store a secret; None removes it."""
        sealed = None if text is None else self._vault.seal(text.encode(), secret_about(scope, name))
        with self._writing(wake=False) as tx:
            if sealed is None:
                tx.run("delete_setting", scope=scope, name=name)
            else:
                value = json.dumps(base64.b64encode(sealed).decode())
                tx.run("put_setting", scope=scope, name=name, value=value)

    def secret(self, scope: str, name: str) -> str | None:
        """A secret, or None. Raises WrongKey."""
        with self._reading() as tx:
            row = tx.row("get_setting", scope=scope, name=name)
        return None if row is None else self._unsealed(scope, name, row["value"])

    def take_secret(self, scope: str, name: str) -> str | None:
        """Return and remove a one-time secret: only one of several concurrent callers gets it."""
        with self._writing(wake=False) as tx:
            row = tx.row("get_setting", scope=scope, name=name)
            if row is None or tx.run("delete_setting", scope=scope, name=name) != 1:
                return None
        return self._unsealed(scope, name, row["value"])

    def _unsealed(self, scope: str, name: str, value: str) -> str:
        return self._vault.unseal(base64.b64decode(json.loads(value)), secret_about(scope, name)).decode()


def secret_about(scope: str, name: str) -> str:
    return f"{scope}/{name}"
