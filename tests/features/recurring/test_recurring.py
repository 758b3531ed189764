"""Posts that come again: each occurrence once, moved and skipped ones, pools, ends, many workers."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from skywrite.app import Skywrite
from skywrite.app.occurrences import Occurrences
from skywrite.core.errors import InputError
from skywrite.queue.database import Row
from skywrite.queue.model import STATES, Post
from skywrite.queue.recurrences import Recurrences
from skywrite.queue.rows import post_of
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS
from tests.support.world import NOON, World

HOUR = timedelta(hours=1)


def run_until(world: World, sky: Skywrite, end: datetime, step: timedelta = timedelta(minutes=10)) -> None:
    """Let time pass with a run every few minutes, as a worker would."""
    while world.clock.now() < end:
        sky.run_once()
        world.clock.advance(step.total_seconds())
    sky.run_once()


def due(sky: Skywrite) -> list[datetime | None]:
    """When the posts that wait are due."""
    return [post.due_at for post in sky.context.store.listing.posts()]


def test_each_occurrence_is_posted_once_in_turn(world: World, sky: Skywrite) -> None:
    """Texts of a pool take turns; the next post is made when one is done with."""
    sky.schedule(every="0 * * * *", pool=["one", "two", "three"])
    run_until(world, sky, NOON + 4 * HOUR)
    assert ["one", "two", "three", "one"] == world.texts()
    assert [NOON + 5 * HOUR] == due(sky)


def test_the_past_of_a_rule_is_not_read(world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """To move an occurrence only its own post is looked at, however many the rule has made."""
    sky.schedule("x", every="0 * * * *")
    run_until(world, sky, NOON + 4 * HOUR, HOUR)
    read: set[int] = set()

    def watched(row: Row) -> Post:
        read.add(row["id"])
        return post_of(row)

    monkeypatch.setattr("skywrite.queue.changing.post_of", watched)
    Occurrences(sky.context, sky._drafting).change(1, NOON + 5 * HOUR, NOON + 6 * HOUR)
    assert {5} == read


def test_the_end_of_a_rule(world: World, sky: Skywrite) -> None:
    """The last occurrence is at the end, and then the rule is over."""
    sky.schedule("x", every="0 * * * *", until=NOON + 2 * HOUR)
    run_until(world, sky, NOON + 5 * HOUR)
    assert (2, ["ended"], []) == (len(world.texts()), [rule.state for rule in sky.recurrences.list()], due(sky))


def test_two_days_of_downtime_make_one_post(world: World, sky: Skywrite) -> None:
    """Never one for each hour that was missed."""
    sky.schedule("x", every="0 * * * *")
    world.clock.advance(2 * 86_400 + 60)
    sky.run_once()
    sky.run_once()
    assert 1 == len(world.texts())
    assert [NOON + 49 * HOUR] == due(sky)


@pytest.mark.parametrize("way", ["move", "change_occurrence"])
def test_a_moved_post_does_not_block_its_rule(world: World, sky: Skywrite, way: str) -> None:
    """One that was moved past the following ones waits alone; they come all the same, and it comes too."""
    sky.schedule("x", every="0 * * * *")
    late = NOON + timedelta(hours=5, minutes=30)
    if way == "move":
        sky.posts.move(1, late)
    else:
        sky.recurrences.skip_or_move(1, NOON + HOUR, late)
    run_until(world, sky, NOON + timedelta(hours=6, minutes=5))
    published = sorted(str(post.published_at)[11:16] for post in sky.context.store.listing.history())
    assert ["14:00", "15:00", "16:00", "17:00", "17:30", "18:00"] == published


def test_an_occurrence_ahead_is_moved(world: World, sky: Skywrite) -> None:
    """One whose post is not made yet."""
    sky.schedule("x", every="0 * * * *")
    sky.recurrences.skip_or_move(1, NOON + 2 * HOUR, NOON + timedelta(hours=2, minutes=20))
    run_until(world, sky, NOON + timedelta(hours=3, minutes=5))
    published = sorted(str(post.published_at)[11:16] for post in sky.context.store.listing.history())
    assert ["13:00", "14:20", "15:00"] == published


def test_next_times_keep_those_that_a_moved_one_overtakes(sky: Skywrite) -> None:
    """An occurrence that is moved behind later ones hides none of them from the list."""
    sky.schedule("x", every="0 * * * *")
    sky.recurrences.skip_or_move(1, NOON + HOUR, NOON + 2.5 * HOUR)
    expected = [NOON + 2 * HOUR, NOON + 2.5 * HOUR, NOON + 3 * HOUR]
    assert expected == sky.recurrences.next_times(sky.recurrences.get(1), 3)


def test_occurrences_are_skipped(world: World, sky: Skywrite) -> None:
    """The one whose post waits, and one that is ahead."""
    sky.schedule("x", every="0 * * * *")
    sky.recurrences.skip_or_move(1, NOON + HOUR, None)
    sky.recurrences.skip_or_move(1, NOON + 3 * HOUR, None)
    run_until(world, sky, NOON + 4 * HOUR)
    assert [NOON + 2 * HOUR, NOON + 4 * HOUR] == sorted(
        post.occurrence for post in sky.context.store.listing.history(("published",)) if post.occurrence
    )


def test_a_time_at_which_a_rule_does_not_come(world: World, sky: Skywrite) -> None:
    """Is told, with the next one, instead of doing nothing."""
    sky.schedule("x", every="0 * * * *")
    with fails("occurrence.unknown") as caught:
        sky.recurrences.skip_or_move(1, NOON + timedelta(minutes=90), None)
    assert "14:00" in caught.value.hint
    assert {} == sky.recurrences.list()[0].exceptions


def test_an_occurrence_that_was_cancelled_is_not_moved(world: World, sky: Skywrite) -> None:
    """What is done with stays so."""
    sky.schedule("x", every="0 * * * *")
    sky.posts.cancel(1)
    with fails("occurrence.unknown"):
        sky.recurrences.skip_or_move(1, NOON + HOUR, NOON + 5 * HOUR)
    assert [NOON + 2 * HOUR] == due(sky)


def test_a_held_post_does_not_block_its_rule(world: World, sky: Skywrite) -> None:
    """The user looks at it when he likes; the next one comes."""
    sky.schedule("x", every="0 * * * *")
    sky.posts.hold(1)
    sky.run_once()
    assert ["held", "scheduled"] == [
        post.state for post in sorted(sky.context.store.listing.posts(STATES), key=lambda post: post.id)
    ]


def test_jitter_stays_within_its_bounds(world: World, sky: Skywrite) -> None:
    """Each post is a random part of it late, and none is lost or doubled."""
    sky.schedule("x", every="0 * * * *", jitter="30m")
    run_until(world, sky, NOON + timedelta(hours=6, minutes=50))
    delays = [
        post.due_at - post.occurrence
        for post in sky.context.store.listing.history(("published",))
        if post.due_at and post.occurrence
    ]
    assert 6 == len(delays) == len(set(delays))
    assert all(timedelta(0) <= delay < timedelta(minutes=30) for delay in delays)


def test_many_workers_make_one_post(world: World, sky: Skywrite) -> None:
    """Sweeping at the same moment, they find one occurrence between them."""
    sky.schedule("x", every="0 * * * *")
    sky.context.store.posts.cancel(1)
    workers = [world.process() for _ in range(4)]
    start = threading.Barrier(len(workers))
    counts: list[int] = []

    def sweep(worker: Skywrite) -> None:
        start.wait(PATIENCE_SECONDS)
        counts.append(Occurrences(worker.context, worker._drafting).sweep())

    threads = [threading.Thread(target=sweep, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ([0, 0, 0, 1], [NOON + 2 * HOUR]) == (sorted(counts), due(sky))
    assert 2 == sky.recurrences.list()[0].position


def test_a_rule_that_cannot_be_followed_stops_no_other(world: World, sky: Skywrite) -> None:
    """It is told to the log."""
    for text in ("broken", "sound"):
        sky.schedule(text, every="0 * * * *")
    for number in (1, 2):
        sky.context.store.posts.cancel(number)
    broken = sky.context.store.recurrences.get(1)
    sky.context.store.recurrences.update(broken._replace(zone="Nowhere/Gone"))
    told: list[tuple[str, object]] = []
    Occurrences(sky.context, sky._drafting, lambda event, **facts: told.append((event, facts["recurrence"]))).sweep()
    assert ([("rule", 1)], ["sound"]) == (told, [post.text for post in sky.context.store.listing.posts()])


def test_a_rule_that_is_stopped_while_it_is_swept(world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives no post any more, which is no fault to be told, and the rules behind it are followed."""
    for text in ("stopped", "sound"):
        sky.schedule(text, every="0 * * * *")
    for number in (1, 2):
        sky.context.store.posts.cancel(number)
    idle = sky.context.store.recurrences.idle()
    sky.recurrences.stop(1)
    monkeypatch.setattr(Recurrences, "idle", lambda self, number=None: idle)
    told: list[str] = []
    count = Occurrences(sky.context, sky._drafting, lambda event, **facts: told.append(event)).sweep()
    assert (1, [], ["sound"]) == (count, told, [post.text for post in sky.context.store.listing.posts()])


