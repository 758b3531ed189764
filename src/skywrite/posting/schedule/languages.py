"""The words of dates in many languages, folded, and what each means. Pure.

A word has one meaning, whatever the language. If it has two ("mar" is March and Tuesday), it keeps the one that needs
another word next to it, or is left out. A word that means something else in other company stays, and `false_friends`
asks. What does not live here: the words themselves (`vocabulary`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from skywrite.posting.schedule.tokens import (
    CalendarDate,
    Clock,
    Filler,
    Next,
    NextWeek,
    Now,
    PartName,
    PartOfDay,
    RelativeDay,
    Value,
    Weekday,
)
from skywrite.posting.schedule.vocabulary import HOUR_WORDS, MONTHS, NUMBERS, SMALL_WORDS, WEEKDAYS
from skywrite.posting.schedule.words import fold

_AT = frozenset((Clock, PartOfDay))
_ON = frozenset((Weekday, CalendarDate, RelativeDay, PartOfDay, Next))
_THIS = frozenset((Weekday, PartOfDay))
_PARTS: tuple[PartName, ...] = ("morning", "afternoon", "evening", "night")
_MEANINGS: dict[str, Value] = {
    "yesterday": RelativeDay(-1),
    "today": RelativeDay(0),
    "tomorrow": RelativeDay(1),
    "overmorrow": RelativeDay(2),
    "this morning": RelativeDay(0, "morning"),
    "this afternoon": RelativeDay(0, "afternoon"),
    "tonight": RelativeDay(0, "evening"),
    **{part: PartOfDay(part) for part in _PARTS},
    "now": Now(),
    "noon": Clock(12),
    "midnight": Clock(0, form="midnight"),
    "next": Next(),
    "next week": NextWeek(),
    "at": Filler(_AT),
    "on": Filler(_ON),
    "this": Filler(_THIS, "this"),
    "coming": Filler(frozenset((Weekday,)), "coming"),
}
# What may come between a day and its month, or a month and its year.
OF = frozenset(("of", "de", "del", "di"))
WORDS_MAX = 4


@cache
def months() -> dict[str, int]:
    """The number of each month's names, folded."""
    return {name: number + 1 for number, name, _ in _names(MONTHS)}


@cache
def weekdays() -> dict[str, int]:
    """The number of each weekday's names, folded; 0 is Monday."""
    return {name: number for number, name, _ in _names(WEEKDAYS)}


def _names(table: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
    """The place in its line, the name and the languages of every name in a table."""
    for languages, line in table.items():
        for number, names in enumerate(line.split(",")):
            for name in names.split():
                yield number, fold(name), languages


@cache
def numbers() -> dict[str, int]:
    """The value of each number word, folded."""
    return {fold(word): value for value, words in NUMBERS.items() for word in words.split()}


@cache
def phrases() -> dict[str, tuple[Value, ...]]:
    """What each word or phrase of a date means, folded."""
    table: dict[str, tuple[Value, ...]] = {fold("の"): (Filler(_AT | _ON),)}
    for kind, word, _ in _small_words():
        value, known = _MEANINGS[kind], table.get(word, (None,))[0]
        if isinstance(value, Filler) and isinstance(known, Filler):
            value = Filler(value.before | known.before, value.which)
        table[word] = (value,)
    table.update({name: (Weekday(number),) for name, number in weekdays().items()})
    return table


def _small_words() -> Iterator[tuple[str, str, str]]:
    """The kind, the folded words and the languages of every small word."""
    for languages, kinds in SMALL_WORDS.items():
        for kind, words in kinds.items():
            for word in words.split(","):
                yield kind, fold(word), languages


@cache
def tongues() -> dict[str, frozenset[str]]:
    """The languages in which each single word is one of dates, folded."""
    known: dict[str, set[str]] = {}
    words = [(name, languages) for table in (WEEKDAYS, MONTHS) for _, name, languages in _names(table)]
    words += [(word, languages) for _, word, languages in _small_words()]
    for word, languages in (*words, *((fold(word), languages) for word, languages in HOUR_WORDS.items())):
        known.setdefault(word, set()).update(languages.split())
    return {word: frozenset(languages) for word, languages in known.items()}
