"""Transports for untrusted hosts, through the guard: for handles, did:web and sign-ins.

What does not live here: the guard itself (`guard`), the requests to these hosts (`atproto`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Unpack
from urllib.parse import urlsplit

from skywrite.core.errors import InputError, NoAnswer, NotSent
from skywrite.core.http import MAX_ANSWER_BYTES, RequestOptions, Response, Transport, goes_by_proxy

if TYPE_CHECKING:
    from skywrite.protocol.fetch.fetch import Fetcher
    from skywrite.protocol.fetch.guard import Target

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

    `check` raises AddressRefused (as the guard does), and `connect` makes the client that connects to one of the
    addresses that were checked, so that a name cannot mean another one a moment later. Servers on this computer pass:
    callers make sure that the user named them. Where a proxy connects, or `connect` is None because `inner` dials
    nothing, `inner` sends the request; a name that cannot be resolved here passes then, because the proxy may know it.
    """

    def __init__(
        self, inner: Transport, check: Callable[[str], Target], connect: Callable[[Target, str], Transport] | None
    ) -> None:
        self._inner = inner
        self._check = check
        self._connect = connect

    def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Check the server's address and send the request there. Raises AddressRefused, NotSent, NoAnswer."""
        if urlsplit(url).hostname in LOCAL_HOSTS:
            return self._inner.request(method, url, **options)
        if self._connect is None or goes_by_proxy(url):
            with suppress(NotSent):
                self._check(url)
            return self._inner.request(method, url, **options)
        target = self._check(url)
        *others, last = target.addresses
        for address in others:
            with suppress(NotSent):
                return self._connect(target, address).request(method, url, **options)
        return self._connect(target, last).request(method, url, **options)
