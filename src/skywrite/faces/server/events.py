"""Server-sent events: what happens in the queue, for any number of listeners.

What lives here: the stream of one listener. What does not: reading events (`hub`). The id of an event is its number, so
that a listener that reconnects with Last-Event-ID gets what it missed; `changed` has no id: it only says that something
changed, such as a new post, and may be lost.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from skywrite.core.clock import to_iso
from skywrite.core.digits import row_number
from skywrite.core.errors import BadRequest
from skywrite.faces.server.auth import caller_of
from skywrite.faces.server.hub import REPLAY_MAX, EventHub, Listener
from skywrite.faces.server.services import services_of
from skywrite.queue.events import Event

PING_SECONDS = 20.0


async def stream(request: Request) -> Response:
    """GET /api/v1/events."""
    caller = await caller_of(request)
    caller.access.require("read")
    hub = services_of(request).hub
    text = request.headers.get("last-event-id", "")
    last = row_number(text)
    if text and last is None:
        raise BadRequest("Last-Event-ID is not the number of an event.", code="body.malformed")
    pieces = _pieces(hub, hub.listen(caller.shown, caller.access), last)
    return StreamingResponse(pieces, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _pieces(hub: EventHub, listener: Listener, after: int | None) -> AsyncIterator[str]:
    """The stream of one listener: what it missed, then what happens."""
    replayed: set[int] = set()
    try:
        # Whoever lost their rights before they were listening is not told so by what happens.
        await run_in_threadpool(hub.renew, listener)
        yield "retry: 3000\n\n"
        while after is not None:
            page = await run_in_threadpool(hub.missed, after)
            for event in page:
                replayed.add(event.id)
                if (known := listener.told(event)) is not None:
                    yield event_text(known)
            after = page[-1].id if len(page) == REPLAY_MAX else None
        while True:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    piece = await listener.queue.get()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if piece is None:
                return
            if piece.event is None:
                yield "event: changed\ndata: {}\n\n"
            elif piece.event.id not in replayed and (known := listener.told(piece.event)) is not None:
                yield event_text(known)
    finally:
        hub.forget(listener)


def event_text(event: Event) -> str:
    """An event in the format of the stream."""
    dids = event.account_dids or ()
    did = dids[0] if len(dids) == 1 else None
    several = {"dids": dids} if len(dids) > 1 else {}
    data = {"type": event.kind, "timestamp": to_iso(event.created_at), "did": did, **several, "data": event.data}
    # JSON escapes line feeds, but event streams have other line breaks, too.
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return f"id: {event.id}\nevent: {event.kind}\ndata: {text}\n\n"
