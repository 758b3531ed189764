"""The client's side without sockets: a `skywrite.core.http.Transport` that calls a sandbox directly.

For simulations: with a `FakeClock` on both sides, time-outs and slow responses take no real time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from skywrite.core.errors import NoAnswer, NotSent
from skywrite.core.http import MAX_ANSWER_BYTES, Response
from skywrite.sandbox.core import Sandbox
from skywrite.sandbox.wire import ConnectionDropped, NoConnection, Request


class SandboxTransport:
    """Sends every request to one sandbox, whatever its host; faults become what `Http` would raise."""

    def __init__(self, box: Sandbox, *, timeout_seconds: float = 30.0) -> None:
        self._box = box
        self._timeout_seconds = timeout_seconds

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
        """Send a request to the sandbox. Raises NotSent or NoAnswer.

        A response that takes longer than the time-out is lost, but its request has been carried out.
        """
        parts = urlsplit(url)
        data = body if body is None or isinstance(body, bytes) else b"".join(body)
        if data is None and method == "POST":
            data = b""
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        seen = {name.lower(): value for name, value in (headers or {}).items()}
        began = self._box.clock.monotonic()
        try:
            answer = self._box.handle(Request(method, unquote(parts.path), query, seen, data))
        except NoConnection:
            raise NotSent(f"Could not connect to {parts.netloc}: refused by the sandbox.") from None
        except ConnectionDropped:
            raise NoAnswer(f"No usable response from {parts.netloc}: the connection was dropped.") from None
        limit_seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        if self._box.clock.monotonic() - began > limit_seconds:
            raise NoAnswer(f"No usable response from {parts.netloc}: none within {limit_seconds:g} seconds.")
        if len(answer.body) > max_bytes:
            return Response(answer.status, answer.headers, answer.body[:max_bytes], truncated=True)
        return answer

    def close(self) -> None:
        """Nothing to close."""
