"""Claiming posts and settling them: the transactions that make publishing happen at most once.

What lives here: the lease of an account, its fencing token, and the move of a post from scheduled to publishing. What
does not: the moves that follow (`settling`), and the decision whether a post is published now, which the caller passes
in as `decide`. Many posts are claimed with as many statements as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from skywrite.core.errors import SIGN_IN, Do, Hint, NotFound
from skywrite.queue.adding import add_posts
from skywrite.queue.base import StoreBase, items_of, items_of_dids, locked, update_ready
from skywrite.queue.database import Row, Transaction, is_about_one, time_of
from skywrite.queue.deciding import Approved, decided
from skywrite.queue.events import EventKind, note_post_event
from skywrite.queue.journal import note_added
from skywrite.queue.ledger import spend_points, views
from skywrite.queue.model import (
    Account,
    AccountChange,
    AccountView,
    AddResult,
    Claim,
    Decide,
    Defer,
    Miss,
    NewPost,
    Outcome,
    Post,
)
from skywrite.queue.reading import SET_ASIDE, mended
from skywrite.queue.rows import account_of, dump_json, post_of, problem_values
from skywrite.queue.settling import Settlement, close_attempts, give_back, settle_all

# Those to leave alone, and the only ones to claim for (None for all).
Servers = tuple[Iterable[str], Iterable[str] | None]


class Claims:
    """Operations of workers."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def claim_some(
        self,
        worker: str,
        lease_seconds: float,
        decide: Decide,
        most: int,
        choice: Callable[[], Servers],
        taken: Callable[[Claim], None] = lambda claim: None,
        dropped: Callable[[Claim], None] = lambda claim: None,
        failed: Callable[[str, Exception], None] = lambda did, error: None,
        *,
        tries: int = 50,
    ) -> list[Claim]:
        """Claim the next posts and their accounts' leases, up to `most`, in one transaction; nothing if none is ready.

        Accounts are tried in the order in which they became ready. `decide` is called with the post, a view of its
        account and the current time, inside the transaction: it must be quick and pure. What it misses or defers is
        committed after at most `tries` posts, so that other writers get their turn, and the search goes on. A post that
        another worker left in `publishing` comes before all others of its account. `choice` returns before each claim
        which servers' accounts to skip and which are the only ones, and `taken` is called with each claim before the
        commit. If nothing can be claimed together, because of what one account's rows hold, `dropped` is called with
        each claim that was taken, and the accounts are tried one by one: `failed` is called with the DID of each that
        is set aside, and why.
        """
        begun: list[Claim] = []

        def begin(claim: Claim) -> None:
            begun.append(claim)
            taken(claim)

        terms = _Terms(worker, lease_seconds, decide, choice, begin)
        try:
            return self._claim_together(terms, most, tries)
        except Exception as error:
            # Whatever it is, it is met again below, at the account that it is about.
            if not is_about_one(error):
                raise
        for claim in begun:
            dropped(claim)
        return self._claim_apart(terms._replace(taken=taken), failed, tries)

    def _claim_together(self, terms: _Terms, most: int, tries: int) -> list[Claim]:
        claims: list[Claim] = []
        while not claims:
            with self._store.writing(wake=False, first=True) as tx:
                left = tries
                while left > 0 and len(claims) < most:
                    wanted = min(left, most - len(claims))
                    accounts = self._ready_accounts(tx, wanted, terms.choice())
                    if not accounts:
                        return claims
                    left -= len(accounts)
                    new_claims = self._claim_from(tx, accounts, terms)
                    claims += new_claims
                    if len(new_claims) == len(accounts) < wanted:
                        # There were no more.
                        return claims
        return claims

    def _claim_apart(self, terms: _Terms, failed: Callable[[str, Exception], None], tries: int) -> list[Claim]:
        """The first claim that works; an account of which none does is set aside."""
        for _ in range(tries):
            row: Row | None = None
            try:
                with self._store.writing(wake=False, first=True) as tx:
                    row = next(iter(self._ready_accounts(tx, 1, terms.choice())), None)
                    if row is None:
                        return []
                    claims = self._claim_from(tx, [row], terms._replace(taken=lambda claim: None))
                    for claim in claims:
                        terms.taken(claim)
            except Exception as error:
                if row is None or not is_about_one(error):
                    raise
                self.set_aside(row["did"])
                failed(row["did"], error)
                continue
            if claims:
                return claims
        return []

    def set_aside(self, did: str) -> None:
        """Leave an account alone for an hour, because of what its rows hold."""
        with self._store.writing(wake=False, first=True) as tx:
            locked(tx, did)
            tx.run("defer_accounts", items=items_of_dids([did]), until=self._store.clock.now() + SET_ASIDE)

    def _ready_accounts(self, tx: Transaction, most: int, servers: Servers) -> list[Row]:
        avoid, only = servers
        values = {"avoid": dump_json(sorted(avoid)), "only": None if only is None else dump_json(sorted(only))}
        return tx.rows("claim_accounts", now=self._store.clock.now(), most=most, **values)

    def claim_post(self, post_id: int, worker: str, lease_seconds: float, decide: Decide) -> Claim | None:
        """Claim this post if it may be tried now and its account is free; otherwise None.

        It may overtake waiting posts of its account. If a worker left another post of the account in `publishing`, the
        claim is for that one: settle it and try again.
        """
        with self._store.writing(wake=False, first=True) as tx:
            row = tx.row("get_post", id=post_id)
            if row is None:
                raise NotFound(
                    f"There is no post {post_id}.",
                    code="post.unknown",
                    hint=Hint("See the numbers: ", Do("posts.list")),
                )
            account = locked(tx, row["account_did"])
            return self._claim_one(tx, account, post_id, worker, lease_seconds, decide)

    def add_and_claim(
        self, post: NewPost, worker: str, lease_seconds: float, decide: Decide
    ) -> tuple[AddResult, Claim | None]:
        """`add` and `claim_post` in one transaction: what `skywrite post "now"` does, with one write to the disk."""
        with self._store.writing(first=True) as tx:
            result = add_posts(tx, self._store.clock, [post])[0]
            note_added(tx, "post", self._store.clock.now(), [result])
            account = locked(tx, post.account_did)
            return result, self._claim_one(tx, account, result.id, worker, lease_seconds, decide)

    def freeze(self, claim: Claim, frozen: str) -> bool:
        """Store (or replace) the frozen records of a claimed post; False if the claim is no longer ours."""
        with self._store.writing(wake=False, first=True) as tx:
            locked(tx, claim.account.did)
            now = self._store.clock.now()
            return tx.run("freeze_post", id=claim.post.id, token=claim.token, frozen=frozen, now=now) == 1

    def renew(self, claim: Claim, lease_seconds: float) -> bool:
        """Extend the lease to so many seconds from now; False if the claim is no longer ours."""
        with self._store.writing(wake=False, first=True) as tx:
            did = claim.account.did
            locked(tx, did)
            until = self._store.clock.now() + timedelta(seconds=lease_seconds)
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
        return self.settle_some([Settlement(claim, outcome, account, follow)])[0]

    def settle_some(self, settlements: Sequence[Settlement]) -> list[bool]:
        """`settle` for several claims in one transaction, with one write to the disk: all of them, or none."""
        with self._store.writing(first=True) as tx:
            return settle_all(tx, self._store.clock, settlements)

    def release(self, claim: Claim) -> bool:
        """Release a claim without a result (the worker stops): the post is scheduled again and keeps its frozen
        records.
        """
        did = claim.account.did
        with self._store.writing(first=True) as tx:
            locked(tx, did)
            now = self._store.clock.now()
            values = {"attempt_at": None, "free_at": None, **problem_values(claim.post.problem)}
            if tx.run("settle_waiting", id=claim.post.id, token=claim.token, now=now, **values) != 1:
                return False
            close_attempts(tx, now, [(claim.post.id, "released", None)])
            give_back(tx, [claim])
            update_ready(tx, did)
            return True

    def expire_lease(self, did: str, owner: str) -> bool:
        """End the lease of a worker that is known to be gone, so that its post is finished now and not when the lease
        expires.

        The fencing token still protects the post if that worker is alive after all.
        """
        with self._store.writing() as tx:
            locked(tx, did)
            if tx.run("expire_lease", did=did, owner=owner, now=self._store.clock.now()) != 1:
                return False
            update_ready(tx, did)
            return True

    def next_ready_at(self) -> datetime | None:
        """The earliest time at which `claim` may find something; None if nothing is waiting."""
        with self._store.reading() as tx:
            row = tx.row("next_ready")
        return time_of(mended(row)[0]["ready_at"]) if row is not None else None

    def late_accounts(self, before: datetime, limit: int) -> list[str]:
        """The accounts that `claim` could have found since before a time, the longest waiting first."""
        with self._store.reading() as tx:
            return [row["did"] for row in tx.rows("late_accounts", before=before, limit=limit)]

    def view(self, did: str) -> AccountView:
        """The view of this account that a decision would get now."""
        with self._store.reading() as tx:
            row = tx.row("get_account", did=did)
            if row is None:
                raise NotFound(f"The account {did} is not known here.", code="account.unknown", hint=SIGN_IN)
            return views(tx, [account_of(row)], self._store.clock.now())[did]

    def _claim_one(
        self, tx: Transaction, account: Row, post_id: int, worker: str, lease_seconds: float, decide: Decide
    ) -> Claim | None:
        if not _is_free(account_of(account), self._store.clock.now()):
            return None
        claims = self._claim_from(tx, [account], _Terms(worker, lease_seconds, decide), post_id=post_id)
        return claims[0] if claims else None

    def _claim_from(
        self, tx: Transaction, rows: Sequence[Row], terms: _Terms, *, post_id: int | None = None
    ) -> list[Claim]:
        """The next post of each locked account that `decide` takes. Their `ready_at` is right afterwards."""
        now = self._store.clock.now()
        accounts = {row["did"]: account_of(row) for row in rows}
        aside = [did for did, account in accounts.items() if account.unreadable]
        free = [did for did, account in accounts.items() if did not in aside and not _is_leased(account, now)]
        candidates = _candidates(tx, free, post_id, now)
        seen = views(tx, [accounts[did] for did in candidates], now)
        unready = [did for did in accounts if did not in candidates and did not in aside]
        attempts: list[_Attempt] = []
        for row in rows:
            account, post = accounts[row["did"]], candidates.get(row["did"])
            if post is None or (attempts and not terms.may_claim(account)):
                continue
            decision = decided(tx, post, seen[account.did], terms.decide, now)
            if isinstance(decision, Approved):
                attempt = _attempt_of(post, account, row, decision, terms, now)
                terms.taken(attempt.claim)
                attempts.append(attempt)
            elif isinstance(decision, Defer):
                _defer(tx, account, decision, now)
            else:
                self._miss(tx, post, decision, now)
        if unready:
            update_ready(tx, *unready)
        if post_id is None and (aside or unready):
            # What is ready although it has no post to try is set aside, too: it would come again at once.
            still_ready = tx.rows("still_ready", items=items_of_dids(unready), now=now) if unready else []
            items = items_of_dids([*aside, *(row["did"] for row in still_ready)])
            tx.run("defer_accounts", items=items, until=now + SET_ASIDE)
        return _begin(tx, attempts, terms.worker, now)

    def _miss(self, tx: Transaction, post: Post, miss: Miss, now: datetime) -> None:
        if tx.run("miss_post", id=post.id, state=miss.state, now=now, **problem_values(miss.problem)) != 1:
            raise ValueError(f"post {post.id} has frozen records, so it may be on the network: it cannot be missed")
        if post.state == "publishing":
            close_attempts(tx, now, [(post.id, "lost", None)])
            rows = [{"did": post.account_did, "token": post.lease_token}]
            tx.run("end_leases", items=items_of(rows), published_at=None)
        if miss.state != "held" and post.recurrence_id is not None:
            tx.run("give_turn_back", id=post.recurrence_id)
        kind: EventKind = "post.held" if miss.state == "held" else "post.skipped"
        note_post_event(tx, kind, now, post, problem=miss.problem)
        if miss.follow is not None:
            add_posts(tx, self._store.clock, [miss.follow])
        update_ready(tx, post.account_did)


