"""A worker keeps its claim for as long as it works on it, and nothing for longer than that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.http import Response
from skywrite.posting.publish.publisher import LEASE_SECONDS, LeaseLost
from skywrite.queue.media import Media
from tests.support.claims import claim_next
from tests.support.world import World

UPLOAD = "com.atproto.repo.uploadBlob"
WRITE = "com.atproto.repo.applyWrites"


class Slow:
    """The sandbox's transport, over which an upload takes its time: for each piece, and for the answer."""

    def __init__(self, world: World, *, piece_seconds: float, answer_seconds: float) -> None:
        self._world = world
        self._piece_seconds = piece_seconds
        self._answer_seconds = answer_seconds
        self.meanwhile: Callable[[], object] = lambda: None
        self.before_write: Callable[[], object] = lambda: None

    def request(self, method: str, url: str, *, body: Any = None, **more: Any) -> Response:
        """As `skywrite.core.http.Transport`."""
        if url.endswith(WRITE):
            self.before_write()
        if not url.endswith(UPLOAD):
            return self._world.transport.request(method, url, body=body, **more)
        answer = self._world.transport.request(method, url, body=self._slowly(body), **more)
        self._pass(self._answer_seconds)
        return answer

    def _slowly(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._pass(self._piece_seconds)
            yield piece

    def _pass(self, seconds: float) -> None:
        self._world.clock.advance(seconds)
        self.meanwhile()


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Media are read a few bytes at a time, so that an upload has many pieces."""
    read = Media.read

    def slowly(self: Media, cid: str) -> Iterator[bytes]:
        data = b"".join(read(self, cid))
        for start in range(0, len(data), 8):
            yield data[start : start + 8]

    monkeypatch.setattr(Media, "read", slowly)


def begun(world: World, sky: Skywrite, image: Callable[..., str], slow: Slow) -> tuple[Skywrite, int]:
    """A process behind a slow network, and a post with an image that is due."""
    process = world.process(transport=slow)
    return process, sky.schedule("Look", at="now", images=[image()], late="publish").id


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(("piece_seconds", "answer_seconds"), [(39, 0), (1, 150)])
def test_nobody_takes_over_a_post_that_is_being_uploaded(
    world: World, sky: Skywrite, image: Callable[..., str], piece_seconds: float, answer_seconds: float
) -> None:
    """However long the upload, or the wait for its answer: the lease is renewed in time."""
    slow = Slow(world, piece_seconds=piece_seconds, answer_seconds=answer_seconds)
    process, number = begun(world, sky, image, slow)
    taken: list[object] = []
    decide = sky._sending.publisher().decider
    slow.meanwhile = lambda: taken.append(claim_next(sky.context.store, "another", LEASE_SECONDS, decide))
    assert 1 == process.run_once().published
    assert (True, {None}) == (len(taken) > 3, set(taken))
    assert ["published"] == [attempt.outcome for attempt in sky.context.store.posts.attempts(number)]


@pytest.mark.usefixtures("small_pieces")
def test_a_write_begins_with_a_fresh_lease(world: World, sky: Skywrite, image: Callable[..., str]) -> None:
    """What was uploaded is stored under a lease of two minutes, for the write and for what may follow it."""
    slow = Slow(world, piece_seconds=1, answer_seconds=110)
    process, _ = begun(world, sky, image, slow)
    left: list[timedelta] = []

    def note() -> None:
        until = sky.accounts.get("alice.test").lease_until
        assert until
        left.append(until - world.clock.now())

    slow.before_write = note
    process.run_once()
    assert [timedelta(minutes=2)] == left


def test_a_session_that_ended_is_not_used_again(world: World, sky: Skywrite) -> None:
    """The worker drops it with the post that it holds: a new sign-in, by another process, is seen."""
    sky.schedule("one", at="now", late="publish")
    agent = sky.context.agents.get(sky.accounts.get().did)
    # A take-down ends all sessions.
    for status in ("takendown", "active"):
        world.box.set_status("alice.test", status)  # type: ignore[arg-type]
    world.clock.advance(3 * 3600)
    worker = sky.worker()
    while worker.step():
        pass
    assert "needs_login" == sky.accounts.get().state
    world.process().accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    assert agent is not sky.context.agents.get(sky.accounts.get().did)
    while worker.step():
        pass
    assert ["one"] == world.texts()


def test_a_lease_is_renewed_when_a_third_of_it_is_over(world: World, sky: Skywrite) -> None:
    """Not before, which would cost a write each time; and a lease that is lost stops whoever asks."""
    world.clock.advance(LEASE_SECONDS)
    sky.schedule("Hello", at="now")
    publisher = sky._sending.publisher()
    claim = claim_next(sky.context.store, "w", LEASE_SECONDS, publisher.decider)
    assert claim is not None
    began = world.clock.monotonic()
    world.clock.advance(LEASE_SECONDS / 3)
    assert began == publisher._renew_in_time(claim, began)
    world.clock.advance(0.1)
    assert world.clock.monotonic() == publisher._renew_in_time(claim, began)
    assert world.clock.now() + timedelta(seconds=LEASE_SECONDS) == sky.context.store.claims.next_ready_at()
    sky.context.store.claims.release(claim)
    with pytest.raises(LeaseLost):
        publisher._renew(claim)
