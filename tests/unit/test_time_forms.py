"""Forms of written times at their edges: the last that is read, the first that is not, and what the error says.

Thousands of common forms are in `test_time_vectors`; here are those that only differ by one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from skywrite.core.errors import InputError
from skywrite.posting.schedule import zone_forms
from skywrite.posting.schedule.times import AmbiguousTime, DateOrder, InvalidTime, can_be_read, local_zone, parse_time
from skywrite.posting.schedule.timestamps import read_timestamp
from skywrite.posting.schedule.words import clock_minutes

BERLIN = "Europe/Berlin"
# Wednesday, 11:30 in Berlin.
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)


def read(text: str, dates: DateOrder | None = None) -> str:
    at = parse_time(text, now=NOW, zone=BERLIN, past=True, dates=dates).at
    return at.astimezone(ZoneInfo(BERLIN)).replace(tzinfo=None).isoformat(" ").removesuffix(":00")


def refusal(text: str, dates: DateOrder | None = None) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        parse_time(text, now=NOW, zone=BERLIN, past=True, dates=dates)
    return caught.value.message, str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("1 am", "01:00"), ("12 am", "00:00"), ("1 pm", "13:00"), ("12 pm", "12:00"), ("12:59 am", "00:59")),
        *(("23:59:59", "23:59:59"), ("9:59", "09:59"), ("0:00", "00:00")),
        *(("9:00:00.5", "09:00:00.500000"), ("9:00:00.1234567", "09:00:00.123456")),
        *(("17h", "17:00"), ("9h et quart", "09:15"), ("9h et demie", "09:30"), ("9h e mezza", "09:30")),
        *(("午後0時", "12:00"), ("午後1時", "13:00"), ("午後11時20分", "23:20"), ("午後12時", "12:00")),
        *(("午前0時", "00:00"), ("午前11時", "11:00"), ("上午9点", "09:00"), ("오전 9시", "09:00")),
        *(("五 uhr", "refused"), ("half past 1", "01:30"), ("59 past 9", "09:59"), ("60 past 9", "refused")),
        *(
            ("five to 1", "refused"),
            ("twenty to 1", "00:40"),
            ("13 to 1", "refused"),
            ("24 to 1", "refused"),
            ("25 to 1", "00:35"),
            ("quarter to 1", "00:45"),
            ("five past 11 pm", "23:05"),
            ("午後3時60分", "refused"),
            ("午後24時", "refused"),
            ("half to 9", "refused"),
            ("five past 24", "00:05"),
            ("five past 25", "refused"),
        ),
        *(("half past 12 am", "00:30"), ("half past 12 pm", "12:30"), ("quarter to 1 pm", "12:45")),
        *(("half past 1 pm", "13:30"), ("half past 13 pm", "refused"), ("half past 1 am", "01:30")),
        *(("halb 1", "00:30"), ("halb 24", "23:30"), ("halb 25", "refused"), ("viertel vor 1", "00:45")),
        *(("zwölf Uhr", "12:00"), ("fünfzehn Uhr", "15:00"), ("twenty o'clock", "20:00"), ("dreißig Uhr", "refused")),
        *(("half past 9 in the evening", "21:30"), ("half past 12 in the afternoon", "12:30")),
        *(("1 in the afternoon", "13:00"), ("6 in the afternoon", "18:00"), ("7 in the afternoon", "refused")),
        *(("12:30 in the afternoon", "12:30"), ("11:59 in the morning", "11:59"), ("12:00 in the morning", "refused")),
        *(("4 in the evening", "refused"), ("5 in the evening", "17:00"), ("11 in the evening", "23:00")),
        *(
            ("13:00 in the afternoon", "13:00"),
            ("18:59 in the afternoon", "18:59"),
            ("19:00 in the afternoon", "refused"),
        ),
        *(("17:00 in the evening", "17:00"), ("16:59 in the evening", "refused"), ("23:59 in the evening", "23:59")),
        *(
            ("0:30 in the morning", "00:30"),
            ("0:30 in the afternoon", "refused"),
            ("24:00 at night", "refused"),
            ("6 at night", "18:00"),
            ("5 at night", "refused"),
            ("17:59 at night", "refused"),
            ("23:59 at night", "23:59"),
            ("11 at night", "23:00"),
            ("12 at night", "refused"),
            ("9 am in the evening", "refused"),
            ("24 in the evening", "refused"),
        ),
    ],
)
def test_a_time_of_day_is_read_up_to_its_edge(text: str, expected: str) -> None:
    """On a day that is given, each form of a time of day has one meaning, or none."""
    try:
        actual = read(f"2027-03-05 {text}").removeprefix("2027-03-05 ")
    except InvalidTime:
        actual = "refused"
    assert expected == actual


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("2027-03-05T24", "2027-03-06 00:00"), ("2027-03-05T0900", "2027-03-05 09:00")),
        *(("20270305T090015.25", "2027-03-05 09:00:15.250000"), ("20270305 0900", "2027-03-05 09:00")),
        *(("2027-03-05 090015", "2027-03-05 09:00:15"), ("20270305090015", "2027-03-05 09:00:15")),
        *(("20270305T09", "2027-03-05 09:00"), ("2027-03-05T9:05:06.5", "2027-03-05 09:05:06.500000")),
        *(("2027-W09-5 9:00", "2027-03-05 09:00"), ("2026-W53-7 9:00", "2027-01-03 09:00")),
        *(("2027-001 9:00", "2027-01-01 09:00"), ("2027-365 9:00", "2027-12-31 09:00")),
        *(("2028-366 9:00", "2028-12-31 09:00"), ("2028-060 9:00", "2028-02-29 09:00")),
        *(("2028-02-29 9:00", "2028-02-29 09:00"), ("29 feb 9:00", "2028-02-29 09:00")),
        *(("2027年2月3日 9:00", "2027-02-03 09:00"), ("2月3日 9:00", "2027-02-03 09:00")),
        *(("12/13/2027 9:00", "2027-12-13 09:00"), ("13/12/2027 9:00", "2027-12-13 09:00")),
        *(("5/5/2027 9:00", "2027-05-05 09:00"), ("12/12/2027 9:00", "2027-12-12 09:00")),
        *(("24/12 9:00", "2026-12-24 09:00"), ("24-12-2026 9:00", "2026-12-24 09:00")),
        *(("2026.12.24 9:00", "2026-12-24 09:00"), ("2026/1/2 9:00", "2026-01-02 09:00")),
        *(("12/24/26 9:00", "2026-12-24 09:00"), ("31.12.32 9:00", "2032-12-31 09:00")),
        *(("32/12/31 9:00", "2032-12-31 09:00"), ("12/12/12 9:00", "2012-12-12 09:00")),
        *(("24/dec/2026 9:00", "2026-12-24 09:00"), ("2026 dec 24 9:00", "2026-12-24 09:00")),
        *(("dec 24 2026 9:00", "2026-12-24 09:00"), ("24 de diciembre de 2026 9:00", "2026-12-24 09:00")),
        *(("1772000000", "2026-02-25 07:13:20"), ("@1772000000", "2026-02-25 07:13:20")),
        *(("1772000000.1234567", "2026-02-25 07:13:20.123456"), ("1772000000,5", "2026-02-25 07:13:20.500000")),
        *(("1772000000123", "2026-02-25 07:13:20.123000"), ("2026012399", "2034-03-15 06:13:19")),
    ],
)
def test_a_date_is_read_up_to_its_edge(text: str, expected: str) -> None:
    """The first and the last day of a year, leap days, and every order that only one day fits."""
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "dates", "expected"),
    [
        *(("03/04/2027 9:00", "dmy", "2027-04-03 09:00"), ("03/04/2027 9:00", "mdy", "2027-03-04 09:00")),
        *(("03/04/05 9:00", "dmy", "2005-04-03 09:00"), ("03/04/05 9:00", "mdy", "2005-03-04 09:00")),
        *(("03/04/05 9:00", "ymd", "2003-04-05 09:00"), ("03.04.2027 9:00", "mdy", "2027-04-03 09:00")),
        *(("24-dec-26 9:00", "dmy", "2026-12-24 09:00"), ("03.04. 9:00", "mdy", "2027-04-03 09:00")),
        *(("3/4 9:00", "dmy", "2027-04-03 09:00"), ("3/4 9:00", "mdy", "2027-03-04 09:00")),
    ],
)
def test_the_order_of_dates_is_followed(text: str, dates: DateOrder, expected: str) -> None:
    """With the order that somebody gave, no date is ambiguous; with dots the day comes first."""
    assert expected == read(text, dates)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("in half an hour", "25 12:00"),
            ("in a quarter of an hour", "25 11:45"),
            ("in half a minute", "25 11:30:30"),
        ),
        *(("in 2 h 5 m", "25 13:35"), ("in 1h05", "25 12:35"), ("in 2.5 hours", "25 14:00"), ("in 2,25 h", "25 13:45")),
        *(("in 1 day 2 hours", "26 13:30"), ("in 1 day 9:00", "26 09:00"), ("in 2 weeks", "2026-12-09 11:30")),
        *(
            ("in 1 month", "2026-12-25 11:30"),
            ("in 2 months", "2027-01-25 11:30"),
            ("in 13 months", "2027-12-25 11:30"),
        ),
        *(("in 3 months 9:00", "2027-02-25 09:00"), ("in 2 years", "2028-11-25 11:30"), ("in 2年", "2028-11-25 11:30")),
        *(("in 1 month 10 days", "2027-01-05 11:30"), ("in 1.5 days", "refused"), ("in 1.5 months", "refused")),
        *(("in an hour and a half", "25 13:00"), ("in two and a half hours", "25 14:00")),
        *(("2 hours from now", "25 13:30"), ("2時間後", "25 13:30"), ("3日後", "28 11:30"), ("2小时后", "25 13:30")),
        *(("5分后", "25 11:35"), ("2周后", "2026-12-09 11:30"), ("2年後", "2028-11-25 11:30")),
        *(
            ("om 2 uur", "26 02:00"),
            ("om 2h30", "refused"),
            ("za 5 hodin", "25 16:30"),
            ("za 15 minut", "25 11:45"),
            ("over 2 uur", "25 13:30"),
            ("over 2 hours", "refused"),
            ("om een half uur", "25 12:00"),
            ("2時後", "refused"),
            ("om 2 minuten", "25 11:32"),
            ("in 30 s", "25 11:30:30"),
            ("in 0 hours", "25 11:30"),
        ),
        *(("in einer dreiviertelstunde", "25 12:15"), ("in anderthalb stunden", "25 13:00")),
        *(("dans une demi-heure", "25 12:00"), ("dans un quart d'heure", "25 11:45"), ("en media hora", "25 12:00")),
        *(("tra mezz'ora", "25 12:00"), ("em meia hora", "25 12:00"), ("over een half uur", "25 12:00")),
        *(("over een halfuur", "25 12:00"), ("через полчаса", "25 12:00"), ("in einer halben stunde", "25 12:00")),
        *(("in einer viertelstunde", "25 11:45"), ("in eineinhalb stunden", "25 13:00")),
        *(("in a quarter hour", "25 11:45"), ("in three quarters of an hour", "25 12:15")),
        *(("in 600 months", "refused"), ("in 598 months", "2076-09-25 11:30"), ("in 2 hours 9:00", "refused")),
        *(("in half an hours", "refused"), ("in 2 hours in the evening", "refused"), ("in 2", "refused")),
    ],
)
def test_a_length_of_time_is_read_up_to_its_edge(text: str, expected: str) -> None:
    """Hours are elapsed time; days, months and years follow the calendar; half a day is none."""
    try:
        actual = read(text).removeprefix("2026-11-")
    except InvalidTime:
        actual = "refused"
    assert expected == actual


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2027-03-05 13 pm", "The time of day '13 pm' does not exist: am and pm need an hour from 1 to 12."),
        ("2027-03-05 0 am", "The time of day '0 am' does not exist: am and pm need an hour from 1 to 12."),
        (
            "2027-03-05 half past 13 pm",
            "The time of day 'half past 13 pm' does not exist: am and pm need an hour from 1 to 12.",
        ),
        ("2027-03-05 24:01", "The time of day '24:01' does not exist."),
        ("2027-03-05 24:00:01", "The time of day '24:00:01' does not exist."),
        ("2027-03-05 25:00", "The time of day '25:00' does not exist."),
        ("2027-03-05 9:60", "The time of day '9:60' does not exist."),
        ("2027-03-05 9:00:60", "The time of day '9:00:60' does not exist."),
        ("2027-03-05T0960", "The time of day '0960' does not exist."),
        ("2027-03-05T25:00", "The time of day '25:00' does not exist."),
        ("2027-03-05 0960", "The time of day '0960' does not exist."),
        ("2027-366 9:00", "There is no day 366 in 2027."),
        ("2027-000 9:00", "There is no day 000 in 2027."),
        ("2027-W53-1 9:00", "There is no week 53 in 2027."),
        ("2027-W00-1 9:00", "There is no week 00 in 2027."),
        ("2026-W52 9:00", "The week '2026-W52' has no day. (Add one: 2026-W52-1 is Monday.)"),
        ("2027-13-01 9:00", "The date '2027-13-01' has the month 13, which does not exist."),
        ("20271301 9:00", "The date '20271301' has the month 13, which does not exist."),
        ("2027年13月1日 9:00", "The date '2027年13月1日' has the month 13, which does not exist."),
        ("2027-00-01 9:00", "The date '2027-00-01' has the month 0, which does not exist."),
        ("2027-02-29 9:00", "The date '2027-02-29' is not in the calendar."),
        ("20270230 9:00", "The date '20270230' is not in the calendar."),
        ("30 feb 9:00", "The date '30 feb' is not in the calendar."),
        ("feb 30 9:00", "The date 'feb 30' is not in the calendar."),
        ("2027 feb 30 9:00", "The date '2027 feb 30' is not in the calendar."),
        ("31.4.2027 9:00", "The date '31.4.2027' is not in the calendar."),
        ("2027/4/31 9:00", "The date '2027/4/31' is not in the calendar."),
        ("12.13.2027 9:00", "The date '12.13.2027' has the month 13, which does not exist."),
        ("45/45/45 9:00", "The date '45/45/45' is not in the calendar."),
        ("9999-12-31T23:59-05:00", "The time '9999-12-31T23:59-05:00' is too far away."),
        ("9:00 uct", "Skywrite does not understand 'uct' in the time '9:00 uct'."),
        ("9:00 [utc]x", "Skywrite does not understand 'x' in the time '9:00 [utc]x'."),
        (
            "9:00+01:00[utc]",
            "The time '9:00+01:00[utc]' has two time zones: '+01:00' and '[utc]'. (Keep one.)",
        ),
        (
            "9:00 europe/berlin (asia/tokyo)",
            "The time '9:00 europe/berlin (asia/tokyo)' has two time zones: 'europe/berlin' and '(asia/tokyo)'."
            " (Keep one.)",
        ),
        (
            "tomorrow 9:00 +0100 CET",
            "'CET' in 'tomorrow 9:00 +0100 CET' is not the same time zone all year and everywhere."
            ' (Name a place, such as "tomorrow 9:00 Europe/Berlin", "tomorrow 9:00 Europe/Paris" or "tomorrow'
            ' 9:00 Europe/Madrid".)',
        ),
        ("  ", "No time was given."),
        ("9:00:00." + "1" * 93, f"The time '9:00:00.{'1' * 32}'... is too long."),
        ("9999-12-31 24:00", "The time '9999-12-31 24:00' is too far away."),
        ("29 feb 9:00 2027", "The time '29 feb 9:00 2027' has no day 29 in February."),
        ("20271301090000", "The time '20271301090000' is not in the calendar."),
        ("20270305096000", "The time of day '20270305096000' does not exist."),
        ("123/12/2026 9:00", "Skywrite does not understand '123/12/2026' in the time '123/12/2026 9:00'."),
        ("24/12/ 9:00", "Skywrite does not understand '/12/' in the time '24/12/ 9:00'."),
        ("24-12- 9:00", "Skywrite does not understand '-' in the time '24-12- 9:00'."),
        ("2026/12 9:00", "Skywrite does not understand '/12' in the time '2026/12 9:00'."),
        ("2026/12/2024 9:00", "Skywrite does not understand '/12/2024' in the time '2026/12/2024 9:00'."),
        ("2026/12/ 9:00", "Skywrite does not understand '/12/' in the time '2026/12/ 9:00'."),
        (
            "2026-12-24 9:00 25.12.2026",
            "The time '2026-12-24 9:00 25.12.2026' has two days: '2026-12-24' and '25.12.2026'. (Keep one.)",
        ),
        (
            "2026-12-24 0900 in the evening",
            "The time '2026-12-24 0900 in the evening' is not clear: 9:00 is not in the evening."
            ' (Write "2026-12-24 9:00".)',
        ),
        ("in 1.5 days", 'Only whole days, weeks and months are possible. (Write hours, such as "in 36 hours".)'),
        ("in 600 months", "The time 'in 600 months' is more than 50 years away."),
        ("2100-01-01 9:00", "The time '2100-01-01 9:00' is more than 50 years away."),
        (
            "in 3 months 31 days 9",
            "The time 'in 3 months 31 days 9' is not clear: 9 may be several things."
            ' (Write the unit of 9, such as "in 3 months 31 days 9 minutes".)',
        ),
        (
            "in 2 hours 9:00",
            "The time 'in 2 hours 9:00' has both a length of time and a time of day."
            ' (Write "in 2 hours" or "in 3 days 9:00".)',
        ),
        ("9:00 -15:00", "Skywrite does not understand '-15:00' in the time '9:00 -15:00'."),
        ("9:00 +14:01", "Skywrite does not understand '+14:01' in the time '9:00 +14:01'."),
        ("9:00 +01:60", "Skywrite does not understand '+01:60' in the time '9:00 +01:60'."),
        ("9:00 utc+14:01", "Skywrite does not understand 'utc' in the time '9:00 utc+14:01'."),
        (
            "9:00 +0100 +02",
            "The time '9:00 +0100 +02' has two time zones: '+0100' and '+02'. (Keep one.)",
        ),
        (
            "2027-03-05 9:00 +0200 (CET)",
            "The zone 'CET' and the offset next to it in '2027-03-05 9:00 +0200 (CET)' do not agree."
            " (Keep one of them.)",
        ),
        (
            "2027-03-05 9:00+02:00[Europe/Berlin]",
            "The offset and the zone in '2027-03-05 9:00+02:00[Europe/Berlin]' do not agree. (Keep one of them.)",
        ),
        (
            "fri 17:00 ast",
            "'AST' in 'fri 17:00 ast' is not the same time zone all year and everywhere."
            ' (Name a place, such as "fri 17:00 America/Halifax" or "fri 17:00 Asia/Riyadh".)',
        ),
        (
            "2027-03-05 9:00 (Foo Time)",
            "'Foo Time' in '2027-03-05 9:00"
            " (Foo Time)' is not the same time zone all year and everywhere. (Name a place, such as \"2027-03-05"
            ' 9:00 Europe/Berlin".)',
        ),
        ("2027-03-05 9:00 (foo)", "Skywrite does not understand '(foo)' in the time '2027-03-05 9:00 (foo)'."),
        (
            "9:00 rome",
            "Skywrite does not understand 'rome' in the time '9:00 rome'. (Write \"9:00 Europe/Rome\".)",
        ),
        (
            "9:00 lima",
            "Skywrite does not understand 'lima' in the time '9:00 lima'. (Write \"9:00 America/Lima\".)",
        ),
        ("9:00 gmt0x", "Skywrite does not understand 'gmt' in the time '9:00 gmt0x'."),
        ("rome 9:00", "Skywrite does not understand 'rome' in the time 'rome 9:00'."),
        (
            "friday evening at 24",
            "The time 'friday evening at 24' is not clear: 24:00 is not in the evening. (Write \"friday at 24:00\".)",
        ),
        (
            "friday evening at 25",
            "The time 'friday evening at 25' is not clear: 25 may be several things."
            " (Write a time like 9:00 or 9am, a day like 9 dec.)",
        ),
        (
            "friday at 23",
            "The time 'friday at 23' is not clear: 23 may be several things. (Write \"friday at 23:00\".)",
        ),
        (
            "friday at 12",
            "The time 'friday at 12' is not clear: 12 may be several things."
            ' (Write "friday at 12:00" or "friday at 0:00".)',
        ),
        (
            "friday at 24",
            "The time 'friday at 24' is not clear: 24 may be several things."
            " (Write a time like 9:00 or 9am, a day like 9 dec.)",
        ),
        (
            "2026 9:00",
            "The time '2026 9:00' is not clear: 2026 may be several things."
            " (Write a time like 9:00 or 9am, a day like 9 dec.)",
        ),
        ("friday saturday 9:00", "The time 'friday saturday 9:00' has two days: 'friday' and 'saturday'. (Keep one.)"),
        ("today 24 dec 9:00", "The time 'today 24 dec 9:00' names two days. (Keep one of them.)"),
        ("9:00 10:00", "The time '9:00 10:00' has two times of day: '9:00' and '10:00'. (Keep one.)"),
        ("now 9:00", "The time 'now 9:00' contains two times. (Keep one of them.)"),
        ("now friday", "The time 'now friday' contains two times. (Keep one of them.)"),
        ("now in the evening", "The time 'now in the evening' contains two times. (Keep one of them.)"),
        ("now next", "The time 'now next' contains two times. (Keep one of them.)"),
        ("in 2 hours friday", "The time 'in 2 hours friday' contains two times. (Keep one of them.)"),
        ("in 2 hours now", "The time 'in 2 hours now' contains two times. (Keep one of them.)"),
        (
            "next tomorrow 9:00",
            "The time 'next tomorrow 9:00' is not clear: 'next' needs a day of the week. (Write it like \"mon 9:00\".)",
        ),
        (
            "midnight in the evening",
            "The time 'midnight in the evening' is not clear: midnight is not in the evening."
            ' (Write "0:00" or "24:00".)',
        ),
        (
            "tomorrow midnight in the evening",
            "The time 'tomorrow midnight in the evening' is not clear: midnight is not in the evening."
            ' (Write "tomorrow 0:00" or "tomorrow 24:00".)',
        ),
        (
            "4:30 in the evening",
            "The time '4:30 in the evening' is not clear: 4:30 is not in the evening. (Write \"4:30\".)",
        ),
        (
            "12:00 in the evening",
            'The time \'12:00 in the evening\' is not clear: 12:00 is not in the evening. (Write "0:00" or "24:00".)',
        ),
        (
            "friday in the evening",
            "The time 'friday in the evening' does not say at which hour: the evening has 7 of them."
            ' (Add it, such as "friday in the evening 20:00" or "friday in the evening 21:00".)',
        ),
        (
            "tomorrow morning",
            "The time 'tomorrow morning' does not say at which hour: the morning has 12 of them."
            ' (Add it, such as "tomorrow morning 8:00" or "tomorrow morning 9:00".)',
        ),
        (
            "tomorrow night",
            "The time 'tomorrow night' does not say at which hour: the night has 6 of them."
            ' (Add it, such as "tomorrow night 21:00" or "tomorrow night 22:00".)',
        ),
        (
            "this afternoon",
            "The time 'this afternoon' does not say at which hour: the afternoon has 7 of them."
            ' (Add it, such as "this afternoon 14:00" or "this afternoon 15:00".)',
        ),
        (
            "tonight",
            'The time \'tonight\' does not say at which hour. (Add it, such as "tonight 20:00" or "tonight 21:00".)',
        ),
        ("24 dec", "The time '24 dec' has no time of day. (Add one: \"24 dec 9:00\".)"),
        ("at friday 9:00", "Skywrite does not understand the time 'at friday 9:00': 'at' has no meaning here."),
        ("9:00 at", "Skywrite does not understand the time '9:00 at': 'at' has no meaning here."),
        ("+01:00 9:00", "Skywrite does not understand the time '+01:00 9:00': no time of day before '+01:00'."),
        (
            "fri 24 dec 9:00",
            "The time 'fri 24 dec 9:00' names two days: 24 December 2026 is a Thursday, not a Friday."
            " (Keep one of them, or write the year.)",
        ),
        (
            "fri 24 dec 2026 9:00",
            "The time 'fri 24 dec 2026 9:00' names two days: 24 December 2026 is a Thursday, not a Friday."
            " (Keep one of them.)",
        ),
        ("in -5 minutes", "The time 'in -5 minutes' is in the past. (Write a length such as \"in 5 minutes\".)"),
        ("jan 9:00", "The time 'jan 9:00' has a month without a day. (Write a day, such as \"24 jan 9:00\".)"),
        ("fri 17.00", "The time 'fri 17.00' has a dot in '17.00'. (Write \"fri 17:00\".)"),
        ("fri 0.12", "The time 'fri 0.12' has a dot in '0.12'. (Write \"fri 0:12\".)"),
        ("fri 23.59", "The time 'fri 23.59' has a dot in '23.59'. (Write \"fri 23:59\".)"),
        ("fri 23.60", "The time 'fri 23.60' is invalid: '23.60' is neither a time of day nor a date."),
        ("fri 24.00", "The time 'fri 24.00' is invalid: '24.00' is neither a time of day nor a date."),
        ("fri 24.12", "The time 'fri 24.12' has a dot in '24.12'."),
        ("fri 31.12", "The time 'fri 31.12' has a dot in '31.12'."),
        ("fri 31.01", "The time 'fri 31.01' has a dot in '31.01'."),
        ("fri 32.01", "The time 'fri 32.01' is invalid: '32.01' is neither a time of day nor a date."),
        ("fri 31.04", "The time 'fri 31.04' is invalid: '31.04' is neither a time of day nor a date."),
        ("fri 29.02", "The time 'fri 29.02' has a dot in '29.02'."),
        ("fri 12.13", "The time 'fri 12.13' has a dot in '12.13'. (Write \"fri 12:13\".)"),
        ("fri 24.13", "The time 'fri 24.13' is invalid: '24.13' is neither a time of day nor a date."),
        (
            "fri 2359",
            "Skywrite does not understand '2359' in the time 'fri 2359'. (Write \"fri 23:59\".)",
        ),
        ("fri 2400", "Skywrite does not understand '2400' in the time 'fri 2400'."),
    ],
)
def test_a_refusal_says_what_and_why(text: str, message: str) -> None:
    """The whole message, with the hint unless it is the general one."""
    error, hint = refusal(text)
    assert message == (
        error if hint.startswith("Write it like") and ' like "tomorrow 9:00"' in hint else f"{error} ({hint})"
    )


def test_a_time_has_a_hundred_characters_at_most() -> None:
    """The last digits of a fraction do not count."""
    assert "2026-11-26 09:00:00.111111" == read("9:00:00." + "1" * 92)


def test_fifty_years_ahead_is_the_end() -> None:
    """And what passed a minute ago is now."""
    last = NOW + timedelta(days=50 * 365)
    assert last == parse_time(last.isoformat(), now=NOW, zone=BERLIN).at
    with pytest.raises(InvalidTime, match="more than 50 years away"):
        parse_time((last + timedelta(seconds=1)).isoformat(), now=NOW, zone=BERLIN)
    assert NOW == parse_time("2026-11-25 11:29", now=NOW, zone=BERLIN).at
    with pytest.raises(InvalidTime, match="The time 'in 2 hours' is too far away"):
        parse_time("in 2 hours", now=datetime(9999, 12, 31, 23, tzinfo=UTC), zone="UTC")


def test_the_zone_of_a_time_is_a_place() -> None:
    """That of the text, or the given one where the text has an offset or UTC."""
    texts = ("9:00", "9:00 UTC", "9:00 +02:00", "9:00 Asia/Tokyo")
    assert [BERLIN, BERLIN, BERLIN, "Asia/Tokyo"] == [parse_time(text, now=NOW, zone=BERLIN).zone for text in texts]


def test_a_file_says_why_a_time_depends_on_the_day() -> None:
    """It lacks its time of day, or its year."""
    for text, message in (
        ("2027-01-05", "The time '2027-01-05' has no time of day."),
        ("5 jan 9:00", "The time '5 jan 9:00' is not the same every day."),
        ("9:00", "The time '9:00' is not the same every day."),
        ("tomorrow", "The time 'tomorrow' is not the same every day."),
    ):
        with pytest.raises(InvalidTime) as caught:
            read_timestamp(text)
        assert message == caught.value.message


def test_a_computer_whose_zone_cannot_be_found_uses_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the reason."""
    import tzlocal

    def lost() -> str:
        raise LookupError("no zone")

    monkeypatch.setattr(tzlocal, "get_localzone_name", lost)
    assert "UTC" == local_zone()


