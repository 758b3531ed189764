"""A queue with something in every table, and what a hand or a broken disk may put into its columns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Container, Mapping
from contextlib import AbstractContextManager, closing
from datetime import timedelta
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from skywrite.app import Skywrite
from skywrite.queue.workers import Hanging, Workers
from tests.support.postgres import PostgresServer
from tests.support.world import NOON, World

SICK, HEALTHY = "alice.test", "bob.test"
AT = NOON.isoformat()
LARGEST = 2**63 - 1
# Whatever a column may hold; the database refuses what its type and its rules do not take.
HOSTILE: tuple[object, ...] = (
    *("[]", "5", "[x", "", "junk", "{}", '"junk"', "null", "2026-12-01", "9999-12-31T23:59:59.999999Z"),
    *("infinity", "-infinity", "0044-03-15 00:00:00+00 BC", "12026-01-01 00:00:00+00"),
    *(LARGEST, 2**31 - 1, -(2**31), -1, b"junk"),
)
# What a rule of the table wants to go with a column.
ALSO = {
    "account.lease_until": ", lease_owner = 'x'",
    "account.lease_owner": ", lease_until = '2026-11-24T12:01:00Z'",
    "account.paused_until": ", state = 'paused'",
    "feed.lease_until": ", lease_owner = 'x'",
    "timer.lease_until": ", lease_owner = 'x'",
    "webhook.previous_until": ", previous_secret = secret",
}


class Cell(NamedTuple):
    """A column of a table."""

    table: str
    column: str


def fill(sky: Skywrite, world: World, run: Callable[[str, tuple[object, ...]], object]) -> None:
    """Something in every table, for a sick and for a healthy account; one post of each is due."""
    for handle in (SICK, HEALTHY):
        sky.accounts.login(handle, world.box.account(handle).app_password, pds=world.box.url)
        store, account = sky.context.store, sky.context.account(handle)
        done = sky.post(f"done {handle}", account=handle)
        sky.schedule(f"due {handle}", at=NOON + timedelta(minutes=1), account=handle)
        sky.schedule(f"daily {handle}", every="daily 12:01", account=handle)
        sky.schedule(f"later {handle}", at=NOON + timedelta(days=1), account=handle)
        held = sky.schedule(f"held {handle}", at=NOON + timedelta(days=1), account=handle)
        store.posts.hold(held.id)
        sky.reposts.repost(done.id, at=NOON + timedelta(minutes=1), account=handle)
        sky.follow_ups.add(done.id, when="50 likes", reply="Thank you!")
        Workers(store).beat(handle, [Hanging("http://127.0.0.1:9", 3)])
        store.settings.put("column_maps", handle, {"Message": "text"})
        store.secrets.put("oauth_client", handle, "sealed")
        store.accounts.note_name(f"{handle}@x.test", account.did)
        _fill_rest(run, {"did": account.did, "post": done.id, "handle": handle})
    world.clock.advance(120)


def _fill_rest(run: Callable[[str, tuple[object, ...]], object], known: Mapping[str, Any]) -> None:
    """What takes no part in the story: a row of each of the other tables."""
    did, post, handle = known["did"], known["post"], known["handle"]
    number = 1 if handle == SICK else 2

    def put(table: str, **values: object) -> None:
        names = ", ".join(values)
        marks = ", ".join(["?"] * len(values))
        run(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))

    later = (NOON + timedelta(days=300)).isoformat()
    put("media", cid=f"cid{number}", mime="image/png", size=1, used_at=AT)
    picture = {"mime": "image/png", "size": 1, "width": 1, "height": 1}
    about = json.dumps({**picture, "name": "a.png", "uploaded_at": AT, "warnings": [], "gif": False})
    put("upload", who=f"key {number}", share=f"key {number}", cid=f"cid{number}", about=about)
    put("media_chunk", cid=f"cid{number}", number=0, data=b"x")
    put("post_media", post_id=post, cid=f"cid{number}")
    put("recurrence_media", recurrence_id=number, cid=f"cid{number}")
    put("post_author", post_id=post, who="key 1", agent=True)
    put("post_group", post_id=post, name=handle)
    put("recurrence_author", recurrence_id=number, who="key 1", agent=True)
    approval = {"digest": "d", "verdict": "approved", "by_name": "me", "content": "{}", "created_at": AT}
    put("approval", post_id=post, texts="[]", **approval)
    put("recurrence_approval", recurrence_id=number, **approval)
    put("occurrence_template", post_id=post, digest="d")
    put("post_request", post_id=post, digest="d", wanted_at=later)
    put("app_draft", account_did=did, id="a", post_id=post, remote_digest="d", local_digest="d")
    put("inbox_place", account_did=did, gaps="[]", until=AT)
    put("inbox_function", account_did=did, name="f", since=AT, after_id=0)
    put("chore", name=handle, done_at=AT)
    put("slot", account_did=did, weekday=1, minute=600, zone="Europe/Berlin")
    put("mark", post_id=post, age_hours=1, taken_at=AT, kind="text", likes=3)
    put(
        "inbox", account_did=did, uri=f"at://{did}/app.bsky.feed.post/x", cid="c", reason="reply",
        author_did="did:web:x", author_handle="x.test", text="hi", indexed_at=AT,
    )  # fmt: skip
    put("folder_file", folder="f", path=handle, account_did=did, key=handle, digest="d", post_id=post, updated_at=AT)
    put("feed", url=f"http://127.0.0.1:9/{number}", next_check_at=AT, ready_at=AT, created_at=AT)
    put("feed_account", feed_id=number, position=0, account_did=did)
    put(
        "feed_item", feed_id=number, state="pending", hash="h", content="{}", has_guid=True, title_hash=1,
        seen_at=AT, updated_at=AT,
    )  # fmt: skip
    put("feed_fingerprint", feed_id=number, fingerprint=number, item_id=number, weak=False)
    put("feed_token", digest=handle, name="t", account_did=did, created_at=AT)
    put("way", account_did=did, asked_at=AT, outcome="answered", created_at=AT)
    hook = {"kind": "github", "template": "{{ a }}", "publishes": True, "created_at": AT}
    put("hook", name=f"h{number}", account_did=did, delivered_at=AT, outcome="made", post_id=post, **hook)
    put("snippet", name=f"s{number}", account_did=did, text="Hello", signs=True, created_at=AT)
    put("webhook", url="http://127.0.0.1:9/", name="w", secret=b"sealed", created_at=AT)
    put("delivery", webhook_id=number, event_id=1, kind="post.published", body="{}", attempt_at=AT, created_at=AT)
    timer = {"rule": "daily 9:00", "zone": "UTC", "late_seconds": 60, "next_at": AT, "created_at": AT}
    put("timer", kind="command", name=f"c{number}", account_did=did, settings='{"command": "true"}', **timer)
    put("timer", kind="function", name=f"f{number}", account_did=did, **timer)
    put(
        "notice_channel",
        kind="email",
        config='{"to": "a@x.test", "from": "b@x.test", "server": "127.0.0.1:9"}',
        last_event=0,
        created_at=AT,
    )
    put("notice", channel_id=number, trouble="t", said="s", is_over=False, created_at=AT)
    put("trouble", channel_id=number, name="t", kind="post.failed", said="s", opened_at=AT)
    put("change", made_at=AT, verb="edit", content='{"added": [[999, 999]]}')
    put("person", name=handle, role="owner", created_at=AT)
    put("passkey", credential_id=handle, person_id=number, name="p", public_key=b"k", sign_count=0, created_at=AT)
    put("api_key", name="k", prefix=handle, digest="d", scopes='["read"]', created_at=AT)
    put("oauth_client", id=handle, name="n", redirect_uris='["https://x.test/"]', created_at=AT)
    put(
        "oauth_code", digest=handle, person_id=number, client_id="c", name="n", redirect_uri="u", challenge="c",
        resource="r", scopes="[]", accounts="[]", expires_at=later,
    )  # fmt: skip
    put("oauth_refresh", digest=handle, key_id=number, expires_at=later)
    put("web_session", digest=handle, person_id=number, created_at=AT, expires_at=later)
    review = {"post_digest": "d", "reviewer": "r", "created_at": AT, "ends_at": later}
    put("review_link", digest=handle, post_id=post, person_id=number, **review)
    put("sign_in_link", digest=handle, person_id=number, created_at=AT, expires_at=later)


class SqliteQueue:
    """A full queue in a file, and damaged copies of it."""

    def __init__(self, home: Path) -> None:
        self.whole = home

    def copy(self, home: Path) -> str:
        """The address of a copy, with its key in a folder of its own."""
        copytree(self.whole, home)
        return str(home / "skywrite.db")

    def drop(self, address: str) -> None:
        """Delete a copy."""
        rmtree(Path(address).parent)

    def connected(self, address: str) -> AbstractContextManager[Any]:
        """A connection without any of the program's code."""
        connection = sqlite3.connect(address, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        return closing(connection)

    def columns(self, connection: Any) -> list[Cell]:
        """Every column of every table."""
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return [
            Cell(table, row[1])
            for table in tables
            if not table.startswith("sqlite_")
            for row in connection.execute(f"PRAGMA table_info({table})")
        ]


class PostgresQueue:
    """A full queue in PostgreSQL, and damaged copies of it."""

    def __init__(self, server: PostgresServer, home: Path) -> None:
        self._server, self._home = server, home
        self.address = server.create_database()

    def copy(self, home: Path) -> str:
        """The address of a copy, and its key in a folder."""
        copytree(self._home, home)
        return self._server.create_database(urlsplit(self.address).path.strip("/"))

    def drop(self, address: str) -> None:
        """Delete a copy."""
        self._server.execute(f"DROP DATABASE {urlsplit(address).path.strip('/')} WITH (FORCE)")

    def connected(self, address: str) -> AbstractContextManager[Any]:
        """A connection without any of the program's code."""
        import psycopg

        return psycopg.connect(address, autocommit=True)

    def columns(self, connection: Any) -> list[Cell]:
        """Every column of every table."""
        rows = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING"
            " (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            " ORDER BY table_name, ordinal_position"
        )
        return [Cell(*row) for row in rows]


