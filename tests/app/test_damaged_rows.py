"""Whatever stands in a row: what it describes is in trouble, and nothing else is."""

from __future__ import annotations

import sqlite3
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, count
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS, Access
from skywrite.core.errors import SkywriteError
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.security import Origin
from skywrite.features.checkup.service import check_all
from skywrite.queue.api_keys import SCOPES
from skywrite.queue.people import People
from tests.app.damage import HEALTHY, HOSTILE, SICK, Cell, PostgresQueue, Queue, SqliteQueue, damage, fill, sick_rows
from tests.support.chance import NIGHTLY
from tests.support.world import World

# Of the columns and turns that SQLite goes through, PostgreSQL takes so many, where a case takes three times as long.
STRIDE = {"sqlite": 1, "postgres": 1 if NIGHTLY else 6}
# So many events in one run mean that a row is tried again and again.
EVENTS_MAX = 300
PLAN = {"from_": "2026-11-24T00:00:00Z", "to": "2026-11-30T00:00:00Z"}
PAGES = ("/", "/compose", "/recurrences", "/feeds", "/accounts", "/settings", "/inbox", "/history", "/drafts", "/stats")
# What is due, what repeats with its next occurrence, and the repost of the healthy account.
WELL = (["published", "published", "scheduled"], ["done"])

Case = dict[Cell, object]


class TriedAgainAndAgain(BaseException):
    """A run never ends."""


class Walk:
    """A full queue, of which each case damages a copy."""

    def __init__(self, world: World, queue: Queue, did: str, stride: int) -> None:
        self.world, self.queue, self.did, self.stride = world, queue, did, stride
        self.start = world.clock.now()
        self._numbers = count(1)
        self.columns: dict[str, list[Cell]] = defaultdict(list)
        for cell in self.on_copy(queue.columns):
            if cell.table != "schema_version":
                self.columns[cell.table].append(cell)

    def on_copy(self, look: Any) -> Any:
        """What somebody sees who looks at a copy without the program."""
        address = self.queue.copy(self._home())
        with self.queue.connected(address) as connection:
            answer = look(connection)
        self.queue.drop(address)
        return answer

    def _home(self) -> Any:
        return self.world.home.with_name(f"copy{next(self._numbers)}")

    def troubles(self, wanted: dict[Cell, Sequence[object]]) -> list[str]:
        """What goes wrong elsewhere if each of these columns holds the first of its values that the database takes."""
        home = self._home()
        address, case = self.queue.copy(home), {}
        with self.queue.connected(address) as connection:
            for cell, values in wanted.items():
                columns = {one.column for one in self.columns[cell.table]}
                rows = sick_rows(cell.table, columns, self.did)
                for value in values:
                    if damage(connection, self.queue, cell, value, rows):
                        case[cell] = value
                        break
        self.world.clock.set(self.start)
        troubles = []
        if case:
            copy = World(home, self.world.box, self.world.clock, self.world.transport)
            with closing(copy.process(address)) as sky:
                troubles = [*_worked(sky), *_shown(sky)]
            with self.queue.connected(address) as connection:
                if (states := _healthy(connection)) != WELL:
                    troubles.append(f"{HEALTHY} has {states}")
        self.queue.drop(address)
        return [f"{_said(case)}: {trouble}" for trouble in troubles]


def _said(case: Case) -> str:
    return ", ".join(f"{cell.table}.{cell.column}={value!r}" for cell, value in case.items())


def _worked(sky: Skywrite) -> Iterator[str]:
    """What goes wrong while a worker does everything once."""
    log: list[tuple[str, dict[str, Any]]] = []

    def told(event: str, **facts: Any) -> None:
        log.append((event, facts))
        if len(log) > EVENTS_MAX:
            raise TriedAgainAndAgain

    try:
        sky.run_once(log=told)
    except SkywriteError as error:
        if error.code not in ("row.unreadable", "vault.wrong_key"):
            yield f"a run ended with {error.code}: {error.message}"
    except BaseException as error:
        yield f"a run ended with {_place(error)}"
    yield from (f"unexpected: {_place(facts['error'])}" for event, facts in log if event == "unexpected")
    next_at = sky.context.store.claims.next_ready_at()
    if next_at is not None and next_at <= sky.context.clock.now():
        yield f"tried again at once: ready since {next_at}"
    for task in sky.worker().tasks:
        try:
            task.next_at()
        except Exception as error:
            yield f"{type(task).__name__} does not know when: {_place(error)}"


def _shown(sky: Skywrite) -> Iterator[str]:
    """What goes wrong while somebody looks at everything."""
    for finding in check_all(sky):
        if "inside Skywrite" in finding.message:
            yield f"doctor: {finding.what}: {finding.message}"
    access = Access(sky, frozenset(SCOPES), who="key 1")
    for operation in OPERATIONS.values():
        if operation.method == "GET" and not operation.path_fields():
            fields = PLAN if operation.name == "plan.show" else {}
            try:
                operation.run(access, operation.input(**fields))
            except SkywriteError as error:
                if error.code == "skywrite.bug":
                    yield f"{operation.name}: {error.message}"
            except Exception as error:
                yield f"{operation.name}: {_place(error)}"
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}", "accept": "text/html"}
    client = TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers)
    # One event loop for all requests; the client would start one for each.
    with start_blocking_portal() as client.portal:
        for page in PAGES:
            try:
                client.get(page)
            except Exception as error:
                yield f"{page}: {_place(error)}"


def _place(error: BaseException) -> str:
    steps = traceback.extract_tb(error.__traceback__)[-2:]
    return f"{type(error).__name__}({error}) at {', '.join(f'{step.filename}:{step.lineno}' for step in steps)}"


