"""What a database says about itself, in both kinds."""

from __future__ import annotations

from skywrite.queue.inspecting import Inspecting
from skywrite.queue.store import Store


def test_an_index_that_was_dropped_is_missing_until_it_is_made(store: Store) -> None:
    """The schema says which there are to be, and how each is made."""
    inspecting = Inspecting(store)
    assert [] == inspecting.missing_indexes()
    with store.writing() as tx:
        store.database.run_script(tx._connection, "DROP INDEX action_key;\n")
    assert ["action_key"] == inspecting.missing_indexes()
    inspecting.make_index("action_key")
    assert [] == inspecting.missing_indexes()


def test_rows_are_counted_in_every_table(store: Store) -> None:
    """Each table of the schema has a count."""
    counts = Inspecting(store).rows()
    assert (len(store.accounts.all()), 0, True) == (counts["account"], counts["post"], len(counts) > 40)


def test_the_engine_has_a_version(store: Store) -> None:
    """The name is that of the program behind the dialect."""
    names = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
    assert names[store.dialect] == Inspecting(store).engine().split()[0]
