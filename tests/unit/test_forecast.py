"""When posts really go out: what the plan shows of gaps and daily caps. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.posting.publish.budget import CATCH_UP_GAP_SECONDS
from skywrite.posting.publish.forecast import CAP, CATCH_UP, GAP, Forecast, Pace, Push, pace_of, pushes

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)
NO_PACE = Pace(0, 0, "UTC")


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_without_a_pace_nothing_is_delayed() -> None:
    """Posts of the same minute go out together, due and overdue ones at once."""
    assert {} == pushes([(1, NOON, False), (2, NOON, False)], NO_PACE)
    assert None is Forecast(NO_PACE, now=later(60)).push(later(60))
    assert None is Forecast(NO_PACE, last=later(3600), now=later(3600)).push(NOON)


def test_a_gap_pushes_one_post_behind_the_other() -> None:
    """In due order, whatever the order in which they are listed; a post that keeps its distance stays where it is."""
    posts = [(3, later(90), False), (2, NOON, False), (1, NOON, False), (4, later(150), False), (5, later(400), False)]
    expected = {2: Push(later(60), GAP), 3: Push(later(120), GAP), 4: Push(later(180), GAP)}
    assert expected == pushes(posts, Pace(60, 0, "UTC"))
    assert {} == pushes([(1, later(60), False), (2, NOON, False)], Pace(60, 0, "UTC"))


def test_the_gap_counts_from_the_last_post() -> None:
    """Also from one that went out before, and from none that is out already backwards."""
    assert Push(later(30), GAP) == Forecast(Pace(60, 0, "UTC"), last=later(-30)).push(NOON)
    forecast = Forecast(Pace(60, 0, "UTC"), last=later(100))
    assert (None, Push(later(160), GAP)) == (forecast.push(NOON, is_out=True), forecast.push(later(150)))


def test_a_daily_cap_pushes_into_the_next_day() -> None:
    """To its midnight in the account's zone, and on to the day after when that is full, too."""
    forecast = Forecast(Pace(0, 1, "UTC"))
    days = [forecast.push(NOON), forecast.push(NOON), forecast.push(NOON)]
    assert [None, Push(MIDNIGHT, CAP), Push(MIDNIGHT + timedelta(days=1), CAP)] == days
    berlin = Forecast(Pace(0, 1, "Europe/Berlin"))
    assert [None, Push(MIDNIGHT - timedelta(hours=1), CAP)] == [berlin.push(NOON), berlin.push(NOON)]


def test_what_was_published_today_counts() -> None:
    """Posts that are not listed have taken their part of the cap."""
    assert Push(MIDNIGHT, CAP) == Forecast(Pace(0, 3, "UTC"), now=NOON, published_today=3).push(NOON)
    forecast = Forecast(Pace(0, 3, "UTC"), now=NOON, published_today=1)
    assert [None, None, Push(MIDNIGHT, CAP)] == [forecast.push(NOON) for _ in range(3)]
    assert None is Forecast(Pace(0, 1, "UTC"), now=NOON).push(NOON)


def test_overdue_posts_keep_a_distance() -> None:
    """A worker that comes back does not send all at once; the first one goes out now."""
    forecast = Forecast(Pace(0, 0, "UTC", 60), last=later(-3600), now=NOON)
    assert [None, Push(later(60), CATCH_UP)] == [forecast.push(later(-3500)), forecast.push(later(-3400))]
    assert None is forecast.push(later(61))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (0, 0)),
        ({"gap_seconds": 60}, (60, 0)),
        ({"gap_seconds": "60", "max_per_day": "5", "catch_up_gap_seconds": 7}, (60, 5)),
    ],
)
def test_the_pace_is_what_the_account_has_set(settings: dict[str, object], expected: tuple[int, int]) -> None:
    """Numbers and texts alike, as settings are stored."""
    pace = pace_of(settings, "Europe/Berlin")
    assert (*expected, "Europe/Berlin") == pace[:3]
    assert settings.get("catch_up_gap_seconds", 0 if pace.gap_seconds else CATCH_UP_GAP_SECONDS) == pace[3]


PACES = st.builds(
    Pace, st.sampled_from((0, 60, 90_000)), st.integers(0, 3), st.sampled_from(("UTC", "Europe/Berlin")), st.just(600)
)


@given(PACES, st.lists(st.integers(-9 * 86_400, 9 * 86_400), min_size=1, max_size=20), st.integers(0, 5))
def test_what_is_out_of_reach_pushes_nothing(pace: Pace, seconds: list[int], already: int) -> None:
    """A forecast from the posts within reach is the forecast from all, for the post itself and for those after it."""
    times = [later(one) for one in sorted(seconds)]
    for place, first in enumerate(times):
        start = pace.reach(first, NOON, place)
        forecasts = []
        for before in (times[:place], [at for at in times[:place] if at >= start]):
            forecast = Forecast(pace, last=later(-30), now=NOON, published_today=already)
            for at in before:
                forecast.push(at)
            forecasts.append([forecast.push(at) for at in times[place:]])
        assert forecasts[0] == forecasts[1]
