"""What `script/mutants` changes, and how a change gets into the program."""

from __future__ import annotations

import gc
from types import FunctionType

from skywrite.posting.publish import outcome
from tests.mutation.changes import SOURCE, python_changes, source_of, sql_changes
from tests.mutation.put import TESTS, can_put, place_of, put_function, who_runs
from tests.mutation.run import accepted

PYTHON = '''
LIMIT: int = 5

def pay(cents: int | None, most=200) -> int:
    """Pay 1."""
    if not cents or cents < LIMIT:
        raise ValueError(f"{cents + 1} is too little")
    note(cents)
    return min(cents, most) - 1
'''
SQL = """-- name: first
-- The first = 1.
SELECT * FROM post
WHERE id = :id
  AND due_at <= :now
LIMIT 1

-- name: second
UPDATE post SET state = 'held' WHERE uri IS NULL
"""


def changed(source: str) -> list[str]:
    """The lines that change, each as it is afterwards."""
    lines = []
    for change in (sql_changes if "-- name" in source else python_changes)("x", source):
        after = change.applied(source).splitlines()
        lines.append(after[change.line - 1].strip() if len(after) == len(source.splitlines()) else "?")
    return lines


def test_python_is_changed_where_it_decides() -> None:
    """Comparisons, conditions, numbers, calls and results; neither texts nor types nor docstrings."""
    assert [
        "LIMIT: int = 6",
        "def pay(cents: int | None, most=400) -> int:",
        "if bool(cents) or cents < LIMIT:",
        "if (not cents) and (cents < LIMIT):",
        "if not cents or cents <= LIMIT:",
        "pass",
        "pass",
        "return max(cents, most) - 1",
        "return None",
        "return (min(cents, most)) + (1)",
        "return min(cents, most) - 2",
    ] == sorted(changed(PYTHON), key=changed_order)


def changed_order(line: str) -> int:
    """As the lines stand in the list above."""
    starts = (
        "LIMIT",
        "def",
        "if bool",
        "if (",
        "if not",
        "pass",
        "return max",
        "return None",
        "return (",
        "return min",
    )
    return next(place for place, start in enumerate(starts) if line.startswith(start))


def test_handlers_are_functions() -> None:
    """What waits is changed like any other function, and is known by its name."""
    source = "class Served:\n    async def answer(self) -> int:\n        return self.number + 1\n"
    assert ["Served.answer"] * 3 == [change.inside for change in python_changes("x", source)]


def test_queries_are_changed_where_they_choose() -> None:
    """Conditions and numbers of each named query, but not what is written into a row."""
    expected = {
        *("WHERE id <> :id", "OR due_at <= :now", "AND due_at < :now", "LIMIT 2", ""),
        "UPDATE post SET state = 'held' WHERE uri IS NOT NULL",
    }
    assert expected == set(changed(SQL))


def test_a_change_reaches_the_living_function() -> None:
    """Whoever has imported a function calls the changed one from then on."""
    path = "posting/publish/outcome.py"
    (change,) = (
        change
        for change in python_changes(path, source_of(path))
        if change.inside == "retry_seconds" and change.new == "return None"
    )
    assert isinstance(outcome.retry_seconds, FunctionType)
    functions = {f"{path}:retry_seconds": [outcome.retry_seconds]}
    before = outcome.retry_seconds.__code__
    try:
        assert can_put(change, functions, loading=set())
        put_function(change, functions)
        assert None is outcome.retry_seconds(1, 0.5)
    finally:
        outcome.retry_seconds.__code__ = before
    assert 5.0 == outcome.retry_seconds(1, 0.5)


def test_what_ran_while_modules_were_loaded_is_not_changed_later() -> None:
    """A table that a function filled stays as it was: such a change needs a process of its own."""
    path = "posting/publish/outcome.py"
    change = next(change for change in python_changes(path, source_of(path)) if change.inside == "retry_seconds")
    assert isinstance(outcome.retry_seconds, FunctionType)
    functions = {f"{path}:retry_seconds": [outcome.retry_seconds]}
    assert can_put(change, functions, loading=set())
    assert not can_put(change, functions, loading={f"{path}:retry_seconds"})


def test_who_runs_a_query_is_found() -> None:
    """By its name in the code of the program, and of the tests that ask the database themselves."""
    places = {place.partition(":")[0].removeprefix(f"{TESTS}/") for place in who_runs("take_posts")}
    assert {"queue/claims.py", "store/test_claims.py"} <= places


def test_functions_are_known_by_module_and_name() -> None:
    """Inner functions count as the one that they stand in."""
    inner = [one for one in gc.get_objects() if isinstance(one, FunctionType) and one.__name__ == "retry_seconds"]
    assert "posting/publish/outcome.py:retry_seconds" in {place_of(one.__code__) for one in inner}


def test_what_is_accepted_has_a_reason() -> None:
    """Each change in the list names its module and says why no test can notice it; stale ones are for the hunt."""
    wrong = [name for name, reason in accepted().items() if len(reason) < 20 or not (SOURCE / module(name)).exists()]
    assert [] == wrong


def module(name: str) -> str:
    """The module of a change."""
    return name.partition(":")[0]
