"""Times as people write them: what is read, what is refused, and how they are shown."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skywrite.core.errors import InputError, Notice
from skywrite.posting.schedule.time_errors import PastTime
from skywrite.posting.schedule.times import InvalidTime, ParsedTime, UnknownZone, format_time, local_zone, parse_time
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS

ZONES = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"),
    *("Pacific/Apia", "Africa/Casablanca", "America/St_Johns", "UTC"),
)
BERLIN = "Europe/Berlin"
# Wednesday, 11:30 in Berlin.
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
light = settings(max_examples=60, deadline=None)
moments = st.datetimes(datetime(2006, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))


def read(text: str, zone: str = BERLIN, now: datetime = NOW) -> str:
    return f"{parse_time(text, now=now, zone=zone).at.astimezone(ZoneInfo(BERLIN)):%a %Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "Wed 2026-11-25 11:30"),
        ("in 2 hours", "Wed 2026-11-25 13:30"),
        ("in 90 min", "Wed 2026-11-25 13:00"),
        ("in 1h30m", "Wed 2026-11-25 13:00"),
        ("in 1 hour and 5 minutes", "Wed 2026-11-25 12:35"),
        ("in an hour", "Wed 2026-11-25 12:30"),
        ("in half an hour", "Wed 2026-11-25 12:00"),
        ("in 3 days", "Sat 2026-11-28 11:30"),
        ("in 1 week 9:00", "Wed 2026-12-02 09:00"),
        ("12:00", "Wed 2026-11-25 12:00"),
        ("11:30", "Thu 2026-11-26 11:30"),
        ("noon", "Wed 2026-11-25 12:00"),
        ("midnight", "Thu 2026-11-26 00:00"),
        ("today 17:30", "Wed 2026-11-25 17:30"),
        ("Tomorrow at 9:00", "Thu 2026-11-26 09:00"),
        ("9:00 tomorrow", "Thu 2026-11-26 09:00"),
        ("midnight tonight", "Thu 2026-11-26 00:00"),
        ("tomorrow 24:00", "Fri 2026-11-27 00:00"),
        ("fri 17:00", "Fri 2026-11-27 17:00"),
        ("fri 17:00 Europe/Berlin", "Fri 2026-11-27 17:00"),
        ("Fri, 17:00 america/new_york", "Fri 2026-11-27 23:00"),
        ("fri 17:00 UTC", "Fri 2026-11-27 18:00"),
        ("fri 17:00 +05:30", "Fri 2026-11-27 12:30"),
        ("fri 17:00 utc-3", "Fri 2026-11-27 21:00"),
        ("wed 11:31", "Wed 2026-11-25 11:31"),
        ("wed 11:30", "Wed 2026-12-02 11:30"),
        ("next wed 12:00", "Wed 2026-12-02 12:00"),
        ("this thursday 8 pm", "Thu 2026-11-26 20:00"),
        ("next monday 8am", "Mon 2026-11-30 08:00"),
        ("on monday at 12am", "Mon 2026-11-30 00:00"),
        ("24 dec 17:00", "Thu 2026-12-24 17:00"),
        ("Dec 24th, 2027 at 5:15 p.m.", "Fri 2027-12-24 17:15"),
        ("25 nov 11:00", "Thu 2027-11-25 11:00"),
        ("29 feb 12:00", "Tue 2028-02-29 12:00"),
        ("24.12. 17:00", "Thu 2026-12-24 17:00"),
        ("24.12.2027 17:00", "Fri 2027-12-24 17:00"),
        ("2026-12-24 17:00", "Thu 2026-12-24 17:00"),
        ("2026-12-24 9:00", "Thu 2026-12-24 09:00"),
        ("2026-12-24 5pm", "Thu 2026-12-24 17:00"),
        ("2026-12-24T17:00", "Thu 2026-12-24 17:00"),
        ("2026-12-24T17:00:00Z", "Thu 2026-12-24 18:00"),
        ("2026-12-24T17:00:00.250-0500", "Thu 2026-12-24 23:00"),
        ("2026-12-24 17:00 Asia/Tokyo", "Thu 2026-12-24 09:00"),
        ("2026-10-25T02:30:00+01:00", "time.past"),
    ],
)
def test_a_written_time_is_read(text: str, expected: str) -> None:
    """English, ISO 8601 and dates, after Wednesday 25 November 2026, 11:30 in Berlin."""
    if expected == "time.past":
        with fails("time.past"):
            read(text)
    else:
        assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("morgen 9:00", "Thu 2026-11-26 09:00"),
        ("Freitag um 17 Uhr", "Fri 2026-11-27 17:00"),
        ("in 2 Stunden", "Wed 2026-11-25 13:30"),
        ("vendredi 17h", "Fri 2026-11-27 17:00"),
        ("demain à 9h30", "Thu 2026-11-26 09:30"),
        ("in 3 Tagen", "Sat 2026-11-28 11:30"),
        ("dans 2 heures", "Wed 2026-11-25 13:30"),
        ("lunes 10:00", "Mon 2026-11-30 10:00"),
        ("mañana a las 9:00", "Thu 2026-11-26 09:00"),
        ("завтра в 9:00", "Thu 2026-11-26 09:00"),
        ("15. Dezember 18:30 Asia/Tokyo", "Tue 2026-12-15 10:30"),
    ],
)
def test_other_languages_are_read(text: str, expected: str) -> None:
    """The common forms of many languages mean what they say."""
    assert expected == read(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "soon", "gibberish 9:00", "x" * 101, "9", "at 9", "tomorrow 9", "fri 17", "mar 9:00", "2026"),
        *(
            "tomorrow",
            "fri",
            "24 dec",
            "2026-12-24",
            "morgen",
            "vendredi",
            "15. dezember",
            "midnight tomorrow",
            "next week",
        ),
        *("03/04 9:00", "3/4/2026 9:00", "10:00 11:00", "fri sat 9:00", "today tomorrow 9:00", "fri 24 dec 17:00"),
        *(
            "31 feb 12:00",
            "29 feb 2027 12:00",
            "2026-13-24 17:00",
            "2026-12-24 25:00",
            "2026-02-30T10:00Z",
            "31.13. 9:00",
        ),
        *("tomorrow 24:01", "tomorrow 9:60", "tomorrow 13pm", "tomorrow 0am", "in 2 hours 9:00", "in 99999 weeks 9:00"),
        *("next 9:00", "next tomorrow 9:00", "in 2 moons", "2027 9:00", "2026-12-24T17:00+99:00", "24 dec 17:00 +49"),
    ],
)
def test_what_is_not_one_time_is_refused_with_examples(text: str) -> None:
    """No time of day is made up, and of two meanings none is chosen."""
    with pytest.raises(InvalidTime) as caught:
        parse_time(text, now=NOW, zone=BERLIN)
    assert "" != caught.value.hint


@pytest.mark.parametrize(
    "text", ["fri 17:00 Mars/Olympus", "fri 17:00 CET", "fri 17:00 (PST)", "fri 17:00 Europe/../../etc/passwd"]
)
def test_a_zone_that_is_none_or_not_clear_is_refused(text: str) -> None:
    """An abbreviation is not the same everywhere and all year, so a place is asked for."""
    with pytest.raises(UnknownZone) as caught:
        parse_time(text, now=NOW, zone=BERLIN)
    assert "/" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["today 9:00", "2026-11-25 11:28", "2020-01-01T10:00Z", "yesterday 9:00", "25.11.2026 0:00"]
)
def test_a_time_that_is_over_is_refused(text: str) -> None:
    """The error says which moment was understood."""
    with fails("time.past") as caught:
        parse_time(text, now=NOW, zone=BERLIN)
    assert "Europe/Berlin (" in caught.value.message


def test_a_time_that_has_just_gone_by_is_now() -> None:
    """Within a minute, someone who writes the present minute means now."""
    now = NOW + timedelta(seconds=59)
    assert now == parse_time("2026-11-25 11:30", now=now, zone=BERLIN).at
    with fails("time.past"):
        parse_time("2026-11-25 11:30", now=now + timedelta(seconds=2), zone=BERLIN)


def test_a_time_that_does_not_exist_moves_forward_with_a_note() -> None:
    """02:30 on the day on which clocks go forward becomes 03:30."""
    expected = ParsedTime(
        datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
        BERLIN,
        Notice(
            "NonexistentTime",
            "The time 02:30 does not exist in Europe/Berlin on Sun 28 Mar, when the clocks go forward; 03:30 is used.",
        ),
    )
    read = parse_time("2027-03-28 02:30", now=NOW, zone=BERLIN)
    assert (expected, "NonexistentTime") == (read, read.note and read.note.name)


def test_a_time_that_comes_twice_is_the_first_with_a_note() -> None:
    """The note shows how to write each of both, and what it shows is read so."""
    first = parse_time("2027-10-31 02:30", now=NOW, zone=BERLIN)
    note = (
        "The time 02:30 occurs twice in Europe/Berlin on Sun 31 Oct, when the clocks go back; the first is used"
        " (2027-10-31 02:30+02:00). For the second write 2027-10-31 02:30+01:00."
    )
    at = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert (at, note, "RepeatedTime") == (first.at, first.note, first.note and first.note.name)
    assert [ParsedTime(at, BERLIN), ParsedTime(at + timedelta(hours=1), BERLIN)] == [
        parse_time(text, now=NOW, zone=BERLIN) for text in re.findall(r"2027-10-31 02:30\+0\d:00", note)
    ]


def test_hours_are_real_and_days_are_of_the_calendar() -> None:
    """When clocks go forward in the night, in 24 hours is an hour later on the wall than in 1 day."""
    now = datetime(2027, 3, 27, 11, tzinfo=UTC)
    assert now + timedelta(hours=24) == parse_time("in 24 hours", now=now, zone=BERLIN).at
    assert now + timedelta(hours=23) == parse_time("in 1 day", now=now, zone=BERLIN).at


@light
@given(moments, moments, st.sampled_from(ZONES))
def test_iso_times_give_the_same_time_back(now: datetime, at: datetime, zone: str) -> None:
    """With an offset always; as a local time unless it comes twice, where the first is meant."""
    now, at = min(now, at), max(now, at)
    assert at == parse_time(at.astimezone(ZoneInfo(zone)).isoformat(), now=now, zone="UTC").at
    local = at.astimezone(ZoneInfo(zone))
    moment = parse_time(local.replace(tzinfo=None).isoformat(sep=" "), now=now - timedelta(days=1), zone=zone).at
    assert local.replace(fold=0).astimezone(UTC) == moment


@light
@given(
    moments,
    st.sampled_from(ZONES),
    st.sampled_from(["mon", "tuesday", "sun", "today", "tomorrow", "", "14 jun", "24.12."]),
    st.integers(0, 1439),
)
def test_a_day_and_a_time_are_the_next_such(now: datetime, zone: str, day: str, minute: int) -> None:
    """The result shows the time that was asked for, is not over, and no day of that kind comes before it."""
    text = f"{day} {minute // 60}:{minute % 60:02d}".strip()
    try:
        moment = parse_time(text, now=now, zone=zone)
    except PastTime:
        assert "today" == day
        return
    local = moment.at.astimezone(ZoneInfo(zone))
    if not (moment.note and moment.note.name == "NonexistentTime") and moment.at != now:
        assert (minute // 60, minute % 60) == (local.hour, local.minute)
    assert now <= moment.at
    longest = {"": 2, "today": 1, "tomorrow": 2, "14 jun": 366, "24.12.": 366}.get(day, 8)
    assert moment.at - now <= timedelta(days=longest, hours=1)


@light
@given(st.text(alphabet="0123456789:./-+ TZadefhimnorstuwy", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is written, the answer is a moment to come or an error that says what to do."""
    try:
        assert NOW <= parse_time(text, now=NOW, zone=BERLIN).at
    except InputError as error:
        assert "" != error.hint


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-11-27T16:00:00+00:00", BERLIN, "Fri 27 Nov 2026 17:00 Europe/Berlin (16:00 UTC)"),
        ("2026-11-27T23:30:00+00:00", BERLIN, "Sat 28 Nov 2026 00:30 Europe/Berlin (Fri 27 Nov 23:30 UTC)"),
        ("2026-11-27T16:00:00+00:00", "UTC", "Fri 27 Nov 2026 16:00 UTC"),
        ("2026-11-27T16:00:00+00:00", "Etc/UTC", "Fri 27 Nov 2026 16:00 UTC"),
    ],
)
def test_a_time_is_shown_in_its_zone_and_in_utc(at: str, zone: str, expected: str) -> None:
    """The day of UTC is told where it is another."""
    assert expected == format_time(datetime.fromisoformat(at), zone)


