"""The verbs of bots: mentions, replies, quotes and commands, what they may return, and what never goes out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from skywrite import Item, Later, Like, Repost, Skywrite
from skywrite.app import bots
from skywrite.core.errors import InputError
from skywrite.features.answers.bot.answering import TRIAL_ANSWERS
from skywrite.features.answers.task import InboxTask
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.events import Events
from tests.support.errors import fails
from tests.support.strangers import Stranger
from tests.support.world import World


class Running:
    """A process of alice with a program, whose bot has begun."""

    def __init__(self, sky: Skywrite, world: World, program: Callable[[Skywrite], object], answers: str = "on") -> None:
        self.sky, self.world = sky, world
        self.did = sky.accounts.get().did
        sky.accounts.set(None, {"answers": answers})
        program(sky)
        self.post = sky.post("Ask me anything").uri
        self.turn()

    def turn(self, seconds: float = 61) -> list[str]:
        """Collect, answer and publish, and let a minute pass; what alice's answers say."""
        take_all(InboxTask(self.sky.context, self.sky.inbox, self.sky._functions.listeners.all))
        self.sky.run_once()
        self.world.clock.advance(seconds)
        return self.answers()

    def answers(self) -> list[str]:
        """What alice answered, in order."""
        records = sorted(self.world.records(), key=lambda record: record["createdAt"])
        return [record["text"] for record in records if "reply" in record]

    def why(self) -> dict[str, str | None]:
        """Why what is in the inbox is not answered."""
        return {item.text: item.passed for item in self.sky.inbox.list(everything=True)}


@pytest.fixture
def carol(world: World) -> Stranger:
    """Somebody who writes."""
    return Stranger(world)


def echo(sky: Skywrite) -> None:
    """A program that answers whoever tags it, and whoever replies to its answers."""

    @sky.on_mention
    @sky.on_reply
    def echo(item: Item) -> str:
        return f"Re: {item.text}"


def test_who_tags_us_and_who_goes_on_is_answered(sky: Skywrite, world: World, carol: Stranger) -> None:
    """A mention, and a reply to an answer; not a reply to another post, nor a quote, and the inbox says the rule."""
    bot = Running(sky, world, echo)
    asked = carol.tag("@you: one", bot.did)
    carol.say("Just a comment", to=bot.post)
    carol.say("A quote", quoting=bot.post)
    bot.turn()
    carol.say("And then?", to=next(post.uri for post in world.box.posts("alice.test") if "reply" in post.record))
    assert (["Re: @you: one", "Re: And then?"], True) == (bot.turn(), asked.startswith("at://"))
    why = bot.why()
    assert bots.RULE in (why["Just a comment"] or "") and "quote" in (why["A quote"] or "")


def test_the_first_that_answers_wins(sky: Skywrite, world: World, carol: Stranger) -> None:
    """In order of definition; None leaves an item to the next function."""
    called: list[str] = []

    def program(sky: Skywrite) -> None:
        @sky.on_mention
        def first(item: Item) -> str | None:
            called.append("first")
            return "First" if "1" in item.text else None

        @sky.on_mention
        async def second(item: Item) -> str:
            called.append("second")
            return f"Second, {item.author.name}"

    bot = Running(sky, world, program)
    carol.tag("@you: 1", bot.did)
    bot.turn()
    carol.tag("@you: 2", bot.did)
    assert (["First", "Second, carol.test"], ["first", "first", "second"]) == (bot.turn(), called)


def test_a_function_that_is_added_begins_with_what_comes(sky: Skywrite, world: World, carol: Stranger) -> None:
    """What was asked before it was there is left to those that were there."""
    bot = Running(sky, world, lambda sky: sky.on_mention(named("early", lambda item: None)))
    carol.tag("@you: before", bot.did)
    bot.sky.inbox.collect()
    sky.on_mention(named("late", lambda item: f"Late: {item.text}"))
    bot.turn()
    carol.tag("@you: after", bot.did)
    assert ["Late: @you: after"] == bot.turn()


def named(name: str, call: Callable[[Item], Any]) -> Callable[[Item], Any]:
    """A function with this name."""

    def function(item: Item) -> Any:
        return call(item)

    function.__name__ = name
    return function


