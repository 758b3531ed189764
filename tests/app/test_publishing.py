"""One claim from its look-ups to its settlement: what comes of it, and what the log says about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.posting.compose.freeze import Frozen
from skywrite.posting.publish.publisher import LEASE_SECONDS, Publisher
from skywrite.protocol.atproto.repo import Repo, Write
from skywrite.queue.database import DatabaseUnavailable
from skywrite.queue.model import Claim, Failed, Published, Retry
from tests.support.claims import claim_next
from tests.support.world import Told, World, before_each_write

APPLY = "com.atproto.repo.applyWrites"
RESOLVE = "com.atproto.identity.resolveHandle"


@pytest.fixture
def publisher(sky: Skywrite, told: Told) -> Publisher:
    """The publisher of a process, with its log."""
    return sky._sending.publisher(log=told)


def claimed(sky: Skywrite, publisher: Publisher) -> Claim:
    """The post that is due."""
    claim = claim_next(sky.context.store, "w", LEASE_SECONDS, publisher.decider)
    assert claim is not None
    return claim


@pytest.mark.parametrize(("attempts", "expected"), [(2, Retry), (3, Published)])
def test_a_mention_that_cannot_be_looked_up_stays_plain_text_in_the_end(
    world: World, sky: Skywrite, publisher: Publisher, told: Told, attempts: int, expected: type
) -> None:
    """It holds up a post no longer than an hour and three tries, and the log says so."""
    world.box.faults.add(RESOLVE, kind="error_500", times=None)
    sky.schedule("Hello @bob.test", at="in 1 hour", late="publish")
    world.clock.advance(7200)
    claim = claimed(sky, publisher)
    result = publisher.publish(claim._replace(post=claim.post._replace(attempts=attempts)))
    assert expected is type(result.outcome)
    left = [("mention_left", {"post": 1, "handle": "bob.test"})] if expected is Published else []
    assert (len(left) * ["Hello @bob.test"], left) == (world.texts(), told)


def test_what_is_written_is_stored_first(world: World, sky: Skywrite, publisher: Publisher) -> None:
    """Also where mentions were looked up: whoever comes after a crash writes the same, to the byte."""
    world.box.faults.add(RESOLVE, kind="error_500")
    sky.schedule("Hello @bob.test", at="in 1 hour")
    world.box.faults.clear()
    world.clock.advance(3600)
    stored: list[str | None] = []
    before_each_write(world, lambda: stored.append(sky.context.store.posts.get(1).frozen))
    publisher.publish_and_settle(claimed(sky, publisher))
    (frozen,) = stored
    assert world.records() == [write.value for write in Frozen.from_json(frozen or "").writes]


def test_a_mention_of_nobody_stays_plain_text(world: World, sky: Skywrite, publisher: Publisher, told: Told) -> None:
    """At once; the other mentions of the post are links, and the log names the one that is none."""
    world.box.faults.add(RESOLVE, kind="error_500", times=None)
    sky.schedule("Hello @bob.test and @nobody.test", at="in 1 hour")
    world.box.faults.clear()
    world.clock.advance(3600)
    assert publisher.publish_and_settle(claimed(sky, publisher))
    (facet,) = world.records()[0]["facets"]
    assert (world.box.account("bob.test").did, [("mention_left", {"post": 1, "handle": "nobody.test"})]) == (
        facet["features"][0]["did"],
        told,
    )


@pytest.mark.parametrize(("text", "writes"), [("Hello", 2), ("Hello @bob.test", 1)])
def test_who_was_taken_over_changes_nothing_and_says_so(
    world: World, sky: Skywrite, publisher: Publisher, told: Told, text: str, writes: int
) -> None:
    """Seen when the post is settled, or earlier, where something is stored before the write, which is left out then:
    there is one post, and no result."""
    world.box.faults.add(RESOLVE, kind="error_500", times=None)
    sky.schedule(text, at="in 1 hour")
    world.box.faults.clear()
    world.clock.advance(3600)
    claim = claimed(sky, publisher)
    world.clock.advance(LEASE_SECONDS + 1)
    world.process().run_once()
    settled = sky.context.store.posts.get(1)
    assert None is publisher.publish_and_settle(claim)
    assert ([text], [("lease_lost", 1)], settled) == (
        world.texts(),
        [(event, facts["post"]) for event, facts in told],
        sky.context.store.posts.get(1),
    )
    assert writes == world.box.calls[APPLY]


@pytest.mark.parametrize(("key", "is_found"), [("release-1", False), (None, True)])
def test_what_is_under_the_key_of_a_post_is_the_post(
    world: World,
    sky: Skywrite,
    publisher: Publisher,
    told: Told,
    key: str | None,
    is_found: bool,
) -> None:
    """It went out before, without this database knowing, however it was edited since; at a key that follows from a
    name, which another program may use, other words are another post."""
    sky.schedule("Hello", at="now")
    claim = claimed(sky, publisher)
    write = Frozen.from_json(claim.post.frozen or "").writes[0]
    other = Write.of(write.collection, write.rkey, {**write.value, "text": "From another computer"})
    Repo(sky.context.agents.get(claim.post.account_did)).try_create_all([other])
    result = publisher.publish(claim._replace(post=claim.post._replace(key=key)))
    there = world.box.posts("alice.test")[0]
    published = Published(there.uri, there.cid, (write.rkey,), found=True)
    assert ["From another computer"] == world.texts()
    assert (published if is_found else "record.another") == getattr(result.error, "code", result.outcome)
    assert ["found_on_network"] * is_found == told.events()


def test_a_thread_whose_first_post_was_deleted_is_not_written_again(
    world: World, sky: Skywrite, publisher: Publisher
) -> None:
    """It was published before: that is its outcome, not a thread without a beginning."""
    sky.schedule("one", at="now", thread=["two"])
    claim = claimed(sky, publisher)
    publisher.publish(claim)
    root = Frozen.from_json(claim.post.frozen or "").writes[0]
    Repo(sky.context.agents.get(claim.post.account_did)).delete(root.collection, root.rkey)
    outcome = publisher.publish(claim).outcome
    assert isinstance(outcome, Failed)
    assert (["two"], "record.conflict") == (world.texts(), outcome.problem.code)


def test_a_surprise_is_told_with_its_error(
    world: World, sky: Skywrite, publisher: Publisher, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has what its maintainers need; the post has nothing that could be a secret, and is tried again."""
    surprise = ValueError("secret")

    def fail(*_: Any, **__: Any) -> Any:
        raise surprise

    sky.schedule("Hello", at="now")
    with monkeypatch.context() as broken:
        broken.setattr(sky.context.agents, "get", fail)
        assert publisher.publish_and_settle(claimed(sky, publisher))
    post = sky.context.store.posts.get(1)
    assert ("scheduled", "skywrite.bug", False) == (
        post.state,
        post.problem and post.problem.code,
        "secret" in repr(post),
    )
    assert [("unexpected", {"post": 1, "error": surprise})] == told


