"""The pace of an account to the second, and what an approved mention is compared with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from skywrite.core.errors import InputError, TemporaryError
from skywrite.posting.publish.budget import (
    catch_up_gap,
    catching_up_since,
    check_catch_up,
    check_pace,
    is_overdue,
    last_midnight,
    next_midnight,
    ready_since,
)
from skywrite.posting.publish.checks import check_drift, mentions_of
from skywrite.posting.publish.outcome import outcome_of, retry_seconds
from skywrite.queue.model import Account, AccountView, Defer, Held, Retry
from tests.support.errors import fails

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACCOUNT = Account("did:plc:a", "a.test", "https://pds.test", True, True, "ok", None, None, NOW, None, None, None, {})
MENTION = "app.bsky.richtext.facet#mention"


def view(last: datetime | None = None, since: datetime | None = None, **settings: Any) -> AccountView:
    account = ACCOUNT._replace(settings=settings, last_published_at=last, catching_up_since=since)
    return AccountView(account, 0, 0, 0, 0)


def test_a_gap_is_over_at_its_last_second() -> None:
    """A second before, the post waits until then; a time in the future beyond the gap is a wrong clock."""
    gap = timedelta(seconds=60)
    assert None is check_pace(view(NOW - gap, gap_seconds=60), 3, NOW)
    assert Defer(NOW + SECOND, "at least 60 s between two posts") == check_pace(
        view(NOW - gap + SECOND, gap_seconds=60), 3, NOW
    )
    assert Defer(NOW + 2 * gap, "at least 60 s between two posts") == check_pace(
        view(NOW + gap, gap_seconds=60), 3, NOW
    )
    assert None is check_pace(view(NOW + gap + SECOND, gap_seconds=60), 3, NOW)


def test_write_points_may_be_spent_to_the_last() -> None:
    """Of an hour and of a day; beyond that the ledger is asked again in a minute."""
    wait = NOW + timedelta(seconds=60)
    hour = view()._replace(points_last_hour=5000 - 3)
    for spent in (hour, view()._replace(points_last_day=35_000 - 3)):
        over = check_pace(spent, 4, NOW)
        assert (None, wait) == (check_pace(spent, 3, NOW), over and over.until)


def test_five_minutes_late_is_not_overdue() -> None:
    """A worker may be that busy; a second more and nobody was running."""
    due = NOW - timedelta(minutes=5)
    assert [False, True, False] == [is_overdue(due, NOW), is_overdue(due - SECOND, NOW), is_overdue(None, NOW)]


def test_overdue_posts_leave_a_gap_between_them() -> None:
    """From the last post on, to the second; what the account says itself goes before the default."""
    due, gap = NOW - timedelta(hours=1), timedelta(seconds=30)
    assert None is check_catch_up(view(NOW - gap), due, 30, NOW)
    waiting = check_catch_up(view(NOW - gap + SECOND), due, 30, NOW)
    assert Defer(NOW + SECOND, "at least 30 s between overdue posts", catching_up_since=NOW) == waiting
    waiting = check_catch_up(view(NOW), due, 30, NOW)
    assert Defer(NOW + gap, "at least 30 s between overdue posts", catching_up_since=NOW) == waiting
    assert None is check_catch_up(view(NOW + SECOND), due, 30, NOW)
    assert None is check_catch_up(view(NOW), NOW, 30, NOW)
    assert [7, 0, 0, 30] == [
        catch_up_gap(settings, 30)
        for settings in ({"catch_up_gap_seconds": 7}, {"catch_up_gap_seconds": 0}, {"gap_seconds": 5}, {})
    ]


def test_catching_up_begins_with_its_first_second() -> None:
    """It counts from exactly when it began, and never from the future."""
    assert NOW == catching_up_since(view(NOW, NOW), 30, NOW)
    assert None is catching_up_since(view(NOW, NOW + SECOND), 30, NOW)


def test_a_post_is_late_from_when_it_could_have_gone_out() -> None:
    """After the gap since the last post, also one of this very second, but not one of a clock that ran ahead."""
    due = NOW - timedelta(hours=1)
    assert NOW == ready_since(view(NOW, gap_seconds=60), due, NOW)
    assert due == ready_since(view(NOW + SECOND, gap_seconds=60), due, NOW)
    assert NOW - SECOND == ready_since(view(NOW - timedelta(seconds=61), gap_seconds=60), due, NOW)


def test_a_zone_that_this_computer_does_not_know_counts_in_utc() -> None:
    """The day begins and ends at midnight UTC then."""
    day = NOW.replace(hour=0)
    assert (day, day + timedelta(days=1)) == (last_midnight(NOW, "Mars/Olympus"), next_midnight(NOW, "Mars/Olympus"))


def facet(kind: str, end: int) -> dict[str, Any]:
    return {"index": {"byteStart": 0, "byteEnd": end}, "features": [{"$type": kind, "did": "did:plc:bob"}]}


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("@Bob.test", MENTION, [("bob.test", "did:plc:bob")]),
        ("@Bob.test", "app.bsky.richtext.facet#link", []),
        ("bob.test", MENTION, []),
        ("@bob", MENTION, []),
    ],
)
def test_a_mention_is_one_that_shows_its_handle(text: str, kind: str, expected: list[tuple[str, str]]) -> None:
    """A facet that shows something else has no handle that could come to mean somebody else."""
    assert expected == list(mentions_of(text, facet(kind, len(text))))


def test_a_mention_that_means_somebody_else_is_held() -> None:
    """What cannot be looked up now stays as approved; what was plain text must still be nobody."""
    record = {"text": "@bob.test", "facets": [facet(MENTION, 9)]}
    prepared: Any = SimpleNamespace(records=[record, record], pending=[SimpleNamespace(handle="new.test")])

    def resolve(known: dict[str, Any]) -> Any:
        def found(handle: str) -> str:
            answers = known[handle]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return str(answer)

        return found

    unknown, away = InputError("no such handle"), TemporaryError("no answer")
    same: list[dict[str, list[Any]]] = [
        {"bob.test": ["did:plc:bob"], "new.test": [unknown]},
        {"bob.test": ["did:plc:bob", away], "new.test": [away]},
        {"bob.test": [away], "new.test": [unknown]},
    ]
    for known in same:
        check_drift(7, prepared, resolve(known))
    others: list[tuple[dict[str, list[Any]], str]] = [
        (
            {"bob.test": ["did:plc:eve"], "new.test": [unknown]},
            "@bob.test was approved as did:plc:bob, and is did:plc:eve",
        ),
        ({"bob.test": [unknown], "new.test": [unknown]}, "@bob.test was approved as did:plc:bob, and is nobody"),
        ({"bob.test": [away], "new.test": ["did:plc:eve"]}, "@new.test was approved as plain text, and is did:plc:eve"),
    ]
    for known, message in others:
        with fails("post.drifted") as caught:
            check_drift(7, prepared, resolve(known))
        assert f"{message} now." == caught.value.message


def test_what_nobody_expected_is_tried_again_a_few_times() -> None:
    """Five times, later each time, and then it waits for its owner."""
    tried: Any = SimpleNamespace(attempts=4)
    again, account = outcome_of(KeyError("x"), tried, NOW, 0.5)
    assert isinstance(again, Retry) and account is None
    assert NOW + timedelta(seconds=retry_seconds(tried.attempts, 0.5)) == again.attempt_at
    held, _ = outcome_of(KeyError("x"), SimpleNamespace(attempts=5), NOW, 0.5)  # type: ignore[arg-type]
    assert isinstance(held, Held) and "Something went wrong inside Skywrite (KeyError)." == held.problem.message
