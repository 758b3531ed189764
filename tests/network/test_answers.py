"""Bots that answer, on two PDS and an AppView: who is answered and who is not, each once, as readers see it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.app.bots import Item
from skywrite.core.clock import FakeClock
from skywrite.core.config import Config, load_config
from skywrite.features.answers.store import SEEN_BEFORE
from skywrite.features.answers.task import InboxTask
from skywrite.posting.compose.gated import NOBODY
from skywrite.posting.publish.rounds import take_all
from tests.network.support import POST, Person
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.network import Network
from tests.support.pds import PdsAccount
from tests.support.processes import SKYWRITE, python_child, skywrite
from tests.support.strangers import ANSWERING

pytestmark = pytest.mark.network

MINUTE, HOUR = 60, 3600
APPLY_WRITES = "com.atproto.repo.applyWrites"


class Bot:
    """A process with a function for all that comes, and a post below which people write."""

    def __init__(
        self, network: Network, sky: Skywrite, clock: FakeClock, *, prefix: str = "Re: ", retract: bool = False
    ) -> None:
        self.network, self.sky, self.clock = network, sky, clock
        self.did = sky.accounts.get().did
        for account in sky.accounts.list():
            sky.accounts.set(account.did, {"answers": "on"})

        @sky.on_mention(retract=retract)
        @sky.on_reply(unasked=True)
        @sky.on_quote(unasked=True)
        def answer(item: Item) -> str:
            return f"{prefix}{item.text}"

    def start(self) -> str:
        """Post something to write about, and begin; the post's address."""
        uri = self.sky.post("Ask me anything", account=self.did).uri
        self.turn()
        assert uri is not None
        return uri

    def turn(self, seconds: float = MINUTE) -> list[str]:
        """Look for what is new, answer it, send the answers, and let time pass; what the answers say."""
        self.network.settle()
        take_all(InboxTask(self.sky.context, self.sky.inbox, self.sky._functions.listeners.all))
        self.sky.run_once()
        self.clock.advance(seconds)
        return self.answers()

    def answers(self) -> list[str]:
        """What stands in the repository as a reply."""
        return [one["value"]["text"] for one in self.network.records(self.did) if "reply" in one["value"]]

    def why(self) -> dict[str, str | None]:
        """Why nothing answers each item."""
        return {item.text: item.passed for item in self.sky.inbox.list(everything=True)}


@pytest.fixture
def bot(network: Network, sky: Skywrite, clock: FakeClock) -> Bot:
    """A bot on the first PDS."""
    return Bot(network, sky, clock)


@pytest.fixture
def near(network: Network, clock: FakeClock) -> Person:
    """Somebody on the bot's PDS."""
    return Person(network, network, clock)


@pytest.fixture
def far(network: Network, clock: FakeClock) -> Person:
    """Somebody on the other PDS."""
    return Person(network, network.other, clock)


def below(network: Network, uri: str, reader: PdsAccount) -> list[str]:
    """What readers see right below a post."""
    network.settle()
    seen = network.call("app.bsky.feed.getPostThread", params={"uri": uri, "depth": 1}, jwt=reader.access_jwt)
    return [one["post"]["record"]["text"] for one in seen["thread"]["replies"]]


def test_a_mention_a_reply_and_a_quote(
    network: Network, bot: Bot, near: Person, far: Person, author: PdsAccount
) -> None:
    """From both PDS, each is answered once, and readers find the answer right below it."""
    post = bot.start()
    asked = [near.say("@you: one", tag=bot.did), far.say("two", to=post), far.say("three", quoting=post)]
    asked.append(near.say("@you: four", tag=bot.did, to=post, quoting=post))
    for _ in range(3):
        bot.turn()
    seen = [below(network, uri, author) for uri in asked]
    assert [["Re: @you: one"], ["Re: two"], ["Re: three"], ["Re: @you: four"]] == seen
    kinds = {item.text: item.reason for item in bot.sky.inbox.list(everything=True)}
    # The network notifies once of a post that is all three.
    assert ("mention", 4) == (kinds["@you: four"], len(kinds))


def test_strangers_who_talk_below_us(bot: Bot, near: Person, far: Person) -> None:
    """The network notifies us of two strangers who talk deep below our post; they are left alone."""
    above = near.say("A comment", to=bot.start())
    bot.turn()
    for number in range(3):
        above = (far, near)[number % 2].say(f"Talk {number}", to=above)
    answers = bot.turn()
    why = bot.why()
    assert ["Re: A comment"] == answers
    assert {"It replies to another account, further down below our post."} == {why[f"Talk {n}"] for n in range(3)}


