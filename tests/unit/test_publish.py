"""Deciding and judging: when a post goes out, and what an error means for it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.clock import FakeClock
from skywrite.core.errors import (
    SIGN_IN,
    InputError,
    NeedsDecision,
    NoAnswer,
    NotSent,
    RateLimited,
    SkywriteError,
    StorageError,
    TemporaryError,
)
from skywrite.posting.compose.build import build
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.freeze import Frozen
from skywrite.posting.publish.budget import (
    DAY_POINTS_MAX,
    HOUR_POINTS_MAX,
    catching_up_since,
    last_midnight,
    next_midnight,
    ready_since,
)
from skywrite.posting.publish.checks import approved_mentions, is_worth_asking
from skywrite.posting.publish.decide import Decider
from skywrite.posting.publish.hosts import Hosts
from skywrite.posting.publish.outcome import RETRY_SECONDS_MAX, outcome_of, retry_seconds
from skywrite.posting.publish.publisher import waits_for_mentions
from skywrite.protocol.atproto.xrpc_errors import BlobNotFound, MissingRight, NotSignedIn, Refused, ServerFailure
from skywrite.queue.model import (
    Account,
    AccountChange,
    AccountView,
    Defer,
    Failed,
    Held,
    Miss,
    Post,
    Problem,
    Retry,
    Take,
)

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ACCOUNT = Account(DID, "alice.test", "https://pds.test", True, True, "ok", None, None, NOW, None, None, None, {})


def post(**changes: Any) -> Post:
    """A post that is due now."""
    plain = build(Draft("Hello"), {}).to_dict()
    row = Post(
        id=7,
        account_did=DID,
        state="scheduled",
        due_at=NOW,
        attempt_at=None,
        created_at=NOW,
        updated_at=NOW,
        key=None,
        draft={"text": "Hello"},
        prepared=plain,
        frozen=None,
        root_rkey="3m6dqbmwik22a",
        uri=None,
        cid=None,
        published_at=None,
        attempts=0,
        lease_token=None,
        late_policy="hold",
        late_seconds=3600,
        problem=None,
        source=None,
        recurrence_id=None,
        occurrence=None,
    )
    return row._replace(**changes)


def view(hour: int = 0, day: int = 0, today: int = 0, last: datetime | None = None, **settings: Any) -> AccountView:
    """An account that has done so much."""
    return AccountView(ACCOUNT._replace(settings=settings, last_published_at=last), hour, day, today, today)


decide = Decider()


def test_a_post_that_is_due_is_frozen_and_taken() -> None:
    """Its records are fixed before anything is sent; a create costs three points."""
    taken = decide(post(), view(), NOW)
    assert isinstance(taken, Take) and taken.frozen
    assert (3, "2026-11-24T09:00:00.000Z") == (
        taken.points,
        Frozen.from_json(taken.frozen).writes[0].value["createdAt"],
    )


@pytest.mark.parametrize(("source", "is_fixed"), [(None, True), ("inbox", False)])
def test_a_reply_from_the_inbox_is_looked_at_before_it_is_fixed(source: str | None, is_fixed: bool) -> None:
    """What it answers may be gone by then; the author of any other reply has just read the post."""
    record = post().prepared["records"][0]
    place = {"uri": f"at://{DID}/app.bsky.feed.post/3kabc", "cid": "bafyx"}
    reply = post().prepared | {"records": [record | {"reply": {"root": place, "parent": place}}]}
    taken = decide(post(prepared=reply, source=source), view(), NOW)
    assert isinstance(taken, Take)
    assert is_fixed is (taken.frozen is not None)


def test_frozen_records_are_never_made_anew() -> None:
    """A post in doubt is tried again with the same keys, however late it is."""
    assert Take(points=3) == decide(post(frozen="{}", attempts=1), view(), NOW + timedelta(days=30))


@pytest.mark.parametrize(("policy", "expected"), [("hold", "held"), ("skip", "cancelled")])
def test_a_missed_post_follows_its_policy(policy: Any, expected: str) -> None:
    """Beyond its grace it is held or skipped, with the reason."""
    missed = decide(post(late_policy=policy), view(), NOW + timedelta(hours=2))
    assert isinstance(missed, Miss)
    assert (expected, "MissedTime") == (missed.state, missed.problem.name)


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "120 minutes"),
        (7200, "2 hours"),
        (172_799, "48 hours"),
        (172_800, "2 days"),
        (864_000, "10 days"),
    ],
)
def test_how_late_it_is_reads_well(late: int, words: str) -> None:
    """In the largest unit of which there are two."""
    missed = decide(post(late_seconds=0), view(), NOW + timedelta(seconds=late))
    assert isinstance(missed, Miss)
    assert f"came up {words} late" in missed.problem.message


@pytest.mark.parametrize(
    ("last", "settings", "seconds"),
    [
        (None, {"gap_seconds": 600}, -3600),
        (-3600, {"gap_seconds": 600}, -3000),
        (-3600, {"gap_seconds": 9999}, 0),
        (60, {"gap_seconds": 600}, -3600),
        (-3600, {}, -3600),
    ],
)
def test_lateness_counts_from_when_the_gap_allowed_it(last: int | None, settings: dict[str, int], seconds: int) -> None:
    """From its time, or from the end of the gap after the last post; never from the future."""
    published = None if last is None else NOW + timedelta(seconds=last)
    since = ready_since(view(last=published, **settings), NOW - timedelta(hours=1), NOW)
    assert seconds == (since - NOW).total_seconds()


def test_lateness_counts_from_midnight_after_a_full_day() -> None:
    """Yesterday's cap kept it back until the day began, in the account's zone."""
    full = view(max_per_day=3, zone="Europe/Berlin")._replace(published_yesterday=3)
    assert datetime(2026, 11, 23, 23, tzinfo=UTC) == ready_since(full, NOW - timedelta(days=1), NOW)
    assert NOW - timedelta(days=1) == ready_since(full._replace(published_yesterday=2), NOW - timedelta(days=1), NOW)


def test_a_day_begins_at_its_midnight() -> None:
    """To the microsecond, as UTC."""
    odd = datetime(2026, 11, 24, 9, 8, 7, 6, tzinfo=UTC)
    assert datetime(2026, 11, 23, 23, tzinfo=UTC) == last_midnight(odd, "Europe/Berlin")
    assert datetime(2026, 11, 24, 23, tzinfo=UTC) == next_midnight(odd, "Europe/Berlin")


def test_approved_mentions_are_looked_up_by_their_handle() -> None:
    """As it stands in the text, without its @."""
    prepared = build(Draft("Hello @alice.test and @later.test"), {"alice.test": DID})
    assert [("alice.test", DID), ("later.test", None)] == list(approved_mentions(prepared))


def test_a_post_within_its_grace_goes_out() -> None:
    """An hour late is allowed here."""
    assert isinstance(decide(post(), view(), NOW + timedelta(hours=1)), Take)


def test_the_policy_publish_knows_no_too_late() -> None:
    """It goes out whenever a worker comes."""
    assert isinstance(decide(post(late_policy="publish"), view(), NOW + timedelta(days=300)), Take)


def test_a_post_that_was_tried_in_vain_can_be_missed() -> None:
    """However often it was tried in time: readers see how late it is, not why."""
    tried = post(attempts=3, attempt_at=NOW + timedelta(hours=2))
    assert isinstance(decide(tried, view(), NOW + timedelta(hours=2)), Miss)


def test_the_gap_between_posts_is_kept() -> None:
    """The account waits until its gap is over."""
    last = NOW - timedelta(seconds=100)
    waiting = decide(post(), view(last=last, gap_seconds=300), NOW)
    assert isinstance(waiting, Defer)
    assert last + timedelta(seconds=300) == waiting.until


def test_a_gap_is_not_counted_from_a_clock_that_ran_ahead() -> None:
    """A post of twenty days from now, by a clock that was wrong, keeps the account waiting for no day of them."""
    assert isinstance(decide(post(), view(last=NOW + timedelta(days=20), gap_seconds=60), NOW), Take)


def test_the_most_of_a_day_is_kept_in_the_accounts_zone() -> None:
    """The next day begins at midnight where the account lives."""
    waiting = decide(post(), view(today=3, max_per_day=3, zone="Europe/Berlin"), NOW)
    assert isinstance(waiting, Defer)
    assert datetime(2026, 11, 24, 23, 0, tzinfo=UTC) == waiting.until


def test_waiting_for_the_daily_cap_is_not_being_late() -> None:
    """Days may pass until it is a post's turn: while the cap is reached it waits, and after midnight it goes out."""
    tight = {"late_policy": "hold", "late_seconds": 3600, "due_at": NOW - timedelta(days=3)}
    full = decide(post(**tight), view(today=3, max_per_day=3), NOW)
    fresh = view(max_per_day=3)._replace(published_yesterday=3)
    midnight = NOW.replace(hour=0)
    assert (True, True) == (isinstance(full, Defer), isinstance(decide(post(**tight), fresh, midnight), Take))
    assert isinstance(decide(post(**tight), fresh, midnight + timedelta(hours=2)), Miss)


