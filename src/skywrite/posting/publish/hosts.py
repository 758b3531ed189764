"""Bulkheads: how many threads the accounts of one server may keep busy, and what happens to those that hang.

What lives here: what one worker knows about each server, and about accounts that hang, in memory. What does not: the
claim (`queue`), the retries of a post (`outcome`).

A server that has not responded yet gets few threads, and one more with each response. All servers without a response
share half of the threads, and no server gets all of them. A thread that waits for long is no longer counted as one of
the few, since it says nothing about the server's other accounts.

An account that hangs while others of its server get answers hangs by itself; all such accounts share a quarter of the
threads. A server hangs if several of its accounts got no answer, at different times, and no account got one. Then these
accounts are left alone for a growing pause, and the others are tried one after the other. The server's first response,
of any kind, ends the pause. The video service has a share, too.
"""

import threading
from typing import Literal, NamedTuple, Self

from skywrite.core.clock import Clock
from skywrite.core.errors import NoAnswer, NotSent, TimedOut
from skywrite.posting.publish.log import Log, silent
from skywrite.queue.model import Post

HUNG_SECONDS = 3.0
# A thread that has waited for so long counts only among all that wait.
STUCK_SECONDS = 1.0
# A server hangs if so many of its accounts got no answer, the first and the last of them at least so long apart.
HUNG_ACCOUNTS = 3
HUNG_APART_SECONDS = 5.0
PAUSE_FIRST_SECONDS = 5.0
PAUSE_SECONDS_MAX = 60.0
TRY_SECONDS_MAX = 5.0
TURN_SECONDS = 2.0
_GATEWAY_STATUSES = (502, 503, 504)

Shown = Literal["answers", "hangs", "account_hangs"] | None


def shown_by(error: Exception | None, seconds: float, *, looked: bool = False) -> Shown:
    """What an attempt this long shows: the server responded, it hangs, only for this account, or nothing (None).

    `looked`: the server responded afterwards, when we looked whether the write had been carried out.
    """
    if error is None:
        return "answers"
    slow = seconds >= HUNG_SECONDS
    status = getattr(error, "status", None)
    silence = isinstance(error, TimedOut) or (slow and isinstance(error, NotSent | NoAnswer))
    if silence or (slow and status in _GATEWAY_STATUSES):
        return "account_hangs" if looked else "hangs"
    return "answers" if looked or status is not None else None


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

    def allows(self, server: str) -> bool:
        """Whether accounts of this server may be claimed."""
        return server not in self.avoid and (self.only is None or server in self.only)


class Trouble(NamedTuple):
    """A server that does not answer: how many times in a row, and for how many seconds it is left alone."""

    server: str
    times: int
    pause_seconds: float


