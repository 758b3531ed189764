"""Weekly slots: their text, when they come, the next free one, and jitter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skywrite.posting.schedule.localtime import UnknownZone, after_gap, next_change, to_local, to_utc, zone_of
from skywrite.posting.schedule.slots import FreeSlots, format_slots, parse_slots, slot_times, with_jitter
from skywrite.queue.model import Slot
from tests.support.errors import fails

BERLIN = "Europe/Berlin"
ZONES = (BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC")
# Wednesday, 11:30 in Berlin.
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
light = settings(max_examples=50, deadline=None)
moments = st.datetimes(datetime(2006, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))
slot_lists = st.lists(
    st.builds(Slot, st.integers(0, 6), st.integers(0, 1439), st.sampled_from(ZONES)),
    min_size=1,
    max_size=6,
    unique=True,
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mon-fri 9:00,17:30; sat 11:00", "mon-fri 9:00,17:30; sat 11:00"),
        ("Saturday 11am ; Monday-Friday 9:00, 5:30 pm", "mon-fri 9:00,17:30; sat 11:00"),
        ("mon 9:00\nmon 9:00\nmon 17:30", "mon 9:00,17:30"),
        ("daily noon", None),
        ("daily 12:00", "mon-sun 12:00"),
        ("everyday 12:00", "mon-sun 12:00"),
        ("weekdays 9:00; weekends 10:00", "mon-fri 9:00; sat,sun 10:00"),
        ("fri-mon 8:00", "mon,fri-sun 8:00"),
        ("mon,wed - fri 0:05 23:59", "mon,wed-fri 0:05,23:59"),
        ("", ""),
        (" ; ", ""),
    ],
)
def test_slots_are_read_and_written_alike(text: str, expected: str | None) -> None:
    """Days and times in many spellings become one, in the order of the week."""
    if expected is None:
        with fails("slots.invalid"):
            parse_slots(text, BERLIN)
        return
    slots = parse_slots(text, BERLIN)
    assert expected == format_slots(slots)
    assert sorted(slots) == slots


@pytest.mark.parametrize(
    "text",
    ["9:00", "mon", "foo 9:00", "mon 25:00", "mon 9", "mon 9:00 tue", "mon-foo 9:00", "9:00 mon", "mon 9:00-10:00"],
)
def test_what_are_no_slots_is_refused_with_an_example(text: str) -> None:
    """Days come first, then times; nothing is guessed."""
    with fails("slots.invalid") as caught:
        parse_slots(text, BERLIN)
    assert "mon-fri 9:00,17:30" in caught.value.hint


def test_there_is_a_limit_to_slots() -> None:
    """Four an hour, all week, are enough."""
    quarters = ",".join(f"{minute // 60}:{minute % 60:02d}" for minute in range(0, 1440, 15))
    assert 7 * 24 * 4 == len(parse_slots(f"daily {quarters}", BERLIN))
    text = "daily " + ",".join(f"{minute // 60}:{minute % 60:02d}" for minute in range(0, 1440, 14))
    with fails("slots.invalid"):
        parse_slots(text, BERLIN)


def test_slots_need_a_zone() -> None:
    """The zone is of the IANA database; its name is kept as it is written there."""
    with pytest.raises(UnknownZone):
        parse_slots("mon 9:00", "Mars/Olympus")
    assert [Slot(0, 540, BERLIN)] == parse_slots("mon 9:00", "europe/berlin")


@light
@given(slot_lists)
def test_what_is_written_is_read_back(slots: list[Slot]) -> None:
    """Slots of one zone survive being written and read."""
    one_zone = sorted({Slot(slot.weekday, slot.minute, BERLIN) for slot in slots})
    assert one_zone == parse_slots(format_slots(one_zone), BERLIN)


@light
@given(slot_lists, moments)
def test_slots_come_in_order_in_every_zone(slots: list[Slot], start: datetime) -> None:
    """Moments are strictly increasing after the start, and each is a slot's local time or was moved out of a gap."""
    times = list(islice(slot_times(slots, start), 12))
    assert all(one < other for one, other in pairwise([start, *times]))
    for at in times:
        locals_ = [at.astimezone(ZoneInfo(slot.zone)) for slot in slots]
        shown = any(
            (slot.weekday, slot.minute) == (local.weekday(), local.hour * 60 + local.minute)
            for slot, local in zip(slots, locals_, strict=True)
        )
        day = timedelta(days=1)
        assert shown or any(next_change(at - 2 * day, at, ZoneInfo(slot.zone)) for slot in slots)


