"""Whether this computer's clock is right: servers are asked, and the most favourable one counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from skywrite.core.clock import FakeClock, SteadyClock
from skywrite.core.errors import NoAnswer
from skywrite.core.http import Response
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.timekeeper import Timekeeper

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Wall(FakeClock):
    """A wall clock that may jump, beside seconds that only pass."""

    def jump(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds))
        self._started += timedelta(seconds=seconds)


class Servers:
    """Servers that are this many seconds behind the wall clock at the start; None is nobody, and "?" has no clock."""

    def __init__(self, *behind: float | str | None) -> None:
        self.behind = list(behind)
        self.asked = 0

    def request(self, method: str, url: str, **more: Any) -> Response:
        self.asked += 1
        behind = self.behind[int(url)]
        if behind is None:
            raise NoAnswer("x")
        if isinstance(behind, str):
            return Response(200, {}, b"")
        return Response(200, {"date": f"{NOW - timedelta(seconds=behind):%a, %d %b %Y %H:%M:%S GMT}"}, b"")


def keeper(*behind: float | str | None, log: Log = silent) -> tuple[Timekeeper, Wall, SteadyClock, Servers]:
    """A timekeeper, its wall clock, the clock that it keeps right, and its servers."""
    wall, servers = Wall(NOW), Servers(*behind)
    clock = SteadyClock(wall)
    timekeeper = Timekeeper(clock, servers, lambda: map(str, range(len(behind))), log)  # type: ignore[arg-type]
    return timekeeper, wall, clock, servers


@pytest.mark.parametrize(
    ("behind", "left_out"),
    [
        ((7200, 3600), 3600),
        ((3600, 7200), 3600),
        ((None, 7200), 7200),
        ((7200, 61), 61),
        ((7200, 60), 0),
        ((7200, 0), 0),
        ((-9, 7), 0),
        ((7200, "?"), 0),
        ((-7200, -3600), -3600),
        ((-7200, None, -7300), -7200),
        ((-7200, -60), 0),
        ((-7200, "?"), 0),
        ((-7200, None), 0),
        ((-7200, 7200), 0),
    ],
)
def test_what_all_servers_agree_on_is_left_out(behind: tuple[float | str | None, ...], left_out: float) -> None:
    """The clock is ahead, or behind, by the least that any server says, beyond a minute; one that agrees with it, or
    does not say, is enough. That it is behind takes two."""
    kept, _, clock, _ = keeper(*behind)
    assert (True, NOW - timedelta(seconds=left_out)) == (kept.is_right(), clock.now())


def test_nobody_is_asked_too_often() -> None:
    """Where no server can be asked, again after some seconds, and not before."""
    kept, wall, _, servers = keeper(None)
    assert (False, False, 1) == (kept.is_right(), kept.is_right(), servers.asked)
    wall.advance(4.9)
    assert (False, 1) == (kept.is_right(), servers.asked)
    wall.advance(0.1)
    assert (False, 2) == (kept.is_right(), servers.asked)


def test_a_clock_that_jumped_is_not_believed_again_unasked() -> None:
    """It comes back while nobody can be asked: it might have been wrong before, so somebody is asked first."""
    kept, wall, _, servers = keeper(0)
    assert (True, True, 1) == (kept.is_right(), kept.is_right(), servers.asked)
    servers.behind = [None]
    wall.advance(5)
    wall.jump(86_400)
    assert (False, 2) == (kept.is_right(), servers.asked)
    wall.jump(-86_400)
    assert not kept.is_right()


@pytest.mark.parametrize(("seconds", "asked"), [(30, 1), (31, 2), (-30, 1), (-31, 2)])
def test_servers_are_asked_again_when_the_clock_has_jumped(seconds: float, asked: int) -> None:
    """By more than half a minute, in either direction."""
    kept, wall, _, servers = keeper(0)
    assert kept.is_right()
    wall.advance(5)
    wall.jump(seconds)
    assert (True, asked) == (kept.is_right(), servers.asked)


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        ([None], [("clock_unsure", None)]),
        ([3600], [("clock_ahead", 3600)]),
        ([0], []),
        ([-3600], [("clock_behind", 3600)]),
        ([-3600, -7200], [("clock_behind", 3600)]),
        ([-3600, 3600], []),
    ],
)
def test_a_clock_that_is_not_right_is_reported(
    behind: list[float | None], expected: list[tuple[str, int | None]]
) -> None:
    """Also that nobody could be asked: then nothing is published."""
    told: list[tuple[str, int | None]] = []
    kept, *_ = keeper(*behind, log=lambda event, **facts: told.append((event, facts.get("seconds"))))
    assert (behind != [None], expected) == (kept.is_right(), told)
