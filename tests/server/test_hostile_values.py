"""Every route with values that no client of ours sends, one field at a time: refused with a reason, never a 500."""

from __future__ import annotations

import json
import re
import typing
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS, Operation
from skywrite.core.errors import NotFound, NotSent
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.hub import EventHub
from skywrite.faces.server.lanes import current_lane
from skywrite.faces.server.pages import forms, frame
from skywrite.faces.server.routes import PREFIX
from skywrite.faces.server.security import Origin
from skywrite.posting.schedule.localtime import UnknownZone
from skywrite.posting.schedule.series import UnknownRule
from skywrite.protocol.atproto.identity import UnknownHandle
from skywrite.protocol.fetch.guard import Guard
from skywrite.queue.people import People
from tests.support.world import NOON, World

running: ContextVar[str] = ContextVar("running", default="")
# What `str.isdigit` calls digits, what no database column holds, what no UTF-8 can say, and what ends a text in C.
WORST = ("²", "9" * 400, "\ud83d", "garbage")
AT_NIGHT = (
    "",
    str(2**63),
    "a\x00b",
    "~" + "9" * 400,
    "https://[",
    "١",
    "-1",
    "1e3",
    "1_0",
    str(2**63 - 1),
    "9" * 5000,
    "a" * 4000,
    "2026-12-01T00:00:00+00:00~" + "9" * 400,
    "0001-01-01T00:00:00+14:00~1",
    "9999-12-31T23:59:59-23:59",
    "²~²",
    "Mars/Base",
    "../../../etc/passwd",
    "in 9999999999 days",
    "every 99999999999 minutes",
    "http://127.0.0.1:99999/",
    "at://did:plc:²/app.bsky.feed.post/²",
    "[" * 3000,
    "{{" * 500,
    "(a+)+$",
)
WORDS = re.findall(
    r"\w+",
    """cancel move now hold release retry delete approve reject follow unfollow publish skip stop settings slots default
    logout check edit remove preview""",
)
PLAIN = {"at": "tomorrow 9:00", "every": "daily 9:00", "mode": "at", "account": "alice.test", "text": "Hello"}
NUMBERS = (0, -1, 2**31, 2**63 - 1, 2**63, 10**400, 1.5, 1e308)
OTHERS = (None, True, [], {}, [[]], [None], [""], ["²"], ["\ud83d"], [2**63], ["a" * 4000] * 20, {"²": "²"})


@pytest.fixture(params=[pytest.param(WORST, id="worst"), pytest.param(AT_NIGHT, id="all", marks=pytest.mark.nightly)])
def texts(request: pytest.FixtureRequest) -> Sequence[str]:
    """What stands in a field."""
    texts: Sequence[str] = request.param
    return texts


@pytest.fixture(autouse=True)
def astray(world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What waited for the network, although it had not said so."""
    names: set[str] = set()

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            if running.get() and current_lane.get() != "network":
                names.add(running.get())
            return real(*arguments, **named)

        return called

    monkeypatch.setattr(world.transport, "request", watched(world.transport.request))
    monkeypatch.setattr(Guard, "check", watched(Guard.check))
    return names


@pytest.fixture
def client(world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The owner's browser, on a queue with a post, a draft, a recurrence and a webhook; it gets what clients get."""
    # Whoever waits makes a fake clock run on, and the hub of events waits all the time.
    monkeypatch.setattr(EventHub, "start", lambda self: None)
    with monkeypatch.context() as offline:
        offline.setattr(world.transport, "request", lambda *_, **__: raise_(NotSent("There is no network.")))
        sky.posts.schedule("An agent mentions @bob.test", draft=True, source="mcp")
    # Long enough for the look-up to be tried again.
    world.clock.advance(600)
    sky.schedule("A post", at=NOON + timedelta(hours=1))
    sky.schedule("Daily", every="daily 15:00")
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}", "origin": "http://127.0.0.1"}
    app = make_app(sky, Origin.of(None))
    app.add_middleware(lambda inner: partial(_noted, inner))
    with TestClient(app, "http://127.0.0.1", headers=headers, raise_server_exceptions=False) as client:
        yield client


