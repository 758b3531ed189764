"""Passwords, tokens and keys stay where they belong: they are in no output, log, database, backup or traceback."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import traceback
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from skywrite.core.errors import SkywriteError
from skywrite.faces.cli.running import make_log
from skywrite.protocol.atproto.repo import Repo
from tests.support.canaries import canary, guard_app_password, secrets_in
from tests.support.fault_proxy import Answer, Fault, FaultProxy, failing
from tests.support.pds import Pds, PdsAccount
from tests.support.processes import skywrite

WRITE = "com.atproto.repo.applyWrites"
SESSION = "com.atproto.server.createSession"
JSON = (("Content-Type", "application/json"),)


@pytest.fixture
def proxy(pds: Pds) -> Iterator[FaultProxy]:
    """In front of the PDS, to let requests fail."""
    with FaultProxy(pds.url, pds.plc_url) as proxy:
        yield proxy


@pytest.fixture
def environ(tmp_path: Path, proxy: FaultProxy, account: PdsAccount) -> dict[str, str]:
    """What a user of the account has set, secrets included."""
    return {
        "SKYWRITE_HOME": str(tmp_path / "home"),
        "SKYWRITE_PLC_URL": proxy.url,
        "SKYWRITE_VIDEO_SERVICE": "",
        "SKYWRITE_DEBUG": "1",
        "SKYWRITE_KEY": canary(),
        "BLUESKY_PDS": proxy.url,
        "BLUESKY_HANDLE": account.handle,
        "BLUESKY_APP_PASSWORD": account.app_password,
    }


class Shell:
    """Runs commands in processes of their own under umask 000, and keeps all that they said."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {**os.environ, **environ}
        self.said: list[str] = []

    def __call__(self, *words: str, code: int | None = 0, stdin: str = "", **environ: str) -> str:
        done = skywrite(*words, environ={**self._environ, **environ}, stdin=stdin.encode(), umask=0, is_merged=True)
        output = done.stdout.decode()
        self.said.append(f"$ {' '.join(words)}\n{output}")
        assert code in (None, done.returncode), output
        return output


def stored_tokens(environ: Mapping[str, str], account: PdsAccount) -> tuple[str, str]:
    """The access and the refresh token that are in use."""
    with Skywrite(config=load_config(environ)) as sky:
        session = sky.context.store.sessions.load(account.did)
    assert session is not None
    return session.access_jwt, session.refresh_jwt


def repeating(status: int, *secrets: str) -> Fault:
    """A server that puts what it was sent into its error message."""
    body = {"error": "InvalidRequest", "message": f"cannot take {' and '.join(secrets)}"}
    return Fault(False, answer=Answer(status, JSON, json.dumps(body).encode()))


def test_no_command_tells_a_secret(
    environ: dict[str, str], account: PdsAccount, proxy: FaultProxy, tmp_path: Path
) -> None:
    """Login, posts that succeed and fail, a run with its log, lists, export, backup and doctor, in debug mode: a
    server that repeats tokens included, nothing is told and nothing is kept in the clear."""
    skywrite = Shell(environ)
    proxy.break_next(repeating(401, account.app_password), SESSION)
    skywrite("login", code=3)
    skywrite("login", "--app-password-stdin", stdin=guard_app_password("abcd-efgh-2345-wxyz") + "\n", code=3)
    skywrite("login")
    access, refresh = stored_tokens(environ, account)
    for fault in (repeating(400, access), failing(502, html=True)):
        proxy.break_next(fault, WRITE)
        skywrite("post", f"broken by {fault.answer.status if fault.answer else ''}", code=None)
    proxy.break_next(repeating(400, access, refresh), WRITE)
    skywrite("post", "to be refused", "--at", "now")
    skywrite("run", "--once", "--log", "json", code=None)
    skywrite("queue", "--json")
    skywrite("history", "--json")
    skywrite("show", "1")
    skywrite("export", "--output", str(tmp_path / "export.jsonl"))
    skywrite("backup", str(tmp_path / "copy.db"))
    skywrite("doctor", code=None)
    skywrite("post", "with another key", SKYWRITE_KEY=canary(), code=None)
    assert [] == secrets_in("\n".join(skywrite.said))
    assert [] == secrets_in(tmp_path)
    assert {} == open_to_others(tmp_path / "home", tmp_path / "copy.db", tmp_path / "export.jsonl")
    assert True is any("cannot take [hidden]" in output for output in skywrite.said)


