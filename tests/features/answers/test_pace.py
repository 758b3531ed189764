"""How often the notifications of accounts are read: soon while somebody talks, and within what servers allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from skywrite.features.answers.collecting import QUIET, REQUESTS_PER_SECOND, TALKING, TALKING_FOR, Pace

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
ONE = {"did:a": "https://one.example"}


def walked(pace: Pace, servers: dict[str, str], seconds: int, since: datetime = NOON) -> int:
    """How many looks there are in so many seconds."""
    looks = 0
    for second in range(seconds):
        now = since + timedelta(seconds=second)
        for did in pace.due(servers, now):
            pace.looked(did, now, 0)
            looks += 1
    return looks


def test_a_quiet_account_is_looked_at_once_a_minute() -> None:
    """And at once, when it is new, before its own moment of each minute."""
    assert 1 + 5 == walked(Pace(), ONE, 5 * 60)


def test_who_is_talked_to_is_looked_at_every_five_seconds() -> None:
    """For five minutes after the last item; then once a minute."""
    pace = Pace()
    pace.due(ONE, NOON)
    pace.looked("did:a", NOON, 1)
    talking = TALKING_FOR // TALKING
    later = NOON + TALKING
    # The first one is late, and the next one at its own moment again.
    assert talking + 1 == walked(pace, ONE, int(TALKING_FOR.total_seconds()), later)
    assert 2 >= walked(pace, ONE, 2 * int(QUIET.total_seconds()), later + TALKING_FOR) - 1


def test_a_server_is_asked_only_so_often() -> None:
    """Three hundred accounts share what it allows; those on another server are not slowed down."""
    servers = {f"did:{number}": "https://one.example" for number in range(300)}
    pace = Pace()
    walked(pace, servers, 1)
    # In three rounds of all of them, which take a hundred seconds each.
    assert 300 * REQUESTS_PER_SECOND == walked(pace, servers, 300, NOON + timedelta(seconds=1))
    both = {**servers, "did:alone": "https://two.example"}
    pace = Pace()
    assert 301 == len(pace.due(both, NOON))
    looks = [did for second in range(1, 301) for did in pace.due(both, NOON + timedelta(seconds=second))]
    assert 5 == looks.count("did:alone")


def test_those_who_are_talked_to_are_not_looked_at_all_at_once() -> None:
    """A hundred of them, who all began at the same moment, are spread over the five seconds."""
    servers = {f"did:{number}": f"https://{number % 20}.example" for number in range(100)}
    pace, counts = Pace(), list[int]()
    for tenth in range(1200):
        now = NOON + timedelta(seconds=tenth / 10)
        found = pace.due(servers, now)
        counts.append(len(found))
        for did in found:
            pace.looked(did, now, 1)
    assert (100, 100) == (counts[0], sum(counts[-50:]))
    assert max(counts[600:]) < 10


def test_a_clock_that_was_wrong_keeps_nobody_waiting() -> None:
    """A time that is further ahead than there can be means now."""
    pace = Pace()
    pace.due(ONE, NOON + timedelta(days=1))
    assert ["did:a"] == pace.due(ONE, NOON)


def test_what_looking_takes_does_not_count() -> None:
    """Who is asked every five seconds is looked at each time, though the look before took a moment."""
    pace, looks = Pace(), 0
    for number in range(10):
        now = NOON + number * TALKING
        for did in pace.due(ONE, now):
            pace.looked(did, now + TALKING / 10, 1)
            looks += 1
    assert 10 == looks


def test_who_is_gone_is_not_looked_at_again() -> None:
    """Also if its last look ends after that."""
    pace, other = Pace(), {"did:b": "https://one.example"}
    pace.due(ONE, NOON)
    pace.due(other, NOON)
    pace.looked("did:a", NOON, 1)
    assert ["did:b"] == pace.due(other, NOON + QUIET)
