"""What a key or a session allows now, however long ago it was shown."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.faces.server.rights import Credential, rights_now
from skywrite.features.agents.store import Agents, Consent, Redemption, challenge_of
from skywrite.queue.api_keys import ApiKeys, digest_of
from skywrite.queue.people import ROLE_SCOPES, SESSION_LIFETIME, People
from skywrite.queue.store import Store
from tests.support.stored import ALICE, later

VERIFIER = "v" * 43


@pytest.fixture
def sky(store: Store) -> Skywrite:
    """As much of a queue as rights need."""
    return cast(Skywrite, SimpleNamespace(context=SimpleNamespace(store=store)))


def scopes(sky: Skywrite, shown: Credential) -> frozenset[str] | None:
    """What somebody may do now; None: nothing at all."""
    access = rights_now(sky, [shown, Credential(key_id=999), Credential(session="none")]).get(shown)
    return None if access is None else access.scopes


def test_a_key_ends(store: Store, sky: Skywrite, clock: FakeClock) -> None:
    """By its time or by whoever revokes it; its accounts are those that it was made for."""
    keys = ApiKeys(store)
    short = Credential(keys.add("short", ["read"], accounts=[ALICE], expires_at=later(60))[0].id)
    long = Credential(keys.add("long", ["read", "draft"])[0].id)
    assert ({"read"}, {"read", "draft"}) == (scopes(sky, short), scopes(sky, long))
    assert frozenset({ALICE}) == rights_now(sky, [short])[short].accounts
    clock.advance(60)
    assert (None, {"read", "draft"}) == (scopes(sky, short), scopes(sky, long))
    keys.revoke(cast(int, long.key_id))
    assert None is scopes(sky, long)


def test_a_session_ends(store: Store, sky: Skywrite, clock: FakeClock) -> None:
    """By its time, by signing out, and with the person; a new role counts from then on."""
    people = People(store)
    people.owner()
    ann = people.add("Ann", "approver")
    secrets = [people.begin_session(ann.id) for _ in range(3)]
    shown = [Credential(session=digest_of(secret)) for secret in secrets]
    people.end_session(secrets[0])
    assert [None, set(ROLE_SCOPES["approver"])] == [scopes(sky, one) for one in shown[:2]]
    people.change_role(ann.id, "viewer")
    assert {"read"} == scopes(sky, shown[1])
    people.remove(ann.id)
    assert None is scopes(sky, shown[1])
    bob = people.add("Bob", "writer")
    late = Credential(session=digest_of(people.begin_session(bob.id)))
    clock.advance((SESSION_LIFETIME + timedelta(seconds=1)).total_seconds())
    assert None is scopes(sky, late)


def test_an_agent_has_what_its_person_has(store: Store, sky: Skywrite) -> None:
    """Never more than whoever let it in has now, and nothing once they are gone."""
    people, agents = People(store), Agents(store)
    people.owner()
    ann = people.add("Ann", "approver")
    client = agents.register("Agent", ["http://127.0.0.1/"])
    fields: dict[str, Any] = {"redirect_uri": "http://127.0.0.1/", "resource": "http://127.0.0.1/mcp"}
    fields |= {"challenge": challenge_of(VERIFIER), "scopes": ("read", "publish"), "accounts": (ALICE,)}
    consent = Consent(ann.id, client.id, "Agent", **fields)
    tokens = agents.redeem(agents.allow(consent), Redemption(client.id, VERIFIER))
    shown = Credential(key_id=tokens.key.id)
    assert {"read", "publish"} == scopes(sky, shown)
    people.change_role(ann.id, "writer")
    assert {"read"} == scopes(sky, shown)
    people.remove(ann.id)
    assert None is scopes(sky, shown)