def test_two_own_bots(network: Network, bot: Bot, far: Person, clock: FakeClock) -> None:
    """Two accounts of one queue never answer each other, also when somebody brings them together."""
    other = network.other.create_account()
    bot.sky.accounts.login(other.handle, other.app_password, pds=network.other.url)
    bot.sky.accounts.set(other.did, {"answers": "on"})
    bot.start()
    twin = "@you: talk to each other"
    span = [{"byteStart": 0, "byteEnd": 2}, {"byteStart": 2, "byteEnd": 4}]
    facets = [
        {"index": place, "features": [{"$type": "app.bsky.richtext.facet#mention", "did": did}]}
        for place, did in zip(span, (bot.did, other.did), strict=True)
    ]
    bot.turn()
    asked = far.say(twin, facets=facets)
    for _ in range(4):
        bot.turn()
    counts = [
        sum(one["value"].get("reply", {}).get("parent", {}).get("uri") == asked for one in server.records(did))
        for server, did in ((network, bot.did), (network.other, other.did))
    ]
    # Each is asked and answers once; a reply of one to the other would be one more record.
    total = len(network.records(bot.did)) + len(network.other.records(other.did))
    assert ([1, 1], 3) == (counts, total)


def test_an_author_who_is_a_bot(bot: Bot, far: Person) -> None:
    """What the author says of itself in its profile, as the AppView passes it on."""
    bot.start()
    far.be_a_bot()
    far.say("@you: beep", tag=bot.did)
    assert ([], "Its author is labelled as a bot.") == (bot.turn(), bot.why()["@you: beep"])


def test_who_became_a_bot_after_asking(network: Network, bot: Bot, far: Person) -> None:
    """What the network says when the answer is due counts."""
    bot.start()
    far.say("@you: beep", tag=bot.did)
    network.settle()
    bot.sky.inbox.collect()
    far.be_a_bot()
    assert ([], "Its author is labelled as a bot.") == (bot.turn(), bot.why()["@you: beep"])


@pytest.mark.parametrize("who", ["they", "we"])
def test_a_block(network: Network, bot: Bot, far: Person, author: PdsAccount, who: str) -> None:
    """Whoever blocked whom, after the question: nothing is answered. What comes after it is not even heard."""
    bot.start()
    far.say("@you: hello", tag=bot.did)
    network.settle()
    bot.sky.inbox.collect()
    block, now = "app.bsky.graph.block", bot.clock.now().isoformat()
    if who == "they":
        far.write(block, subject=bot.did)
    else:
        body = {"repo": bot.did, "collection": block, "record": {"$type": block, "subject": far.did, "createdAt": now}}
        network.call("com.atproto.repo.createRecord", body, jwt=author.access_jwt)
    far.say("@you: and now?", tag=bot.did)
    why = "Its author and this account do not see each other: one of them blocked the other."
    assert ([], {"@you: hello": why}) == (bot.turn(), bot.why())


def test_a_mute(network: Network, bot: Bot, far: Person, author: PdsAccount) -> None:
    """Whom we muted is neither heard nor answered."""
    bot.start()
    far.say("@you: hello", tag=bot.did)
    network.settle()
    bot.sky.inbox.collect()
    network.call("app.bsky.graph.muteActor", {"actor": far.did}, jwt=author.access_jwt)
    far.say("@you: and now?", tag=bot.did)
    assert ([], {"@you: hello": "Its author is muted by this account."}) == (bot.turn(), bot.why())


def test_a_thread_gate(network: Network, bot: Bot, far: Person) -> None:
    """Where nobody may reply, there is no answer that nobody would see."""
    bot.start()
    asked = far.say("@you: hello", tag=bot.did)
    far.put("app.bsky.feed.threadgate", asked.rpartition("/")[2], post=asked, allow=[])
    assert ([], NOBODY) == (bot.turn(), bot.why()["@you: hello"])


def test_a_mention_that_is_taken_back(network: Network, sky: Skywrite, clock: FakeClock, far: Person) -> None:
    """Its answer goes with it; before the answer, there is none at all."""
    bot = Bot(network, sky, clock, retract=True)
    bot.start()
    soon, later = far.say("@you: soon", tag=bot.did), far.say("@you: later", tag=bot.did)
    network.settle()
    bot.sky.inbox.collect()
    far.take_back(soon)
    assert ["Re: @you: later"] == bot.turn()
    far.take_back(later)
    seen = [bot.turn(6 * MINUTE) for _ in range(2)]
    assert ([], {"@you: soon": "It was deleted before it could be answered.", "@you: later": None}) == (
        seen[-1],
        bot.why(),
    )


def test_a_mention_that_is_written_again(bot: Bot, far: Person) -> None:
    """The same words in a new post, and an edit of the post by another app: one answer each is enough."""
    bot.start()
    asked = far.say("@you: hello", tag=bot.did)
    bot.turn()
    far.put(POST, asked.rpartition("/")[2], text="@you: hello, edited", facets=[])
    far.say("@you: hello", tag=bot.did)
    assert ["Re: @you: hello"] == bot.turn()
    assert [None, "Its author wrote the same words before, and was answered."] == [
        item.passed for item in reversed(bot.sky.inbox.list(everything=True))
    ]


