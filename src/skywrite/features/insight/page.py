"""How published posts did: plots drawn by this server, and the numbers in tables.

What does not live here: counting and grouping (`service`, `insight.stats`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.core.digits import row_number
from skywrite.faces.server.pages.frame import Visit, page_route, show
from skywrite.features.insight.stats import GROUPINGS, Group
from skywrite.queue.marks import AGES_HOURS, COUNTS

HEIGHT, WIDTH, GAP = 120, 720, 0.2
BARS_MAX = 60


class Bar(NamedTuple):
    """One bar of a plot, in its coordinates."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


def bars(groups: Sequence[Group], count: str) -> list[Bar]:
    """The sums of one count as bars; only the last groups if there are many."""
    shown = groups[-BARS_MAX:]
    most = max((one.sums[count] for one in shown), default=0)
    step = WIDTH / max(len(shown), 1)
    all_bars = []
    for index, one in enumerate(shown):
        height = HEIGHT * one.sums[count] / most if most else 0.0
        x, y = round(index * step, 1), round(HEIGHT - height, 1)
        all_bars.append(Bar(x, y, round(step * (1 - GAP), 1), round(height, 1), one.name, one.sums[count]))
    return all_bars


def stats(visit: Visit) -> Response:
    """The page."""
    by = visit.query("by", "day")
    by = by if by in GROUPINGS else "day"
    asked = row_number(visit.query("after"))
    after = asked if asked in AGES_HOURS else 24
    account = visit.query("account") or None
    groups = visit.sky.stats.groups(by, at=after, account=account)
    return show(
        visit,
        "stats.html",
        title="Stats",
        by=by,
        after=after,
        account=account or "",
        accounts=visit.sky.accounts.list(),
        groupings=list(GROUPINGS),
        ages=AGES_HOURS,
        counts=COUNTS,
        groups=groups,
        total=visit.sky.stats.total(at=after, account=account),
        plots=[(count, bars(groups, count)) for count in COUNTS[:3]],
        size=(WIDTH, HEIGHT),
    )


def routes() -> list[BaseRoute]:
    """The page."""
    return [page_route("/stats", stats)]
