"""What a database says about itself: its version, how many rows it has, what happened last, and indexes that are gone.

What lives here: facts for whoever looks into trouble, without what posts say. What does not: rows and pages that cannot
be read (`damage`), and showing any of it (`features.checkup`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row
from skywrite.queue.reading import time_in
from skywrite.queue.schema import migrations

_TABLE = r"CREATE TABLE (\w+)"
_INDEX = r"(?:CREATE (?:UNIQUE )?INDEX|DROP INDEX) (\w+)[^;]*;"


class Happened(NamedTuple):
    """Something that happened: when, what, and to which post or feed."""

    at: datetime | None
    what: str
    subject: int | None


class Attempted(NamedTuple):
    """An attempt to send a post that did not publish it. `message` may repeat what the post says."""

    at: datetime | None
    post: int
    number: int
    outcome: str
    code: str
    message: str


class Inspecting:
    """Looks at a store as a whole."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def engine(self) -> str:
        """The database's program and its version."""
        with self._store.reading() as tx:
            row = tx.row("engine_version")
        assert row is not None
        return f"{'SQLite' if self._store.dialect == 'sqlite' else 'PostgreSQL'} {row['version']}"

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        counts = {}
        with self._store.reading() as tx:
            for table in re.findall(_TABLE, self._script()):
                counts[table] = int(tx.select(f"SELECT count(*) AS rows FROM {table}", {})[0]["rows"])
        return counts

    def missing_indexes(self) -> list[str]:
        """Indexes of the schema that somebody dropped: SQLite refuses queries that name them, others become slow."""
        present = self._present()
        return [name for name in self._indexes() if name not in present]

    def make_index(self, name: str) -> None:
        """Make one of them again. Raises StorageError where rows contradict it."""
        with self._store.writing(wake=False) as tx:
            self._store.database.run_script(tx._connection, self._indexes()[name])

    def events(self, most: int) -> list[Happened]:
        """The last events, the latest first."""
        rows = self._last("last_events", most)
        return [Happened(time_in(row["created_at"]), row["kind"], row["subject_id"]) for row in rows]

    def attempts(self, most: int) -> list[Attempted]:
        """The last attempts that did not publish, the latest first."""
        return [
            Attempted(
                time_in(row["started_at"]),
                row["post_id"],
                row["number"],
                row["outcome"] or "open",
                row["error_code"] or "",
                row["error_message"] or "",
            )
            for row in self._last("last_failures", most)
        ]

    def _last(self, name: str, most: int) -> Sequence[Row]:
        with self._store.reading() as tx:
            return tx.rows(name, most=most)

    def _script(self) -> str:
        """The whole schema as this database has it, without comments."""
        whole = "\n".join(step.script(self._store.dialect) for step in migrations(self._store.dialect))
        return re.sub(r"--[^\n]*", "", whole)

    def _indexes(self) -> dict[str, str]:
        """The statement that makes each index; what a later release drops is none."""
        indexes: dict[str, str] = {}
        for match in re.finditer(_INDEX, self._script()):
            indexes.pop(match[1], None)
            if match[0].startswith("CREATE"):
                indexes[match[1]] = match[0]
        return indexes

    def _present(self) -> set[str]:
        with self._store.reading() as tx:
            return {row["name"] for row in tx.rows("index_names")}
