"""The sandbox beyond the contract: its clock, its states, its faults, what a test sees, and its two transports."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError, NoAnswer, NotSent
from skywrite.core.http import Http, Response, Transport
from skywrite.sandbox import FaultKind, Limit, Request, Sandbox, SandboxTransport, serve
from tests.support.processes import PATIENCE_SECONDS

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
POST = "app.bsky.feed.post"
CREATE = "com.atproto.repo.createRecord"
SESSION = "com.atproto.server.createSession"
REFRESH = "com.atproto.server.refreshSession"


class Person:
    """Someone signed in to a sandbox, over any transport."""

    def __init__(self, box: Sandbox, transport: Transport, handle: str = "alice.test") -> None:
        self.box, self.transport, self.account = box, transport, box.account(handle)
        self.tokens: dict[str, Any] = {}

    def ask(self, nsid: str, body: Any = None, *, jwt: str | None = None, **more: Any) -> Response:
        headers = {"authorization": f"Bearer {jwt or self.tokens.get('accessJwt', '')}"}
        if body is None:
            return self.transport.request("GET", f"{self.box.url}/xrpc/{nsid}", headers=headers, **more)
        headers["content-type"] = "application/json"
        data = json.dumps(body).encode()
        return self.transport.request("POST", f"{self.box.url}/xrpc/{nsid}", headers=headers, body=data, **more)

    def sign_in(self, password: str | None = None, **more: Any) -> Response:
        credentials = {"identifier": self.account.handle, "password": password or self.account.app_password, **more}
        answer = self.ask(SESSION, credentials)
        if answer.status == 200:
            self.tokens = answer.json()
        return answer

    def refresh(self) -> Response:
        headers = {"authorization": f"Bearer {self.tokens['refreshJwt']}"}
        answer = self.transport.request("POST", f"{self.box.url}/xrpc/{REFRESH}", headers=headers, body=b"")
        if answer.status == 200:
            self.tokens = answer.json()
        return answer

    def post(self, text: str = "hello", **more: Any) -> Response:
        record = {"$type": POST, "text": text, "createdAt": "2026-11-24T12:00:00Z"}
        return self.ask(CREATE, {"repo": self.account.did, "collection": POST, "record": record}, **more)

    def texts(self) -> list[str]:
        return [post.text for post in self.box.posts(self.account.handle)]


def error_of(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json()["error"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def box(clock: FakeClock) -> Sandbox:
    return Sandbox(clock=clock)


@pytest.fixture
def alice(box: Sandbox) -> Person:
    person = Person(box, SandboxTransport(box))
    person.sign_in()
    return person


@pytest.fixture
def served() -> Iterator[Person]:
    """Someone signed in over a socket."""
    http_client = Http(timeout_seconds=PATIENCE_SECONDS)
    with Sandbox() as box:
        person = Person(box, http_client)
        person.sign_in()
        yield person
    http_client.close()


def test_access_lives_two_hours(alice: Person, clock: FakeClock) -> None:
    """An access token works for 120 minutes of the sandbox's clock."""
    clock.advance(7199)
    assert alice.post().status == 200
    clock.advance(1)
    assert error_of(alice.post()) == (400, "ExpiredToken")


def test_refresh_lives_ninety_days(alice: Person, clock: FakeClock) -> None:
    """A refresh token works for 90 days."""
    clock.advance(timedelta(days=90).total_seconds() - 1)
    assert alice.refresh().status == 200
    clock.advance(timedelta(days=90).total_seconds())
    assert error_of(alice.refresh()) == (400, "ExpiredToken")


def test_grace_of_a_used_refresh_token(alice: Person, clock: FakeClock) -> None:
    """A used refresh token works for 2 more hours, however often it is used, and then no more."""
    old = dict(alice.tokens)
    for _ in range(2):
        alice.tokens = dict(old)
        assert alice.refresh().status == 200
        clock.advance(3599)
    clock.advance(3600)
    alice.tokens = old
    assert error_of(alice.refresh()) == (400, "ExpiredToken")


def test_clock_can_be_exchanged(alice: Person, box: Sandbox) -> None:
    """The sandbox's clock may be another one at any time: records and revisions follow it."""
    box.clock = FakeClock(NOON + timedelta(days=400))
    alice.sign_in()
    alice.post()
    assert box.records("alice.test")[0].indexed_at == "2027-12-29T12:00:00.000Z"


