"""Brings a database to the version this program needs, one numbered migration at a time."""

from __future__ import annotations

from skywrite.clock import Clock
from skywrite.queue.database import Connection, Database, DatabaseTooNew
from skywrite.queue.queries import migrations


def migrate(database: Database, clock: Clock) -> None:
    """Apply the missing migrations, all or none. Raises DatabaseTooNew for a database of a newer release."""
    steps = migrations(database.dialect)
    newest = steps[-1][0]
    try:
        connection = database.connect()
    except database.driver_error as error:
        raise database.explain(error) from error
    try:
        # In a transaction, because through a pooler only transactions know their schema.
        database.begin(connection, write=False)
        version = database.schema_version(connection)
        connection.rollback()
        if version < newest:
            _apply(database, connection, clock)
        elif version > newest:
            raise DatabaseTooNew(
                f"The database {database.place} has version {version}; this program supports versions up to {newest}.",
                hint="Upgrade it: pip install --upgrade skywrite",
            )
    except database.driver_error as error:
        connection.rollback()
        connection.close()
        raise database.explain(error) from error
    except BaseException:
        connection.rollback()
        connection.close()
        raise
    database.give_back(connection)


def _apply(database: Database, connection: Connection, clock: Clock) -> None:
    database.begin(connection, write=True)
    database.lock_schema(connection)
    version = database.schema_version(connection)
    for number, name, path in migrations(database.dialect):
        if number > version:
            database.run_script(connection, path.read_text("utf-8"))
            values = {"version": number, "name": name, "now": clock.now()}
            connection.execute(database.query("note_migration"), database.bind(values))
    connection.commit()
