"""The plan, rehearsed on request: what the worker itself would do on the shown days.

What lives here: how much may be rehearsed for a page, caching it until the queue changes, and the sentences about it.
What does not: the rehearsal (`service`), and the estimate that the plan always shows (`publish.forecast`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from skywrite.app import Skywrite
from skywrite.core.errors import InputError
from skywrite.faces.server.services import OnDay, OnPlan
from skywrite.features.rehearsal.service import DONE_WORDS, Act, Deed, Rehearsed, rehearse
from skywrite.queue.actions import Actions
from skywrite.queue.follow_ups import FollowUps
from skywrite.queue.model import Account

# Somebody waits for the page: larger rehearsals are for the shell.
POSTS_MAX = 5000
DUE_MAX = 250
STEPS_MAX = 1500
TURN_SECONDS = 10.0
KEPT = 8
FRESH = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
_WORDS = {"held": "will be held", "skipped": "will be skipped", "failed": "will be refused"}

_COUNTED = {"held": "held", "skipped": "skipped", "failed": "refused", "waiting": "still waiting"}


class Rehearsals:
    """Rehearsals for the page: one at a time, each cached until the queue changes, or for five minutes."""

    def __init__(self, sky: Skywrite) -> None:
        self._sky = sky
        self._turn = threading.Lock()
        self._kept: OrderedDict[Hashable, Rehearsed] = OrderedDict()

    def on_plan(self, account: Account, until: datetime, zone: str) -> OnPlan:
        """As `Layer`. Raises InputError, and what a rehearsal raises."""
        return on_plan(self.get(account, until), zone)

    def get(self, account: Account, until: datetime) -> Rehearsed:
        """What would happen until then. Raises InputError, and what a rehearsal raises."""
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise InputError(
                "Another rehearsal is still running.", code="rehearsal.too_much", hint="Try again when it is over."
            )
        try:
            name = (account.did, until, self._version(until))
            if name not in self._kept:
                self._kept[name] = rehearse(self._sky, until, account=account.did, steps_max=STEPS_MAX)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            return self._kept[name]
        finally:
            self._turn.release()

    def _version(self, until: datetime) -> Hashable:
        """What a rehearsal depends on; the time only roughly."""
        context = self._sky.context
        store, now = context.store, context.clock.now()
        size = store.listing.queue_size(until, POSTS_MAX)
        if size.posts >= POSTS_MAX or size.due > DUE_MAX:
            raise InputError(
                "There is too much in this queue to rehearse it on a page.",
                code="rehearsal.too_much",
                hint="Rehearse it on the command line instead.",
            )
        known = (*store.accounts.all(), *store.recurrences.all(), *Actions(store).list(), *FollowUps(store).list())
        return size, tuple(map(repr, known)), now.timestamp() // FRESH.total_seconds()


def on_plan(rehearsal: Rehearsed, zone: str) -> OnPlan:
    """Sentences about each post that does not go out as planned, and about all together; and reposts and pins."""
    posts: dict[int, str] = {}
    coming: dict[tuple[int, datetime], str] = {}
    for act in rehearsal.acts:
        sentence = _said(act, ZoneInfo(zone))
        if sentence:
            posts[act.post.id] = sentence
            if act.post.recurrence_id is not None and act.post.due_at is not None:
                coming[act.post.recurrence_id, act.post.due_at] = sentence
    return OnPlan(posts, coming, _summary(rehearsal), tuple(_on_day(deed) for deed in rehearsal.deeds))


def _on_day(deed: Deed) -> OnDay:
    action = deed.action
    return OnDay(action.kind, deed.at or action.due_at, deed.account.handle, deed.text or action.uri, _remark(deed))


def _remark(deed: Deed) -> str:
    """A sentence about a repost or pin that is not done in time."""
    if deed.at is None:
        return f"will {'be refused' if deed.what == 'failed' else 'still wait'}: {deed.why}"
    return f"late: {deed.why}" if deed.why else ""


def _said(act: Act, zone: ZoneInfo) -> str:
    if act.what in _WORDS:
        return f"{_WORDS[act.what]}: {act.why}" if act.why else _WORDS[act.what]
    if act.at is None or act.post.due_at is None:
        return f"will still wait: {act.why}"
    if act.late < SECOND:
        return ""
    at, due = act.at.astimezone(zone), act.post.due_at.astimezone(zone)
    day = "" if at.date() == due.date() else f"{at:%a} {at.day} {at:%b}, "
    clock = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
    return f"will go out {day}{clock}{f': {act.why}' if act.why else ''}"


def _summary(rehearsal: Rehearsed) -> str:
    acts, deeds = rehearsal.acts, rehearsal.deeds
    counts = {
        "go out": sum(act.what == "published" for act in acts),
        "of them later than planned": sum(act.what == "published" and act.late >= SECOND for act in acts),
        **{word: sum(act.what == what for act in acts) for what, word in _COUNTED.items()},
        **{what: sum(deed.what == what for deed in deeds) for what in DONE_WORDS.values()},
        "reposts or pins that fail or still wait": sum(deed.at is None for deed in deeds),
    }
    return ", ".join(f"{count} {words}" for words, count in counts.items() if count or words == "go out")
