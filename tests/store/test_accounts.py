"""Accounts and sessions: signing in and out, the default, settings, and one refresh for many processes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.accounts import NEEDS_LOGIN
from skywrite.queue.actions import Actions
from skywrite.queue.model import AccountChange, Held, NewRecurrence, Problem, Retry
from skywrite.queue.store import Store
from skywrite.queue.vault import Vault, WrongKey
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.stored import (
    ALICE,
    BOB,
    LEASE_SECONDS,
    NOON,
    PROBLEM,
    OpenStore,
    claimed,
    later,
    post,
    raw,
    session,
    take,
)


def test_session_round_trip(store: Store) -> None:
    """A session comes back as it was saved."""
    assert session(ALICE) == store.sessions.load(ALICE)


def test_unknown_session(store: Store) -> None:
    """An account that never signed in has no session."""
    assert store.sessions.load("did:plc:nobody") is None


def test_session_is_sealed(store: Store) -> None:
    """The tokens are nowhere in the database as plain bytes."""
    sealed = bytes(raw(store, f"SELECT session FROM account WHERE did = '{ALICE}'")[0]["session"])
    assert (False, False) == (b"access" in sealed, b"refresh" in sealed)


def test_sealed_session_is_bound_to_its_account(store: Store) -> None:
    """A session that is copied to another account's row does not open there."""
    with store.writing() as tx:
        row = tx.row("get_account", did=ALICE)
        assert row is not None
        tx.run("set_session", did=BOB, session=row["session"], now=None, ends_at=None)
    with pytest.raises(WrongKey):
        store.sessions.load(BOB)


def test_wrong_key(store: Store) -> None:
    """Another key is told as what it is, with the way out."""
    store.vault = Vault(store.vault._home, "another passphrase")
    with pytest.raises(WrongKey, match="does not open the stored session") as caught:
        store.sessions.load(ALICE)
    assert "accounts.login" in caught.value.hint


def test_save_replaces_the_session(store: Store, open_again: OpenStore) -> None:
    """A refreshed session is what every other process loads from then on."""
    store.sessions.save(session(ALICE, mark="b"))
    assert session(ALICE, mark="b") == open_again().sessions.load(ALICE)


def forgotten(store: Store) -> None:
    store.accounts.remove(ALICE)


def signed_out(store: Store) -> None:
    store.accounts.sign_out(ALICE)


def signed_in_anew(store: Store) -> None:
    store.accounts.sign_out(ALICE)
    store.accounts.sign_in(session(ALICE, mark="new"))


def forgotten_and_back(store: Store) -> None:
    store.accounts.remove(ALICE)
    store.clock.advance(1)  # type: ignore[attr-defined]
    store.accounts.sign_in(session(ALICE, mark="new"))


@pytest.mark.parametrize("end", [forgotten, signed_out, signed_in_anew, forgotten_and_back])
def test_a_refresh_brings_no_sign_in_back(store: Store, open_again: OpenStore, end: Callable[[Store], None]) -> None:
    """What a refresh brings that was under way meanwhile is not kept: neither its session nor its account."""
    worker = open_again()
    worker.sessions.try_lease(ALICE, 60)
    end(store)
    before = (store.accounts.all(), store.sessions.load(ALICE))
    with fails("session.signed_out"):
        worker.sessions.save(session(ALICE, mark="refreshed"))
    assert before == (store.accounts.all(), store.sessions.load(ALICE))


def test_a_refresh_after_another(store: Store) -> None:
    """A refresh knows what the one before it has saved."""
    for mark in ("b", "c"):
        store.sessions.try_lease(ALICE, 60)
        store.sessions.save(session(ALICE, mark=mark))
        store.sessions.release(ALICE)
    assert session(ALICE, mark="c") == store.sessions.load(ALICE)


def test_first_account_is_the_default(store: Store) -> None:
    """The account that signs in first is meant when none is named."""
    assert (ALICE, [True, False]) == (store.accounts.get().did, [a.is_default for a in store.accounts.all()])


