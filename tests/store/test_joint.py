"""Several changes as one transaction: all of them are stored, or none, whatever goes wrong in between."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from skywrite.core.errors import InputError, NotFound, StorageError
from skywrite.queue.database import BrokenRule, DatabaseConflict
from skywrite.queue.model import STATES
from skywrite.queue.store import Store
from tests.support.stored import ALICE, NOON, OpenStore, post


def states(store: Store) -> list[str]:
    """The states of all posts, by their numbers."""
    return [post.state for post in sorted(store.listing.posts(STATES, limit=9), key=lambda post: post.id)]


def two(store: Store) -> tuple[int, int]:
    """Two posts that wait."""
    first, second = store.posts.add([post(), post()])
    return first.id, second.id


def test_all_is_stored_at_the_end(store: Store, open_again: OpenStore) -> None:
    """This thread sees each step at once, and everybody else only the whole."""
    (first, second), other = two(store), open_again()
    seen: list[list[str]] = []

    def change() -> None:
        for number in (first, second):
            store.posts.cancel(number)
            seen.extend((states(store), states(other)))

    store.at_once(change, accounts=[ALICE])
    waiting = ["scheduled", "scheduled"]
    assert [["cancelled", "scheduled"], waiting, ["cancelled", "cancelled"], waiting] == seen
    assert ["cancelled", "cancelled"] == states(other)


@pytest.mark.parametrize("error", [InputError("no"), KeyboardInterrupt()], ids=["an error", "Ctrl-C"])
def test_an_error_takes_back_all_of_it(store: Store, error: BaseException) -> None:
    """And what comes after it is stored by itself again."""
    first, second = two(store)

    def change() -> None:
        store.posts.cancel(first)
        raise error

    with pytest.raises(type(error)):
        store.at_once(change, accounts=[ALICE])
    store.posts.cancel(second)
    assert ["scheduled", "cancelled"] == states(store)


def test_a_step_that_fails_is_taken_back_alone(store: Store) -> None:
    """Whoever expects its error goes on: an error of ours, a rule that the database holds, a statement it cannot do."""
    first, second = two(store)

    def change() -> None:
        store.posts.cancel(first)
        with suppress(NotFound), store.writing() as tx:
            tx.run("cancel_post", id=second, now=NOON)
            raise NotFound("Nothing.")
        for fails in ("UPDATE post SET state = 'junk'", "SELECT nothing"):
            with suppress(StorageError), store.writing() as tx:
                tx.run("cancel_post", id=second, now=NOON)
                tx.select(fails, {})

    store.at_once(change, accounts=[ALICE])
    assert ["cancelled", "scheduled"] == states(store)


def test_a_transaction_that_the_database_ended_stores_nothing_of_it(store: Store) -> None:
    """Even where its error was expected, what follows does not become a change of its own."""
    first, second = two(store)

    def change() -> None:
        store.posts.cancel(first)
        with suppress(InputError), store.writing() as tx:
            tx._connection.rollback()
            raise InputError("Expected.")
        with suppress(StorageError):
            store.posts.cancel(second)

    with pytest.raises(StorageError):
        store.at_once(change, accounts=[ALICE])
    assert ["scheduled", "scheduled"] == states(store)


def test_after_a_conflict_the_whole_is_repeated(store: Store) -> None:
    """Not one step of it, whose others were rolled back with it."""
    numbers, tries = two(store), []

    def change() -> list[str]:
        for number in numbers:
            store.posts.cancel(number)
        tries.append(states(store))
        if len(tries) == 1:
            store.repeat(conflict)
        return states(store)

    def conflict() -> None:
        tries.append([])
        raise DatabaseConflict("Rolled back.")

    both = ["cancelled", "cancelled"]
    assert (both, [both, [], both]) == (store.at_once(change, accounts=[ALICE]), tries)


def test_it_is_part_of_another(store: Store) -> None:
    """What is done at once inside of what is done at once is stored with that, or not at all."""
    first, second = two(store)

    def change() -> None:
        store.at_once(lambda: store.posts.cancel(first), accounts=[ALICE])
        store.posts.move(second, NOON + timedelta(days=9))
        raise InputError("no")

    with pytest.raises(InputError):
        store.at_once(change, accounts=[ALICE])
    assert ["scheduled", "scheduled"] == states(store)


def test_those_who_wait_are_woken_by_the_whole(store: Store) -> None:
    """Not by a step, which they cannot see yet."""
    first, _ = two(store)
    with store.watch() as watch:
        during: list[bool] = []

        def change() -> None:
            store.posts.cancel(first)
            during.append(watch.wait(0))

        store.at_once(change, accounts=[ALICE])
        assert ([False], True) == (during, watch.wait(5))


def test_an_account_that_is_not_there_stops_it_before_it_begins(store: Store) -> None:
    """Nothing is called."""
    with pytest.raises(NotFound):
        store.at_once(lambda: pytest.fail("It was called."), accounts=["did:plc:nobody"])
    assert not store.database.joint.is_open


def test_a_rule_broken_by_a_step_is_said(store: Store) -> None:
    """Not the error of taking it back."""

    def change() -> None:
        with store.writing() as tx:
            tx.select("UPDATE post SET state = 'junk'", {})

    two(store)
    with pytest.raises(BrokenRule):
        store.at_once(change, accounts=[ALICE])
