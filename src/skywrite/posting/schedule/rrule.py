"""Recurrence rules of iCalendar (RRULE, RFC 5545, 3.3.10) as a series of local times. Pure.

What lives here: which local times a rule names. What does not: reading its text (`rrule_text`), and time zones
(`recurrence`). A search ends after 50 years, which quickly detects a rule that never occurs.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count
from math import gcd
from typing import Literal

from skywrite.posting.schedule.series import YEARS_AHEAD

Freq = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"]
FREQS: tuple[Freq, ...] = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY")

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_STEPS = {"WEEKLY": 7 * _DAY, "DAILY": _DAY, "HOURLY": _HOUR, "MINUTELY": timedelta(minutes=1)}


@dataclass(frozen=True, slots=True)
class RRule:
    """A rule with every part filled in. Parts are as in RFC 5545, with empty tuples for those that are not given.

    `start` (DTSTART) and `until` are naive local times. `byday` has pairs of ordinal (0 for every) and weekday (0 is
    Monday). `byhour` and `byminute` are empty only if the frequency itself gives them. COUNT counts local times.
    """

    freq: Freq
    start: datetime
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    wkst: int = 0
    bymonth: tuple[int, ...] = ()
    byweekno: tuple[int, ...] = ()
    byyearday: tuple[int, ...] = ()
    bymonthday: tuple[int, ...] = ()
    byday: tuple[tuple[int, int], ...] = ()
    byhour: tuple[int, ...] = ()
    byminute: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()
    in_gap: str = "forward"

    @property
    def flows(self) -> bool:
        """Rules of hours and minutes follow elapsed hours."""
        return self.freq in ("HOURLY", "MINUTELY")

    @property
    def is_counted(self) -> bool:
        """COUNT counts from the start."""
        return self.count is not None

    def after(self, local: datetime) -> Iterator[datetime]:
        """The naive local times after `local`, in order."""
        limit = _years_later(max(local, self.start))
        number = 0
        # Skipping ahead to `local` is possible only if the rule does not count its times.
        for period in self._periods(self.start if self.count else max(local, self.start), limit):
            for at in self._chosen(period):
                if at < self.start:
                    continue
                if self.until is not None and at > self.until:
                    return
                number += 1
                if at > local:
                    yield at
                if number == self.count:
                    return

    def _periods(self, begin: datetime, limit: datetime) -> Iterator[datetime]:
        """The first times of the periods, from the one that contains `begin` or the one before, up to `limit`."""
        try:
            if self.freq in ("YEARLY", "MONTHLY"):
                yield from self._long_periods(begin, limit)
            else:
                yield from self._even_periods(begin, limit)
        except OverflowError:
            return

    def _long_periods(self, begin: datetime, limit: datetime) -> Iterator[datetime]:
        months = self.interval * (12 if self.freq == "YEARLY" else 1)
        origin = self.start.year * 12 + (self.start.month - 1 if self.freq == "MONTHLY" else 0)
        skipped = (begin.year * 12 + begin.month - 1 - origin) // months
        for index in count(origin + skipped * months, months):
            if index // 12 > limit.year:
                return
            yield datetime(index // 12, index % 12 + 1, 1)

    def _even_periods(self, begin: datetime, limit: datetime) -> Iterator[datetime]:
        if not self._has_times():
            return
        step = _STEPS[self.freq] * self.interval
        origin = self._origin()
        period = origin + max(begin - origin, timedelta()) // step * step
        while period <= limit:
            leap = self._empty_until(period)
            if leap is None:
                yield period
                period += step
            else:
                period += -((period - leap) // step) * step

    def _has_times(self) -> bool:
        """Whether the interval ever reaches the requested hours and minutes."""
        if not self.flows:
            return True
        size = 60 if self.freq == "HOURLY" else 1
        origin = self._origin()
        begin, step = origin.hour * 60 + origin.minute, gcd(self.interval * size, 1440)
        return any(
            (not self.byhour or minute // 60 in self.byhour)
            and (size == 60 or not self.byminute or minute % 60 in self.byminute)
            for minute in range(begin % step, 1440, step)
        )

    def _origin(self) -> datetime:
        midnight = datetime.combine(self.start.date(), time())
        if self.freq == "WEEKLY":
            return midnight - (self.start.weekday() - self.wkst) % 7 * _DAY
        if self.freq == "DAILY":
            return midnight
        return self.start.replace(minute=0 if self.freq == "HOURLY" else self.start.minute, second=0)

    def _empty_until(self, period: datetime) -> datetime | None:
        """If this period has none of the rule's times: a time before which there can be none either."""
        if self.freq == "WEEKLY":
            return None
        if self.bymonth and period.month not in self.bymonth:
            return datetime(period.year + period.month // 12, period.month % 12 + 1, 1)
        if not self._has_day(period.date()):
            return datetime.combine(period.date(), time()) + _DAY
        midnight = datetime.combine(period.date(), time())
        if self.flows and self.byhour and period.hour not in self.byhour:
            hour = min((hour for hour in self.byhour if hour > period.hour), default=24)
            return midnight + hour * _HOUR
        if self.freq == "MINUTELY" and self.byminute and period.minute not in self.byminute:
            minute = min((minute for minute in self.byminute if minute > period.minute), default=60)
            return midnight + period.hour * _HOUR + timedelta(minutes=minute)
        return None

    def _chosen(self, period: datetime) -> list[datetime]:
        """The local times of one period, after BYSETPOS."""
        times = [
            datetime.combine(day, clock)
            for day in self._days(period)
            if self._has_day(day)
            for clock in self._times(period)
        ]
        if not self.bysetpos:
            return times
        size = len(times)
        indexes = {place - 1 if place > 0 else size + place for place in self.bysetpos}
        return [times[index] for index in sorted(indexes) if 0 <= index < size]

    def _days(self, period: datetime) -> Iterator[date]:
        days = {"YEARLY": 366 if calendar.isleap(period.year) else 365, "WEEKLY": 7}.get(self.freq, 1)
        if self.freq == "MONTHLY":
            days = calendar.monthrange(period.year, period.month)[1]
        first = period.date()
        return (first + number * _DAY for number in range(days))

    def _times(self, period: datetime) -> list[time]:
        # Periods of hours and minutes outside of BYHOUR and BYMINUTE are passed over already.
        second = self.start.second
        if self.freq == "MINUTELY":
            return [time(period.hour, period.minute, second)]
        hours = (period.hour,) if self.freq == "HOURLY" else self.byhour
        return [time(hour, minute, second) for hour in hours for minute in self.byminute]

    def _has_day(self, day: date) -> bool:
        if self.bymonth and day.month not in self.bymonth:
            return False
        if self.bymonthday:
            length = calendar.monthrange(day.year, day.month)[1]
            if day.day not in self.bymonthday and day.day - length - 1 not in self.bymonthday:
                return False
        if self.byyearday:
            number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
            if number not in self.byyearday and number - length - 1 not in self.byyearday:
                return False
        if self.byweekno and not self._in_week(day):
            return False
        return not self.byday or any(self._is_weekday(day, *wanted) for wanted in self.byday)

    def _is_weekday(self, day: date, ordinal: int, weekday: int) -> bool:
        if day.weekday() != weekday:
            return False
        if ordinal == 0:
            return True
        if self.freq == "YEARLY" and not self.bymonth:
            number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
        else:
            number, length = day.day, calendar.monthrange(day.year, day.month)[1]
        place = (number - 1) // 7 + 1 if ordinal > 0 else -((length - number) // 7 + 1)
        return place == ordinal

    def _in_week(self, day: date) -> bool:
        """Week 1 is the first with at least four days in its year; weeks begin with WKST."""
        fourth = day + (3 - (day.weekday() - self.wkst) % 7) * _DAY
        number = (fourth.timetuple().tm_yday - 1) // 7 + 1
        last = date(fourth.year, 12, 31)
        weeks = (last.timetuple().tm_yday - 1 - ((last.weekday() - self.wkst) % 7 - 3) % 7) // 7 + 1
        return number in self.byweekno or number - weeks - 1 in self.byweekno


def _years_later(at: datetime) -> datetime:
    return at.replace(year=min(at.year + YEARS_AHEAD, 9999), day=min(at.day, 28))
