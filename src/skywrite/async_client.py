"""`AsyncClient`: the client for programs that use asyncio.

What lives here: each call of a `Client`, made in a thread. What does not: a second implementation.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self

from skywrite.client import Client
from skywrite.core.errors import SkywriteError
from skywrite.sdk.me import Me
from skywrite.sdk.names import Namespace
from skywrite.sdk.sessions import Session, SessionCallback, SessionEvent


class AsyncClient:
    """The methods of `Client`, to be awaited; attributes such as `me` are read as they are.

    client = AsyncClient()
    await client.login("alice.bsky.social", "xxxx-xxxx-xxxx-xxxx")
    await client.send_post(text="Posting via API.")
    """

    def __init__(self, base_url: str | None = None, **options: Any) -> None:
        self._client = Client(base_url, **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._client.close)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self._client, name)
        if isinstance(value, Namespace):
            return _AsyncNamespace(value)
        if name in _AT_ONCE:
            return lambda *arguments, **keywords: _wrapped(value(*arguments, **keywords))
        return _awaitable(value) if callable(value) and not isinstance(value, type) else value

    async def login(self, *arguments: Any, **keywords: Any) -> Me:
        """As `Client.login`. The profile is fetched here, because reading a field must not hold up the loop."""
        return await asyncio.to_thread(self._sign_in, *arguments, **keywords)

    def _sign_in(self, *arguments: Any, **keywords: Any) -> Me:
        me = self._client.login(*arguments, **keywords)
        if keywords.get("fetch_bsky_profile", True):
            with suppress(SkywriteError):
                _ = me.profile
        return me

    def get_current_time_iso(self) -> str:
        """Now, as records have it."""
        return self._client.get_current_time_iso()

    def on_session_change(self, callback: Any) -> None:
        """As `Client.on_session_change`; the callback may be a coroutine function, which runs in this loop."""
        self._client.on_session_change(_in_this_loop(callback) if inspect.iscoroutinefunction(callback) else callback)


# What sends nothing, in the SDK's AsyncClient too.
_AT_ONCE = frozenset(
    (
        *("clone", "configure_labelers_header", "configure_proxy_header", "export_session_string", "get_current_time"),
        *("get_time_from_timestamp", "update_base_url", "with_bsky_chat_proxy", "with_bsky_labeler", "with_labelers"),
        "with_proxy",
    )
)


def _wrapped(value: Any) -> Any:
    """A clone as a client to be awaited, too."""
    if not isinstance(value, Client):
        return value
    client = AsyncClient.__new__(AsyncClient)
    client._client = value
    return client


class _AsyncNamespace:
    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> _AsyncNamespace:
        if name.startswith("__"):
            raise AttributeError(name)
        return _AsyncNamespace(getattr(self._namespace, name))

    async def __call__(self, *arguments: Any, **fields: Any) -> Any:
        return await asyncio.to_thread(self._namespace, *arguments, **fields)


def _awaitable(method: Any) -> Any:
    def awaited(*arguments: Any, **fields: Any) -> Coroutine[Any, Any, Any]:
        return asyncio.to_thread(method, *arguments, **fields)

    return awaited


def _in_this_loop(callback: Any) -> SessionCallback:
    loop = asyncio.get_running_loop()

    def call(event: SessionEvent, session: Session) -> None:
        asyncio.run_coroutine_threadsafe(callback(event, session), loop).result()

    return call