def open_to_others(*places: Path) -> dict[str, str]:
    """The files and folders that anybody but their owner may use, with their modes."""
    files = [path for place in places for path in (place, *place.rglob("*"))]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
    return {name: oct(mode) for name, mode in modes.items() if mode & 0o077}


def test_the_key_file_is_its_owners(environ: dict[str, str], tmp_path: Path) -> None:
    """Made under umask 000 it has mode 600, and the key is nowhere else: not in the database, not in a backup."""
    del environ["SKYWRITE_KEY"]
    skywrite = Shell(environ)
    skywrite("login")
    skywrite("backup", str(tmp_path / "copy.db"))
    skywrite("doctor", code=None)
    key = (tmp_path / "home" / "key").read_bytes().strip()
    raw = base64.b64decode(key, altchars=b"-_")
    assert {} == open_to_others(tmp_path / "home", tmp_path / "copy.db")
    others = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "key"]
    assert [] == [1 for data in (*others, "\n".join(skywrite.said).encode()) if key in data or raw in data]


def test_a_surprise_is_reported_without_its_values(
    environ: dict[str, str], account: PdsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody thought of, with a token in its words: the log and the queue name its kind and place."""
    with Skywrite(config=load_config(environ)) as sky:
        sky.schedule("Hello", at="now")
        session = sky.context.store.sessions.load(account.did)

        def surprise(repo: Repo, writes: Any) -> None:
            assert session is not None
            raise ValueError(f"{session.access_jwt} {account.app_password}")

        monkeypatch.setattr(Repo, "try_create_all", surprise)
        log = io.StringIO()
        with redirect_stderr(log):
            sky.run_once(log=make_log("json", sky.context.clock))
        problem = sky.posts.get(1).post.problem
        assert problem is not None
        told = [
            event["error"] for event in map(json.loads, log.getvalue().splitlines()) if event["event"] == "unexpected"
        ]
        assert (1, True, "skywrite.bug") == (len(told), told[0].startswith("ValueError at "), problem.code)
        assert [] == secrets_in(f"{log.getvalue()} {problem}")


def test_nothing_shows_a_secret_when_it_is_printed(environ: dict[str, str], account: PdsAccount) -> None:
    """What lies in local variables, and so in the reports of debuggers and error trackers, hides its secrets."""
    environ["SKYWRITE_DATABASE"] = f"postgresql://me:{canary()}@127.0.0.1/none"
    hidden = load_config(environ)
    del environ["SKYWRITE_DATABASE"]
    with Skywrite(config=load_config(environ)) as sky:
        stored_account = sky.accounts.get()
        agent = sky.context.agent(stored_account)
        seen = (
            hidden,
            sky,
            sky.context.config,
            stored_account,
            agent,
            agent.session,
            agent.public,
            sky.context.agents,
            sky.context.store,
            sky._sending.publisher(),
        )
        assert [] == [secret for one in seen for secret in secrets_in(f"{one!r} {one}")]


@pytest.mark.parametrize("answer", [401, 400, 500])
def test_a_traceback_of_a_failed_login(environ: dict[str, str], proxy: FaultProxy, answer: int) -> None:
    """The whole chain of errors, as Python prints it, holds neither the password nor the token."""
    proxy.decide = lambda method, name: repeating(answer, environ["BLUESKY_APP_PASSWORD"]) if name == SESSION else None
    with Skywrite(config=load_config(environ)) as sky, pytest.raises(SkywriteError) as caught:
        sky.accounts.login(environ["BLUESKY_HANDLE"], environ["BLUESKY_APP_PASSWORD"], pds=proxy.url)
    assert [] == secrets_in("".join(traceback.format_exception(caught.value)))
