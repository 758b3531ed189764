"""TIDs: their form, their order, and the two ways to make them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.clock import FakeClock
from skywrite.protocol.atproto.syntax import InvalidSyntax, Tid
from skywrite.protocol.atproto.tid import (
    CLOCK_IDS,
    MAX_KEYED_INDEX,
    MAX_MICROS,
    TidClock,
    keyed_tid,
    tid_from,
    tid_micros,
)

DATETIME = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)
moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))
micros = st.integers(0, MAX_MICROS)
clock_ids = st.integers(0, CLOCK_IDS - 1)


@pytest.mark.parametrize(
    ("tid", "at", "clock_id"),
    [("2222222222222", 0, 0), ("222222222222z", 0, 31), ("2222222222322", 1, 0), ("bzzzzzzzzzzzz", 2**53 - 1, 1023)],
)
def test_a_tid_is_base32_of_the_time_and_the_clock_id(tid: str, at: int, clock_id: int) -> None:
    """The bits are a zero, 53 of microseconds and 10 of clock id, five a character, highest first."""
    assert tid == tid_from(at, clock_id)


def test_a_published_tid_tells_its_time() -> None:
    """The example of the specification, read as a number to base 32, holds the same time."""
    digits = str.maketrans("234567abcdefghijklmnopqrstuvwxyz", "0123456789abcdefghijklmnopqrstuv")
    tid = "3jzfcijpj2z2a"
    assert int(tid.translate(digits), 32) >> 10 == tid_micros(tid) == 1_688_137_381_887_007


@given(micros, clock_ids)
def test_a_tid_is_valid_and_gives_its_time_back(at: int, clock_id: int) -> None:
    """Every time and clock id make a valid TID which holds that time."""
    assert at == tid_micros(Tid(tid_from(at, clock_id)))


@given(st.tuples(micros, clock_ids), st.tuples(micros, clock_ids))
def test_tids_sort_as_their_times(one: tuple[int, int], other: tuple[int, int]) -> None:
    """The order of the texts is the order of times, then of clock ids."""
    assert (one < other) == (tid_from(*one) < tid_from(*other))


@pytest.mark.parametrize(("at", "clock_id"), [(-1, 0), (MAX_MICROS + 1, 0), (0, -1), (0, CLOCK_IDS)])
def test_what_does_not_fit_is_refused(at: int, clock_id: int) -> None:
    """Times before 1970 or beyond 53 bits and clock ids beyond 10 bits raise InvalidSyntax."""
    with pytest.raises(InvalidSyntax):
        tid_from(at, clock_id)


@given(st.lists(st.floats(-100_000, 100_000, allow_nan=False), max_size=50))
def test_a_tid_clock_only_goes_up_when_the_computers_goes_back(steps: list[float]) -> None:
    """Whatever the computer's clock does, each TID sorts after the one before."""
    clock = FakeClock(DATETIME)
    tids = TidClock(clock)
    keys = [tids.next()]
    for seconds in steps:
        clock.advance(seconds)
        keys.append(tids.next())
    assert sorted(set(keys)) == keys


def test_a_tid_clock_tells_the_present() -> None:
    """The first TID holds the clock's own microsecond."""
    assert DATETIME.timestamp() * 1e6 == tid_micros(TidClock(FakeClock(DATETIME)).next())


def test_threads_never_share_a_tid() -> None:
    """Eight threads that draw from one clock get only different TIDs, each of them rising."""
    tids = TidClock(FakeClock(DATETIME))
    start = threading.Barrier(8)
    drawn: list[list[str]] = [[] for _ in range(8)]

    def draw(mine: list[str]) -> None:
        start.wait()
        mine.extend(tids.next() for _ in range(500))

    threads = [threading.Thread(target=draw, args=(mine,)) for mine in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [tid for mine in drawn for tid in mine]
    assert 8 * 500 == len(everything) == len(set(everything))
    assert drawn == [sorted(mine) for mine in drawn]


def test_a_keyed_tid_never_changes() -> None:
    """The TID of a moment, a key and an index stays what it was, or old posts would be posted again."""
    expected = ["3mzkklvp3ig65", "3mzkklvp3ihfy"]
    assert expected == [keyed_tid(DATETIME, "daily", index) for index in (0, 1)]


@given(moments, st.text(), st.lists(st.integers(0, MAX_KEYED_INDEX), min_size=2, unique=True))
def test_keyed_tids_sort_by_index(moment: datetime, key: str, indexes: list[int]) -> None:
    """The posts of one thread sort in their order."""
    expected = [keyed_tid(moment, key, index) for index in sorted(indexes)]
    assert expected == sorted(expected)
    assert len(indexes) == len(set(expected))


@given(moments, st.text(), st.text(), st.integers(0, MAX_KEYED_INDEX), st.integers(1, 10**9))
def test_keyed_tids_sort_by_second(moment: datetime, key: str, other: str, index: int, seconds: int) -> None:
    """A TID of a later second sorts after every TID of an earlier one, whatever the keys."""
    assert keyed_tid(moment, key, MAX_KEYED_INDEX) < keyed_tid(moment + timedelta(seconds=seconds), other, index)


@given(moments, st.text(), st.integers(0, MAX_KEYED_INDEX))
def test_a_keyed_tid_stays_in_its_second(moment: datetime, key: str, index: int) -> None:
    """The TID holds the moment's second, and the microseconds of the moment do not matter."""
    tid = keyed_tid(moment, key, index)
    second = moment.replace(microsecond=0)
    assert second == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=tid_micros(Tid(tid)) // 1_000_000)
    assert tid == keyed_tid(second, key, index)


def test_a_keyed_tid_does_not_depend_on_the_zone() -> None:
    """The same moment in another zone gives the same TID."""
    there = DATETIME.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert keyed_tid(DATETIME, "daily") == keyed_tid(there, "daily")


def test_keys_of_one_second_differ() -> None:
    """Ten thousand keys in one second make ten thousand TIDs."""
    keys = [f"key-{number}" for number in range(10_000)]
    assert len(keys) == len({keyed_tid(DATETIME, key) for key in keys})


@pytest.mark.parametrize(("moment", "index"), [(DATETIME.replace(tzinfo=None), 0), (DATETIME, -1), (DATETIME, 1000)])
def test_a_keyed_tid_needs_a_zone_and_an_index_in_range(moment: datetime, index: int) -> None:
    """A naive moment and an index outside 0 to 999 raise InvalidSyntax."""
    with pytest.raises(InvalidSyntax):
        keyed_tid(moment, "daily", index)
