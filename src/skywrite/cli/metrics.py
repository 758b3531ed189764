"""Prometheus metrics of a run, counted from its log events (extra: metrics)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from skywrite.errors import InputError, MissingExtra

_COUNTED = ("claimed", "published", "retry", "failed", "held", "lease_lost", "storage", "unexpected")


def _count(sky: Any, state: str) -> float:
    return float(sky.store.count()[state])


def serve_metrics(address: str, sky: Any, log: Callable[..., None]) -> Callable[..., None]:
    """Serve `/metrics` at `host:port`; returns a log that counts events before it passes them on."""
    try:
        from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server
    except ImportError:
        raise MissingExtra("Metrics need an optional part.", extra="metrics") from None
    host, mark, port = address.rpartition(":")
    if not mark or not port.isdigit():
        raise InputError(f"{address!r} is no address for metrics.", hint="Write it like 127.0.0.1:9464.")
    registry = CollectorRegistry()
    events = Counter("skywrite_events", "Events of the worker by kind", ["event"], registry=registry)
    waiting = Gauge("skywrite_posts", "Posts in the queue by state", ["state"], registry=registry)
    for state in sky.store.count():
        waiting.labels(state).set_function(partial(_count, sky, state))
    try:
        start_http_server(int(port), addr=host, registry=registry)
    except OSError as error:
        raise InputError(
            f"Metrics cannot be served at {address}: {error.strerror}.", hint="Try another port."
        ) from None

    def counting(event: str, **facts: Any) -> None:
        if event in _COUNTED:
            events.labels(event).inc()
        log(event, **facts)

    return counting
