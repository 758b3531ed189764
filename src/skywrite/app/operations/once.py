"""Requests with a key of the caller's own, which does nothing again with the same content, and is refused with other.

The keys of posts, reposts and groups stand beside what they made, for ever, and are unique in the database. What else
may be asked for has no place for a key: there the first answer is kept for a day, sealed, since some answers hold what
is shown only once.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import msgspec

from skywrite.core.errors import Conflict, InputError, SkywriteError
from skywrite.queue.database import CommitInDoubt

if TYPE_CHECKING:
    from skywrite.app.operations.table import Access, Operation

SCOPE = "request"
ANSWERS_KEPT = timedelta(days=1)
KEY_MAX = 500


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


def digest_of(request: Any) -> str:
    """The digest of a request's content: a key stands for one content only."""
    fields = {name: value for name, value in msgspec.to_builtins(request).items() if name not in ("key", "account")}
    return hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()


def key_reused(key: str | None) -> InputError:
    """The error about another content for a key."""
    return InputError(
        f"The key {key!r} was already used for something else. Nothing was stored.",
        code="post_key.reused",
        hint="Use a new key for a new request, and repeat a request unchanged.",
    )


def takes_key(operation: Operation) -> bool:
    """Whether a request for it may have a key beside its fields: it changes something, and has no field for one."""
    return operation.method == "POST" and not operation.read_only and "key" not in operation.input.__struct_fields__


def answer_once(access: Access, operation: Operation, request: Any, key: str, answer: Callable[[Any], Any]) -> Any:
    """What the first request with this key was answered, as JSON values; the first one runs the operation.

    `answer` makes them of the result. Raises what the operation raises (then the key is free again), InputError for
    another content, and Conflict while nobody knows what became of the first request.
    """
    if not 0 < len(key) <= KEY_MAX:
        raise InputError(f"An idempotency key has 1 to {KEY_MAX} characters.", code="body.invalid")
    store = access.sky.context.store
    name = f"{access.who} {hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
    asked = f"{operation.name} {digest_of(request)} {getattr(request, 'account', None)}"
    ends_at = store.clock.now() + ANSWERS_KEPT
    if not store.secrets.put_new(SCOPE, name, json.dumps([asked, None]), expires_at=ends_at):
        return _answered(store.secrets.get(SCOPE, name), asked, key)
    try:
        answered = answer(operation.run(access, request))
    except CommitInDoubt:
        raise
    except SkywriteError:
        store.secrets.put(SCOPE, name, None)
        raise
    store.secrets.put(SCOPE, name, json.dumps([asked, answered]), expires_at=ends_at)
    return answered


def _answered(kept: str | None, asked: str, key: str) -> Any:
    before, answered = (asked, None) if kept is None else json.loads(kept)
    if before != asked:
        raise key_reused(key)
    if answered is None:
        raise Conflict(
            f"A request with the key {key!r} has begun, and its end is not known: it is still at work, or was cut off.",
            code="request.unsettled",
            hint="Ask again in a minute. If that does not help, look whether it was done before you use a new key.",
        )
    return answered
