"""Sending a post from a program that keeps nothing: a few tries, with pauses that grow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from skywrite.atproto.repo import Unwritten
from skywrite.atproto.xrpc_errors import InvalidRecord, ServerFailure
from skywrite.clock import FakeClock
from skywrite.compose.build import build
from skywrite.compose.draft import Draft
from skywrite.compose.freeze import freeze
from skywrite.errors import NoAnswer, NotSent, SkywriteError
from skywrite.publish.sender import Sending, send

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
FROZEN = freeze(build(Draft("Hello"), {}), did=DID, rkeys=["3kabc"], created_at=NOW, dids={})


class StillClock(FakeClock):
    """A clock without jitter."""

    def random(self) -> float:
        return 0.25


class Repo:
    """A repository that gives these answers to writes, one after the other."""

    def __init__(self, *answers: SkywriteError | None) -> None:
        self._answers: Iterator[SkywriteError | None] = iter(answers)

    def try_create_all(self, writes: object) -> object:
        error = next(self._answers)
        return Unwritten(error, "unsent") if error else "written"


def sent(*answers: SkywriteError | None) -> tuple[Any, float]:
    """What came of sending, and the seconds that it took."""
    clock = StillClock(NOW)
    try:
        result: object = send(Repo(*answers), FROZEN, Sending(lambda cid: iter(())), clock)  # type: ignore[arg-type]
    except SkywriteError as error:
        result = type(error)
    return result, clock.monotonic()


def test_it_is_sent_at_once() -> None:
    """What is returned is what was sent."""
    assert (FROZEN, 0.0) == sent(None)


@pytest.mark.parametrize("error", [NotSent("x"), NoAnswer("x"), ServerFailure("x")])
def test_trouble_that_may_pass_is_waited_out(error: SkywriteError) -> None:
    """Three more tries, after pauses that double, each with a bit of chance."""
    assert (FROZEN, 0.75 + 1.25 + 2.25) == sent(error, error, error, None)
    assert (type(error), 0.75 + 1.25 + 2.25) == sent(error, error, error, error)


def test_a_refusal_is_final() -> None:
    """What was refused is not tried again."""
    assert (InvalidRecord, 0.0) == sent(InvalidRecord("x"))
    assert (InvalidRecord, 0.75) == sent(NotSent("x"), InvalidRecord("x"))