def test_waiting_for_the_gap_is_not_being_late() -> None:
    """A long backlog with a gap between its posts goes out to the end; a worker that was away is late all the same."""
    tight = {"late_policy": "skip", "late_seconds": 3600, "due_at": NOW - timedelta(hours=9)}
    waiting = view(last=NOW - timedelta(seconds=100), gap_seconds=300)
    over, away = (view(last=NOW - timedelta(seconds=seconds), gap_seconds=300) for seconds in (400, 8000))
    decisions = [type(decide(post(**tight), one, NOW)) for one in (waiting, over, away)]
    assert [Defer, Take, Miss] == decisions


@pytest.mark.parametrize(("hour", "day"), [(HOUR_POINTS_MAX - 2, 0), (0, DAY_POINTS_MAX - 2)])
def test_write_points_are_never_overdrawn(hour: int, day: int) -> None:
    """The server would answer 429, and every bot of the account with it."""
    assert isinstance(decide(post(), view(hour=hour, day=day), NOW), Defer)


def test_midnight_is_right_when_the_clock_changes() -> None:
    """The day of 25 hours ends at midnight too."""
    before_change = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert datetime(2026, 10, 25, 23, 0, tzinfo=UTC) == next_midnight(before_change, "Europe/Berlin")


@pytest.mark.parametrize("error", [NotSent("x"), NoAnswer("x"), ServerFailure("x")])
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    """And the account is left alone only by the order of its posts."""
    outcome, change = outcome_of(error, post(attempts=1), NOW, 0.5)
    assert isinstance(outcome, Retry)
    assert (NOW + timedelta(seconds=5), None) == (outcome.attempt_at, change)


