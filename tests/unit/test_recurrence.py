"""Rules that come again: when, in every zone, with their ends, their exceptions and after downtime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from skywrite.posting.schedule.localtime import UnknownZone, next_change, to_local
from skywrite.posting.schedule.recurrence import (
    NeverHappens,
    Occurrence,
    UnknownRule,
    catch_up,
    describe,
    parse_rule,
    pick,
)
from skywrite.posting.schedule.rrule import RRule
from tests.support.errors import fails

ZONES = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"),
    *("Pacific/Apia", "Africa/Casablanca", "America/St_Johns", "UTC"),
)
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
light = settings(max_examples=40, deadline=None)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def moments(text: str, after: datetime, count: int, zone: str = "Europe/Berlin") -> list[datetime]:
    return list(islice(parse_rule(text, zone=zone).times(after), count))


def local(text: str, after: datetime, count: int, zone: str = "Europe/Berlin") -> list[str]:
    return [f"{at.astimezone(ZoneInfo(zone)):%a %d %b %H:%M}" for at in moments(text, after, count, zone)]


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and a whole hour, mostly shortly before that zone's clocks change."""
    zone = draw(st.sampled_from(ZONES))
    days = draw(st.integers(0, 365 * 25))
    begin = utc(2006, 1, 1) + days * DAY
    change = next_change(begin, begin + 400 * DAY, ZoneInfo(zone))
    if change is not None and draw(st.integers(0, 3)):
        begin = change - draw(st.integers(0, 50)) * timedelta(hours=1)
    return zone, begin.replace(minute=0, second=0)


def quarters(begin: datetime, days: int) -> list[datetime]:
    return [begin + QUARTER * step for step in range(1, days * 96 + 1)]


def first_shown(target: datetime, walls: list[tuple[datetime, datetime]], zone: ZoneInfo) -> list[datetime]:
    """The first minute that shows the target or later; St John's changed its clocks at 00:01 until 2011."""
    coarse = next((at for at, wall in walls if wall >= target), None)
    if coarse is None:
        return []
    minutes = [coarse - timedelta(minutes=back) for back in range(14, -1, -1)]
    return [next(at for at in minutes if to_local(at, zone) >= target)]


