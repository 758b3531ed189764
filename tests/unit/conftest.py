"""Fixtures for unit tests: a stopped clock and a server with scripted responses."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.http import MAX_ANSWER_BYTES, Response


@dataclass(frozen=True)
class Sent:
    """A request that the scripted server received."""

    method: str
    url: str
    nsid: str
    params: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes | None
    timeout_seconds: float | None

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def json(self) -> Any:
        return json.loads(self.body or b"null")


Answer = Response | Exception | Callable[[Sent], "Response | Exception"]


class ScriptedServer:
    """A transport that responds to each XRPC method from a list; the last response of a list is repeated."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._answers: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()

    def on(self, nsid: str, *answers: Answer) -> None:
        self._answers[nsid] = list(answers)

    def count(self, nsid: str) -> int:
        return sum(request.nsid == nsid for request in self.sent)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        parts = urlsplit(url)
        whole = body if body is None or isinstance(body, bytes) else b"".join(body)
        nsid = parts.path.rpartition("/")[2]
        sent = Sent(method, url, nsid, parse_qsl(parts.query), dict(headers or {}), whole, timeout_seconds)
        with self._lock:
            self.sent.append(sent)
            answers = self._answers[nsid]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        result = answer(sent) if callable(answer) else answer
        if isinstance(result, Exception):
            raise result
        if len(result.body) > max_bytes:
            return Response(result.status, result.headers, result.body[:max_bytes], truncated=True)
        return result


def _answer(value: Any, status: int = 200, **headers: str) -> Response:
    names = {"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, names, json.dumps(value).encode())


def _jwt(issued: int, lifetime_seconds: int = 7200, scope: str = "com.atproto.appPass", mark: str = "x") -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"scope": scope, "iat": issued, "exp": issued + lifetime_seconds, "jti": mark}
    return f"{part({'alg': 'HS256'})}.{part(claims)}.{mark}signature"


@pytest.fixture
def clock() -> FakeClock:
    """A clock at noon of 2026-11-24, UTC."""
    return FakeClock(datetime(2026, 11, 24, 12, tzinfo=UTC))


@pytest.fixture
def server() -> ScriptedServer:
    """A server with the test's responses."""
    return ScriptedServer()


@pytest.fixture
def answer() -> Callable[..., Response]:
    """answer(value, status=200, **headers): a JSON response."""
    return _answer


@pytest.fixture
def refusal() -> Callable[..., Response]:
    """refusal(status, error, message="", **headers): an XRPC error."""
    return lambda status, error, message="", **headers: _answer({"error": error, "message": message}, status, **headers)


@pytest.fixture
def jwt() -> Callable[..., str]:
    """jwt(issued, lifetime_seconds=7200, scope=..., mark=...): a token like those of a PDS."""
    return _jwt