def _defer(tx: Transaction, account: Account, decision: Defer, now: datetime) -> None:
    tx.run("defer_account", did=account.did, until=max(decision.until, now + timedelta(milliseconds=1)))
    since = decision.catching_up_since
    if since is not None and since != account.catching_up_since:
        tx.run("note_catching_up", did=account.did, since=since)


class _Terms(NamedTuple):
    """For whom posts are claimed, for how long, and under which conditions."""

    worker: str
    lease_seconds: float
    decide: Decide
    choice: Callable[[], Servers] = lambda: ((), None)
    taken: Callable[[Claim], None] = lambda claim: None

    def may_claim(self, account: Account) -> bool:
        """Whether the account's server may still be given work, after what was claimed already."""
        avoid, only = self.choice()
        return account.pds_url not in avoid and (only is None or account.pds_url in only)


class _Attempt(NamedTuple):
    """An attempt that is to begin: the claim as it will be, and the post as it is."""

    claim: Claim
    post: Post
    decision: Approved


def _candidates(tx: Transaction, dids: Sequence[str], post_id: int | None, now: datetime) -> dict[str, Post]:
    """The post of each account that is next and may be tried; one left in `publishing` comes before any other."""
    if post_id is None:
        rows = tx.rows("next_posts", items=items_of_dids(dids), now=now)
    else:
        rows = tx.rows("unfinished_post", did=dids[0]) or tx.rows("get_post", id=post_id)
    by_did: dict[str, Post] = {}
    for row in rows:
        publishing = row["state"] == "publishing"
        if publishing or (row["state"] == "scheduled" and row["account_did"] not in by_did):
            by_did[row["account_did"]] = post_of(row)
    return {did: post for did, post in by_did.items() if post.state == "publishing" or _earliest(post) <= now}


