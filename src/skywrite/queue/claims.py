"""Claiming posts and settling them: the transactions that make publishing happen at most once.

What lives here: the lease of an account, its fencing token, and the transitions of a post from scheduled to publishing
and on. What does not: the decision whether to publish a post now; the caller passes it as `decide`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from skywrite.errors import SIGN_IN, Do, Hint, SkywriteError
from skywrite.queue.adding import add_posts
from skywrite.queue.approval_rules import demanded_digest, is_approved, not_approved
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.events import note_event, note_post_event
from skywrite.queue.model import (
    Account,
    AccountChange,
    AccountView,
    AddResult,
    Claim,
    Decide,
    Decision,
    Defer,
    Failed,
    Held,
    Miss,
    NewPost,
    Outcome,
    Post,
    Problem,
    Published,
    Retry,
    Take,
    UnknownAccount,
    UnknownPost,
)
from skywrite.queue.rows import account_of, post_of, problem_values
from skywrite.queue.steps import locked, update_ready
from skywrite.queue.templates import template_of

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
FOUND = Problem("FoundOnNetwork", "It was on the network already, so nothing was written.")
UNDECIDED = timedelta(minutes=1)
# Two local days have up to 49 hours; the rest is slack for time zone changes.
LEDGER = timedelta(hours=75)


Servers = tuple[Iterable[str], Iterable[str] | None]


class ClaimOperations(StoreBase):
    """Operations of workers."""

    def claim(
        self,
        worker: str,
        lease_seconds: float,
        decide: Decide,
        *,
        tries: int = 50,
        avoid: Iterable[str] = (),
        only: Iterable[str] | None = None,
    ) -> Claim | None:
        """Claim the next post and its account's lease in one transaction; None if nothing is ready.

        Accounts are tried in the order in which they became ready. `decide` is called with the post, a view of its
        account and the current time, inside the transaction: it must be quick and pure. What it misses or defers is
        committed after at most `tries` posts, so that other writers get their turn, and the search goes on. A post that
        another worker left in `publishing` comes before all others of its account. Accounts on the servers in `avoid`
        are skipped; with `only`, all accounts on other servers are.
        """
        claims = self.claim_some(worker, lease_seconds, decide, 1, lambda: (avoid, only), tries=tries)
        return claims[0] if claims else None

    def claim_some(
        self,
        worker: str,
        lease_seconds: float,
        decide: Decide,
        most: int,
        choice: Callable[[], Servers],
        taken: Callable[[Claim], None] = lambda claim: None,
        *,
        tries: int = 50,
    ) -> list[Claim]:
        """`claim` for several threads at once, in one transaction with one write to the disk.

        `choice` returns `avoid` and `only` before each claim, and `taken` is called with each claim before the commit.
        """
        claims: list[Claim] = []
        while not claims:
            with self._writing(wake=False) as tx:
                for _ in range(tries):
                    account = tx.row("claim_account", now=self._clock.now(), **_as_json(*choice()))
                    if account is None:
                        return claims
                    claim = self._claim_from(tx, account, worker, lease_seconds, decide)
                    if claim is not None:
                        claims.append(claim)
                        taken(claim)
                        if len(claims) == most:
                            return claims
        return claims

    def claim_post(self, post_id: int, worker: str, lease_seconds: float, decide: Decide) -> Claim | None:
        """Claim this post if it may be tried now and its account is free; otherwise None.

        It may overtake waiting posts of its account. If a worker left another post of the account in `publishing`, the
        claim is for that one: settle it and try again.
        """
        with self._writing(wake=False) as tx:
            row = tx.row("get_post", id=post_id)
            if row is None:
                raise UnknownPost(f"There is no post {post_id}.", hint=Hint("See the numbers: ", Do("posts.list")))
            account = locked(tx, row["account_did"])
            return self._claim_one(tx, account, post_id, worker, lease_seconds, decide)

    def add_and_claim(
        self, post: NewPost, worker: str, lease_seconds: float, decide: Decide
    ) -> tuple[AddResult, Claim | None]:
        """`add` and `claim_post` in one transaction: what `skywrite post "now"` does, with one write to the disk."""
        with self._writing() as tx:
            result = add_posts(tx, self._clock, [post])[0]
            account = locked(tx, post.account_did)
            return result, self._claim_one(tx, account, result.id, worker, lease_seconds, decide)

    def freeze(self, claim: Claim, frozen: str) -> bool:
        """Store (or replace) the frozen records of a claimed post; False if the claim is no longer ours."""
        with self._writing(wake=False) as tx:
            locked(tx, claim.account.did)
            now = self._clock.now()
            return tx.run("freeze_post", id=claim.post.id, token=claim.token, frozen=frozen, now=now) == 1

    def renew(self, claim: Claim, lease_seconds: float) -> bool:
        """Extend the lease to so many seconds from now; False if the claim is no longer ours."""
        with self._writing(wake=False) as tx:
            did = claim.account.did
            locked(tx, did)
            until = self._clock.now() + timedelta(seconds=lease_seconds)
            if tx.run("renew_lease", did=did, token=claim.token, until=until) != 1:
                return False
            update_ready(tx, did)
            return True

    def settle(
        self,
        claim: Claim,
        outcome: Outcome,
        *,
        account: AccountChange | None = None,
        follow: NewPost | None = None,
    ) -> bool:
        """Record how an attempt ended, release the lease, and add the next post of a recurrence.

        False if the claim is no longer ours: then nothing is changed, and its new owner will settle the post.
        """
        with self._writing() as tx:
            return self._settle(tx, claim, outcome, account, follow)

    def settle_some(self, results: Sequence[tuple[Claim, Outcome, AccountChange | None]]) -> list[bool]:
        """`settle` for several claims in one transaction, with one write to the disk: all of them, or none."""
        in_order = sorted(range(len(results)), key=lambda place: results[place][0].account.did)
        with self._writing() as tx:
            answers = {place: self._settle(tx, *results[place]) for place in in_order}
        return [answers[place] for place in range(len(results))]

    def _settle(
        self,
        tx: Transaction,
        claim: Claim,
        outcome: Outcome,
        account: AccountChange | None,
        follow: NewPost | None = None,
    ) -> bool:
        did = claim.account.did
        locked(tx, did)
        now = self._clock.now()
        if not self._settle_post(tx, claim, outcome, now):
            return False
        if isinstance(outcome, Published):
            tx.run("note_published", did=did, now=now)
            self._spend(tx, did, now, posts=1)
        if account is not None:
            until = account.paused_until if account.state == "paused" else None
            reason = account.reason or None
            tx.run("set_account_state", did=did, state=account.state, paused_until=until, reason=reason)
            if account.state == "needs_login":
                note_event(tx, "account.needs_login", now, {"reason": reason}, account_did=did)
        tx.run("end_lease", did=did, token=claim.token)
        if follow is not None:
            add_posts(tx, self._clock, [follow])
        # Queue the account behind those that are ready now, so that a long backlog does not hold up the others.
        update_ready(tx, did, after=now)
        return True

    def release_claim(self, claim: Claim) -> bool:
        """Release a claim without a result (the worker stops): the post is scheduled again and keeps its frozen
        records.
        """
        did = claim.account.did
        with self._writing() as tx:
            locked(tx, did)
            now = self._clock.now()
            values = {"attempt_at": None, "free_at": None, **problem_values(claim.post.problem)}
            if tx.run("settle_waiting", id=claim.post.id, token=claim.token, now=now, **values) != 1:
                return False
            tx.run("close_attempt", id=claim.post.id, now=now, outcome="released", **problem_values(None))
            tx.run("end_lease", did=did, token=claim.token)
            update_ready(tx, did)
            return True

    def expire_lease(self, did: str, owner: str) -> bool:
        """End the lease of a worker that is known to be gone, so that its post is finished now and not when the lease
        expires.

        The fencing token still protects the post if that worker is alive after all.
        """
        with self._writing() as tx:
            locked(tx, did)
            if tx.run("expire_lease", did=did, owner=owner, now=self._clock.now()) != 1:
                return False
            update_ready(tx, did)
            return True

    def next_ready_at(self) -> datetime | None:
        """The earliest time at which `claim` may find something; None if nothing is waiting."""
        with self._reading() as tx:
            row = tx.row("next_ready")
        return time_of(row["ready_at"]) if row is not None else None

    def view(self, did: str) -> AccountView:
        """The view of this account that a decision would get now."""
        with self._reading() as tx:
            row = tx.row("get_account", did=did)
            if row is None:
                raise UnknownAccount(f"The account {did} is not known here.", hint=SIGN_IN)
            return self._view(tx, account_of(row), self._clock.now())

    def _claim_one(
        self, tx: Transaction, account: Row, post_id: int, worker: str, lease_seconds: float, decide: Decide
    ) -> Claim | None:
        if not _is_free(account_of(account), self._clock.now()):
            return None
        return self._claim_from(tx, account, worker, lease_seconds, decide, post_id=post_id)

    def _claim_from(
        self,
        tx: Transaction,
        row: Row,
        worker: str,
        lease_seconds: float,
        decide: Decide,
        *,
        post_id: int | None = None,
    ) -> Claim | None:
        """The next post of a locked account, if `decide` takes it. The account's `ready_at` is right afterwards."""
        now, account = self._clock.now(), account_of(row)
        post = self._candidate(tx, account.did, post_id, now)
        if post is None or (post.state == "scheduled" and _earliest(post) > now):
            update_ready(tx, account.did)
            return None
        try:
            decision = decide(post, self._view(tx, account, now), now)
        except Exception as error:
            # A problem with one post must not keep the others from going out.
            decision = _undecided(post, error, now)
        approval = demanded_digest(tx, account.settings, post, now) if isinstance(decision, Take) else ""
        if approval and not is_approved(tx, post, approval):
            decision = Miss("held", not_approved(post))
        match decision:
            case Take():
                return self._begin_attempt(tx, post, row, decision, worker, lease_seconds, now, approval)
            case Defer(until=until, catching_up_since=since):
                tx.run("defer_account", did=account.did, until=max(until, now + timedelta(milliseconds=1)))
                if since is not None and since != account.catching_up_since:
                    tx.run("note_catching_up", did=account.did, since=since)
            case Miss():
                self._miss(tx, post, decision, now)
        return None

    def _candidate(self, tx: Transaction, did: str, post_id: int | None, now: datetime) -> Post | None:
        """The post to publish next; one that was left in `publishing` comes first."""
        if post_id is None:
            rows = tx.rows("next_posts", did=did, now=now)
        else:
            rows = tx.rows("unfinished_post", did=did) or tx.rows("get_post", id=post_id)
        posts = {row["state"]: row for row in rows}
        row = posts.get("publishing") or posts.get("scheduled")
        return None if row is None else post_of(row)

    def _begin_attempt(
        self,
        tx: Transaction,
        post: Post,
        row: Row,
        take: Take,
        worker: str,
        lease_seconds: float,
        now: datetime,
        approval: str,
    ) -> Claim | None:
        did, until = post.account_did, now + timedelta(seconds=lease_seconds)
        account = tx.row("take_account", did=did, token=row["lease_token"], worker=worker, now=now, until=until)
        if account is None:
            return None
        if take.on_time and account["catching_up_since"] is not None:
            tx.run("note_catching_up", did=did, since=None)
        token = account["lease_token"]
        # Approved mentions are compared with the network before freezing, so not here.
        frozen = None if approval else take.frozen
        template = template_of(tx, post) if approval else ""
        values = {
            "token": token,
            "frozen": frozen,
            "version": post.version,
            "approval": approval,
            "template": template,
        }
        taken = tx.row("take_post", id=post.id, now=now, **values)
        if taken is None:
            raise RuntimeError(f"post {post.id} changed under its account's lock")
        if post.state == "publishing":
            tx.run("close_attempt", id=post.id, now=now, outcome="lost", **problem_values(None))
        tx.run("open_attempt", id=post.id, number=post.attempts + 1, worker=worker, now=now)
        if take.points:
            self._spend(tx, did, now, points=take.points)
        # Nobody else needs it during publishing, so only the claim keeps it.
        mine = post_of(taken)._replace(free_at=post.free_at if post.state == "scheduled" else None)
        fresh = post.is_free(now)
        return Claim(mine, account_of(account), token, worker, until, fresh=fresh, approval=approval)

    def _spend(self, tx: Transaction, did: str, now: datetime, *, points: int = 0, posts: int = 0) -> None:
        spent = tx.row("add_spend", did=did, minute=_minute(now), points=points, posts=posts)
        if spent is not None and (spent["points"], spent["posts"]) == (points, posts):
            # A new minute: a good and rare enough time to drop old entries.
            tx.run("forget_spend", did=did, before=now - LEDGER)

    def _miss(self, tx: Transaction, post: Post, miss: Miss, now: datetime) -> None:
        if tx.run("miss_post", id=post.id, state=miss.state, now=now, **problem_values(miss.problem)) != 1:
            raise ValueError(f"post {post.id} has frozen records, so it may be on the network: it cannot be missed")
        if post.state == "publishing":
            tx.run("close_attempt", id=post.id, now=now, outcome="lost", **problem_values(None))
            tx.run("end_lease", did=post.account_did, token=post.lease_token)
        if miss.state != "held" and post.recurrence_id is not None:
            tx.run("give_turn_back", id=post.recurrence_id)
        kind = "post.held" if miss.state == "held" else "post.skipped"
        note_post_event(tx, kind, now, post, problem=miss.problem)
        if miss.follow is not None:
            add_posts(tx, self._clock, [miss.follow])
        update_ready(tx, post.account_did)

    def _settle_post(self, tx: Transaction, claim: Claim, outcome: Outcome, now: datetime) -> bool:
        post_id, token = claim.post.id, claim.token
        if isinstance(outcome, Retry | Held) and outcome.free_at and tx.row("lost_attempt", id=post_id):
            outcome = outcome._replace(free_at=None)
        match outcome:
            case Published(uri=uri, cid=cid, rkeys=rkeys, found=found):
                root = rkeys[0] if rkeys else uri.rpartition("/")[2]
                changed = tx.run("settle_published", id=post_id, token=token, now=now, uri=uri, cid=cid, root_rkey=root)
                name, problem = "published", FOUND if found else None
            case Retry(attempt_at=attempt_at, problem=problem, free_at=free_at):
                values = {"attempt_at": attempt_at, "free_at": free_at, **problem_values(problem)}
                changed = tx.run("settle_waiting", id=post_id, token=token, now=now, **values)
                name = "retry"
            case Failed(problem=problem) | Held(problem=problem):
                name = "failed" if isinstance(outcome, Failed) else "held"
                free_at = outcome.free_at if isinstance(outcome, Held) else None
                values = {"state": name, "free_at": free_at, **problem_values(problem)}
                changed = tx.run("settle_stopped", id=post_id, token=token, now=now, **values)
        if changed != 1:
            return False
        if isinstance(outcome, Retry | Held) and outcome.discard_frozen:
            tx.run("discard_frozen_records", id=post_id)
        tx.run("close_attempt", id=post_id, now=now, outcome=name, **problem_values(problem))
        if name != "retry":
            at_uri = outcome.uri if isinstance(outcome, Published) else None
            note_post_event(tx, f"post.{name}", now, claim.post, problem=problem, uri=at_uri)
        return True

    def _view(self, tx: Transaction, account: Account, now: datetime) -> AccountView:
        midnight = _midnight(now, account.settings.get("zone"))
        yesterday = _midnight(midnight - timedelta(seconds=1), account.settings.get("zone"))
        spent = tx.row(
            "read_spend",
            did=account.did,
            hour=_minute(now - HOUR),
            day=_minute(now - DAY),
            midnight=midnight,
            yesterday=yesterday,
            since=min(yesterday, _minute(now - DAY)),
            now=now,
        )
        assert spent is not None
        return AccountView(
            account=account,
            points_last_hour=int(spent["points_last_hour"]),
            points_last_day=int(spent["points_last_day"]),
            published_today=int(spent["published_today"]),
            published_last_day=int(spent["published_last_day"]),
            published_yesterday=int(spent["published_yesterday"]),
        )