def test_only_for_one_account(sky: Skywrite, world: World, carol: Stranger) -> None:
    """By its handle."""
    bot = Running(sky, world, lambda sky: sky.on_mention(account="bob.test")(named("bobs", lambda item: "I am bob")))
    carol.tag("@you: who?", bot.did)
    assert ([], "bobs is for bob.test only.") == (bot.turn(), bot.why()["@you: who?"])


def commands(sky: Skywrite) -> None:
    """A program with two commands."""

    @sky.command("weather", aliases=["w"])
    def weather(item: Item, place: str, days: int = 1) -> str:
        """The weather of a place.

        More of it."""
        return f"{place}, {days} days"

    @sky.command("say")
    def say(item: Item, what: str = "nothing") -> str:
        """Say something."""
        return f"I say {what}"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("@you weather Berlin", "Berlin, 1 days"),
        ("Hello @you W Berlin 3", "Berlin, 3 days"),
        ("@you say: a few words", "I say a few words"),
        ("@you say", "I say nothing"),
        ("@you weather", "weather PLACE [DAYS]: The weather of a place."),
        ("@you weather Berlin soon", "weather PLACE [DAYS]: The weather of a place."),
        ("@you help", "weather PLACE [DAYS]: The weather of a place.\nsay [WHAT]: Say something."),
    ],
)
def test_a_command(sky: Skywrite, world: World, carol: Stranger, asked: str, answer: str) -> None:
    """The word after the mention, with what follows; how to use it, where that does not fit."""
    bot = Running(sky, world, commands)
    carol.tag(asked, bot.did)
    assert [answer] == bot.turn()


def test_what_is_no_command_is_left_alone(sky: Skywrite, world: World, carol: Stranger) -> None:
    """Two commands of one name, and a name that nobody can write, are refused."""
    bot = Running(sky, world, commands)
    carol.tag("@you are nice", bot.did)
    assert [] == bot.turn()
    for word in ("W", "two words", "@you"):
        with fails("program.invalid"):
            sky.command(word)
    with fails("program.invalid"):
        sky.on_mention(named("weather", lambda item: None))


def test_later(sky: Skywrite, world: World, carol: Stranger) -> None:
    """An item comes again after that time, as if it were new; other people are answered meanwhile."""
    calls: list[str] = []

    def wait(item: Item) -> str:
        calls.append(item.text)
        if "slow" in item.text and calls.count(item.text) < 6:
            raise Later("30h")
        return f"Re: {item.text}"

    bot = Running(sky, world, lambda sky: sky.on_mention(named("wait", wait)))
    carol.tag("@you: slow", bot.did)
    carol.tag("@you: quick", bot.did)
    assert ["Re: @you: quick"] == bot.turn()
    for _ in range(5):
        bot.turn(30 * 3600)
    assert (["Re: @you: quick", "Re: @you: slow"], 6) == (bot.turn(), calls.count("@you: slow"))


def test_later_is_never_in_the_same_turn(sky: Skywrite, world: World, carol: Stranger) -> None:
    """A function that wants an item again at once gets it when it is looked again, and not on and on."""
    asked: list[str] = []

    def program(sky: Skywrite) -> None:
        @sky.on_mention
        def at_once(item: Item) -> str:
            asked.append(item.text)
            assert len(asked) < 10, "on and on"
            raise Later("0s")

    bot = Running(sky, world, program)
    carol.tag("@you: one", bot.did)
    bot.turn()
    first = len(asked)
    bot.turn()
    assert (True, True) == (0 < first <= 2, first < len(asked) <= 4)


def test_a_repost_and_a_like(sky: Skywrite, world: World, carol: Stranger) -> None:
    """Once, however often; they count as answers."""

    def program(sky: Skywrite) -> None:
        sky.on_mention(named("deed", lambda item: Like() if "like" in item.text else Repost()))

    bot = Running(sky, world, program)
    liked, reposted = carol.tag("@you: like", bot.did), carol.tag("@you: repost", bot.did)
    for _ in range(3):
        bot.turn()
    subjects = [
        [record.value["subject"]["uri"] for record in world.box.records("alice.test", f"app.bsky.feed.{kind}")]
        for kind in ("like", "repost")
    ]
    assert ([[liked], [reposted]], []) == (subjects, bot.sky.inbox.list())


