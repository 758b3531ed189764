"""Agents that people let in: codes and refresh tokens work once, tokens where they are meant to, and all of it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from skywrite.core.clock import FakeClock
from skywrite.features.agents.store import (
    CODE_LIFETIME,
    REFRESH_LIFETIME,
    TOKEN_LIFETIME,
    UNUSED_CLIENT_LIFETIME,
    UNUSED_CLIENTS_MAX,
    Agents,
    Consent,
    Redemption,
    Tokens,
    challenge_of,
)
from skywrite.queue.api_keys import ApiKeys
from skywrite.queue.people import People
from skywrite.queue.store import Store
from tests.support.errors import fails
from tests.support.stored import ALICE, raw

PLACE = "http://127.0.0.1:8080/mcp"
BACK = "http://127.0.0.1:4000/back"
VERIFIER = "v" * 43
GIVEN = Redemption("program", VERIFIER, BACK, PLACE)


def allow(store: Store) -> str:
    """A code for a new person's consent."""
    person = People(store).add("Ann", "writer")
    consent = Consent(person.id, "program", "Program", BACK, challenge_of(VERIFIER), PLACE, ("read", "draft"), (ALICE,))
    return Agents(store).allow(consent)


def let_in(store: Store) -> Tokens:
    """The tokens of an agent that a new person has let in."""
    return Agents(store).redeem(allow(store), GIVEN)


def test_the_example_of_the_standard() -> None:
    """The challenge is that of RFC 7636, appendix B."""
    assert "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" == challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")


def test_a_token_opens_what_was_allowed(store: Store) -> None:
    """The token has the consent's rights and accounts, ends after an hour, and the database holds no secret."""
    tokens = let_in(store)
    key = ApiKeys(store).check(tokens.access, PLACE)
    assert (("read", "draft"), (ALICE,), "Program") == (key.scopes, key.accounts, key.name)
    assert TOKEN_LIFETIME == (key.expires_at or key.created_at) - key.created_at
    tables = ("api_key", "oauth_code", "oauth_refresh")
    kept = str([dict(row) for table in tables for row in raw(store, f"SELECT * FROM {table}")])
    assert (False, False) == (tokens.access[12:] in kept, tokens.refresh in kept)


@pytest.mark.parametrize("place", [None, "https://elsewhere.example/mcp", "http://127.0.0.1:9999/mcp"])
def test_a_token_is_for_one_address(store: Store, place: str | None) -> None:
    """A token that was issued for another address is refused, and so is one where only keys are taken."""
    tokens = let_in(store)
    with fails("api_key.invalid"):
        ApiKeys(store).check(tokens.access, place)


@pytest.mark.parametrize(
    "redemption",
    [
        GIVEN._replace(client_id="other"),
        GIVEN._replace(verifier="w" * 43),
        GIVEN._replace(verifier=""),
        GIVEN._replace(redirect_uri="http://127.0.0.1:4000/other"),
        GIVEN._replace(resource="http://127.0.0.1:9999/mcp"),
    ],
    ids=["client", "verifier", "no verifier", "redirect", "resource"],
)
def test_a_code_in_wrong_hands_is_lost(store: Store, redemption: Redemption) -> None:
    """A code that comes from somebody else, or for something else, gives nothing, and no second try."""
    code, agents = allow(store), Agents(store)
    for attempt in (redemption, GIVEN):
        with fails("agent.grant_invalid"):
            agents.redeem(code, attempt)


def test_a_code_that_comes_twice_ends_what_it_gave(store: Store) -> None:
    """The second use of a code gives nothing, and takes back what the first one gave."""
    code, agents = allow(store), Agents(store)
    tokens = agents.redeem(code, GIVEN)
    with fails("agent.grant_invalid"):
        agents.redeem(code, GIVEN)
    with fails("api_key.invalid"):
        ApiKeys(store).check(tokens.access, PLACE)
    with fails("agent.grant_invalid"):
        agents.refresh(tokens.refresh, "program")


def test_a_code_is_for_now(store: Store, clock: FakeClock) -> None:
    """A minute later a code gives nothing."""
    code = allow(store)
    clock.advance(CODE_LIFETIME.total_seconds())
    with fails("agent.grant_invalid"):
        Agents(store).redeem(code, GIVEN)


def test_tokens_are_renewed(store: Store, clock: FakeClock) -> None:
    """A refresh token gives the next pair; the access token before ends, and who wrote a post stays the same key."""
    first = let_in(store)
    clock.advance(TOKEN_LIFETIME.total_seconds())
    second = Agents(store).refresh(first.refresh, "program")
    assert first.key.id == ApiKeys(store).check(second.access, PLACE).id
    assert second.refresh != first.refresh
    with fails("api_key.invalid"):
        ApiKeys(store).check(first.access, PLACE)


def test_a_refresh_token_that_comes_twice_ends_everything(store: Store) -> None:
    """Of two who have the same refresh token one is a thief: the access of both ends."""
    first, agents = let_in(store), Agents(store)
    second = agents.refresh(first.refresh, "program")
    with fails("agent.grant_invalid"):
        agents.refresh(first.refresh, "program")
    with fails("api_key.invalid"):
        ApiKeys(store).check(second.access, PLACE)
    with fails("agent.grant_invalid"):
        agents.refresh(second.refresh, "program")


def test_a_refresh_token_ends(store: Store, clock: FakeClock) -> None:
    """It is refused to another program, after a month, after it was revoked, and when it is none."""
    agents, tokens, old = Agents(store), let_in(store), let_in(store)
    agents.revoke(tokens.refresh)
    with fails("api_key.invalid"):
        ApiKeys(store).check(tokens.access, PLACE)
    for secret, client in ((tokens.refresh, "program"), (let_in(store).refresh, "other"), ("none", "program")):
        with fails("agent.grant_invalid"):
            agents.refresh(secret, client)
    clock.advance(REFRESH_LIFETIME.total_seconds())
    with fails("agent.grant_invalid"):
        agents.refresh(old.refresh, "program")


def test_an_agent_goes_with_its_person(store: Store) -> None:
    """Who removes a person locks out the agents that this person let in."""
    tokens, people = let_in(store), People(store)
    people.owner()
    people.remove(tokens.key.person_id or 0)
    with fails("api_key.invalid"):
        ApiKeys(store).check(tokens.access, PLACE)
    with fails("agent.grant_invalid"):
        Agents(store).refresh(tokens.refresh, "program")


def test_programs_that_nobody_lets_in_are_forgotten(store: Store, clock: FakeClock) -> None:
    """A day later, or when too many wait; one that somebody let in stays."""
    agents = Agents(store)
    waiting, used = agents.register("Waiting", [BACK]), agents.register("Used", [BACK])
    person = People(store).owner()
    consent = Consent(person.id, used.id, "Used", BACK, challenge_of(VERIFIER), PLACE, ("read",), ())
    agents.allow(consent)
    clock.advance((UNUSED_CLIENT_LIFETIME + timedelta(seconds=1)).total_seconds())
    agents.register("New", [BACK])
    assert (None, used) == (agents.client(waiting.id), agents.client(used.id))
    assert UNUSED_CLIENTS_MAX == 1000
