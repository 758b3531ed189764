"""Who is told what: the sandbox's AppView and that of the reference network, as far as bots depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.sandbox import Sandbox
from tests.network.support import Person
from tests.support.network import Network
from tests.support.pds import Xrpc

POSTS, THREAD = "app.bsky.feed.getPosts", "app.bsky.feed.getPostThread"
BLOCK = "app.bsky.graph.block"


class SandboxPlace(Xrpc):
    """The sandbox as a network: its AppView knows at once what is written."""

    def __init__(self, box: Sandbox) -> None:
        self.url = box.url
        self.other = self

    def settle(self) -> None:
        """Nothing to wait for."""


@pytest.fixture(scope="module", params=["sandbox", pytest.param("network", marks=pytest.mark.network)])
def place(request: pytest.FixtureRequest) -> Iterator[Network | SandboxPlace]:
    """The sandbox, then the reference network."""
    if request.param == "sandbox":
        with Sandbox() as box:
            yield SandboxPlace(box)
    else:
        yield request.getfixturevalue("network")


@pytest.fixture
def we(place: Network) -> Person:
    """Who is told."""
    return Person(place, place, SYSTEM_CLOCK)


@pytest.fixture
def they(place: Network) -> Person:
    """Somebody on the other PDS."""
    return Person(place, place.other, SYSTEM_CLOCK)


def told(place: Network, who: Person, **params: Any) -> list[Any]:
    """The notifications of somebody, the latest first."""
    place.settle()
    return list(who.ask("app.bsky.notification.listNotifications", **params)["notifications"])


def test_a_post_is_told_once(place: Network, we: Person, they: Person) -> None:
    """As a mention, else as a quote, else as a reply; only the last two say which post of ours it is about."""
    ours = we.say("Hello")
    every = they.say("@all", to=ours, quoting=ours, tag=we.did)
    both, reply = they.say("two", to=ours, quoting=ours), they.say("one", to=ours)
    notices = {one["uri"]: (one["reason"], one.get("reasonSubject")) for one in told(place, we)}
    assert {every: ("mention", None), both: ("quote", ours), reply: ("reply", ours)} == notices


def test_replies_are_told_to_four_authors_above(place: Network, we: Person, they: Person) -> None:
    """Strangers who talk below a post are told to its author, until it is five posts above."""
    third = Person(place, place, SYSTEM_CLOCK)
    ours = above = we.say("Hello")
    chain = []
    for number in range(6):
        above = (they, third)[number % 2].say(f"{number}", to=above)
        chain.append(above)
    notices = {(one["reason"], one["uri"], one["reasonSubject"]) for one in told(place, we)}
    assert {("reply", uri, ours) for uri in chain[:4]} == notices


def test_a_post_with_an_old_date_is_far_down(place: Network, we: Person, they: Person) -> None:
    """`indexedAt` is what the author says, where that is before the truth."""
    at = "2024-05-01T00:00:00.000Z"
    old, new = they.say("@old", tag=we.did, createdAt=at), they.say("@new", tag=we.did)
    notices = told(place, we)
    assert ([new, old], at) == ([one["uri"] for one in notices], notices[-1]["indexedAt"])


def test_a_label_of_an_author_is_told(place: Network, we: Person, they: Person) -> None:
    """What somebody says of itself in its profile, with who says it."""
    they.be_a_bot()
    they.say("@you", tag=we.did)
    (notice,) = told(place, we)
    assert [("bot", they.did)] == [(label["val"], label["src"]) for label in notice["author"]["labels"]]


def test_what_is_deleted_is_told_no_more(place: Network, we: Person, they: Person) -> None:
    """Nor is the post shown."""
    gone, stays = they.say("@one", tag=we.did), they.say("@two", tag=we.did)
    they.take_back(gone)
    assert [stays] == [one["uri"] for one in told(place, we)]
    assert [stays] == [one["uri"] for one in we.ask(POSTS, uris=[gone, stays])["posts"]]


def test_a_mute_hides_what_is_told(place: Network, we: Person, they: Person) -> None:
    """The post is still shown, and says so."""
    uri = they.say("@you", tag=we.did)
    place.settle()
    we.tell("app.bsky.graph.muteActor", {"actor": they.did})
    (shown,) = we.ask(POSTS, uris=[uri])["posts"]
    assert ([], True) == (told(place, we), shown["author"]["viewer"]["muted"])


@pytest.mark.parametrize("by_us", [True, False])
def test_a_block_hides_the_post(place: Network, we: Person, they: Person, by_us: bool) -> None:
    """It is told no more, and not shown either; in its thread stands who blocked whom."""
    uri = they.say("@you", tag=we.did)
    if by_us:
        we.write(BLOCK, subject=they.did)
    else:
        they.write(BLOCK, subject=we.did)
    assert ([], []) == (told(place, we), we.ask(POSTS, uris=[uri])["posts"])
    shown = we.ask(THREAD, uri=uri, depth=0, parentHeight=0)["thread"]
    viewer = shown["author"]["viewer"]
    assert "app.bsky.feed.defs#blockedPost" == shown["$type"]
    assert (by_us, not by_us) == (bool(viewer.get("blocking")), bool(viewer.get("blockedBy")))
