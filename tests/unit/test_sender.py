"""Sending a post from a program that keeps nothing: a few tries, with pauses that grow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import NoAnswer, NotSent, SkywriteError
from skywrite.posting.compose.build import build
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.freeze import freeze
from skywrite.posting.publish.sender import Sending, Sent, send
from skywrite.protocol.atproto.repo import Commit, Known, Unwritten
from skywrite.protocol.atproto.xrpc_errors import Refused, ServerFailure

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
FROZEN = freeze(build(Draft("Hello"), {}), did=DID, rkeys=["3kabc"], created_at=NOW, dids={})
WRITTEN = Commit(())
REFUSED = Commit((), read_back=True, refused=True)
Answer = Commit | Unwritten | SkywriteError


class StillClock(FakeClock):
    """A clock without jitter."""

    def random(self) -> float:
        return 0.25


class Repo:
    """A repository that gives these answers to writes, one after the other."""

    def __init__(self, *answers: Answer) -> None:
        self._answers: Iterator[Answer] = iter(answers)

    def try_create_all(self, writes: object) -> Commit | Unwritten:
        answer = next(self._answers)
        return Unwritten(answer, "unsent") if isinstance(answer, SkywriteError) else answer


def sent(*answers: Answer) -> tuple[Any, float]:
    """What came of sending, and the seconds that it took."""
    clock = StillClock(NOW)
    try:
        result: object = send(Repo(*answers), FROZEN, Sending(lambda cid: iter(())), clock)  # type: ignore[arg-type]
    except SkywriteError as error:
        result = type(error)
    return result, clock.monotonic()


def test_it_is_sent_at_once() -> None:
    """What is returned is what was sent."""
    assert (Sent(FROZEN), 0.0) == sent(WRITTEN)


@pytest.mark.parametrize("error", [NotSent("x"), NoAnswer("x"), ServerFailure("x")])
def test_trouble_that_may_pass_is_waited_out(error: SkywriteError) -> None:
    """Three more tries, after pauses that double, each with a bit of chance."""
    assert (Sent(FROZEN), 0.75 + 1.25 + 2.25) == sent(error, error, error, WRITTEN)
    assert (type(error), 0.75 + 1.25 + 2.25) == sent(error, error, error, error)


def test_a_refusal_is_final() -> None:
    """What was refused is not tried again."""
    assert (Refused, 0.0) == sent(Refused("x", code="record.refused"))
    assert (Refused, 0.75) == sent(NotSent("x"), Refused("x", code="record.refused"))


@pytest.mark.parametrize(("known", "existed"), [("unsent", True), ("absent", True), ("unknown", False)])
def test_what_was_there_before_is_told(known: Known, existed: bool) -> None:
    """Records that were there before our first try are not ours, unless that try may have written them."""
    assert (Sent(FROZEN, existed=True), 0.0) == sent(REFUSED)
    assert (Sent(FROZEN, existed), 0.75) == sent(Unwritten(NoAnswer("x"), known), REFUSED)