class _Host:
    """What is known of a server. `busy`: since when there is a thread for an account."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.busy: dict[str, float] = {}
        self.answered = False
        self.answered_at = float("-inf")
        # Accounts without an answer since the server's last one, and those that hang although it answers others.
        self.silent: dict[str, float] = {}
        self.alone: set[str] = set()
        self.timeouts = 0
        self.paused_until: float | None = None
        self.others_at = 0.0
        self.others_tried = 0

    def is_suspect(self, account: str) -> bool:
        return account in self.silent or account in self.alone

    def is_silent(self, now: float) -> bool:
        """Whether it is not just some accounts, nor one bad moment."""
        apart = now - min(self.silent.values())
        return self.paused_until is not None or (len(self.silent) >= HUNG_ACCOUNTS and apart >= HUNG_APART_SECONDS)


class Hosts:
    """The servers of one worker's accounts, by their address. Safe to share between threads."""

    def __init__(self, clock: Clock, threads: int, log: Log = silent) -> None:
        self._clock = clock
        self._most = threads - threads // 4
        self._unproven_most = max(min(2, threads), threads // 2)
        self._share = threads // 4
        self._first = max(1, threads // 16)
        self._log = log
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._videos = 0

    def enter(self, server: str, account: str, *, video: bool = False) -> None:
        """A thread starts to work for an account of this server."""
        now = self._clock.monotonic()
        with self._lock:
            host = self._hosts.setdefault(server, _Host(self._first))
            host.busy[account] = now
            self._videos += video
            if host.paused_until is not None and account not in host.silent:
                host.others_at = now + min(2.0**host.others_tried, TRY_SECONDS_MAX)
                host.others_tried += 1

    def leave(self, server: str, account: str, shown: Shown, *, video: bool = False) -> None:
        """The thread is done."""
        event = ""
        with self._lock:
            host = self._hosts[server]
            began = host.busy.pop(account, 0.0)
            self._videos -= video
            if shown == "hangs":
                event = self._note_silence(host, account, began)
            elif shown is not None:
                event = self._note_answer(host, account, hangs=shown == "account_hangs")
        if event:
            self._log(event, server=server)

    def _note_answer(self, host: _Host, account: str, *, hangs: bool) -> str:
        event = "server_answers" if host.paused_until is not None else ""
        host.limit = self._less(host) if hangs else min(max(host.limit + 1, self._first), self._most)
        host.answered, host.answered_at = True, self._clock.monotonic()
        host.timeouts, host.others_tried, host.paused_until = 0, 0, None
        host.silent.clear()
        if hangs:
            host.alone.add(account)
        else:
            host.alone.discard(account)
        return event

    def _note_silence(self, host: _Host, account: str, began: float) -> str:
        now = self._clock.monotonic()
        host.limit = self._less(host)
        if account in host.alone or host.answered_at > began:
            # Others got answers meanwhile.
            host.alone.add(account)
            return ""
        host.timeouts += 1
        host.silent.setdefault(account, now)
        if not host.is_silent(now):
            return ""
        rounds = max(0, host.timeouts - HUNG_ACCOUNTS)
        seconds = min(PAUSE_FIRST_SECONDS * 2.0 ** min(rounds, 10), PAUSE_SECONDS_MAX)
        host.answered, host.limit = False, 1
        host.paused_until = now + seconds * (0.75 + self._clock.random() / 2)
        return "server_hangs"

    def _less(self, host: _Host) -> int:
        return max(host.limit - 1, 1 if host.paused_until is not None else self._first)

    def pause_seconds(self, server: str, account: str) -> float:
        """How long to leave an account alone because it or its server hangs; 0 if it may be tried."""
        now = self._clock.monotonic()
        with self._lock:
            host = self._hosts.get(server)
            if host is None:
                return 0.0
            if host.paused_until is not None and account not in host.silent:
                return max(0.0, host.others_at - now)
            if host.paused_until is not None:
                return max(TURN_SECONDS if host.busy else 0.0, host.paused_until - now)
            return TURN_SECONDS if host.is_suspect(account) and self._suspects_full() else 0.0

    def _suspects_full(self) -> bool:
        """Whether those that hung last time use all threads that they may; one may be tried in any case."""
        busy = sum(host.is_suspect(account) for host in self._hosts.values() for account in host.busy)
        return busy >= max(1, self._share)

    def videos_full(self) -> bool:
        """Whether video uploads use all threads that they may."""
        with self._lock:
            return self._videos >= max(1, self._share)

    def choice(self) -> Choice:
        """Which accounts a thread may claim now."""
        now = self._clock.monotonic()
        with self._lock:
            full = frozenset(server for server, host in self._hosts.items() if self._is_full(host, now))
            if sum(len(host.busy) for host in self._hosts.values() if not host.answered) < self._unproven_most:
                return Choice(full)
            proven = frozenset(server for server, host in self._hosts.items() if host.answered)
            return Choice(frozenset(), proven - full)

    def _is_full(self, host: _Host, now: float) -> bool:
        fresh = sum(now - began < STUCK_SECONDS for began in host.busy.values())
        return fresh >= host.limit or len(host.busy) >= min(self._most, host.limit + self._share)

    def trouble(self) -> list[Trouble]:
        """The servers that hang, for display."""
        now = self._clock.monotonic()
        with self._lock:
            return [
                Trouble(server, host.timeouts, max(0.0, (host.paused_until or now) - now))
                for server, host in self._hosts.items()
                if host.timeouts >= (HUNG_ACCOUNTS if host.answered else 1)
            ]