def test_a_surprise_in_one_rule_stops_no_other(world: World, sky: Skywrite) -> None:
    """It is told to the log, too."""
    for text in ("broken", "sound"):
        sky.schedule(text, every="0 * * * *")
    for number in (1, 2):
        sky.context.store.posts.cancel(number)
    broken = sky.context.store.recurrences.get(1)
    sky.context.store.recurrences.update(broken._replace(pool=[{"neither": "nor"}]))
    told: list[tuple[str, object]] = []
    Occurrences(sky.context, sky._drafting, lambda event, **facts: told.append((event, facts["recurrence"]))).sweep()
    assert ([("unexpected", 1)], ["sound"]) == (told, [post.text for post in sky.context.store.listing.posts()])


def test_a_rule_that_never_comes(world: World, sky: Skywrite) -> None:
    """Nothing is stored."""
    with pytest.raises(InputError):
        sky.schedule("x", every="0 * * * *", until=NOON + timedelta(minutes=30))
    assert ([], []) == (sky.recurrences.list(), due(sky))


@pytest.mark.parametrize(
    "options",
    [
        {"every": "0 9 * * *", "key": "k"},
        {"every": "0 9 * * *", "draft": True},
        {"at": "tomorrow 9:00", "pool": ["a"]},
        {"at": "tomorrow 9:00", "until": "2027-01-01 9:00"},
        {"at": "tomorrow 9:00", "draft": True},
    ],
)
def test_options_without_effect_are_refused(sky: Skywrite, options: dict[str, object]) -> None:
    """None is passed over in silence."""
    with pytest.raises(InputError) as caught:
        sky.schedule("x", **options)
    assert caught.value.hint
    assert [] == sky.context.store.listing.posts()


