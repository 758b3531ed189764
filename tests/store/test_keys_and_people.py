"""API keys, people and secret addresses: secrets are shown once, kept as digests, and end when they should."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError
from skywrite.queue.api_keys import ApiKeys, Maker, looks_like_key, new_key
from skywrite.queue.people import LINK_LIFETIME, SESSION_LIFETIME, People
from skywrite.queue.store import Store
from tests.support.errors import fails
from tests.support.stored import ALICE, raw


def test_keys_have_a_form_of_their_own() -> None:
    """A key is skw_, thirty characters and a checksum, so that a scanner knows a leaked one and a typo is seen."""
    key = new_key()
    assert re.fullmatch(r"skw_[0-9A-Za-z]{36}", key)
    assert looks_like_key(key)
    changed = key[:10] + ("a" if key[10] != "a" else "b") + key[11:]
    assert not looks_like_key(changed)
    assert [] == [wrong for wrong in ("", "skw_", key[:-1], key + "a", key.lower()) if looks_like_key(wrong)]


def test_a_key_is_known_again(store: Store) -> None:
    """A key opens what it was made for; the database holds only its digest."""
    keys = ApiKeys(store)
    agent_key, key = keys.add("agent", ["draft", "read"], accounts=[ALICE])
    same_key = keys.check(key)
    assert (agent_key.id, ("read", "draft"), (ALICE,)) == (same_key.id, same_key.scopes, same_key.accounts)
    rows = [dict(row) for row in raw(store, "SELECT * FROM api_key")]
    assert key[12:] not in str(rows)


def test_a_key_ends(store: Store, clock: FakeClock) -> None:
    """A key is refused from its end on, when it was revoked, and when it was never made; nothing says which."""
    keys = ApiKeys(store)
    _, short = keys.add("short", ["read"], expires_at=clock.now() + timedelta(hours=1))
    revoked, other = keys.add("revoked", ["read"])
    keys.check(short)
    keys.revoke(revoked.id)
    clock.advance(3600)
    messages = set()
    for wrong in (short, other, new_key(), "skw_", ""):
        with fails("api_key.invalid") as error:
            keys.check(wrong)
        messages.add(error.value.message)
    assert 1 == len(messages)
    assert not keys.has_valid()


def test_a_family_of_keys_ends_at_once(store: Store, clock: FakeClock) -> None:
    """With a key end those that it made, those that they made, and their addresses; none is made for it any more."""
    keys = ApiKeys(store)
    parent, _ = keys.add("parent", ["read"], expires_at=clock.now() + timedelta(hours=1))
    child, secret = keys.add("child", ["read"], maker=Maker(parent.id))
    grandchild, _ = keys.add("grandchild", ["read"], maker=Maker(child.id))
    other, _ = keys.add("other", ["read"])
    _, address = keys.add_token("phone", maker=Maker(grandchild.id))
    _, ending = keys.add_token("phone", maker=Maker(parent.id))
    assert parent.id == keys.check(secret).parent_id
    keys.revoke(child.id)
    assert [True, False, False, True] == [
        keys.get(key.id).revoked_at is None for key in (parent, child, grandchild, other)
    ]
    assert (None, True) == (keys.token(address), keys.token(ending) is not None)
    for make in (
        lambda: keys.add("late", ["read"], maker=Maker(child.id)),
        lambda: keys.add_token("x", None, Maker(child.id)),
    ):
        with fails("api_key.invalid"):
            make()
    clock.advance(3600)
    assert (None, []) == (keys.token(ending), keys.tokens())


def test_keys_and_addresses_go_with_their_person(store: Store) -> None:
    """Also those that a key of theirs has made."""
    keys, people = ApiKeys(store), People(store)
    people.owner()
    ann = people.add("Ann", "owner")
    her_key, _ = keys.add("hers", ["read"], maker=Maker(None, ann.id))
    _, secret = keys.add("her key's", ["read"], maker=Maker(her_key.id, ann.id))
    _, address = keys.add_token("phone", maker=Maker(None, ann.id))
    people.remove(ann.id)
    with fails("api_key.invalid"):
        keys.check(secret)
    assert (None, False) == (keys.token(address), keys.has_valid())


def test_use_is_noted(store: Store, clock: FakeClock) -> None:
    """When a key was last used is known to the minute, without a write for each request."""
    keys = ApiKeys(store)
    agent_key, key = keys.add("agent", ["read"])
    first = clock.now()
    keys.check(key)
    clock.advance(10)
    keys.check(key)
    assert first == keys.get(agent_key.id).last_used_at
    clock.advance(60)
    keys.check(key)
    assert clock.now() == keys.get(agent_key.id).last_used_at


@pytest.mark.parametrize("scopes", [[], ["fly"], ["read", "Manage"]])
def test_scopes_are_checked(store: Store, scopes: list[str]) -> None:
    """A key has at least one scope, and only those that there are."""
    with pytest.raises(InputError):
        ApiKeys(store).add("agent", scopes)


def test_numbers_that_are_none(store: Store) -> None:
    """A key, an address or a person that is not there is said by an error of its own."""
    with fails("api_key.unknown"):
        ApiKeys(store).revoke(99)
    with fails("token.unknown"):
        ApiKeys(store).revoke_token(99)
    with fails("person.unknown"):
        People(store).remove(99)


def test_secret_addresses_end(store: Store) -> None:
    """A secret address is found by its secret until it is revoked."""
    keys = ApiKeys(store)
    token, secret = keys.add_token("phone", ALICE)
    assert token == keys.token(secret)
    keys.revoke_token(token.id)
    assert (None, []) == (keys.token(secret), keys.tokens())


def test_a_link_signs_in_once_and_in_time(store: Store, clock: FakeClock) -> None:
    """A sign-in link works once, for half an hour."""
    people = People(store)
    owner = people.owner()
    link, late = people.new_link(owner.id), people.new_link(owner.id)
    assert owner == people.use_link(link)
    assert None is people.use_link(link)
    clock.advance(LINK_LIFETIME.total_seconds())
    assert None is people.use_link(late)


def test_a_session_ends(store: Store, clock: FakeClock) -> None:
    """A session is over after sign-out, after its time, and when its person is removed."""
    people = People(store)
    owner, guest = people.owner(), people.add("Guest", "viewer")
    sessions = [people.begin_session(owner.id), people.begin_session(owner.id), people.begin_session(guest.id)]
    assert [owner, owner, guest] == [people.of_session(secret) for secret in sessions]
    people.end_session(sessions[0])
    people.remove(guest.id)
    assert [None, owner, None] == [people.of_session(secret) for secret in sessions]
    clock.advance(SESSION_LIFETIME.total_seconds())
    assert None is people.of_session(sessions[1])


def test_somebody_manages(store: Store) -> None:
    """The last owner is neither removed nor made less."""
    people = People(store)
    owner = people.owner()
    assert owner == people.owner()
    for change in (lambda: people.remove(owner.id), lambda: people.change_role(owner.id, "viewer")):
        with fails("person.last_owner"):
            change()
    second = people.add("Second", "owner")
    assert "writer" == people.change_role(owner.id, "writer").role
    assert second == people.owner()


def test_a_removed_account_takes_its_addresses(store: Store) -> None:
    """The secret addresses of an account go with it."""
    keys = ApiKeys(store)
    _, secret = keys.add_token("phone", ALICE)
    store.accounts.remove(ALICE)
    assert None is keys.token(secret)
