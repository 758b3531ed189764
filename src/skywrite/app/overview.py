"""The overall status: accounts, the worker, what comes next, and what needs attention.

What does not live here: checks that ask servers (`checkup`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal, NamedTuple

from skywrite.app.context import Context
from skywrite.app.entries import count_unapproved
from skywrite.queue.actions import Action, Actions
from skywrite.queue.approvals import Approvals
from skywrite.queue.follow_ups import FollowUp, FollowUps
from skywrite.queue.model import Account, Post, Standing
from skywrite.queue.workers import Workers

NEXT_POSTS = 5
WORKER_SILENT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Overview:
    """What the queue looks like now. `needs_you`: posts that are held or failed; `waiting`: how many are scheduled;
    `unapproved`: how many of these wait for an approval.

    `reposts` are those reposts and pins that failed, `follow_ups` those that failed or expired.
    """

    accounts: list[Account]
    workers: int
    coming: list[Post]
    waiting: int
    needs_you: list[Post]
    needs_login: list[Account]
    late: int
    now: datetime
    reposts: list[Action] = field(default_factory=list)
    follow_ups: list[FollowUp] = field(default_factory=list)
    handles: dict[str, str] = field(default_factory=dict)
    standings: dict[int, Standing] = field(default_factory=dict)
    unapproved: int = 0


class Stranded(NamedTuple):
    """An account that nobody is signed in as, and how many of its posts wait for that."""

    account: Account
    posts: int

    def __str__(self) -> str:
        name, many = self.account.handle, f"{self.posts:,} posts"
        waiting = (
            f"1 post of {name} waits, and does not go" if self.posts == 1 else f"{many} of {name} wait, and none goes"
        )
        return f"{waiting} out: you are not signed in as {name}."


def count_waiting(ctx: Context, account: Account) -> int:
    """How many posts of an account are to go out."""
    counts = ctx.store.listing.count(account.did)
    return counts["scheduled"] + counts["publishing"]


def stranded(ctx: Context) -> list[Stranded]:
    """The accounts with posts that wait until somebody signs in."""
    candidates = [
        Stranded(account, count_waiting(ctx, account)) for account in ctx.store.accounts.all() if needs_login(account)
    ]
    return [one for one in candidates if one.posts]


def stuck(
    ctx: Context, state: Literal["failed", "held"], covers: Callable[[Sequence[str]], bool], limit: int
) -> list[Post]:
    """The next posts that somebody must decide about, of the accounts that the caller covers."""
    posts = ctx.store.listing.all_posts((state,), page=limit)
    return list(islice((post for post in posts if covers([post.account_did])), limit))


def needs_login(account: Account) -> bool:
    """Whether nothing of the account goes out until somebody signs in."""
    return not account.signed_in or account.state == "needs_login"


def count_workers(ctx: Context) -> int:
    """How many workers are running on this database."""
    return len(Workers(ctx.store).living(timedelta(seconds=WORKER_SILENT_SECONDS)))


def overview(ctx: Context) -> Overview:
    """Read it from the database; nothing is sent or changed."""
    store, now = ctx.store, ctx.clock.now()
    accounts = store.accounts.all()
    counts = store.listing.count()
    late = store.listing.posts(("scheduled",), due_before=now - timedelta(seconds=WORKER_SILENT_SECONDS), limit=1000)
    coming = store.listing.posts(("scheduled", "publishing"), limit=NEXT_POSTS)
    needs_you = store.listing.posts(("held", "failed"), limit=NEXT_POSTS)
    return Overview(
        accounts=accounts,
        workers=count_workers(ctx),
        coming=coming,
        waiting=counts.get("scheduled", 0) + counts.get("publishing", 0),
        needs_you=needs_you,
        needs_login=[account for account in accounts if needs_login(account)],
        late=len(late),
        now=now,
        reposts=Actions(store).list(state="failed"),
        follow_ups=[item for state in ("failed", "expired") for item in FollowUps(store).list(state=state)],
        handles={account.did: account.handle for account in accounts},
        standings=Approvals(store).standings([*coming, *needs_you]),
        unapproved=count_unapproved(ctx),
    )
