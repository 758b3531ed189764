"""Bulkheads: what one server may keep busy, and how one that hangs is left alone and tried again."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import NoAnswer, NotSent, SkywriteError, TimedOut
from skywrite.posting.publish.hosts import (
    PAUSE_SECONDS_MAX,
    STUCK_SECONDS,
    TURN_SECONDS,
    Choice,
    Hosts,
    Shown,
    Trouble,
    shown_by,
)

THREADS = 32


class Dice(FakeClock):
    """A clock whose chance is always the same."""

    chance = 0.5

    def random(self) -> float:
        return self.chance


def enter_all(hosts: Hosts, server: str, first: int = 0) -> int:
    """Begin with accounts of a server until no more of it may be claimed; how many."""
    count = 0
    while hosts.choice().allows(server):
        hosts.enter(server, f"{server} {first + count}")
        count += 1
    return count


def leave_all(hosts: Hosts, server: str, count: int, shown: Shown) -> None:
    """As many threads as `enter_all` began are done."""
    for number in range(count):
        hosts.leave(server, f"{server} {number}", shown)


def attempt(hosts: Hosts, server: str, account: str, clock: FakeClock, shown: Shown, seconds: float = 10) -> None:
    """One attempt for an account, which takes some seconds."""
    hosts.enter(server, account)
    clock.advance(seconds)
    hosts.leave(server, account, shown)


def prove(hosts: Hosts, server: str, times: int = THREADS) -> None:
    """The server answers so often."""
    for _ in range(times):
        hosts.enter(server, "good")
        hosts.leave(server, "good", "answers")


def hang(hosts: Hosts, server: str, clock: FakeClock) -> None:
    """Its accounts get no answer, one after the other, until it is given up."""
    for account in "abc":
        attempt(hosts, server, account, clock, "hangs")


def test_a_new_server_gets_few_threads_and_more_with_each_answer(clock: FakeClock) -> None:
    """It must show that it answers before it may keep many busy."""
    hosts = Hosts(clock, THREADS)
    few = enter_all(hosts, "a")
    leave_all(hosts, "a", few, "answers")
    assert (2, 4) == (few, enter_all(hosts, "a"))


def test_no_server_gets_all_threads(clock: FakeClock) -> None:
    """However well it answers, and however long its threads wait: a quarter is left for others."""
    hosts = Hosts(clock, THREADS)
    prove(hosts, "a", 100)
    some = enter_all(hosts, "a")
    clock.advance(100)
    assert (THREADS * 3 // 4, 0) == (some, enter_all(hosts, "a"))


def test_threads_that_wait_for_long_do_not_keep_the_others_of_a_server_waiting(clock: FakeClock) -> None:
    """The first accounts of a new server may be those that hang: after a second others are tried, up to a share."""
    hosts = Hosts(clock, THREADS)
    seen = [enter_all(hosts, "a")]
    while seen[-1]:
        clock.advance(STUCK_SECONDS)
        seen.append(enter_all(hosts, "a", first=100 * len(seen)))
    assert ([2, 2, 2, 2, 2, 0], 2 + THREADS // 4) == (seen, sum(seen))


def test_servers_that_never_answered_share_half_of_the_threads(clock: FakeClock) -> None:
    """A hundred servers that hang leave the other half to those that answer."""
    hosts = Hosts(clock, THREADS)
    prove(hosts, "good")
    hung = sum(enter_all(hosts, f"hung {number}") for number in range(100))
    clock.advance(STUCK_SECONDS)
    more = sum(hosts.choice().allows(f"hung {number}") for number in range(100))
    assert (THREADS // 2, 0, True) == (hung, more, enter_all(hosts, "good") > 0)


def test_time_outs_at_the_same_moment_are_one_bad_moment(clock: FakeClock) -> None:
    """However many accounts had one: their server goes on."""
    hosts = Hosts(clock, THREADS)
    prove(hosts, "a")
    clock.advance(1)
    count = enter_all(hosts, "a")
    clock.advance(10)
    leave_all(hosts, "a", count, "hangs")
    assert (24, 0.0, True) == (count, hosts.pause_seconds("a", "another"), hosts.choice().allows("a"))


def test_a_server_that_answers_others_is_never_given_up(clock: FakeClock) -> None:
    """Accounts that hang while others get answers hang by themselves, also when nobody else is there later."""
    hosts = Hosts(clock, THREADS)
    for account in "abcdef":
        hosts.enter("a", account)
    clock.advance(1)
    attempt(hosts, "a", "good", clock, "answers", 0)
    for account in "abcdef":
        clock.advance(10)
        hosts.leave("a", account, "hangs")
    for _ in range(3):
        for account in "abcdef":
            attempt(hosts, "a", account, clock, "hangs")
    assert (0.0, []) == (hosts.pause_seconds("a", "good"), hosts.trouble())


def test_an_answer_to_the_look_afterwards_is_an_answer(clock: FakeClock) -> None:
    """The server is there, and this account hangs."""
    hosts = Hosts(clock, THREADS)
    for account in "abcdef":
        attempt(hosts, "a", account, clock, "account_hangs")
    for account in "abcdef":
        attempt(hosts, "a", account, clock, "hangs")
    assert ([], 0.0) == (hosts.trouble(), hosts.pause_seconds("a", "good"))


def test_one_account_never_gives_up_its_server(clock: FakeClock) -> None:
    """Its own retries wait longer each time; that it gets no answer is shown."""
    hosts = Hosts(clock, THREADS)
    for _ in range(10):
        attempt(hosts, "a", "only", clock, "hangs")
    assert ([Trouble("a", 10, 0.0)], 0.0) == (hosts.trouble(), hosts.pause_seconds("a", "only"))


def test_accounts_that_hang_by_themselves_share_a_quarter_of_the_threads(clock: FakeClock) -> None:
    """The others need not wait for them."""
    hosts = Hosts(clock, THREADS)
    prove(hosts, "a")
    for number in range(20):
        attempt(hosts, "a", str(number), clock, "account_hangs", 0)
    tried = 0
    while not hosts.pause_seconds("a", str(tried)):
        hosts.enter("a", str(tried))
        tried += 1
    assert (THREADS // 4, TURN_SECONDS, 0.0) == (
        tried,
        hosts.pause_seconds("a", str(tried)),
        hosts.pause_seconds("a", "good"),
    )


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.75), (0.5, 1.0), (1.0, 1.25)])
def test_the_accounts_of_a_server_that_hangs_are_tried_one_at_a_time(
    clock: FakeClock, chance: float, share: float
) -> None:
    """After pauses that grow up to a minute, each varied by up to a quarter; they are left alone meanwhile."""
    dice = Dice(clock.now())
    dice.chance = chance
    hosts = Hosts(dice, THREADS)
    hang(hosts, "hung", dice)
    pauses = [hosts.pause_seconds("hung", "a")]
    for _ in range(7):
        dice.advance(pauses[-1])
        assert 0 == hosts.pause_seconds("hung", "a")
        hosts.enter("hung", "a")
        assert hosts.pause_seconds("hung", "b") >= TURN_SECONDS
        hosts.leave("hung", "a", "hangs")
        pauses.append(hosts.pause_seconds("hung", "a"))
    assert [share * seconds for seconds in (5, 10, 20, 40, 60, 60, 60, 60)] == pauses


def test_other_accounts_of_a_server_that_hangs_are_tried_soon(clock: FakeClock) -> None:
    """One at once, the following ones after one, two, four and then every five seconds: one answer frees all."""
    hosts = Hosts(clock, THREADS)
    hang(hosts, "hung", clock)
    waits = []
    for number in range(6):
        waits.append(hosts.pause_seconds("hung", f"other {number}"))
        clock.advance(waits[-1])
        hosts.enter("hung", f"other {number}")
    hosts.leave("hung", "other 0", "answers")
    assert ([0, 1, 2, 4, 5, 5], 0.0) == (waits, hosts.pause_seconds("hung", "a"))


def test_one_answer_ends_the_pause(clock: FakeClock) -> None:
    """Whatever it answers: it does not hang any more."""
    events: list[tuple[str, Any]] = []
    hosts = Hosts(clock, THREADS, lambda event, **facts: events.append((event, facts["server"])))
    hang(hosts, "a", clock)
    attempt(hosts, "a", "a", clock, "answers")
    assert (0, [], [("server_hangs", "a"), ("server_answers", "a")]) == (
        hosts.pause_seconds("a", "a"),
        hosts.trouble(),
        events,
    )


def test_what_says_nothing_about_a_server(clock: FakeClock) -> None:
    """A post that failed before its server was asked neither opens nor closes anything."""
    hosts = Hosts(clock, THREADS)
    hang(hosts, "a", clock)
    before = hosts.trouble()
    hosts.enter("a", "d")
    hosts.leave("a", "d", None)
    assert before == hosts.trouble()


class Answered(SkywriteError):
    """An error that the server answered with."""

    def __init__(self, status: int) -> None:
        super().__init__("x")
        self.status = status


@pytest.mark.parametrize(
    ("error", "seconds", "expected", "after_a_look"),
    [
        (None, 99.0, "answers", "answers"),
        (TimedOut("x"), 0.1, "hangs", "account_hangs"),
        (NotSent("x"), 2.9, None, "answers"),
        (NotSent("x"), 3.0, "hangs", "account_hangs"),
        (NoAnswer("x"), 2.9, None, "answers"),
        (NoAnswer("x"), 3.0, "hangs", "account_hangs"),
        (ValueError("x"), 99.0, None, "answers"),
        (Answered(400), 99.0, "answers", "answers"),
        (Answered(502), 3.0, "hangs", "account_hangs"),
        (Answered(503), 2.9, "answers", "answers"),
        (Answered(503), 3.0, "hangs", "account_hangs"),
        (Answered(504), 3.0, "hangs", "account_hangs"),
        (Answered(500), 3.0, "answers", "answers"),
    ],
)
def test_what_an_attempt_shows(error: Exception | None, seconds: float, expected: Shown, after_a_look: Shown) -> None:
    """A time-out, no answer for three seconds, and a gateway that waited as long: it hangs, or just this account, if
    the server answered when it was asked what had become of the write. Any other answer is one."""
    assert (expected, after_a_look) == (shown_by(error, seconds), shown_by(error, seconds, looked=True))


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
    """With two threads, a server that hangs keeps one of them, however long."""
    for threads in (2, 4):
        hosts = Hosts(clock, threads)
        assert 1 == enter_all(hosts, "hung")
        clock.advance(STUCK_SECONDS)
        assert hosts.choice().allows("good")


def test_videos_get_a_share(clock: FakeClock) -> None:
    """A video waits for its service for minutes: other posts do not wait with it."""
    hosts = Hosts(clock, THREADS)
    prove(hosts, "a")
    count = 0
    while not hosts.videos_full():
        hosts.enter("a", f"video {count}", video=True)
        count += 1
    assert hosts.choice().allows("a")
    hosts.leave("a", "video 0", "answers", video=True)
    assert not hosts.videos_full()


def test_a_few_threads_upload_one_video_at_a_time(clock: FakeClock) -> None:
    """A quarter of the threads, and always one."""
    for threads, share in ((1, 1), (2, 1), (4, 1), (8, 2)):
        hosts = Hosts(clock, threads)
        for number in range(share):
            assert not hosts.videos_full()
            hosts.enter("a", str(number), video=True)
        assert hosts.videos_full()


def test_how_long_a_server_is_left_alone_is_shown(clock: FakeClock) -> None:
    """The seconds that are left of its pause, down to none."""
    clock.advance(100)
    hosts = Hosts(clock, THREADS)
    hang(hosts, "a", clock)
    (first,) = hosts.trouble()
    clock.advance(2)
    (second,) = hosts.trouble()
    clock.advance(PAUSE_SECONDS_MAX)
    (third,) = hosts.trouble()
    assert (2.0, 0.0, 3) == (first.pause_seconds - second.pause_seconds, third.pause_seconds, third.times)
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