def test_what_an_item_says(sky: Skywrite, world: World, carol: Stranger) -> None:
    """Who wrote it and what is above it, the first one first."""
    heard: list[Item] = []
    bot = Running(sky, world, lambda sky: sky.on_mention(named("hear", lambda item: heard.append(item))))
    first = carol.say("The beginning")
    second = Stranger(world, "dave.test").say("The middle", to=first)
    carol.tag("@you: look", bot.did, to=second, langs=["de", "en"])
    bot.turn()
    (heard_item,) = heard
    assert (("carol.test", False, ()), ("de", "en"), "mention", frozenset({"mention"}), True) == (
        (heard_item.author.handle, heard_item.author.followed, heard_item.author.labels),
        heard_item.langs,
        heard_item.reason,
        heard_item.kinds,
        heard_item.asked,
    )
    assert [("The beginning", "carol.test"), ("The middle", "dave.test")] == [
        (above.text, above.author.handle) for above in heard_item.thread
    ]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"text": "Hi", "account": "bob.test"}, "account"),
        ({"text": "Hi", "reply_to": "at://did:plc:x/app.bsky.feed.post/3k"}, "reply_to"),
        ({"text": "Hi", "key": "mine"}, "key"),
        ("x" * 10_000_000, "10,000,000 characters"),
        ("x" * 400, "300"),
        (12, "type int"),
    ],
)
def test_an_answer_that_cannot_go_out(sky: Skywrite, world: World, carol: Stranger, answer: Any, why: str) -> None:
    """It is said in the inbox, and the next one is answered."""

    def program(sky: Skywrite) -> None:
        sky.on_mention(named("bad", lambda item: answer if "bad" in item.text else "Good"))

    bot = Running(sky, world, program)
    carol.tag("@you: bad", bot.did)
    carol.tag("@you: good", bot.did)
    for _ in range(3):
        bot.turn(301)
    assert (["Good"], True) == (bot.answers(), why in (bot.why()["@you: bad"] or ""))


