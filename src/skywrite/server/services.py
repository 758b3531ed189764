"""What the handlers of a server share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from skywrite.app import Skywrite
from skywrite.queue.api_keys import ApiKeys
from skywrite.queue.people import People
from skywrite.server.hub import EventHub
from skywrite.server.lanes import Lanes
from skywrite.server.limits import Buckets, Quota
from skywrite.server.metrics import Metrics
from skywrite.server.rehearsals import Rehearsals
from skywrite.server.security import Origin
from skywrite.server.shown_once import ShownOnce

REQUESTS = Quota(600, 60)
GUESSES = Quota(20, 600)


@dataclass(frozen=True)
class Services:
    """The queue, the people, the keys, limits, events, threads, cached rehearsals, and secrets to show."""

    sky: Skywrite
    origin: Origin
    people: People
    keys: ApiKeys
    requests: Buckets
    guesses: Buckets
    hub: EventHub
    lanes: Lanes
    metrics: Metrics
    rehearsals: Rehearsals
    shown_once: ShownOnce


def services_of(request: HTTPConnection) -> Services:
    """The services of the server that got a request."""
    return cast(Services, request.app.state.services)