def test_a_rate_limit_is_obeyed_to_the_second() -> None:
    """The account rests until the server's limit ends."""
    until = NOW + timedelta(seconds=77)
    outcome, change = outcome_of(RateLimited("Slow down", until=until), post(attempts=1), NOW, 0.5)
    assert isinstance(outcome, Retry)
    assert (until, AccountChange("paused", until, "Slow down")) == (outcome.attempt_at, change)


def test_a_session_that_was_replaced_meanwhile_is_used_at_once() -> None:
    """The new sign-in is there: however often the post was tried before, it waits no longer."""
    outcome, change = outcome_of(TemporaryError("x", code="session.renewed"), post(attempts=7), NOW, 0.5)
    assert isinstance(outcome, Retry)
    assert (NOW, None) == (outcome.attempt_at, change)


def test_a_lost_session_holds_the_post_for_a_login() -> None:
    """It is not failed: signing in lets it go."""
    outcome, change = outcome_of(NotSignedIn("x", code="session.expired"), post(attempts=1), NOW, 0.5)
    assert isinstance(outcome, Held) and change
    assert ("account.needs_login", SIGN_IN, "needs_login") == (outcome.problem.code, outcome.problem.hint, change.state)


def test_a_missing_right_holds_its_post_alone() -> None:
    """The account goes on: other posts need fewer rights. A sign-in with this right lets it go."""
    missing = MissingRight("The session may not upload videos.", hint="Sign in with this right.")
    held = Held(Problem("account.needs_login", "The session may not upload videos.", "Sign in with this right."))
    assert (held, None) == outcome_of(missing, post(attempts=1), NOW, 0.5)


