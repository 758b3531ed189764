"""The harness itself: each fault does to a client what its name says, and the server sees what it should."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.fault_proxy import (
    EXECUTE_AND_TIME_OUT,
    GARBAGE,
    NEVER_ARRIVES,
    RESET_AFTER,
    RESET_BEFORE,
    TRUNCATED,
    Fault,
    FaultProxy,
    failing,
    held,
    rate_limited,
    slow,
)
from tests.support.pds import Pds, PdsAccount
from tests.support.processes import PATIENCE_SECONDS

CREATE = "com.atproto.repo.createRecord"


@pytest.fixture
def proxy(pds: Pds) -> Iterator[FaultProxy]:
    with FaultProxy(pds.url, pds.plc_url) as proxy:
        yield proxy


class Client:
    """One kept-alive connection through the proxy."""

    def __init__(self, proxy: FaultProxy, account: PdsAccount) -> None:
        self._address = proxy.url.removeprefix("http://")
        self._account = account

    def create(self, timeout_seconds: float = 60.0) -> tuple[int, bytes, str | None]:
        """Create a post; the status, the body and Retry-After."""
        record = '{"$type": "app.bsky.feed.post", "text": "x", "createdAt": "2026-01-01T00:00:00Z"}'
        body = f'{{"repo": "{self._account.did}", "collection": "app.bsky.feed.post", "record": {record}}}'
        connection = http.client.HTTPConnection(self._address, timeout=timeout_seconds)
        headers = {"Authorization": f"Bearer {self._account.access_jwt}", "Content-Type": "application/json"}
        try:
            connection.request("POST", f"/xrpc/{CREATE}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers["Retry-After"]
        finally:
            connection.close()


BROKEN = [
    (RESET_BEFORE, ConnectionResetError, 0),
    (RESET_AFTER, ConnectionResetError, 1),
    (NEVER_ARRIVES, TimeoutError, 0),
    (EXECUTE_AND_TIME_OUT, TimeoutError, 1),
    (TRUNCATED, http.client.IncompleteRead, 1),
]


@pytest.mark.parametrize(("fault", "error", "created"), BROKEN)
def test_broken_connections(
    proxy: FaultProxy, pds: Pds, account: PdsAccount, fault: Fault, error: type[Exception], created: int
) -> None:
    """The client gets the error, the server has the record or not, and the request after it is served."""
    proxy.break_next(fault, CREATE)
    with pytest.raises(error):
        Client(proxy, account).create(timeout_seconds=2.0 if error is TimeoutError else 60.0)
    proxy.wait_for(CREATE)
    assert created == len(pds.records(account.did))
    assert created == proxy.count(CREATE, forwarded=True)
    assert 200 == Client(proxy, account).create()[0]


ANSWERED = [
    (rate_limited(7), 429, "7", 0),
    (failing(500), 500, None, 0),
    (failing(502, html=True), 502, None, 0),
    (failing(502, html=True, forward=True), 502, None, 1),
    (GARBAGE, 200, None, 1),
    (slow(0.0001), 200, None, 1),
]


@pytest.mark.parametrize(("fault", "status", "retry_after", "created"), ANSWERED)
def test_answers(
    proxy: FaultProxy, pds: Pds, account: PdsAccount, fault: Fault, status: int, retry_after: str | None, created: int
) -> None:
    """The client gets the status, and the server has the record or not."""
    proxy.break_next(fault, CREATE)
    got, _, waiting = Client(proxy, account).create()
    assert (status, retry_after) == (got, waiting)
    assert created == len(pds.records(account.did))


def test_refused_and_back(proxy: FaultProxy, account: PdsAccount) -> None:
    """Connections are refused inside the block, and served at the same address after it."""
    with proxy.refusing(), pytest.raises(ConnectionRefusedError):
        Client(proxy, account).create()
    assert 200 == Client(proxy, account).create()[0]


def test_held_until_released(proxy: FaultProxy, pds: Pds, account: PdsAccount) -> None:
    """A held request is carried out while its client waits, and answered when it is released."""
    release = threading.Event()
    proxy.break_next(held(release), CREATE)
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(Client(proxy, account).create()[0]))
    waiting.start()
    proxy.wait_for(CREATE)
    assert (1, []) == (len(pds.records(account.did)), answers)
    release.set()
    waiting.join()
    assert [200] == answers


def test_addresses_lead_back_to_the_proxy(proxy: FaultProxy, pds: Pds, account: PdsAccount) -> None:
    """DID documents that pass name the proxy as the PDS, so that a client stays behind it."""
    with socket.create_connection(
        ("127.0.0.1", int(proxy.url.rsplit(":")[-1])), timeout=PATIENCE_SECONDS
    ) as connection:
        connection.sendall(f"GET /{account.did} HTTP/1.0\r\n\r\n".encode())
        document = b"".join(iter(lambda: connection.recv(65536), b""))
    assert proxy.url.encode() in document
    assert pds.url.encode() not in document


def test_random_faults_by_a_function(proxy: FaultProxy, account: PdsAccount) -> None:
    """`decide` breaks what no rule breaks."""
    proxy.decide = lambda method, name: failing(500) if (method, name) == ("POST", CREATE) else None
    assert 500 == Client(proxy, account).create()[0]
