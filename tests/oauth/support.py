"""What the tests of OAuth share: a clock that can be moved, faults at the token endpoint, the PDS's database."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from skywrite.core.clock import SystemClock
from skywrite.core.errors import NoAnswer, NotSent
from skywrite.core.http import MAX_ANSWER_BYTES, Http, Response, Transport
from tests.support.pds import Pds
from tests.support.processes import PATIENCE_SECONDS

TOKEN = "/oauth/token"


class MovedClock(SystemClock):
    """The computer's clock, ahead by so many seconds; `forward` lets time pass."""

    def __init__(self, skew_seconds: float = 0.0) -> None:
        self.skew_seconds = skew_seconds
        self._passed = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.skew_seconds + self._passed)

    def monotonic(self) -> float:
        return super().monotonic() + self._passed

    def forward(self, seconds: float) -> None:
        """Let time pass here; servers notice nothing."""
        self._passed += seconds

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        return event.wait(min(timeout_seconds, 0.02))


Fault = Literal["lost answer", "never sent", "server error"]


@dataclass
class Wire:
    """A transport that counts what goes to an endpoint, and breaks it on demand."""

    inner: Transport = field(default_factory=Http)
    faults: list[Fault] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    before: Callable[[str, Mapping[str, str]], None] = lambda url, headers: None
    endpoint: str = TOKEN

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        """Send one request, or let it go wrong."""
        self.before(url, headers or {})
        self.sent.append(url)
        broken = self.endpoint in url
        if broken and self.faults[:1] == ["never sent"]:
            self.faults.pop(0)
            raise NotSent("The server cannot be reached.")
        response = self.inner.request(
            method, url, headers=headers, body=body, timeout_seconds=timeout_seconds, max_bytes=max_bytes
        )
        # What is answered with a new nonce was not carried out, so it is not what goes wrong here.
        if broken and self.faults and b"use_dpop_nonce" not in response.body:
            fault = self.faults.pop(0)
            if fault == "lost answer":
                raise NoAnswer("The connection broke.")
            return Response(500, response.headers, b'{"error":"server_error"}')
        return response

    def refreshes(self) -> int:
        """How many requests went to the token endpoint."""
        return sum(TOKEN in url for url in self.sent)


def age_session(pds: Pds, did: str, days: float, *columns: str) -> None:
    """Make the sessions of an account older in the PDS's own database; its refresh too, unless columns are named."""
    names = columns or ("createdAt", "updatedAt")
    with closing(sqlite3.connect(pds.data_dir / "account.sqlite", timeout=PATIENCE_SECONDS)) as database:
        rows = database.execute(f"SELECT id, {', '.join(names)} FROM token WHERE did = ?", (did,)).fetchall()
        assert rows, "the account has no session"
        for number, *times in rows:
            older = [_older(time, days) for time in times]
            sets = ", ".join(f"{name} = ?" for name in names)
            database.execute(f"UPDATE token SET {sets} WHERE id = ?", (*older, number))
        database.commit()


def sessions_at(pds: Pds, did: str) -> int:
    """How many sessions of OAuth the PDS has of an account."""
    with closing(sqlite3.connect(pds.data_dir / "account.sqlite", timeout=PATIENCE_SECONDS)) as database:
        return int(database.execute("SELECT count(*) FROM token WHERE did = ?", (did,)).fetchone()[0])


def _older(time: Any, days: float) -> str:
    moved = datetime.fromisoformat(str(time)) - timedelta(days=days)
    return moved.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moved.microsecond // 1000:03d}Z"


@dataclass
class Changing:
    """A transport that changes what servers answer: `change(url, answer)` returns the JSON object to be seen."""

    change: Callable[[str, dict[str, Any]], dict[str, Any] | None]
    inner: Transport = field(default_factory=Http)
    sent: list[str] = field(default_factory=list)

    def request(self, method: str, url: str, **more: Any) -> Response:
        """Send one request, and change its answer."""
        self.sent.append(url)
        response = self.inner.request(method, url, **more)
        try:
            answer = json.loads(response.body)
        except ValueError:
            return response
        changed = self.change(url, answer) if isinstance(answer, dict) else None
        return response if changed is None else response._replace(body=json.dumps(changed).encode())