@light
@given(windows(), st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
def test_a_daily_time_comes_once_each_day_in_every_zone(window: tuple[str, datetime], hour: int, minute: int) -> None:
    """Cron's fixed time comes at the first moment at which the clock on the wall shows that time or a later one."""
    zone, begin = window
    walls = [(at, to_local(at, ZoneInfo(zone))) for at in quarters(begin - 3 * DAY, 8)]
    first = walls[0][1].date() + DAY
    expected = set()
    for number in range(7):
        target = datetime.combine(first + number * DAY, datetime.min.time()).replace(hour=hour, minute=minute)
        expected.update(first_shown(target, walls, ZoneInfo(zone)))
    stop = begin + 2 * DAY
    rule = parse_rule(f"{minute} {hour} * * *", zone=zone)
    actual = list(takewhile(lambda at: at <= stop, rule.times(begin)))
    assert sorted(at for at in expected if begin < at <= stop) == actual


@light
@given(windows(), st.sampled_from([(0,), (15, 45), (0, 15, 30, 45)]))
def test_an_hourly_rule_comes_in_every_hour_there_is(window: tuple[str, datetime], minutes: tuple[int, ...]) -> None:
    """A rule with a free hour comes whenever the clock on the wall shows its minute, twice in an hour that is twice."""
    zone, begin = window
    expected = [at for at in quarters(begin, 3) if to_local(at, ZoneInfo(zone)).minute in minutes]
    for text in (f"{','.join(map(str, minutes))} * * * *", f"FREQ=HOURLY;BYMINUTE={','.join(map(str, minutes))}"):
        rule = parse_rule(text, zone=zone)
        assert expected == list(takewhile(lambda at: at <= begin + 3 * DAY, rule.times(begin)))


RULES = (
    *("30 2 * * *", "0,30 1-3 * * *", "*/20 * * * *", "0 9 * * 1-5", "15 0 L * *", "daily 2:30,3:30", "every 5 hours"),
    *("FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=0,30", "FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=2;BYMINUTE=15", "monthly 29 9:00"),
)


@light
@given(windows(), st.sampled_from(RULES), st.integers(0, 86_400))
def test_times_are_strictly_increasing_and_do_not_depend_on_where_one_asks(
    window: tuple[str, datetime], text: str, seconds: int
) -> None:
    """Each moment is after the one before and after the one asked for, and asking from between gives the rest."""
    zone, begin = window
    rule = parse_rule(text, zone=zone)
    times = list(islice(rule.times(begin), 8))
    assert all(one < other for one, other in pairwise([begin, *times]))
    between = begin + timedelta(seconds=seconds)
    rest = [at for at in times if at > between]
    assert rest == list(islice(rule.times(between), len(rest)))
    assert [Occurrence(at, at) for at in rest[:1]] == [rule.next_after(between)] * len(rest[:1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 2 * * *", "Sun 29 Mar 03:00"),
        ("daily 2:30", "Sun 29 Mar 03:30"),
        ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Sun 29 Mar 03:30"),
        ("*/30 2 * * *", "Mon 30 Mar 02:00"),
    ],
)
def test_a_time_that_does_not_exist_comes_all_the_same(text: str, expected: str) -> None:
    """At the end of the gap for cron, moved by the gap for others, and not at all for a free minute."""
    assert [expected] == local(text, utc(2026, 3, 28, 12), 1)


@pytest.mark.parametrize("text", ["30 2 * * *", "daily 2:30", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30"])
def test_a_time_that_comes_twice_is_used_once(text: str) -> None:
    """The first of the two is used."""
    assert [utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)] == moments(text, utc(2026, 10, 24, 12), 2)


def test_times_moved_out_of_a_gap_keep_their_order() -> None:
    """03:10 comes before what 02:30 became, and what 02:00 became is not given beside 03:00."""
    text = "daily 2:00,2:30,3:00,3:10"
    expected = ["Sun 29 Mar 03:00", "Sun 29 Mar 03:10", "Sun 29 Mar 03:30", "Mon 30 Mar 02:00"]
    assert expected == local(text, utc(2026, 3, 28, 12), 4)
    assert expected[2:3] == local(text, utc(2026, 3, 29, 1, 15), 1)


def test_a_day_that_a_country_left_out_has_its_post_at_the_next_midnight() -> None:
    """Samoa had no 30 December 2011."""
    assert ["Thu 29 Dec 09:00", "Sat 31 Dec 00:00", "Sat 31 Dec 09:00"] == local(
        "0 9 * * *", utc(2011, 12, 29, 0), 3, "Pacific/Apia"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every weekday 9:00", ["Thu 26 Nov 09:00", "Fri 27 Nov 09:00", "Mon 30 Nov 09:00"]),
        ("daily at 9am and 5:30 pm", ["Wed 25 Nov 17:30", "Thu 26 Nov 09:00", "Thu 26 Nov 17:30"]),
        ("mon,fri 18:30", ["Fri 27 Nov 18:30", "Mon 30 Nov 18:30", "Fri 04 Dec 18:30"]),
        ("Fri - Mon noon", ["Fri 27 Nov 12:00", "Sat 28 Nov 12:00", "Sun 29 Nov 12:00"]),
        ("every monday and Thursday at 9:00", ["Thu 26 Nov 09:00", "Mon 30 Nov 09:00", "Thu 03 Dec 09:00"]),
        ("weekends 10:00", ["Sat 28 Nov 10:00", "Sun 29 Nov 10:00", "Sat 05 Dec 10:00"]),
        ("every 2 hours", ["Wed 25 Nov 12:00", "Wed 25 Nov 14:00", "Wed 25 Nov 16:00"]),
        ("every 30 minutes", ["Wed 25 Nov 12:00", "Wed 25 Nov 12:30", "Wed 25 Nov 13:00"]),
        ("hourly", ["Wed 25 Nov 12:00", "Wed 25 Nov 13:00", "Wed 25 Nov 14:00"]),
        ("monthly 1 9:00", ["Tue 01 Dec 09:00", "Fri 01 Jan 09:00", "Mon 01 Feb 09:00"]),
        ("every month 31st 9:00", ["Thu 31 Dec 09:00", "Sun 31 Jan 09:00", "Wed 31 Mar 09:00"]),
        ("monthly last 9:00", ["Mon 30 Nov 09:00", "Thu 31 Dec 09:00", "Sun 31 Jan 09:00"]),
        ("first monday of the month 9:00", ["Mon 07 Dec 09:00", "Mon 04 Jan 09:00", "Mon 01 Feb 09:00"]),
        ("every last fri 17:00", ["Fri 27 Nov 17:00", "Fri 25 Dec 17:00", "Fri 29 Jan 17:00"]),
        ("monday to friday 9:00", ["Thu 26 Nov 09:00", "Fri 27 Nov 09:00", "Mon 30 Nov 09:00"]),
        ("Friday through Monday at 9am", ["Fri 27 Nov 09:00", "Sat 28 Nov 09:00", "Sun 29 Nov 09:00"]),
        ("last day of the month 9:00", ["Mon 30 Nov 09:00", "Thu 31 Dec 09:00", "Sun 31 Jan 09:00"]),
        ("on the first day of the month at 9:00", ["Tue 01 Dec 09:00", "Fri 01 Jan 09:00", "Mon 01 Feb 09:00"]),
        ("last day of february 9:00", ["Sun 28 Feb 09:00", "Tue 29 Feb 09:00", "Wed 28 Feb 09:00"]),
        ("last weekday of the month 17:00", ["Mon 30 Nov 17:00", "Thu 31 Dec 17:00", "Fri 29 Jan 17:00"]),
        ("yearly 24 dec 17:00", ["Thu 24 Dec 17:00", "Fri 24 Dec 17:00", "Sun 24 Dec 17:00"]),
        ("@daily", ["Thu 26 Nov 00:00", "Fri 27 Nov 00:00", "Sat 28 Nov 00:00"]),
        ("0 9 * jan-dec mon-fri", ["Thu 26 Nov 09:00", "Fri 27 Nov 09:00", "Mon 30 Nov 09:00"]),
        ("0 9 29 2 *", ["Tue 29 Feb 09:00", "Sun 29 Feb 09:00", "Fri 29 Feb 09:00"]),
        ("0 9 13 * fri", ["Fri 27 Nov 09:00", "Fri 04 Dec 09:00", "Fri 11 Dec 09:00"]),
        ("RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=17", ["Mon 30 Nov 17:00", "Thu 31 Dec 17:00"]),
        ("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU;BYHOUR=9", ["Sun 03 Jan 09:00", "Sun 02 Jan 09:00", "Sun 31 Dec 09:00"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYHOUR=9", ["Mon 28 Dec 09:00", "Mon 27 Dec 09:00", "Mon 28 Dec 09:00"]),
        (
            "FREQ=YEARLY;BYWEEKNO=1;BYDAY=TH;WKST=SU;BYHOUR=9",
            ["Thu 07 Jan 09:00", "Thu 06 Jan 09:00", "Thu 04 Jan 09:00"],
        ),
        ("freq=weekly;byday=mo,fr;byhour=9;byminute=0", ["Fri 27 Nov 09:00", "Mon 30 Nov 09:00"]),
        ("FREQ=DAILY;BYHOUR=9;UNTIL=20261127", ["Thu 26 Nov 09:00", "Fri 27 Nov 09:00"]),
        ("FREQ=DAILY;BYHOUR=9;UNTIL=20261127T080000Z", ["Thu 26 Nov 09:00", "Fri 27 Nov 09:00"]),
        ("FREQ=DAILY;BYHOUR=9;UNTIL=20261127T075959Z", ["Thu 26 Nov 09:00"]),
        ("DTSTART:20261101T090000 RRULE:FREQ=DAILY;INTERVAL=10;COUNT=4", ["Tue 01 Dec 09:00"]),
    ],
)
def test_a_rule_comes_when_it_says(text: str, expected: list[str]) -> None:
    """Each form gives these local times, the first after Wednesday 25 November 2026, 11:30 in Berlin."""
    count = len(expected) if len(expected) == 3 else len(expected) + 1
    actual = local(text, NOW, count)
    ends = "UNTIL" in text or "COUNT" in text
    assert expected == (actual if ends or len(expected) == 3 else actual[: len(expected)])


def test_a_start_gives_a_rule_its_days_its_time_and_its_turn() -> None:
    """Every other week counts from the start, at the start's own time, and nothing comes before it."""
    start = utc(2027, 1, 4, 8)
    rule = parse_rule("every 2 weeks", zone="Europe/Berlin", start=start)
    assert [start, start + 14 * DAY, start + 28 * DAY] == list(islice(rule.times(NOW), 3))
    cron = parse_rule("0 9 * * *", zone="Europe/Berlin", start=start)
    assert Occurrence(start, start) == cron.next_after(NOW)


def test_a_count_ends_a_rule() -> None:
    """COUNT counts from the start, wherever one asks from."""
    start = utc(2026, 11, 20, 8)
    rule = parse_rule("FREQ=DAILY;COUNT=7", zone="UTC", start=start)
    assert [utc(2026, 11, 26, 8)] == list(rule.times(NOW))
    assert rule.next_after(utc(2026, 11, 26, 8)) is None


@pytest.mark.parametrize(("first", "days"), [("MO", [5, 10, 19, 24]), ("SU", [5, 17, 19, 31])])
def test_the_first_day_of_the_week_tells_which_weeks_are_left_out(first: str, days: list[int]) -> None:
    """The example of RFC 5545, 3.3.10: every other Tuesday and Sunday from 5 August 1997."""
    text = f"DTSTART:19970805T090000 RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST={first}"
    assert [utc(1997, 8, day, 9) for day in days] == moments(text, utc(1997, 1, 1), 9, "UTC")


def test_a_dtstart_in_a_zone_of_its_own_is_kept_there() -> None:
    """TZID goes before the account's zone; Z is UTC."""
    rule = parse_rule("DTSTART;TZID=America/New_York:20260105T090000\nRRULE:FREQ=DAILY", zone="Europe/Berlin")
    assert ("America/New_York", utc(2026, 11, 25, 14)) == (rule.zone, next(rule.times(NOW)))
    assert "UTC" == parse_rule("DTSTART:20260105T090000Z RRULE:FREQ=DAILY", zone="Europe/Berlin").zone


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "every",
            "every blue moon",
            "daily",
            "every day",
            "weekly",
            "monday",
            "9:00 sometimes",
            "every 2 hours 9:00",
        ),
        *("every 2 weeks mon 9:00", "every other day 9:00", "every second monday 9:00", "monthly", "yearly 24 9:00"),
        *(
            "first 2 monday 9:00",
            "mon foo 9:00",
            "every every",
            "daily weekly 9:00",
            "every 0 hours",
            "0 9 * *",
            "@reboot",
        ),
        *("* * * * * *", "60 * * * *", "0 24 * * *", "0 9 * * 8", "0 9 0 * *", "*/0 * * * *", "5-1 * * * *", "x" * 501),
        *(
            "FREQ=",
            "FREQ=FORTNIGHTLY",
            "FREQ=DAILY",
            "FREQ=WEEKLY;BYHOUR=9",
            "FREQ=MONTHLY;BYHOUR=9",
            "BYHOUR=9;FREQ=X",
        ),
        *(
            "FREQ=YEARLY;BYHOUR=9",
            "FREQ=YEARLY;BYMONTHDAY=4;BYHOUR=9",
            "FREQ=DAILY;BYHOUR=24",
            "FREQ=YEARLY;BYMONTH=13;BYMONTHDAY=4;BYHOUR=9;BYMINUTE=0",
            "FREQ=DAILY;BYHOUR=9;X=1",
            "FREQ=WEEKLY;BYWEEKNO=-1,1;BYDAY=MO;BYHOUR=9;BYSETPOS=1,2",
            "DTSTART:00010101T090000 RRULE:FREQ=DAILY",
            "* * ¹ * *",
            "0 9 * * ²",
            "every second day of the month 9:00",
            "first weekend of the month 9:00",
            "last day of the month",
            "last day 9:00",
            "3rd 9:00",
            "monday to 9:00",
        ),
        *("FREQ=DAILY;BYHOUR=9;COUNT=3", "FREQ=DAILY;INTERVAL=2;BYHOUR=9", "FREQ=DAILY;INTERVAL=0;BYHOUR=9"),
        *("FREQ=DAILY;BYHOUR=9;BYHOUR=10", "FREQ=DAILY;BYHOUR=9;UNTIL=soon", "FREQ=DAILY;BYHOUR=9;UNTIL=20261332"),
        *("FREQ=DAILY;BYDAY=1MO;BYHOUR=9", "FREQ=MONTHLY;BYDAY=0MO;BYHOUR=9", "FREQ=MONTHLY;BYMONTHDAY=0;BYHOUR=9"),
        *("FREQ=WEEKLY;BYDAY=XX;BYHOUR=9", "FREQ=WEEKLY;BYDAY=MO;WKST=X;BYHOUR=9", "FREQ=HOURLY;BYSETPOS=1"),
        *(
            "DTSTART:x RRULE:FREQ=DAILY",
            "EXDATE:20260101 RRULE:FREQ=DAILY;BYHOUR=9",
            "DTSTART:20260101 FREQ=DAILY FREQ=DAILY",
        ),
        *("DTSTART:20260101T090000 RRULE:FREQ=DAILY;COUNT=3;UNTIL=20270101", "FREQ=DAILY;BYHOUR=٩"),
    ],
)
def test_what_is_no_rule_is_refused_with_an_example(text: str) -> None:
    """Nothing is guessed: what is not understood, or depends on a start that is not given, is an UnknownRule."""
    with pytest.raises(UnknownRule) as caught:
        parse_rule(text, zone="Europe/Berlin")
    assert "" != caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        *("0 9 30 2 *", "0 9 31 4,6,9,11 *", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=9", "yearly 31 june 9:00"),
        *(
            "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=30",
            "FREQ=HOURLY;BYMONTH=4;BYYEARDAY=1",
        ),
        *(
            "DTSTART:20260101T090000 RRULE:FREQ=DAILY;UNTIL=20251231",
            "DTSTART:20260105T090000 RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        ),
    ],
)
def test_a_rule_that_never_comes_is_found_when_it_is_read(text: str) -> None:
    """There is no 30 February; the search for it ends."""
    with pytest.raises(NeverHappens):
        parse_rule(text, zone="Europe/Berlin")