def test_whether_a_text_is_a_time_is_known_without_reading_all_of_it() -> None:
    """With the order of dates that somebody gave."""
    texts = [("tomorrow 9:00", None), ("soon", None), ("3/4 9:00", None), ("3/4 9:00", "dmy")]
    assert [True, False, False, True] == [can_be_read(text, cast(DateOrder, dates)) for text, dates in texts]


def test_what_depends_on_the_day() -> None:
    """A month without the day, and on a Sunday the week that begins today or tomorrow."""
    with pytest.raises(InvalidTime) as caught:
        parse_time("in 3 months", now=datetime(2026, 11, 30, 9, tzinfo=UTC), zone=BERLIN)
    assert "The time 'in 3 months' does not exist: February has no day 30." == caught.value.message
    with pytest.raises(AmbiguousTime) as unclear:
        parse_time("next monday 9:00", now=datetime(2026, 11, 29, 9, tzinfo=UTC), zone=BERLIN)
    assert 'Write "2026-11-30 9:00" or "2026-12-07 9:00".' == str(unclear.value.hint)


def test_a_date_in_the_given_order_may_be_none() -> None:
    """The error shows the whole date."""
    assert "The date '31/02/26' is not in the calendar." == refusal("31/02/26 9:00", "dmy")[0]
    assert "The date '31/02/2026' is not in the calendar." == refusal("31/02/2026 9:00", "dmy")[0]


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("24.12.26 9:00", '"2026-12-24 9:00" or "2024-12-26 9:00"'),
        ("31/12/29 9:00", '"2031-12-29 9:00" or "2029-12-31 9:00"'),
        ("10/11/12 9:00", '"2012-11-10 9:00", "2012-10-11 9:00" or "2010-11-12 9:00"'),
        ("on 1/12/2027 9:00", '"on 2027-12-01 9:00" or "on 2027-01-12 9:00"'),
        ("3/4 9:00", '"3 apr 9:00" or "4 mar 9:00"'),
        ("1/12 9:00", '"1 dec 9:00" or "12 jan 9:00"'),
        ("4-dec-26 9:00", '"4 dec 2026 9:00" or "26 dec 2004 9:00"'),
        ("2026010112", '"2026-01-01 12:00" or "2034-03-15T04:35:12Z"'),
        ("2026111223", '"2026-11-12 23:00" or "2034-03-16T08:40:23Z"'),
        ("9:00 -10:00", '"9:00 UTC-10:00" or "9:00"'),
        ("9:00 -08:00", '"9:00 UTC-08:00" or "9:00"'),
        ("9:00 -0800", '"9:00 UTC-08:00" or "9:00"'),
        ("9:00 -0900", '"9:00 UTC-09:00" or "9:00"'),
        ("2026-11-25 9:00 -09:00", '"2026-11-25 9:00 UTC-09:00" or "2026-11-25 9:00"'),
        ("9:00 -09:01", '"9:00 UTC-09:01" or "9:00"'),
        ("today midnight", '"today 24:00"'),
        ("tomorrow midnight", '"tomorrow 0:00" or "tomorrow 24:00"'),
        ("friday midnight", '"friday 0:00" or "friday 24:00"'),
        ("31.12. Mitternacht", '"31.12. 0:00" or "31.12. 24:00"'),
        ("31 décembre à minuit", '"31 décembre à 0:00" or "31 décembre à 24:00"'),
        ("2027-12-31 midnight", '"2027-12-31 0:00" or "2027-12-31 24:00"'),
        ("dans 15 jours 9h", '"dans 15 jours 9:00" or "dans 15 jours and 9 hours"'),
        ("dans quinze jours 9h30", '"dans quinze jours 9:30" or "dans quinze jours and 9 hours 30 minutes"'),
        ("in 3 days 9h", '"in 3 days 9:00" or "in 3 days and 9 hours"'),
        ("dans 2 semaines 9 heures", '"dans 2 semaines 9:00" or "dans 2 semaines and 9 hours"'),
        ("over 2 dagen 9 uur", '"over 2 dagen 9:00" or "in 2 dagen and 9 hours"'),
        ("next thursday 9:00", '"2026-11-26 9:00" or "2026-12-03 9:00"'),
        ("next sunday 9:00", '"2026-11-29 9:00" or "2026-12-06 9:00"'),
        ("next week sunday 9:00", '"2026-11-29 9:00" or "2026-12-06 9:00"'),
        ("2h30", '"2:30" or "in 2h30"'),
        ("2h", '"2:00" or "in 2 hours"'),
        ("fri 10.12", '"fri 10:12"'),
        ("fri 1.01", '"fri 1:01" or "fri 1.1. 9:00"'),
    ],
)
def test_each_reading_of_an_ambiguous_time_is_shown(text: str, readings: str) -> None:
    """Nothing is chosen, and whatever is shown can be written instead."""
    with pytest.raises(AmbiguousTime) as caught:
        parse_time(text, now=NOW, zone=BERLIN, past=True)
    assert f"Write {readings}." == str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("9:00 utc+14", "2026-11-25 20:00"),
            ("9:00 +14:00", "2026-11-25 20:00"),
            ("9:00 +01:59", "2026-11-26 08:01"),
        ),
        *(("2027-03-05 9:00 +1:30", "2027-03-05 08:30"), ("2027-03-05 9:00 gmt-3:30", "2027-03-05 13:30")),
        *(("2027-03-05 9:00 [utc]", "2027-03-05 10:00"), ("2027-03-05 9:00 zulu", "2027-03-05 10:00")),
        *(("2027-03-05 9:00 (Asia/Tokyo)", "2027-03-05 01:00"), ("2027-03-05 9:00 +0900 +09", "2027-03-05 01:00")),
        *(("2027-03-05 9:00+09:00[Asia/Tokyo]", "2027-03-05 01:00"), ("2027-03-05 9:00 +0100 CET", "2027-03-05 09:00")),
        *(("2027-03-05T09:00-10:00", "2027-03-05 20:00"), ("5 mar 2027 9:00 -0800", "2027-03-05 18:00")),
        *(("2026-11-25 9:00 -08:59", "2026-11-25 18:59"), ("friday evening at 8", "2026-11-27 20:00")),
        *(("friday evening at 23", "2026-11-27 23:00"), ("friday morning at 0", "2026-11-27 00:00")),
        *(("friday afternoon at 12", "2026-11-27 12:00"), ("friday morning at 1", "2026-11-27 01:00")),
        *(("thu dec 24 09:00:00 2026", "2026-12-24 09:00"), ("24 dec 2026", "refused")),
        *(("midnight tonight", "2026-11-26 00:00"), ("24 dec midnight", "refused")),
        *(("next tuesday 9:00", "2026-12-01 09:00"), ("next wednesday 9:00", "2026-12-02 09:00")),
        *(("next week monday 9:00", "2026-11-30 09:00"), ("next week thursday 9:00", "2026-12-03 09:00")),
        *(("at 9h", "2026-11-26 09:00"), ("at 2h30", "2026-11-26 02:30"), ("25 nov 11:31", "2026-11-25 11:31")),
        *(("25 nov 11:30", "2027-11-25 11:30"), ("9:00 m=+0.123", "2026-11-26 09:00"), ("9:00 m=1", "refused")),
    ],
)
def test_parts_that_agree_are_one_time(text: str, expected: str) -> None:
    """A zone twice, an hour that stands apart, a year at the end, and the day that comes next."""
    try:
        actual = read(text)
    except InvalidTime:
        actual = "refused"
    assert expected == actual


