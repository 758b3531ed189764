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
    """And at once, when it is new."""
    assert 5 == walked(Pace(), ONE, 5 * 60)


def test_who_is_talked_to_is_looked_at_every_five_seconds() -> None:
    """For five minutes after the last item; then once a minute."""
    pace = Pace()
    pace.due(ONE, NOON)
    pace.looked("did:a", NOON, 1)
    talking = TALKING_FOR // TALKING
    later = NOON + TALKING
    assert talking == walked(pace, ONE, int(TALKING_FOR.total_seconds()), later)
    assert 2 >= walked(pace, ONE, 2 * int(QUIET.total_seconds()), later + TALKING_FOR) - 1


def test_a_server_is_asked_only_so_often() -> None:
    """A thousand accounts share what it allows; those on another server are not slowed down."""
    servers = {f"did:{number}": "https://one.example" for number in range(1000)}
    pace = Pace()
    walked(pace, servers, 1)
    assert 600 * REQUESTS_PER_SECOND >= walked(pace, servers, 600, NOON + timedelta(seconds=1))
    both = {**servers, "did:alone": "https://two.example"}
    pace = Pace()
    first = pace.due(both, NOON)
    assert 1001 == len(first)
    assert ["did:alone"] == pace.due(both, NOON + QUIET)


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