@light
@given(slot_lists, moments)
def test_no_slot_is_left_out(slots: list[Slot], start: datetime) -> None:
    """Every slot of the two weeks that follow is among the moments."""
    stop = start + timedelta(days=14)
    times = {at for at in islice(slot_times(slots, start), 8 * len(slots) * 3) if at <= stop}
    expected = set()
    for slot in slots:
        for number in range(-2, 17):
            day = start.date() + timedelta(days=number)
            if day.weekday() == slot.weekday:
                local = datetime.combine(day, datetime.min.time()) + timedelta(minutes=slot.minute)
                at = to_utc(local, ZoneInfo(slot.zone)).at
                expected.update([at] if start < at <= stop else [])
    assert expected == times


def test_slots_keep_to_the_clock_on_the_wall() -> None:
    """9:00 stays 9:00 when clocks change; 2:30 moves to 3:30 on the day without it, and comes once on that with two."""
    slots = parse_slots("sun 2:30,9:00", BERLIN)
    spring = [utc(2026, 3, 22, 8), utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 7)]
    assert spring == list(islice(slot_times(slots, utc(2026, 3, 22, 7)), 3))
    autumn = [utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 8)]
    assert autumn == list(islice(slot_times(slots, utc(2026, 10, 24)), 2))


def test_the_next_free_slot_is_the_first_that_is_not_taken_to_the_minute() -> None:
    """Jitter does not free a slot; the present moment is no slot any more."""
    slots = parse_slots("wed 11:30,12:00; thu 9:00", BERLIN)
    assert utc(2026, 11, 25, 11) == FreeSlots(slots, now=NOW, taken=()).take()
    assert utc(2026, 11, 26, 8) == FreeSlots(slots, now=NOW, taken=[utc(2026, 11, 25, 11, 0, 42)]).take()
    assert utc(2026, 11, 25, 11) == FreeSlots(slots, now=NOW, taken=[utc(2026, 11, 25, 10, 59, 59)]).take()


@light
@given(slot_lists, moments, st.integers(1, 15))
def test_slots_are_filled_one_after_the_other(slots: list[Slot], now: datetime, count: int) -> None:
    """Taking the next free slot again and again gives the slots in order, each minute once."""
    free = FreeSlots(slots, now=now, taken=())
    assert list(islice(slot_times(slots, now), count)) == [free.take() for _ in range(count)]