def test_take_down(alice: Person, box: Sandbox) -> None:
    """A taken-down account can do nothing; afterwards its old sessions are gone, and it signs in again."""
    box.set_status("alice.test", "takendown")
    assert error_of(alice.post()) == (401, "AccountTakedown")
    assert error_of(alice.refresh()) == (401, "AccountTakedown")
    assert error_of(alice.sign_in()) == (401, "AuthenticationRequired")
    assert error_of(alice.sign_in(alice.account.password)) == (401, "AccountTakedown")
    box.set_status("alice.test", "active")
    assert error_of(alice.refresh()) == (400, "ExpiredToken")
    assert (alice.sign_in().status, alice.post().status) == (200, 200)


def test_deactivated(alice: Person, box: Sandbox) -> None:
    """A deactivated account signs in and writes nothing."""
    box.set_status("alice.test", "deactivated")
    assert alice.sign_in().json()["status"] == "deactivated"
    assert error_of(alice.post()) == (401, "AccountDeactivated")


def test_second_factor(alice: Person, box: Sandbox) -> None:
    """An account with a second factor asks for its code, except for app passwords."""
    box.require_second_factor("alice.test", "ABCDE-12345")
    main = alice.account.password
    assert error_of(alice.sign_in(main)) == (401, "AuthFactorTokenRequired")
    assert error_of(alice.sign_in(main, authFactorToken="wrong")) == (400, "InvalidToken")
    assert alice.sign_in(main, authFactorToken="ABCDE-12345").status == 200
    assert alice.sign_in().status == 200


def test_unreferenced_blobs_go(alice: Person, box: Sandbox, clock: FakeClock) -> None:
    """With a lifetime set, a blob that no record holds is gone after it."""
    box.blob_lifetime = timedelta(minutes=5)
    headers = {"authorization": f"Bearer {alice.tokens['accessJwt']}", "content-type": "text/plain"}
    url = f"{box.url}/xrpc/com.atproto.repo.uploadBlob"
    blob = alice.transport.request("POST", url, headers=headers, body=b"x").json()["blob"]
    clock.advance(301)
    record = {"repo": alice.account.did, "collection": "com.example.thing", "record": {"file": blob}}
    assert error_of(alice.ask(CREATE, record)) == (400, "BlobNotFound")


def test_posts_as_a_person_reads_them(alice: Person, box: Sandbox) -> None:
    """`posts` gives texts, alt texts, replies and quotes in the order of writing."""
    first = alice.post("first").json()
    ref = {"uri": first["uri"], "cid": first["cid"]}
    quote = {"$type": "app.bsky.embed.record", "record": ref}
    reply = {"root": ref, "parent": ref}
    record = {"text": "second", "createdAt": "2026-11-24T12:00:00Z", "langs": ["en"], "embed": quote, "reply": reply}
    alice.ask(CREATE, {"repo": alice.account.did, "collection": POST, "record": record, "rkey": "2222222222222"})
    seen = [(post.text, post.langs, post.reply_to, post.quotes) for post in box.posts("alice.test")]
    assert seen == [("first", (), None, None), ("second", ("en",), ref["uri"], ref["uri"])]
    assert box.posts("bob.test") == []


def test_new_rate_limit_rules(alice: Person, box: Sandbox, clock: FakeClock) -> None:
    """Rate limits can be set, and end with their window."""
    box.limits.enabled = True
    box.limits.rules["write-hour"] = Limit(4, 3600)
    assert [alice.post().status for _ in range(2)] == [200, 429]
    refused = alice.post()
    assert (refused.headers["retry-after"], refused.headers["ratelimit-limit"]) == ("3600", "4")
    clock.advance(3600)
    assert alice.post().status == 200


def test_nothing_is_limited_unless_asked(alice: Person) -> None:
    """Without limits no header speaks of them."""
    assert not [name for name in alice.post().headers if name.startswith("ratelimit")]


FAULTS: dict[FaultKind, tuple[type[Exception] | int, bool]] = {
    "drop_before": (NoAnswer, False),
    "drop_after": (NoAnswer, True),
    "refused": (NotSent, False),
    "rate_limited": (429, False),
    "error_500": (500, False),
    "bad_gateway": (502, False),
    "unauthorized": (401, False),
    "slow": (200, True),
    "garbage": (200, True),
    "html": (200, False),
    "truncated": (NoAnswer, True),
}


def outcome(send: Callable[[], Response]) -> type[Exception] | int:
    try:
        return send().status
    except (NoAnswer, NotSent) as error:
        return type(error)


def test_every_fault_is_known() -> None:
    """The table below holds every kind of fault."""
    assert set(FAULTS) == set(get_args(FaultKind))