def _as_json(avoid: Iterable[str], only: Iterable[str] | None) -> dict[str, str | None]:
    return {"avoid": json.dumps(sorted(avoid)), "only": None if only is None else json.dumps(sorted(only))}


def _undecided(post: Post, error: Exception, now: datetime) -> Decision:
    """The outcome if the decision about a post failed: it is held for its user."""
    if post.frozen is not None:
        return Defer(now + UNDECIDED, "what to do with its next post could not be decided")
    if isinstance(error, SkywriteError):
        return Miss("held", Problem.of(error))
    message = f"It cannot be published: something went wrong inside Skywrite ({type(error).__name__})."
    hint = Hint("Please report it. Change the post: ", Do("posts.edit", post.id))
    return Miss("held", Problem("Unexpected", message, hint))


def _is_free(account: Account, now: datetime) -> bool:
    """Whether a worker may claim the account, regardless of when its posts are due."""
    if account.state == "needs_login" or (account.lease_until is not None and account.lease_until > now):
        return False
    return account.state == "ok" or (account.paused_until is not None and account.paused_until <= now)


def _earliest(post: Post) -> datetime:
    earliest = post.attempt_at or post.due_at
    assert earliest is not None
    return earliest


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _midnight(now: datetime, zone: object) -> datetime:
    """The start of the day in a zone (UTC when it is missing or unknown), in UTC."""
    local = now.astimezone(UTC)
    if isinstance(zone, str):
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        with suppress(ZoneInfoNotFoundError, ValueError):
            local = now.astimezone(ZoneInfo(zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
