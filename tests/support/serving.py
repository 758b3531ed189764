"""A live server in a child process, with the accounts of a sandbox, and clients of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.processes import PATIENCE_SECONDS, Child, python_child

# Of any address; the cookies that a server sets on this computer have another name.
COOKIE = "__Host-skywrite"
_numbers = itertools.count(1)


@dataclass
class Server:
    """A running server; `owner` is the cookie of its owner's session, `home` the folder of a demo."""

    child: Child
    url: str
    sign_in_url: str
    owner: str = ""
    home: str = ""

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, anonymous unless the options say otherwise."""
        return httpx.request(method, self.url + path, timeout=PATIENCE_SECONDS, **options)

    def as_owner(self) -> Api:
        """The API for the signed-in owner."""
        return Api(self.url, {"cookie": f"{COOKIE}={self.owner}"})

    def with_key(self, *scopes: str, accounts: tuple[str, ...] = ()) -> Api:
        """The API with a new key."""
        body = {"name": f"test {next(_numbers)}", "scopes": scopes, "accounts": accounts or None}
        response = self.as_owner().post("/keys", body)
        assert 201 == response.status_code, response.text
        return Api(self.url, {"authorization": f"Bearer {response.json()['key']}"})


@dataclass
class Api:
    """Requests under /api/v1 with the same headers."""

    url: str
    headers: dict[str, str]

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.send("POST", path, json={} if body is None else body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return self.send("PATCH", path, json=body, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.send("DELETE", path, **options)

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return httpx.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=PATIENCE_SECONDS, **options)


def start(*options: str, environ: dict[str, str], port: int = 0) -> Server:
    """`skywrite serve --json` on a free port, or on this one."""
    words = ("-m", "skywrite.faces.cli.main", "serve", "--port", str(port), "--json", *options)
    child = python_child(*words, environ=environ)
    announcement = json.loads(child.wait_for_line('"sign_in_url"'))
    return Server(child, announcement["url"], announcement["sign_in_url"], home=announcement.get("home", ""))


def sign_in(server: Server) -> str:
    """The cookie of a new session."""
    answer = httpx.get(server.sign_in_url, timeout=PATIENCE_SECONDS)
    assert 303 == answer.status_code
    return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]


@contextmanager
def demo_server(*options: str) -> Iterator[Server]:
    """A server with a filled week."""
    started = start("--demo", *options, environ={"SKYWRITE_FETCH_ALLOW": "127.0.0.1"})
    with started.child:
        started.owner = sign_in(started)
        yield started


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with a filled week that all tests share. Tests that use up what a caller may do have their own."""
    with demo_server() as started:
        yield started


@pytest.fixture(scope="session")
def quiet_server() -> Iterator[Server]:
    """A server with a filled week that publishes nothing."""
    with demo_server("--no-worker") as started:
        yield started


@pytest.fixture
def everything(server: Server) -> Api:
    """The API with a key that may do everything."""
    return server.with_key("read", "draft", "schedule", "publish", "manage")


@pytest.fixture
def fresh_key() -> str:
    """A key that no post uses."""
    return f"test-{next(_numbers)}"