def test_default_account_can_be_changed(store: Store) -> None:
    """There is always exactly one default account."""
    store.accounts.set_default(BOB)
    assert [BOB] == [account.did for account in store.accounts.all() if account.is_default]


@pytest.mark.parametrize("name", [BOB, "bob.test", "@bob.test", " @Bob.Test"])
def test_account_names(store: Store, name: str) -> None:
    """An account is found by its DID, and by its handle in any case, with or without `@`."""
    assert BOB == store.accounts.get(name).did


def test_unknown_account(store: Store) -> None:
    """A name that fits nobody is told, with what to do."""
    with fails("account.unknown", match=r"carol\.test") as caught:
        store.accounts.get("carol.test")
    assert "accounts.login" in caught.value.hint


def test_ambiguous_handle(store: Store) -> None:
    """Two accounts with one handle (one has moved on) are told apart by their DIDs."""
    store.accounts.sign_in(session("did:plc:other", handle="bob.test"))
    with fails("account.ambiguous") as caught:
        store.accounts.get("bob.test")
    assert (True, True) == (BOB in caught.value.hint, "did:plc:other" in caught.value.hint)


def test_signing_in_again_updates_the_handle(store: Store) -> None:
    """A new handle takes the place of the old one; the account stays the same."""
    store.accounts.sign_in(session(ALICE, handle="alice.example"))
    assert [(ALICE, "alice.example"), (BOB, "bob.test")] == [(a.did, a.handle) for a in store.accounts.all()]


def test_sign_out_keeps_posts_and_stops_them(store: Store) -> None:
    """After signing out the session is gone, the posts are there, and no worker takes them."""
    store.posts.add([post()])
    store.accounts.sign_out(ALICE)
    state = (store.sessions.load(ALICE), store.accounts.get(ALICE).state, store.listing.count()["scheduled"])
    assert ((None, "needs_login", 1), None) == (state, claim_next(store, "w", LEASE_SECONDS, take()))


def test_signing_in_releases_what_was_held_for_it(store: Store) -> None:
    """Posts held because the account needed a login are scheduled by the login; others stay held."""
    first, second = [result.id for result in store.posts.add([post("one"), post("two", due=later(60))])]
    store.posts.hold(second)
    claim = claimed(store)
    held = Held(Problem(NEEDS_LOGIN, "Sign in."), discard_frozen=True)
    assert store.claims.settle(claim, held, account=AccountChange("needs_login"))
    assert (None, "needs_login") == (store.claims.next_ready_at(), store.accounts.get(ALICE).state)

    store.accounts.sign_in(session(ALICE, mark="new"))

    states = (store.posts.get(first).state, store.posts.get(second).state, store.accounts.get(ALICE).state)
    assert (("scheduled", "held", "ok"), NOON) == (states, store.claims.next_ready_at())


def test_signing_in_tries_at_once_what_waited_for_another_attempt(store: Store) -> None:
    """A post and a repost that failed for now: a new sign-in may be what they lacked. What is not due is left alone."""
    store.posts.add([post("failed"), post("later", due=later(3600))])
    claim = claimed(store)
    assert store.claims.settle(claim, Retry(later(900), PROBLEM))
    actions = Actions(store)
    for due in (NOON, later(3600)):
        actions.add(ALICE, "repost", f"at://{BOB}/app.bsky.feed.post/1", "bafy", "3k", due, None)
    action = actions.claim()
    assert action is not None
    actions.not_done(action, "It hung.", later(900))
    before = (store.claims.next_ready_at(), actions.next_at())

    store.accounts.sign_in(session(ALICE, mark="new"))

    assert ((later(900), later(900)), (NOON, NOON)) == (before, (store.claims.next_ready_at(), actions.next_at()))


def a_rule(store: Store) -> None:
    """One whose first post is done with."""
    rule = NewRecurrence(ALICE, "0 9 * * *", "UTC", draft={"text": "x"}, prepared={})
    store.recurrences.add(rule, post(occurrence=NOON))
    store.posts.cancel(1)


