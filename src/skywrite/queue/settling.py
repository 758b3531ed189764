"""How attempts end: what came of them, their accounts given back, all of it under the lease's fencing token.

What lives here: steps that take a transaction, for many attempts at once. What does not: the operations (`claims`),
what an error means for a post (`publish.outcome`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from skywrite.core.clock import Clock
from skywrite.queue.adding import add_posts
from skywrite.queue.base import items_of, lock_all, update_ready
from skywrite.queue.database import Transaction
from skywrite.queue.events import EventKind, PostEvent, note_event, note_post_events
from skywrite.queue.ledger import note_posts
from skywrite.queue.model import AccountChange, Claim, Failed, Held, NewPost, Outcome, Problem, Published, Retry
from skywrite.queue.rows import problem_values

# An attempt that is made again is no event.
_TOLD: Mapping[str, EventKind] = {"published": "post.published", "failed": "post.failed", "held": "post.held"}
FOUND = Problem("post.found", "It was on the network already, so nothing was written.")


class Settlement(NamedTuple):
    """How an attempt ended, for the post and for its account; `follow` is the post that comes next, if any."""

    claim: Claim
    outcome: Outcome
    account: AccountChange | None = None
    follow: NewPost | None = None


class _Ended(NamedTuple):
    """The name under which an attempt is kept, and why it ended so."""

    name: str
    problem: Problem | None


def settle_all(tx: Transaction, clock: Clock, settlements: Sequence[Settlement]) -> list[bool]:
    """Settle attempts; False for each whose claim is no longer its worker's, of which nothing is changed."""
    lock_all(tx, (one.claim.account.did for one in settlements))
    now = clock.now()
    ended = _end_posts(tx, settlements, now)
    kept = [one for one, end in zip(settlements, ended, strict=True) if end]
    if kept:
        _note_ends(tx, [(one, end) for one, end in zip(settlements, ended, strict=True) if end], now)
        _change_accounts(tx, kept, now)
        published = [one.claim for one in kept if isinstance(one.outcome, Published)]
        give_back(tx, published, published_at=now)
        give_back(tx, [one.claim for one in kept if not isinstance(one.outcome, Published)])
        add = [one.follow for one in kept if one.follow is not None]
        if add:
            add_posts(tx, clock, add)
        # Behind the accounts that are ready now, so that a long backlog does not keep the others waiting.
        update_ready(tx, *(one.claim.account.did for one in kept), after=now)
    return [end is not None for end in ended]


def give_back(tx: Transaction, claims: Sequence[Claim], *, published_at: datetime | None = None) -> None:
    """End the leases of claims; `published_at` says that something came of them, and when."""
    if claims:
        rows = [{"did": claim.account.did, "token": claim.token} for claim in claims]
        tx.run("end_leases", items=items_of(rows), published_at=published_at)


def close_attempts(tx: Transaction, now: datetime, ends: Iterable[tuple[int, str, Problem | None]]) -> None:
    """Note how the open attempts of posts ended: the post's number, the outcome, and why."""
    rows = [{"id": post_id, "outcome": name, **problem_values(problem)} for post_id, name, problem in ends]
    if rows:
        tx.run("close_attempts", items=items_of(rows), now=now)


def _end_posts(tx: Transaction, settlements: Sequence[Settlement], now: datetime) -> list[_Ended | None]:
    done = _publish(tx, [(one.claim, one.outcome) for one in settlements if isinstance(one.outcome, Published)], now)
    ended: list[_Ended | None] = []
    for claim, outcome, *_ in settlements:
        if isinstance(outcome, Published):
            mine = (claim.post.id, claim.token) in done
            ended.append(_Ended("published", FOUND if outcome.found else None) if mine else None)
        else:
            ended.append(_stop(tx, claim, outcome, now))
    return ended


def _publish(tx: Transaction, results: Sequence[tuple[Claim, Published]], now: datetime) -> set[tuple[int, int]]:
    """Record what is on the network; the posts' numbers and the tokens of the claims that still held."""
    rows = [
        {
            "id": claim.post.id,
            "token": claim.token,
            "uri": outcome.uri,
            "cid": outcome.cid,
            "root_rkey": outcome.rkeys[0] if outcome.rkeys else outcome.uri.rpartition("/")[2],
        }
        for claim, outcome in results
    ]
    if not rows:
        return set()
    return {(row["id"], row["lease_token"]) for row in tx.rows("settle_published", items=items_of(rows), now=now)}


def _stop(tx: Transaction, claim: Claim, outcome: Retry | Failed | Held, now: datetime) -> _Ended | None:
    """Record what did not go out, and whether it is tried again."""
    post_id = claim.post.id
    if isinstance(outcome, Retry | Held) and outcome.free_at and tx.row("lost_attempt", id=post_id):
        outcome = outcome._replace(free_at=None)
    values = {"id": post_id, "token": claim.token, "now": now, **problem_values(outcome.problem)}
    if isinstance(outcome, Retry):
        name = "retry"
        changed = tx.run("settle_waiting", attempt_at=outcome.attempt_at, free_at=outcome.free_at, **values)
    else:
        name = "failed" if isinstance(outcome, Failed) else "held"
        free_at = outcome.free_at if isinstance(outcome, Held) else None
        changed = tx.run("settle_stopped", state=name, free_at=free_at, **values)
    if changed != 1:
        return None
    if isinstance(outcome, Retry | Held) and outcome.discard_frozen:
        tx.run("discard_frozen_records", id=post_id)
    return _Ended(name, outcome.problem)


def _note_ends(tx: Transaction, ends: Sequence[tuple[Settlement, _Ended]], now: datetime) -> None:
    """What is kept of the attempts: how each ended, the event, and the posts in the account's ledger."""
    close_attempts(tx, now, ((one.claim.post.id, end.name, end.problem) for one, end in ends))
    events = [
        PostEvent(_TOLD[end.name], one.claim.post, end.problem, getattr(one.outcome, "uri", None))
        for one, end in ends
        if end.name in _TOLD
    ]
    note_post_events(tx, now, events)
    note_posts(tx, now, Counter(one.claim.account.did for one, end in ends if end.name == "published"))


def _change_accounts(tx: Transaction, settlements: Sequence[Settlement], now: datetime) -> None:
    for claim, _, change, _ in settlements:
        if change is None:
            continue
        did, reason = claim.account.did, change.reason or None
        until = change.paused_until if change.state == "paused" else None
        tx.run("set_account_state", did=did, state=change.state, paused_until=until, reason=reason)
        if change.state == "needs_login":
            note_event(tx, "account.needs_login", now, {"reason": reason}, account_did=did)