@pytest.mark.parametrize("calls", [1, 2])
def test_a_database_that_goes_away_in_between_is_no_try_of_the_post(
    world: World,
    sky: Skywrite,
    publisher: Publisher,
    image: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    calls: int,
) -> None:
    """Before the write and after it: the error is the caller's, and nothing is recorded as the post's problem."""
    store = sky.context.store
    freeze, left = store.claims.freeze, list(range(calls))

    def freezing(claim: Claim, frozen: str) -> bool:
        left.pop()
        if not left:
            raise DatabaseUnavailable("It is away.")
        world.clock.advance(60)
        return freeze(claim, frozen)

    world.box.blob_lifetime = timedelta(seconds=1)
    monkeypatch.setattr(store.claims, "freeze", freezing)
    sky.schedule("Red", at="now", images=[image()])
    with pytest.raises(DatabaseUnavailable):
        publisher.publish_and_settle(claimed(sky, publisher))
    assert ([], "scheduled", None) == (world.texts(), store.posts.get(1).state, store.posts.get(1).problem)


def test_who_stops_it_before_it_is_sent_can_cancel_it(
    world: World, sky: Skywrite, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue knows that nothing was written."""

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    sky.schedule("Hello", at="now")
    monkeypatch.setattr(sky.context.agents, "get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publisher.publish_and_settle(claimed(sky, publisher))
    problem = sky.context.store.posts.get(1).problem
    assert ("upload.interrupted", "cancelled") == (problem and problem.code, sky.posts.cancel(1).post.state)