def test_clocks_that_change_are_reported(world: World, sky: Skywrite) -> None:
    """A time that does not exist, or comes twice, is told wherever a time is read."""
    sky.accounts.set(None, {"zone": "Europe/Berlin"})
    gap, twice = "2027-03-28 02:30", "2027-10-31 02:30"
    scheduled = sky.schedule("a", at=gap)
    assert ("does not exist" in scheduled.warnings[0], datetime(2027, 3, 28, 1, 30, tzinfo=UTC)) == (
        True,
        scheduled.due_at,
    )
    assert ["NonexistentTime"] == [warning.name for warning in scheduled.warnings]
    told = [
        sky.posts.move(1, twice).warnings,
        sky.posts.edit(1, at=twice).warnings,
        sky.schedule("b", every="0 9 * * *", at=twice).warnings,
        sky.transfer.import_rows([{"text": "c", "at": gap}])[0].warnings,
    ]
    assert [True] * 4 == [any("occurs twice" in text or "does not exist" in text for text in texts) for texts in told]


def test_an_end_may_be_a_day(sky: Skywrite) -> None:
    """It is the last one on which the rule comes, in the account's zone."""
    sky.accounts.set(None, {"zone": "Europe/Berlin"})
    sky.schedule("Good morning", every="daily 9:00", until="2026-11-26")
    assert [datetime(2026, 11, 26, 22, 59, tzinfo=UTC)] == [rule.until for rule in sky.recurrences.list()]


