"""Signing in: by hand, by the environment, behind an entryway; and whom strangers' hosts may reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import InputError, NoAnswer
from skywrite.core.http import Response
from skywrite.protocol.atproto.identity import Identity, Resolver, UnknownHandle
from skywrite.protocol.atproto.sign_in import ENTRYWAY, WrongPassword, service_for
from skywrite.protocol.atproto.syntax import Did, Handle
from skywrite.protocol.fetch.fetch import Fetcher
from skywrite.protocol.fetch.guard import AddressRefused, Guard
from skywrite.protocol.fetch.web import GuardedWeb
from tests.support.errors import fails
from tests.support.world import World

SIGN_IN = "com.atproto.server.createSession"
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def environment(world: World, name: str = "alice.test", **more: str) -> dict[str, str]:
    """What a CI job sets."""
    password = world.box.account("alice.test").app_password
    return {"BLUESKY_HANDLE": name, "BLUESKY_APP_PASSWORD": password, "BLUESKY_PDS": world.box.url, **more}


@pytest.mark.parametrize("name", ["alice.test", "@Alice.Test", "alice.test@example.com"])
def test_the_environment_signs_in_once(world: World, name: str) -> None:
    """Its session is stored and used again by each process, whatever the account is called."""
    for number in range(3):
        world.process(**environment(world, name)).post(f"Post {number}")
    assert (3, 1) == (len(world.texts()), world.box.calls[SIGN_IN])


def test_the_environment_goes_before_the_default_account(world: World) -> None:
    """A job that names an account never posts as another one that happens to be signed in."""
    world.process().accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    sky = world.process(**environment(world))
    sky.post("As Alice")
    sky.post("As Bob", account="bob.test")
    assert (["As Alice"], ["As Bob"]) == (world.texts(), world.texts("bob.test"))


def test_the_environment_signs_in_again_when_the_session_is_over(world: World) -> None:
    """Nobody is there to type a password; a held post goes out then."""
    sky = world.process(**environment(world))
    sky.post("First")
    sky.context.store.accounts.sign_out(sky.accounts.get().did)
    world.process(**environment(world)).post("Second")
    assert (["First", "Second"], 2) == (world.texts(), world.box.calls[SIGN_IN])


def test_a_wrong_password_in_the_environment(world: World) -> None:
    """Is told, and nothing is stored."""
    sky = world.process(**environment(world, BLUESKY_APP_PASSWORD="abcd-abcd-abcd-abcd"))
    with pytest.raises(WrongPassword):
        sky.post("Never")
    assert [] == sky.accounts.list()


def test_signing_in_lets_held_posts_go(world: World, sky: Skywrite) -> None:
    """Whoever signs in again, from whichever process, the worker sends them."""
    worker = world.process()
    sky.schedule("Held", at="in 1 hour")
    world.box._pds.sessions.revoke_all(sky.accounts.get().did)
    world.clock.advance(3 * 3600)
    worker.run_once()
    assert [(1, "held")] == world.states(sky)
    world.process().accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    worker.run_once()
    assert (["Held"], [(1, "published")]) == (world.texts(), world.states(sky))


def test_nobody_signed_in(world: World) -> None:
    """The error says how; a name that is unknown here is told with those that are known."""
    sky = world.process()
    with fails("account.missing") as caught:
        sky.post("x")
    assert "accounts.login" in caught.value.hint
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    with fails("account.missing") as caught:
        sky.post("x", account="bob.test")
    assert "Known here: alice.test." == caught.value.hint


class Known(Resolver):
    """A resolver that knows one account."""

    def __init__(self, pds_url: str) -> None:
        self.pds_url = pds_url
        self.asked: list[str] = []

    def resolve(self, handle_or_did: str) -> Identity:
        self.asked.append(handle_or_did)
        if handle_or_did == "nobody.example":
            raise UnknownHandle("No account has this handle.")
        return Identity(Did(DID), Handle("alice.example"), self.pds_url)


@pytest.mark.parametrize(
    ("name", "pds_url", "expected"),
    [
        ("alice.bsky.social", "https://never.asked", "https://default.example"),
        ("@Alice.example", "https://morel.us-east.host.bsky.network", ENTRYWAY),
        ("alice.example", "https://pds.example", "https://pds.example"),
        (DID, "https://pds.example", "https://pds.example"),
        ("alice@mail.example", "https://never.asked", "https://default.example"),
        ("nobody.example", "https://never.asked", "https://default.example"),
        ("alice.example", "https://evil-host.bsky.network", "https://evil-host.bsky.network"),
    ],
)
def test_where_an_account_signs_in(name: str, pds_url: str, expected: str) -> None:
    """At its own server, or at the entryway in front of it."""
    assert expected == service_for(name, Known(pds_url), "https://default.example")


def test_behind_the_entryway_the_real_server_is_used(world: World) -> None:
    """It is found in the account's document, and everything after the sign-in goes to it."""
    hosts: list[str] = []
    real = "https://morel.us-east.host.bsky.network"
    inner = world.transport.request

    def request(method: str, url: str, **more: Any) -> Response:
        hosts.append(url.split("/xrpc/")[0])
        answer = inner(method, url, **more)
        return Response(answer.status, answer.headers, answer.body.replace(world.box.url.encode(), real.encode()))

    world.transport.request = request  # type: ignore[method-assign]
    sky = world.process()
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=ENTRYWAY)
    sky.post("From the real one")
    assert (real, {ENTRYWAY, real}) == (sky.accounts.get().pds_url, {host for host in hosts if "/plc/" not in host})
    assert 1 == hosts.count(ENTRYWAY)


