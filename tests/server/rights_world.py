"""A server whose database holds everything there can be, of each account and of both, and the same without an account.

What lives here: what is stored, and who calls. What does not: what is asked of it (`test_rights`).
"""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from anyio.from_thread import start_blocking_portal
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.operations import Operation
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.core.errors import NotSent
from skywrite.core.http import Response
from skywrite.faces.server.app import make_app
from skywrite.faces.server.limits import Quota
from skywrite.faces.server.security import Origin
from skywrite.features.answers.store import InboxItems, NewItem
from skywrite.features.feeds.model import NewFeed
from skywrite.features.feeds.store import FeedStore
from skywrite.queue.api_keys import SCOPES, ApiKeys, Scope
from skywrite.queue.model import Slot
from skywrite.queue.people import People
from skywrite.queue.webhooks import Webhooks
from skywrite.queue.workers import Hanging, Workers
from tests.support.feed_server import feed_server, item, rss
from tests.support.stored import ALICE, BOB, KEY, NOON, session

DIDS = {"alice": ALICE, "bob": BOB}
SERVERS = {"alice": "http://127.0.0.1:1", "bob": "http://127.0.0.2:1"}
OTHER = {"alice": "bob", "bob": "alice"}
# Whose things are: an account's, those of both, and those that are for all accounts.
BOTH, ALL = "both", "all"
STATES = ("draft", "scheduled", "held", "failed", "published")
NEVER = 987_654_321
CALLERS = ("alice", "bob", ALL)
DATABASE = "skywrite.db"
AT = "2026-12-24T09:00:00Z"


def picture(colour: str) -> bytes:
    """A small image."""
    from PIL import Image

    with io.BytesIO() as data:
        Image.new("RGB", (8, 8), colour).save(data, "PNG")
        return data.getvalue()


class Silence:
    """A network that nothing can be sent to."""

    def request(self, method: str, url: str, **more: Any) -> Response:
        raise NotSent("There is no network here.")


# The columns that say whom a row touches; in most tables, nothing in them means all accounts.
TOUCHING = ("account_did", "account_dids", "accounts")


class Row(NamedTuple):
    """A row of a table, as it is stored."""

    table: str
    values: tuple[tuple[str, Any], ...]

    def touches_only(self, did: str) -> bool:
        """Whether it touches no account but this one."""
        values = [value for name, value in self.values if name in TOUCHING]
        accounts = [value for value in values if value is not None]
        return not values or (bool(accounts) and all(value in (did, f'["{did}"]') for value in accounts))


@dataclass
class World:
    """The folder of a database, the things in it by noun and owner, and the keys of callers."""

    home: Path
    feeds_url: str
    things: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    keys: dict[tuple[str, frozenset[Scope]], str] = field(default_factory=dict)

    def note(self, noun: str, owner: str, *names: Any) -> None:
        """Remember that these are an owner's."""
        self.things.setdefault(noun, {}).setdefault(owner, []).extend(names)

    def of(self, noun: str, owner: str) -> list[Any]:
        """The things of a noun that an owner has."""
        return self.things.get(noun, {}).get(owner, [])

    @property
    def database(self) -> Path:
        """The file of the database."""
        return self.home / DATABASE

    def rows(self) -> set[Row]:
        """Every row of every table, without when keys were used."""
        with closing(sqlite3.connect(self.database)) as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {
                Row(table, tuple(zip(names, values, strict=True)))
                for table in tables
                if not table.startswith("sqlite_")
                for names in [_columns(connection, table)]
                for values in connection.execute(f"SELECT {', '.join(names)} FROM {table}")
            }

    def copy(self, home: Path, without: str | None = None) -> World:
        """The same world in another folder; without an account, nothing that touches it was ever there."""
        shutil.copytree(self.home, home)
        copy = World(home, self.feeds_url, self.things, self.keys)
        if without is not None:
            copy._forget(without)
        return copy

    def _forget(self, owner: str) -> None:
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            for noun, table in (("feeds", "feed"), ("webhooks", "webhook"), ("calendars", "feed_token")):
                for name in (*self.of(noun, BOTH), *self.of(noun, ALL), *self.of(noun, owner)):
                    connection.execute(f"DELETE FROM {table} WHERE id = ?", (name,))
            kept = (*self.of("keys", OTHER[owner]), *self.of("callers", OTHER[owner]))
            marks = ",".join("?" * len(kept))
            connection.execute(f"DELETE FROM api_key WHERE id NOT IN ({marks})", kept)
            connection.execute(f"DELETE FROM upload WHERE who NOT IN ({marks})", [f"key {key}" for key in kept])
            others = json.dumps([[SERVERS[OTHER[owner]], 3]])
            connection.execute("UPDATE worker SET hanging = ?", (others,))
            connection.execute("DELETE FROM event WHERE account_did = ?", (DIDS[owner],))
            connection.execute("DELETE FROM account WHERE did = ?", (DIDS[owner],))
            connection.commit()

    @contextmanager
    def opened(self) -> Iterator[Skywrite]:
        """The queue, with a clock that stands still and no network but the feeds'."""
        settings = {"SKYWRITE_HOME": str(self.home), "SKYWRITE_KEY": KEY, "SKYWRITE_FETCH_ALLOW": "127.0.0.1"}
        database = str(self.database)
        clock = FakeClock(NOON)
        with Skywrite(database, config=load_config(settings), transport=Silence(), clock=clock) as sky:
            yield sky

    @contextmanager
    def served(self) -> Iterator[TestClient]:
        """Requests to a server on this world."""
        with self.opened() as sky:
            app = make_app(sky, Origin.of(None), requests=Quota(100_000, 60))
            client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
            # One event loop for all requests; the client would start one for each.
            with start_blocking_portal() as client.portal:
                yield client


