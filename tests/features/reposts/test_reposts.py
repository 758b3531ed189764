"""Reposts and pins at a time: each once, taken back in its time, and nothing else of the profile touched."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from skywrite.core.errors import InputError, RejectedError
from skywrite.features.checkup.service import check_run
from skywrite.features.reposts.service import PROFILE, REPOST, RepostTask
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.actions import Actions
from skywrite.queue.follow_ups import FollowUps
from tests.support.errors import fails
from tests.support.world import World


def work(sky: Skywrite) -> None:
    """What the worker's task does in its turn."""
    take_all(RepostTask(sky.context))


def subjects(world: World) -> list[str]:
    """What alice reposted."""
    return [record.value["subject"]["uri"] for record in world.box.records("alice.test", REPOST)]


def profile(world: World) -> dict[str, Any]:
    """Her profile."""
    records = world.box.records("alice.test", PROFILE)
    return dict(records[0].value) if records else {}


def test_a_repost_at_a_time_is_taken_back_after_it(sky: Skywrite, world: World) -> None:
    """Not before, and once."""
    sent = sky.post("Again for those who were asleep")
    sky.reposts.repost(sent.id, at="in 1 hour", undo_after="2h")
    work(sky)
    assert [] == subjects(world)
    world.clock.advance(3600)
    work(sky)
    work(sky)
    assert [sent.uri] == subjects(world)
    world.clock.advance(7200)
    work(sky)
    assert ([], []) == (subjects(world), sky.reposts.list())


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "error_500"])
def test_an_answer_that_is_lost_doubles_nothing(sky: Skywrite, world: World, kind: Any) -> None:
    """It is tried again, and there is one repost."""
    sent = sky.post("Once")
    sky.reposts.repost(sent.id)
    world.box.faults.add("com.atproto.repo.putRecord", kind=kind, times=3)
    for _ in range(4):
        work(sky)
        world.clock.advance(3600)
    assert [sent.uri] == subjects(world)


