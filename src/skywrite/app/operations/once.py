"""Requests with a key of the caller's own: the same key with the same content adds nothing, and with other content is
refused.

What does not live here: the keys themselves, which are unique in the database.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from skywrite.core.errors import InputError


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


def digest_of(given: Any) -> str:
    """The digest of a request's content: a key stands for one content only."""
    fields = {name: value for name, value in msgspec.to_builtins(given).items() if name not in ("key", "account")}
    return hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()


def key_reused(key: str | None) -> InputError:
    """The error about another content for a key."""
    return InputError(
        f"The key {key!r} was already used for something else. Nothing was stored.",
        code="post_key.reused",
        hint="Use a new key for a new request, and repeat a request unchanged.",
    )
