"""A program's function answers what is new, young and meant for us, once, and within limits; nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.bots import Item
from skywrite.core.errors import SkywriteError
from skywrite.features.answers import collecting
from skywrite.features.answers.store import NOTHING_TO_SAY
from skywrite.features.answers.task import InboxTask
from skywrite.posting.publish.rounds import take_all
from skywrite.protocol.atproto.tid import tid_from
from skywrite.queue import identities
from tests.support.strangers import Stranger
from tests.support.world import NOON, World

HOUR = 3600


class Bot:
    """A process of alice with a function for replies, and what it heard and logged."""

    def __init__(
        self, sky: Skywrite, world: World, respond: Callable[[Any], Any] = lambda item: f"Re: {item.text}"
    ) -> None:
        self.sky, self.world = sky, world
        for account in sky.accounts.list():
            sky.accounts.set(account.did, {"answers": "on"})
        self.heard: list[str] = []
        self.logged: list[tuple[str, dict[str, Any]]] = []

        @sky.on_mention
        @sky.on_reply(unasked=True)
        @sky.on_quote(unasked=True)
        def answer(item: Item) -> Any:
            self.heard.append(item.text)
            return respond(item)

    def turn(self) -> list[str]:
        """Look for what is new, answer it, send the answers, and let a minute pass; what alice's answers say."""
        answerers = self.sky._functions.listeners.all
        log = lambda event, **facts: self.logged.append((event, facts))  # noqa: E731
        take_all(InboxTask(self.sky.context, self.sky.inbox, answerers, log))
        self.sky.run_once()
        self.world.clock.advance(60)
        return self.answers()

    def answers(self) -> list[str]:
        """What alice answered, by the time of writing."""
        records = sorted(self.world.records(), key=lambda record: record["createdAt"])
        return [record["text"] for record in records if "reply" in record]

    def passed(self) -> list[str]:
        """Why items were passed over, without what was there before."""
        items = self.sky.inbox.list(everything=True)
        return [item.passed for item in reversed(items) if item.passed]


@pytest.fixture
def bot(sky: Skywrite, world: World) -> Bot:
    """A bot that has started, below whose post people write."""
    bot = Bot(sky, world)
    sky.post("Ask me anything", account="alice.test")
    bot.turn()
    return bot


@pytest.fixture
def carol(world: World) -> Stranger:
    """Somebody who writes."""
    return Stranger(world)


@pytest.fixture
def ours(bot: Bot, world: World) -> str:
    """The address of alice's post."""
    return world.box.posts("alice.test")[0].uri


