"""Bulkheads: what waits for servers of others holds up nobody but whoever asked for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import pytest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS
from skywrite.app.operations.once import key_lock
from skywrite.faces.server import json_bodies
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.lanes import Lane, Lanes
from skywrite.faces.server.problems import problem
from skywrite.faces.server.routes import PREFIX
from skywrite.faces.server.security import Origin
from skywrite.queue.people import People
from tests.support.errors import fails


@asynccontextmanager
async def silent(lane: Lane, callers: dict[str, int]) -> AsyncIterator[None]:
    """Each of these callers has so many requests that wait for a host which never answers."""
    answered = threading.Event()
    under_way = [
        asyncio.create_task(lane.run(who, answered.wait)) for who, count in callers.items() for _ in range(count)
    ]
    while lane.held < min(lane.threads, sum(min(count, lane.each) for count in callers.values())):
        await asyncio.sleep(0)
    try:
        yield
    finally:
        answered.set()
        await asyncio.gather(*under_way)


def test_all_of_the_network_is_silent() -> None:
    """Though every thread for the network waits, work, health and signing in get one at once."""

    async def main() -> list[str]:
        lanes = Lanes.new()
        callers = {str(number): lanes.network.each for number in range(lanes.network.threads)}
        async with silent(lanes.network, callers):
            return [await lanes.work.run("anybody", str, 1), await run_in_threadpool(str, 2)]

    assert ["1", "2"] == asyncio.run(main())


def test_one_caller_takes_its_share() -> None:
    """Whoever asks for forty things at once waits for themselves, and nobody else does."""

    async def main() -> tuple[int, str]:
        lane = Lane("network", threads=10, each=3)
        async with silent(lane, {"greedy": 40}):
            return lane.held, await lane.run("modest", str, "answered")

    assert (3, "answered") == asyncio.run(main())


def test_more_than_can_wait_is_refused() -> None:
    """Requests that nobody could answer soon are refused at once, with the time to come again."""

    async def main() -> tuple[int, str, str]:
        lane = Lane("network", threads=2, each=1, waiting=3)
        async with silent(lane, {"greedy": 4}):
            with fails("request.too_many_at_once") as refused:
                await lane.run("greedy", str)
        answer = problem(refused.value)
        return answer.status_code, answer.headers["retry-after"], await lane.run("greedy", str, "again")

    assert (503, "5", "again") == asyncio.run(main())


def test_a_lane_forgets_who_left() -> None:
    """However many callers there were, only those that are here are remembered, also after an error."""

    async def main() -> int:
        lane = Lane("work", threads=2, each=1)
        for who in range(20):
            with pytest.raises(ZeroDivisionError):
                await lane.run(str(who), lambda: 1 / 0)
        return lane.callers

    assert 0 == asyncio.run(main())


class _Waits(Exception):
    """Somebody took the lane of the network."""


def test_what_may_wait_has_said_so(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the network's threads all taken, each operation and page that did not say that it needs them answers."""
    taken: list[str] = []
    real = Lane.run

    async def run(lane: Lane, who: str, function: Callable[..., Any], *arguments: Any) -> Any:
        if lane.name == "network":
            raise _Waits
        taken.append(lane.name)
        return await real(lane, who, function, *arguments)

    monkeypatch.setattr(Lane, "run", run)
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}", "origin": "http://127.0.0.1"}
    client = TestClient(
        make_app(sky, Origin.of(None)), "http://127.0.0.1", headers=headers, raise_server_exceptions=False
    )
    routes = {operation.route for operation in OPERATIONS.values() if operation.network}
    waited = set()
    for operation in OPERATIONS.values():
        path = operation.path.replace("{id}", "1").replace("{delivery}", "1").replace("{media}", "x")
        needed = {"every": "daily 9:00", "url": "https://a.example/", "target": 1, "when": "5 likes"}
        needed |= {"text": "text\na", "name": "plan.csv"}
        needed |= {"digest": "x", "posts": [{"text": "x"}], "accounts": ["alice.test"], "message": "{}"}
        if operation.path.startswith("/bulk/"):
            needed["posts"] = [{"id": 1, "digest": "x"} if operation.name == "bulk.approve" else {"id": 1}]
        fields = {name: needed[name] for name in needed if name in operation.input.__struct_fields__}
        body = None if operation.method in ("GET", "DELETE") else fields
        answer = client.request(operation.method, PREFIX + path.replace("{account}", "alice.test"), json=body)
        if answer.status_code == 500:
            waited.add(operation.route)
    assert (routes, True) == (waited, "work" in taken)


