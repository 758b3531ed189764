"""Settings of the whole queue: what somebody chose. What belongs to an account, a feed and so on is with them, and what
the program itself must remember has tables of its own.
"""

from __future__ import annotations

import json
from typing import Any

from skywrite.queue.base import StoreBase, repeated
from skywrite.queue.rows import dump_json


class SettingOperations(StoreBase):
    """JSON values by scope and name."""

    def setting(self, scope: str, name: str, default: Any = None) -> Any:
        """A setting (any JSON value), or the default."""
        with self._reading() as tx:
            row = tx.row("get_setting", scope=scope, name=name)
        return default if row is None else json.loads(row["value"])

    def settings(self, scope: str) -> dict[str, Any]:
        """All settings of a scope."""
        with self._reading() as tx:
            return {row["name"]: json.loads(row["value"]) for row in tx.rows("list_settings", scope=scope)}

    @repeated
    def put_setting(self, scope: str, name: str, value: Any) -> None:
        """Store a setting; None removes it."""
        with self._writing(wake=False) as tx:
            if value is None:
                tx.run("delete_setting", scope=scope, name=name)
            else:
                tx.run("put_setting", scope=scope, name=name, value=dump_json(value))
