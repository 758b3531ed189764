"""Counting likes, reposts and replies of our posts at fixed ages, for `stats`.

What lives here: the worker's task, which asks the AppView about up to 25 posts at a time, and no more often than
necessary. What does not: what is stored (`queue.marks`), what it says (`insight.stats`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from skywrite.app.context import Context
from skywrite.app.nouns import checked
from skywrite.app.work import Periodic, WorkParts
from skywrite.core.config import DEFAULT_APPVIEW
from skywrite.core.errors import InputError, SkywriteError
from skywrite.features.insight.stats import Group, StatsReport, group, grouped
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.rounds import Turn
from skywrite.protocol.atproto.xrpc import Xrpc
from skywrite.queue.marks import AGES_HOURS, COUNTS, SELF, Mark, Marks, ToMark

URIS_MAX = 25
# Posts of ten minutes share requests: 10,000 posts a day need about 2,500 requests for all ages.
EVERY = timedelta(minutes=10)
REQUESTS_MAX = 40
_FIELDS = {
    "likes": "likeCount",
    "reposts": "repostCount",
    "replies": "replyCount",
    "quotes": "quoteCount",
    "bookmarks": "bookmarkCount",
}


@dataclass
class MarkTask(Periodic):
    """The worker's work (`publish.rounds.Work`) of counting. What fails now is counted next time."""

    every = EVERY
    ctx: Context
    log: Log = silent
    kind: str = field(default="marks", init=False)

    def due(self) -> list[Turn]:
        """One turn, for the AppView."""
        self.begin()
        appview = self.ctx.config.appview
        return [Turn(appview, appview)]

    def take(self, turn: Turn) -> SkywriteError | None:
        """Count what is due, in few requests."""
        marks = Marks(self.ctx.store)
        for chunk in batches(self._wanted(marks.due(URIS_MAX * REQUESTS_MAX)), self.ctx.clock.now()):
            try:
                shown = self._ask([item.uri for item in chunk])
            except SkywriteError as error:
                self.log("marks_failed", **error.facts)
                return error
            marks.note((item, *_counted(shown.get(item.uri))) for item in chunk)
        return None

    def _wanted(self, due: Sequence[ToMark]) -> list[ToMark]:
        accounts = self.ctx.store.accounts.with_dids(item.account_did for item in due) if due else []
        public = self.ctx.config.appview == DEFAULT_APPVIEW
        left_out = {
            account.did
            for account in accounts
            if account.settings.get("marks") is False or (public and _is_local(account.pds_url))
        }
        return [item for item in due if item.account_did not in left_out]

    def _ask(self, uris: list[str]) -> dict[str, Mapping[str, Any]]:
        """What the AppView shows about these posts, without a login."""
        xrpc = Xrpc(self.ctx.network.transport, self.ctx.config.appview, clock=self.ctx.clock)
        answer = xrpc.query("app.bsky.feed.getPosts", {"uris": list(dict.fromkeys(uris))})
        return {str(view.get("uri")): view for view in answer.get("posts", ()) if isinstance(view, Mapping)}


def batches(due: Iterable[ToMark], now: datetime) -> list[list[ToMark]]:
    """What to ask for now, a request each, the most urgent first.

    Beside full requests one that is not full waits for the next turn, while there is time: so many posts a day cost no
    more requests than they fill.
    """
    ordered = sorted(due, key=lambda item: (item.late_at, item.post_id, item.age_hours))
    chunks = [ordered[start : start + URIS_MAX] for start in range(0, len(ordered), URIS_MAX)]
    if len(chunks) > 1 and len(chunks[-1]) < URIS_MAX and chunks[-1][0].late_at > now + 2 * EVERY:
        chunks.pop()
    return chunks


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def _counted(view: Mapping[str, Any] | None) -> tuple[dict[str, int] | None, list[str]]:
    """The counts and labels of a view; a missing count is zero, and its author's labels begin with `self:`."""
    if view is None:
        return None, []
    values = {name: view.get(theirs) for name, theirs in _FIELDS.items()}
    counts = {name: value if isinstance(value, int) and value >= 0 else 0 for name, value in values.items()}
    labels = [label for label in view.get("labels") or () if isinstance(label, Mapping)]
    own = str(view.get("uri")).split("/")[2]
    pairs = {
        (label.get("src") == own, str(label["val"])) for label in labels if "val" in label and not label.get("neg")
    }
    return counts, sorted(f"{SELF if by_author else ''}{value}" for by_author, value in pairs)