def test_the_computers_zone_is_one_that_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its IANA name, or UTC where it has none."""
    import tzlocal

    monkeypatch.setattr(tzlocal, "get_localzone_name", lambda: "Asia/Kathmandu")
    assert "Asia/Kathmandu" == local_zone()
    monkeypatch.setattr(tzlocal, "get_localzone_name", lambda: None)
    assert "UTC" == local_zone()
    monkeypatch.setattr(tzlocal, "get_localzone_name", lambda: "Etc/UTC")
    assert "UTC" == local_zone()


def test_common_forms_need_no_heavy_library() -> None:
    """Reading ISO and English imports neither dateutil nor cronsim nor tzlocal."""
    code = (
        "import sys; from datetime import UTC, datetime\n"
        "from skywrite.posting.schedule.times import parse_time, format_time\n"
        "from skywrite.posting.schedule import recurrence, slots\n"
        "now = datetime(2026, 11, 25, tzinfo=UTC)\n"
        "for text in ('tomorrow 9:00', 'in 2 hours', '2026-12-24T17:00:00Z'): parse_time(text, now=now, zone='UTC')\n"
        "print(sorted({'dateutil', 'cronsim', 'tzlocal', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    assert "[]" == done.stdout.strip()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("fri 17.00", '"fri 17:00"'),
        ("fri 1700", '"fri 17:00"'),
        ("fri 17:00 ET", '"fri 17:00 America/New_York"'),
        ("fri 17:00 berlin", '"fri 17:00 Europe/Berlin"'),
        ("tonight", '"tonight 20:00" or "tonight 21:00"'),
        ("eod", '"today 17:00"'),
        ("04/03/2027 10:00", '"2027-03-04 10:00" or "2027-04-03 10:00"'),
        ("next friday 9:00", '"2026-11-27 9:00" or "2026-12-04 9:00"'),
        ("friday midnight", '"friday 0:00" or "friday 24:00"'),
        ("in 2 hours 30", "in 2 hours 30 minutes"),
        ("monday to friday 9:00", "recurrence"),
        ("2h30", '"2:30" or "in 2h30"'),
    ],
)
def test_a_refusal_shows_how_to_write_it(text: str, hint: str) -> None:
    """The hint is one that helps with this text."""
    with pytest.raises(InputError) as caught:
        parse_time(text, now=NOW, zone=BERLIN)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-12-24 0900 9:00", "two times of day: '0900' and '9:00'"),
        ("friday 24 dec 9:00", "24 December 2026 is a Thursday, not a Friday"),
        ("9:00 foo", "does not understand 'foo'"),
        ("in -5 minutes", "is in the past"),
    ],
)
def test_a_refusal_says_what_is_wrong(text: str, message: str) -> None:
    """It names the part that is too much, or does not agree."""
    with pytest.raises(InvalidTime) as caught:
        parse_time(text, now=NOW, zone=BERLIN)
    assert message in caught.value.message


def test_a_year_that_is_written_is_not_asked_for() -> None:
    """A date with the wrong day of the week: only a date without a year may mean another year."""
    for text, expected in (("Fri, 24 Dec 2026 09:00", False), ("fri 24 dec 9:00", True)):
        with pytest.raises(InvalidTime) as caught:
            parse_time(text, now=NOW, zone=BERLIN)
        assert expected == ("write the year" in str(caught.value.hint))
