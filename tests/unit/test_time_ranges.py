"""Times that may be two, and those of a day that is named and has passed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from skywrite.core.errors import InputError
from skywrite.posting.schedule.times import parse_time

BERLIN = "Europe/Berlin"
# Tuesday, 14:00 in Berlin.
NOW = datetime(2026, 12, 1, 13, 0, tzinfo=UTC)
FIRST = ("9:00", "22:00", "9", "9am", "9 pm", "9h", "9h30", "9 Uhr", "9.30 Uhr", "9 uur")
LAST = ("3:00", "03:00", "11:30", "5", "05", "11", "5pm", "11h", "17h30", "11 Uhr", "noon")
BETWEEN = (
    *("-", " - ", " -", "\u2013", " \u2013 ", "\u2212", "\u2014", "~", "/", " to ", " until ", " till ", " through "),
    *(" bis ", " bis um ", " à ", " a ", " tot ", " do ", " al ", " e ", " and ", " or ", " und ", " o ", ", ", " "),
)
PREFIXES = ("", "fri ", "tomorrow ", "24.12.2027 ", "from ")
# "9 Uhr 05" is one time of day.
MINUTES = {(f"{hour}", " ", minute) for hour in ("9h", "9 Uhr", "9 uur") for minute in ("05", "11")}


def read(text: str) -> str:
    """The local time, or the name of the error."""
    try:
        return f"{parse_time(text, now=NOW, zone=BERLIN).at.astimezone(ZoneInfo(BERLIN)):%a %Y-%m-%d %H:%M}"
    except InputError as error:
        return error.code


def test_two_times_are_not_one() -> None:
    """Whatever is written between them, and before them."""
    pairs = [pair for pair in product(FIRST, BETWEEN, LAST) if pair not in MINUTES]
    texts = [prefix + "".join(pair) for prefix, pair in product(PREFIXES, pairs)]
    assert (True, []) == (len(texts) > 10_000, [text for text in texts if not read(text).startswith("time.")])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("11:30-1:30", "time.ambiguous"), ("fri 10:00-3:00", "time.ambiguous"), ("10:00 -11", "time.ambiguous")),
        *(("2027-01-05 10:00-05:00", "Tue 2027-01-05 16:00"), ("2027-01-05 10:00-05", "Tue 2027-01-05 16:00")),
        *(("2027-01-05 10:00-5:00", "time.ambiguous"), ("2027-01-05 10:00-11:00", "time.ambiguous")),
        *(("2027-01-05T10:00-11:00", "Tue 2027-01-05 22:00"), ("2027-01-05 10:00:00-11:00", "Tue 2027-01-05 22:00")),
        *(("5.1.2027 22:00-05:00", "time.ambiguous"), ("5 jan 2027 22:00 -0500", "Wed 2027-01-06 04:00")),
        *(("fri 17:00-0800", "time.ambiguous"), ("fri 17:00 UTC-8", "Sat 2026-12-05 02:00")),
        *(("monday 7 to 9am", "time.ambiguous"), ("5 to 6pm", "time.ambiguous"), ("nine to five", "time.ambiguous")),
        *(("quarter to 6pm", "Tue 2026-12-01 17:45"), ("twenty to six pm", "Tue 2026-12-01 17:40")),
    ],
)
def test_an_offset_is_read_where_no_second_time_can_be(text: str, expected: str) -> None:
    """Programs print dates in full; people write from when to when."""
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("this morning at 9", "time.past"), ("this morning 9:00", "time.past"), ("ce matin à 9h", "time.past")),
        *(("this afternoon at 3", "Tue 2026-12-01 15:00"), ("this evening 8pm", "Tue 2026-12-01 20:00")),
        *(("this afternoon at 1", "time.past"), ("questo pomeriggio alle 13:30", "time.past")),
        *(("tomorrow this afternoon at 3", "time.invalid"), ("friday this afternoon at 3", "time.invalid")),
        *(("in the morning at 9", "Wed 2026-12-02 09:00"), ("morning 9:00", "Wed 2026-12-02 09:00")),
        *(("this tuesday 15:00", "Tue 2026-12-01 15:00"), ("this tuesday 13:00", "time.past")),
        *(
            ("diesen dienstag 13:00", "time.past"),
            ("deze dinsdag 13:00", "time.past"),
            ("este martes 13:00", "time.past"),
        ),
        *(("heute Morgen um 9", "time.past"), ("vanmorgen 9 uur", "time.past"), ("stamattina alle 9", "time.past")),
        *(("esta mañana a las 9", "time.past"), ("esta manhã às 9", "time.past"), ("cet après-midi à 1h", "time.past")),
        *(("cet après-midi à 15h", "Tue 2026-12-01 15:00"), ("esta tarde a las 5", "Tue 2026-12-01 17:00")),
        *(("vanmiddag 15:00", "Tue 2026-12-01 15:00"), ("esta noite às 9", "Tue 2026-12-01 21:00")),
        *(("this monday 13:00", "Mon 2026-12-07 13:00"), ("tuesday 13:00", "Tue 2026-12-08 13:00")),
        *(("coming tuesday 15:00", "time.ambiguous"), ("am kommenden dienstag 15:00", "time.ambiguous")),
        *(("coming tuesday 13:00", "Tue 2026-12-08 13:00"), ("coming friday 9:00", "Fri 2026-12-04 09:00")),
        *(
            ("this 24 dec 9:00", "time.invalid"),
            ("coming tomorrow 9:00", "time.invalid"),
            ("this 9:00", "time.invalid"),
        ),
    ],
)
def test_this_one_is_not_a_later_one(text: str, expected: str) -> None:
    """What has passed today is not read as tomorrow's, and the coming day is asked for where it may be today."""
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("24.12. 9 Uhr", "Thu 2026-12-24 09:00"), ("25.12. 18 Uhr", "Fri 2026-12-25 18:00")),
        *(("24. 12. 9 Uhr", "Thu 2026-12-24 09:00"), ("am 24.12. um 9.30 Uhr", "Thu 2026-12-24 09:30")),
        *(("Do., 24.12., 18 Uhr", "Thu 2026-12-24 18:00"), ("24.12.2026, 9.05 Uhr", "Thu 2026-12-24 09:05")),
        *(("1.2. 9 Uhr", "Mon 2027-02-01 09:00"), ("1. 2. 2027 9 Uhr", "Mon 2027-02-01 09:00")),
        *(("18 Uhr am 24.12.", "Thu 2026-12-24 18:00"), ("Fr. 25. Dez. 18 Uhr", "Fri 2026-12-25 18:00")),
        *(
            ("24.12. 18", "time.invalid"),
            ("24.12.18 18 Uhr", "time.ambiguous"),
            ("24.12.2026 24.30 Uhr", "time.invalid"),
        ),
    ],
)
def test_german_dates_have_dots_and_uhr(text: str, expected: str) -> None:
    """The hour after a date is not its year."""
    assert expected == read(text)