def test_each_abbreviation_means_what_its_places_use() -> None:
    """The offsets of an abbreviation are those of its places, as the tz database says."""
    wrong = {}
    for name, (offsets, places) in zone_forms._ABBREVIATIONS.items():
        zones = [ZoneInfo(place) for place in places.split()]
        used = {minutes(zone, month) for zone in zones for month in (1, 7)}
        called = {minutes(zone, month) for zone in zones for month in (1, 7) if zone_name(zone, month) == name.upper()}
        if not set(offsets) <= used | OTHER_PLACES.get(name, set()) or not called <= set(offsets):
            wrong[name] = (offsets, used, called)
    assert {} == wrong


# Where people also use the abbreviation, though the hint does not show the place.
OTHER_PLACES = {"est": {600}}


def minutes(zone: ZoneInfo, month: int) -> int:
    return int((datetime(2026, month, 15, 12, tzinfo=zone).utcoffset() or NOW - NOW).total_seconds()) // 60


def zone_name(zone: ZoneInfo, month: int) -> str | None:
    return datetime(2026, month, 15, 12, tzinfo=zone).tzname()


def test_each_long_name_means_the_offset_of_its_place() -> None:
    """The names that browsers print, beside the offset that is theirs."""
    places = {
        **{"coordinated universal time": ("UTC", 1), "greenwich mean time": ("Europe/London", 1)},
        **{"british summer time": ("Europe/London", 7), "central european standard time": (BERLIN, 1)},
        **{"central european summer time": (BERLIN, 7), "mitteleuropaische normalzeit": (BERLIN, 1)},
        **{"mitteleuropaische sommerzeit": (BERLIN, 7), "eastern european standard time": ("Europe/Athens", 1)},
        **{"eastern european summer time": ("Europe/Athens", 7), "eastern standard time": ("America/New_York", 1)},
        **{"eastern daylight time": ("America/New_York", 7), "central standard time": ("America/Chicago", 1)},
        **{"central daylight time": ("America/Chicago", 7), "mountain standard time": ("America/Denver", 1)},
        **{"mountain daylight time": ("America/Denver", 7), "pacific standard time": ("America/Los_Angeles", 1)},
        **{"pacific daylight time": ("America/Los_Angeles", 7), "japan standard time": ("Asia/Tokyo", 1)},
        **{"india standard time": ("Asia/Kolkata", 1), "china standard time": ("Asia/Shanghai", 1)},
    }
    expected = {name: (minutes(ZoneInfo(place), month),) for name, (place, month) in places.items()}
    assert expected == zone_forms._LONG_NAMES


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *(("0:00", 0), ("23:59", 1439), ("24:00", None), ("9:60", None), ("9:59", 599), ("9", None), ("9am", 540)),
        *(("12am", 0), ("12pm", 720), ("1am", 60), ("11:59pm", 1439), ("0am", None), ("13pm", None), ("noon", 720)),
        *(("midnight", 0), ("9:00x", None)),
    ],
)
def test_the_clock_of_rules_and_slots_is_read_up_to_its_edge(word: str, expected: int | None) -> None:
    """Minutes since midnight; am and pm need an hour from 1 to 12."""
    assert expected == clock_minutes(word)
