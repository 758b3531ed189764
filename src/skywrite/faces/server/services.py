"""What the handlers of a server share: its services, secrets that a page shows once, and what features bring to the
server besides pages and operations: routes, and layers of the plan, such as a rehearsal.

What does not live here: any layer, and making a secret (`app.operations`).
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, cast

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from skywrite.app import Skywrite
from skywrite.faces.server.hub import EventHub
from skywrite.faces.server.lanes import Lanes
from skywrite.faces.server.limits import Buckets, Quota
from skywrite.faces.server.metrics import Metrics
from skywrite.faces.server.security import Origin
from skywrite.queue.api_keys import ApiKeys, new_secret
from skywrite.queue.model import Account
from skywrite.queue.people import People

KEPT_MAX = 100
REQUESTS = Quota(600, 60)
GUESSES = Quota(20, 600)


class OnDay(NamedTuple):
    """A repost or pin on a day of the plan. `text`: of which post; `remark`: why it is not on time, if it is not."""

    kind: str
    at: datetime
    account: str
    text: str
    remark: str = ""


class OnPlan(NamedTuple):
    """What will happen to the items of the plan, in words: by post, or by recurrence and time."""

    posts: dict[int, str]
    coming: dict[tuple[int, datetime], str]
    summary: str
    reposts: tuple[OnDay, ...] = ()


class Layer(Protocol):
    """Something that can say more about an account's plan."""

    def on_plan(self, account: Account, until: datetime, zone: str) -> OnPlan:
        """What it says about everything until then. Raises SkywriteError."""
        ...


class Shown(NamedTuple):
    """A secret, what it is, and for whom."""

    person_id: int
    about: str
    secret: str


class ShownOnce:
    """Those that nobody has seen yet. Safe to share between threads."""

    def __init__(self) -> None:
        self._kept: dict[str, Shown] = {}
        self._lock = threading.Lock()

    def keep(self, shown: Shown) -> str:
        """The name under which it is shown; the oldest ones give way."""
        name = new_secret()
        with self._lock:
            self._kept[name] = shown
            while len(self._kept) > KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return name

    def take(self, name: str, person_id: int) -> Shown | None:
        """The secret, if it is this person's and was not shown yet."""
        with self._lock:
            if name in self._kept and self._kept[name].person_id == person_id:
                return self._kept.pop(name)
        return None


class Served(NamedTuple):
    """Routes, what their handlers find in `app.state`, and what ends with the server."""

    routes: list[BaseRoute]
    state: Mapping[str, Any] = {}
    stop: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True)
class Services:
    """The queue, the people, the keys, limits, events, threads, layers of the plan, and secrets to show."""

    sky: Skywrite
    origin: Origin
    people: People
    keys: ApiKeys
    requests: Buckets
    guesses: Buckets
    hub: EventHub
    lanes: Lanes
    metrics: Metrics
    layers: tuple[Layer, ...]
    shown_once: ShownOnce


def services_of(request: HTTPConnection) -> Services:
    """The services of the server that got a request."""
    return cast(Services, request.app.state.services)