@pytest.mark.parametrize("text", ["FREQ=SECONDLY", "every 10 seconds", "FREQ=MINUTELY;BYSECOND=0,30"])
def test_more_than_once_a_minute_is_too_often(text: str) -> None:
    """The shortest rule comes every minute."""
    with fails("rule.too_often"):
        parse_rule(text, zone="Europe/Berlin")
    assert [utc(2026, 11, 25, 10, 31)] == moments("* * * * *", NOW, 1)


def test_a_zone_that_does_not_exist_is_refused() -> None:
    """A rule needs a zone of the IANA database."""
    with pytest.raises(UnknownZone):
        parse_rule("@daily", zone="Mars/Olympus")


numbers = st.integers
picks = st.fixed_dictionaries(
    {"FREQ": st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"])},
    optional={
        "INTERVAL": numbers(1, 40),
        "COUNT": numbers(1, 60),
        "BYMONTH": st.lists(numbers(1, 12), min_size=1, max_size=3, unique=True),
        "BYMONTHDAY": st.lists(numbers(-31, 31).filter(bool), min_size=1, max_size=3, unique=True),
        "BYYEARDAY": st.lists(numbers(-366, 366).filter(bool), min_size=40, max_size=80, unique=True),
        "BYDAY": st.lists(st.sampled_from(["MO", "TU", "SA", "SU"]), min_size=1, max_size=3, unique=True)
        | st.lists(st.sampled_from(["1MO", "-1FR", "5SU", "2WE"]), min_size=1, max_size=2, unique=True),
        "BYHOUR": st.lists(numbers(0, 23), min_size=1, max_size=2, unique=True),
        "BYMINUTE": st.lists(numbers(0, 59), min_size=1, max_size=2, unique=True),
        "BYSETPOS": st.lists(st.sampled_from([1, 2, -1, -2]), min_size=1, max_size=2, unique=True),
        "WKST": st.sampled_from(["MO", "SU", "WE"]),
    },
)


@settings(max_examples=40, deadline=None)
@given(picks, st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1)), numbers(0, 3000))
def test_rrules_agree_with_dateutil(parts: dict[str, object], start: datetime, days: int) -> None:
    """Every rule that both take gives the same first times after any other.

    BYWEEKNO is compared with the calendar instead: dateutil loses days of a week that lies in two years, and gives
    others (2022-01-01 as week 53 of 2021, which has 52).
    """
    named = [name for name in parts if name.startswith("BY")]
    has_ordinals = any(str(day)[0] in "-125" for day in parts.get("BYDAY", ()))  # type: ignore[attr-defined]
    assume(not ("BYSETPOS" in parts and named == ["BYSETPOS"]))
    assume(not (has_ordinals and parts["FREQ"] not in ("YEARLY", "MONTHLY")))
    # Rules that are rarely or never met keep dateutil busy for minutes.
    assume(sum(name in parts for name in ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYDAY")) < 3)
    assume(not (parts["FREQ"] in ("HOURLY", "MINUTELY") and len(parts) > 4))
    start = start.replace(second=0, microsecond=0)
    text = ";".join(
        f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}" for name, value in parts.items()
    )
    try:
        rule = parse_rule(text, zone="UTC", start=start.replace(tzinfo=UTC))
    except NeverHappens:
        assume(False)
    after = start + days * DAY if parts["FREQ"] not in ("HOURLY", "MINUTELY") else start + days * timedelta(hours=1)
    try:
        expected = list(islice(rrulestr(text, dtstart=start).xafter(after), 5))
    except ValueError:
        # dateutil refuses hours and minutes that an interval never meets together.
        assume(False)
    horizon = utc(2060, 1, 1)
    actual = [at.replace(tzinfo=None) for at in islice(rule.times(after.replace(tzinfo=UTC)), 5) if at < horizon]
    assert [at for at in expected if at < horizon.replace(tzinfo=None)] == actual


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([-53, -52, -1, 1, 2, 26, 52, 53]), min_size=1, max_size=3, unique=True),
    st.lists(numbers(0, 6), min_size=1, max_size=7, unique=True),
    st.datetimes(datetime(2019, 12, 25), datetime(2027, 1, 8)),
)
def test_weeks_of_the_year_are_those_of_the_calendar(weeks: list[int], days: list[int], start: datetime) -> None:
    """A day is in week N where ISO 8601 says so, in whichever of two years it lies."""
    start = start.replace(second=0, microsecond=0)
    codes = [("MO", "TU", "WE", "TH", "FR", "SA", "SU")[day] for day in days]
    text = f"FREQ=YEARLY;BYWEEKNO={','.join(map(str, weeks))};BYDAY={','.join(codes)}"
    rule = parse_rule(text, zone="UTC", start=start.replace(tzinfo=UTC))
    stop = start + 9 * 366 * DAY
    expected = []
    for number in range(9 * 366):
        at = start + number * DAY
        year, week, _ = at.isocalendar()
        last = datetime(year, 12, 28).isocalendar()[1]
        if at.weekday() in days and not {week, week - last - 1}.isdisjoint(weeks):
            expected.append(at)
    times = [
        at.replace(tzinfo=None)
        for at in takewhile(lambda at: at.replace(tzinfo=None) < stop, rule.times(NOW - 9 * 366 * DAY))
    ]
    assert expected == times


