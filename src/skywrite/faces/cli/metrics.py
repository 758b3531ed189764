"""Prometheus metrics of a run, counted from its log events (extra: metrics)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from skywrite.core.digits import whole_number
from skywrite.core.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter
    from prometheus_client.core import GaugeMetricFamily

    from skywrite.app import Skywrite

_COUNTED = ("claimed", "published", "retry", "failed", "held", "lease_lost", "storage", "unexpected")


def registry_of(sky: Skywrite) -> tuple[CollectorRegistry, Counter]:
    """What `/metrics` shows: the posts of the queue, counted at each request, and the counted events."""
    from prometheus_client import CollectorRegistry, Counter
    from prometheus_client.core import GaugeMetricFamily

    class Posts:
        """The numbers of posts."""

        def collect(self) -> Iterator[GaugeMetricFamily]:
            family = GaugeMetricFamily("skywrite_posts", "Posts in the queue by state", labels=["state"])
            for state, count in sky.posts.count().items():
                family.add_metric([state], count)
            yield family

    registry = CollectorRegistry()
    registry.register(Posts())
    return registry, Counter("skywrite_events", "Events of the worker by kind", ["event"], registry=registry)


def serve_metrics(address: str, sky: Skywrite, log: Callable[..., None]) -> Callable[..., None]:
    """Serve `/metrics` at `host:port`; returns a log that counts events before it passes them on."""
    try:
        from prometheus_client import start_http_server
    except ImportError:
        raise MissingExtra("Metrics need an optional part.", extra="metrics") from None
    host, mark, number = address.rpartition(":")
    port = whole_number(number, 65_535)
    if not mark or port is None:
        raise InputError(f"{address!r} is not an address for metrics.", hint="Write it like 127.0.0.1:9464.")
    registry, events = registry_of(sky)
    try:
        start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise InputError(
            f"Metrics cannot be served at {address}: {error.strerror}.", hint="Try another port."
        ) from None

    def counting(event: str, **facts: Any) -> None:
        if event in _COUNTED:
            events.labels(event).inc()
        log(event, **facts)

    return counting
