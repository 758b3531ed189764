"""Bulkheads: how many threads the accounts of one server may keep busy, and a pause for a server that hangs.

What lives here: what one worker knows about each server, in memory. What does not: the claim (`queue`), the retries of
a post (`outcome`).

A server that has not responded yet gets few threads, and one more with each response. All servers without a response
share half of the threads, and no server gets all of them. One that hangs is left alone for a growing pause; then one
thread tries it again. Its first response, of any kind, ends the pause. The video service has a share, too.
"""

import threading
from typing import NamedTuple, Self

from skywrite.clock import Clock
from skywrite.errors import NoAnswer, NotSent, TimedOut
from skywrite.publish.log import Log, silent
from skywrite.queue.model import Post

HUNG_SECONDS = 3.0
PAUSE_FIRST_SECONDS = 5.0
PAUSE_SECONDS_MAX = 60.0
TIMEOUTS_OF_A_GOOD_SERVER = 3
_GATEWAY_STATUSES = (502, 503, 504)


def has_answered(error: Exception | None, seconds: float) -> bool | None:
    """What an attempt this long shows about its server: it responded (True), hangs (False), or nothing (None)."""
    if error is None:
        return True
    slow = seconds >= HUNG_SECONDS
    if isinstance(error, TimedOut) or (slow and isinstance(error, NotSent | NoAnswer)):
        return False
    status = getattr(error, "status", None)
    if status is None:
        return None
    return not (slow and status in _GATEWAY_STATUSES)


def needs_video(post: Post) -> bool:
    """Whether a post has a video, for which its thread may have to wait."""
    return any(blob[1].startswith("video/") for blob in post.prepared.get("blobs", ()))


class Choice(NamedTuple):
    """Which servers' accounts may be claimed: none of `avoid`, and with `only`, just those."""

    avoid: frozenset[str] = frozenset()
    only: frozenset[str] | None = None

    def is_within(self, other: Self) -> bool:
        """Whether it allows nothing that the other does not allow."""
        if other.only is not None and (self.only is None or not self.only <= other.only):
            return False
        return self.avoid >= other.avoid


class Trouble(NamedTuple):
    """A server that hangs: how many times in a row, and in how many seconds it is tried again."""

    server: str
    times: int
    pause_seconds: float


class _Host:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.busy = 0
        self.answered = False
        self.timeouts = 0
        self.paused_until: float | None = None


class Hosts:
    """The servers of one worker's accounts, by their address. Safe to share between threads."""

    def __init__(self, clock: Clock, threads: int, log: Log = silent) -> None:
        self._clock = clock
        self._most = threads - threads // 4
        self._unproven_most = max(min(2, threads), threads // 2)
        self._videos_most = max(1, threads // 4)
        self._first = max(1, threads // 16)
        self._log = log
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._videos = 0

    def enter(self, server: str, *, video: bool = False) -> None:
        """A thread starts to work on a post of this server."""
        with self._lock:
            self._hosts.setdefault(server, _Host(self._first)).busy += 1
            self._videos += video

    def leave(self, server: str, answered: bool | None, *, video: bool = False) -> None:
        """The thread is done. `answered` is None if nothing was learnt about the server."""
        event = ""
        with self._lock:
            host = self._hosts[server]
            host.busy -= 1
            self._videos -= video
            if answered:
                event = "server_answers" if host.paused_until is not None else ""
                host.limit = min(host.limit + 1, self._most)
                host.answered, host.timeouts, host.paused_until = True, 0, None
            elif answered is False:
                host.timeouts += 1
                if not host.answered or host.timeouts >= TIMEOUTS_OF_A_GOOD_SERVER:
                    event = "server_hangs"
                    self._pause(host)
        if event:
            self._log(event, server=server)

    def _pause(self, host: _Host) -> None:
        seconds = min(PAUSE_FIRST_SECONDS * 2.0 ** min(host.timeouts - 1, 10), PAUSE_SECONDS_MAX)
        host.answered, host.limit = False, 1
        host.paused_until = self._clock.monotonic() + seconds * (0.75 + self._clock.random() / 2)

    def pause_seconds(self, server: str) -> float:
        """How long to leave the accounts of a server alone; 0 if they may be tried."""
        with self._lock:
            host = self._hosts.get(server)
            if host is None or host.paused_until is None:
                return 0.0
            return max(0.0, host.paused_until - self._clock.monotonic())

    def videos_full(self) -> bool:
        """Whether video uploads use all threads that they may."""
        with self._lock:
            return self._videos >= self._videos_most

    def choice(self) -> Choice:
        """Which accounts a thread may claim now."""
        with self._lock:
            full = frozenset(server for server, host in self._hosts.items() if host.busy >= host.limit)
            if sum(host.busy for host in self._hosts.values() if not host.answered) < self._unproven_most:
                return Choice(full)
            proven = frozenset(server for server, host in self._hosts.items() if host.answered)
            return Choice(frozenset(), proven - full)

    def trouble(self) -> list[Trouble]:
        """The servers that hang, for display."""
        now = self._clock.monotonic()
        with self._lock:
            return [
                Trouble(server, host.timeouts, max(0.0, host.paused_until - now))
                for server, host in self._hosts.items()
                if host.paused_until is not None
            ]