@pytest.mark.parametrize(
    "error", [NeedsDecision("x", code="post.drifted", hint="y"), NeedsDecision("x", code="reply.target_gone", hint="y")]
)
def test_what_is_no_longer_what_was_meant_is_held(error: SkywriteError) -> None:
    """Its author decides, however often it was tried; nothing is wrong with the account."""
    assert (Held(Problem(error.code, "x", "y")), None) == outcome_of(error, post(attempts=99), NOW, 0.5)


@pytest.mark.parametrize(
    ("error", "attempts", "expected"),
    [
        (BlobNotFound("x"), 4, Retry),
        (BlobNotFound("x"), 5, Failed),
        (InputError("x"), 1, Failed),
        (StorageError("x"), 99, Retry),
    ],
)
def test_what_is_final_and_what_is_not(error: SkywriteError, attempts: int, expected: type) -> None:
    """Dropped media are uploaded anew, five times in all; what no server would take is final at once, and what only
    this computer could not do never is."""
    outcome, change = outcome_of(error, post(attempts=attempts), NOW, 0.5)
    assert (expected, "x", None) == (type(outcome), getattr(outcome, "problem", error).message, change)


def test_a_refusal_is_final_and_keeps_the_servers_words() -> None:
    """The reason is the server's own."""
    outcome, change = outcome_of(
        Refused("Record/text must not be longer", code="record.refused"), post(attempts=1), NOW, 0.5
    )
    assert isinstance(outcome, Failed)
    assert ("record.refused", "Record/text must not be longer", None) == (
        outcome.problem.code,
        outcome.problem.message,
        change,
    )


def test_after_two_days_of_tries_the_user_is_asked() -> None:
    """Nothing is tried for ever, and nothing is given up silently."""
    outcome, _ = outcome_of(NoAnswer("gone"), post(attempts=50), NOW + timedelta(days=2, seconds=1), 0.5)
    assert isinstance(outcome, Held)
    assert "two days" in outcome.problem.message


@pytest.mark.parametrize(("days", "attempts"), [(1, 99), (2, 99), (3, 49)])
def test_nothing_is_given_up_before_two_days_and_fifty_tries(days: int, attempts: int) -> None:
    """Both: a server may be away for a day, and a post that was long overdue has its fifty tries, too."""
    outcome, _ = outcome_of(NoAnswer("gone"), post(attempts=attempts), NOW + timedelta(days=days), 0.5)
    assert isinstance(outcome, Retry)


def test_the_two_days_begin_when_a_post_is_due() -> None:
    """Not when it was written; for one that has no time they are the same."""
    written = {"created_at": NOW - timedelta(days=3), "attempts": 99}
    outcomes = [outcome_of(NoAnswer("gone"), post(**written, due_at=due), NOW, 0.5)[0] for due in (NOW, None)]
    assert [Retry, Held] == [type(outcome) for outcome in outcomes]


@pytest.mark.parametrize(
    ("attempts", "seconds", "waits"), [(3, 3600, False), (2, 3600, True), (3, 3599, True), (99, 3599, True)]
)
def test_mentions_get_three_tries_and_an_hour(attempts: int, seconds: int, waits: bool) -> None:
    """Both, from when the post is due: one that was overdue at its first attempt gets its tries, too."""
    now, written = NOW + timedelta(seconds=seconds), {"created_at": NOW - timedelta(days=3), "attempts": attempts}
    assert waits is waits_for_mentions(post(**written), now)
    assert not waits_for_mentions(post(**written | {"attempts": 3}, due_at=None), now)


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 3.75), (0.5, 5.0), (0.9, 6.0)])
def test_posts_that_failed_together_are_not_tried_together(jitter: float, seconds: float) -> None:
    """A random part of each wait keeps a thousand accounts from asking a server at the same moment again."""
    outcome, _ = outcome_of(NoAnswer("gone"), post(attempts=1), NOW, jitter)
    assert isinstance(outcome, Retry)
    assert (seconds, NOW + timedelta(seconds=seconds)) == (retry_seconds(1, jitter), outcome.attempt_at)


