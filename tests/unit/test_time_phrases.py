"""Thousands of phrases, put together from the forms of days, times of day and zones.

Each that is read is shown as it was read, and no word or mark can be added to any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle, islice, product

from skywrite.core.errors import InputError
from skywrite.posting.schedule.times import ParsedTime, format_time, parse_time

BERLIN = "Europe/Berlin"
# Wednesday, 11:30 in Berlin.
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
DAYS = (
    *("", "tomorrow", "day after tomorrow", "fri", "Friday,", "on friday", "this friday", "next week friday"),
    *("24 dec", "Dec 24", "24th of December", "24 December 2026", "2026-12-24", "24.12.", "24.12.2026", "12/24/2026"),
    *("thu 24 dec", "in 3 days", "in a week", "2026-W52-4", "2026-358", "morgen", "freitag", "am 24. dezember"),
    *("vendredi", "le 24 décembre", "viernes", "24 de diciembre", "venerdì", "sexta-feira", "vrijdag", "fredag"),
    *("piątek", "pátek", "cuma", "perjantaina", "пятницу", "п'ятницю", "金曜日", "周五", "금요일", "明日", "12月24日"),
)
CLOCKS = (
    *("9:00", "09:05", "17:30", "9am", "5:30 pm", "noon", "24:00", "9:00:30", "half past 9", "quarter to ten pm"),
    *("9 Uhr", "9.30 Uhr", "17h", "17h30", "9 uur", "at 9:00", "@ 9am", "9 in the morning", "午後3時", "下午3点"),
)
ZONES = ("", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC", "UTC+2", "+05:30", "(Asia/Tokyo)")
# Words and marks that mean nothing here, or change what is meant.
NOISE = (
    *("x", "foo", "please", "not", "or", "and", "until", "till", "before", "after", "by", "since", "from", "about"),
    *("around", "ca.", "maybe", "every", "each", "except", "ago", "last", "previous", "early", "late", "bis", "vor"),
    *("nach", "ab", "gegen", "jeden", "avant", "après", "vers", "dès", "chaque", "antes", "hasta", "desde", "prima"),
    *("dopo", "entro", "verso", "até", "depois", "voor", "tot", "rond", "elke", "före", "efter", "före", "jälkeen"),
    *("po", "od", "před", "önce", "sonra", "до", "после", "перед", "まで", "頃", "之前", "전", "까지", "?", "!", ";"),
    *("...", "-", "--", "+", "/", "\\", "'", '"', "#1", "$5", "%", "&", "*", "_", "=", "<", ">", "|", "~", "^", "€"),
    *("\u200b", "\U0001f642", "½", "²", "①", "\u202e", "http://a.example", "a@b.c", "007", "1e3", "0x9"),
)


def phrases() -> Iterator[str]:
    for number, (day, clock, zone) in enumerate(product(DAYS, CLOCKS, ZONES)):
        parts = (clock, day, zone) if number % 3 == 0 else (day, clock, zone)
        yield " ".join(part for part in parts if part)


def read(text: str, zone: str = BERLIN) -> ParsedTime | None:
    try:
        return parse_time(text, now=NOW, zone=zone, past=True)
    except InputError:
        return None


def test_what_is_read_is_what_is_shown() -> None:
    """The weekday, the date, the hour and the zone that are shown are read as the same minute; so are those in UTC."""
    wrong, count = [], 0
    for text in phrases():
        first = read(text)
        if first is None:
            continue
        count += 1
        minute = first.at.replace(second=0)
        shown = format_time(first.at, first.zone)
        local, _, world = shown.removesuffix(")").partition(" (")
        day = re.match(r"\w{3} \d+ \w{3}", world)
        utc = f"{world} {minute.year}" if day else f"{minute:%d %b %Y} {world}"
        again = [read(other, "Asia/Tokyo") for other in (local, utc)]
        if [minute, minute] != [other and other.at for other in again]:
            wrong.append((text, shown))
    assert (True, []) == (count > 5000, wrong)


def test_nothing_can_stand_before_or_after_a_time() -> None:
    """A phrase with a word or a mark more, wherever it is put, is refused."""
    noise = cycle(NOISE)
    taken, count = [], 0
    for text in islice(phrases(), 0, None, 5):
        if read(text) is None:
            continue
        more = next(noise)
        for longer in (f"{more} {text}", f"{text} {more}", f"{more}{text}", f"{text}{more}"):
            count += 1
            if read(longer):
                taken.append(longer)
    assert (True, []) == (count > 4_000, taken)
