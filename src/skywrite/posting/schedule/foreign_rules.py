"""What a rule in another language is in English, as far as it is days and times of day. Pure.

What lives here: the words of rules. What does not: the days and the hours (`vocabulary`, `scanner`), and whether the
English rule can be read (`recurrence`). Rules are read in English only: this is for the question that shows it.
"""

from __future__ import annotations

import re
from functools import cache

from skywrite.core.errors import InputError
from skywrite.posting.schedule.languages import weekdays
from skywrite.posting.schedule.scanner import scan
from skywrite.posting.schedule.tokens import Clock, Filler, Number, Weekday
from skywrite.posting.schedule.words import WEEKDAY_FULL, fold, weekday_of

# Commas separate words and phrases; the longest that fits counts.
_DAILY = (
    "täglich, jeden tag, quotidien, quotidiennement, tous les jours, chaque jour, diario, diariamente, a diario, "
    "todos los días, cada día, ogni giorno, tutti i giorni, giornalmente, quotidianamente, todo dia, todo o dia, "
    "todos os dias, cada dia, dagelijks, elke dag, iedere dag, varje dag, dagligen, hver dag, daglig, dagligt, "
    "codziennie, co dzień, każdego dnia, denně, každý den, joka päivä, päivittäin, her gün, каждый день, ежедневно, "
    "кожен день, кожного дня, щодня, 毎日, 每天, 每日, 매일"
)
_WEEKDAYS = (
    "werktags, an werktagen, jeden werktag, wochentags, en semaine, les jours ouvrés, jours ouvrés, entre semana, "
    "días laborables, los días laborables, giorni feriali, nei giorni feriali, dias úteis, nos dias úteis, werkdagen, "
    "op werkdagen, vardagar, hverdage, hverdager, dni robocze, w dni robocze, arkisin, hafta içi, по будням, "
    "в будни, 平日, 工作日, 평일"
)
_EVERY = (
    "jeden, jede, jedes, immer, jeweils, chaque, tous les, toutes les, cada, todos los, los, ogni, tutti i, tutte le, "
    "todo, toda, todos os, todas as, às, elke, elk, iedere, ieder, varje, hver, hvert, co, każdy, każdą, každý, každé, "
    "každou, joka, her, каждый, каждую, каждое, по, кожен, кожного, кожну, щo, und, et, y, e, en, og, och, i, и, "
    "毎週, 每, 매주"
)
_EAST = "\u2e80"


def in_english(text: str) -> str:
    """The rule in English, such as "monday 9:00" for "jeden Montag um 9 Uhr"; nothing if it is more than that."""
    words: set[str] = set()

    def taken(match: re.Match[str]) -> str:
        words.add(_phrases()[match[0]])
        return " "

    rest = " ".join(map(_singular, _foreign_words().sub(taken, fold(text)).replace(",", " ").split()))
    if not words and all(weekday_of(word) is not None or word not in weekdays() for word in rest.split()):
        return ""
    days, clocks = _days_and_clocks(rest)
    days = list(dict.fromkeys([*(word for word in ("daily", "weekdays") if word in words), *days]))
    if not clocks or not days or ("daily" in days and len(days) > 1):
        return ""
    return " ".join([",".join(days), *clocks])


def _days_and_clocks(rest: str) -> tuple[list[str], list[str]]:
    """The days of the week and the times of day that a text consists of; nothing if there is more in it."""
    days: list[str] = []
    clocks: list[str] = []
    try:
        tokens = scan(rest, rest, None) if rest else []
    except InputError:
        return [], []
    for token in tokens:
        match token.value:
            case Weekday(number):
                days.append(WEEKDAY_FULL[number].lower())
            case Clock(hour, minute):
                clocks.append(f"{hour}:{minute:02d}")
            case Number(hour) if hour < 24:
                clocks.append(f"{hour}:00")
            case Filler():
                pass
            case _:
                return [], []
    return days, clocks


def _singular(word: str) -> str:
    """A day of the week without the ending of many: "montags", "lundis"."""
    single = word.removesuffix("s")
    return single if word not in weekdays() and single in weekdays() else word


@cache
def _phrases() -> dict[str, str]:
    kinds = {"every": _EVERY, "weekdays": _WEEKDAYS, "daily": _DAILY}
    return {fold(phrase.strip()): kind for kind, phrases in kinds.items() for phrase in phrases.split(",")}


@cache
def _foreign_words() -> re.Pattern[str]:
    """Any of the phrases, as whole words where words are written apart."""
    longest = sorted(_phrases(), key=len, reverse=True)
    apart = "|".join(re.escape(phrase) for phrase in longest if phrase < _EAST)
    joined = "|".join(re.escape(phrase) for phrase in longest if phrase >= _EAST)
    return re.compile(rf"(?<!\w)(?:{apart})(?!\w)|{joined}")
