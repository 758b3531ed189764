"""A transport for hosts that strangers chose (those of handles and of did:web), through the guard.

What does not live here: the guard itself (`guard`), what is asked of these hosts (`atproto.identity`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from skywrite.errors import InputError, NoAnswer
from skywrite.http import MAX_ANSWER_BYTES, Response

if TYPE_CHECKING:
    from skywrite.fetch.fetch import Fetcher

TIMEOUT_SECONDS = 10.0


class GuardedWeb:
    """`skywrite.http.Transport` for GET. `fetcher` is called when the first address is opened."""

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
        """The answer at the end of the redirects. Raises AddressRefused, and NoAnswer where none came."""
        from skywrite.fetch.fetch import FetchFailed, FetchRejected

        if method != "GET" or body is not None:
            raise InputError("Addresses of strangers are only read.")
        try:
            fetched = self._fetcher().fetch(
                url, max_bytes=max_bytes, timeout_seconds=timeout_seconds or TIMEOUT_SECONDS, headers=headers
            )
        except (FetchFailed, FetchRejected) as error:
            if error.answer is None:
                raise NoAnswer(error.message, hint=error.hint) from None
            fetched = error.answer
        return Response(fetched.status, fetched.headers, fetched.body, fetched.truncated)
