"""What `skywrite run --metrics` serves."""

from __future__ import annotations

from prometheus_client import generate_latest

from skywrite.faces.cli.metrics import registry_of


class Counted:
    """A queue that notes how often its posts are counted."""

    def __init__(self) -> None:
        self.posts = self
        self.times = 0

    def count(self) -> dict[str, int]:
        self.times += 1
        return {"scheduled": 3, "held": 0, "published": 1000}


def test_a_scrape_counts_the_posts_once() -> None:
    """However many states there are, the table is gone through once, and only when somebody asks."""
    queue = Counted()
    registry, events = registry_of(queue)
    events.labels("published").inc()
    before = queue.times
    told = generate_latest(registry).decode().splitlines()
    assert (0, 1) == (before, queue.times)
    assert {
        'skywrite_posts{state="scheduled"} 3.0',
        'skywrite_posts{state="held"} 0.0',
        'skywrite_posts{state="published"} 1000.0',
        'skywrite_events_total{event="published"} 1.0',
    } <= set(told)