def _healthy(connection: Any) -> tuple[list[str], list[str]]:
    posts = connection.execute(
        f"SELECT state FROM post WHERE draft ->> 'text' IN ('due {HEALTHY}', 'daily {HEALTHY}') ORDER BY id"
    ).fetchall()
    actions = connection.execute(
        f"SELECT action.state FROM action JOIN account ON did = account_did WHERE handle = '{HEALTHY}'"
    ).fetchall()
    return [row[0] for row in posts], [row[0] for row in actions]


@pytest.fixture(params=["sqlite", "postgres"])
def walk(request: pytest.FixtureRequest, world: World) -> Walk:
    """A full queue, in either database."""
    queue: Queue = SqliteQueue(world.home)
    address = None
    if request.param == "postgres":
        queue = PostgresQueue(request.getfixturevalue("postgres"), world.home)
        address = queue.address
    sky = world.process(address)
    sky.accounts.login(SICK, world.box.account(SICK).app_password, pds=world.box.url)
    with queue.connected(address or str(world.home / "skywrite.db")) as connection:
        mark = "%s" if address else "?"
        fill(sky, world, lambda statement, values: connection.execute(statement.replace("?", mark), values))
    did = sky.context.account(SICK).did
    sky.close()
    return Walk(world, queue, did, STRIDE[request.param])


def test_every_table_is_walked(walk: Walk) -> None:
    """A table that is added is walked, too: there is something in each."""
    counts = {table: f"SELECT count(*) FROM {table}" for table in walk.columns}
    empty = walk.on_copy(lambda one: [name for name, sql in counts.items() if not one.execute(sql).fetchone()[0]])
    assert [] == empty


def test_an_account_that_cannot_be_read(walk: Walk) -> None:
    """Whatever stands in a column of one account, the other account's posts go out, and nothing crashes."""
    troubles = []
    for number, cell in enumerate(walk.columns["account"][:: walk.stride]):
        troubles += walk.troubles({cell: [*HOSTILE[number % 5 :], *HOSTILE]})
    assert [] == troubles


def test_rows_that_cannot_be_read(walk: Walk) -> None:
    """Whatever stands in any columns of all the other tables at once, the other account's posts go out."""
    tables = [cells for table, cells in walk.columns.items() if table != "account"]
    troubles = []
    for turn in range(0, max(map(len, tables)), walk.stride):
        values = [*HOSTILE[turn % len(HOSTILE) :], *HOSTILE]
        troubles += walk.troubles({cells[turn % len(cells)]: values for cells in tables})
    assert [] == troubles


def test_a_post_that_cannot_be_read_is_held(world: World, sky: Skywrite) -> None:
    """Its state says why, the check-up names it, and the account's other posts go out."""
    for text in ("sick", "healthy"):
        sky.schedule(text, at="now")
    _run_sql(sky, "UPDATE post SET created_at = 'junk' WHERE id = 1")
    sky.run_once()
    sick = sky.posts.get(1).post
    message = "Its row cannot be read: post 1 (created_at)."
    assert ("held", "row.unreadable", message) == (sick.state, sick.problem and sick.problem.code, sick.problem.message)
    assert ["healthy"] == world.texts()
    assert [message] == [finding.message for finding in check_all(sky) if finding.what == "row"]


def test_an_account_that_was_repaired_goes_on_within_the_hour(world: World, sky: Skywrite) -> None:
    """It was left alone, and nothing of it is lost."""
    sky.schedule("Hello", at="now", late="publish")
    _run_sql(sky, "UPDATE account SET settings = '[]'")
    sky.run_once()
    before = world.texts()
    _run_sql(sky, "UPDATE account SET settings = '{}'")
    world.clock.advance(3600)
    sky.run_once()
    assert ([], ["Hello"]) == (before, world.texts())


def _run_sql(sky: Skywrite, statement: str) -> None:
    with closing(sqlite3.connect(sky.context.config.database)) as connection, connection:
        connection.execute(statement)


# Thousands of cases, a fifth of a second each.
@pytest.mark.timeout(7200)
@pytest.mark.nightly
def test_every_value_in_every_column(walk: Walk) -> None:
    """Each value in each column, one at a time."""
    troubles = []
    for cell in chain(*walk.columns.values()):
        for value in HOSTILE:
            troubles += walk.troubles({cell: [value]})
    assert [] == troubles


@pytest.mark.parametrize(
    ("damage", "unreadable"),
    [
        ("account_did = 'did:plc:gone'", ()),
        ("""prepared = '{"records": 5}'""", ("prepared",)),
        ("""prepared = '{"records": [5]}'""", ("prepared",)),
    ],
)
def test_a_post_of_no_account_or_without_records_hides_no_other(
    world: World, sky: Skywrite, damage: str, unreadable: tuple[str, ...]
) -> None:
    """What no constraint of the database keeps out is shown as it is, and the posts beside it are shown and sent."""
    for text in ("Damaged", "Sound"):
        sky.schedule(text, at="tomorrow 9:00")
    with closing(sqlite3.connect(sky.context.config.database)) as connection, connection:
        connection.execute(f"UPDATE post SET {damage} WHERE id = 1")
    assert ["Damaged", "Sound"] == sorted(entry.post.text for entry in sky.posts.list())
    assert (unreadable, ()) == (sky.posts.get(1).post.unreadable, sky.posts.get(2).post.unreadable)
    access = Access(sky, frozenset(SCOPES), who="key 1")
    for name in ("posts.list", "status.show", "plan.show"):
        OPERATIONS[name].run(access, OPERATIONS[name].input(**(PLAN if name == "plan.show" else {})))
    assert [] == [finding for finding in check_all(sky) if "inside Skywrite" in finding.message]
    world.clock.advance(86_400)
    sky.run_once()
    assert ["Sound"] == world.texts()
