"""Words that mean another time in another language. Pure.

The tables give each word one meaning. "do 9:00" is Thursday in German, Sunday in Spanish and "until" in Polish; "so um
15 Uhr" is Sunday or "about". Such a word is read if the other words of the text are of a language in which it means
only that, and else it is asked for. What does not live here: which words these are (`vocabulary`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from skywrite.posting.schedule.languages import tongues
from skywrite.posting.schedule.time_errors import AmbiguousTime
from skywrite.posting.schedule.tokens import CalendarDate, Clock, RelativeDay, Span, Token, Value, Weekday, rewritten
from skywrite.posting.schedule.vocabulary import ELSEWHERE, ELSEWHERE_IN_COMPANY, HOUR_WORDS, IN_ELSEWHERE
from skywrite.posting.schedule.words import MONTH_FULL, WEEKDAY_FULL, fold

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
# The letter of `1º` is no word.
_WHOLE_WORD = re.compile(rf"(?<!\w){_WORD.pattern}")
_HOUR_WORDS = {fold(word) for word in HOUR_WORDS}


def check_false_friends(tokens: Sequence[Token], typed: str) -> None:
    """Raise AmbiguousTime for a word that means something else in another language, if nothing says which one it is."""
    has_date = any(isinstance(token.value, CalendarDate) for token in tokens)
    for place, token in enumerate(tokens):
        for word in () if isinstance(token.value, Span) else _words(token):
            company, own = _company(tokens, word), tongues().get(word, frozenset())
            if _is_length_elsewhere(tokens, place, word, company):
                raise _length(tokens, place, typed)
            if isinstance(token.value, Weekday) and has_date and not company & (_elsewhere(word).keys() - own):
                # It must agree with the date, so it cannot mean another day.
                continue
            others = _other_meanings(word, token.text.endswith("."), company)
            if others:
                readings = [_replaced(tokens, place, word, other) for other in (_english(token.value), *others)]
                raise AmbiguousTime(typed, f"{word!r} has several meanings", readings)


def _words(token: Token) -> list[str]:
    """The words of a token that belong to a language: of a time of day only those for hours."""
    if isinstance(token.value, Clock):
        return [word for word in _WORD.findall(token.text) if word in _HOUR_WORDS]
    name = token.text.rstrip(".")
    return [name] if name in tongues() else _WHOLE_WORD.findall(token.text)


def _company(tokens: Sequence[Token], word: str) -> frozenset[str]:
    """The languages that all other words of a text have in common; empty if there are none."""
    known = [tongues()[other] for token in tokens for other in _words(token) if other != word and other in tongues()]
    return frozenset.intersection(*known) if known else frozenset()


def _other_meanings(word: str, has_dot: bool, company: frozenset[str]) -> list[str]:
    """What else a word may mean in this company, in English. A dot makes it the abbreviation of a name."""
    own = tongues().get(word, frozenset())
    if word in ELSEWHERE_IN_COMPANY:
        languages, meaning = ELSEWHERE_IN_COMPANY[word]
        return [meaning] if company.intersection(languages.split()) and not company & own else []
    meanings = _elsewhere(word)
    if has_dot:
        meanings = {language: text for language, text in meanings.items() if language not in own}
    if company & own and not company.intersection(meanings):
        return []
    return list(dict.fromkeys(meanings.values()))


def _elsewhere(word: str) -> dict[str, str]:
    """What a word means in each of the other languages, in English."""
    return {language: text for many, text in ELSEWHERE.get(word, {}).items() for language in many.split()}


def _is_length_elsewhere(tokens: Sequence[Token], place: int, word: str, company: frozenset[str]) -> bool:
    """Whether a word and the hours after it may be a length of time: `om 2 h`, `za 2h30`."""
    languages = IN_ELSEWHERE.get(word, "").split()
    following = tokens[place + 1].value if place + 1 < len(tokens) else None
    if not languages or not isinstance(following, Clock) or following.form != "letter":
        return False
    return not company & tongues()[word] or bool(company.intersection(languages))


def _length(tokens: Sequence[Token], place: int, typed: str) -> AmbiguousTime:
    clock = tokens[place + 1].value
    assert isinstance(clock, Clock)
    shown = f"{clock.hour}:{clock.minute:02d}"
    length = f"in {clock.hour} hours" + (f" {clock.minute} minutes" if clock.minute else "")
    readings = [
        rewritten(tokens, {place: _english(tokens[place].value), place + 1: shown}),
        rewritten(tokens, {place: "", place + 1: length}),
    ]
    return AmbiguousTime(typed, f"{tokens[place].text!r} may begin a length of time", readings)


def _replaced(tokens: Sequence[Token], place: int, word: str, other: str) -> str:
    text = tokens[place].text
    return rewritten(tokens, {place: text.replace(word, other) if any(mark.isdigit() for mark in text) else other})


def _english(value: Value) -> str:
    match value:
        case Weekday():
            return WEEKDAY_FULL[value.number].lower()
        case CalendarDate():
            return MONTH_FULL[value.month - 1].lower()
        case RelativeDay(days=1):
            return "tomorrow"
        case _:
            return ""
