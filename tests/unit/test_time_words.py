"""Words of times in many languages: each has one meaning, or is asked for.

The words come from the tables themselves, so that a new word with a second meaning is noticed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from skywrite.core.errors import InputError
from skywrite.posting.schedule import languages
from skywrite.posting.schedule.span_forms import PREFIXES, units
from skywrite.posting.schedule.times import AmbiguousTime, parse_time
from skywrite.posting.schedule.vocabulary import (
    ELSEWHERE,
    ELSEWHERE_IN_COMPANY,
    HOUR_WORDS,
    IN_ELSEWHERE,
    MONTHS,
    SMALL_WORDS,
    WEEKDAYS,
)
from skywrite.posting.schedule.words import fold

BERLIN = "Europe/Berlin"
# Wednesday, 11:30 in Berlin.
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)


def read(text: str) -> str:
    """The local time, or the name of the error."""
    try:
        return f"{parse_time(text, now=NOW, zone=BERLIN).at.astimezone(ZoneInfo(BERLIN)):%a %Y-%m-%d %H:%M}"
    except InputError as error:
        return error.code


def meanings() -> Iterator[tuple[str, str, str]]:
    """Each word, where in a time it can stand, and what it means there."""
    for kind, table in (("day", WEEKDAYS), ("month", MONTHS)):
        for line in table.values():
            for number, names in enumerate(line.split(",")):
                yield from ((fold(name), kind, f"{kind} {number}") for name in names.split())
    for kinds in SMALL_WORDS.values():
        for kind, words in kinds.items():
            place = "before" if kind in ("at", "on", "this", "coming") else "day"
            meaning = "at or on" if kind in ("at", "on") else kind
            yield from ((fold(word), place, meaning) for word in words.split(","))
    for word, others in ELSEWHERE.items():
        place = "month" if languages.months().get(word) else "day"
        yield from ((word, place, f"elsewhere {other}") for other in others.values())
    yield from ((word, "length", "in") for word in PREFIXES)
    yield from ((word, "length", "a day or at") for word in IN_ELSEWHERE)
    yield from ((word, "unit", str(unit)) for word, unit in units().items())
    yield from ((word, "number", str(value)) for word, value in languages.numbers().items())


TEXTS = {
    "day": "{} 9:00",
    "month": "24 {} 2027 9:00",
    "before": "{} friday 9:00",
    "length": "{} 2 h",
    "unit": "in 2 {}",
    "number": "in {} hours",
}


def test_a_word_with_two_meanings_is_asked_for() -> None:
    """Where it stands, each word of each table means one thing, or is refused until other words say which."""
    known: dict[tuple[str, str], set[str]] = {}
    for word, place, meaning in meanings():
        known.setdefault((word, place), set()).add(meaning)
    doubtful = sorted(where for where, senses in known.items() if len(senses) > 1)
    unasked = [(word, place) for word, place in doubtful if read(TEXTS[place].format(word)) != "time.ambiguous"]
    assert (True, []) == (len(doubtful) >= len(ELSEWHERE), unasked)


def test_every_word_elsewhere_is_one_of_ours() -> None:
    """A word that is asked for is one that would be read, and belongs to languages."""
    words = {*ELSEWHERE, *ELSEWHERE_IN_COMPANY, *IN_ELSEWHERE}
    assert words == {word for word in words if languages.tongues().get(word)}


def test_every_hour_word_says_its_language() -> None:
    """So that it decides what a word beside it means."""
    assert {fold(word) for word in HOUR_WORDS} == {
        fold(word) for word in HOUR_WORDS if fold(word) in languages.tongues()
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("so 15:00", "time.ambiguous"),
            ("so um 15 uhr", "time.ambiguous"),
            ("So. um 15 Uhr", "Sun 2026-11-29 15:00"),
        ),
        *(("so 29.11. 15 uhr", "Sun 2026-11-29 15:00"), ("so 28.11. 15 uhr", "time.invalid")),
        *(
            ("zo 9 uur", "time.ambiguous"),
            ("zo. om 9 uur", "Sun 2026-11-29 09:00"),
            ("zo. 9:00", "Sun 2026-11-29 09:00"),
        ),
        *(
            ("do 15:00", "time.ambiguous"),
            ("do 15 Uhr", "Thu 2026-11-26 15:00"),
            ("do om 15 uur", "Thu 2026-11-26 15:00"),
        ),
        *(("do godz 15:00", "time.ambiguous"), ("di 9:00", "time.ambiguous"), ("di um 9:00", "Tue 2026-12-01 09:00")),
        *(("di à 9h", "time.ambiguous"), ("ma 9:00", "time.ambiguous"), ("ma om 9:00", "Mon 2026-11-30 09:00")),
        *(("sa 9:00", "time.ambiguous"), ("sa saat 9:00", "time.ambiguous"), ("sa um 9:00", "Sat 2026-11-28 09:00")),
        *(
            ("mo 9:00", "Mon 2026-11-30 09:00"),
            ("fr 9:00", "Fri 2026-11-27 09:00"),
            ("wo 9:00", "Wed 2026-12-02 09:00"),
        ),
        *(("za 9:00", "time.ambiguous"), ("za 9 uur", "Sat 2026-11-28 09:00"), ("za 24h", "time.ambiguous")),
        *(("za 1h", "time.ambiguous"), ("za 2h30", "time.ambiguous"), ("za 5 hodin", "Wed 2026-11-25 16:30")),
        *(("om 2h", "time.ambiguous"), ("om 2 uur", "Thu 2026-11-26 02:00"), ("morgen om 9h", "Thu 2026-11-26 09:00")),
        *(
            ("imorgon om 9h", "time.ambiguous"),
            ("om 2 timmar", "Wed 2026-11-25 13:30"),
            ("over 2 days", "time.invalid"),
        ),
        *(
            ("jutro 9:00", "time.ambiguous"),
            ("jutro o 9:00", "Thu 2026-11-26 09:00"),
            ("jutro rano o 9", "Thu 2026-11-26 09:00"),
        ),
        *(("15 listopada 9:00", "time.ambiguous"), ("15 listopada o 9:00", "Mon 2027-11-15 09:00")),
        *(("morgen 9:00", "Thu 2026-11-26 09:00"), ("morgen kl 9:00", "time.ambiguous")),
        *(("i morgen kl 9:00", "Thu 2026-11-26 09:00"), ("lunes o 9:00", "time.ambiguous")),
        *(("lunes a las 9:00", "Mon 2026-11-30 09:00"), ("cuma ve 9:00", "time.ambiguous")),
        *(("ve 9:00", "time.ambiguous"), ("ve středu 9:00", "Wed 2026-12-02 09:00"), ("o 5 hodin", "time.ambiguous")),
        *(("o 2h", "time.ambiguous"), ("jutro o 9h", "Thu 2026-11-26 09:00"), ("o 9:00", "Thu 2026-11-26 09:00")),
        *(
            ("na vrijdag 9:00", "time.ambiguous"),
            ("na sexta 9:00", "Fri 2026-11-27 09:00"),
            ("alle 9 uhr", "time.ambiguous"),
        ),
        *(("mar 3 9:00", "Wed 2027-03-03 09:00"), ("mar 3 à 9:00", "time.ambiguous"), ("2時後", "time.invalid")),
        *(
            ("do 24 grudnia 9:00", "time.ambiguous"),
            ("9:00 am Sa, 5. Dec", "Sat 2026-12-05 09:00"),
            ("do 24. dezember 9:00", "Thu 2026-12-24 09:00"),
        ),
    ],
)
def test_the_other_words_decide(text: str, expected: str) -> None:
    """A word that means something else in another language is read in the company of its own."""
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("so um 15 uhr", 'Write "sunday um 15 uhr", "um 15 uhr" or "saturday um 15 uhr".'),
        ("do 9:00 Asia/Tokyo", 'Write "thursday 9:00 Asia/Tokyo", "sunday 9:00 Asia/Tokyo" or "9:00 Asia/Tokyo".'),
        ("za 2h30", 'Write "saturday 2:30" or "in 2 hours 30 minutes".'),
        ("om 2h", 'Write "2:00" or "in 2 hours".'),
        ("15 listopada 9:00", 'Write "15 november 9:00" or "15 oct 9:00".'),
        ("jutro 9:00", 'Write "tomorrow 9:00" or "9:00".'),
    ],
)
def test_the_question_shows_what_a_word_may_mean(text: str, hint: str) -> None:
    """In words that have one meaning."""
    with pytest.raises(AmbiguousTime) as caught:
        parse_time(text, now=NOW, zone=BERLIN)
    assert hint == caught.value.hint