def routes_of(client: TestClient) -> list[tuple[str, Route]]:
    """Each method and route of the application, except the endless stream of events."""
    app: Any = client.app
    routes: list[BaseRoute] = app.routes
    return [
        (method, route)
        for route in routes
        if isinstance(route, Route) and not route.path.endswith("/events")
        for method in sorted((route.methods or {"GET", "POST"}) - {"HEAD"})
    ]


def hostile_paths(route: Route, texts: Sequence[str]) -> Iterator[str]:
    """Its address with each hostile text in each place."""
    for wrong in route.param_convertors:
        for text in (text for text in texts if text and text.isprintable()):
            path = route.path
            for name in route.param_convertors:
                value = quote(text, safe="") if name == wrong else "1"
                path = path.replace(f"{{{name}}}", value).replace(f"{{{name}:id}}", value)
            yield path


def failures(answers: Iterator[tuple[str, Any]]) -> list[str]:
    """What was answered with an unexpected error."""
    return [f"{what[:300]}: {answer.text[:200]}" for what, answer in answers if answer.status_code == 500]


def raise_(error: Exception) -> Any:
    """Raise it, within an expression."""
    raise error


async def _noted(app: Any, scope: Any, receive: Any, send: Any) -> None:
    """The application, noting which request is handled."""
    running.set(f"{scope.get('method')} {scope.get('path')}")
    await app(scope, receive, send)


def test_paths_lead_nowhere_else(client: TestClient, texts: Sequence[str], astray: set[str]) -> None:
    """Whatever stands in the place of a number or a name in an address, the answer is no unexpected error."""

    def answers() -> Iterator[tuple[str, Any]]:
        for method, route in routes_of(client):
            for path in hostile_paths(route, texts):
                yield f"{method} {path}", client.request(method, path, json={} if "/api/" in path else None)

    assert [] == failures(answers())
    assert set() == astray


def test_fields_of_operations(client: TestClient, texts: Sequence[str], astray: set[str]) -> None:
    """Whatever a field of an operation holds, the answer is no unexpected error."""

    def answers() -> Iterator[tuple[str, Any]]:
        # What only looks comes first: it sees the queue as it was.
        for operation in sorted(OPERATIONS.values(), key=lambda row: not row.read_only):
            for name, value in hostile_fields(operation, texts):
                yield f"{operation.name} {name}={str(value)[:100]!r}", send(client, operation, {name: value})

    assert [] == failures(answers())
    assert set() == astray


def hostile_fields(operation: Operation, texts: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Each field that does not stand in the path, with each value that its type lets through, and one that it does not.

    msgspec refuses what has another type, which one value of each kind shows.
    """
    for field in msgspec.structs.fields(operation.input):
        if field.encode_name in operation.path_fields():
            continue
        if operation.method in ("GET", "DELETE"):
            yield from ((field.encode_name, text) for text in texts)
            continue
        others = (*NUMBERS, *OTHERS) if texts is AT_NIGHT else (2**63, [""])
        for value in (*texts, *others):
            if fits(value, field.type) or value in ("²", "\ud83d", 2**63):
                yield field.encode_name, value


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of this type."""
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeError):
        return False
    return True


def send(client: TestClient, operation: Operation, fields: Mapping[str, Any]) -> Any:
    """The answer to an operation with what it cannot do without, and these fields."""
    path = PREFIX + operation.path
    for name in operation.path_fields():
        path = path.replace(f"{{{name}}}", "alice.test" if name == "account" else "1")
    needed = {
        field.encode_name: plain_value(field.encode_name, field.type)
        for field in msgspec.structs.fields(operation.input)
        if field.required and field.encode_name not in operation.path_fields()
    }
    values = {**needed, **fields}
    if operation.method in ("GET", "DELETE"):
        pairs = {name: str(value).encode("utf-8", "surrogatepass") for name, value in values.items()}
        return client.request(operation.method, path, params=pairs)
    body = json.dumps(values)
    return client.request(operation.method, path, content=body, headers={"content-type": "application/json"})


