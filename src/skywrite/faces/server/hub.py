"""The hub of events: one thread that waits for changes of the store, and a queue for each listener.

What lives here: reading events once for all listeners, and what each may know of now: a stream ends with the key or the
session that opened it. What does not: what events are (`queue.events`), the streams
that browsers get (`events`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Collection, Mapping
from typing import NamedTuple

from skywrite.app import Skywrite
from skywrite.app.operations import Access
from skywrite.core.errors import StorageError
from skywrite.faces.server.problems import TooManyRequests
from skywrite.faces.server.rights import Credential, rights_now
from skywrite.queue.events import Event, Events

log = logging.getLogger("skywrite.server")

LISTENERS_MAX = 2000
LISTENERS_EACH = 100
BEHIND_MAX = 200
REPLAY_MAX = 500
WAIT_SECONDS = 1.0
RIGHTS_SECONDS = 5.0
STORAGE_PAUSE_SECONDS = 2.0
# Numbers are assigned before commit, so a lower one may appear after a higher one.
OVERLAP = 50


class Listener:
    """One stream: its queue, in which None marks its end, and what its listener may know of now."""

    def __init__(self, shown: Credential, access: Access) -> None:
        self.queue: asyncio.Queue[Piece | None] = asyncio.Queue(BEHIND_MAX)
        self.shown = shown
        self._access = access
        self.share = access.share

    def told(self, event: Event) -> Event | None:
        """What the listener is told of an event, by the rights that it has now."""
        return event.told_to(self._access.accounts)

    def renew(self, access: Access | None) -> bool:
        """Take over the rights of now. False: nothing may be read any more, and the stream has ended."""
        if access is None or "read" not in access.scopes:
            # What it missed may still be on its way to it.
            self._access = self._access._replace(accounts=frozenset())
            self.end()
            return False
        self._access = access
        return True

    def end(self) -> None:
        """End the stream; what waits in a full queue is not sent."""
        if self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Piece(NamedTuple):
    """What listeners get: an event, or None if something else changed."""

    event: Event | None


class EventHub:
    """One thread that reads events when the store changes, and the queues of all listeners."""

    def __init__(self, sky: Skywrite) -> None:
        self._sky = sky
        self._events = Events(sky.context.store)
        self._listeners: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def listeners(self) -> int:
        """How many listeners there are."""
        return len(self._listeners)

    def start(self) -> None:
        """Start; called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End all streams and the thread; may be called in any thread, and again."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_all)

    def listen(self, shown: Credential, access: Access) -> Listener:
        """A listener that gets everything from now on. Raises TooManyRequests."""
        mine = sum(listener.share == access.share for listener in self._listeners)
        if mine >= LISTENERS_EACH or len(self._listeners) >= LISTENERS_MAX:
            raise TooManyRequests(
                f"Too many of {'your' if mine >= LISTENERS_EACH else 'all'} clients are listening to events.",
                hint="Close some pages.",
                headers={"retry-after": "30"},
            )
        listener = Listener(shown, access)
        if self._stopping.is_set():
            listener.end()
        self._listeners.add(listener)
        return listener

    def renew(self, listener: Listener) -> None:
        """Look up the rights of one listener; reads the database."""
        rights = rights_now(self._sky, {listener.shown})
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(listener.renew, rights.get(listener.shown))

    def forget(self, listener: Listener) -> None:
        """Remove a listener."""
        self._listeners.discard(listener)

    def missed(self, after: int) -> list[Event]:
        """What a listener missed since the last event that it saw."""
        return self._events.after(after, REPLAY_MAX)

    def _run(self) -> None:
        clock = self._sky.context.clock
        while not self._stopping.is_set():
            try:
                self._follow()
            except StorageError as error:
                log.warning("events wait for the database: %s", error.message)
                clock.wait(self._stopping, STORAGE_PAUSE_SECONDS)

    def _follow(self) -> None:
        clock = self._sky.context.clock
        with self._sky.context.store.watch() as changes:
            last = self._events.last_id()
            seen = {event.id for event in self._events.after(max(last - OVERLAP, 0))}
            checked = clock.monotonic()
            while not self._stopping.is_set():
                if not changes.wait(WAIT_SECONDS):
                    if clock.monotonic() - checked >= RIGHTS_SECONDS:
                        # Keys and sessions end without any change.
                        checked = clock.monotonic()
                        self._publish([])
                    continue
                checked = clock.monotonic()
                known = self._events.after(max(last - OVERLAP, 0))
                fresh = [event for event in known if event.id not in seen]
                last = max([last, *(event.id for event in fresh)])
                seen = {event.id for event in known if event.id >= last - OVERLAP}
                self._publish([*(Piece(event) for event in fresh), Piece(None)])

    def _publish(self, pieces: list[Piece]) -> None:
        """Hand out what was read, to those who may read it now: their rights are looked up after it was."""
        asked = {listener.shown for listener in tuple(self._listeners)}
        rights = rights_now(self._sky, asked) if asked else {}
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hand_out, pieces, asked, rights)

    def _hand_out(
        self, pieces: list[Piece], asked: Collection[Credential], rights: Mapping[Credential, Access]
    ) -> None:
        for listener in list(self._listeners):
            if listener.shown in asked and not listener.renew(rights.get(listener.shown)):
                self._listeners.discard(listener)
                continue
            for piece in pieces:
                if listener.queue.full():
                    # It cannot keep up: its stream ends, and it reconnects with the last id that it saw.
                    listener.end()
                    self._listeners.discard(listener)
                    break
                listener.queue.put_nowait(piece)

    def _end_all(self) -> None:
        for listener in list(self._listeners):
            listener.end()