def test_the_start_of_a_rule_is_read_in_its_zone(sky: Skywrite) -> None:
    """A local start and a local end are those of the zone that goes with the rule."""
    sky.accounts.set(None, {"zone": "Europe/Berlin"})
    rule = "FREQ=DAILY;BYHOUR=9;BYMINUTE=0"
    sky.schedule("x", every=rule, at="2030-07-05 9:00", until="2030-07-06 9:00", zone="America/New_York")
    kept = sky.context.store.recurrences.all()[0]
    assert ("2030-07-05T13:00:00+00:00", "2030-07-06T13:00:00+00:00") == (
        kept.starts_at and kept.starts_at.isoformat(),
        kept.until and kept.until.isoformat(),
    )


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("* * * * *", 'Give the minute: "0 * * * *". For a post every minute write "*/1 * * * *".'),
        ("* 9  * * 1", 'Give the minute: "0 9 * * 1". For a post every minute write "*/1 9 * * 1".'),
    ],
)
def test_a_minute_that_nobody_filled_in_is_asked_for(sky: Skywrite, rule: str, hint: str) -> None:
    """At every door of recurring posts; both rules that the question shows are read."""
    for refused in (
        lambda: sky.schedule("Hello", every=rule),
        lambda: sky.recurrences.edit(1, every=rule),
        lambda: sky.reposts.repost(sky.post("Again").uri, every=rule),
    ):
        sky.schedule("Good morning", every="daily 9:00")
        with pytest.raises(InputError) as caught:
            refused()
        assert hint == caught.value.hint
    report = sky.transfer.import_rows([{"text": "Hello", "every": rule}])[0]
    assert hint == (report.error and report.error.hint)
    for written in re.findall(r'"([^"]+)"', hint):
        sky.schedule("Hello", every=written)


def test_a_rule_from_before_is_not_asked_for_again(sky: Skywrite) -> None:
    """Its text can be edited."""
    sky.schedule("Hello", every="*/1 * * * *")
    store = sky.context.store
    store.recurrences.update(store.recurrences.get(1)._replace(rule="* * * * *"))
    sky.recurrences.edit(1, text="Good morning")
    assert ["Good morning"] == [entry.post.text for entry in sky.posts.list()]


def test_the_same_again_is_the_same(world: World, sky: Skywrite) -> None:
    """A recurrence asked for twice, at once or a day later, is there once and says so; another text is another."""
    with ThreadPoolExecutor(4) as pool:
        both = list(pool.map(lambda _: sky.schedule("x", every="0 9 * * *"), range(4)))
    assert ([1, 1, 1, 1], 3) == ([one.recurrence_id for one in both], sum(one.existed for one in both))
    run_until(world, sky, NOON + 24 * HOUR, HOUR)
    again = sky.schedule("x", every="0 9 * * *")
    assert (True, 1, "SameRecurrence") == (again.existed, again.recurrence_id, again.warnings[0].name)
    assert (["x"], 1) == (world.texts(), len(due(sky)))
    assert [False, False] == [
        sky.schedule(text, every=rule).existed for text, rule in (("y", "0 9 * * *"), ("x", "0 8 * * *"))
    ]


def test_the_same_after_its_end_is_another(sky: Skywrite) -> None:
    """One that was stopped does not stand for a new one, and undoing the second asking takes nothing away."""
    first = sky.schedule("x", every="0 9 * * *")
    assert first.recurrence_id is not None
    sky.recurrences.stop(first.recurrence_id)
    assert not sky.schedule("x", every="0 9 * * *").existed