def plain_value(name: str, kind: Any) -> Any:
    """Something that a required field may hold."""
    plain = {"every": "daily 9:00", "from": "2026-12-01", "to": "2026-12-02", "at": "tomorrow 9:00", "target": 1}
    usual = {
        "until": "tomorrow 9:00",
        "url": "http://127.0.0.1:9/",
        "when": "5 likes",
        "role": "author",
        "scopes": ["read"],
    }
    return {**plain, **usual}.get(name, [] if typing.get_origin(kind) is list else "x")


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names that handlers look for in an address or a form."""
    names: set[str] = set()

    class HeardQuery(QueryParams):
        def get(self, key: Any, default: Any = None) -> Any:
            names.add(key)
            return super().get(key, default)

    class HeardFields(forms.Fields):
        def get(self, key: str, default: Any = None) -> Any:
            names.add(key)
            return super().get(key, default)

        def __missing__(self, name: str) -> str:
            names.add(name)
            return super().__missing__(name)

    monkeypatch.setattr(HTTPConnection, "query_params", property(lambda self: HeardQuery(self.scope["query_string"])))
    monkeypatch.setattr(frame, "Fields", HeardFields)
    monkeypatch.setattr(forms, "Fields", HeardFields)
    return names


def test_fields_of_pages(client: TestClient, heard: set[str], texts: Sequence[str], astray: set[str]) -> None:
    """Whatever a page's address or form holds in a field that it looks for, the answer is no unexpected error."""

    def answers() -> Iterator[tuple[str, Any]]:
        for method, route in routes_of(client):
            if route.path.startswith((PREFIX, "/mcp", "/sign-out")):
                continue
            for path in plain_paths(route):
                yield from page_answers(client, heard, (method, path), texts)

    assert [] == failures(answers())
    assert set() == astray


def page_answers(
    client: TestClient, heard: set[str], place: tuple[str, str], texts: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    """Its answers to every text in each field, the other fields being plain."""
    method, path = place
    known: dict[str, str] = {}
    while True:
        heard.clear()
        yield path, ask(client, method, path, known)
        if heard <= set(known):
            break
        known |= {name: PLAIN.get(name, "1") for name in heard}
    for name in known:
        for text in texts:
            yield f"{method} {path} {name}={text[:100]!r}", ask(client, method, path, {**known, name: text})


def ask(client: TestClient, method: str, path: str, fields: Mapping[str, str]) -> Any:
    """The answer to a page with these fields in its address, or in its form."""
    pairs = {name: text.encode("utf-8", "surrogatepass") for name, text in fields.items()}
    if method == "GET":
        return client.get(path, params=pairs, follow_redirects=False)
    form = urlencode(pairs).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if path == "/compose":
        boundary = b"--x\r\ncontent-disposition: form-data; name="
        form = b"".join(boundary + name.encode() + b"\r\n\r\n" + text + b"\r\n" for name, text in pairs.items())
        form, headers = form + b"--x--\r\n", {"content-type": "multipart/form-data; boundary=x"}
    return client.post(path, content=form, headers=headers, follow_redirects=False)


def plain_paths(route: Route) -> Iterator[str]:
    """Its addresses with a number, and with each word of a button."""
    words = WORDS if "{action}" in route.path else ("",)
    kinds = ("key", "webhook", "calendar", "person") if "{kind}" in route.path else ("",)
    for word in words:
        for kind in kinds:
            path = route.path.replace("{action}", word).replace("{kind}", kind)
            for name in route.param_convertors:
                path = path.replace(f"{{{name}}}", "1").replace(f"{{{name}:id}}", "1")
            yield path


DOORS = ("/passkeys", "/passkeys/options", "/passkeys/sign-in", "/passkeys/sign-in/options", "/register", "/mcp")
CLIENT_DATA = b64encode(b'{"type": "webauthn.get", "challenge": "AAAA", "origin": "http://localhost"}').decode()


def test_doors_that_are_open_to_everybody(client: TestClient) -> None:
    """Whatever stands in a field of what needs no sign-in, the answer is no unexpected error."""
    credential = {"id": "x", "rawId": "x", "type": "public-key", "response": {"clientDataJSON": CLIENT_DATA}}
    plain = {"credential": credential, "name": "x", "redirect_uris": ["https://a.example/"], "client_name": "x"}

    def answers() -> Iterator[tuple[str, Any]]:
        for path in DOORS:
            for value in (*WORST, *NUMBERS[-3:], *OTHERS[-2:]):
                for name in plain:
                    yield f"{path} {name}", post_json(client, path, {**plain, name: value})
                for name in credential:
                    yield f"{path} {name}", post_json(client, path, {"credential": {**credential, name: value}})

    assert [] == failures(answers())


def post_json(client: TestClient, path: str, body: Any) -> Any:
    """The answer to this JSON."""
    return client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})