def test_a_post_of_somebody_else_by_its_link(sky: Skywrite, world: World) -> None:
    """It is looked up when it is accepted; what is not there is refused."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    sent = sky.post("Hello from bob", account="bob.test")
    sky.reposts.repost(sent.url, account="alice.test")
    work(sky)
    assert [sent.uri] == subjects(world)
    with pytest.raises(InputError):
        sky.reposts.pin(sent.url, account="alice.test")
    with pytest.raises(InputError):
        sky.reposts.repost("https://bsky.app/profile/bob.test/feed/abc", account="alice.test")


def test_a_pin_changes_nothing_else(sky: Skywrite, world: World) -> None:
    """It goes when its time is over, but not where another post was pinned meanwhile."""
    agent = sky.context.agent(sky.accounts.get())
    value = {"$type": PROFILE, "displayName": "Alice"}
    agent.procedure(
        "com.atproto.repo.putRecord", {"repo": agent.did, "collection": PROFILE, "rkey": "self", "record": value}
    )
    one, two = sky.post("One"), sky.post("Two")
    sky.reposts.pin(one.id, undo_after="1h")
    work(sky)
    assert ("Alice", one.uri) == (profile(world)["displayName"], profile(world)["pinnedPost"]["uri"])
    sky.reposts.pin(two.id)
    work(sky)
    world.clock.advance(3601)
    work(sky)
    assert two.uri == profile(world)["pinnedPost"]["uri"]


def test_a_first_profile_is_made_and_unpinned(sky: Skywrite, world: World) -> None:
    """An account without a profile gets one with the pin."""
    sent = sky.post("Pin me")
    sky.reposts.pin(sent.id, undo_after="1h")
    work(sky)
    assert sent.uri == profile(world)["pinnedPost"]["uri"]
    world.clock.advance(3601)
    work(sky)
    assert "pinnedPost" not in profile(world)


def test_what_is_cancelled_is_not_done(sky: Skywrite, world: World) -> None:
    """And what is done cannot be cancelled."""
    sent = sky.post("Maybe")
    waiting = sky.reposts.repost(sent.id, at="in 1 hour")
    sky.reposts.cancel(waiting.id)
    world.clock.advance(3600)
    work(sky)
    assert [] == subjects(world)
    done = sky.reposts.repost(sent.id)
    work(sky)
    with fails("post.wrong_state"):
        sky.reposts.cancel(done.id)
    with pytest.raises(InputError):
        sky.reposts.repost(sky.schedule("Later", at="in 1 hour").post_id)


def test_a_repeated_repost_takes_the_one_before_back(sky: Skywrite, world: World) -> None:
    """There is one at a time, each new, until the end; a worker that was away makes up for nothing."""
    sent = sky.post("An evergreen")
    sky.accounts.set(None, {"zone": "UTC"})
    sky.reposts.repost(sent.id, every="daily 18:00", until="2026-11-30")
    seen = []
    for hours in (6, 24, 72, 24, 24, 24):
        world.clock.advance(3600 * hours + 1)
        work(sky)
        seen.append([record.uri for record in world.box.records("alice.test", REPOST)])
    assert [1, 1, 1, 1, 1, 1] == [len(uris) for uris in seen]
    assert (5, seen[4], []) == (len({uri for uris in seen for uri in uris}), seen[5], sky.reposts.list())


def test_a_repeated_repost_keeps_its_distance(sky: Skywrite, world: World) -> None:
    """Every second week is counted from the first time; each is taken back in its time."""
    sent = sky.post("An evergreen")
    every = "RRULE:FREQ=WEEKLY;INTERVAL=2"
    first = sky.reposts.repost(sent.id, every=every, at="2026-11-25 09:00", zone="UTC", undo_after="1h")
    world.clock.set(first.due_at)
    work(sky)
    due = sorted((action.due_at - first.due_at).total_seconds() // 3600 for action in sky.reposts.list())
    assert ([1, 14 * 24], [sent.uri]) == (due, subjects(world))
    world.clock.advance(3601)
    work(sky)
    assert [] == subjects(world)


def test_a_post_is_unpinned_at_a_time(sky: Skywrite, world: World) -> None:
    """Only if it is the pinned one then; a post of somebody else cannot be."""
    one, two = sky.post("One"), sky.post("Two")
    for sent, hours in ((one, 1), (two, 2)):
        sky.reposts.unpin(sent.uri, at=f"in {hours} hours")
    sky.reposts.pin(two.uri)
    seen = []
    for hours in (0, 1, 1):
        world.clock.advance(3600 * hours)
        work(sky)
        seen.append(profile(world).get("pinnedPost", {}).get("uri"))
    assert [two.uri, two.uri, None] == seen
    with pytest.raises(InputError):
        sky.reposts.unpin("at://did:plc:somebody/app.bsky.feed.post/3k2a")


def test_the_commands(sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says which post, when in the account's zone, and that no worker runs; the list has the failed ones, too."""
    from skywrite.features.reposts.cli import reposts_command

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_: world.process())
    sky.accounts.set(None, {"zone": "Europe/Berlin"})
    number = str(sky.post("Our opening\nhours").id)

    def said(command: Any, *words: str) -> str:
        done = CliRunner().invoke(command, list(words))
        assert 0 == done.exit_code, done.output
        return done.output

    assert "No reposts or pins are waiting." in said(reposts_command)
    output = said(reposts_command, "add", number, "--every", "daily 18:00", "--key", "evergreen")
    assert "Repost 1 waits for Tue 24 Nov 2026 18:00 Europe/Berlin (17:00 UTC): Our opening hours" in output
    assert "No worker is running" in output
    assert "Repost 1 waits" in said(reposts_command, "add", number, "--every", "daily 18:00", "--key", "evergreen")
    said(reposts_command, "pin", number, "--at", "in 1 hour", "--undo-after", "2h")
    said(reposts_command, "unpin", number, "--at", "in 1 day")
    monkeypatch.setattr("skywrite.features.reposts.service.do", Mock(side_effect=RejectedError("Not allowed.")))
    world.clock.advance(3600)
    work(sky)
    lines = said(reposts_command).splitlines()
    assert [
        ["ID", "DUE", "WHAT", "POST"],
        ["Tue 24 Nov 2026 14:00", "pin", "failed: Not allowed. (Our opening hours)"],
        ["Tue 24 Nov 2026 18:00", "repost, daily 18:00 (Europe/Berlin)", "Our opening hours"],
        ["Wed 25 Nov 2026 13:00", "unpin", "Our opening hours"],
        ["Times are in Europe/Berlin."],
    ] == [re.split(" {2,}", re.sub(r"^\d+ +", "", line)) for line in lines]
    assert "The repost 1 is cancelled." in said(reposts_command, "cancel", "1")


def test_the_check_up_counts_what_came_to_nothing(sky: Skywrite) -> None:
    """Until it is cancelled; the health check does not fail for it."""
    sent = sky.post("Hello")
    item = sky.follow_ups.add(sent.id or 0, when="1 like", reply="Hi")
    FollowUps(sky.context.store).settle(item, "expired", "It had 0 likes.")
    actions, waiting = Actions(sky.context.store), sky.reposts.repost(sent.uri)
    taken = actions.claim()
    assert taken is not None and waiting.id == taken.id
    actions.not_done(taken, "Not allowed.", None)
    findings = {finding.what: (finding.message, finding.exit_code) for finding in check_run(sky)}
    assert (("1 failed", 0), ("1 expired", 0)) == (findings["reposts"], findings["follow-ups"])
    sky.reposts.cancel(waiting.id)
    sky.follow_ups.cancel(item.id)
    assert set() == {"reposts", "follow-ups"} & {finding.what for finding in check_run(sky)}


def test_a_post_that_is_not_there_is_named(sky: Skywrite) -> None:
    """With what the user wrote."""
    link = f"at://{sky.accounts.get().did}/app.bsky.feed.post/3n35zj7j7q7v2"
    with pytest.raises(InputError, match=f"There is no post at {link}"):
        sky.reposts.repost(link)


def test_what_is_not_repeated_has_no_end(sky: Skywrite) -> None:
    """An end without a recurrence, and one that is over, are refused."""
    sent = sky.post("Once")
    with pytest.raises(InputError):
        sky.reposts.repost(sent.id, until="2027-01-01")
    with pytest.raises(InputError):
        sky.reposts.repost(sent.id, every="daily 18:00", until="2026-11-24 13:00")
