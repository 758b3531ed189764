"""Migrations: from nothing, from before the first release, from every later one, from the future, by many at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from skywrite.core.feature import Feature
from skywrite.features import features
from skywrite.queue import queries
from skywrite.queue.queries import feature_queries, load_queries
from skywrite.queue.schema import DIALECTS, FIRST, WORDS, migrations, spelled
from tests.store.workers import worker
from tests.support.errors import fails
from tests.support.stored import NOON, OpenStore, opened, raw, session
from tests.support.stores import new_schema


@pytest.fixture
def empty_address(request: pytest.FixtureRequest) -> str:
    """A database without any table, of the kind that the test asks for."""
    address: str = request.getfixturevalue(f"{request.param}_address")
    return address


both = pytest.mark.parametrize("empty_address", DIALECTS, indirect=True)


def schema(address: str, home: Path) -> list[tuple[object, ...]]:
    """Everything that a database says about its own tables and indexes."""
    store = opened(address, home)
    if store.dialect == "sqlite":
        rows = raw(store, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")
    else:
        rows = raw(
            store,
            """
            SELECT table_name AS a, column_name AS b, data_type || is_nullable || coalesce(column_default, '') AS c
            FROM information_schema.columns WHERE table_schema = current_schema()
            UNION ALL
            SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
            UNION ALL
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = current_schema()::regnamespace
            ORDER BY 1, 2, 3
            """,
        )
    store.close()
    # The name of the schema differs from test to test.
    return [tuple(re.sub(r"store_\d+\.", "", str(value)) for value in dict(row).values()) for row in rows]


@pytest.fixture
def with_a_second_migration(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's SQL with one more migration, as a later release would have."""
    folder = home / "sql"
    shutil.copytree(queries.SQL, folder)
    for dialect in DIALECTS:
        (folder / dialect / "migrations").mkdir()
        (folder / dialect / "migrations" / f"{FIRST + 1:04d}_more.sql").write_text(
            "CREATE TABLE more (id {id}, seen {boolean}){strict};\nALTER TABLE account ADD COLUMN extra text;\n"
        )
    monkeypatch.setattr(queries, "SQL", folder)
    load_queries.cache_clear()
    return folder


