"""Promises of the listener that waits for the browser: only the address of this sign-in counts."""

from __future__ import annotations

import http.client
import threading
from queue import Empty

import pytest

from skywrite.app.oauth.listener import Listener, pasted
from skywrite.core.errors import InputError
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS


def get(port: int, path: str) -> tuple[int, str, dict[str, str]]:
    """What a browser gets."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request("GET", path)
    answer = connection.getresponse()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    text = answer.read().decode()
    connection.close()
    return answer.status, text, headers


def test_the_browser_returns() -> None:
    """Requests with another state or path are turned away, and the right one ends the wait with its values."""
    with Listener(lambda: "s1") as listener:
        turned_away = [
            get(listener.port, path) for path in ("/callback?state=s2&code=x", "/other?state=s1", "/callback")
        ]
        status, text, headers = get(listener.port, "/callback?state=s1&code=c1")
        assert [(400, True)] * 3 == [(status, "Not this page" in page) for status, page, _ in turned_away]
        assert (200, True) == (status, "You can close this page" in text)
        assert {"state": "s1", "code": "c1"} == listener.wait(PATIENCE_SECONDS)
    assert str(len(text)) == headers["content-length"]
    assert ("no-store", "no-referrer") == (headers["cache-control"], headers["referrer-policy"])
    assert "default-src 'none'" in headers["content-security-policy"]


def test_each_listener_has_a_port_of_its_own() -> None:
    """Two sign-ins wait at the same time."""
    with Listener(lambda: "s1") as one, Listener(lambda: "s2") as other:
        assert [200, 400] == [get(listener.port, "/callback?state=s1&code=c")[0] for listener in (one, other)]
        assert min(one.port, other.port) > 1023


def test_a_wrong_address_ends_no_wait() -> None:
    """What was turned away is not what the wait returns."""
    listener = Listener(lambda: "s1")
    assert (False, True) == (listener.paste("/callback?state=s2&code=x"), listener.paste("/callback?state=s1&code=c"))
    assert {"state": "s1", "code": "c"} == listener.wait(PATIENCE_SECONDS)
    with fails("oauth.denied", match="within 0 minutes"):
        listener.wait(0)
    listener._server.server_close()


def test_how_long_the_browser_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another wish the browser has five minutes."""
    waited: list[float] = []

    class Nobody:
        def get(self, *, timeout: float) -> str:
            waited.append(timeout)
            raise Empty

    listener = Listener(lambda: "s1")
    monkeypatch.setattr(listener, "_found", Nobody())
    with fails("oauth.denied", match="within 5 minutes"):
        listener.wait()
    assert [300] == waited
    listener._server.server_close()


def test_a_listener_that_is_closed() -> None:
    """After the sign-in nothing listens any more, and the thread has ended."""
    with Listener(lambda: "s1") as listener:
        port = listener.port
        assert "oauth callback" in [thread.name for thread in threading.enumerate()]
    with pytest.raises(ConnectionRefusedError):
        get(port, "/callback")
    listener._thread.join(PATIENCE_SECONDS)
    assert not listener._thread.is_alive()


def test_nobody_waits_for_the_listener_at_the_end() -> None:
    """A program that ends does not wait for the listener's threads."""
    listener = Listener(lambda: "s1")
    assert (True, True) == (listener._thread.daemon, listener._server.daemon_threads)
    listener._server.server_close()


def test_a_pasted_address() -> None:
    """A pasted address holds the values of this sign-in, or is refused with what to copy."""
    assert {"state": "s1", "code": "c"} == pasted("http://127.0.0.1/callback?state=s1&code=c", "s1")
    with pytest.raises(InputError, match="not the address of this sign-in") as caught:
        pasted("http://127.0.0.1/callback?state=s2&code=c", "s1")
    assert "Copy the whole address" in caught.value.hint