def test_a_search_goes_over_what_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule of minutes for one hour a year looks at days and months, not at each minute since 1970."""
    looks: list[datetime] = []
    has_day = RRule._has_day
    monkeypatch.setattr(RRule, "_has_day", lambda rule, day: (looks.append(day), has_day(rule, day))[1])
    text = "DTSTART:19700101T090000 RRULE:FREQ=MINUTELY;COUNT=10000;BYMONTH=2;BYMONTHDAY=28;BYHOUR=3;BYMINUTE=3"
    rule = parse_rule(text, zone="UTC")
    expected = Occurrence(utc(2027, 2, 28, 3, 3), utc(2027, 2, 28, 3, 3))
    assert expected == catch_up(rule, None, NOW, late_seconds=3600)
    assert len(looks) < 57 * 31 * 10


def test_a_start_too_far_away_is_refused() -> None:
    """Wherever it is given: nothing counts from the year 1."""
    with pytest.raises(UnknownRule, match="too far away"):
        parse_rule("FREQ=DAILY;COUNT=3", zone="UTC", start=utc(1, 1, 2))


DAILY = "0 9 * * *"
NINE = utc(2026, 11, 26, 9)


def daily(**kwargs: object) -> Occurrence | None:
    return parse_rule(DAILY, zone="UTC").next_after(NOW, **kwargs)  # type: ignore[arg-type]


def test_a_skipped_occurrence_is_left_out() -> None:
    """An exception of None skips one; its key may be written in any zone."""
    expected = Occurrence(NINE + DAY, NINE + DAY)
    assert expected == daily(exceptions={"2026-11-26T09:00:00Z": None})
    assert expected == daily(exceptions={"2026-11-26T10:00:00+01:00": None})


def test_a_moved_occurrence_keeps_its_original_time() -> None:
    """An exception with a moment moves one; the next one is as before."""
    moved = {NINE.isoformat(): "2026-11-26T15:00:00+00:00"}
    assert Occurrence(utc(2026, 11, 26, 15), NINE) == daily(exceptions=moved)
    rule = parse_rule(DAILY, zone="UTC")
    assert Occurrence(NINE + DAY, NINE + DAY) == rule.next_after(NINE, exceptions=moved)


def test_an_occurrence_moved_to_what_is_over_is_left_out() -> None:
    """Nothing is given that is not after the moment asked for."""
    assert Occurrence(NINE + DAY, NINE + DAY) == daily(exceptions={NINE.isoformat(): NOW.isoformat()})


@pytest.mark.parametrize("exceptions", [{"tomorrow": None}, {"2026-11-26T09:00:00": None}, {NINE.isoformat(): "later"}])
def test_an_exception_that_is_no_time_is_refused(exceptions: dict[str, str | None]) -> None:
    """Both sides are moments with an offset."""
    with pytest.raises(UnknownRule):
        daily(exceptions=exceptions)


def test_an_end_is_the_last_time() -> None:
    """A rule may still come at its end, and not after."""
    assert Occurrence(NINE, NINE) == daily(until=NINE)
    assert daily(until=NINE - timedelta(seconds=1)) is None


def test_after_two_days_of_downtime_an_hourly_rule_makes_one_post() -> None:
    """The latest within the grace is made, the others are left out, and the next comes in time."""
    rule = parse_rule("0 * * * *", zone="Europe/Berlin")
    last = NOW - timedelta(hours=48, minutes=30)
    late = catch_up(rule, last, NOW, late_seconds=3600)
    assert Occurrence(utc(2026, 11, 25, 10), utc(2026, 11, 25, 10)) == late
    following = catch_up(rule, late.occurrence, NOW, late_seconds=3600) if late else None
    assert Occurrence(utc(2026, 11, 25, 11), utc(2026, 11, 25, 11)) == following


def test_of_many_within_the_grace_the_latest_is_made() -> None:
    """A rule of minutes makes one post of the present minute."""
    rule = parse_rule("* * * * *", zone="UTC")
    assert Occurrence(NOW, NOW) == catch_up(rule, NOW - 5 * DAY, NOW, late_seconds=86_400)
    half = NOW + timedelta(seconds=30)
    assert Occurrence(NOW, NOW) == catch_up(rule, NOW - timedelta(minutes=1), half, late_seconds=86_400)


def test_what_is_too_late_is_left_out() -> None:
    """With no occurrence within the grace, the next one to come is made; so also for one that was moved."""
    rule = parse_rule(DAILY, zone="UTC")
    assert Occurrence(NINE, NINE) == catch_up(rule, NINE - 5 * DAY, NOW, late_seconds=3600)
    moved = {(NINE - DAY).isoformat(): (NOW - timedelta(minutes=61)).isoformat()}
    assert Occurrence(NINE, NINE) == catch_up(rule, NINE - 5 * DAY, NOW, exceptions=moved, late_seconds=3600)


def test_a_rule_that_is_over_makes_nothing_more() -> None:
    """After its end there is None, also when its last occurrences were missed."""
    rule = parse_rule(DAILY, zone="UTC")
    assert catch_up(rule, NINE - 9 * DAY, NOW, until=NINE - 7 * DAY, late_seconds=3600) is None


def test_catching_up_minds_what_was_moved_and_skipped() -> None:
    """A skipped one is not made up for; one moved to later is waited for; one moved to before now is late."""
    rule = parse_rule(DAILY, zone="UTC")
    today, last = NINE - DAY, NINE - 2 * DAY
    skipped = {today.isoformat(): None}
    assert Occurrence(NINE, NINE) == catch_up(rule, last, NOW, exceptions=skipped, late_seconds=86_400)
    later = {today.isoformat(): "2026-11-25T18:00:00Z"}
    evening = Occurrence(utc(2026, 11, 25, 18), today)
    assert evening == catch_up(rule, last, NOW, exceptions=later, late_seconds=86_400)
    earlier = {NINE.isoformat(): "2026-11-25T10:00:00Z"}
    assert Occurrence(utc(2026, 11, 25, 10), NINE) == catch_up(rule, last, NOW, exceptions=earlier, late_seconds=86_400)


def test_an_exception_for_what_never_was_an_occurrence_changes_nothing() -> None:
    """A moment that the rule does not have cannot be moved into it."""
    rule = parse_rule(DAILY, zone="UTC")
    odd = {"2026-11-25T09:30:00Z": "2026-11-25T10:15:00Z"}
    assert Occurrence(NINE, NINE) == catch_up(rule, NINE - DAY, NOW, exceptions=odd, late_seconds=86_400)


@light
@given(windows(), st.sampled_from(RULES), st.integers(0, 60 * 72), st.integers(0, 90_000))
def test_downtime_makes_at_most_one_late_post(
    window: tuple[str, datetime], text: str, down_minutes: int, late_seconds: int
) -> None:
    """It is the latest that was due within the grace; once it is made, only what is to come follows."""
    zone, now = window
    rule = parse_rule(text, zone=zone)
    last = now - timedelta(minutes=down_minutes)
    floor = now - timedelta(seconds=late_seconds)
    missed = [at for at in takewhile(lambda at: at <= now, rule.times(last)) if at >= floor]
    first = catch_up(rule, last, now, late_seconds=late_seconds)
    ahead = rule.next_after(now)
    assert (Occurrence(missed[-1], missed[-1]) if missed else ahead) == first
    assert first is not None
    assert (ahead if missed else rule.next_after(first.occurrence)) == catch_up(
        rule, first.occurrence, now, late_seconds=late_seconds
    )


@given(st.integers(1, 50), st.integers(0, 1000))
def test_a_pool_is_used_in_turn(size: int, rounds: int) -> None:
    """Each of a pool comes once a round, in order."""
    assert list(range(size)) == [pick(size, rounds * size + step) for step in range(size)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every weekday 9:00", "Every week on Monday to Friday at 09:00"),
        ("daily 9:00,17:30", "Every day at 09:00 and 17:30"),
        ("every 2 hours", "Every 2 hours"),
        ("monthly last 9:00", "Every month on the last day at 09:00"),
        ("last friday 17:00", "Every month on the last Friday at 17:00"),
        ("yearly 24 dec 17:00", "Every year on day 24 in December at 17:00"),
        ("monthly 31 9:00", "Every month on day 31 (where there is one) at 09:00"),
        ("yearly 29 feb 9:00", "Every year on day 29 in February (where there is one) at 09:00"),
        ("FREQ=MONTHLY;BYDAY=5FR;BYHOUR=9", "Every month on the fifth Friday (where there is one) at 09:00"),
        ("last weekday of the month 9:00", "Every month on the last weekday (Monday to Friday) at 09:00"),
        ("0 9 1 * 1", "At 09:00 on the first day of every month, and also on Monday"),
        ("0 9 13 2 fri", "At 09:00 on February 13, and also on Friday in February"),
        ("0 9 31 * *", "At 09:00 on the 31st day of every month (where there is one)"),
        ("0 0 31 1,3 *", "At 00:00 on the 31st day of January and March"),
        ("0 9 22,23 * *", "At 09:00 on the 22nd and the 23rd day of the month"),
        ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR;BYHOUR=9", "Every month on Friday if it is also day 13 at 09:00"),
        ("FREQ=DAILY;BYDAY=MO;BYHOUR=9;BYSECOND=30", "Every day only on Monday at 09:00:30"),
        ("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU;BYHOUR=9", "Every year on Sunday in the last week of the year at 09:00"),
        ("0 9 * * 1-5", "At 09:00 on Monday through Friday"),
        ("FREQ=HOURLY;BYHOUR=9,10;BYMINUTE=5", "Every hour in the hour of 9:00 and 10:00 at minute 5"),
        ("FREQ=YEARLY;BYYEARDAY=-1;BYHOUR=9", "Every year on the last day of the year at 09:00"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;BYHOUR=9", "Every year on Monday in week 20 at 09:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=-2;BYHOUR=9", "Every month on the 2nd last day at 09:00"),
        (
            "FREQ=MONTHLY;BYDAY=MO,FR;BYSETPOS=3;BYHOUR=9",
            "Every month on Monday and Friday at 09:00 (only the third of these)",
        ),
        ("DTSTART:20260101T090000 RRULE:FREQ=DAILY;COUNT=3", "Every day at 09:00 3 times in all"),
        ("FREQ=DAILY;BYHOUR=9;UNTIL=20270101", "Every day at 09:00 until 2027-01-01 23:59"),
    ],
)
def test_a_rule_is_described_in_plain_english(text: str, expected: str) -> None:
    """With the zone in which it is meant."""
    assert f"{expected}, Europe/Berlin time" == describe(parse_rule(text, zone="Europe/Berlin"))


@pytest.mark.parametrize("text", ["mon,wed 9:00 and fri 17:00", "9:00 mon and 17:00 fri", "weekdays 9:00, sat 11:00"])
def test_days_with_times_of_their_own_are_refused(text: str) -> None:
    """All days of a rule have all its times, so these would make posts that nobody asked for."""
    with pytest.raises(UnknownRule, match="different times for different days"):
        parse_rule(text, zone="Europe/Berlin")


@pytest.mark.parametrize("text", ["mon,wed 9:00 and 17:00", "9:00 and 17:00 mon to fri", "at 9:00 on mon and wed"])
def test_days_that_share_their_times_are_read(text: str) -> None:
    """Days before or after all times."""
    assert parse_rule(text, zone="Europe/Berlin")
