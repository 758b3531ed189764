"""Two bots that answer each other, with a database each and no label, through a day: they stop by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from skywrite import Item, Skywrite
from skywrite.features.answers.task import InboxTask
from skywrite.posting.publish.rounds import take_all
from tests.support.strangers import Stranger
from tests.support.world import World


def running(world: World, handle: str, folder: Path) -> tuple[Skywrite, InboxTask]:
    """A bot that answers whoever tags it and whoever replies to it, somewhere else."""
    sky = world.process(str(folder / f"{handle}.db"))
    sky.accounts.login(handle, world.box.account(handle).app_password, pds=world.box.url)
    sky.accounts.set(None, {"answers": "on"})

    @sky.on_mention
    @sky.on_reply(unasked=True)
    @sky.on_quote(unasked=True)
    def talk(item: Item) -> str:
        return f"@{item.author.handle} {len(item.text)}, and what do you think?"

    task = InboxTask(sky.context, sky.inbox, sky._functions.listeners.all)
    take_all(task)
    return sky, task


def replies(world: World) -> int:
    """How many replies there are."""
    return sum("reply" in post.record for handle in ("alice.test", "bob.test") for post in world.box.posts(handle))


def test_a_day_of_two_bots(world: World, tmp_path: Path) -> None:
    """Somebody brings them together; each says a few words, and a person is still answered at the end of the day."""
    both = [running(world, handle, tmp_path) for handle in ("alice.test", "bob.test")]
    carol = Stranger(world)
    world.clock.advance(1)
    asked = carol.tag("@you: talk to each other", both[0][0].accounts.get().did)
    Stranger(world, "bob.test").tag("@you: hello", both[0][0].accounts.get().did, to=asked)
    counts = []
    for _ in range(24 * 12):
        for sky, task in both:
            take_all(task)
            sky.run_once()
        world.clock.advance(300)
        counts.append(replies(world))
    assert (1, True) == (len(set(counts[24:])), 2 < counts[-1] < 12), counts[-1]
    carol.tag("@you: and now?", both[0][0].accounts.get().did)
    world.clock.advance(60)
    sky, task = both[0]
    take_all(task)
    sky.run_once()
    assert counts[-1] + 1 == replies(world)


def test_one_post_that_is_everything_is_answered_once(sky: Skywrite, world: World) -> None:
    """A reply that quotes and tags us; also if it is changed afterwards."""
    sky.accounts.set(None, {"answers": "on"})
    heard: list[frozenset[str]] = []

    @sky.on_mention
    @sky.on_reply(unasked=True)
    @sky.on_quote(unasked=True)
    def answer(item: Item) -> str:
        heard.append(frozenset(item.kinds))
        return "Once"

    task = InboxTask(sky.context, sky.inbox, sky._functions.listeners.all)
    sent = sky.post("Hello")
    take_all(task)
    world.clock.advance(60)
    carol = Stranger(world)
    uri = carol.tag("@you: all of it", sky.accounts.get().did, to=sent.uri, quoting=sent.uri)
    for change in ("", "@you: changed"):
        if change:
            record = {**carol._record(uri).value, "text": change}
            body = {"repo": carol.did, "collection": "app.bsky.feed.post", "rkey": uri.rpartition("/")[2]}
            carol._tell("com.atproto.repo.putRecord", {**body, "record": record})
        take_all(task)
        sky.run_once()
        world.clock.advance(60)
    assert ([frozenset({"mention", "reply", "quote"})], 1) == (heard, world.texts().count("Once"))


def test_a_rehearsal_posts_and_marks_nothing(sky: Skywrite, world: World) -> None:
    """What would be answered to the inbox, and why something would not."""
    called: list[str] = []

    @sky.on_mention
    def answer(item: Item) -> str:
        called.append(item.text)
        return f"Re: {item.text}"

    sent = sky.post("Hello")
    carol = Stranger(world)
    carol.tag("@you: one", sky.accounts.get().did)
    carol.say("No tag", to=sent.uri)
    sky.inbox.collect()
    before = sky.inbox.list()
    rehearsals = {one.item.text: one for one in sky.answers.rehearse()}
    assert ("Re: @you: one", True) == (rehearsals["@you: one"].tried[0].answer, bool(rehearsals["No tag"].why))
    assert (before, ["Hello"], ["@you: one"]) == (sky.inbox.list(), world.texts(), called)


@pytest.mark.parametrize("state", ["trial", "on", "paused"])
def test_the_list_says_how_bots_stand(sky: Skywrite, state: str) -> None:
    """And the switch changes it."""
    sky.accounts.set(None, {"answers": state})
    (bot,) = sky.answers.list()
    assert (state, 0, 0, state == "paused") == (bot.state, bot.today, bot.waiting, bot.why is not None)
    assert ["paused", "on"] == [sky.answers.pause()[0].state, sky.answers.resume()[0].state]
