"""A state machine: whatever is done in whatever order, every post stays in the state that its history allows."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from skywrite.core.clock import FakeClock
from skywrite.core.errors import Conflict, InputError
from skywrite.queue.model import (
    AccountChange,
    Changes,
    Claim,
    Defer,
    Failed,
    Held,
    Miss,
    Outcome,
    Post,
    Published,
    Retry,
    State,
    Take,
)
from tests.support.chance import NIGHTLY
from tests.support.claims import claim_next
from tests.support.processes import FAST_FOLDER
from tests.support.stored import ALICE, BOB, LEASE_SECONDS, NOON, PROBLEM, opened, post, session

SECONDS = st.sampled_from([0, 1, 30, LEASE_SECONDS, 3600])


@dataclass
class Known:
    """What the test knows of a post, by what it did to it."""

    did: str
    state: State
    frozen: str | None = None
    free_at: datetime | None = None
    lost: bool = False

    def is_free(self, now: datetime) -> bool:
        """Whether nothing of it can be on the network or on its way."""
        return self.frozen is None or (self.free_at is not None and self.free_at <= now)

    def discard(self) -> None:
        """It has no records any more."""
        self.frozen = self.free_at = None


class Queue(RuleBasedStateMachine):
    """Any user, any number of workers, and a clock that goes on."""

    posts = Bundle("posts")
    claims = Bundle("claims")

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="skywrite-machine-", dir=FAST_FOLDER))
        self.clock = FakeClock(NOON)
        self.store = opened(str(self.folder / "skywrite.db"), self.folder, self.clock)
        for did in (ALICE, BOB):
            self.store.accounts.sign_in(session(did))
        self.known: dict[int, Known] = {}
        self.serial = 0

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(
        target=posts, did=st.sampled_from([ALICE, BOB]), due=SECONDS | st.none(), key=st.sampled_from([None, "a", "b"])
    )
    def add(self, did: str, due: int | None, key: str | None) -> int:
        moment = None if due is None else self.at(due)
        result = self.store.posts.add([post(did=did, due=moment, key=key)])[0]
        assert result.existed == (result.id in self.known)
        self.known.setdefault(result.id, Known(did, "draft" if due is None else "scheduled"))
        return result.id

    @rule(
        target=claims,
        decision=st.sampled_from(["take", "take", "take", "take without records", "defer", "hold", "cancel"]),
        seconds=SECONDS,
    )
    def claim(self, decision: str, seconds: int) -> Claim:
        seen: list[Post] = []

        def decide(offered: Post, *_: object) -> Take | Defer | Miss:
            seen.append(offered)
            if decision.startswith("take"):
                self.serial += 1
                return Take(f"frozen-{self.serial}" if decision == "take" else None, 3)
            if decision == "defer" or not offered.is_free(self.clock.now()) or offered.state == "publishing":
                return Defer(self.at(seconds))
            return Miss("held" if decision == "hold" else "cancelled", PROBLEM)

        claim = claim_next(self.store, "worker", LEASE_SECONDS, decide)
        for offered in seen:
            known = self.known[offered.id]
            assert (known.state, known.frozen) == (offered.state, offered.frozen)
            assert (offered.attempt_at or offered.due_at or self.at(1)) <= self.clock.now()
            assert known.free_at == offered.free_at
            if decision in ("hold", "cancel") and known.state == "scheduled" and known.is_free(self.clock.now()):
                known.state = "held" if decision == "hold" else "cancelled"
                known.discard()
        if claim is None:
            return multiple()
        known = self.known[claim.post.id]
        if known.frozen is not None:
            assert known.frozen == claim.post.frozen
        known.lost = known.lost or known.state == "publishing"
        known.state, known.frozen, known.free_at = "publishing", claim.post.frozen, None
        return claim

    @rule(
        claim=claims,
        seconds=SECONDS,
        outcome=st.sampled_from(["published", "retry", "absent", "discard_frozen", "failed", "held"]),
    )
    def settle(self, claim: Claim, seconds: int, outcome: str) -> None:
        outcomes: dict[str, Outcome] = {
            "published": Published(f"at://{claim.account.did}/c/{claim.post.id}", "bafy"),
            "retry": Retry(self.at(seconds), PROBLEM),
            "absent": Retry(self.at(seconds), PROBLEM, free_at=self.at(LEASE_SECONDS)),
            "discard_frozen": Retry(self.at(seconds), PROBLEM, discard_frozen=True),
            "failed": Failed(PROBLEM),
            "held": Held(PROBLEM),
        }
        mine = self.is_mine(claim)
        assert mine == self.store.claims.settle(claim, outcomes[outcome])
        if mine:
            states: dict[str, State] = {"retry": "scheduled", "absent": "scheduled", "discard_frozen": "scheduled"}
            known = self.known[claim.post.id]
            known.state = states.get(outcome, outcome)  # type: ignore[arg-type]
            known.free_at = self.at(LEASE_SECONDS) if outcome == "absent" and not known.lost else None
            if outcome == "discard_frozen":
                known.discard()

    @rule(claim=claims, verb=st.sampled_from(["renew", "freeze", "release"]))
    def hold_on(self, claim: Claim, verb: str) -> None:
        mine = self.is_mine(claim)
        known = self.known[claim.post.id]
        if verb == "renew":
            assert mine == self.store.claims.renew(claim, LEASE_SECONDS)
        elif verb == "freeze":
            assert mine == self.store.claims.freeze(claim, "again")
            known.frozen = "again" if mine else known.frozen
        else:
            assert mine == self.store.claims.release(claim)
            known.state = "scheduled" if mine else known.state

    @rule(number=posts)
    def cancel(self, number: int) -> None:
        known = self.known[number]
        allowed = known.state in ("failed", "cancelled") or (
            known.state in ("draft", "scheduled", "held") and known.is_free(self.clock.now())
        )
        try:
            self.store.posts.cancel(number)
        except Conflict:
            assert not allowed
        else:
            assert allowed
            known.state = "cancelled"
            known.discard()

    @rule(number=posts, verb=st.sampled_from(["edit", "move", "hold", "retry", "release"]), seconds=SECONDS)
    def change(self, number: int, verb: str, seconds: int) -> None:
        known = self.known[number]
        free = known.is_free(self.clock.now())
        editable = known.state == "failed" or (known.state in ("draft", "scheduled", "held") and free)
        verbs = {
            "edit": (lambda: self.store.posts.edit(number, Changes(draft={"text": "new"})), editable, known.state),
            "move": (lambda: self.store.posts.move(number, self.at(seconds)), editable, "scheduled"),
            "hold": (lambda: self.store.posts.hold(number), known.state == "scheduled" and free, "held"),
            "retry": (lambda: self.store.posts.retry(number), known.state == "failed", "scheduled"),
            "release": (lambda: self.store.posts.release(number), known.state == "held", "scheduled"),
        }
        action, allowed, state = verbs[verb]
        try:
            action()
        except InputError:
            assert not allowed
        else:
            assert allowed
            known.state = state  # type: ignore[assignment]
            if verb in ("edit", "move", "hold"):
                known.discard()

    @rule(
        did=st.sampled_from([ALICE, BOB]),
        state=st.sampled_from(["ok", "needs_login", "paused"]),
        seconds=SECONDS | st.none(),
    )
    def change_account(self, did: str, state: str, seconds: int | None) -> None:
        change = AccountChange(state, None if seconds is None else self.at(seconds))  # type: ignore[arg-type]
        self.store.accounts.change(did, change.state, paused_until=change.paused_until)

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @invariant()
    def stored_is_known(self) -> None:
        if not hasattr(self, "known"):
            return
        stored = {one.id: (one.state, one.frozen) for one in self.store.listing.all_posts()}
        assert {number: (known.state, known.frozen) for number, known in self.known.items()} == stored

    @invariant()
    def one_at_a_time(self) -> None:
        if not hasattr(self, "known"):
            return
        publishing = [known.did for known in self.known.values() if known.state == "publishing"]
        assert sorted(set(publishing)) == sorted(publishing)

    @invariant()
    def nothing_sleeps_for_ever(self) -> None:
        """An account that may publish and has posts that wait is woken no later than its first one is due."""
        if not hasattr(self, "known"):
            return
        for account in self.store.accounts.all():
            waiting = self.store.listing.posts(["scheduled", "publishing"], account_did=account.did)
            if account.state == "ok" and waiting:
                assert account.ready_at is not None

    def at(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)

    def is_mine(self, claim: Claim) -> bool:
        stored = self.store.posts.get(claim.post.id)
        return stored.state == "publishing" and stored.lease_token == claim.token


Queue.TestCase.settings = settings(
    max_examples=400 if NIGHTLY else 15,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestQueue = Queue.TestCase