Queue = SqliteQueue | PostgresQueue


def damage(connection: Any, queue: Queue, cell: Cell, value: object, rows: str) -> bool:
    """Put a value into a column; False if the database refuses it."""
    if cell.column == "id" and value == LARGEST:
        # A table whose numbers are used up takes no more rows from anybody.
        return False
    mark = "?" if isinstance(queue, SqliteQueue) else "%s"
    also = ALSO.get(f"{cell.table}.{cell.column}", "")
    try:
        statement = f'UPDATE {cell.table} SET "{cell.column}" = {mark}{also} WHERE {rows}'
        return bool(connection.execute(statement, (value,)).rowcount)
    except (sqlite3.Error, OverflowError):
        return False
    except Exception as error:
        if type(error).__module__.startswith("psycopg"):
            return False
        raise


def sick_rows(table: str, columns: Container[str], did: str) -> str:
    """Which rows of a table are those of the sick account, or of nobody."""
    if table == "account":
        return f"did = '{did}'"
    if "account_did" in columns and table != "event":
        return f"account_did = '{did}'"
    if "post_id" in columns:
        return f"post_id IN (SELECT id FROM post WHERE account_did = '{did}')"
    for parent in ("recurrence_id", "feed_id", "webhook_id", "channel_id", "person_id", "key_id", "item_id"):
        if parent in columns:
            return f"{parent} = 1"
    return "id = 1" if "id" in columns and table not in ("event", "change", "oauth_client") else "true"
