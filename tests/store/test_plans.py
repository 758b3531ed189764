"""How the databases find what a claim, a settlement and an acceptance ask for: by an index, never among all posts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

import pytest

from skywrite.queue.queries import query as query_text
from skywrite.queue.store import Store
from tests.support.stored import ALICE, BOB, NOON, fast_folder, later, opened, post, session
from tests.support.stores import new_schema

# What each query may look into, by the table.
INDEXES: dict[str, set[str]] = {
    "claim_accounts": {"account_ready"},
    "next_ready": {"account_ready"},
    "update_ready": {"account_key", "post_scheduled", "post_yielding"},
    "next_posts": {"post_publishing", "post_scheduled"},
    # By the post's number alone.
    "take_posts": set(),
    "settle_published": set(),
    "unfinished_post": {"post_publishing"},
    "posts_due_between": {"post_scheduled"},
    "due_times_between": {"post_scheduled"},
    "due_times_before": {"post_scheduled"},
    "count_due_before": {"post_scheduled"},
    "planned_posts": {"post_scheduled", "post_unscheduled"},
    "posts_with_text": {"post_text"},
    "posts_with_texts": {"post_text"},
    "posts_with_keys": {"post_key"},
    "post_of_occurrence": {"post_occurrence"},
    "made_occurrences": {"post_occurrence"},
    "idle_recurrences": {"post_occurrence", "post_rule_waiting"},
    "lock_accounts": {"account_key"},
    "take_accounts": {"account_key"},
    "end_leases": {"account_key"},
    "close_attempts": {"attempt_key"},
    "read_spend": {"spend_key"},
}
# The names that the databases give to primary keys.
KEYS = {
    "account_pkey": "account_key",
    "sqlite_autoindex_account_1": "account_key",
    "attempt_pkey": "attempt_key",
    "spend_pkey": "spend_key",
}
TABLE = r"(?:post|account|spend|attempt)\b"
EACHS_POSTS = 2500
FEW = 64
ITEMS = json.dumps([{"did": ALICE, "id": 1, "token": 1, "before": 0, "version": 1, "approval": ""}])


def values_of(text: str) -> dict[str, object]:
    """A value of the right kind for each parameter of a query."""
    moments = {
        "now", "until", "since", "start", "stop", "hour", "day", "midnight", "yesterday", "before", "occurrence",
        "attempt_at", "free_at", "after", "published_at", "due_at"
    }  # fmt: skip
    values: dict[str, object] = {"did": ALICE, "items": ITEMS, "keys": '["k"]', "hashes": "[1]", "avoid": "[]"}
    numbers = {"id", "token", "text_hash", "recurrence_id", "most", "limit", "length"}
    for name in set(re.findall(r"(?<![:\w]):([a-z_]+)", text)) - set(values):
        values[name] = NOON if name in moments else 1 if name in numbers else None
    return values


def plan_of(store: Store, query: str) -> list[str]:
    """The steps that the database would go in a transaction that writes."""
    text = query_text(store.dialect, query)
    explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN (COSTS OFF) "
    with store.writing(wake=False) as tx:
        rows = tx.select(store.database.translate(explain + text), values_of(text))
    return [str(row["detail"] if store.dialect == "sqlite" else row["QUERY PLAN"]) for row in rows]


def indexes_of(store: Store, query: str) -> set[str]:
    """The indexes that the database would use, and the tables that it would read from end to end."""
    indexes = set()
    for step in plan_of(store, query):
        if key := re.search(r"SEARCH (\w+) USING PRIMARY KEY", step):
            indexes.add(f"{key[1]}_key")
        elif index := re.search(r"INDEX (\w+) \(|Index.* (?:using|on) (\w+_\w+)", step):
            name = next(name for name in index.groups() if name)
            indexes.add(KEYS.get(name, name))
        elif whole := re.search(r"(?:SCAN|Seq Scan on) (post|account|spend|attempt)\b", step):
            indexes.add(f"all of {whole[1]}")
    # Rules are few, and read one after the other; a post is found by its number, which leads to no other.
    # Approvals of recurrences are few, and found by the digest of what they cover.
    covering = {"recurrence_approval_digest", "recurrence_approval", "occurrence_template"}
    return indexes - covering - {"recurrence_pkey", "post_pkey", "approval_post"}


@contextmanager
def new_store(request: pytest.FixtureRequest, dialect: str) -> Iterator[Store]:
    """A database of its own, about which nothing was found out yet."""
    with fast_folder() as folder:
        address = str(folder / "skywrite.db")
        if dialect == "postgres":
            address = new_schema(request.getfixturevalue("postgres"))
        store = opened(address, folder)
        try:
            yield store
        finally:
            store.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A queue to be filled."""
    with new_store(request, request.param) as store:
        yield store


@pytest.fixture(scope="module", params=[("sqlite", 0), ("sqlite", FEW), ("postgres", 0), ("postgres", FEW)])
def small(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A queue without posts, or with some dozens."""
    dialect, count = request.param
    with new_store(request, dialect) as store:
        store.accounts.sign_in(session(BOB))
        store.posts.add([post(f"one of few {number}", did=BOB, due=later(number)) for number in range(count)])
        yield store


@pytest.mark.parametrize("query", sorted(set(INDEXES) - {"next_ready"}))
def test_a_claim_looks_rows_up_even_if_there_are_hardly_any(small: Store, query: str) -> None:
    """A connection keeps its plans, and tables grow: each index is asked for something, and no table is read whole."""
    steps = plan_of(small, query)
    whole = [step for step in steps if re.search(rf"(?:SCAN|Seq Scan on) {TABLE}", step)]
    if small.dialect == "postgres":
        pairs = pairwise([*steps, ""])
        whole += [one for one, more in pairs if re.search(rf"Index.* on {TABLE}", one) and "Index Cond" not in more]
        # What is kept to be compared with each item was not looked up by the item.
        whole += [step for step in steps if "Materialize" in step]
    assert [] == whole


@pytest.fixture(scope="module", params=["fresh", "analyzed"])
def crowded(empty: Store, request: pytest.FixtureRequest) -> Store:
    """A queue of many posts, bob's scheduled, alice's over but for one, with or without what ANALYZE finds out."""
    if request.param == "analyzed":
        with empty.writing() as tx:
            tx._connection.execute("ANALYZE")
        return empty
    if empty.dialect == "postgres":
        with empty.writing() as tx:
            # It would analyze tables after a minute.
            for table in {index.partition("_")[0] for indexes in INDEXES.values() for index in indexes}:
                tx._connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    for did in (ALICE, BOB):
        empty.accounts.sign_in(session(did))
    for did in (ALICE, BOB):
        empty.posts.add([post(f"{did} {number}", did=did, due=later(number)) for number in range(EACHS_POSTS)])
    with empty.writing() as tx:
        tx._connection.execute(f"UPDATE post SET state = 'cancelled' WHERE account_did = '{ALICE}'")
    empty.posts.add([post("a", due=NOON + timedelta(days=30))])
    return empty


@pytest.mark.parametrize("query", sorted(INDEXES))
def test_a_claim_never_looks_through_other_accounts_posts(crowded: Store, query: str) -> None:
    """Each of its queries goes by the index that leads to the account, the moment or the number at once."""
    assert INDEXES[query] == indexes_of(crowded, query)