def test_no_slot_is_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are taken one after the other, the week is gone through once."""
    looked: list[datetime] = []

    def watched(slots: Sequence[Slot], start: datetime) -> Iterator[datetime]:
        for moment in slot_times(slots, start):
            looked.append(moment)
            yield moment

    monkeypatch.setattr("skywrite.posting.schedule.slots.slot_times", watched)
    free = FreeSlots(parse_slots("daily 9:00,17:00", BERLIN), now=NOW, taken=())
    assert [free.take() for _ in range(500)] == looked


def test_with_and_without_jitter_slots_are_taken_from_the_same_ones() -> None:
    """With jitter nothing may be due behind a slot; one that is passed over for that stays free for others."""
    free = FreeSlots(parse_slots("wed 9:00; thu 9:00; fri 9:00", BERLIN), now=NOW, taken=[utc(2026, 11, 26, 8, 5)])
    taken = [free.take(600), free.take(), free.take(600), free.take()]
    assert [27, 26, 2, 3] == [moment.day for moment in taken]


@pytest.mark.parametrize(
    ("jitter", "behind", "is_free"),
    [(0, 1, True), (59, 1, False), (59, 2, True), (600, 11, False), (600, 12, True)],
)
def test_jitter_needs_free_minutes_behind_its_slot(jitter: int, behind: int, is_free: bool) -> None:
    """As many as the jitter can be, and a minute more; what is due after that does not matter."""
    slots = parse_slots("thu 9:00; fri 9:00", BERLIN)
    first = utc(2026, 11, 26, 8)
    taken = FreeSlots(slots, now=NOW, taken=[first + timedelta(minutes=behind)]).take(jitter)
    assert is_free == (first == taken)


def test_slots_are_searched_for_two_years() -> None:
    """The last of them is still found."""
    slots, last = parse_slots("sun 11:30", BERLIN), NOW + timedelta(days=2 * 366)
    taken = list(takewhile(lambda at: at < last, slot_times(slots, NOW)))
    free = FreeSlots(slots, now=NOW, taken=taken)
    assert last == free.take()
    with fails("slots.none", match="next two years"):
        free.take()


def test_without_a_free_slot_there_is_an_error_that_says_how_to_set_some() -> None:
    """No slots at all, and all taken for two years."""
    with fails("slots.none", match="has no weekly slots") as caught:
        FreeSlots([], now=NOW, taken=()).take()
    assert "mon-fri 9:00,17:30" in caught.value.hint
    slots = parse_slots("mon 9:00", BERLIN)
    with fails("slots.none"):
        FreeSlots(slots, now=NOW, taken=list(islice(slot_times(slots, NOW), 120))).take()


@given(moments, st.integers(0, 86_400), st.floats(0, 1, exclude_max=True))
def test_jitter_is_never_earlier_and_never_all_of_it(at: datetime, seconds: int, random: float) -> None:
    """A part of the jitter in whole seconds is added."""
    moved = with_jitter(at, seconds, random)
    assert at <= moved <= at + timedelta(seconds=max(seconds - 1, 0))
    assert 0 == (moved - at).microseconds


def test_a_gap_ends_when_clocks_go_forward() -> None:
    """The end of a gap is found to the second, also where it is half an hour or a whole day."""
    assert utc(2026, 3, 29, 1) == after_gap(datetime(2026, 3, 29, 2, 17), zone_of(BERLIN))
    assert utc(2026, 10, 3, 15, 30) == after_gap(datetime(2026, 10, 4, 2, 11), zone_of("Australia/Lord_Howe"))
    assert utc(2011, 12, 30, 10) == after_gap(datetime(2011, 12, 30, 9), zone_of("Pacific/Apia"))


def test_a_change_of_the_clocks_is_found_to_the_second() -> None:
    """From any part of a second to any other, the end included; before and after there is none."""
    change, zone = utc(2026, 3, 29, 1), zone_of(BERLIN)
    half = timedelta(microseconds=500_000)
    assert change == next_change(change - half, change, zone)
    assert change == next_change(change - half, change + half, zone)
    assert change == next_change(change - timedelta(days=3) + half, change + timedelta(days=3), zone)
    assert None is next_change(change, change + timedelta(days=3), zone)
    assert None is next_change(change - timedelta(days=3), change - half, zone)
    # A local time that comes twice is the same in both hours, and says nothing about which one it was.
    assert [0, 0] == [to_local(utc(2026, 10, 25, hour, 30), zone).fold for hour in (0, 1)]


def test_a_local_time_is_plain_comes_twice_or_does_not_exist() -> None:
    """To the last minute before, and from the first minute after."""
    zone = zone_of(BERLIN)
    kinds = {
        **{(3, 29, 1, 59): "plain", (3, 29, 2, 0): "gap", (3, 29, 2, 59): "gap", (3, 29, 3, 0): "plain"},
        **{(10, 25, 1, 59): "plain", (10, 25, 2, 0): "twice", (10, 25, 2, 59): "twice", (10, 25, 3, 0): "plain"},
    }
    assert kinds == {wall: to_utc(datetime(2026, *wall), zone).kind for wall in kinds}
