"""Brings a database to the version this program needs, one numbered migration at a time."""

from __future__ import annotations

from skywrite.core.clock import Clock
from skywrite.core.errors import Do, Hint, StorageError
from skywrite.queue.database import Connection, Database
from skywrite.queue.schema import FIRST, migrations


def migrate(database: Database, clock: Clock) -> None:
    """Apply the missing migrations, all or none.

    Raises StorageError for a database of a newer release, and for one from before the first.
    """
    newest = migrations(database.dialect)[-1].number
    try:
        connection = database.connect()
    except database.driver_error as error:
        raise database.explain(error) from error
    try:
        # In a transaction, because through a pooler only transactions know their schema.
        database.begin(connection, write=False)
        version = database.schema_version(connection)
        connection.rollback()
        _check(database, version, newest)
        if version < newest:
            _apply(database, connection, clock)
    except database.driver_error as error:
        connection.rollback()
        connection.close()
        raise database.explain(error) from error
    except BaseException:
        connection.rollback()
        connection.close()
        raise
    database.give_back(connection)


def _check(database: Database, version: int, newest: int) -> None:
    if version > newest:
        raise StorageError(
            f"The database {database.place} has version {version}; this program supports versions up to {newest}.",
            code="database.too_new",
            hint="Upgrade it: pip install --upgrade skywrite",
        )
    if 0 < version < FIRST:
        raise StorageError(
            f"The database {database.place} is from before the first release (version {version}), and this program "
            "cannot read it. It is unchanged.",
            code="database.too_old",
            hint=Hint(
                "Take along what waits. With the Skywrite that made the database, for each account: ",
                Do("transfer.export_rows"),
                ". Then, with an empty database and signed in again: ",
                Do("transfer.import_rows"),
            ),
        )


def _apply(database: Database, connection: Connection, clock: Clock) -> None:
    database.begin(connection, write=True)
    database.lock_schema(connection)
    version = database.schema_version(connection)
    for step in migrations(database.dialect):
        if step.number > version:
            database.run_script(connection, step.script(database.dialect))
            values = {"version": step.number, "name": step.name, "now": clock.now()}
            connection.execute(database.query("note_migration"), database.bind(values))
    connection.commit()