@pytest.mark.parametrize("kind", FAULTS)
def test_faults(alice: Person, box: Sandbox, kind: FaultKind) -> None:
    """A fault happens once, is carried out or not as its kind says, and leaves the next request alone."""
    expected, carried_out = FAULTS[kind]
    box.faults.add(CREATE, kind=kind, seconds=5)
    assert outcome(alice.post) == expected
    assert alice.texts() == ["hello"] * carried_out
    assert alice.post().status == 200


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_over_a_socket(served: Person, kind: FaultKind) -> None:
    """Over a socket a fault is the same, only that a refused connection cannot be told from a dropped one."""
    expected, carried_out = FAULTS[kind]
    served.box.faults.add(CREATE, kind=kind, seconds=0)
    assert outcome(served.post) == (NoAnswer if expected is NotSent else expected)
    assert served.texts() == ["hello"] * carried_out
    assert served.post().status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /xrpc/a HTTP/1.1\r\nContent-Length: \xc2\xb2\r\n\r\n",
        b"POST /xrpc/a HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /xrpc/a HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n",
        b"POST /xrpc/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /xrpc/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"GET http://[/xrpc/a HTTP/1.1\r\n\r\n",
    ],
)
def test_nonsense_over_a_socket_is_refused(served: Person, request_bytes: bytes) -> None:
    """It gets an answer that says so, and the connection ends."""
    port = urlsplit(served.box.url).port
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection:
        connection.sendall(request_bytes)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert (True, True) == (answer.startswith(b"HTTP/1.1 400 "), b'"InvalidRequest"' in answer)


@pytest.mark.parametrize("kind", ["drop_before", "error_500", "bad_gateway", "html", "drop_after", "truncated"])
@pytest.mark.parametrize("commit", [True, False])
def test_fault_with_and_without_commit(alice: Person, box: Sandbox, kind: FaultKind, commit: bool) -> None:
    """Whether a faulty request is carried out can be chosen."""
    box.faults.add(CREATE, kind=kind, commit=commit)
    outcome(alice.post)
    assert alice.texts() == ["hello"] * commit


def test_which_requests_fail(alice: Person, box: Sandbox) -> None:
    """A fault waits for its method, lets some requests pass, and comes as often as it was told."""
    box.faults.add(CREATE, kind="error_500", after=1, times=2)
    assert alice.ask("com.atproto.server.describeServer").status == 200
    assert [alice.post().status for _ in range(4)] == [200, 500, 500, 200]
    box.faults.add(kind="error_500", times=None)
    assert [alice.post().status, alice.ask("com.atproto.server.describeServer").status] == [500, 500]
    box.faults.clear()
    assert alice.post().status == 200


def test_unknown_fault(box: Sandbox) -> None:
    """A fault that does not exist is refused by name."""
    with pytest.raises(InputError, match="There is no fault 'meteor'"):
        box.faults.add(kind="meteor")  # type: ignore[arg-type]


def test_a_client_that_must_wait(alice: Person, box: Sandbox) -> None:
    """A 429 on demand says how long."""
    box.faults.add(CREATE, kind="rate_limited", seconds=90)
    answer = alice.post()
    reset = int(NOON.timestamp()) + 90
    assert (answer.headers["retry-after"], answer.headers["ratelimit-reset"]) == ("90", str(reset))


def test_slower_than_the_time_out(alice: Person, box: Sandbox, clock: FakeClock) -> None:
    """An answer later than the time-out is lost, and the request is carried out all the same."""
    box.faults.add(CREATE, kind="slow", seconds=60)
    with pytest.raises(NoAnswer, match="none within 30 seconds"):
        alice.post(timeout_seconds=30)
    assert alice.texts() == ["hello"]
    assert clock.now() == NOON + timedelta(seconds=60)


def test_stopped_server(served: Person) -> None:
    """A stopped sandbox refuses connections; started again it has the same address and has kept everything."""
    url = served.box.url
    served.post("before")
    served.box.stop()
    with pytest.raises(NotSent):
        served.post()
    served.box.start()
    assert served.box.url == url
    served.post("after")
    assert served.texts() == ["before", "after"]


def test_only_loopback(served: Person) -> None:
    """The sandbox listens on 127.0.0.1."""
    assert served.box._server is not None
    assert served.box._server._server.server_address[0] == "127.0.0.1"


def test_kept_alive(served: Person) -> None:
    """One connection carries many requests."""
    connection = http.client.HTTPConnection(urlsplit(served.box.url).netloc, timeout=PATIENCE_SECONDS)
    for _ in range(3):
        connection.request("GET", "/xrpc/_health")
        answer = connection.getresponse()
        assert (answer.status, answer.will_close) == (200, False)
        answer.read()
    connection.close()


def upload_headers(person: Person) -> dict[str, str]:
    return {"authorization": f"Bearer {person.tokens['accessJwt']}", "content-type": "text/plain"}


