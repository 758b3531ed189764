"""Recurrences: cron, RRULE and English rules in a named zone, correct when the clocks change. Pure.

What lives here: when a rule occurs next, with its end, its exceptions and after downtime, and whose turn it is in a
pool. What does not: reading each form (`cron`, `rrule`, `english_rules`), and storing rules (`queue.recurrences`).

When the clocks change, a rule that follows the clock on the wall ("0 9 * * 1-5", RRULEs of days and longer) still
occurs once a day. A local time that does not exist becomes the end of the gap for cron, and moves forward by the length
of the gap for an RRULE (RFC 5545, 3.3.5). If a local time occurs twice, the first counts. A rule that follows elapsed
hours ("0 * * * *", FREQ=HOURLY) occurs in each real hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from skywrite.core.errors import InputError
from skywrite.posting.schedule.cron import SHORTCUTS, CronSeries, parse_cron
from skywrite.posting.schedule.localtime import DAY, SECOND, after_gap, next_change, to_local, to_utc, zone_of
from skywrite.posting.schedule.series import NeverHappens, Series, UnknownRule
from skywrite.posting.schedule.time_errors import suggest

__all__ = [
    "NeverHappens",
    "Occurrence",
    "ParsedRule",
    "UnknownRule",
    "catch_up",
    "check_minute",
    "describe",
    "parse_rule",
    "pick",
]

_ANY = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RULE_MAX = 500
Exceptions = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of a rule: when it is due, and when it would be due without exceptions. Both in UTC."""

    at: datetime
    occurrence: datetime


@dataclass(frozen=True, slots=True)
class ParsedRule:
    """The text of a recurrence, parsed. Nothing occurs before `start`."""

    text: str
    zone: str
    series: Series
    start: datetime | None = None

    def next_after(
        self, after: datetime, *, until: datetime | None = None, exceptions: Exceptions | None = None
    ) -> Occurrence | None:
        """The first occurrence after `after`, or None if the rule ends before.

        `until` is the last possible time. `exceptions` maps original times (ISO 8601) to None for those left out, or to
        another time. Occurrences are in the order of their original times, so that continuing from
        `Occurrence.occurrence` returns each one once.
        """
        known = read_exceptions(exceptions)
        for original in self.times(after):
            if until is not None and original > until:
                return None
            at = known.get(original, original)
            if at is not None and at > after:
                return Occurrence(at, original)
        return None

    def times(self, after: datetime) -> Iterator[datetime]:
        """The original times after `after`, in UTC, strictly increasing."""
        point = after.astimezone(UTC)
        if self.start is not None:
            point = max(point, self.start.astimezone(UTC) - MICROSECOND)
        return (_flowing if self.series.flows else _on_the_wall)(self.series, point, zone_of(self.zone))


