"""Bulkheads: what one server may keep busy, and how one that hangs is left alone and tried again."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.clock import FakeClock
from skywrite.errors import NoAnswer, NotSent, SkywriteError, TimedOut
from skywrite.publish.hosts import PAUSE_SECONDS_MAX, Choice, Hosts, has_answered

THREADS = 32


class Dice(FakeClock):
    """A clock whose chance is always the same."""

    chance = 0.5

    def random(self) -> float:
        return self.chance


def enter_all(hosts: Hosts, server: str) -> int:
    """Begin with posts of a server until no more of it may be claimed; how many."""
    count = 0
    while may_claim(hosts.choice(), server):
        hosts.enter(server)
        count += 1
    return count


def may_claim(choice: Choice, server: str) -> bool:
    return server not in choice.avoid and (choice.only is None or server in choice.only)


def prove(hosts: Hosts, server: str, times: int = THREADS) -> None:
    """The server answers so often."""
    for _ in range(times):
        hosts.enter(server)
        hosts.leave(server, True)


def test_a_new_server_gets_few_threads_and_more_with_each_answer(clock: FakeClock) -> None:
    """It must show that it answers before it may keep many busy."""
    hosts = Hosts(clock, THREADS)
    few = enter_all(hosts, "a")
    for _ in range(few):
        hosts.leave("a", True)
    assert (2, 4) == (few, enter_all(hosts, "a"))


def test_no_server_gets_all_threads(clock: FakeClock) -> None:
    """However well it answers: a quarter is left for others."""
    hosts = Hosts(clock, THREADS)
    prove(hosts, "a", 100)
    assert THREADS * 3 // 4 == enter_all(hosts, "a")


def test_servers_that_never_answered_share_half_of_the_threads(clock: FakeClock) -> None:
    """A hundred servers that hang leave the other half to those that answer."""
    hosts = Hosts(clock, THREADS)
    prove(hosts, "good")
    hung = sum(enter_all(hosts, f"hung {number}") for number in range(100))
    assert (THREADS // 2, True) == (hung, enter_all(hosts, "good") > 0)


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.75), (0.5, 1.0), (1.0, 1.25)])
def test_a_server_that_hangs_is_tried_by_one_thread_at_a_time(clock: FakeClock, chance: float, share: float) -> None:
    """After pauses that grow up to a minute, each varied by up to a quarter; its accounts are left alone meanwhile."""
    dice = Dice(clock.now())
    dice.chance = chance
    hosts = Hosts(dice, THREADS)
    pauses = []
    for _ in range(8):
        hosts.enter("hung")
        assert not may_claim(hosts.choice(), "hung") or not pauses
        hosts.leave("hung", False)
        pauses.append(hosts.pause_seconds("hung"))
        dice.advance(pauses[-1])
        assert 0 == hosts.pause_seconds("hung")
    assert [share * seconds for seconds in (5, 10, 20, 40, 60, 60, 60, 60)] == pauses


def test_one_answer_ends_the_pause(clock: FakeClock) -> None:
    """Whatever it answers: it does not hang any more."""
    events: list[tuple[str, Any]] = []
    hosts = Hosts(clock, THREADS, lambda event, **facts: events.append((event, facts["server"])))
    for answered in (False, True):
        hosts.enter("a")
        hosts.leave("a", answered)
    assert (0, [], [("server_hangs", "a"), ("server_answers", "a")]) == (
        hosts.pause_seconds("a"),
        hosts.trouble(),
        events,
    )


def test_a_good_server_is_not_left_for_one_timeout(clock: FakeClock) -> None:
    """A single lost answer says little about a server that answers thousands; three in a row do."""
    hosts = Hosts(clock, THREADS)
    prove(hosts, "a")
    paused = []
    for _ in range(3):
        hosts.enter("a")
        hosts.leave("a", False)
        paused.append(hosts.pause_seconds("a") > 0)
    assert [False, False, True] == paused


def test_what_says_nothing_about_a_server(clock: FakeClock) -> None:
    """A post that failed before its server was asked neither opens nor closes anything."""
    hosts = Hosts(clock, THREADS)
    hosts.enter("a")
    hosts.leave("a", False)
    before = hosts.trouble()
    hosts.enter("a")
    hosts.leave("a", None)
    assert before == hosts.trouble()


class Answered(SkywriteError):
    """An error that the server answered with."""

    def __init__(self, status: int) -> None:
        super().__init__("x")
        self.status = status


@pytest.mark.parametrize(
    ("error", "seconds", "expected"),
    [
        (None, 99.0, True),
        (TimedOut("x"), 0.1, False),
        (NotSent("x"), 2.9, None),
        (NotSent("x"), 3.0, False),
        (NoAnswer("x"), 2.9, None),
        (NoAnswer("x"), 3.0, False),
        (ValueError("x"), 99.0, None),
        (Answered(400), 99.0, True),
        (Answered(502), 3.0, False),
        (Answered(503), 2.9, True),
        (Answered(503), 3.0, False),
        (Answered(504), 3.0, False),
        (Answered(500), 3.0, True),
    ],
)
def test_what_an_attempt_shows_about_its_server(error: Exception | None, seconds: float, expected: bool | None) -> None:
    """A time-out, no answer for three seconds, and a gateway that waited as long: it hangs. Any other answer is one."""
    assert expected is has_answered(error, seconds)


@pytest.mark.parametrize(
    ("threads", "new", "all_new", "proven"),
    [(1, 1, 1, 1), (2, 1, 2, 2), (4, 1, 2, 3), (8, 1, 4, 6), (32, 2, 16, 24), (96, 6, 48, 72)],
)
def test_the_shares_of_servers(clock: FakeClock, threads: int, new: int, all_new: int, proven: int) -> None:
    """A new server gets a sixteenth of the threads, all new ones together a half, and a good one three quarters; a
    worker with few threads has at least one for each."""
    hosts, others = Hosts(clock, threads), Hosts(clock, threads)
    prove(others, "good", 2 * threads)
    one = enter_all(hosts, "new")
    rest = sum(enter_all(hosts, f"new {number}") for number in range(threads))
    assert (new, all_new, proven) == (one, one + rest, enter_all(others, "good"))


def test_few_threads_are_shared_too(clock: FakeClock) -> None:
    """With two threads, a server that hangs keeps one of them."""
    for threads in (2, 4):
        hosts = Hosts(clock, threads)
        assert 1 == enter_all(hosts, "hung")
        assert may_claim(hosts.choice(), "good")


def test_videos_get_a_share(clock: FakeClock) -> None:
    """A video waits for its service for minutes: other posts do not wait with it."""
    hosts = Hosts(clock, THREADS)
    prove(hosts, "a")
    while not hosts.videos_full():
        hosts.enter("a", video=True)
    assert may_claim(hosts.choice(), "a")
    hosts.leave("a", True, video=True)
    assert not hosts.videos_full()


def test_a_few_threads_upload_one_video_at_a_time(clock: FakeClock) -> None:
    """A quarter of the threads, and always one."""
    for threads, share in ((1, 1), (2, 1), (4, 1), (8, 2)):
        hosts = Hosts(clock, threads)
        for _ in range(share):
            assert not hosts.videos_full()
            hosts.enter("a", video=True)
        assert hosts.videos_full()


def test_how_long_a_server_is_left_alone_is_shown(clock: FakeClock) -> None:
    """The seconds that are left of its pause, down to none."""
    clock.advance(100)
    hosts = Hosts(clock, THREADS)
    hosts.enter("a")
    hosts.leave("a", False)
    (first,) = hosts.trouble()
    clock.advance(2)
    (second,) = hosts.trouble()
    clock.advance(PAUSE_SECONDS_MAX)
    (third,) = hosts.trouble()
    assert (2.0, 0.0, 1) == (first.pause_seconds - second.pause_seconds, third.pause_seconds, third.times)
    assert 0 < first.pause_seconds <= PAUSE_SECONDS_MAX


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Choice(frozenset()), Choice(frozenset()), True),
        (Choice(frozenset("ab")), Choice(frozenset("a")), True),
        (Choice(frozenset("a")), Choice(frozenset("ab")), False),
        (Choice(frozenset(), frozenset("a")), Choice(frozenset()), True),
        (Choice(frozenset()), Choice(frozenset(), frozenset("a")), False),
        (Choice(frozenset(), frozenset("a")), Choice(frozenset(), frozenset("ab")), True),
        (Choice(frozenset(), frozenset("a")), Choice(frozenset(), frozenset("a")), True),
        (Choice(frozenset(), frozenset("ab")), Choice(frozenset(), frozenset("a")), False),
    ],
)
def test_a_choice_is_within_another(one: Choice, other: Choice, expected: bool) -> None:
    """Where everything that it lets through is let through by the other."""
    assert expected is one.is_within(other)
