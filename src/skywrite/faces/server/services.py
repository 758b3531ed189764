"""What the handlers of a server share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from skywrite.app import Skywrite
from skywrite.faces.server.hub import EventHub
from skywrite.faces.server.lanes import Lanes
from skywrite.faces.server.layers import Layer
from skywrite.faces.server.limits import Buckets, Quota
from skywrite.faces.server.metrics import Metrics
from skywrite.faces.server.security import Origin
from skywrite.faces.server.shown_once import ShownOnce
from skywrite.queue.api_keys import ApiKeys
from skywrite.queue.people import People

REQUESTS = Quota(600, 60)
GUESSES = Quota(20, 600)


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
