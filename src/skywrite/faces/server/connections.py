"""Connections: how long a client may take to say what it wants, and to read the answer, and how many may do so at once.

What lives here: what happens before there is a request, and after there is an answer. What does not: bodies (`limits`),
which host was meant (`security`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Protocol

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS_MAX = 15.0
READING_SECONDS_MAX = 60.0
HALF_OPEN_MAX = 2000
HEAD_BYTES_MAX = 65_536
# Each chunk takes as long to read as a kilobyte: a body in single bytes would hold all others. So many are free.
CHUNKS_FREE = 100
CHUNK_BYTES_MIN = 64
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


# Strangers who send what is no HTTP write nothing into the log.
log = logging.getLogger("uvicorn.error.connections")
log.setLevel(logging.ERROR)


class Closes(Protocol):
    """Something that can be ended."""

    def close(self) -> None:
        """End it."""
        ...


class HalfOpen:
    """The connections on which no request has come yet. Where there are too many, whoever has most loses the oldest."""

    def __init__(self, most: int = HALF_OPEN_MAX) -> None:
        self._most = most
        self._of: dict[Closes, str] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._of)

    def add(self, connection: Closes, who: str) -> None:
        """Note a connection from an address; another one may be closed for it."""
        self.discard(connection)
        self._of[connection] = who
        self._counts[who] += 1
        if len(self._of) > self._most:
            greedy = max(self._counts, key=self._counts.__getitem__)
            oldest = next(one for one, owner in self._of.items() if owner == greedy)
            self.discard(oldest)
            oldest.close()

    def discard(self, connection: Closes) -> None:
        """Forget a connection: its request has come, or it has ended."""
        who = self._of.pop(connection, None)
        if who is None:
            return
        self._counts[who] -= 1
        if self._counts[who] == 0:
            del self._counts[who]


def network_of(address: str) -> str:
    """Whom an address belongs to: one of IPv4 is somebody, and of IPv6 everybody has 64 bits of them."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return str(ip_network((ip, 64), strict=False))
    return address


class Reading(h11.Connection):
    """h11's reader of requests, which refuses a body in chunks that are tiny."""

    _chunks = 0
    _bytes = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next part of a request. Raises RemoteProtocolError."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._bytes += len(event.data)
            if self._chunks > CHUNKS_FREE + self._bytes // CHUNK_BYTES_MIN:
                raise h11.RemoteProtocolError("The body comes in chunks that are too small.")
        return event


def connections(half_open: HalfOpen) -> type[H11Protocol]:
    """The protocol of a server's connections."""

    class Connection(H11Protocol):
        """uvicorn's, which waits neither for the head of a request nor for the reader of an answer for ever."""

        _head: asyncio.TimerHandle | None = None
        _reading: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self.conn, self.logger = Reading(h11.SERVER, HEAD_BYTES_MAX), log
            super().connection_made(transport)
            self._look()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            self._stop_writing()
            super().connection_lost(exc)

        def handle_events(self) -> None:
            super().handle_events()
            self._look()

        def send_400_response(self, msg: str) -> None:
            """Where an answer has begun, no other can follow: the connection ends."""
            cycle: Any = self.cycle
            if cycle is not None:
                cycle.disconnected = True
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                super().send_400_response(msg)
            else:
                self.transport.close()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stop_writing()
            self._reading = self.loop.call_later(READING_SECONDS_MAX, self.transport.abort)

        def resume_writing(self) -> None:
            self._stop_writing()
            super().resume_writing()

        def close(self) -> None:
            """End a connection on which no request has come."""
            if not self.transport.is_closing():
                if self.conn.trailing_data[0]:
                    self.transport.write(_TIMED_OUT)
                self.transport.close()

        def _look(self) -> None:
            cycle: Any = self.cycle
            if cycle is not None and not cycle.response_complete:
                self._stop_waiting()
            elif self._head is None and not self.transport.is_closing():
                self._head = self.loop.call_later(HEAD_SECONDS_MAX, self.close)
                half_open.add(self, network_of(self.client[0]) if self.client else "")

        def _stop_waiting(self) -> None:
            half_open.discard(self)
            if self._head is not None:
                self._head.cancel()
                self._head = None

        def _stop_writing(self) -> None:
            if self._reading is not None:
                self._reading.cancel()
                self._reading = None

    return Connection