class Request(NamedTuple):
    """A request for an operation, with what stands in its query or body. `owners`: whose things it names.

    `values` is what all of it says, in the path or elsewhere.
    """

    operation: Operation
    path: str
    fields: Mapping[str, Any]
    owners: frozenset[str]
    values: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.operation.method} {self.path} {dict(self.fields)}"


def ask(
    client: TestClient, secret: str, request: Request, cookie: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    """The answer to a request, to the last byte; by a person on the page, if a cookie is given."""
    headers = {"authorization": f"Bearer {secret}"} if cookie is None else {"cookie": cookie}
    method, path = request.operation.method, "/api/v1" + request.path
    if method in ("GET", "DELETE"):
        answer = client.request(method, path, params=request.fields, headers=headers)
    else:
        answer = client.request(method, path, json=request.fields, headers=headers)
    return answer.status_code, dict(answer.headers), answer.content


def build(home: Path, feeds_url: str) -> World:
    """The whole world. What is of both or of all is made first, then bob's, then alice's."""
    world = World(home, feeds_url)
    home.mkdir()
    with world.opened() as sky:
        for owner, did in DIDS.items():
            sky.context.store.accounts.sign_in(session(did)._replace(pds_url=SERVERS[owner]))
        Workers(sky.context.store).beat("w", [Hanging(server, 3) for server in SERVERS.values()])
        _fill_shared(world, sky)
        for owner in ("bob", "alice"):
            _fill(world, sky, owner)
        _make_callers(world, sky)
    with world.served() as client:
        for owner in CALLERS:
            secret = world.keys[owner, frozenset(SCOPES)]
            headers = {"authorization": f"Bearer {secret}"}
            # One file that all have uploaded, and one of each.
            for colour in ("red", {"alice": "green", "bob": "blue"}.get(owner, "grey")):
                path = f"/api/v1/media?name=secret-of-{owner}.png"
                response = client.post(path, content=picture(colour), headers=headers)
                # What a key has uploaded is the key's, and no other's.
                world.note("media", f"key of {owner}", response.json()["media"])
    return world


@contextmanager
def whole_world(home: Path) -> Iterator[World]:
    """Everything there can be, of each account and of both, beside a server of feeds."""
    with feed_server() as feeds:
        for owner in (*DIDS, BOTH, "new"):
            page = rss(item(f"news-{owner}", description="news"), title=f"secret-of-{owner}")
            feeds.pages[f"/{owner}?token=secret-of-{owner}"] = page
        yield build(home, feeds.url)


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    return [name for name in names if name != "last_used_at"]


def _fill_shared(world: World, sky: Skywrite) -> None:
    store = sky.context.store
    _add_feed(world, sky, BOTH, (ALICE, BOB))
    keys = ApiKeys(store)
    world.note("keys", BOTH, keys.add("of both, secret-of-both", ["read"], accounts=[ALICE, BOB])[0].id)
    world.note("keys", ALL, keys.add("of all, secret-of-all", ["read"])[0].id)
    world.note("calendars", ALL, keys.add_token("secret-of-all")[0].id)
    hook, _ = Webhooks(store).add("https://secret-of-all.example/", "secret-of-all")
    world.note("webhooks", ALL, hook.id)
    world.note("deliveries", ALL, Webhooks(store).send_test(hook.id).id)
    world.note("snippets", ALL, sky.snippets.add("of-all", "secret-of-all").id)
    people = People(store)
    people.owner()
    world.note("people", ALL, people.add("secret-of-all", "writer").id)


def _add_feed(world: World, sky: Skywrite, owner: str, dids: tuple[str, ...]) -> None:
    store = sky.context.store
    address = f"{world.feeds_url}/{owner}?token=secret-of-{owner}"
    claim = FeedStore(store).add_feed(
        NewFeed(address, dids, f"secret-of-{owner}", {"template": f"secret-of-{owner}"}), "w", 60
    )
    FeedStore(store).release_feed(claim)
    world.note("feeds", owner, claim.feed.id)
    world.note("addresses", owner, address)


def _fill(world: World, sky: Skywrite, owner: str) -> None:
    """Everything of one account."""
    store, did, secret = sky.context.store, DIDS[owner], f"secret-of-{owner}"
    store.recurrences.set_slots(did, [Slot(0, 540, "UTC")])
    for state in STATES:
        when = {"at": AT} if state != "draft" else {"draft": True}
        post_id = sky.posts.schedule(f"{secret} {state}", account=did, key=f"{secret} {state}", **when).post_id
        assert post_id is not None
        world.note("posts", owner, post_id)
        world.note(state, owner, post_id)
        _put_into(world, state, post_id, did)
    published = world.of("published", owner)[0]
    every = sky.posts.schedule(f"{secret} again", account=did, every="0 9 * * *", zone="UTC").recurrence_id
    world.note("recurrences", owner, every)
    world.note("reposts", owner, *(sky.reposts.repost(published, at=AT, account=did).id for _ in range(2)))
    _run(world, "UPDATE action SET state = 'failed' WHERE id = ?", world.of("reposts", owner)[1])
    late = sky.posts.schedule(f"{secret} late", account=did, at=AT).post_id
    _run(world, "UPDATE post SET due_at = '2026-11-24T11:00:00.000000Z' WHERE id = ?", late)
    world.note("follow-ups", owner, sky.follow_ups.add(published, when="50 likes", reply=secret).id)
    _add_feed(world, sky, owner, (did,))
    item = NewItem(
        account_did=did,
        uri=f"at://did:plc:carol/app.bsky.feed.post/{owner}",
        cid="bafyreiexample",
        reason="reply",
        author_did="did:plc:carol",
        author_handle="carol.test",
        text=secret,
        subject=f"at://{did}/app.bsky.feed.post/{secret}",
        indexed_at=NOON - timedelta(minutes=1),
    )
    InboxItems(store).add([item])
    world.note("inbox", owner, *(known.id for known in sky.inbox.list(account=did)))
    hook, _ = Webhooks(store).add(f"https://{secret}.example/", secret, account_did=did)
    world.note("webhooks", owner, hook.id)
    world.note("deliveries", owner, Webhooks(store).send_test(hook.id).id)
    world.note("ways", owner, sky.ways.add_webhook(f"https://{secret}.example/", account=did).way.id)
    added = sky.hooks.add(f"of-{owner}", template=secret, kind="github", account=did)
    world.note("hooks", owner, added.hook.id)
    world.note("snippets", owner, sky.snippets.add(f"of-{owner}", secret, account=did, signature=True).id)
    world.note("calendars", owner, ApiKeys(store).add_token(secret, did)[0].id)
    world.note("keys", owner, ApiKeys(store).add(secret, ["read"], accounts=[did])[0].id)
    world.note("accounts", owner, f"{owner}.test", did)


def _put_into(world: World, state: str, post_id: int, did: str) -> None:
    """Give a post a state that only a worker brings about."""
    values = {
        "held": "error_code = 'Held', error_message = 'held', error_hint = ''",
        "failed": "error_code = 'Failed', error_message = 'failed', error_hint = ''",
        "published": f"uri = 'at://{did}/app.bsky.feed.post/{post_id}', cid = 'bafyreiexample', published_at = due_at",
    }.get(state)
    if values is not None:
        _run(world, f"UPDATE post SET state = ?, {values} WHERE id = ?", state, post_id)


def _run(world: World, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(world.database)) as connection:
        connection.execute(statement, values)
        connection.commit()


def _make_callers(world: World, sky: Skywrite) -> None:
    """Keys of each account and of all, with every scope, and with every scope but one."""
    every = frozenset(SCOPES)
    for caller in CALLERS:
        for scopes in (every, *(every - {scope} for scope in SCOPES)):
            accounts = None if caller == ALL else [DIDS[caller]]
            key, secret = ApiKeys(sky.context.store).add("caller", sorted(scopes), accounts=accounts)
            world.keys[caller, scopes] = secret
            world.note("callers", caller, key.id)