@checked("stats")
class Stats:
    """How the posts of a queue did."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def marks(self, *, at: int = 24, since: datetime | None = None, account: str | None = None) -> list[Mark]:
        """The counts at an age in hours, post by post. Raises InputError for an age at which nothing is counted."""
        if at not in AGES_HOURS:
            raise InputError(f"Nothing is counted after {at} hours.", hint=f"Choose from: {_list(AGES_HOURS)}.")
        since = since or self._ctx.clock.now() - timedelta(days=90)
        did = self._ctx.did(account)
        return [mark for mark in Marks(self._ctx.store).at(at, since) if did is None or mark.account_did == did]

    def groups(
        self, by: str, *, at: int = 24, since: datetime | None = None, account: str | None = None
    ) -> list[Group]:
        """Sums and medians of the counts at an age, by `by`: day, hour, weekday, source, kind, account or campaign."""
        groups = grouped(self.marks(at=at, since=since, account=account), by, self.zone(account))
        if by != "account":
            return groups
        handles = {known.did: known.handle for known in self._ctx.store.accounts.all()}
        return [one._replace(name=handles.get(one.name, one.name)) for one in groups]

    def report(
        self, by: str, *, at: int = 24, since: datetime | None = None, account: str | None = None
    ) -> StatsReport:
        """`groups` and `total` together."""
        groups = self.groups(by, at=at, since=since, account=account)
        return StatsReport(by, at, tuple(groups), self.total(at=at, since=since, account=account))

    def total(self, *, at: int = 24, since: datetime | None = None, account: str | None = None) -> Group:
        """The same for all posts together."""
        return group("all", self.marks(at=at, since=since, account=account))

    def of(self, post_id: int) -> list[Mark]:
        """The counts of one post, by age."""
        return Marks(self._ctx.store).of(self._ctx.store.posts.get(post_id).id)

    def csv(self, *, since: datetime | None = None, account: str | None = None) -> str:
        """All counts, one line for each post and age."""
        out = io.StringIO()
        # Terminals get no carriage returns.
        writer = csv.writer(out, lineterminator="\n")
        handles = {known.did: known.handle for known in self._ctx.store.accounts.all()}
        known_columns = ("post", "uri", "account", "source", "kind", "published_at", "age_hours")
        writer.writerow((*known_columns, *COUNTS, "labels", "seen"))
        for age in AGES_HOURS:
            for mark in self.marks(at=age, since=since, account=account):
                handle = handles.get(mark.account_did, mark.account_did)
                known = (mark.post_id, mark.uri, handle, mark.source or "", mark.kind)
                counts = ("" if getattr(mark, name) is None else getattr(mark, name) for name in COUNTS)
                times = (mark.published_at.isoformat(), mark.age_hours)
                writer.writerow((*known, *times, *counts, " ".join(mark.labels), mark.seen))
        return out.getvalue()

    def zone(self, account: str | None = None) -> Any:
        """The account's time zone, for days and hours."""
        from zoneinfo import ZoneInfo

        owner = None if account is None and not self._ctx.store.accounts.all() else self._ctx.account(account)
        return ZoneInfo(self._ctx.zone(owner) if owner else "UTC")


def _list(ages: Sequence[int]) -> str:
    return ", ".join(map(str, ages))


def works(parts: WorkParts) -> MarkTask:
    """The work of a worker."""
    return MarkTask(parts.context, parts.log)