def test_a_function_that_hangs(sky: Skywrite, world: World, carol: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left behind, and others answer; it is not called again until it ends."""
    monkeypatch.setattr(bots, "ANSWER_SECONDS", 0.05)
    ends, calls = threading.Event(), list[str]()

    def hang(item: Item) -> str | None:
        calls.append(item.text)
        return None if "other" in item.text else str(ends.wait())

    def program(sky: Skywrite) -> None:
        sky.command("other")(other)
        sky.on_mention(named("hang", hang))

    def other(item: Item) -> str:
        return "From the other"

    bot = Running(sky, world, program)
    carol.tag("@you hang", bot.did)
    carol.tag("@you hang again", bot.did)
    carol.tag("@you other", bot.did)
    try:
        assert (["From the other"], ["@you hang"]) == (bot.turn(), calls)
    finally:
        ends.set()


# On trial, paused, and within limits


def test_a_new_bot_is_on_trial(sky: Skywrite, world: World, carol: Stranger) -> None:
    """Its first ten answers wait for a person; then it asks whether to go on."""
    bot = Running(sky, world, echo, answers="trial")
    sky.accounts.set(None, {"answers_per_person": 99, "answers_per_minute": 99})
    for number in range(TRIAL_ANSWERS + 1):
        carol.tag(f"@you: {number}", bot.did)
        world.clock.advance(1)
    assert ([], TRIAL_ANSWERS) == (bot.turn(), len(sky.context.store.listing.posts(("held",))))
    ended = [event for event in Events(sky.context.store).after(0) if event.kind == "answers.trial_ended"]
    assert [(bot.did, {"answers": TRIAL_ANSWERS})] == [(event.account_did, event.data) for event in ended]
    for post in sky.context.store.listing.posts(("held",)):
        approve(sky, post.id)
    assert TRIAL_ANSWERS == len(bot.turn())
    assert TRIAL_ANSWERS == len(bot.turn())
    sky.accounts.set(None, {"answers": "on"})
    assert TRIAL_ANSWERS + 1 == len(bot.turn())
    assert 1 == len([event for event in Events(sky.context.store).after(0) if event.kind == "answers.trial_ended"])


def approve(sky: Skywrite, number: int) -> None:
    """A person has seen it."""
    sky.approvals.approve(number, sky.approvals.look(number).digest, "Berta")


def test_a_bot_that_begins_is_put_on_trial(sky: Skywrite, world: World) -> None:
    """Unless somebody has said something else; a human's reply is not on trial."""
    echo(sky)
    take_all(InboxTask(sky.context, sky.inbox, sky._functions.listeners.all))
    assert "trial" == sky.accounts.get().settings["answers"]


def test_an_answer_that_nobody_approves_goes_out_no_more(sky: Skywrite, world: World, carol: Stranger) -> None:
    """After a day nobody waits for it."""
    bot = Running(sky, world, echo, answers="trial")
    carol.tag("@you: now?", bot.did)
    bot.turn(25 * 3600)
    (post,) = sky.context.store.listing.posts(("held",))
    assert ([], "cancelled") == (bot.turn(), sky.context.store.posts.get(post.id).state)


def test_a_bot_that_is_paused(sky: Skywrite, world: World, carol: Stranger) -> None:
    """It answers nothing; when it goes on, what is young is answered."""
    bot = Running(sky, world, echo, answers="paused")
    carol.tag("@you: old", bot.did)
    bot.turn(25 * 3600)
    carol.tag("@you: young", bot.did)
    assert [] == bot.turn()
    sky.accounts.set(None, {"answers": "on"})
    assert ["Re: @you: young"] == bot.turn()


def test_a_bot_whose_setting_is_gone_is_on_trial_again(sky: Skywrite, world: World, carol: Stranger) -> None:
    """Nobody says that it may go on: what it writes waits for an approval."""
    bot = Running(sky, world, echo)
    sky.accounts.set(None, {"answers": None})
    carol.tag("@you: one", bot.did)
    assert ([], "trial", "held") == (bot.turn(), sky.accounts.get().settings["answers"], sky.posts.get(2).post.state)


def test_so_many_a_minute_and_a_day(sky: Skywrite, world: World, carol: Stranger) -> None:
    """The rest waits its turn."""
    bot = Running(sky, world, echo)
    limits = {"answers_per_minute": 2, "answers_per_day": 5, "answers_per_person": 99}
    sky.accounts.set(None, limits)
    for number in range(7):
        carol.tag(f"@you: {number}", bot.did)
    assert [2, 4, 5, 5] == [len(bot.turn()) for _ in range(4)]


# What others do


def test_an_answer_goes_with_what_it_answers(sky: Skywrite, world: World, carol: Stranger) -> None:
    """Where that was asked for; what the network only does not show is still there."""

    def program(sky: Skywrite) -> None:
        sky.on_mention(retract=True)(named("goes", lambda item: f"Re: {item.text}" if "goes" in item.text else None))
        sky.on_mention(named("stays", lambda item: f"Re: {item.text}"))

    bot = Running(sky, world, program)
    goes, stays = carol.tag("@you: goes", bot.did), carol.tag("@you: stays", bot.did)
    bot.turn(400)
    assert 2 == len(bot.turn())
    for uri in (goes, stays):
        carol.take_back(uri)
    bot.turn(400)
    assert ["Re: @you: stays"] == bot.turn()


@pytest.mark.parametrize("what", ["blocks", "is muted", "is a bot"])
def test_who_has_changed_meanwhile(sky: Skywrite, world: World, carol: Stranger, what: str) -> None:
    """Between a mention and its answer: who blocks us, whom we muted, and who says that they are a bot."""
    bot = Running(sky, world, echo)
    carol.tag("@you: hello", bot.did)
    sky.inbox.collect()
    if what == "blocks":
        carol.write("app.bsky.graph.block", subject=bot.did)
    elif what == "is muted":
        Stranger(world, "alice.test")._tell("app.bsky.graph.muteActor", {"actor": carol.did})
    else:
        carol.be_a_bot()
    assert ([], True) == (bot.turn(), bool(bot.why()["@you: hello"]))


def test_unclear_options_are_refused(sky: Skywrite) -> None:
    """A duration that is none."""
    with pytest.raises(InputError):
        Later("soon")