def _flowing(series: Series, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The times of a series that follows elapsed hours."""
    point, local = after, to_local(after, zone)
    while True:
        offset = to_local(point, zone) - point.replace(tzinfo=None)
        for candidate in series.after(local):
            at = (candidate - offset).replace(tzinfo=UTC)
            change = next_change(point, at, zone)
            if change is not None:
                break
            yield at
            point = at
        else:
            return
        point, local = change, to_local(change, zone) - MICROSECOND


def _on_the_wall(series: Series, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The times of a series that follows the clock on the wall."""
    local = to_local(after, zone)
    # Times in a gap that has just ended may have moved past `after`.
    gap = max(local - to_local(after - DAY, zone) - DAY, timedelta())
    moved: list[datetime] = []
    last = after
    for candidate in series.after(local - gap - SECOND):
        mapped = to_utc(candidate, zone)
        if mapped.kind == "gap":
            moved.append(after_gap(candidate, zone) if series.in_gap == "after" else mapped.at)
            continue
        for at in [at for at in moved if at < mapped.at]:
            if at > last:
                yield at
                last = at
        moved = [at for at in moved if at > mapped.at]
        if mapped.at > last:
            yield mapped.at
            last = mapped.at
    yield from (at for at in dict.fromkeys(moved) if at > last)


def parse_rule(text: str, *, zone: str, start: datetime | None = None) -> ParsedRule:
    """Read a cron expression, an RRULE or an English rule. Nothing occurs before `start`.

    Cron: five fields, with names, or `@daily` and the like. RRULE (RFC 5545): one line, with an optional DTSTART before
    it; without one, `start` is the DTSTART. English: "every weekday 9:00", "mon,fri 18:30", "every 2 hours",
    "monthly 1 9:00". Raises UnknownRule, NeverHappens, InputError, UnknownZone.
    """
    if not isinstance(text, str):
        raise UnknownRule(f"The recurrence {text!r} is not text.")
    rule_text = text.strip()
    if not rule_text or len(rule_text) > RULE_MAX:
        raise UnknownRule(
            f"The rule is too long: more than {RULE_MAX} characters." if rule_text else "No recurrence was given."
        )
    try:
        series, place = _series(rule_text, zone_of(zone), start)
    except UnknownRule as error:
        suggest(error, rule_text, lambda reading: _is_read(reading, zone, start))
        raise
    return ParsedRule(rule_text, place.key, series, start)


def _is_read(text: str, zone: str, start: datetime | None) -> bool:
    """Whether a text is a rule, with this start or any other."""
    try:
        _series(text, zone_of(zone), start or _ANY)
    except InputError:
        return False
    return True


def check_minute(rule: ParsedRule) -> None:
    """Raise InputError for a cron rule such as `* 9 * * *`, which hardly anybody means for posts."""
    if isinstance(rule.series, CronSeries) and rule.series.expression.startswith("* "):
        rest = rule.series.expression.removeprefix("*")
        raise InputError(
            f"The rule {rule.text!r} occurs every minute.",
            code="rule.every_minute",
            hint=f'Give the minute: "0{rest}". For a post every minute write "*/1{rest}".',
        )


def _series(text: str, zone: ZoneInfo, start: datetime | None) -> tuple[Series, ZoneInfo]:
    local_start = to_local(start, zone) if start is not None else None
    if "FREQ=" in text.upper():
        from skywrite.posting.schedule.rrule_text import parse_rrule

        return parse_rrule(text, zone, local_start)
    if text.lower() in SHORTCUTS or _looks_like_cron(text):
        return parse_cron(text), zone
    from skywrite.posting.schedule.english_rules import parse_english_rule

    return parse_english_rule(text, zone, local_start), zone


def _looks_like_cron(text: str) -> bool:
    fields = text.split()
    return text.startswith("@") or (
        len(fields) >= 3 and all(field[0].isdigit() or field[0] == "*" for field in fields[:2])
    )


def read_exceptions(exceptions: Exceptions | None) -> dict[datetime, datetime | None]:
    """Read exceptions: from texts to times in UTC. Raises UnknownRule for a text that is not a time."""
    return {_time(key): _time(value) if value else None for key, value in (exceptions or {}).items()}


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UnknownRule(f"The exception {text!r} is not a time with an offset.", hint="Write 2026-12-24T16:00:00Z.")
    return at.astimezone(UTC)


def catch_up(
    rule: ParsedRule,
    last: datetime | None,
    now: datetime,
    *,
    until: datetime | None = None,
    exceptions: Exceptions | None = None,
    late_seconds: int,
) -> Occurrence | None:
    """The occurrence to make a post for, after the one whose original time is `last`; None if the rule has ended.

    It is the latest one that was due at most `late_seconds` ago, or else the first one that is due after `now`. So
    however long nothing ran, this makes one post and leaves out the rest.
    """
    known = read_exceptions(exceptions)
    floor = now - timedelta(seconds=max(late_seconds, 0))
    moved = [item for item in _moved(rule, known, until) if item.at >= floor]
    moved = [item for item in moved if last is None or item.occurrence > last]
    before = floor - MICROSECOND
    recent = _latest(rule, max(before, last or before), now, until, known)
    due = [item for item in (*moved, recent) if item is not None and item.at <= now]
    if due:
        return max(due, key=lambda item: item.at)
    following = rule.next_after(max(now, last or now), until=until, exceptions=exceptions)
    return min(
        (item for item in (*moved, following) if item is not None), key=lambda item: item.occurrence, default=None
    )


def _moved(rule: ParsedRule, known: Mapping[datetime, datetime | None], until: datetime | None) -> list[Occurrence]:
    """The moved occurrences, if the rule really has them."""
    return [
        Occurrence(at, original)
        for original, at in known.items()
        if at is not None
        and (until is None or original <= until)
        and next(rule.times(original - MICROSECOND), None) == original
    ]


def _latest(
    rule: ParsedRule, after: datetime, now: datetime, until: datetime | None, known: Mapping[datetime, datetime | None]
) -> Occurrence | None:
    """The latest occurrence without exception after `after` and up to `now`, searched backwards from `now`."""
    stop = now if until is None else min(now, until)
    if rule.series.is_counted:
        # Each search counts from the start again, so one search from far back is the quickest.
        last = [at for at in takewhile(lambda at: at <= stop, rule.times(after)) if at not in known][-1:]
        return Occurrence(last[0], last[0]) if last else None
    width = timedelta(minutes=2)
    while after < stop:
        begin = max(after, stop - width)
        times = [at for at in takewhile(lambda at: at <= stop, rule.times(begin)) if at not in known]
        if times:
            return Occurrence(times[-1], times[-1])
        if begin == after:
            return None
        width *= 2
    return None


def pick(pool_size: int, position: int) -> int:
    """Whose turn it is in a pool, for a `position` that counts up from 0: each one once per round, in order."""
    return position % pool_size


def describe(rule: ParsedRule) -> str:
    """The rule in plain English, with its zone."""
    from skywrite.posting.schedule.describe import describe_series

    return f"{describe_series(rule.series)}, {rule.zone} time"
