"""A rehearsed day is the day: the same posts at the same times, for the same reasons, and nothing is touched."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from skywrite.app.occurrences import Occurrences
from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError
from skywrite.features.follow_ups.service import FollowUpTask
from skywrite.features.rehearsal.service import DONE_WORDS, Rehearsed, Span, day_end, read_span, rehearse
from skywrite.features.reposts.service import REPOST, RepostTask
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.actions import Actions
from skywrite.queue.marks import COUNTS, Marks, ToMark
from skywrite.queue.model import STATES
from skywrite.sandbox.faults import Fault, Faults
from tests.support.world import NOON, World

DAY_END = NOON + timedelta(hours=24)


def fill(sky: Skywrite) -> None:
    """A day with a gap, a cap, a recurrence, a held post, and one that nobody approves."""
    sky.accounts.set(None, {"gap_seconds": 600, "max_per_day": 6, "approval": "api"})
    for number in range(5):
        sky.schedule(f"Burst {number}", at=NOON + timedelta(hours=1))
    sky.schedule("Every hour", every="every 4 hours", late="skip:30m")
    sky.schedule("Not approved", at=NOON + timedelta(hours=2), source="api")
    sky.posts.hold(sky.schedule("On hold", at=NOON + timedelta(hours=3)).post_id)
    sky.schedule("Too late", at=NOON + timedelta(hours=5), late="hold:10m")


def live(sky: Skywrite, world: World, until: datetime, down: tuple[datetime, datetime] | None = None) -> None:
    """Really run a day."""

    class Down(Faults):
        def take(self, method: str) -> Fault | None:
            now = world.clock.now()
            left = 0.0 if down is None else (down[1] - now).total_seconds()
            off = down is not None and down[0] <= now < down[1]
            return Fault("refused", None, 1, 0, left, False) if off else None

    world.box.faults = Down()
    work(sky, world.clock, until)


def work(sky: Skywrite, clock: FakeClock, until: datetime, off: Span | None = None) -> None:
    """Let the worker and its tasks work until then, with a clock that jumps; none runs while it is `off`."""
    worker = sky.worker(threads=1)
    occurrences, reposts = Occurrences(sky.context, sky._drafting), RepostTask(sky.context)
    take_all(FollowUpTask(sky.context, sky._drafting))
    occurrences.sweep()
    while clock.now() <= until:
        if off is not None and off.holds(clock.now()):
            clock.set(off.end)
        elif not worker.step():
            occurrences.sweep()
            take_all(reposts)
            times = (sky.context.store.claims.next_ready_at(), Actions(sky.context.store).next_at())
            ready = min((at for at in times if at is not None), default=None)
            if ready is None or ready > until:
                return
            clock.set(ready if ready > clock.now() else clock.now() + timedelta(seconds=1))


def what_happened(sky: Skywrite) -> list[tuple[str, str, datetime | None]]:
    """The posts that came to something, with the time at which they went out."""
    return sorted(
        (post.text, "skipped" if post.state == "cancelled" else post.state, post.published_at)
        for post in sky.context.store.listing.posts(STATES, limit=1000)
        if post.state in ("published", "cancelled", "failed") or (post.state == "held" and post.text != "On hold")
    )


def what_would(rehearsal: Rehearsed) -> list[tuple[str, str, datetime | None]]:
    """The same of a rehearsal."""
    return sorted(
        (act.post.text, act.what, act.at if act.what == "published" else None)
        for act in rehearsal.acts
        if act.what != "waiting"
    )


def reposts_that_happened(sky: Skywrite) -> list[tuple[str, str, datetime | None]]:
    """The reposts and pins that were done, and those that failed or wait for too long."""
    now = sky.context.clock.now()
    return sorted(
        (DONE_WORDS[action.kind] if action.state == "done" else action.state, action.uri, action.done_at)
        for action in Actions(sky.context.store).since(NOON)
        if action.state != "waiting" or action.due_at <= now
    )


def reposts_that_would(rehearsal: Rehearsed) -> list[tuple[str, str, datetime | None]]:
    """The same of a rehearsal."""
    return sorted((deed.what, deed.action.uri, deed.at) for deed in rehearsal.deeds)


def fill_with_reposts(sky: Skywrite) -> None:
    """Two posts that are out: reposted twice, pinned, unpinned, and one that does well enough for its follow-up."""
    sky.accounts.set(None, {"zone": "UTC"})
    well, other = (sky.post(text) for text in ("It does well", "It is repeated"))
    sky.reposts.repost(other.id or 0, every="daily 18:00", undo_after="2h")
    sky.reposts.pin(well.id or 0, at=NOON + timedelta(hours=1), undo_after="3h")
    sky.reposts.unpin(other.id or 0, at=NOON + timedelta(hours=6))
    sky.reposts.repost(well.id or 0, at=NOON + timedelta(days=3))
    for number, when in ((well.id, "1 like"), (other.id, "1 like")):
        sky.follow_ups.add(number or 0, when=when, repost=True, undo_after="1h")
    item = ToMark(well.id or 0, well.uri, sky.accounts.get().did, 1, "text", NOON)
    Marks(sky.context.store).note([(item, {**dict.fromkeys(COUNTS, 0), "likes": 1}, [])])


def test_rehearsed_reposts_are_those_that_come(sky: Skywrite, world: World) -> None:
    """Each repost, pin and what undoes it at its time, also of a follow-up that is reached; the rehearsal does none."""
    fill_with_reposts(sky)
    until = NOON + timedelta(days=2)
    before = Actions(sky.context.store).since(NOON)
    rehearsal = rehearse(sky, until)
    assert (before, []) == (Actions(sky.context.store).since(NOON), world.box.records("alice.test", REPOST))
    live(sky, world, until)
    assert reposts_that_happened(sky) == reposts_that_would(rehearsal)
    assert {"reposted": 3, "undone": 3, "pinned": 1, "unpinned": 2} == Counter(deed.what for deed in rehearsal.deeds)


def test_reposts_on_a_bad_day(sky: Skywrite, world: World) -> None:
    """What is due while no worker runs, or the server is down, comes after that; the reason is given."""
    sky.accounts.set(None, {"zone": "UTC"})
    sent = sky.post("Again")
    for hours in (1, 5):
        sky.reposts.pin(sent.id or 0, at=NOON + timedelta(hours=hours))
    sky.reposts.repost(sent.id or 0, at=NOON + timedelta(hours=8))
    bad = {"outage": ["today 12:30-14:00"], "pds_down": ["today 16:50-18:00"], "rate_limit": ["today 19:50-21:00"]}
    rehearsal = rehearse(sky, "tomorrow", **bad)  # type: ignore[arg-type]
    one, two, three = rehearsal.deeds
    assert (NOON + timedelta(hours=2), "no worker runs at its time") == (one.at, one.why)
    assert two.at is not None and two.late >= timedelta(hours=1) and "Could not connect" in two.why
    assert three.at is not None and three.late >= timedelta(hours=1) and three.why


def test_a_rehearsed_day_is_the_day_that_comes(sky: Skywrite, world: World) -> None:
    """Post by post and to the microsecond: what goes out when, and what is held or skipped."""
    fill(sky)
    rehearsal = rehearse(sky, DAY_END)
    live(sky, world, DAY_END)
    assert what_happened(sky) == what_would(rehearsal)
    assert {"published", "held"} <= {what for _, what, _ in what_would(rehearsal)}


def test_a_bad_day_is_rehearsed_as_it_comes(sky: Skywrite, world: World) -> None:
    """With a server that is down for two hours: the same posts are late, by the same tries."""
    fill(sky)
    down = (NOON + timedelta(minutes=50), NOON + timedelta(hours=3))
    rehearsal = rehearse(sky, DAY_END, pds_down=["today 12:50 UTC - today 15:00 UTC"])
    live(sky, world, DAY_END, down)
    real = {text: at for text, state, at in what_happened(sky) if state == "published"}
    rehearsed = {text: at for text, state, at in what_would(rehearsal) if state == "published"}
    assert list(real) == list(rehearsed)
    late = [act for act in rehearsal.acts if act.what == "published" and act.late > timedelta(hours=1)]
    assert late and all("connect" in act.why or "gap" in act.why or act.why for act in late)


def test_a_rehearsal_changes_nothing(sky: Skywrite, world: World) -> None:
    """The queue, the network and the clock are as they were."""
    fill(sky)
    before = [post._asdict() for post in sky.context.store.listing.posts(STATES, limit=1000)]
    rehearse(sky, DAY_END, outage=["today 13:00 UTC - today 14:00 UTC"])
    assert before == [post._asdict() for post in sky.context.store.listing.posts(STATES, limit=1000)]
    assert ([], NOON) == (world.texts(), world.clock.now())


def test_an_outage_is_named_as_the_reason(sky: Skywrite) -> None:
    """What was due while no worker ran goes out after it, or is held, as its policy says."""
    sky.accounts.set(None, {"zone": "UTC"})
    sky.schedule("Late", at=NOON + timedelta(hours=1))
    sky.schedule("Held", at=NOON + timedelta(hours=1), late="hold:10m")
    rehearsal = rehearse(sky, "tomorrow", outage=["today 12:30-14:00"])
    acts = {act.post.text: act for act in rehearsal.acts}
    assert (NOON + timedelta(hours=2), "no worker runs at its time") == (acts["Late"].at, acts["Late"].why)
    assert "held" == acts["Held"].what and "late" in acts["Held"].why


def test_the_gap_is_named_as_the_reason(sky: Skywrite) -> None:
    """Posts at the same minute go out after each other."""
    sky.accounts.set(None, {"gap_seconds": 600})
    for number in range(2):
        sky.schedule(f"Post {number}", at=NOON + timedelta(hours=1))
    second = rehearse(sky, DAY_END).acts[1]
    assert (600, "at least 600 s between two posts") == (second.as_dict()["late_seconds"], second.why)


def test_rate_limits_delay(sky: Skywrite) -> None:
    """The worker waits as the server asks."""
    sky.accounts.set(None, {"zone": "UTC"})
    sky.schedule("Later", at=NOON + timedelta(hours=1))
    rehearsal = rehearse(sky, DAY_END, rate_limit=["today 12:30-15:00"])
    assert rehearsal.acts[0].at is not None and rehearsal.acts[0].at >= NOON + timedelta(hours=3)


def test_spans_and_ends_are_read_one_way_or_refused() -> None:
    """A day counts to its end; a span over midnight ends on the next day."""
    assert datetime(2026, 11, 30, 23, 59, tzinfo=UTC) == day_end("monday", NOON, "UTC")
    night = read_span("sat 22:00-6:00", NOON, "UTC")
    assert timedelta(hours=8) == night.end - night.start
    for text in ("saturday", "10:00 to 12:00", "-"):
        with pytest.raises(InputError):
            read_span(text, NOON, "UTC")


def test_the_command_prints_the_days(sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By day, with what is late and why, and what nobody can know."""
    from skywrite.features.rehearsal.cli import rehearse_command

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_: world.process())
    sky.accounts.set(None, {"gap_seconds": 600, "zone": "UTC"})
    for number in range(2):
        sky.schedule(f"Post {number}", at=NOON + timedelta(hours=1))
    done = CliRunner().invoke(rehearse_command, ["--until", "tomorrow"])
    assert 0 == done.exit_code, done.output
    sent = sky.post("Our opening hours")
    sky.reposts.repost(sent.id or 0, at=NOON + timedelta(hours=4), undo_after="1h")
    done = CliRunner().invoke(rehearse_command, ["--until", "tomorrow"])
    assert "16:00  reposted   Our opening hours" in done.output
    assert "17:00  undone     repost: Our opening hours" in done.output
    assert "13:10  published  Post 1" in done.output and "10 min late: at least 600 s" in done.output
