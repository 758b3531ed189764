"""What the errors of written times suggest: each suggestion is read, and keeps the hour and the zone of the text."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from skywrite.core.errors import InputError
from skywrite.posting.schedule.localtime import UnknownZone, zone_of
from skywrite.posting.schedule.time_errors import EXAMPLES
from skywrite.posting.schedule.times import InvalidTime, parse_time
from skywrite.posting.schedule.timestamps import read_timestamp

BERLIN = "Europe/Berlin"
# Wednesday, 11:30 in Berlin.
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
VECTORS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "vectors" / "times.json").read_text("utf-8"))
# Each needs a question, whatever the time of day beside it.
DAYS = (
    *("next friday", "tommorow", "firday", "24.12", "3/4", "03/04/2027", "4-dec-30", "24.12.30", "jutro", "do", "so"),
    *("christmas", "next week", "every monday", "monday to friday", "dec", "24 decmber", "15 listopada", "coming wed"),
)
CLOCKS = ("17:00", "18:05", "5pm", "8:30 pm", "23:59", "19 Uhr")
ZONES = ("", "Europe/London", "UTC", "+02:00", "Asia/Kathmandu")


def hint_of(text: str, now: datetime = NOW, zone: str = BERLIN) -> str:
    """The hint of the error about a time; empty if it is read."""
    try:
        parse_time(text, now=now, zone=zone)
    except InputError as error:
        return str(error.hint)
    return ""


def suggested(hint: str) -> list[str]:
    return re.findall(r'"([^"]+)"', hint)


def minute_of(text: str, zone: str) -> tuple[int, int]:
    """The hour and the minute of a text in a zone."""
    local = parse_time(text, now=NOW, zone=BERLIN).at.astimezone(
        timezone(timedelta(hours=2)) if zone == "+02:00" else ZoneInfo(zone or BERLIN)
    )
    return local.hour, local.minute


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("friday 12 at night", ["friday 0:00", "friday 24:00"]), ("abends um 12", ["um 0:00", "um 24:00"])),
        *(("martes 12 de la noche", ["martes 0:00", "martes 24:00"]), ("12:30 de la noche", ["0:30"])),
        *(("tonight 12", ["today 24:00", "tomorrow 0:00"]), ("tonight 12:30", ["tomorrow 0:30"])),
        *(("friday 12 in the morning", ["friday 0:00", "friday 12:00"]), ("tonight at 1", ["tomorrow at 1:00"])),
        *(
            ("in 2 days midnight", ["in 2 days 0:00", "in 2 days 24:00"]),
            ("vor 9:00", ["9:00"]),
            ("até 9:00", ["9:00"]),
        ),
        *(("dans 2 jours à minuit", ["dans 2 jours à 0:00", "dans 2 jours à 24:00"]), ("1º de janeiro 9h", [])),
        *(("before friday 9:00", ["friday 9:00"]), ("demain 9h (heure de Paris)", ["demain 9h Europe/Paris"])),
    ],
)
def test_what_is_suggested_is_what_may_be_meant(text: str, expected: list[str]) -> None:
    """Twelve at night is never noon, midnight of any day is asked for, and "before" is no misspelled day."""
    assert expected == suggested(hint_of(text))


@pytest.mark.parametrize("turn", range(len(VECTORS["now"])))
def test_every_suggestion_is_read(turn: int) -> None:
    """Of all texts that are refused, at any of the times of the vectors."""
    now = datetime.fromisoformat(VECTORS["now"][turn])
    rows = [row for row in VECTORS["times"] if "dates" not in row]
    shown = {reading for row in rows for reading in suggested(hint_of(row["text"], now))}
    assert (True, []) == (len(shown) > 200, [reading for reading in sorted(shown) if hint_of(reading, now)])


def test_every_suggestion_keeps_the_hour_and_the_zone() -> None:
    """Whatever is asked about the day."""
    wrong, without = [], []
    for day, clock, zone in product(DAYS, CLOCKS, ZONES):
        text = f"{day} {clock} {zone}".strip()
        readings = suggested(hint_of(text))
        without += [] if readings else [text]
        wrong += [(text, one) for one in readings if minute_of(f"{clock} {zone}", zone) != minute_of(one, zone)]
    # Three words say German beside "Uhr", and are Thursday there.
    assert ([], {"do"}) == (wrong, {text.split()[0] for text in without})


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("next friday 17:00", 'Write "2026-11-27 17:00" or "2026-12-04 17:00".'),
        ("next friday 17:00 Asia/Tokyo", 'Write "2026-11-27 17:00 Asia/Tokyo" or "2026-12-04 17:00 Asia/Tokyo".'),
        ("24.12 18 Uhr", 'Write "24.12. 18 Uhr".'),
        ("24.12.26 18 Uhr", 'Write "2026-12-24 18 Uhr".'),
        ("tommorow 9:00", 'Write "tomorrow 9:00".'),
        ("9:00 tommorow Asia/Tokyo", 'Write "9:00 tomorrow Asia/Tokyo".'),
        ("in 2 horus", 'Write "in 2 hours".'),
        ("24 decmber 9:00", 'Write "24 december 9:00".'),
        ("fri 17:00 Europe/Berln", 'Write "fri 17:00 Europe/Berlin".'),
        ("fri 17:00 ET", 'Name a place, such as "fri 17:00 America/New_York".'),
        ("fri 17:00 rome", 'Write "fri 17:00 Europe/Rome".'),
        ("fri 17:00 Berlin time", 'Write "fri 17:00 Europe/Berlin".'),
        ("fri 17:00 New York", 'Write "fri 17:00 America/New_York".'),
        ("fri 17:00 America/New York", 'Write "fri 17:00 America/New_York".'),
        ("2 hours", 'Write "in 2 hours".'),
        ("+2h", 'Write "in 2h".'),
        ("easter sunday 17:00", 'Write the date, such as "24 dec 9:00".'),
        ("friday noon-ish", EXAMPLES),
        ("mid-friday 9:00", 'Write "friday 9:00".'),
        ("fri-sun 17:00", 'Make it a recurrence, or give one time, such as "fri 17:00".'),
        ("9", 'Write "9:00" or "21:00".'),
        ("at 21", 'Write "at 21:00".'),
        ("fri 9 Asia/Tokyo", 'Write "fri 9:00 Asia/Tokyo" or "fri 21:00 Asia/Tokyo".'),
        ("christmas", 'Write the date, such as "25 dec 9:00".'),
        ("christmas 17:00", 'Write the date, such as "25 dec 17:00".'),
        ("christmas eve 17:00", 'Write the date, such as "24 dec 17:00".'),
        ("eod", 'Say at which hour the day ends, such as "today 17:00".'),
        ("eod friday", 'Say at which hour the day ends, such as "17:00 friday".'),
        ("lunch tomorrow", 'Say at which hour, such as "12:30 tomorrow".'),
        ("today", 'Add one: "today 18:00".'),
        ("tonight 3:00", 'Write "tomorrow 3:00".'),
        ("9h-10", 'Write "9:00 UTC-10" or "9:00".'),
        ("5 to 6pm", 'Write "17:55" or "17:00".'),
        ("friday 9 to 5pm", 'Write "friday 16:51" or "friday 9:00".'),
        ("10.12", 'Write "10:12" or "10.12. 9:00".'),
        ("today midnight", 'Write "today 24:00".'),
    ],
)
def test_a_suggestion_is_the_whole_time(text: str, hint: str) -> None:
    """It can be written instead of what was refused, and is none that has passed."""
    assert hint == hint_of(text)


def test_a_suggestion_for_a_file_is_one_for_a_file() -> None:
    """It says its year, too."""
    with pytest.raises(InputError) as caught:
        read_timestamp("24.12.26 18:00")
    assert 'Write "2026-12-24 18:00" or "2024-12-26 18:00".' == caught.value.hint


def test_a_zone_that_is_nearly_right_is_shown() -> None:
    """Wherever a zone is given."""
    hints = {}
    for name in ("Europe/Berln", "america/new_yrok", "Mars/Base", "x" * 200):
        with pytest.raises(UnknownZone) as caught:
            zone_of(name)
        hints[name[:20]] = caught.value.hint
    other = "Use a name such as Europe/Berlin, Asia/Tokyo or UTC."
    assert {
        "Europe/Berln": "Did you mean Europe/Berlin?",
        "america/new_yrok": "Did you mean America/New_York?",
        "Mars/Base": other,
        "x" * 20: other,
    } == hints


@pytest.mark.parametrize("text", ["2030-13-01 09:00", "2030-02-30 09:00", "whenever", "25:00", "tomorrow 9:00"])
def test_examples_for_a_file_are_times_of_files(text: str) -> None:
    """Each can be read there: none of them depends on the day."""
    with pytest.raises(InvalidTime) as caught:
        read_timestamp(text)
    examples = str(caught.value.hint).removeprefix("Write it like ").rstrip(".").replace(" or ", ", ").split(", ")
    assert [] == [example for example in examples if read_timestamp(example).tzinfo is None]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("через час", 3600),
        ("через минуту", 60),
        ("через неделю", 7 * 86400),
        ("za godzinę", 3600),
        ("za hodinu", 3600),
        ("fra un'ora", 3600),
        ("tra un’ora e mezza", 5400),
    ],
)
def test_lengths_without_a_number(text: str, seconds: int) -> None:
    """Where a language leaves out the one, or swallows a vowel, the length is read."""
    assert NOW + timedelta(seconds=seconds) == parse_time(text, now=NOW, zone="UTC").at


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("now + 2 hours", 'Write "in 2 hours".'),
        ("now +2 hours", 'Write "in 2 hours".'),
        ("PT2H", 'Write "in 2h".'),
        ("half nine tomorrow", 'Write "9:30 tomorrow" or "8:30 tomorrow".'),
        ("0 9 * * *", "Make it a recurrence, or give one time."),
        ("imorgen kl. 9", 'Write "imorgen kl. 9:00" or "imorgen kl. 21:00".'),
    ],
)
def test_habits_of_other_programs_and_places(text: str, hint: str) -> None:
    """What `at`, ISO 8601, cron and other countries write is answered in its own words."""
    assert hint == hint_of(text)


@pytest.mark.parametrize("text", ["neuf heures et demie", "nueve horas", "nove ore"])
def test_an_hour_in_words_may_be_a_time_of_day(text: str) -> None:
    """It is not suggested as a length alone: nine o'clock and nine hours are the same words."""
    assert 'Write a time of day like 9:00 or 9am, and a length like "in 2 hours".' == hint_of(text)
