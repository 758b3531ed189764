"""`/metrics` for Prometheus. Anyone who can reach the server may read it, so it names no account.

What lives here: the numbers. What does not: serving them with `skywrite run` (`cli.metrics`).
"""

from __future__ import annotations

from collections import Counter as Counting
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from skywrite.app import Skywrite
from skywrite.queue.workers import Workers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
COUNTED = (
    "published",
    "retry",
    "failed",
    "held",
    "skipped",
    "webhook_delivered",
    "webhook_waiting",
    "webhook_failed",
    "server_hangs",
    "server_answers",
    "storage",
    "unexpected",
)


class Metrics:
    """The numbers of one server."""

    def __init__(self, sky: Skywrite, listeners: Callable[[], int]) -> None:
        self._sky = sky
        self._listeners = listeners
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._events = Counter("skywrite_events", "Events of the worker by kind", ["event"], registry=self.registry)

    def text(self) -> bytes:
        """The numbers in Prometheus' text format."""
        return generate_latest(self.registry)

    def counting(self, log: Callable[..., None]) -> Callable[..., None]:
        """A log that counts events before it passes them on."""

        def counted(event: str, **facts: Any) -> None:
            if event in COUNTED:
                self._events.labels(event).inc()
            log(event, **facts)

        return counted

    def collect(self) -> Iterator[Metric]:
        """Numbers that are read from the queue at each request."""
        store, now = self._sky.context.store, self._sky.context.clock.now()
        posts = GaugeMetricFamily("skywrite_posts", "Posts in the queue by state", labels=["state"])
        for state, count in store.listing.count().items():
            posts.add_metric([state], count)
        yield posts
        late = store.listing.posts(("scheduled",), due_before=now, limit=1)
        seconds = (now - late[0].due_at).total_seconds() if late and late[0].due_at else 0.0
        yield GaugeMetricFamily("skywrite_oldest_due_seconds", "How long the first due post has waited", value=seconds)
        beats = Workers(store).all()
        silent = min(((now - beat.seen_at).total_seconds() for beat in beats), default=float("inf"))
        yield GaugeMetricFamily("skywrite_worker_silent_seconds", "Seconds since a worker was last seen", value=silent)
        hanging = {server for beat in beats for server, _ in beat.hanging}
        yield GaugeMetricFamily("skywrite_servers_hanging", "Accounts' servers that do not answer", value=len(hanging))
        accounts = GaugeMetricFamily("skywrite_accounts", "Accounts by state", labels=["state"])
        states = Counting({"ok": 0, "paused": 0, "needs_login": 0})
        states.update(account.state for account in store.accounts.all())
        for name, number in states.items():
            accounts.add_metric([name], number)
        yield accounts
        yield GaugeMetricFamily("skywrite_event_listeners", "Streams of events that are open", value=self._listeners())