def test_each_is_answered_once(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """A reply, a mention and a quote; not what it says nothing to, and not oneself."""
    carol.say("A reply", to=ours)
    carol.say("A quote", quoting=ours)
    carol.tag("@you: a mention", bot.sky.accounts.get().did)
    bot.sky.post("My own words", reply_to=ours)
    for _ in range(3):
        bot.turn()
    assert ["@you: a mention", "A quote", "A reply"] == sorted(bot.heard)
    assert sorted(["My own words", "Re: @you: a mention", "Re: A quote", "Re: A reply"]) == sorted(bot.answers())


def test_a_function_that_fails_is_called_three_times(sky: Skywrite, world: World, carol: Stranger) -> None:
    """Five minutes apart; then the item is left to people, and others had their turn."""

    def said(item: Any) -> None:
        if item.text == "Bad":
            raise RuntimeError("no")

    sent = sky.post("Hello")
    bot = Bot(sky, world, said)
    bot.turn()
    carol.say("Bad", to=sent.uri)
    carol.say("Good", to=sent.uri)
    for _ in range(5):
        bot.turn()
        world.clock.advance(301)
    assert (3, 1) == (bot.heard.count("Bad"), bot.heard.count("Good"))
    bad, good = sky.inbox.list()
    assert (True, NOTHING_TO_SAY) == ("RuntimeError: no" in (bad.passed or ""), good.passed)


def test_it_starts_from_now(sky: Skywrite, world: World, carol: Stranger) -> None:
    """What is there when a function starts is stored as seen before, and answered by nobody but people."""
    sent = sky.post("Hello")
    for number in range(3):
        carol.say(f"Old {number}", to=sent.uri)
    bot = Bot(sky, world)
    assert [] == bot.turn()
    carol.say("New", to=sent.uri)
    assert (["Re: New"], ["New"]) == (bot.turn(), bot.heard)
    assert ["Old 0", "Old 1", "Old 2"] == [item.text for item in sky.inbox.list()]


def test_an_account_that_was_removed_starts_anew(sky: Skywrite, world: World, carol: Stranger) -> None:
    """What came before it is signed in again is left to people."""
    sent = sky.post("Hello")
    bot = Bot(sky, world)
    bot.turn()
    sky.accounts.logout(forget=True)
    carol.say("While you were away", to=sent.uri)
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    sky.accounts.set("alice.test", {"answers": "on"})
    bot.turn()
    carol.say("Welcome back", to=sent.uri)
    assert ["Re: Welcome back"] == bot.turn()


def test_a_start_that_broke_off_begins_again(
    sky: Skywrite, world: World, carol: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as not everything was seen that was there before, nothing is answered."""
    monkeypatch.setattr(collecting, "PAGE", 2)
    sent = sky.post("Hello")
    for number in range(6):
        carol.say(f"Old {number}", to=sent.uri)
    bot = Bot(sky, world)
    for _ in range(2):
        world.box.faults.add("app.bsky.notification.listNotifications", kind="error_500", after=1, times=9)
        bot.turn()
        world.box.faults.clear()
    assert ([], []) == (bot.turn(), bot.turn())
    carol.say("New", to=sent.uri)
    assert ["Re: New"] == bot.turn()


def test_what_people_dealt_with_is_left_alone(bot: Bot, carol: Stranger, ours: str) -> None:
    """Done, answered, kept as a draft or snoozed: whether before or while the function is called."""
    for text in ("done", "answered", "drafted", "snoozed"):
        carol.say(text, to=ours)
    bot.sky.inbox.collect()
    items = {item.text: item.id for item in bot.sky.inbox.list()}
    bot.sky.inbox.done(items["done"])
    bot.sky.inbox.answer(items["answered"], "By hand")
    bot.sky.inbox.answer(items["drafted"], "Perhaps", as_draft=True)
    bot.sky.inbox.snooze(items["snoozed"], "in 1 hour")
    assert (["By hand"], []) == (bot.turn(), bot.heard)


def test_a_person_who_is_faster_has_answered(sky: Skywrite, world: World, carol: Stranger) -> None:
    """What the function returns meanwhile is not posted."""
    sent = sky.post("Hello")

    def said(item: Any) -> str:
        sky.inbox.answer(item.id, "By hand")
        return "By a machine"

    bot = Bot(sky, world, said)
    bot.turn()
    carol.say("Who is there?", to=sent.uri)
    bot.turn()
    assert ["By hand"] == bot.turn()


def test_what_is_old_is_left_to_people(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """Longer than a day, or than the account says; also what only claims to be old."""
    carol.say("Backdated", to=ours, createdAt=(NOON - timedelta(days=2)).isoformat())
    carol.say("While we slept", to=ours)
    world.clock.advance(25 * HOUR)
    carol.say("Today", to=ours)
    assert (["Re: Today"], 2) == (bot.turn(), len(bot.passed()))
    bot.sky.accounts.set(None, {"answer_within": "10m"})
    carol.say("Ten minutes ago", to=ours)
    world.clock.advance(601)
    assert ["Re: Today"] == bot.turn()


def test_strangers_who_talk_below_are_not_interrupted(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """They notify the author of the post above; they are answered only where they mention it."""
    dave = Stranger(world, "dave.test")
    first = carol.say("To alice", to=ours)
    second = dave.say("To carol", to=first)
    dave.tag("@you: what do you say?", bot.sky.accounts.get().did, to=second)
    bot.turn()
    assert {"To alice", "@you: what do you say?"} == set(bot.heard)
    items = {item.text: item for item in bot.sky.inbox.list(everything=True)}
    assert (first, ours, ("reply", ours)) == (
        items["To carol"].parent,
        items["To carol"].root,
        (items["To carol"].reason, items["To carol"].subject),
    )


def test_bots_and_own_accounts_are_not_answered(bot: Bot, world: World, ours: str) -> None:
    """Who is labelled as a bot, and who has an account in the same queue."""
    beep, bob = Stranger(world, "beep.test"), Stranger(world, "bob.test")
    beep.be_a_bot()
    bot.sky.accounts.login("bob.test", bob.account.app_password, pds=world.box.url)
    beep.say("Beep", to=ours)
    bob.say("It is me", to=ours)
    assert ([], [], 2) == (bot.turn(), bot.heard, len(bot.passed()))
    assert ("bot",) == {item.text: item for item in bot.sky.inbox.list()}["Beep"].labels


def test_two_bots_stop(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """Somebody who answers every answer, without a label, gets three of them, and nothing after a day either."""
    bot.sky.accounts.set(None, {"answers_per_person": 99})
    last = carol.say("Hello 0", to=ours)
    for number in range(1, 8):
        bot.turn()
        answer = next((post for post in world.box.posts("alice.test") if _parent(post.record) == last), None)
        if answer is None:
            break
        last = carol.say(f"Hello {number}", to=answer.uri)
    world.clock.advance(25 * HOUR)
    carol.say("Hello again", to=last)
    assert [f"Re: Hello {number}" for number in range(3)] == bot.turn()


def _parent(record: dict[str, Any]) -> Any:
    return record.get("reply", {}).get("parent", {}).get("uri")


def test_a_person_and_a_conversation_have_limits(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """So many answers in a day, by the account's settings; others are answered meanwhile."""
    dave, eve = Stranger(world, "dave.test"), Stranger(world, "eve.test")
    bot.sky.accounts.set(None, {"answers_per_person": 2, "answers_per_thread": 3})
    for number in range(4):
        carol.say(f"Carol {number}", to=ours)
        world.clock.advance(1)
    dave.say("Dave", to=ours)
    world.clock.advance(1)
    eve.say("Eve", to=ours)
    assert ["Re: Carol 0", "Re: Carol 1", "Re: Dave"] == sorted(bot.turn())
    assert [2, 3] == sorted(2 if "author" in why else 3 for why in set(bot.passed()))
    world.clock.advance(25 * HOUR)
    carol.say("Tomorrow", to=ours)
    assert "Re: Tomorrow" in bot.turn()


def test_the_same_words_again_are_answered_once(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """Who deletes and posts again, or presses twice, gets one answer in an hour; later it is a new question."""
    first = carol.say("When?", to=ours)
    bot.turn()
    carol.take_back(first)
    carol.say("When?", to=ours)
    assert ["Re: When?"] == bot.turn()
    world.clock.advance(HOUR)
    carol.say("When?", to=ours)
    assert ["Re: When?"] * 2 == bot.turn()


def test_an_answer_that_nobody_would_see_is_not_written(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """Where the author of a conversation lets nobody reply, the network hides what we say."""
    asked = carol.tag("@you: hello", bot.sky.accounts.get().did)
    gate = {"post": asked, "allow": []}
    carol.write("app.bsky.feed.threadgate", rkey=asked.rpartition("/")[2], **gate)
    assert ([], 1) == (bot.turn(), len(bot.passed()))


def test_an_answer_to_what_is_gone_is_dropped(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """It was deleted between the function and its turn: nobody needs to decide about the answer."""
    bot.sky.post("Just posted")
    bot.sky.accounts.set(None, {"gap_seconds": 300})
    asked = carol.say("Never mind", to=ours)
    bot.turn()
    carol.take_back(asked)
    world.clock.advance(300)
    bot.turn()
    (post,) = bot.sky.context.store.listing.history(("failed",))
    assert ("reply.target_gone", []) == (post.problem and post.problem.code, bot.answers())


def test_one_item_and_one_setting_stop_no_other(
    bot: Bot, world: World, carol: Stranger, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours with one item is told, and a setting that cannot be read is its default."""
    store = bot.sky.context.store
    store.accounts.set_settings(bot.sky.accounts.get().did, {"answer_within": "soon", "answers_per_person": "many"})
    answer_by = bot.sky.inbox.answer_by

    def broken(answerer: Any, item: Any, stored: Any) -> Any:
        if item.text == "Bad":
            raise KeyError("a mistake")
        return answer_by(answerer, item, stored)

    monkeypatch.setattr(type(bot.sky.inbox), "answer_by", lambda self, *arguments: broken(*arguments))
    carol.say("Bad", to=ours)
    world.clock.advance(1)
    carol.say("Good", to=ours)
    assert ["Re: Good"] == bot.turn()
    assert ["skywrite.bug"] == [facts["code"] for event, facts in bot.logged if event == "answer_failed"]


def test_a_record_at_its_key_that_is_no_answer(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """Another program wrote something else there: it does not count, and nothing is written over it."""
    did = bot.sky.accounts.get().did
    asked = carol.say("When?", to=ours)
    rkey = identities.key_of(identities.of_answer(did, asked))
    Stranger(world, "alice.test").write("app.bsky.feed.post", rkey=rkey, text="Not an answer")
    bot.turn()
    (post,) = bot.sky.context.store.listing.posts(("held",))
    assert ("record.another", []) == (post.problem and post.problem.code, bot.answers())


def test_only_accounts_that_take_part(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """What came for an account that refuses since is not answered."""
    carol.say("Anybody?", to=ours)
    bot.sky.inbox.collect()
    bot.sky.accounts.set(None, {"inbox": "no"})
    assert [] == bot.turn()


def test_one_account_that_cannot_be_read_stops_no_other(sky: Skywrite, world: World, carol: Stranger) -> None:
    """The others are asked, and answered."""
    bob = world.box.account("bob.test")
    sky.accounts.login("bob.test", bob.app_password, pds=world.box.url)
    sent = sky.post("From bob", account="bob.test")
    bot = Bot(sky, world)
    bot.turn()
    carol.say("Hello bob", to=sent.uri)
    world.box.faults.add("app.bsky.notification.listNotifications", kind="rate_limited", times=1)
    bot.turn()
    assert (["Hello bob"], True) == (bot.heard, "inbox_failed" in [event for event, _ in bot.logged])


# Reading without a gap


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of two, four of them a turn, and four known items are enough."""
    for name, value in {"PAGE": 2, "PAGES_MAX": 4, "KNOWN_ENOUGH": 4}.items():
        monkeypatch.setattr(collecting, name, value)


@pytest.mark.usefixtures("pages")
def test_a_burst_is_caught_up_with(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """More than a turn reads: the rest is a gap, which the next turns read, while new ones come."""
    texts = []
    for number in range(11):
        texts.append(f"Burst {number}")
        carol.say(texts[-1], to=ours)
        world.clock.advance(1)
    for number in range(8):
        bot.turn()
        if number < 2:
            texts.append(f"Meanwhile {number}")
            carol.say(texts[-1], to=ours)
    assert sorted(texts) == sorted(item.text for item in bot.sky.inbox.list(everything=True))


@pytest.mark.usefixtures("pages")
def test_a_worker_that_stops_between_two_pages_leaves_no_gap(
    bot: Bot, world: World, carol: Stranger, ours: str
) -> None:
    """The next one reads the page that was not read."""
    for number in range(4):
        carol.say(f"{number}", to=ours)
        world.clock.advance(1)
    world.box.faults.add("app.bsky.notification.listNotifications", kind="error_500", after=1, times=3)
    with pytest.raises(SkywriteError):
        bot.sky.inbox.collect()
    assert 2 == len(bot.sky.inbox.list())
    world.box.faults.clear()
    for _ in range(2):
        bot.sky.inbox.collect()
    assert 4 == len(bot.sky.inbox.list())


@pytest.mark.usefixtures("pages")
def test_an_empty_page_is_not_the_end(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """Where many likes stand above a reply, the server gives an empty page with a cursor."""
    carol.say("Below many likes", to=ours)
    for number in range(25):
        world.clock.advance(1)
        carol.like(bot.sky.post(f"Like {number}").uri)
    for _ in range(3):
        bot.sky.inbox.collect()
    assert ["Below many likes"] == [item.text for item in bot.sky.inbox.list()]


@pytest.mark.usefixtures("pages")
def test_a_clock_that_ran_ahead_hides_nothing(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """It noted a time that is still to come; all that is new is read nevertheless."""
    world.clock.advance(86_400)
    bot.sky.inbox.collect()
    world.clock.set(NOON + timedelta(minutes=5))
    for number in range(7):
        carol.say(f"{number}", to=ours)
        world.clock.advance(1)
    bot.sky.inbox.collect()
    assert 7 == len(bot.sky.inbox.list())


def test_priority_notifications_hide_nobody(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """The account's own setting is for a person's app."""
    world.box.account("alice.test").priority_notifications = True
    carol.say("You do not follow me", to=ours)
    assert ["Re: You do not follow me"] == bot.turn()


def test_nothing_is_written_where_nothing_is_new(bot: Bot, world: World, carol: Stranger, ours: str) -> None:
    """A quiet account costs a request a minute, and no write."""
    carol.say("Hello", to=ours)
    bot.sky.inbox.collect()
    written: list[str] = []
    original = bot.sky.context.store.writing

    def writing(**more: Any) -> Any:
        written.append("write")
        return original(**more)

    bot.sky.context.store.writing = writing  # type: ignore[method-assign]
    bot.sky.inbox.collect()
    assert [] == written


# Identity


TIMES = [
    (tid_from(1_700_000_000_000_000, 5), datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
    (tid_from(1_000_000_000_000_000, 5), identities.ANY_TIME),
    (tid_from(5_000_000_000_000_000, 5), identities.ANY_TIME),
    ("self", identities.ANY_TIME),
]


@pytest.mark.parametrize(("rkey", "at"), TIMES)
def test_an_answer_is_known_by_two_names(rkey: str, at: datetime) -> None:
    """Ours and the trigger's; its time is the one in the trigger's key, if that can be one."""
    uri = f"at://did:plc:carol/app.bsky.feed.post/{rkey}"
    name, moment = identities.of_answer("did:plc:alice", uri)
    assert (f"answer did:plc:alice {uri}", at) == (name, moment.replace(microsecond=0))
    assert {name, f"{name}#2"} == {identities.of_answer("did:plc:alice", uri, number)[0] for number in (1, 2)}
    assert identities.key_of((name, moment)) == identities.key_of(identities.of_answer("did:plc:alice", uri))


def test_two_computers_answer_once(bot: Bot, world: World, carol: Stranger, ours: str, tmp_path: Any) -> None:
    """With a copy of the database, at another time and with other words: the first answer stands."""
    carol.say("Is anybody there?", to=ours)
    bot.sky.transfer.backup(tmp_path / "copy.db")
    other = Bot(world.process(str(tmp_path / "copy.db")), world, lambda item: "Other words")
    bot.turn()
    world.clock.advance(HOUR)
    other.turn()
    assert (["Re: Is anybody there?"], "FoundOnNetwork") == (other.turn(), _found(other.sky))


def _found(sky: Skywrite) -> str:
    post = sky.context.store.listing.history(("published",), limit=1)[0]
    return next(one.problem.name for one in sky.context.store.posts.attempts(post.id) if one.problem)
