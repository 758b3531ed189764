"""Two thousand written times, each with its meaning or its refusal, and what holds for all that are read.

`tests/vectors/times.json` holds texts as people type them and programs print them. `means` is a time in UTC, or one for
each of the three times at which the text is read; "past" is a time that is over, "refused" no time, and "ambiguous" one
with several meanings. `dates` is the order of day and month that was given. The meanings were computed with datetime
and zoneinfo, not with the reader.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skywrite.core.errors import InputError
from skywrite.posting.schedule.time_errors import PastTime
from skywrite.posting.schedule.times import AmbiguousTime, parse_time
from skywrite.posting.schedule.timestamps import read_timestamp
from tests.support.chance import NIGHTLY

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "vectors" / "times.json").read_text("utf-8"))
ROWS: list[dict[str, Any]] = VECTORS["times"]
NOWS = [datetime.fromisoformat(now) for now in VECTORS["now"]]
# No offset, no zone and no time of day of the vectors is the usual one here, so that each of them counts.
ELSEWHERE = "Asia/Kathmandu"
SOME_TIMES = [
    datetime(2026, 6, 1, 3, 7, 11, tzinfo=UTC),
    datetime(2026, 6, 2, 18, 14, 30, tzinfo=UTC),
    datetime(2026, 6, 2, 18, 15, 30, tzinfo=UTC),
    datetime(2026, 6, 3, 11, 31, tzinfo=UTC),
    datetime(2026, 6, 5, 17, 59, tzinfo=UTC),
    datetime(2026, 6, 6, 22, 45, 5, tzinfo=UTC),
    datetime(2026, 6, 7, 13, 45, 5, tzinfo=UTC),
    datetime(2027, 6, 9, 18, 20, 5, tzinfo=UTC),
    datetime(2028, 11, 9, 5, 20, 5, tzinfo=UTC),
]
READ = [row for row in ROWS if row["means"] not in ("refused", "ambiguous", "past")]
# Words that may be left out: they say again what is said already, or say nothing.
SMALL = frozenset(
    re.findall(
        r"\S+",
        "at on the of this in and coming um am alle ore a o om op kl klo kl. i v w på saat de el ce las à às в о v und"
        " uhr uur hrs h min часов right week kommenden standard universal m=+0.012345",
    )
)
DAY_NAMES = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?", re.IGNORECASE)
ADDITIONS = ("x", "foo", "9", "30", "NZDT", "friday 9:00", "not", "-", "!", "or 10:00")
PARTS = frozenset(
    re.findall(
        r"\S+", "morning afternoon evening am früh abend matin mattina soir sera stasera утра 오전 午前 午後 上午 下午"
    )
)


@lru_cache(maxsize=100_000)
def read(text: str, now: datetime, zone: str = VECTORS["zone"], dates: Any = None) -> str:
    """What becomes of a text, in the words of the vectors."""
    try:
        at = parse_time(text, now=now, zone=zone, past=True, dates=dates).at
    except PastTime:
        return "past"
    except AmbiguousTime as error:
        assert re.findall(r'"[^"]+"', error.hint), error.hint
        return "ambiguous"
    except InputError as error:
        assert "" != error.hint
        return "refused"
    return at.isoformat().replace("+00:00", "Z")


def means_the_same(row: dict[str, Any], other: str) -> bool:
    """Whether a text means in another zone, at each of several times, what that of the row does."""
    dates = row.get("dates")
    return all(read(row["text"], now, ELSEWHERE, dates) == read(other, now, ELSEWHERE, dates) for now in SOME_TIMES)


@pytest.mark.parametrize("turn", range(len(NOWS)))
def test_each_text_means_what_it_says_or_is_refused(turn: int) -> None:
    """A common Wednesday, the evening before clocks go forward, and the night before a leap day."""
    wrong = {}
    for row in ROWS:
        expected = row["means"] if isinstance(row["means"], str) else row["means"][turn]
        actual = read(row["text"], NOWS[turn], dates=row.get("dates"))
        if expected != actual:
            wrong[row["text"]] = (expected, actual)
    assert {} == wrong


def test_there_are_enough_of_every_kind() -> None:
    """At least a thousand are read, and at least six hundred are not."""
    assert (True, True) == (len(READ) > 1000, len(ROWS) - len(READ) > 600)


def test_files_read_the_same_and_nothing_that_depends_on_the_day() -> None:
    """A text with one meaning whenever it is read means the same in a file; all others are refused there."""
    wrong = {}
    for row in ROWS:
        is_fixed = isinstance(row["means"], str) and row["means"].endswith("Z")
        try:
            at = read_timestamp(row["text"], dates=row.get("dates"))
        except InputError:
            actual = "refused"
        else:
            local = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(VECTORS["zone"]))
            actual = local.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if (row["means"] if is_fixed else "refused") != actual:
            wrong[row["text"]] = (row["means"], actual)
    assert {} == wrong


moments = st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"])


@settings(max_examples=400 if NIGHTLY else 100, deadline=None)
@given(st.sampled_from(READ), moments, zones)
def test_what_was_read_means_the_same_spelled_out(row: dict[str, Any], now: datetime, zone: str) -> None:
    """Written again in ISO 8601, with its offset or with its zone's name, it is the same time."""
    try:
        first = parse_time(row["text"], now=now, zone=zone, past=True, dates=row.get("dates"))
    except InputError:
        return
    local = first.at.astimezone(ZoneInfo(first.zone))
    assert first.at == parse_time(local.isoformat(), now=now, zone="Asia/Tokyo", past=True).at
    if local.fold == 0:
        named = f"{local.replace(tzinfo=None).isoformat(sep=' ')} {first.zone}"
        assert first.at == parse_time(named, now=now, zone="Asia/Tokyo", past=True).at


