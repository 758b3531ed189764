"""Loads the SQL files: every query has a name and a sentence that says what it does.

A file is a series of queries, each headed by `-- name: settle_post` and a comment. `sql/common` holds what both
dialects share, `sql/sqlite` and `sql/postgres` what differs. A feature has its queries in `feature.sql`, and those that
differ in `feature.sqlite.sql` and `feature.postgres.sql`. Parameters are written `:name` everywhere. Tables are in
`sql/schema.sql` (`schema.py`).

`INDEXED BY` and `NOT INDEXED` (by number only) are for SQLite: without statistics, or with old ones, its planner
searches the posts of all accounts for those of one. `postgres.py` removes them.

A query for many rows gets them as a JSON array of objects: in `json_each(:items) AS item`, `item.value` is one of them.
`postgres.py` replaces that function by PostgreSQL's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

SQL = Path(__file__).parent / "sql"
_HEAD = "-- name: "


@cache
def load_queries(dialect: str) -> Mapping[str, str]:
    """The kernel's queries of a dialect ("sqlite" or "postgres") by name, with their comments."""
    queries: dict[str, str] = {}
    for folder in ("common", dialect):
        for path in _files(SQL / folder):
            queries.update(_named(path.read_text("utf-8")))
    return queries


@cache
def feature_queries(dialect: str) -> Mapping[str, str]:
    """The same of all features. What posts and exits never needs them."""
    from skywrite.features import features

    queries: dict[str, str] = {}
    for row in features():
        for path in (row.folder / "feature.sql", row.folder / f"feature.{dialect}.sql"):
            if path.exists():
                queries.update(_named(path.read_text("utf-8")))
    return queries


def query(dialect: str, name: str) -> str:
    """One query, without its comments."""
    kernel = load_queries(dialect)
    lines = (kernel[name] if name in kernel else feature_queries(dialect)[name]).splitlines()
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("--"))


def _files(folder: Path) -> list[Path]:
    """The SQL files of a folder, by name. (`glob` would compile a pattern for each process that posts.)"""
    return sorted(path for path in folder.iterdir() if path.suffix == ".sql")


def _named(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(_HEAD)[1:]:
        name, _, body = part.partition("\n")
        yield name, body
