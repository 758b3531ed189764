"""Transports for untrusted hosts, through the guard: for handles, did:web and sign-ins.

What does not live here: the guard itself (`guard`), the requests to these hosts (`atproto`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Unpack
from urllib.parse import urlsplit

from skywrite.core.errors import InputError, NoAnswer, NotSent
from skywrite.core.http import MAX_ANSWER_BYTES, RequestOptions, Response, Transport

if TYPE_CHECKING:
    from skywrite.protocol.fetch.fetch import Fetcher

TIMEOUT_SECONDS = 10.0
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


class GuardedWeb:
    """A `skywrite.core.http.Transport` for GET. It calls `fetcher` when it opens the first address."""

    def __init__(self, fetcher: Callable[[], Fetcher]) -> None:
        self._fetcher = fetcher

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
        """The response at the end of the redirects. Raises AddressRefused, and NoAnswer if there is none."""
        from skywrite.protocol.fetch.fetch import FetchFailed, FetchRejected

        if method != "GET" or body is not None:
            raise InputError("Untrusted addresses are read-only.")
        try:
            seconds = TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
            fetched = self._fetcher().fetch(url, max_bytes=max_bytes, timeout_seconds=seconds, headers=headers)
        except (FetchFailed, FetchRejected) as error:
            if error.answer is None:
                raise NoAnswer(error.message, hint=error.hint) from None
            fetched = error.answer
        return Response(fetched.status, fetched.headers, fetched.body, fetched.truncated)


class CheckedTransport:
    """A transport for servers that others named, such as those of a sign-in: their addresses must be public.

    `check` raises AddressRefused (as the guard does). Servers on this computer pass: callers make sure that the user
    named them. A name that cannot be resolved here passes too, because a proxy may know it.
    """

    def __init__(self, inner: Transport, check: Callable[[str], object]) -> None:
        self._inner = inner
        self._check = check

    def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Check the server's address and send the request. Raises AddressRefused, NotSent, NoAnswer."""
        if urlsplit(url).hostname not in LOCAL_HOSTS:
            with suppress(NotSent):
                self._check(url)
        return self._inner.request(method, url, **options)
