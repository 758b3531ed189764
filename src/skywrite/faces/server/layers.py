"""Layers: what the plan of the page may show on top of what is planned, such as a rehearsal.

What lives here: how a layer looks to the plan. What does not: any layer.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from skywrite.queue.model import Account


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
