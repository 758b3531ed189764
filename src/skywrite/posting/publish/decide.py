"""What to do with a due post: publish it, wait, or give it up. Pure; called inside the claim's transaction.

What lives here: the decision, and freezing posts that need nothing from the network for that. What does not: the claim
itself (`queue`), the network (`publisher`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from skywrite.core.errors import Do, Hint
from skywrite.posting.compose.build import Prepared
from skywrite.posting.compose.freeze import Frozen, freeze
from skywrite.posting.publish.budget import (
    CREATE_POINTS,
    catching_up_since,
    check_catch_up,
    check_pace,
    is_overdue,
    ready_since,
)
from skywrite.posting.publish.checks import has_target
from skywrite.posting.schedule.policy import verdict
from skywrite.queue.model import AccountView, Decision, Defer, Miss, Post, Problem, Take
from skywrite.queue.record_keys import record_keys

if TYPE_CHECKING:
    from skywrite.posting.publish.hosts import Hosts

MISSED = "post.missed"
VIDEO_TURN_SECONDS = 2


class Decider:
    """The decisions of one worker.

    `missed` is called with each post that is given up, `deferred` with each that waits, and `hosts` knows which servers
    hang. `catch_up_gap_seconds` is the gap between overdue posts of an account that does not set its own.
    """

    catch_up_gap_seconds: int = 0
    missed: Callable[[Post, Miss], None] | None = None
    deferred: Callable[[Post, Defer], None] | None = None
    hosts: Hosts | None = None

    def __call__(self, post: Post, view: AccountView, now: datetime) -> Decision:
        """Publish, wait, or give up."""
        if self.hosts is not None:
            alone = _left_alone(self.hosts, post, view, now)
            if alone:
                return alone
        if post.is_free(now):
            missed = self._missed(post, view, now)
            if missed:
                if self.missed is not None:
                    self.missed(post, missed)
                return missed
        prepared = Prepared.from_dict(post.prepared)
        points = prepared.writes() * CREATE_POINTS
        wait = self._catch_up(post, view, now) or check_pace(view, points, now)
        if wait:
            if self.deferred is not None:
                self.deferred(post, wait)
            return wait
        on_time = not is_overdue(post.due_at, now)
        if post.frozen is not None or prepared.pending or has_target(post, prepared):
            return Take(points=points, on_time=on_time)
        return Take(self.frozen(post, prepared, now, {}).to_json(), points, on_time)

    def frozen(self, post: Post, prepared: Prepared, now: datetime, dids: dict[str, str | None]) -> Frozen:
        """The post's records as they will be in the repository, under the keys that it got when it was accepted."""
        count = len(prepared.records)
        rkeys = record_keys(post, count)
        return freeze(prepared, did=post.account_did, rkeys=rkeys, created_at=now, dids=dids)

    def _catch_up(self, post: Post, view: AccountView, now: datetime) -> Defer | None:
        """The gap for an overdue post; one that may be on the network does not wait: it is settled first."""
        if post.due_at is None or not post.is_free(now):
            return None
        return check_catch_up(view, post.due_at, self.catch_up_gap_seconds, now)

    def _missed(self, post: Post, view: AccountView, now: datetime) -> Miss | None:
        if post.due_at is None:
            return None
        at = catching_up_since(view, self.catch_up_gap_seconds, now) or now
        answer = verdict(ready_since(view, post.due_at, now), at, post.late_policy, post.late_seconds)
        if answer == "publish":
            return None
        late = at - post.due_at
        sentence = f"It was due at {post.due_at:%Y-%m-%d %H:%M} UTC and came up {_duration(late.total_seconds())} late"
        if answer == "skip":
            return Miss("cancelled", Problem(MISSED, f"{sentence}: skipped, as its policy says."))
        hint = Hint("Publish it now: ", Do("posts.release", post.id), ". Drop it: ", Do("posts.cancel", post.id))
        return Miss("held", Problem(MISSED, f"{sentence}: it waits for your decision.", hint))


def _left_alone(hosts: Hosts, post: Post, view: AccountView, now: datetime) -> Defer | None:
    """Until when an account waits because of its server, or because its post must wait for something."""
    from skywrite.posting.publish.hosts import needs_video

    seconds = hosts.pause_seconds(view.account.pds_url, post.account_did)
    if seconds:
        return Defer(now + timedelta(seconds=seconds), "its server does not answer")
    if needs_video(post) and hosts.videos_full():
        return Defer(now + timedelta(seconds=VIDEO_TURN_SECONDS), "other videos are being uploaded")
    return None


def _duration(seconds: float) -> str:
    for size, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
