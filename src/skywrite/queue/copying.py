"""A copy of either kind of database in a SQLite file: for a rehearsal, which may do anything with it.

What does not live here: backups (`Store.backup`). A PostgreSQL database is copied table by table in one transaction, so
the copy is consistent, too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from skywrite.core.clock import Clock
from skywrite.queue.database import time_text
from skywrite.queue.store import Store, open_store
from skywrite.queue.vault import Vault

# Tables that must not be copied, or that are not part of the queue.
_SIGN_INS = ("api_key", "passkey", "web_session", "sign_in_link", "oauth_client", "oauth_code", "oauth_refresh")
LEFT_OUT = frozenset({"schema_version", "sqlite_sequence", *_SIGN_INS})
ROWS = 500


def copy_to(source: Store, path: str, vault: Vault, clock: Clock) -> Store:
    """Copy a store into a new SQLite file and open it, with no lease held and no session."""
    if source.dialect == "sqlite":
        source.backup(path)
    else:
        open_store(path, vault, clock).close()
        _copy_tables(source, path)
    with closing(sqlite3.connect(path)) as copy, copy:
        copy.execute("UPDATE account SET lease_owner = NULL, lease_until = NULL, refresh_owner = NULL")
    return open_store(path, vault, clock)


def _copy_tables(source: Store, path: str) -> None:
    with closing(sqlite3.connect(path)) as copy, copy, source.reading() as tx:
        tables = [row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in sorted(set(tables) - LEFT_OUT):
            names = [row[1] for row in copy.execute(f"PRAGMA table_info({table})")]
            copy.execute(f"DELETE FROM {table}")
            for page in source.database.pages(tx, f"SELECT * FROM {table}", ROWS):
                there = [name for name in names if name in page[0]]
                values = ", ".join("?" * len(there))
                rows = [_values(row, there) for row in page]
                copy.executemany(f"INSERT INTO {table} ({', '.join(there)}) VALUES ({values})", rows)


def _values(row: Any, names: Sequence[str]) -> list[Any]:
    return [_value(row[name]) for name in names]


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return bytes(value) if isinstance(value, memoryview) else value