def test_no_digit_is_passed_over() -> None:
    """Each digit that is deleted changes the meaning or loses it, but for zeros in front and behind a fraction."""
    passed_over = []
    for row in READ:
        for place, mark in enumerate(row["text"]):
            shorter = row["text"][:place] + row["text"][place + 1 :]
            if mark.isdigit() and not _adds_nothing(row["text"], place) and means_the_same(row, shorter):
                passed_over.append((row["text"], shorter))
    assert [] == passed_over


def _adds_nothing(text: str, place: int) -> bool:
    """A zero in front, in an offset or at the end of a fraction, and what is finer than a microsecond."""
    run = next(match for match in re.finditer(r"[0-9]+", text) if match.start() <= place < match.end())
    is_fraction = run.start() > 0 and text[run.start() - 1] in ".," and re.search(r"\d:\d\d[.,]$", text[: run.start()])
    if is_fraction:
        rest = text[place + 1 : run.end()]
        return len(run[0]) > 6 or (not rest.strip("0") and text[place] == "0")
    before = text[: run.start()]
    if re.search(r"m=\+[0-9.]*$", before) or re.search(r"(?:\+|-|GMT[+-]|UTC[+-])$", before):
        # An offset is said twice beside a zone's name, and its zeros say nothing.
        return before.endswith(("m=+", "m=+0.")) or "0" in run[0]
    return text[place] == "0" and (place == run.start() or set(run[0]) == {"0"} or text[place - 1] == "0")


def test_no_word_is_passed_over() -> None:
    """Each word that is deleted changes the meaning or loses it, but for small words and those that repeat another."""
    passed_over = []
    for row in READ:
        words = row["text"].split(" ")
        for number, word in enumerate(words):
            shorter = " ".join(words[:number] + words[number + 1 :])
            if not _repeats(words, word) and means_the_same(row, shorter):
                passed_over.append((row["text"], shorter))
    assert [] == passed_over


def _repeats(words: list[str], word: str) -> bool:
    """Whether a word may say what others say: a weekday beside its date, a zone's name beside its offset."""
    folded = word.casefold()
    if folded in SMALL or folded in PARTS or not word:
        return True
    if folded in ("tomorrow", "tonight") and any(re.fullmatch(r"0?0:00|12am|midnight", other) for other in words):
        # The next midnight is always that of tomorrow.
        return True
    has_date = any(re.search(r"\d{4}|dec|feb", other.casefold()) for other in words)
    offsets = [other for other in words if re.fullmatch(r"(?:GMT)?[+-]\d+", other)]
    is_twice = len(offsets) > 1 or (offsets and "UTC" in words)
    is_name = offsets and not re.search(r"\d{4}|:", word)
    return bool((has_date and DAY_NAMES.fullmatch(word)) or is_name or (is_twice and word in offsets))


def test_nothing_can_be_added_unnoticed() -> None:
    """A stray word or number in front or behind changes the meaning or loses it: two of them beside each text, and at
    night all."""
    turns = range(0, len(ADDITIONS), 1 if NIGHTLY else 5)
    unnoticed = [
        longer
        for number, row in enumerate(READ)
        for addition in (ADDITIONS[(number + turn) % len(ADDITIONS)] for turn in turns)
        for longer in (f"{row['text']} {addition}", f"{addition} {row['text']}")
        if means_the_same(row, longer)
    ]
    assert [] == unnoticed


def test_a_time_between_two_zones_is_the_same_time() -> None:
    """The zone of the text goes before the zone that is given."""
    now = NOWS[0]
    for zone in ("Asia/Tokyo", "America/New_York"):
        at = parse_time("fri 17:00 Europe/Berlin", now=now, zone=zone)
        assert (datetime(2026, 11, 27, 16, tzinfo=UTC), "Europe/Berlin") == (at.at, at.zone)
    assert timedelta(0) == parse_time("in 2 hours", now=now, zone="UTC").at - now - timedelta(hours=2)