@both
def test_migrated_equals_fresh(
    empty_address: str, home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that went through one migration after the other has the schema of a fresh one."""
    request.getfixturevalue("with_a_second_migration")
    dialect = "postgres" if "postgresql" in empty_address else "sqlite"
    steps = migrations(dialect)
    fresh = new_schema(request.getfixturevalue("postgres")) if dialect == "postgres" else str(home / "fresh.db")
    with monkeypatch.context() as older:
        older.setattr("skywrite.queue.migrate.migrations", lambda _: steps[:1])
        opened(empty_address, home).close()
    migrated, other = schema(empty_address, home), schema(fresh, home)
    assert ([], []) == ([x for x in migrated if x not in other], [x for x in other if x not in migrated])
    assert (2, True, other) == (len(steps), len(migrated) > 20, migrated)


@both
def test_upgrade_keeps_what_is_there(empty_address: str, home: Path, request: pytest.FixtureRequest) -> None:
    """A later release finds accounts and sessions as they were, and notes which migrations it applied."""
    store = opened(empty_address, home)
    store.accounts.sign_in(session())
    before = store.schema_version()
    store.close()
    request.getfixturevalue("with_a_second_migration")
    store = opened(empty_address, home)
    assert (session(), before + 1) == (store.sessions.load(session().did), store.schema_version())
    assert [before, before + 1] == [
        row["version"] for row in raw(store, "SELECT version FROM schema_version ORDER BY 1")
    ][-2:]
    store.close()


@both
def test_database_from_the_future(
    empty_address: str, home: Path, with_a_second_migration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that a later release has changed is not touched; the message says to upgrade."""
    opened(empty_address, home).close()
    monkeypatch.undo()
    load_queries.cache_clear()
    with fails("database.too_new", match="supports versions up to") as caught:
        opened(empty_address, home)
    assert ("pip install --upgrade skywrite", 1) == (caught.value.hint.partition(": ")[2], caught.value.exit_code)


@both
def test_database_from_before_the_first_release(empty_address: str, home: Path) -> None:
    """A database that no release made is not touched; the message says how to take the plan along."""
    store = opened(empty_address, home)
    with store.writing() as tx:
        tx.select(f"UPDATE schema_version SET version = {FIRST - 1} RETURNING version", {})
    store.close()
    for _ in range(2):
        with fails("database.too_old", match=f"before the first release .version {FIRST - 1}.") as caught:
            opened(empty_address, home)
        hint = caught.value.hint
        assert (1, True, True) == (caught.value.exit_code, "export_rows" in hint, "import_rows" in hint)


@both
def test_failed_migration_leaves_nothing(empty_address: str, home: Path, with_a_second_migration: Path) -> None:
    """A migration that breaks is undone as a whole, and the next start applies it."""
    for path in with_a_second_migration.glob("*/migrations/*_more.sql"):
        whole = path.read_text()
        path.write_text(whole + "CREATE TABLE more (id {id});\n")
    with pytest.raises(Exception, match="already exists"):
        opened(empty_address, home)
    for path in with_a_second_migration.glob("*/migrations/*_more.sql"):
        path.write_text(whole)
    store = opened(empty_address, home)
    assert migrations(store.dialect)[-1].number == store.schema_version()
    store.close()


@both
def test_many_first_starts_at_once(empty_address: str, home: Path) -> None:
    """Processes that start at the same moment on an empty place make one database together."""
    workers = [worker("sign-in", empty_address, home, f"did:plc:{n}") for n in range(4)]
    ended = [one.wait() for one in workers]
    assert [0] * 4 == ended, "\n".join(one.output for one in workers)
    store = opened(empty_address, home)
    counts = (len(store.accounts.all()), sum(account.is_default for account in store.accounts.all()))
    store.close()
    assert (4, 1) == counts


def test_every_word_of_the_template_is_used() -> None:
    """The template has no words but those of the table, and the table none that the template does not need."""
    template = (queries.SQL / "schema.sql").read_text()
    assert set(WORDS) == set(re.findall(r"\{(\w+)\}", template))
    assert ([], []) == tuple(re.findall(r"\{\w", spelled(template, dialect)) for dialect in DIALECTS)


@pytest.mark.parametrize(
    ("template", "sqlite", "postgres"),
    [
        (
            "id {id},",
            "id integer PRIMARY KEY AUTOINCREMENT,",
            "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,",
        ),
        (
            "done {boolean} DEFAULT {false},",
            "done integer CHECK (done IN (0, 1)) DEFAULT 0,",
            "done boolean DEFAULT false,",
        ),
        ("pool {jsonb} DEFAULT '{}'", "pool text CHECK (json_valid(pool)) DEFAULT '{}'", "pool jsonb DEFAULT '{}'"),
        ("){keyed};", ") STRICT, WITHOUT ROWID;", ");"),
        ("ON post (due_at{then_id});", "ON post (due_at);", "ON post (due_at, id);"),
    ],
)
def test_words_of_the_dialects(template: str, sqlite: str, postgres: str) -> None:
    """A type checks its own column; what is no word stays."""
    assert (sqlite, postgres) == tuple(spelled(template, dialect) for dialect in DIALECTS)


def test_every_query_says_what_it_does() -> None:
    """Each named query is headed by one sentence, and no name is used twice in a dialect."""
    for dialect in DIALECTS:
        names: list[str] = []
        kernel = [path for folder in ("common", dialect) for path in (queries.SQL / folder).glob("*.sql")]
        own = [path for row in features() for path in row.folder.glob(f"feature.{dialect}.sql")]
        for path in (*kernel, *own, *(path for row in features() for path in row.folder.glob("feature.sql"))):
            for part in path.read_text().split("-- name: ")[1:]:
                name, first, *_ = part.splitlines()
                assert (True, True) == (first.startswith("-- ") and first[3].isupper(), first != f"-- {name}")
                names.append(name)
        assert sorted(set(names)) == sorted(names)


def test_both_dialects_have_the_same_queries() -> None:
    """What one store can be asked, the other one can, except for what only one of them needs."""
    assert {"announce"} == set(load_queries("postgres")) ^ set(load_queries("sqlite"))
    assert set(feature_queries("postgres")) == set(feature_queries("sqlite"))


def test_every_query_is_used() -> None:
    """No query lies about unused."""
    code = "\n".join(path.read_text() for path in queries.SQL.parent.glob("*.py"))
    assert [] == [name for name in load_queries("postgres") if f'"{name}"' not in code]


@pytest.mark.parametrize("row", features(), ids=lambda row: row.name)
def test_a_feature_asks_its_queries_itself(row: Feature) -> None:
    """Each query of a feature is used in its folder, and nowhere else."""
    here = "\n".join(path.read_text() for path in row.folder.rglob("*.py"))
    others = [path for path in queries.SQL.parents[1].rglob("*.py") if row.folder not in path.parents]
    elsewhere = "\n".join(path.read_text() for path in others)
    names = [
        part.splitlines()[0] for path in row.folder.glob("*.sql") for part in path.read_text().split("-- name: ")[1:]
    ]
    assert ([], []) == (
        [name for name in names if f'"{name}"' not in here],
        [name for name in names if f'"{name}"' in elsewhere],
    )


def test_reopened(open_again: OpenStore) -> None:
    """A database that is opened again is the same one."""
    open_again().accounts.sign_in(session())
    assert NOON == open_again().clock.now()
    assert [session().did] == [account.did for account in open_again().accounts.all()]
