"""The report for whoever helps: it says what is here, and nothing that somebody would not want to send."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import secret_bytes
from skywrite.core.standard_webhooks import new_secret as new_webhook_secret
from skywrite.features.checkup import report
from skywrite.features.checkup.report import HIDDEN, hide, report_text, secret_values
from skywrite.protocol.atproto.oauth_client import with_new_key
from skywrite.queue.api_keys import new_key, new_secret
from tests.app.damage import HEALTHY, SICK, SqliteQueue, damage, fill
from tests.support.canaries import canary, secrets_in
from tests.support.world import World

SOURCE = Path(report.__file__).parents[2]
WORDS = "tulips"
# What the report shows of a database: servers, as accounts and workers have them.
SHOWN = {("account", "pds_url"), ("worker", "hanging")}


@pytest.fixture(autouse=True)
def on_a_small_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The computer that runs the tests may have a service of its own, and has many packages."""
    monkeypatch.setattr(report, "_service_log", list)
    monkeypatch.setattr(report, "_packages", lambda: iter(["skywrite 0"]))


def planted() -> tuple[object, ...]:
    """A secret and words of somebody, in the forms that columns take."""
    text = f"{WORDS} {canary()} alice@mail.test"
    return (text, json.dumps({"text": text, text: 1}), json.dumps([text]), text.encode())


@pytest.fixture
def queue(world: World) -> SqliteQueue:
    """Something in every table."""
    with world.process() as sky:
        address = str(sky.context.store.place)
        queue = SqliteQueue(world.home)
        with queue.connected(address) as connection:
            fill(sky, world, connection.execute)
    return queue


def test_nothing_of_any_column_is_in_the_report(queue: SqliteQueue, world: World, tmp_path: Path) -> None:
    """A secret and somebody's words in each column of each table, where a rule lets them in: neither is told."""
    told, walked = {}, 0
    address = queue.copy(tmp_path / "looked-at")
    with queue.connected(address) as connection:
        cells = queue.columns(connection)
    for table in dict.fromkeys(cell.table for cell in cells if cell.table != "schema_version"):
        home = tmp_path / table
        address = queue.copy(home)
        with queue.connected(address) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            for cell in cells:
                if cell.table == table and (table, cell.column) not in SHOWN:
                    walked += any(damage(connection, queue, cell, value, "true") for value in planted())
        copy = World(home, world.box, world.clock, world.transport)
        text = report_text(
            None, with_texts=False, environ={}, open_queue=lambda copy=copy, at=address: copy.process(at)
        )
        # At the end of a run, what is left behind is searched for secrets.
        copy.opened[0].close()
        queue.drop(address)
        leaks = [*secrets_in(text), *re.findall(f".*{WORDS}.*", text), *re.findall(f".*(?:{SICK}|{HEALTHY}).*", text)]
        if leaks:
            told[table] = leaks
        assert "## Database" in text
    assert ({}, True) == (told, walked > 150)


def variables() -> list[str]:
    """Every variable of the environment that the program's code names."""
    text = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    return sorted({*re.findall(r'"((?:SKYWRITE|BLUESKY)_[A-Z_]+)"', text), "PGPASSWORD", "HTTPS_PROXY", "AWS_SECRET"})