def test_the_first_start_begins_with_now(bot: Bot, far: Person, near: Person) -> None:
    """What is there already was seen before, however much of it there is; a post with an old date is too old."""
    for number in range(3):
        far.say(f"@you: {number}", tag=bot.did)
    bot.start()
    near.say("@you: now", tag=bot.did)
    near.say("@you: long ago", tag=bot.did, createdAt="2024-01-01T00:00:00.000Z")
    assert ["Re: @you: now"] == bot.turn()
    expected = {f"@you: {number}": SEEN_BEFORE for number in range(3)}
    assert expected | {"@you: now": None, "@you: long ago": "It is too old to be answered."} == bot.why()


def test_priority_notifications(network: Network, bot: Bot, far: Person, author: PdsAccount) -> None:
    """The account's own setting is for a person's app: the bot hears of people that it does not follow."""
    network.call("app.bsky.notification.putPreferences", {"priority": True}, jwt=author.access_jwt)
    bot.start()
    far.say("@you: hello", tag=bot.did)
    network.settle()
    params = {"limit": 10}
    told = network.call("app.bsky.notification.listNotifications", params=params, jwt=author.access_jwt)
    assert ([], ["Re: @you: hello"]) == (told["notifications"], bot.turn())


@pytest.fixture
def elsewhere(config: Config, clock: FakeClock, tmp_path: Path) -> Callable[[str], Skywrite]:
    """Opens a copy of the database with the same key."""
    return lambda name: Skywrite(str(tmp_path / name), config=config, clock=clock)


def test_a_restored_backup(
    network: Network, bot: Bot, far: Person, clock: FakeClock, elsewhere: Callable[[str], Skywrite], tmp_path: Path
) -> None:
    """From before the answer, an hour later, with other words: the first answer stands."""
    bot.start()
    far.say("@you: hello", tag=bot.did)
    bot.sky.transfer.backup(tmp_path / "copy.db")
    bot.turn(HOUR)
    with elsewhere("copy.db") as sky:
        assert ["Re: @you: hello"] == Bot(network, sky, clock, prefix="Other words: ").turn()
        (answer,) = (post for post in sky.context.store.listing.posts(("published",)) if post.source == "answer")
        assert "Other words: @you: hello" == answer.text


def test_an_answer_that_waits_for_an_approval(network: Network, bot: Bot, far: Person) -> None:
    """The first answers of a bot wait; approved twice, there is one."""
    bot.sky.accounts.set(bot.did, {"answers": "trial"})
    bot.start()
    far.say("@you: hello", tag=bot.did)
    before = bot.turn()
    (waiting,) = bot.sky.approvals.list()
    asked = bot.sky.approvals.look(waiting.post.id).digest
    for _ in range(2):
        bot.sky.approvals.approve(waiting.post.id, asked, "Berta")
    bot.turn()
    assert ([], ["Re: @you: hello"]) == (before, bot.turn())


def test_killed_between_the_record_and_its_note(network: Network, far: Person, tmp_path: Path) -> None:
    """The network has the answer when the worker is killed: the next worker finds it, and answers in no other words."""
    account = network.create_account()
    (tmp_path / "bot.py").write_text(ANSWERING)
    words = ("run", "--app", str(tmp_path / "bot.py"))
    with FaultProxy(network.url, network.plc_url) as proxy:
        environ = {"SKYWRITE_HOME": str(tmp_path), "SKYWRITE_PLC_URL": proxy.url, "SKYWRITE_VIDEO_SERVICE": ""}
        with Skywrite(config=load_config(environ)) as sky:
            sky.accounts.login(account.handle, account.app_password, pds=proxy.url)
            sky.accounts.set(account.did, {"answers": "on"})
            skywrite(*words, "--once", environ=environ)
            far.say("@you: hello", tag=account.did)
            network.settle()
            held = threading.Event()
            proxy.break_next(Fault(forward=True, hold=held), APPLY_WRITES)
            with python_child(*SKYWRITE, *words, "--log", "json", environ=environ) as child:
                child.wait_for_line('"claimed"')
                waits = threading.Event()
                while not network.records(account.did):
                    waits.wait(0.05)
                child.kill()
            held.set()
            (first,) = network.records(account.did)
            ended = skywrite(*words, "--once", "--log", "json", environ=environ, is_merged=True)
            done = [json.loads(line)["event"] for line in ended.stdout.decode().splitlines() if line.startswith("{")]
            (post,) = sky.context.store.listing.posts(("published",))
            assert [first] == network.records(account.did)
            assert (first["uri"], first["value"]["text"], True) == (post.uri, post.text, "published" in done)