def test_chunked_body(served: Person) -> None:
    """A body may come in chunks."""
    url = f"{served.box.url}/xrpc/com.atproto.repo.uploadBlob"
    answer = served.transport.request("POST", url, headers=upload_headers(served), body=iter([b"ab", b"c" * 70_000]))
    assert answer.json()["blob"]["size"] == 70_002


@pytest.mark.parametrize("chunked", [True, False])
def test_body_too_large(served: Person, chunked: bool) -> None:
    """A body over every limit is never kept, and the client hears why."""
    served.box.blob_limit = 10
    connection = http.client.HTTPConnection(urlsplit(served.box.url).netloc, timeout=PATIENCE_SECONDS)
    method = "com.atproto.repo.uploadBlob"
    body: Any = iter([b"x" * 500_000] * 3) if chunked else b"x" * 1_500_000
    connection.request("POST", f"/xrpc/{method}", body, upload_headers(served), encode_chunked=chunked)
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["error"]) == (413, "PayloadTooLarge")
    connection.close()
    assert served.box.calls[method] == 0


def test_many_threads(served: Person) -> None:
    """Many threads write at once; each post is there once."""
    texts = [str(number) for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda text: served.post(text).status, texts))
    assert statuses == [200] * 60
    assert sorted(served.texts()) == sorted(texts)


class MeetingClock(FakeClock):
    """A clock at which two threads wait for each other, as far as the sandbox lets them."""

    def __init__(self) -> None:
        super().__init__(NOON)
        self.barrier: threading.Barrier | None = None

    def now(self) -> datetime:
        if self.barrier is not None:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.barrier.wait(timeout=0.2)
        return super().now()


def test_one_request_at_a_time() -> None:
    """No request sees another one half done: of two puts to a new key, the second is an update."""
    clock = MeetingClock()
    box = Sandbox(clock=clock)
    person = Person(box, SandboxTransport(box))
    person.sign_in()
    clock.barrier = threading.Barrier(2)
    where = {"repo": person.account.did, "collection": "com.example.thing", "rkey": "one"}
    bodies = [{**where, "record": {"number": number}} for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(lambda body: person.ask("com.atproto.repo.putRecord", body).status, bodies))
    assert statuses == [200, 200]


def test_calls_are_counted(alice: Person, box: Sandbox) -> None:
    """The sandbox counts what was asked."""
    alice.post()
    assert (box.calls[CREATE], box.calls[SESSION]) == (1, 1)


def test_accounts_on_demand(box: Sandbox) -> None:
    """An account comes into being when it is asked for, with the same DID in every sandbox."""
    first, again, elsewhere = (one.account("New.example.com") for one in (box, box, Sandbox()))
    assert first is again
    assert (first.handle, first.did) == ("new.example.com", elsewhere.did)


def test_handle_needs_no_socket(box: Sandbox) -> None:
    """`handle` answers a request as it is."""
    answer = box.handle(Request("GET", "/xrpc/com.atproto.identity.resolveHandle", (("handle", "bob.test"),)))
    assert answer.json() == {"did": box.account("bob.test").did}


def test_serve() -> None:
    """`serve` listens until it is told to stop, with the accounts and faults asked for."""
    stop, seen = threading.Event(), []

    def ready(box: Sandbox) -> None:
        seen.append((box.account("carol.test").handle, box.limits.enabled, box.handle(Request("GET", "/")).status))
        stop.set()

    serve(accounts=["carol.test"], faults=[(None, "error_500")], stop=stop, ready=ready)
    assert seen == [("carol.test", True, 500)]


def test_serve_on_a_taken_port(served: Person) -> None:
    """A taken port is an error that says so."""
    port = urlsplit(served.box.url).port
    assert port is not None
    with pytest.raises(InputError, match=f"Port {port} cannot be used"):
        serve(port)


def test_plugin(skywrite_sandbox: Sandbox) -> None:
    """The fixture that every pytest run has gives a running sandbox."""
    assert Person(skywrite_sandbox, Http()).sign_in().status == 200


def test_plugin_costs_nothing() -> None:
    """The plug-in loads nothing of Skywrite but itself until its fixture is used."""
    code = (
        "import sys, pytest; before = set(sys.modules); import skywrite.sandbox.pytest_plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == str(["skywrite", "skywrite.sandbox", "skywrite.sandbox.pytest_plugin"])


def test_public_methods_that_it_lacks_ask_for_no_sign_in(box: Sandbox) -> None:
    """A method that needs no session on a real server is refused as missing, not for want of a sign-in."""
    for nsid, expected in (("com.atproto.sync.getRecord", 501), ("com.example.unknown", 401)):
        assert expected == box.handle(Request("GET", f"/xrpc/{nsid}")).status
