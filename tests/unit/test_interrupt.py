"""Ctrl-C while a server is silent."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from skywrite.core.http import Http
from skywrite.posting.publish.pool import Pool

PATIENCE_SECONDS = 240


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_ctrl_c_ends_a_request(silent: socket.socket) -> None:
    """It does not wait for the server, which would hang up in the end, or for the time to be over."""
    http = Http(timeout_seconds=300)
    ended, waited_in_vain = threading.Event(), []

    def interrupt() -> None:
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)
            os.kill(os.getpid(), signal.SIGINT)
            if not ended.wait(PATIENCE_SECONDS):
                waited_in_vain.append("the request went on")

    server = threading.Thread(target=interrupt)
    server.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            http.request("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/")
    finally:
        ended.set()
        server.join()
        http.close()
    assert [] == waited_in_vain


def test_a_client_goes_on_after_ctrl_c(silent: socket.socket) -> None:
    """The next request opens new connections."""
    http = Http(timeout_seconds=PATIENCE_SECONDS)

    def serve() -> None:
        first, _ = silent.accept()
        with first:
            first.recv(1)
            os.kill(os.getpid(), signal.SIGINT)
            second, _ = silent.accept()
            with second:
                second.recv(1)
                second.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    server = threading.Thread(target=serve)
    server.start()
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
    with pytest.raises(KeyboardInterrupt):
        http.request("GET", url)
    assert b"ok" == http.request("GET", url).body
    server.join()
    http.close()


def test_no_wait_is_without_an_end(silent: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that comes just before a wait is seen a moment later: neither a request nor a pool waits for ever."""
    ends: list[float | None] = []
    join, wait_for = threading.Thread.join, threading.Condition.wait_for

    def joined(thread: threading.Thread, timeout: float | None = None) -> None:
        ends.append(timeout)
        join(thread, timeout)

    def waited(condition: threading.Condition, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        ends.append(timeout)
        return wait_for(condition, predicate, timeout)

    def serve() -> None:
        first, _ = silent.accept()
        with first:
            first.recv(1)
            first.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    server = threading.Thread(target=serve)
    server.start()
    working = threading.Event()
    pool = Pool(1, lambda: working.wait(PATIENCE_SECONDS) and None)
    http = Http(timeout_seconds=PATIENCE_SECONDS)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "join", joined)
        patched.setattr(threading.Condition, "wait_for", waited)
        assert b"ok" == http.request("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/").body
        pool.wake()
        threading.Timer(0.1, working.set).start()
        pool.wait()
        pool.close()
    server.join()
    http.close()
    assert ([], True) == ([end for end in ends if end is None], len(ends) > 1)