def test_a_limit_that_has_ended_still_means_a_pause() -> None:
    """Of a second: a server whose clock is behind must not be asked again at once."""
    outcome, change = outcome_of(RateLimited("x", until=NOW - timedelta(hours=1)), post(attempts=1), NOW, 0.5)
    assert isinstance(outcome, Retry) and change
    assert (NOW + timedelta(seconds=1),) * 2 == (outcome.attempt_at, change.paused_until)


@pytest.mark.parametrize(("hour", "day"), [(HOUR_POINTS_MAX - 3, 0), (0, DAY_POINTS_MAX - 3)])
def test_write_points_are_spent_to_the_last(hour: int, day: int) -> None:
    """What is just enough for one more create is used."""
    assert isinstance(decide(post(), view(hour=hour, day=day), NOW), Take)


def test_a_surprise_holds_no_values() -> None:
    """What an unknown error says may be a secret."""
    outcome, _ = outcome_of(ValueError("password hunter2"), post(attempts=1), NOW, 0.5)
    assert isinstance(outcome, Retry)
    assert "hunter2" not in outcome.problem.message


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    """From five seconds on, whatever the number of tries."""
    expected = [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]
    assert expected == [retry_seconds(attempts, 0.5) for attempts in (*range(1, 10), 100, 10_000)]


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_waits_grow_and_stay_within_bounds(attempts: int, jitter: float) -> None:
    """Doubling from five seconds to a quarter of an hour, moved by up to a quarter."""
    seconds = retry_seconds(attempts, jitter)
    assert 3.75 <= seconds <= RETRY_SECONDS_MAX * 1.25


def catching_up(seconds: int = 30) -> Decider:
    """The decisions of a worker that keeps running."""
    decider = Decider()
    decider.catch_up_gap_seconds = seconds
    return decider


def test_overdue_posts_follow_one_another_with_a_gap() -> None:
    """After sleep they do not go out all at once; posts that are on time never wait."""
    last = NOW - timedelta(seconds=1)
    overdue, on_time = post(due_at=NOW - timedelta(minutes=40)), post(due_at=NOW - timedelta(minutes=2))
    waiting = catching_up()(overdue, view(last=last), NOW)
    assert isinstance(waiting, Defer)
    assert (last + timedelta(seconds=30), NOW) == (waiting.until, waiting.catching_up_since)
    goes_out = [
        catching_up()(overdue, view(last=None), NOW),
        catching_up()(overdue, view(last=NOW - timedelta(seconds=30)), NOW),
        catching_up()(on_time, view(last=last), NOW),
        catching_up(0)(overdue, view(last=last), NOW),
        catching_up()(overdue._replace(frozen="{}"), view(last=last), NOW),
        catching_up()(overdue, view(last=NOW + timedelta(days=20)), NOW),
    ]
    assert [Take] * 6 == [type(decision) for decision in goes_out]


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({"catch_up_gap_seconds": 0}, 0),
        ({"catch_up_gap_seconds": 90}, 90),
        ({"gap_seconds": 10}, 10),
        ({"gap_seconds": 10, "catch_up_gap_seconds": 90}, 90),
    ],
)
def test_the_gap_between_overdue_posts_can_be_set(settings: dict[str, int], seconds: int) -> None:
    """Also to none; an account with a gap between all posts needs no other."""
    overdue, last = post(due_at=NOW - timedelta(minutes=40)), NOW - timedelta(seconds=1)
    decision = catching_up()(overdue, view(last=last, **settings), NOW)
    until = decision.until if isinstance(decision, Defer) else last
    assert timedelta(seconds=seconds) == until - last


