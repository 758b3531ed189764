"""Weekly slots of an account, the next free one of them, and jitter. Pure.

What lives here: reading and writing slots, and their times. What does not: storing them (`queue.recurrences`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from itertools import groupby

from skywrite.core.errors import Do, Hint, InputError
from skywrite.posting.schedule.localtime import DAY, to_local, to_utc, zone_of
from skywrite.posting.schedule.words import WEEKDAY_NAMES, clock_minutes, weekday_of
from skywrite.queue.model import Slot

SLOTS_MAX = 7 * 24 * 4
HORIZON_DAYS = 2 * 366
_EXAMPLE = "mon-fri 9:00,17:30; sat 11:00"
_SET = Hint("Set some: ", Do("accounts.set_slots", _EXAMPLE))
_MORE = Hint("Set more of them: ", Do("accounts.set_slots", _EXAMPLE))
_GROUP_BREAK = re.compile(r"[;\n]")


def no_slots(message: str, *, hint: str = _SET) -> InputError:
    """The error for an account without free slots."""
    return InputError(message, code="slots.none", hint=hint)


def parse_slots(text: str, zone: str) -> list[Slot]:
    """Read `DAYS TIMES; DAYS TIMES`, such as `mon-fri 9:00,17:30; sat 11:00`; in the order of the week.

    Days are names, ranges (which may include the weekend), `daily`, `weekdays` or `weekends`. Times use the 24-hour
    clock, or end in am or pm. An empty text means no slots. Raises InputError, UnknownZone.
    """
    name = zone_of(zone).key
    slots = {
        Slot(weekday, minute, name)
        for group in _GROUP_BREAK.split(text.strip())
        if group.strip()
        for weekday, minute in _parse_group(group.strip())
    }
    if len(slots) > SLOTS_MAX:
        raise InputError(
            f"{len(slots)} weekly slots are too many.", code="slots.invalid", hint=f"The maximum is {SLOTS_MAX}."
        )
    return sorted(slots)


def _parse_group(group: str) -> Iterator[tuple[int, int]]:
    spaced = re.sub(r"(\d) ([ap]m)\b", r"\1\2", " ".join(group.lower().split()))
    tokens = re.sub(r" ?([,-]) ?", r"\1", spaced).split()
    days = [token for token in tokens if not token[0].isdigit()]
    times = [token for token in tokens if token[0].isdigit()]
    if not days or not times or tokens != [*days, *times]:
        raise _invalid(group, "it needs days, then times")
    weekdays = sorted({day for token in days for part in token.split(",") for day in _days(part, group)})
    minutes = sorted({_minute(part, group) for token in times for part in token.split(",")})
    for weekday in weekdays:
        for minute in minutes:
            yield weekday, minute


def _days(text: str, group: str) -> list[int]:
    named = {"daily": range(7), "everyday": range(7), "weekdays": range(5), "weekends": range(5, 7)}.get(text)
    if named is not None:
        return list(named)
    first, dash, last = text.partition("-")
    start, stop = weekday_of(first), weekday_of(last if dash else first)
    if start is None or stop is None:
        raise _invalid(group, f"{text!r} is not a day of the week")
    return [(start + step) % 7 for step in range((stop - start) % 7 + 1)]


def _minute(text: str, group: str) -> int:
    minute = clock_minutes(text)
    if minute is None:
        raise _invalid(group, f"{text!r} is not a time of day")
    return minute


def _invalid(group: str, why: str) -> InputError:
    return InputError(
        f"The slots {group!r} cannot be read: {why}.", code="slots.invalid", hint=f'Write them like: "{_EXAMPLE}"'
    )


def format_slots(slots: Iterable[Slot]) -> str:
    """Slots as text for `parse_slots`, without the zone. Consecutive days with the same times are combined."""
    times = {
        weekday: tuple(slot.minute for slot in group)
        for weekday, group in groupby(sorted(set(slots)), key=lambda slot: slot.weekday)
    }
    groups: dict[tuple[int, ...], list[int]] = {}
    for weekday, minutes in times.items():
        groups.setdefault(minutes, []).append(weekday)
    return "; ".join(
        f"{_spell_days(weekdays)} {','.join(f'{minute // 60}:{minute % 60:02d}' for minute in minutes)}"
        for minutes, weekdays in groups.items()
    )


def _spell_days(weekdays: list[int]) -> str:
    runs: list[list[int]] = []
    for weekday in weekdays:
        if runs and runs[-1][-1] == weekday - 1:
            runs[-1].append(weekday)
        else:
            runs.append([weekday])
    names = [WEEKDAY_NAMES[day] for day in range(7)]
    return ",".join(
        f"{names[run[0]]}-{names[run[-1]]}" if len(run) > 2 else ",".join(names[day] for day in run) for run in runs
    )


def slot_times(slots: Sequence[Slot], start: datetime) -> Iterator[datetime]:
    """The times of the slots after `start`, in UTC, in order and without end; nothing if there are no slots.

    A slot at a local time that does not exist moves forward with the clocks. If it occurs twice, the first counts.
    """
    zones = {slot.zone: zone_of(slot.zone) for slot in slots}
    # Between zones, local dates differ by at most a day, and a moved time stays within a day.
    day = start.date() - 2 * DAY
    waiting: set[datetime] = set()
    while slots:
        for slot in slots:
            if slot.weekday == day.weekday():
                local = datetime.combine(day, time()) + timedelta(minutes=slot.minute)
                waiting.add(to_utc(local, zones[slot.zone]).at)
        day += DAY
        settled = sorted(
            at for at in waiting if all(to_local(at, zone) < datetime.combine(day, time()) for zone in zones.values())
        )
        waiting.difference_update(settled)
        yield from (at for at in settled if at > start)


class FreeSlots:
    """The free slots of an account after `now`, one after the other. Each search continues where the last one ended.

    A slot is free if nothing is `taken` in its minute.
    """

    def __init__(self, slots: Sequence[Slot], *, now: datetime, taken: Iterable[datetime]) -> None:
        self._slots = slots
        self._now = now
        self._busy = {_to_minute(at) for at in taken}
        self._searches: dict[int, Iterator[datetime]] = {}

    def take(self, jitter_seconds: int = 0) -> datetime:
        """Take the first free slot, in UTC. Raises InputError.

        With jitter, nothing after the slot may be taken either, for as long as the jitter can be: a post that is due
        there may belong to this slot.
        """
        if not self._slots:
            raise no_slots("The account has no weekly slots.")
        behind = jitter_seconds // 60 + 1 if jitter_seconds else 0
        for at in self._searches.setdefault(behind, slot_times(self._slots, self._now)):
            if at > self._now + HORIZON_DAYS * DAY:
                break
            minute = _to_minute(at)
            if self._busy.isdisjoint(range(minute, minute + behind + 1)):
                self._busy.add(minute)
                return at
        raise no_slots(
            "Every slot of the next two years is taken.", hint=Hint("Set more of them: ", Do("accounts.set_slots"))
        )


def _to_minute(at: datetime) -> int:
    return int(at.timestamp()) // 60


def with_jitter(at: datetime, jitter_seconds: int, random: float) -> datetime:
    """`at`, later by a part of `jitter_seconds`, in whole seconds. `random` is in [0, 1), so never by all of it."""
    return at + timedelta(seconds=int(jitter_seconds * random))
