"""Missed posts: what becomes of them, and the texts that say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.posting.schedule.policy import (
    DEFAULT_LATE_SECONDS,
    LATE_POLICIES,
    LatePolicy,
    late_text,
    parse_duration,
    parse_late,
    verdict,
)
from tests.support.errors import fails

DUE = datetime(2026, 11, 25, 9, tzinfo=UTC)
policies = st.sampled_from(LATE_POLICIES)


@given(policies, st.integers(0, 10**6), st.integers(-(10**6), 10**6))
def test_within_the_grace_a_post_is_published_and_after_it_the_policy_says(
    policy: LatePolicy, grace: int, late: int
) -> None:
    """The last second of the grace still counts; a post that is not yet due is never missed."""
    expected = "publish" if late <= grace else policy
    assert expected == verdict(DUE, DUE + timedelta(seconds=late), policy, grace)


@pytest.mark.parametrize("policy", LATE_POLICIES)
def test_the_default_grace_is_a_day(policy: LatePolicy) -> None:
    """Without a grace of its own, a post may be a day late."""
    day = timedelta(seconds=DEFAULT_LATE_SECONDS)
    assert "publish" == verdict(DUE, DUE + day, policy, None)
    assert policy == verdict(DUE, DUE + day + timedelta(seconds=1), policy, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hold", ("hold", None)),
        (" Skip:30m ", ("skip", 1800)),
        ("publish", ("publish", None)),
        ("hold:1d2h3m4s", ("hold", 93_784)),
    ],
)
def test_a_policy_is_read_with_its_grace(text: str, expected: tuple[LatePolicy, int | None]) -> None:
    """POLICY or POLICY:DURATION."""
    assert expected == parse_late(text)


@pytest.mark.parametrize(
    "text", ["", "later", "hold 2h", "skip:soon", "skip:-1h", "2h", "hold:2h:3h", "skip:0s", "publish:2h"]
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    """The hint says how to write it."""
    with fails("late.invalid") as caught:
        parse_late(text)
    assert "" != caught.value.hint


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_a_duration_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, seconds: int) -> None:
    """Days, hours, minutes and seconds, in this order."""
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    assert expected == parse_duration(f"{days}d{hours}h{minutes}m{seconds}s")


def test_a_policy_is_written_as_it_is_read() -> None:
    """With its grace, which the policy that publishes however late it is has not."""
    expected = ["hold", "hold:90s", "skip:0s", "publish", "publish"]
    policies: list[tuple[LatePolicy, int | None]] = [
        *(("hold", None), ("hold", 90), ("skip", 0), ("publish", None), ("publish", 90))
    ]
    assert expected == [late_text(*policy) for policy in policies]
    assert 86_400 == DEFAULT_LATE_SECONDS


def test_a_duration_is_read_up_to_its_edge() -> None:
    """Ten years, and forty characters."""
    assert [3660 * 86_400, 1] == [parse_duration("3660d"), parse_duration("0" * 38 + "1s")]


LONG = ["9" * 50 + "d", "0" * 39 + "1s", "9" * 5000 + "s"]


@pytest.mark.parametrize("text", ["", " ", "5", "m", "1m1h", "1.5h", "٣m", "3661d", *LONG])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Digits and units only, and no more of them than a lifetime."""
    with fails("late.invalid"):
        parse_duration(text)