class Pages:
    """A fetcher's connections to fixed answers."""

    def __init__(self, answers: Mapping[str, Response]) -> None:
        self._answers = answers

    def request(self, method: str, url: str, **_: Any) -> Response:
        return self._answers[url]


@pytest.fixture
def web() -> Iterator[GuardedWeb]:
    """A web of two hosts: one that is public, and one whose name leads into the house."""
    answers = {
        "https://alice.example.com/.well-known/atproto-did": Response(200, {}, DID.encode()),
        "https://gone.example/x": Response(404, {}, b"gone"),
        "https://ill.example/x": Response(503, {}, b"ill"),
        "https://round.example/x": Response(302, {"location": "https://round.example/x"}, b""),
    }
    guard = Guard(resolve=lambda host, port: ["10.0.0.7"] if host == "inside.example.com" else ["93.184.215.14"])
    fetcher = Fetcher(guard=guard, connect=lambda target, address: Pages(answers))
    yield GuardedWeb(lambda: fetcher)


def test_hosts_of_strangers_are_guarded(web: GuardedWeb) -> None:
    """A handle leads to no address inside."""
    resolver = Resolver(web, web=web, dns=lambda name: [])
    assert DID == resolver.resolve_handle("alice.example.com")
    with pytest.raises(AddressRefused):
        resolver.resolve_handle("inside.example.com")


def test_every_resolver_asks_strangers_through_the_guard(world: World, sky: Skywrite) -> None:
    """Those of the verbs, of the client, and of runs without a database."""
    from skywrite.client import Client
    from skywrite.stateless import Stateless

    config = world.config(BLUESKY_HANDLE="alice.test", BLUESKY_APP_PASSWORD="aaaa-bbbb-cccc-dddd")

    webs = [
        sky.context.network.resolver()._web,
        sky.context.network.resolver(world.box.url)._web,
        Client(transport=world.transport)._resolver()._web,
        Stateless(config=config, transport=world.transport, clock=world.clock)._network.resolver()._web,
    ]
    assert [True] * 4 == [isinstance(item, GuardedWeb) for item in webs]


def test_what_strangers_answer_is_an_answer(web: GuardedWeb) -> None:
    """Refusals too; endless redirects are none, and nothing but GET is sent."""
    assert [404, 503] == [web.request("GET", f"https://{host}.example/x").status for host in ("gone", "ill")]
    with pytest.raises(NoAnswer):
        web.request("GET", "https://round.example/x")
    with pytest.raises(InputError):
        web.request("POST", "https://alice.example/x", body=b"x")
