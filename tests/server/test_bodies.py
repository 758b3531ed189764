"""Bodies in turn: what a caller sends costs no memory before it is read, and of one caller little is read at a time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.lanes import Lanes, Turns
from skywrite.faces.server.limits import in_turn
from skywrite.faces.server.routes import PREFIX
from skywrite.faces.server.security import Origin
from skywrite.queue.api_keys import SCOPES, ApiKeys
from skywrite.queue.people import People
from tests.support.errors import fails

LARGE, SMALL, CHUNKED = (b"content-length", b"900000"), (b"content-length", b"20"), (b"transfer-encoding", b"chunked")
# These read no body at all.
NONE = {"/sign-out", "/passkeys/options", "/passkeys/sign-in/options", f"{PREFIX}/media/uploads"}
WAITS, TOO_LARGE = 500, 413


def test_large_bodies_are_read_in_turn() -> None:
    """Of one caller's large bodies so many are read at a time, and too many are refused; small ones wait for nothing,
    nor does anybody else.
    """
    turns, under_way = Turns(each=2, waiting=3), list[tuple[str, bytes]]()

    async def read(who: str, header: tuple[bytes, bytes], ended: asyncio.Event) -> None:
        async with in_turn(Request({"type": "http", "headers": [header]}), turns, who):
            under_way.append((who, header[1]))
            await ended.wait()

    async def main() -> list[tuple[str, bytes]]:
        ended = asyncio.Event()
        sent = [("greedy", LARGE)] * 5 + [("greedy", SMALL), ("modest", LARGE), ("other", CHUNKED)]
        tasks = [asyncio.create_task(read(who, header, ended)) for who, header in sent]
        await asyncio.sleep(0)
        began = sorted(under_way)
        with fails("request.too_many_at_once"):
            await read("greedy", LARGE, ended)
        ended.set()
        await asyncio.gather(*tasks)
        return began

    at_once = [("greedy", b"20"), ("greedy", b"900000"), ("greedy", b"900000"), ("modest", b"900000")]
    assert [*at_once, ("other", b"chunked")] == asyncio.run(main())
    assert (8, 0) == (len(under_way), turns.callers)


class _Waits(Exception):
    """Somebody waits for a turn."""


class _Never(Turns):
    """Turns that nobody gets."""

    @asynccontextmanager
    async def of(self, who: str) -> AsyncIterator[None]:
        """No turn."""
        raise _Waits
        yield


def test_no_large_body_is_read_out_of_turn(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address that takes a body waits for its caller's turn before it reads a large one, or refuses it unread."""
    lanes = Lanes.new()._replace(bodies=_Never(1), files=_Never(1))
    monkeypatch.setattr(Lanes, "new", lambda: lanes)
    people, (_, key) = People(sky.context.store), ApiKeys(sky.context.store).add("large", SCOPES)
    app: Any = make_app(sky, Origin.of(None))
    client = TestClient(app, "http://127.0.0.1", raise_server_exceptions=False)
    answers = {}
    for path, method in taking_bodies(app.routes):
        cookie = f"{COOKIE}={people.begin_session(people.owner().id)}"
        headers = {"authorization": f"Bearer {key}"} if path.startswith((PREFIX, "/mcp")) else {"cookie": cookie}
        headers |= {"origin": "http://127.0.0.1", "content-type": kind_of(path), "upload-offset": "0"}
        if path.endswith("/uploads/1"):
            begun = client.post(path.removesuffix("/1"), headers={**headers, "upload-length": "100000"})
            path = begun.headers["location"]
        answers[path, method] = client.request(method, path, headers=headers, content=b" " * 30_001).status_code
    out_of_turn = {path for (path, _), status in answers.items() if status not in (WAITS, TOO_LARGE)}
    assert (NONE, True) == (out_of_turn, list(answers.values()).count(WAITS) > len(answers) / 2)


def taking_bodies(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The addresses that take bodies, and how."""
    for route in routes:
        path = re.sub("{[^}]*}", "1", getattr(route, "path", ""))
        methods = ("POST",) if path == "/mcp" else getattr(route, "methods", None) or ()
        yield from ((path, method) for method in ("POST", "PUT", "PATCH") if method in methods)


def kind_of(path: str) -> str:
    """The kind of body that an address takes."""
    if path.endswith("/uploads/1"):
        return "application/offset+octet-stream"
    if path.endswith("/media"):
        return "image/png"
    if path.startswith((PREFIX, "/mcp")):
        return "application/json"
    return "multipart/form-data; boundary=x" if path == "/compose" else "application/x-www-form-urlencoded"