@pytest.mark.parametrize("path", ["/api/v1/posts", "/passkeys/sign-in", "/passkeys"])
def test_a_name_that_is_there_twice(client: TestClient, path: str) -> None:
    """JSON with a field twice means different things to different readers, so it is refused, at every depth."""
    for body in ('{"text": "a", "text": "b"}', '{"images": [{"alt": "a", "alt": "b"}]}'):
        answer = client.post(path, content=body, headers={"content-type": "application/json"})
        assert (400, "body.malformed", True) == (
            answer.status_code,
            answer.json()["code"],
            "is given twice" in answer.json()["detail"],
        )


@pytest.mark.parametrize("body", [b'{"limit": NaN}', b'{"limit": -Infinity}', '{"text": "a"}'.encode("utf-16")])
def test_what_only_some_call_json(client: TestClient, body: bytes) -> None:
    """Numbers that are none and other encodings than UTF-8 are refused."""
    answer = client.post("/api/v1/posts", content=body, headers={"content-type": "application/json"})
    assert (400, "body.malformed") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/posts", {"text": "a", "labels": ["bogus"]}),
        ("/posts", {"text": "a", "replies": ["bogus"]}),
        ("/recurrences", {"text": "a", "every": "garbage"}),
        ("/recurrences", {"text": "a", "every": "daily 9:00", "zone": "Mars/Base"}),
        ("/posts/text", {"text": "a" * 300_001}),
    ],
)
def test_what_is_not_understood_is_there(client: TestClient, path: str, body: Any) -> None:
    """A value that is not understood is an error of the request, not a page that is missing."""
    assert 422 == post_json(client, PREFIX + path, body).status_code


def test_each_class_of_error_has_its_status() -> None:
    """What is called unknown is answered as missing only where its class says so."""
    assert 404 == NotFound.http_status
    assert [422] * 3 == [kind.http_status for kind in (UnknownZone, UnknownRule, UnknownHandle)]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "bogus", "client_id": "x"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "client_id": "x"}, "invalid_request"),
        ({"grant_type": "refresh_token", "client_id": "x", "refresh_token": "a\x00b"}, "invalid_request"),
        ({"grant_type": "refresh_token", "client_id": "x", "refresh_token": "x" * 30_000}, "invalid_request"),
        ({"grant_type": "refresh_token", "client_id": "x", "refresh_token": "wrong"}, "invalid_grant"),
    ],
)
def test_tokens_are_refused_in_the_words_of_oauth(client: TestClient, form: dict[str, str], error: str) -> None:
    """`/token` answers in the form of RFC 6749, whatever is wrong."""
    answer = client.post("/token", data=form)
    assert (error, "no-store") == (answer.json().get("error"), answer.headers["cache-control"])


def test_too_many_wrong_tokens(client: TestClient) -> None:
    """Whoever guesses tokens is told so in the form of RFC 6749, and when to come again."""
    form = {"grant_type": "refresh_token", "client_id": "x", "refresh_token": "wrong"}
    answers = [client.post("/token", data=form) for _ in range(25)]
    assert {400, 429} == {answer.status_code for answer in answers}
    assert ("invalid_request", True) == (answers[-1].json()["error"], int(answers[-1].headers["retry-after"]) > 0)