@pytest.mark.parametrize(
    ("fill", "told"),
    [
        (lambda store: store.posts.add([post(), post("x")]), "2 scheduled posts"),
        (lambda store: store.posts.add([post(due=None)]), "1 draft"),
        (lambda store: (store.posts.add([post()]), store.posts.hold(1)), "1 held post"),
        (lambda store: (store.posts.add([post()]), claimed(store)), "1 unfinished post"),
        (a_rule, "1 active rule"),
    ],
)
def test_an_account_is_not_removed_with_what_is_not_done_with(
    store: Store, fill: Callable[[Store], object], told: str
) -> None:
    """Removing an account never throws away what was written for later, and says what it is."""
    fill(store)
    before = store.listing.count()
    with fails("account.in_use", match=f"has: {told}\\."):
        store.accounts.remove(ALICE)
    assert before == store.listing.count()


def test_removed_account_is_gone(store: Store) -> None:
    """A removed account leaves nothing behind, and another becomes the default."""
    store.posts.cancel(store.posts.add([post()])[0].id)
    store.accounts.remove(ALICE)
    assert ([BOB], BOB, 0) == (
        [a.did for a in store.accounts.all()],
        store.accounts.get().did,
        sum(store.listing.count().values()),
    )


def test_settings_are_merged(store: Store) -> None:
    """Settings are added to those there are, and None removes one."""
    store.accounts.set_settings(ALICE, {"zone": "Europe/Berlin", "gap_seconds": 60})
    store.accounts.set_settings(ALICE, {"gap_seconds": None, "langs": ["de"]})
    assert {"zone": "Europe/Berlin", "langs": ["de"]} == store.accounts.get(ALICE).settings


def test_paused_account_waits(store: Store, clock: FakeClock) -> None:
    """A pause until a moment keeps an account's posts back until then, and ends by itself."""
    store.posts.add([post()])
    store.accounts.change(ALICE, "paused", paused_until=later(300), reason="rate limit")
    assert (None, later(300)) == (claim_next(store, "w", LEASE_SECONDS, take()), store.claims.next_ready_at())
    clock.set(later(300))
    claimed(store)
    account = store.accounts.get(ALICE)
    assert ("ok", None, None) == (account.state, account.paused_until, account.pause_reason)


def test_pause_without_end(store: Store) -> None:
    """A pause without a moment lasts until it is lifted."""
    store.posts.add([post()])
    store.accounts.change(ALICE, "paused")
    before = store.claims.next_ready_at()
    store.accounts.change(ALICE, "ok")
    assert (None, NOON) == (before, store.claims.next_ready_at())


def test_one_refresh_at_a_time(store: Store, open_again: OpenStore) -> None:
    """While one process may refresh a session no other one may, nor a second time the same."""
    other = open_again()
    taken = [
        store.sessions.try_lease(ALICE, 60),
        other.sessions.try_lease(ALICE, 60),
        store.sessions.try_lease(ALICE, 60),
    ]
    assert ([True, False, False], True) == (taken, other.sessions.try_lease(BOB, 60))


def test_refresh_lease_is_given_back(store: Store, open_again: OpenStore) -> None:
    """A lease that was given back can be taken at once; giving back another's does nothing."""
    other = open_again()
    store.sessions.try_lease(ALICE, 60)
    other.sessions.release(ALICE)
    before = other.sessions.try_lease(ALICE, 60)
    store.sessions.release(ALICE)
    assert (False, True) == (before, other.sessions.try_lease(ALICE, 60))


def test_refresh_lease_ends(store: Store, open_again: OpenStore, clock: FakeClock) -> None:
    """A process that died while refreshing blocks the others no longer than its lease."""
    store.sessions.try_lease(ALICE, 60)
    clock.advance(60)
    assert open_again().sessions.try_lease(ALICE, 60)
