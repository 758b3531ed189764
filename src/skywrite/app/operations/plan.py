"""The plan: an overview of some days."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, takewhile
from typing import Annotated

from msgspec import Meta

from skywrite.app.occurrences import occurrences_after
from skywrite.app.operations.posts import parse_instant
from skywrite.app.operations.shapes import Input, OnlyOfAccount, Word
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.core.errors import InputError, SkywriteError
from skywrite.posting.schedule.slots import slot_times
from skywrite.queue.approval_rules import wants_approvals
from skywrite.queue.approvals import Approvals
from skywrite.queue.model import Account, Recurrence
from skywrite.queue.store import Store

PLAN_DAYS_MAX = 62
PLAN_YEAR_MAX = 9000
PLAN_POSTS_MAX = 2000
OCCURRENCES_MAX = 200
TEXT_MAX = 120


class ShowPlan(Input, rename={"from_": "from"}):
    """Which days."""

    from_: Annotated[Word, Meta(description="ISO 8601; UTC where no offset is given.")]
    to: Annotated[Word, Meta(description="Before; at most 62 days after from.")]
    account: OnlyOfAccount | None = None


class PlanPost(Output):
    """A post in the plan, shortened."""

    id: int
    version: int
    state: str
    account: str
    at: datetime
    text: str
    media: int
    recurrence: int | None
    approval_wanted: bool
    image: str | None
    campaign: str


class PlanSlot(Output):
    """A free weekly slot."""

    account: str
    at: datetime


class PlanOccurrence(Output):
    """A time at which a recurrence will make a post."""

    recurrence: int
    account: str
    at: datetime
    text: str


class PlanShape(Output):
    """The requested days, in order of time. `more`: there is more on them than is shown."""

    posts: list[PlanPost]
    slots: list[PlanSlot]
    occurrences: list[PlanOccurrence]
    more: bool


@operation("GET /plan", scope="read", tool="show_plan")
def show_plan(access: Access, request: ShowPlan) -> PlanShape:
    """Show posts, free slots and coming occurrences."""
    start, end = parse_instant(request.from_), parse_instant(request.to)
    assert start is not None and end is not None
    if not timedelta() < end - start <= timedelta(days=PLAN_DAYS_MAX):
        raise InputError(f"A plan has at most {PLAN_DAYS_MAX} days, and ends after it begins.")
    if end.year > PLAN_YEAR_MAX:
        raise InputError(f"A plan ends before the year {PLAN_YEAR_MAX + 1}.")
    accounts = access.all_accounts() if request.account is None else [access.account(request.account)]
    posts = sorted(chain.from_iterable(_posts(access, account, start, end) for account in accounts), key=_in_order)
    occurrences, more = _occurrences(access, accounts, start, end)
    return PlanShape(
        posts=posts[:PLAN_POSTS_MAX],
        slots=sorted(_free_slots(access, accounts, start, end), key=lambda slot: slot.at),
        occurrences=occurrences,
        more=more or len(posts) > PLAN_POSTS_MAX,
    )


def _posts(access: Access, account: Account, start: datetime, end: datetime) -> Iterator[PlanPost]:
    store, limit = access.sky.context.store, PLAN_POSTS_MAX + 1
    unapproved = _unapproved(store, account, start, end)
    for post in store.listing.planned(account.did, start, end, limit=limit, length=TEXT_MAX + 1):
        text = post.text if len(post.text) <= TEXT_MAX else post.text[: TEXT_MAX - 1] + "…"
        yield PlanPost(
            post.id,
            post.version,
            post.state,
            account.handle,
            post.due_at,
            text,
            post.media,
            post.recurrence_id,
            post.id in unapproved,
            post.image,
            post.campaign,
        )


def _unapproved(store: Store, account: Account, start: datetime, end: datetime) -> set[int]:
    """The posts that wait for an approval. An account that asks for none has none, so nothing is read."""
    if not wants_approvals(account.settings):
        return set()
    posts = store.listing.posts(
        ("scheduled", "held"), account_did=account.did, due_from=start, due_before=end, limit=PLAN_POSTS_MAX + 1
    )
    return {number for number, standing in Approvals(store).standings(posts).items() if standing.wanted}


def _in_order(post: PlanPost) -> tuple[datetime, int]:
    return post.at, post.id


def _free_slots(access: Access, accounts: list[Account], start: datetime, end: datetime) -> Iterator[PlanSlot]:
    store, after = access.sky.context.store, max(start, access.sky.context.clock.now())
    for account in accounts:
        weekly = store.recurrences.slots(account.did)
        taken = {int(at.timestamp()) // 60 for at in store.posts.due_times(account.did, after, end)} if weekly else ()
        for at in takewhile(lambda at: at < end, slot_times(weekly, after)):
            if int(at.timestamp()) // 60 not in taken:
                yield PlanSlot(account.handle, at)


def _occurrences(
    access: Access, accounts: list[Account], start: datetime, end: datetime
) -> tuple[list[PlanOccurrence], bool]:
    """The coming occurrences, and whether a recurrence has more of them than are shown."""
    store, after = access.sky.context.store, max(start, access.sky.context.clock.now())
    occurrences, more = [], False
    for account in accounts:
        for item in store.recurrences.all(account.did):
            text = str(item.draft.get("text") or "")[:TEXT_MAX]
            times = [*islice(_coming(store, item, after, end), OCCURRENCES_MAX + 1)]
            occurrences += [PlanOccurrence(item.id, account.handle, at, text) for at in times[:OCCURRENCES_MAX]]
            more = more or len(times) > OCCURRENCES_MAX
    return sorted(occurrences, key=lambda item: item.at), more


def _coming(store: Store, item: Recurrence, start: datetime, end: datetime) -> Iterator[datetime]:
    """The coming times of a recurrence, without those that already have a post."""
    with suppress(SkywriteError):
        existing = store.posts.made_occurrences(item.id, start, end)
        for occurrence in takewhile(lambda one: one.occurrence < end, occurrences_after(item, start)):
            if occurrence.at < end and occurrence.occurrence not in existing:
                yield occurrence.at.astimezone(UTC)
