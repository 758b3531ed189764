"""Server-sent events: what changes in the queue, to any number of listeners, from one thread.

What lives here: the thread that waits for changes of the store, and one stream for each listener. What does not: what
events are (`queue.events`). An event has its number as id, so that a listener that comes back with Last-Event-ID gets
what it missed; `changed` has none: it says that something is different, such as a new post, and may be passed over.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from skywrite.app import Skywrite
from skywrite.clock import to_iso
from skywrite.errors import StorageError
from skywrite.queue.events import Event, Events
from skywrite.server.auth import caller_of
from skywrite.server.problems import MalformedBody, TooManyRequests
from skywrite.server.services import services_of

log = logging.getLogger("skywrite.server")

LISTENERS_MAX = 2000
BEHIND_MAX = 200
REPLAY_MAX = 500
WAIT_SECONDS = 1.0
PING_SECONDS = 20.0
STORAGE_PAUSE_SECONDS = 2.0
# Numbers are given out before transactions are committed, so that a lower one may appear after a higher one.
OVERLAP = 50


class Piece(NamedTuple):
    """What listeners get: an event, or (None) the news that something changed."""

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
        """How many listen."""
        return len(self._listeners)

    def start(self) -> None:
        """Begin; called in the event loop."""
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
        """A queue that gets everything from now on; None ends it. Raises TooManyRequests."""
        if len(self._listeners) >= LISTENERS_MAX:
            raise TooManyRequests("Too many listen to events.", hint="Close some pages.", headers={"retry-after": "30"})
        queue: asyncio.Queue[Piece | None] = asyncio.Queue(BEHIND_MAX)
        if self._stopping.is_set():
            queue.put_nowait(None)
        self._listeners.add(queue)
        return queue

    def forget(self, queue: asyncio.Queue[Piece | None]) -> None:
        """A listener went away."""
        self._listeners.discard(queue)

    def missed(self, after: int) -> list[Event]:
        """What a listener missed that saw everything up to an event."""
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
                    # It cannot keep up: its stream ends, and it comes back with the last id that it saw.
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


async def stream(request: Request) -> Response:
    """GET /api/v1/events."""
    caller = await caller_of(request)
    caller.access.require("read")
    hub = services_of(request).hub
    text = request.headers.get("last-event-id", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise MalformedBody("Last-Event-ID is not the number of an event.")
    sees = caller.access.sees
    pieces = _pieces(hub, hub.listen(), int(text) if text else None, lambda did: did is None or sees(did))
    return StreamingResponse(pieces, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _pieces(
    hub: EventHub, queue: asyncio.Queue[Piece | None], after: int | None, sees: Callable[[str | None], bool]
) -> AsyncIterator[str]:
    """The stream of one listener: what it missed, then what happens."""
    replayed: set[int] = set()
    try:
        yield "retry: 3000\n\n"
        while after is not None:
            page = await run_in_threadpool(hub.missed, after)
            for event in page:
                replayed.add(event.id)
                if sees(event.account_did):
                    yield event_text(event)
            after = page[-1].id if len(page) == REPLAY_MAX else None
        while True:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    piece = await queue.get()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if piece is None:
                return
            if piece.event is None:
                yield "event: changed\ndata: {}\n\n"
            elif sees(piece.event.account_did) and piece.event.id not in replayed:
                yield event_text(piece.event)
    finally:
        hub.forget(queue)


def event_text(event: Event) -> str:
    """An event as the stream has it."""
    data = {"type": event.kind, "timestamp": to_iso(event.created_at), "did": event.account_did, "data": event.data}
    # Standard JSON has no line breaks but \n, which is escaped; event streams know three.
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return f"id: {event.id}\nevent: {event.kind}\ndata: {text}\n\n"
