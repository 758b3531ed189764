"""Requests with a key of the caller's own: the same key with the same content adds nothing, and with other content is
refused.

What does not live here: the keys themselves, which are unique in the database.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import msgspec

from skywrite.app.operations.table import Access
from skywrite.queue.model import KeyReused

PAYLOAD_SCOPE = "payload"


class _KeyLock:
    """The lock of one key: other keys never wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_LOCKS: WeakValueDictionary[tuple[str, str], _KeyLock] = WeakValueDictionary()
_NEW_LOCK = threading.Lock()


class Payload(NamedTuple):
    """The content for which a key stands. `is_new`: nothing was asked for with this key yet."""

    name: str
    digest: str
    is_new: bool

    def remember(self, access: Access) -> None:
        """Store it, once what was asked for is stored."""
        access.sky.context.store.put_setting(PAYLOAD_SCOPE, self.name, self.digest)


def key_lock(account_did: str, key: str | None) -> AbstractContextManager[object]:
    """Of two concurrent requests with one key, the second waits, and then finds what the first one added."""
    if key is None:
        return nullcontext()
    with _NEW_LOCK:
        # Whoever holds or awaits a lock keeps it in the table.
        lock = _LOCKS.get((account_did, key))
        if lock is None:
            lock = _LOCKS[account_did, key] = _KeyLock()
        return lock


def check_payload(access: Access, account_did: str, given: Any, kind: str = "") -> Payload | None:
    """The content of a request with a key, which is for one content only. Raises KeyReused for a different one.

    `kind`: posts and reposts have keys of their own.
    """
    if given.key is None:
        return None
    fields = {name: value for name, value in msgspec.to_builtins(given).items() if name not in ("key", "account")}
    digest = hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()
    name = f"{kind}{account_did} {given.key}"
    known = access.sky.context.store.setting(PAYLOAD_SCOPE, name)
    if known is not None and known != digest:
        raise key_reused(given.key)
    return Payload(name, digest, known is None)


def key_reused(key: str | None) -> KeyReused:
    """The error about another content for a key."""
    return KeyReused(
        f"The key {key!r} was already used for something else. Nothing was stored.",
        hint="Use a new key for a new request, and repeat a request unchanged.",
    )