def test_no_post_is_missed_because_of_the_gap_between_overdue_posts() -> None:
    """It is judged by the time at which catching up began, while that goes on without a break."""
    woke = NOW - timedelta(minutes=10)
    tight = post(due_at=woke - timedelta(minutes=25), late_policy="skip", late_seconds=1800)
    last = NOW - timedelta(seconds=40)

    def decided(since: datetime | None, last: datetime) -> type:
        seen = view(last=last)
        return type(catching_up()(tight, seen._replace(account=seen.account._replace(catching_up_since=since)), NOW))

    assert [Take, Defer] == [decided(woke, last), decided(woke, NOW - timedelta(seconds=5))]
    paused, ahead = NOW - timedelta(minutes=4), NOW + timedelta(days=1)
    assert [Miss, Miss, Miss] == [decided(None, last), decided(woke, paused), decided(ahead, last)]
    assert Miss is decided(woke + timedelta(minutes=6), last)


def test_catching_up_ends_with_a_post_on_time() -> None:
    """From then on lateness is measured as ever."""
    takes = [catching_up()(post(due_at=NOW - timedelta(minutes=minutes)), view(), NOW) for minutes in (1, 40)]
    assert [True, False] == [isinstance(take, Take) and take.on_time for take in takes]


@pytest.mark.parametrize(
    ("error", "attempts", "expected"),
    [
        (NotSent("x"), 2, False),
        (NotSent("x"), 3, True),
        (NoAnswer("x"), 2, False),
        (NoAnswer("x"), 3, True),
        (NotSignedIn("x", code="session.expired"), 0, True),
        (ServerFailure("x"), 99, False),
        (ValueError("x"), 99, False),
    ],
)
def test_when_an_account_is_looked_up_again(error: Exception, attempts: int, expected: bool) -> None:
    """A session that is over at once; a server that is not there after three tries; no other answer."""
    assert expected is is_worth_asking(error, attempts)


def test_a_video_waits_its_turn(clock: FakeClock) -> None:
    """While other videos are uploaded it comes again after two seconds; posts without a video do not wait."""
    decider = Decider()
    decider.hosts = Hosts(clock, 4)
    blobs = [["bafyimage", "image/png", 5], ["bafyvideo", "video/mp4", 5]]
    with_video = post(prepared=post().prepared | {"blobs": blobs})
    while not decider.hosts.videos_full():
        decider.hosts.enter("https://pds.test", "did:plc:other", video=True)
    waiting = decider(with_video, view(), NOW)
    assert isinstance(waiting, Defer)
    assert (NOW + timedelta(seconds=2), Take) == (waiting.until, type(decider(post(), view(), NOW)))


def test_the_accounts_of_a_server_that_hangs_wait_with_it(clock: FakeClock) -> None:
    """Until its pause is over; others do not wait."""
    decider = Decider()
    decider.hosts = Hosts(clock, 4)
    for did in ("did:plc:one", "did:plc:two", ACCOUNT.did):
        decider.hosts.enter("https://pds.test", did)
        clock.advance(10)
        decider.hosts.leave("https://pds.test", did, "hangs")
    waiting = decider(post(), view(), NOW)
    assert isinstance(waiting, Defer)
    assert timedelta(seconds=decider.hosts.pause_seconds("https://pds.test", ACCOUNT.did)) == waiting.until - NOW
    elsewhere = view()._replace(account=ACCOUNT._replace(pds_url="https://other.test"))
    assert Take is type(decider(post(), elsewhere, NOW))


@pytest.mark.parametrize(
    ("since", "last", "seconds", "expected"),
    [(-600, -60, 90, True), (-600, -60, 91, False), (-600, -700, -450, True), (-600, -700, -449, False)],
)
def test_catching_up_ends_after_a_break(since: int, last: int, seconds: int, expected: bool) -> None:
    """The gap and two minutes after the last post, or after it began: then what is late is late again."""
    account = ACCOUNT._replace(
        settings={}, catching_up_since=NOW + timedelta(seconds=since), last_published_at=NOW + timedelta(seconds=last)
    )
    moment = catching_up_since(AccountView(account, 0, 0, 0, 0), 30, NOW + timedelta(seconds=seconds))
    assert (account.catching_up_since if expected else None) == moment
