"""The hub of events: one thread that waits for changes of the store, and a queue for each listener.

What lives here: reading events once for all listeners. What does not: what events are (`queue.events`), the streams
that browsers get (`events`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import NamedTuple

from skywrite.app import Skywrite
from skywrite.errors import StorageError
from skywrite.queue.events import Event, Events
from skywrite.server.problems import TooManyRequests

log = logging.getLogger("skywrite.server")

LISTENERS_MAX = 2000
BEHIND_MAX = 200
REPLAY_MAX = 500
WAIT_SECONDS = 1.0
STORAGE_PAUSE_SECONDS = 2.0
# Numbers are assigned before commit, so a lower one may appear after a higher one.
OVERLAP = 50


class Piece(NamedTuple):
    """What listeners get: an event, or None if something else changed."""

    event: Event | None


class EventHub:
    """One thread that reads events when the store changes, and the queues of all listeners."""

    def __init__(self, sky: Skywrite) -> None:
        self._sky = sky
        self._events = Events(sky.context.store)
        self._listeners: set[asyncio.Queue[Piece | None]] = set()
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

    def listen(self) -> asyncio.Queue[Piece | None]:
        """A queue that gets everything from now on; None marks its end. Raises TooManyRequests."""
        if len(self._listeners) >= LISTENERS_MAX:
            raise TooManyRequests(
                "Too many clients are listening to events.", hint="Close some pages.", headers={"retry-after": "30"}
            )
        queue: asyncio.Queue[Piece | None] = asyncio.Queue(BEHIND_MAX)
        if self._stopping.is_set():
            queue.put_nowait(None)
        self._listeners.add(queue)
        return queue

    def forget(self, queue: asyncio.Queue[Piece | None]) -> None:
        """Remove a listener."""
        self._listeners.discard(queue)

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
        with self._sky.context.store.watch() as changes:
            last = self._events.last_id()
            seen = {event.id for event in self._events.after(max(last - OVERLAP, 0))}
            while not self._stopping.is_set():
                if not changes.wait(WAIT_SECONDS):
                    continue
                known = self._events.after(max(last - OVERLAP, 0))
                fresh = [event for event in known if event.id not in seen]
                last = max([last, *(event.id for event in fresh)])
                seen = {event.id for event in known if event.id >= last - OVERLAP}
                self._publish([*(Piece(event) for event in fresh), Piece(None)])

    def _publish(self, pieces: list[Piece]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hand_out, pieces)

    def _hand_out(self, pieces: list[Piece]) -> None:
        for queue in list(self._listeners):
            for piece in pieces:
                if queue.full():
                    # It cannot keep up: its stream ends, and it reconnects with the last id that it saw.
                    queue.get_nowait()
                    queue.put_nowait(None)
                    self._listeners.discard(queue)
                    break
                queue.put_nowait(piece)

    def _end_all(self) -> None:
        for queue in list(self._listeners):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