def test_pages_that_only_look_never_wait(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the network's threads all taken, the plan and each page that only looks at the queue are there."""

    async def run(lane: Lane, who: str, function: Callable[..., Any], *arguments: Any) -> Any:
        if lane.name == "network":
            raise _Waits
        return await anyio.to_thread.run_sync(lambda: function(*arguments))

    monkeypatch.setattr(Lane, "run", run)
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}"}
    app: Any = make_app(sky, Origin.of(None))
    client = TestClient(app, "http://127.0.0.1", headers=headers, raise_server_exceptions=False)
    paths = [route.path for route in app.routes if isinstance(route, Route) and "GET" in (route.methods or ())]
    looked = {path: client.get(path).status_code for path in paths if "{" not in path and not path.startswith(PREFIX)}
    asking = {"/feeds", "/approvals", "/compose/people", "/compose/profile", "/compose/quoted", "/authorize"}
    assert asking == {path for path, status in looked.items() if status == 500}
    assert {200} == {
        looked[path] for path in ("/", "/healthz", "/metrics", "/history", "/inbox", "/settings", "/status")
    }


def test_one_key_waits_for_no_other() -> None:
    """A request with a key of its own holds up only the same key of the same account."""
    others = {(did, f"key {number}") for did in ("did:a", "did:b") for number in range(100)} - {("did:a", "key 1")}
    with key_lock("did:a", "key 1") as _:
        held = key_lock("did:a", "key 1")
        assert [] == [other for other in others if key_lock(*other) is held]
        assert held is key_lock("did:a", "key 1")


def test_strangers_get_what_was_made_once(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document of the API, which anybody may ask for, is not made anew for each of a thousand requests."""
    client = TestClient(make_app(sky, Origin.of(None)), "http://127.0.0.1")
    first = [client.get(path).text for path in ("/api", "/api/openapi.json")]
    monkeypatch.setattr("skywrite.faces.server.openapi.document", lambda: 1 / 0)
    assert first == [client.get(path).text for path in ("/api", "/api/openapi.json")]


def test_large_bodies_are_read_one_at_a_time(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many large bodies come, one thread reads them: the others wait outside of threads."""
    reading: list[int] = []
    parse = json_bodies.parse_object

    def counted(body: bytes) -> dict[str, Any]:
        reading.append(json_bodies._LARGE.held)
        return parse(body)

    monkeypatch.setattr(json_bodies, "parse_object", counted)
    large = [
        f'{{"text": "{"a" * size}"}}'.encode() for size in (10, json_bodies.SMALL_BYTES, 2 * json_bodies.SMALL_BYTES)
    ]

    async def main() -> None:
        bodies = [Request({"type": "http", "headers": []}, received(body)) for body in large * 3]
        await asyncio.gather(*(json_bodies.read_object(body, f"key {place}") for place, body in enumerate(bodies)))

    asyncio.run(main())
    assert [0, 0, 0, 1, 1, 1, 1, 1, 1] == sorted(reading)


def test_large_bodies_of_one_caller_wait_for_those_of_others() -> None:
    """Whoever sends thirty large bodies at once waits for themselves: the next is read when others had their turn."""
    read: list[str] = []

    async def main() -> None:
        sent = [("greedy", b" " * (json_bodies.SMALL_BYTES + 1))] * 30 + [("modest", b" " * 30_000)]
        turns = (json_bodies.read_in_turn(who, lambda _, who=who: read.append(who), body) for who, body in sent)  # type: ignore[misc]
        await asyncio.gather(*turns)

    asyncio.run(main())
    assert (31, True) == (len(read), read.index("modest") <= 1)


def received(body: bytes) -> Callable[[], Awaitable[Message]]:
    """A body that comes at once."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