def _attempt_of(post: Post, account: Account, row: Row, decision: Approved, terms: _Terms, now: datetime) -> _Attempt:
    """The attempt, with post and account as they will be stored."""
    token, until = row["lease_token"] + 1, now + timedelta(seconds=terms.lease_seconds)
    # Approved mentions are compared with the network before freezing, so not here.
    frozen = post.frozen if post.frozen is not None or decision.digest else decision.take.frozen
    mine = post._replace(
        version=post.version + 1,
        state="publishing",
        lease_token=token,
        attempts=post.attempts + 1,
        frozen=frozen,
        # Nobody else needs it during publishing, so only the claim keeps it.
        free_at=post.free_at if post.state == "scheduled" else None,
        attempt_at=None,
        updated_at=now,
    )
    leased = account._replace(
        state="ok", paused_until=None, pause_reason=None, ready_at=until, lease_owner=terms.worker, lease_until=until
    )
    claim = Claim(
        mine,
        leased,
        token,
        terms.worker,
        until,
        fresh=post.is_free(now),
        approval=decision.digest,
        sealed=row["session"],
    )
    return _Attempt(claim, post, decision)


def _begin(tx: Transaction, attempts: Sequence[_Attempt], worker: str, now: datetime) -> list[Claim]:
    """Store that attempts begin, all of them or none."""
    if not attempts:
        return []
    claims = [one.claim for one in attempts]
    rows = [
        {
            "did": claim.account.did,
            "before": claim.token - 1,
            "token": claim.token,
            "id": post.id,
            "version": post.version,
            "frozen": claim.post.frozen,
            "approval": claim.approval,
            "template": decision.template,
            "number": claim.post.attempts,
        }
        for claim, post, decision in attempts
    ]
    items, until = items_of(rows), claims[0].lease_until
    accounts = tx.rows("take_accounts", items=items, worker=worker, now=now, until=until)
    posts = tx.rows("take_posts", items=items, now=now)
    if not len(accounts) == len(posts) == len(claims):
        raise RuntimeError(f"some of {len(claims)} posts changed under the lock of their accounts")
    close_attempts(tx, now, ((one.post.id, "lost", None) for one in attempts if one.post.state == "publishing"))
    tx.run("open_attempts", items=items, worker=worker, now=now)
    for claim, _, decision in attempts:
        if decision.take.on_time and claim.account.catching_up_since is not None:
            tx.run("note_catching_up", did=claim.account.did, since=None)
    spend_points(tx, now, {one.claim.account.did: one.decision.take.points for one in attempts})
    return claims


def _is_free(account: Account, now: datetime) -> bool:
    """Whether a worker may take the account, leaving aside when its posts are due."""
    if account.state == "needs_login" or _is_leased(account, now):
        return False
    return account.state == "ok" or (account.paused_until is not None and account.paused_until <= now)


def _is_leased(account: Account, now: datetime) -> bool:
    return account.lease_until is not None and account.lease_until > now


def _earliest(post: Post) -> datetime:
    earliest = post.attempt_at or post.due_at
    assert earliest is not None
    return earliest