def test_no_variable_is_told(world: World, sky: Skywrite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a variable holds, a password alone or one in an address, is in the report neither way."""
    # One of them names a file, which is looked for in the current folder.
    monkeypatch.chdir(tmp_path)
    from skywrite.core.config import load_config

    assert len(variables()) > 10
    for name in variables():
        for value in (canary(), f"https://me:{canary()}@x.test/{canary()}?key={canary()}"):
            environ = {"SKYWRITE_HOME": str(world.home), "SKYWRITE_PLC_URL": world.box.plc_url, name: value}

            def opened(environ: dict[str, str] = environ) -> Skywrite:
                return Skywrite(config=load_config(environ), transport=world.transport, clock=world.clock)

            text = report_text(None, with_texts=False, environ=environ, open_queue=opened)
            assert [] == secrets_in(text), (name, value)


def made() -> dict[str, Callable[[], str]]:
    """What the program's own makers of secrets give, by the names of the functions that call them."""
    return {
        "b64url": lambda: base64.urlsafe_b64encode(secret_bytes(32)).decode().rstrip("="),
        "new_secret": new_secret,
        "new_key": new_key,
        "new_secret of a webhook": new_webhook_secret,
        "with_new_key": lambda: next(iter(with_new_key({}).values())).text,
    }


MAKERS = {"new_secret", "new_key", "with_new_key"}


def test_every_maker_of_secrets_is_known() -> None:
    """Functions that make secrets are those whose secrets are looked for below."""
    text = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    calls = set(re.findall(r"^ *def (_?(?:with_)?new_(?:secret|key|token)s?)\(", text, re.MULTILINE))
    assert MAKERS == calls


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "cannot take {}.",
        "token={}",
        '{{"key": "{}"}}',
        "https://me:{}@x.test/feed",
        "https://x.test/calendars/{}.ics",
        "https://x.test/sign-in#{}",
        "Authorization: Bearer {}",
        "DPoP {}",
    ],
)
def test_what_errors_repeat_is_hidden(text: str) -> None:
    """A key, a token or a password is hidden wherever it stands in an error or a log."""
    secrets = [make() for make in made().values() for _ in range(50)]
    secrets += ["abcd-efgh-2345-wxyz", "eyJhbGciOiJub25l.eyJzdWIiOiJtZSJ9.c2ln"]
    assert [] == [secret for secret in secrets if secret in hide(text.format(secret))]


def test_hiding_leaves_what_helps() -> None:
    """Versions, codes, times, counts and servers stay; names get a number; addresses end at their server."""
    text = (
        "libipld 3.1.1\npost.held 12 2026-12-02T09:00:00Z NoSuchAccountException at queue/settling.py:39\n"
        "Alice.test on https://pds.example.com/xrpc/x?y=1, did:plc:abc, at://did:plc:abc/app.bsky.feed.post/3k, "
        "a@b.test"
    )
    expected = (
        "libipld 3.1.1\npost.held 12 2026-12-02T09:00:00Z NoSuchAccountException at queue/settling.py:39\n"
        "account-1 on https://pds.example.com, did:..., at://..., [mail address]"
    )
    assert expected == hide(text, (), ["alice.test"])


def test_a_passphrase_is_hidden_by_its_value() -> None:
    """What no pattern finds is known from the environment."""
    values = secret_values({"SKYWRITE_KEY": "correct horse", "SKYWRITE_DATABASE": "postgresql://me:so%20secret@h/x"})
    assert f"I use {HIDDEN} and {HIDDEN}" == hide("I use correct horse and so secret", values)


def test_texts_come_only_when_they_are_asked_for(sky: Skywrite, world: World) -> None:
    """What a server said of a post, and who posts, is told with `with_texts`, and without it only the code."""
    with suppress(Exception):
        sky.post("tulips", reply_to="at://did:plc:none/app.bsky.feed.post/3k")
    sky.schedule("tulips bloom", at="now")
    failed: Any = {"post": 1, "now": world.clock.now().isoformat()}
    with sky.context.store.writing() as tx:
        tx.select(
            "INSERT INTO attempt (post_id, number, worker, started_at, ended_at, outcome, error_code, error_message)"
            " VALUES (:post, 9, 'w', :now, :now, 'failed', 'server.refused', 'no tulips here') RETURNING number",
            failed,
        )
    told = [report_text("alice.test", with_texts=flag, environ={}, open_queue=world.process) for flag in (False, True)]
    assert [(True, False, False), (True, True, True)] == [
        ("server.refused" in text, "no tulips here" in text, "alice.test" in text) for text in told
    ]


def test_a_report_is_written_whatever_is_broken(tmp_path: Path, world: World) -> None:
    """Without a database that opens there is a report all the same, which says so."""
    place = tmp_path / "skywrite.db"
    place.write_bytes(b"SQLite format 3\x00" + b"junk" * 1000)
    text = report_text(None, with_texts=False, environ={}, open_queue=lambda: world.process(str(place)))
    assert (True, True, True) == ("## Packages\n" in text, "wrong: database: " in text, "skywrite 0" in text)
