"""How often feeds are asked, and which items are wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.features.feeds.reading.filters import make_filter
from skywrite.features.feeds.reading.pace import after_error, interval_of, next_check, retry_after
from tests.support.errors import fails

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@given(
    asked=st.none() | st.integers(300, 86_400),
    feed=st.none() | st.integers(0, 10**9),
    age=st.integers(0, 10**8),
    random=st.floats(0, 1, exclude_max=True),
)
def test_looks_stay_within_their_limits(asked: int | None, feed: int | None, age: int, random: float) -> None:
    """Never sooner than five minutes, never much later than a day."""
    interval = interval_of(asked, feed, {"cache-control": f"max-age={age}"})
    wait = next_check(NOON, interval, random) - NOON
    assert timedelta(minutes=5) <= wait <= timedelta(days=1.1)
    assert interval >= min(asked or 1800, 86_400)


@given(failures=st.integers(1, 10**6), random=st.floats(0, 1, exclude_max=True))
def test_patience_after_errors_has_an_end(failures: int, random: float) -> None:
    """However many errors: between five minutes and a day and a tenth."""
    wait = after_error(NOON, 1800, failures, random) - NOON
    assert timedelta(minutes=5) <= wait <= timedelta(days=1.1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", NOON + timedelta(minutes=2)),
        ("Tue, 24 Nov 2026 13:00:00 GMT", NOON + timedelta(hours=1)),
        ("999999999", NOON + timedelta(days=7)),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read(header: str, expected: datetime | None) -> None:
    """Seconds or a date, at most a week away."""
    assert expected == retry_after({"retry-after": header}, NOON)


@pytest.mark.parametrize(
    ("include", "exclude", "wanted"),
    [
        ([], [], True),
        (["sea"], [], True),
        (["SEA"], [], True),
        (["season"], [], False),
        (["se"], [], False),
        (["north sea"], [], True),
        (["#tides"], [], True),
        (["/t.de/"], [], True),
        ([], ["summary"], False),
        (["sea"], ["/^never$/"], True),
        (["sea"], ["storm", "sea"], False),
        (["café"], [], False),
    ],
)
def test_rules_choose(include: list[str], exclude: list[str], wanted: bool) -> None:
    """Whole words in any case, phrases, tags, and patterns; exclusion wins."""
    chosen = make_filter(include, exclude).wants("The North Sea", "A summary.", ["tides"])
    assert wanted == chosen


@pytest.mark.parametrize("rule", ["", "  ", "/(/", "/[/", "x" * 501])
def test_rules_that_cannot_be_read_are_refused(rule: str) -> None:
    """Mistakes are found when a rule is given."""
    with fails("filter.invalid"):
        make_filter([rule])


def test_a_pattern_without_end_is_stopped() -> None:
    """A pattern that would take centuries takes a moment."""
    with fails("filter.too_slow"):
        make_filter(["/^(a|aa|aaa)+$/"]).wants("a" * 5000 + "!", "", [])
