"""Forms of recurrences at their edges: what a rule says about itself, the first that is refused, and why."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from skywrite.core.errors import InputError
from skywrite.posting.schedule.describe import _th
from skywrite.posting.schedule.languages import numbers
from skywrite.posting.schedule.localtime import SECOND
from skywrite.posting.schedule.recurrence import NeverHappens, ParsedRule, UnknownRule, catch_up, describe, parse_rule
from skywrite.posting.schedule.rrule import Freq, RRule, _years_later
from skywrite.posting.schedule.rrule_text import parse_rrule
from skywrite.posting.schedule.series import RULE_EXAMPLES
from skywrite.posting.schedule.words import fold

BERLIN = "Europe/Berlin"
# Wednesday, 11:30 in Berlin.
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)


def days(text: str, count: int, start: datetime | None = None) -> list[str]:
    times = islice(parse_rule(text, zone=BERLIN, start=start).times(NOW), count)
    return [f"{at.astimezone(ZoneInfo(BERLIN)):%Y-%m-%d %H:%M}" for at in times]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 9 31 */2 *", "At 09:00 on the 31st day of every second month (where there is one)"),
        ("0 9 30 */2 *", "At 09:00 on the 30th day of every second month"),
        ("0 9 30 */3 *", "At 09:00 on the 30th day of every third month"),
        ("0 9 30 jan-mar *", "At 09:00 on the 30th day of every month from January through March (where there is one)"),
        ("0 9 31 JAN,mar *", "At 09:00 on the 31st day of January and March"),
        (
            "0 9 31 nov-dec *",
            "At 09:00 on the 31st day of November and December (where there is one)",
        ),
        ("0 9 31 7/5 *", "At 09:00 on the 31st day of every fifth month from July through December"),
        ("0 9 31 1/2 *", "At 09:00 on the 31st day of every second month (where there is one)"),
        ("0 9 29 2 *", "At 09:00 on February 29 (where there is one)"),
        ("0 9 28 * *", "At 09:00 on the 28th day of every month"),
        ("0 9 31 2 1", "At 09:00 on Monday in February"),
        ("FREQ=DAILY;BYHOUR=9;BYMONTH=1,2,3", "Every day in January, February and March at 09:00"),
        ("DTSTART:20260101T090000 RRULE:FREQ=DAILY;COUNT=1", "Every day at 09:00 once"),
        ("DTSTART:20260101T090000 RRULE:FREQ=DAILY;COUNT=2", "Every day at 09:00 2 times in all"),
        ("FREQ=YEARLY;BYYEARDAY=366;BYHOUR=9", "Every year on day of the year 366 (where there is one) at 09:00"),
        (
            "FREQ=YEARLY;BYYEARDAY=-366;BYHOUR=9",
            "Every year on the 366th last day of the year (where there is one) at 09:00",
        ),
        ("FREQ=YEARLY;BYYEARDAY=365;BYHOUR=9", "Every year on day of the year 365 at 09:00"),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYHOUR=9", "Every year on Monday in week 53 (where there is one) at 09:00"),
        (
            "FREQ=YEARLY;BYWEEKNO=-53;BYDAY=MO;BYHOUR=9",
            "Every year on Monday in the 53rd last week of the year (where there is one) at 09:00",
        ),
        ("FREQ=YEARLY;BYWEEKNO=52;BYDAY=MO;BYHOUR=9", "Every year on Monday in week 52 at 09:00"),
        (
            "FREQ=YEARLY;BYWEEKNO=1,-2;BYDAY=MO;BYHOUR=9",
            "Every year on Monday in the 2nd last week of the year and week 1 at 09:00",
        ),
        ("FREQ=YEARLY;BYDAY=53MO;BYHOUR=9", "Every year on the 53rd Monday (where there is one) at 09:00"),
        ("FREQ=YEARLY;BYDAY=52MO;BYHOUR=9", "Every year on the 52nd Monday at 09:00"),
        ("FREQ=YEARLY;BYDAY=5MO;BYHOUR=9", "Every year on the fifth Monday at 09:00"),
        (
            "FREQ=YEARLY;BYMONTH=3;BYDAY=5MO;BYHOUR=9",
            "Every year on the fifth Monday in March (where there is one) at 09:00",
        ),
        ("FREQ=MONTHLY;BYDAY=-5MO;BYHOUR=9", "Every month on the 5th last Monday (where there is one) at 09:00"),
        ("FREQ=MONTHLY;BYDAY=4MO;BYHOUR=9", "Every month on the fourth Monday at 09:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=9", "Every month on day 1 at 09:00"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=1,2,3;BYDAY=MO;BYHOUR=9",
            "Every month on Monday if it is also day 1, day 2 or day 3 at 09:00",
        ),
        ("FREQ=MINUTELY;BYSECOND=30;INTERVAL=5", "Every 5 minutes at second 30"),
        ("FREQ=HOURLY;BYMINUTE=0", "Every hour"),
        ("FREQ=HOURLY;BYMINUTE=0,30", "Every hour at minute 0 and 30"),
        ("FREQ=MINUTELY;BYMINUTE=0", "Every minute at minute 0"),
        ("FREQ=HOURLY;BYDAY=SA", "Every hour only on Saturday"),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=2,6,-1;BYHOUR=9",
            "Every month on the last, second and 6th weekday (Monday to Friday) at 09:00",
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYMONTHDAY=1,2;BYSETPOS=1;BYHOUR=9",
            "Every month on Monday to Friday if it is also day 1 or day 2 at 09:00",
        ),
        ("mon-wed,sat 9:00", "Every week on Monday, Tuesday, Wednesday and Saturday at 09:00"),
        ("fri-mon 9:00", "Every week on Monday, Friday, Saturday and Sunday at 09:00"),
        ("mondays 9:00", "Every week on Monday at 09:00"),
        ("first weekday of the month 9:00", "Every month on the first weekday (Monday to Friday) at 09:00"),
        ("24th dec 9:00", "Every year on day 24 in December at 09:00"),
        ("24. dec 9:00", "Every year on day 24 in December at 09:00"),
        ("every 10000 hours", "Every 10000 hours"),
        ("third friday 9:00", "Every month on the third Friday at 09:00"),
        ("3rd friday 9:00", "Every month on the third Friday at 09:00"),
        ("second friday 9:00", "Every month on the second Friday at 09:00"),
        ("first friday 9:00", "Every month on the first Friday at 09:00"),
        ("2nd friday 9:00", "Every month on the second Friday at 09:00"),
        ("4th friday 9:00", "Every month on the fourth Friday at 09:00"),
        ("fourth friday 9:00", "Every month on the fourth Friday at 09:00"),
        ("1st friday 9:00", "Every month on the first Friday at 09:00"),
        ("tues,thur 9:00", "Every week on Tuesday and Thursday at 09:00"),
        ("weds,thurs 9:00", "Every week on Wednesday and Thursday at 09:00"),
        ("yearly 3 sept 9:00", "Every year on day 3 in September at 09:00"),
        ("weekends noon", "Every week on Saturday and Sunday at 12:00"),
        ("weekend midnight", "Every week on Saturday and Sunday at 00:00"),
        ("weekdays 11:59pm", "Every week on Monday to Friday at 23:59"),
    ],
)
def test_a_rule_says_what_it_does(text: str, expected: str) -> None:
    """Including what some months and years do not have."""
    assert f"{expected}, {BERLIN} time" == describe(parse_rule(text, zone=BERLIN))


def test_ordinals_end_as_people_say_them() -> None:
    """Teens are th, in each hundred."""
    expected = "1st 2nd 3rd 4th 10th 11th 12th 13th 14th 20th 21st 22nd 23rd 24th 101st 111th 112th 113th 122nd 211th"
    numbers = (1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 101, 111, 112, 113, 122, 211)
    assert expected.split() == [_th(number) for number in numbers]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 9 30 2 *", "has no occurrences: its months have no such day."),
        ("0 9 1,31 2 *", ""),
        ("0 9 30,31 2 *", "has no occurrences: its months have no such day."),
        ("0 9 31-31 4 *", "has no occurrences: its months have no such day."),
        ("0 9 0 2 *", "is wrong: Bad day-of-month."),
        ("0 9 32 2 *", "is wrong: Bad day-of-month."),
        ("0 9 31,x 2 *", "is wrong: Bad day-of-month."),
        ("0 9 5-1 2 *", "has no occurrences: its months have no such day."),
        ("0 9 1 13 *", "is wrong: Bad month."),
        ("0 9 1 1", "does not have the five fields of a cron expression."),
        ("0 9 * * * *", "does not have the five fields of a cron expression."),
        ("0 9 * * ¹", "contains characters that cron does not use."),
        ("daily", "has no time of day."),
        ("monthly 1", "has no time of day."),
        ("FREQ=YEARLY;BYDAY=54MO;BYHOUR=9", "BYDAY '54MO' is not a day of the week."),
        ("FREQ=YEARLY;BYDAY=0MO;BYHOUR=9", "BYDAY '0MO' is not a day of the week."),
        ("FREQ=YEARLY;BYYEARDAY=367;BYHOUR=9", "BYYEARDAY must be a whole number from -366 to 366, not '367'."),
        (
            "DTSTART:20260101T090000 RRULE:FREQ=DAILY;COUNT=10001",
            "COUNT must be a whole number from 1 to 10000, not '10001'.",
        ),
        ("DTSTART:22010101T090000 RRULE:FREQ=DAILY", "The start of the rule is too far away: 2201-01-01 09:00:00."),
        ("every 100000 hours", "INTERVAL must be a whole number from 1 to 10000, not '100000'."),
        ("monthly 32 9:00", "BYMONTHDAY must be a whole number from -31 to 31, not '32'."),
        *(
            (text, f"Skywrite does not understand the rule {text!r}.")
            for text in (
                *(
                    "first day 9:00",
                    "monday through",
                    "monday to foo 9:00",
                    "foo to monday 9:00",
                    "mon-foo 9:00",
                    "foo-mon 9:00",
                    "first weekend 9:00",
                ),
                *("monthly 1 24 dec 9:00", "weekly 1 9:00", "weekly dec mon 9:00", "weekly first 9:00"),
                *("yearly mon 9:00", "yearly dec 9:00", "yearly 24 9:00", "yearly mon 24 dec 9:00", "weekly dec 9:00"),
                *("monthly mon 3 9:00", "monthly dec 3 9:00", "first monday weekly 9:00", "daily mon 9:00"),
                *("daily dec 9:00", "daily first 9:00", "daily 3 9:00", "hourly mon", "2nd last monday 9:00"),
                *("first first monday 9:00", "monthly 1st 2nd 9:00", "jan feb 1 9:00", "monthly 123 9:00"),
                *("every hour 9:00", "hourly 9:00", "first day last day monthly 9:00", "other 9:00", "mon other 9:00"),
                *("first weekday last weekday 9:00", "first mon weekend 9:00", "monthly first day mon 9:00"),
            )
        ),
    ],
)
def test_a_rule_that_says_too_much_or_too_little_is_refused(text: str, message: str) -> None:
    """The error names what is wrong."""
    if not message:
        assert parse_rule(text, zone=BERLIN)
        return
    with pytest.raises(InputError) as caught:
        parse_rule(text, zone=BERLIN)
    assert caught.value.message.endswith(message)
    assert ("such day" in message) == isinstance(caught.value, NeverHappens)


def test_a_rule_without_a_time_shows_how_to_add_one() -> None:
    """The hint repeats the rule."""
    with pytest.raises(InputError) as caught:
        parse_rule("first monday", zone=BERLIN)
    assert 'Add one: "first monday 9:00".' == str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every other week mon 9:00", ["2026-11-30 09:00", "2026-12-14 09:00"]),
        ("every other monday 9:00", ["2026-11-30 09:00", "2026-12-14 09:00"]),
        ("every other day 9:00", None),
        ("every 2 days 9:00", ["2026-11-26 09:00", "2026-11-28 09:00"]),
        ("every 3 months 16. 9:00", ["2027-02-16 09:00", "2027-05-16 09:00"]),
        ("every 2 weeks", ["2026-11-30 08:00", "2026-12-14 08:00"]),
        ("every 2 years 16 nov", ["2028-11-16 08:00", "2030-11-16 08:00"]),
        ("every 25 hours", ["2026-11-25 17:00", "2026-11-26 18:00"]),
        ("every 90 mins", ["2026-11-25 12:30", "2026-11-25 14:00"]),
        ("weekly", ["2026-11-30 08:00", "2026-12-07 08:00"]),
        ("hourly", ["2026-11-25 12:00", "2026-11-25 13:00"]),
    ],
)
def test_a_rule_that_counts_does_so_from_its_start(text: str, expected: list[str] | None) -> None:
    """Here Monday, 16 November, at 8:00 in Berlin; "other" is every second one."""
    start = datetime(2026, 11, 16, 7, tzinfo=UTC)
    if expected is None:
        expected = days("every 2 days 9:00", 2, start)
    assert expected == days(text, 2, start)


def test_only_rules_with_a_count_are_counted_from_their_start() -> None:
    """Cron and English rules have none; rules of days keep to the clock on the wall, forward where it has a gap."""
    cron, english = parse_rule("0 9 * * *", zone=BERLIN).series, parse_rule("daily 9:00", zone=BERLIN).series
    counted = parse_rule("DTSTART:20260101T090000 RRULE:FREQ=DAILY;COUNT=2", zone=BERLIN).series
    assert [False, False, True] == [cron.is_counted, english.is_counted, counted.is_counted]
    assert [False, False, True] == [cron.flows, english.flows, parse_rule("hourly", zone=BERLIN).series.flows]
    assert ["after", "forward"] == [cron.in_gap, english.in_gap]


def test_words_for_numbers_are_those_numbers() -> None:
    """In English; the other languages share their rows."""
    words = "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty forty-five"
    values = [*range(1, 13), 15, 20, 30, 40, 45, 60, 90]
    assert values == [numbers()[word] for word in (*words.split(), "sixty", "ninety")]


def test_accents_do_not_count() -> None:
    """From the first to the last combining mark of Latin."""
    assert ["a", "e", "x"] == [fold("à"), fold("É"), fold("x\u036f")]


def nine(day: int, hour: int = 9, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


DAILY = parse_rule("0 9 * * *", zone="UTC")
COUNTED = parse_rule("DTSTART:20261120T090000Z RRULE:FREQ=DAILY;COUNT=5", zone="UTC")
MOVED_BY_HALF_AN_HOUR = {"2026-11-25T09:00:00Z": "2026-11-25T09:30:00Z"}
MOVED_TO_NOON = {"2026-11-25T09:00:00Z": "2026-11-25T12:00:00Z"}
LEFT_OUT = {"2026-11-24T09:00:00Z": None}
DAYS = 86_400


@pytest.mark.parametrize(
    ("rule", "last", "now", "late", "options", "expected"),
    [
        # The last second of the grace counts, whether or not there was an occurrence before.
        (DAILY, None, nine(25, 10), 3600, {}, nine(25)),
        (DAILY, nine(23), nine(25, 10), 3600, {}, nine(25)),
        (DAILY, None, nine(25, 10), 3599, {}, nine(26)),
        (DAILY, nine(25), nine(25, 10), 3600, {}, nine(26)),
        (DAILY, None, nine(25), 0, {}, nine(25)),
        (DAILY, None, nine(25, 9, 0, 1), 0, {}, nine(26)),
        (DAILY, None, nine(25, 9, 0, 1), -5, {}, nine(26)),
        (DAILY, nine(27), nine(25, 10), 3600, {}, nine(28)),
        # Nothing after the end.
        (DAILY, None, nine(25, 10), 3 * DAYS, {"until": nine(24, 12)}, nine(24)),
        (DAILY, None, nine(25, 10), 3600, {"until": nine(25)}, nine(25)),
        (DAILY, nine(25), nine(25, 10), 3600, {"until": nine(25)}, None),
        # One that was moved is due when it was moved to, once.
        (DAILY, None, nine(25, 10), 1800, {"exceptions": MOVED_BY_HALF_AN_HOUR}, nine(25, 9, 30)),
        (DAILY, None, nine(25, 10), 1799, {"exceptions": MOVED_BY_HALF_AN_HOUR}, nine(26)),
        (DAILY, None, nine(25, 9, 30), 0, {"exceptions": MOVED_BY_HALF_AN_HOUR}, nine(25, 9, 30)),
        (DAILY, nine(25), nine(25, 10), 3600, {"exceptions": MOVED_BY_HALF_AN_HOUR}, nine(26)),
        (DAILY, None, nine(25, 10), 0, {"exceptions": MOVED_TO_NOON}, nine(25, 12)),
        (DAILY, nine(24), nine(25, 10), 0, {"exceptions": MOVED_TO_NOON}, nine(25, 12)),
        (DAILY, nine(25), nine(25, 10), 0, {"exceptions": MOVED_TO_NOON}, nine(26)),
        (DAILY, nine(24), nine(25, 10), 0, {"exceptions": MOVED_TO_NOON, "until": nine(25)}, nine(25, 12)),
        (DAILY, nine(24), nine(25, 10), 0, {"exceptions": MOVED_TO_NOON, "until": nine(25, 8)}, None),
        # Rules with a count.
        (COUNTED, None, nine(24), 3 * DAYS, {}, nine(24)),
        (COUNTED, None, nine(24, 8), 3 * DAYS, {}, nine(23)),
        (COUNTED, nine(23), nine(24, 8), 3 * DAYS, {}, nine(24)),
        (COUNTED, None, nine(24), 3 * DAYS, {"exceptions": LEFT_OUT}, nine(23)),
        (COUNTED, nine(24), nine(25), 3 * DAYS, {}, None),
    ],
)
def test_catching_up_is_exact_to_the_second(
    rule: ParsedRule,
    last: datetime | None,
    now: datetime,
    late: int,
    options: dict[str, Any],
    expected: datetime | None,
) -> None:
    """The latest that is late by no more than the grace, or else the next one."""
    occurrence = catch_up(rule, last, now, late_seconds=late, **options)
    assert expected == (occurrence.at if occurrence else None)


def test_a_time_moved_out_of_a_gap_comes_once() -> None:
    """Whoever asks from exactly there gets the next one, also where there is none."""
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    night = parse_rule("30 2 * * *", zone=BERLIN)
    assert change == next(night.times(change - SECOND))
    assert change.replace(day=30, hour=0, minute=30) == next(night.times(change))
    twice = parse_rule("0,30 2 * * *", zone=BERLIN)
    assert [change, change.replace(day=30, hour=0)] == list(islice(twice.times(change - SECOND), 2))
    last = parse_rule("DTSTART:20260327T023000 RRULE:FREQ=DAILY;COUNT=3", zone=BERLIN)
    assert [change.replace(minute=30)] == list(last.times(change))
    assert [] == list(last.times(change.replace(minute=30)))


def test_a_rule_has_five_hundred_characters_at_most() -> None:
    """The error says so, and that an empty one is none."""
    assert parse_rule("daily" + " 9:00" * 99, zone=BERLIN)
    for text, message in (
        ("daily," + " 9:00" * 99, "The rule is too long: more than 500 characters."),
        ("  ", "No recurrence was given."),
    ):
        with pytest.raises(InputError) as caught:
            parse_rule(text, zone=BERLIN)
        assert message == caught.value.message


def rrule(text: str, start: datetime) -> RRule:
    series = parse_rule(text, zone="UTC", start=start.replace(tzinfo=UTC)).series
    assert isinstance(series, RRule)
    return series


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("FREQ=MONTHLY", datetime(1970, 1, 5), datetime(2026, 11, 1)),
        ("FREQ=MONTHLY;INTERVAL=5", datetime(1970, 1, 5), datetime(2026, 9, 1)),
        ("FREQ=MONTHLY;INTERVAL=7", datetime(1970, 1, 5), datetime(2026, 8, 1)),
        ("FREQ=YEARLY", datetime(1970, 3, 5), datetime(2026, 1, 1)),
        ("FREQ=YEARLY;INTERVAL=3", datetime(1970, 3, 5), datetime(2024, 1, 1)),
        ("FREQ=WEEKLY", datetime(1970, 1, 5), datetime(2026, 11, 23)),
        ("FREQ=WEEKLY;WKST=SU", datetime(1970, 1, 5), datetime(2026, 11, 22)),
        ("FREQ=DAILY;INTERVAL=2", datetime(2026, 11, 1, 9), datetime(2026, 11, 25)),
        ("FREQ=HOURLY;INTERVAL=5", datetime(2026, 11, 24, 9, 30), datetime(2026, 11, 25, 10)),
        ("FREQ=MINUTELY;INTERVAL=7", datetime(2026, 11, 25, 10, 0, 8), datetime(2026, 11, 25, 10, 28)),
    ],
)
def test_a_search_begins_where_one_asks(text: str, start: datetime, expected: datetime) -> None:
    """However long ago the rule began, the first period is the one of the time that is asked for."""
    asked = datetime(2026, 11, 25, 10, 30)
    assert expected == next(rrule(text, start)._periods(asked, datetime(2076, 1, 1)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("FREQ=HOURLY;INTERVAL=24;BYHOUR=8", True), ("FREQ=HOURLY;INTERVAL=24;BYHOUR=9", False)),
        *(("FREQ=HOURLY;INTERVAL=23;BYHOUR=9", True), ("FREQ=HOURLY;INTERVAL=2;BYHOUR=9,11", False)),
        *(("FREQ=HOURLY;INTERVAL=2;BYHOUR=9,10", True), ("FREQ=HOURLY;INTERVAL=24;BYHOUR=8;BYMINUTE=7", True)),
        *(("FREQ=MINUTELY;INTERVAL=60;BYMINUTE=35", True), ("FREQ=MINUTELY;INTERVAL=60;BYMINUTE=0", False)),
        *(("FREQ=MINUTELY;INTERVAL=1440;BYHOUR=8;BYMINUTE=35", True), ("FREQ=MINUTELY;INTERVAL=1440;BYHOUR=9", False)),
        *(("FREQ=MINUTELY;INTERVAL=1440;BYMINUTE=34", False), ("FREQ=MINUTELY;INTERVAL=1441;BYMINUTE=34", True)),
        *(("FREQ=MINUTELY;INTERVAL=7;BYHOUR=3;BYMINUTE=3", True), ("FREQ=DAILY;BYHOUR=9", True)),
    ],
)
def test_steps_that_never_reach_the_hours_are_known_without_a_search(text: str, expected: bool) -> None:
    """From 8:35, each step leads to one of the requested hours and minutes some day, or never."""
    parts = dict(part.split("=") for part in text.split(";"))
    numbers = {
        name: tuple(int(one) for one in parts[name].split(",")) for name in ("BYHOUR", "BYMINUTE") if name in parts
    }
    rule = RRule(
        freq=cast(Freq, parts["FREQ"]),
        start=datetime(2026, 11, 25, 8, 35),
        interval=int(parts.get("INTERVAL", 1)),
        byhour=numbers.get("BYHOUR", ()),
        byminute=numbers.get("BYMINUTE", ()),
    )
    assert expected == rule._has_times()


def test_a_search_ends_after_fifty_years() -> None:
    """What comes in fifty years is found; what comes later is never."""
    begin = datetime(2026, 11, 25, 9)
    times = [list(rrule(f"FREQ=YEARLY;INTERVAL={years}", begin).after(begin)) for years in (50, 51)]
    assert [[datetime(2076, 11, 25, 9)], []] == times


def test_a_search_ends_on_a_day_that_is_in_the_calendar() -> None:
    """Fifty years after a leap day, and in the last year there is."""
    expected = [datetime(2078, 2, 28), datetime(9999, 1, 28, 9), datetime(2076, 3, 1)]
    days = (datetime(2028, 2, 29), datetime(9990, 1, 31, 9), datetime(2026, 3, 1))
    assert expected == [_years_later(day) for day in days]


def test_the_last_weekday_of_a_year_is_found_in_leap_years_too() -> None:
    """From its last day backwards."""
    last = [days(f"FREQ=YEARLY;BYDAY=-1{day};BYHOUR=9", 2) for day in ("SA", "SU")]
    assert [["2026-12-26 09:00", "2027-12-25 09:00"], ["2026-12-27 09:00", "2027-12-26 09:00"]] == last
    leap = list(islice(rrule("FREQ=YEARLY;BYDAY=-1SU;BYHOUR=9", datetime(2028, 1, 1)).after(datetime(2028, 1, 1)), 1))
    assert [datetime(2028, 12, 31, 9)] == leap


def test_an_end_without_a_zone_is_local() -> None:
    """With a time it ends there; a date includes its whole day."""
    ends = ("20261127T075959", "20261127T080000", "20261127", "20261127T070000Z", "20261127T065959Z")
    counts = [len(days(f"FREQ=DAILY;BYHOUR=8;UNTIL={end}", 9)) for end in ends]
    assert [1, 2, 2, 2, 1] == counts


def test_a_place_that_some_months_do_not_have_is_left_out() -> None:
    """The sixth Monday or later is in none, the fifth in some."""
    fifth = days("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=5,6;BYHOUR=9", 2)
    assert ["2026-11-30 09:00", "2027-03-29 09:00"] == fifth


def test_a_text_without_a_rule_is_none() -> None:
    """A start alone recurs never."""
    with pytest.raises(InputError, match="There is no RRULE in"):
        parse_rrule("DTSTART:20261120T090000Z", ZoneInfo(BERLIN), None)


def test_a_dtstart_goes_before_the_start_that_is_given() -> None:
    """It says which days and times there are; nothing comes before either."""
    text = "DTSTART:20261124T090000Z RRULE:FREQ=DAILY;COUNT=3"
    assert ["2026-11-26 10:00"] == days(text, 5, datetime(2026, 11, 25, 12, tzinfo=UTC))


def test_the_first_of_a_year_is_counted_from_january() -> None:
    """BYSETPOS chooses within the calendar year, wherever the rule began."""
    rule = rrule("FREQ=YEARLY;BYMONTH=1,3;BYMONTHDAY=5;BYSETPOS=1;BYHOUR=9", datetime(2026, 2, 1))
    assert [datetime(2027, 1, 5, 9), datetime(2028, 1, 5, 9)] == list(islice(rule.after(rule.start), 2))


@pytest.mark.parametrize(
    ("text", "period", "expected"),
    [
        ("FREQ=DAILY;BYMONTH=3,6", datetime(2026, 11, 25), datetime(2026, 12, 1)),
        ("FREQ=DAILY;BYMONTH=3,6", datetime(2026, 12, 25), datetime(2027, 1, 1)),
        ("FREQ=DAILY;BYMONTH=3,6", datetime(2026, 1, 25), datetime(2026, 2, 1)),
        ("FREQ=DAILY;BYMONTH=3,6", datetime(2026, 6, 25), None),
        ("FREQ=HOURLY;BYDAY=MO", datetime(2026, 11, 25, 10), datetime(2026, 11, 26)),
        ("FREQ=HOURLY;BYHOUR=9,17", datetime(2026, 11, 25, 8), datetime(2026, 11, 25, 9)),
        ("FREQ=HOURLY;BYHOUR=9,17", datetime(2026, 11, 25, 10), datetime(2026, 11, 25, 17)),
        ("FREQ=HOURLY;BYHOUR=9,17", datetime(2026, 11, 25, 18), datetime(2026, 11, 26)),
        ("FREQ=HOURLY;BYHOUR=9,17", datetime(2026, 11, 25, 17), None),
        ("FREQ=HOURLY", datetime(2026, 11, 25, 17), None),
        ("FREQ=MINUTELY;BYMINUTE=5,35", datetime(2026, 11, 25, 10, 1), datetime(2026, 11, 25, 10, 5)),
        ("FREQ=MINUTELY;BYMINUTE=5,35", datetime(2026, 11, 25, 10, 6), datetime(2026, 11, 25, 10, 35)),
        ("FREQ=MINUTELY;BYMINUTE=5,35", datetime(2026, 11, 25, 10, 36), datetime(2026, 11, 25, 11)),
        ("FREQ=MINUTELY;BYMINUTE=5,35", datetime(2026, 11, 25, 10, 35), None),
        ("FREQ=HOURLY;BYMINUTE=5,35", datetime(2026, 11, 25, 10), None),
        ("FREQ=WEEKLY;BYMONTH=3", datetime(2026, 11, 23), None),
    ],
)
def test_a_search_leaps_to_where_something_can_be(text: str, period: datetime, expected: datetime | None) -> None:
    """To the next month, day, hour or minute that the rule may have; not further, and not less far."""
    assert expected == rrule(text, datetime(2026, 1, 5))._empty_until(period)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("daily at 9", 'Write "daily at 9:00" or "daily at 21:00".'),
        ("sat sun 22", 'Write "sat sun 22:00".'),
        ("Weekdays 9.30", 'Write "Weekdays 9:30".'),
        ("evry monday 17:00", 'Write "every monday 17:00".'),
        ("montags 9:00", 'Write "monday 9:00".'),
        ("Samedi 9:00", 'Write "saturday 9:00".'),
        ("2h", 'Write "every 2 hours".'),
        ("every 30m", 'Write "every 30 minutes".'),
        ("jeden Montag um 9 Uhr", 'Write "monday 9:00".'),
        ("jeden Montag und Freitag 9:00", 'Write "monday,friday 9:00".'),
        ("täglich um 9", 'Write "daily 9:00".'),
        ("werktags", 'Write "weekdays 9:00".'),
        ("tous les lundis à 9h30", 'Write "monday 9:30".'),
        ("lundi, jeudi 9h", 'Write "monday,thursday 9:00".'),
        ("todos los días a las 9", 'Write "daily 9:00".'),
        ("ogni giorno alle 18:30", 'Write "daily 18:30".'),
        ("toda segunda-feira às 9h", 'Write "monday 9:00".'),
        ("elke dag om 9 uur", 'Write "daily 9:00".'),
        ("hver mandag kl. 9", 'Write "monday 9:00".'),
        ("co poniedziałek 9:00", 'Write "monday 9:00".'),
        ("каждый понедельник в 9:00", 'Write "monday 9:00".'),
        ("毎週月曜日 9:00", 'Write "monday 9:00".'),
        ("每天9点", 'Write "daily 9:00".'),
        ("jeden zweiten Montag 9:00", RULE_EXAMPLES),
        ("täglich montags 9:00", RULE_EXAMPLES),
        ("every firday 17:00", 'Write "every friday 17:00".'),
        ("every second monday 17:00", 'Write "every 2 weeks monday 17:00" or "second monday of the month 17:00".'),
        ("every 3rd day 9:00", 'Write "every 3 days 9:00" or "3rd day of the month 9:00".'),
        ("first monday", 'Add one: "first monday 9:00".'),
        ("mon 9:00-17:00", RULE_EXAMPLES),
    ],
)
def test_a_rule_that_is_suggested_is_read(text: str, hint: str) -> None:
    """It keeps the hour that was given; one that counts from its start is read with any."""
    with pytest.raises(UnknownRule) as caught:
        parse_rule(text, zone="UTC")
    assert hint == caught.value.hint
    start = datetime(2027, 1, 4, tzinfo=UTC)
    for written in re.findall(r'"([^"]+)"', hint):
        parse_rule(written, zone="UTC", start=start)
