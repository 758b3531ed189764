"""Ways of answering without a program: commands, addresses and grammars, and what each may not do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Oracle

from skywrite import Item, Skywrite
from skywrite.app.bots import Above, Answerer, Author
from skywrite.app.work import WorkParts
from skywrite.core.errors import InputError, SkywriteError
from skywrite.features import homes
from skywrite.features.answers.task import InboxTask
from skywrite.features.ways.calling import answerers, read_answer
from skywrite.posting.publish.rounds import take_all
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS
from tests.support.strangers import Stranger
from tests.support.world import World


class Bot:
    """A process of alice in which nothing but ways of answering answers."""

    def __init__(self, sky: Skywrite, world: World) -> None:
        self.sky, self.world = sky, world
        self.did = sky.accounts.get().did
        self.parts = WorkParts(sky.context, sky._drafting)
        sky.accounts.set(None, {"answers": "on"})
        sky.post("Ask me anything")

    def turn(self, seconds: float = 61) -> list[str]:
        """Collect, answer and publish, and let a minute pass; what alice's answers say."""
        brought = [one for ways in homes("answerers") for one in ways(self.parts)]
        take_all(InboxTask(self.sky.context, self.sky.inbox, lambda: brought))
        self.sky.run_once()
        self.world.clock.advance(seconds)
        records = sorted(self.world.records(), key=lambda record: record["createdAt"])
        return [record["text"] for record in records if "reply" in record]

    def why(self) -> dict[str, str | None]:
        """Why what is in the inbox is not answered."""
        return {item.text: item.passed for item in self.sky.inbox.list(everything=True)}


@pytest.fixture
def bot(sky: Skywrite, world: World) -> Bot:
    """Alice's bot."""
    return Bot(sky, world)


@pytest.fixture
def carol(world: World) -> Stranger:
    """Somebody who writes."""
    return Stranger(world)


def item(text: str = "@alice.test weather berlin") -> Item:
    """Something that somebody wrote, which is only tried."""
    return Item(
        text, Author("did:plc:carol", "carol.test"), "at://did:plc:carol/app.bsky.feed.post/3k", account="alice.test"
    )


def told(sky: Skywrite, way: int, inbox_item: Item | None = None) -> Any:
    """What a way says to an item."""
    by_number = {one.name.rpartition(" ")[2]: one for one in answerers(WorkParts(sky.context, sky._drafting))}
    return by_number[str(way)].answer(inbox_item or item())


def test_a_command_answers_what_it_prints(bot: Bot, carol: Stranger, tmp_path: Path) -> None:
    """It gets the item as JSON, and its text is the answer, once; the table says so."""
    (tmp_path / "weather.sh").write_text(
        '#!/bin/sh\njq -r \'"It rains " + (.words | join(" ")) + ", " + .author.handle\'\n'
    )
    (tmp_path / "weather.sh").chmod(0o755)
    bot.sky.ways.add_command("./weather.sh", folder=tmp_path, word="weather")
    bot.turn()
    carol.tag("@you weather in Berlin", bot.did)
    carol.tag("@you hello", bot.did)
    bot.turn()
    assert ["It rains in Berlin, carol.test"] == bot.turn()
    (answered,) = bot.sky.ways.answered()
    assert ("carol.test", "It rains in Berlin, carol.test", "published") == (
        answered.author_handle,
        answered.answer,
        answered.state,
    )
    (way,) = bot.sky.ways.list()
    assert (None, {"answered", "nothing"} >= {way.outcome}) == (way.problem, True)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("sleep 60", "command.timed_out", "did not end in 0.3 seconds"),
        ("echo no >&2; exit 3", "command.failed", "ended with 3: no"),
        ("head -c 10000000 /dev/zero | tr '\\0' x", "command.too_loud", "printed more than 100,000 bytes"),
        ("printf '\\377\\376'", "command.failed", "not UTF-8 text"),
        ("echo '{\"text\"'", "way.failed", "is not JSON"),
        ('echo \'{"account": "bob.test", "text": "x"}\'', "way.failed", "has no field 'account'"),
        ('echo \'{"reply_to": "at://x", "text": "x"}\'', "way.failed", "has no field 'reply_to'"),
        ("echo '{\"text\": 5}'", "draft.invalid", "text"),
    ],
    ids=["hangs", "fails", "10 MB", "bytes", "json", "account", "reply", "number"],
)
def test_a_bad_command_says_why(bot: Bot, carol: Stranger, command: str, code: str, words: str) -> None:
    """What hangs, fails, prints too much or answers for another account is noted, with the item and with the way."""
    way = bot.sky.ways.add_command(command, timeout_seconds=0.3 if "sleep" in command else 20).way
    bot.turn()
    carol.tag("@you one", bot.did)
    # It is tried three times, at the end of each lease.
    for _ in range(4):
        bot.turn(301)
    (why,) = bot.why().values()
    problem = bot.sky.ways.get(way.id).problem
    # What is no post is only found out when the answer becomes one.
    assert (words in str(why), code if code != "draft.invalid" else None) == (True, problem and problem.code)
    bot.sky.ways.remove(way.id)
    bot.sky.ways.add_command("echo Hello")
    bot.turn()
    carol.tag("@you two", bot.did)
    bot.turn()
    assert ["Hello"] == bot.turn()


@pytest.fixture
def receiver() -> Iterator[dict[str, Any]]:
    """An address that answers as it is told, and keeps what it got."""
    state: dict[str, Any] = {"status": 200, "body": b"Hello", "got": [], "hangs": False, "ended": threading.Event()}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            state["got"].append(({name.lower(): value for name, value in self.headers.items()}, body))
            if state["hangs"]:
                state["ended"].wait(PATIENCE_SECONDS)
                return
            self.send_response(state["status"])
            self.send_header("content-length", str(len(state["body"])))
            self.end_headers()
            self.wfile.write(state["body"])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state["url"] = f"http://127.0.0.1:{server.server_port}/answer"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield state
        state["ended"].set()
        server.shutdown()
        thread.join()


@pytest.fixture
def allowed(world: World) -> Skywrite:
    """A process that may ask this computer's addresses."""
    process = world.process(SKYWRITE_FETCH_ALLOW="127.0.0.1")
    process.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    return process


def test_an_address_answers_what_it_responds(allowed: Skywrite, receiver: dict[str, Any]) -> None:
    """It gets the item as a message that the library of Standard Webhooks accepts, by the secret that was shown."""
    added = allowed.ways.add_webhook(receiver["url"])
    assert {"text": "Hello"} == told(allowed, added.way.id)
    assert {"text": "Hello"} == told(allowed, added.way.id)
    (headers, body), (again, _) = receiver["got"]
    assert added.secret is not None
    message = json.loads(body)
    assert ("item.received", "weather", ["berlin"]) == (
        message["type"],
        message["data"]["word"],
        message["data"]["words"],
    )
    signed = Oracle(added.secret).sign(headers["webhook-id"], allowed.context.clock.now(), body.decode())
    assert (signed, headers["webhook-id"]) == (headers["webhook-signature"], again["webhook-id"])


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, b"", "answered 500"),
        (302, b"", "answered 302"),
        (200, b"x" * 200_000, "too much"),
        (200, b'{"text": "x", "images": [{"path": "/etc/passwd"}]}', "not at an address"),
        (200, b'{"text": "x", "images": ["/etc/passwd"]}', "not at an address"),
        (200, b'{"video": {"path": "/etc/passwd"}}', "no field 'video'"),
        (200, b"\xff", "not UTF-8"),
    ],
)
def test_an_address_names_nothing_of_ours(
    allowed: Skywrite, receiver: dict[str, Any], status: int, body: bytes, words: str
) -> None:
    """An error, a redirect, too much, or a file of this computer is no answer."""
    way = allowed.ways.add_webhook(receiver["url"]).way
    receiver |= {"status": status, "body": body}
    with pytest.raises(SkywriteError, match=words):
        told(allowed, way.id)


def test_an_address_that_hangs_keeps_only_its_own_item(
    allowed: Skywrite, world: World, carol: Stranger, receiver: dict[str, Any]
) -> None:
    """It is left after its time, the item and the way say so, and what others ask is answered and published."""
    bot = Bot(allowed, world)
    receiver["hangs"] = True
    way = allowed.ways.add_webhook(receiver["url"], word="slow", timeout_seconds=0.3).way
    allowed.ways.add_command("echo Hello", word="quick")
    bot.turn()
    carol.tag("@you slow", bot.did)
    carol.tag("@you quick", bot.did)
    bot.turn()
    assert ["Hello"] == bot.turn(301)
    # It is tried three times, at the end of each lease.
    for _ in range(4):
        bot.turn(301)
    problem = allowed.ways.get(way.id).problem
    (why,) = [why for text, why in bot.why().items() if "slow" in text]
    assert problem is not None
    assert ("fetch.failed", 3) == (problem.code, len(receiver["got"]))
    assert [True, True] == ["did not respond in time" in words for words in (problem.message, str(why))]


def test_addresses_inside_the_network_are_refused(sky: Skywrite, receiver: dict[str, Any]) -> None:
    """As for webhooks: nobody is asked there unless somebody allows it."""
    way = sky.ways.add_webhook(receiver["url"]).way
    with pytest.raises(SkywriteError):
        told(sky, way.id)
    assert [] == receiver["got"]


def test_a_grammar_answers_each_item_with_one_text(bot: Bot, carol: Stranger, tmp_path: Path) -> None:
    """The same item gets the same words whenever it is asked; others get other words while there are any."""
    path = tmp_path / "bot.json"
    path.write_text(json.dumps({"origin": ["#a#!"], "a": ["One", "Two", "Three"]}))
    way = bot.sky.ways.add_text(path).way
    path.write_text("{}")
    assert told(bot.sky, way.id) == told(bot.sky, way.id)
    bot.turn()
    for text in ("first", "second", "third"):
        carol.tag(f"@you {text}", bot.did)
        bot.turn()
    assert {"One!", "Two!", "Three!"} == set(bot.turn())


@pytest.mark.parametrize(("distinct", "kinds"), [(2, 2), (3, 3)])
def test_nothing_comes_again_within_a_chosen_number(
    bot: Bot, carol: Stranger, tmp_path: Path, distinct: int, kinds: int
) -> None:
    """Of so many answers in a row, all are different."""
    path = tmp_path / "bot.json"
    path.write_text(json.dumps({"origin": ["#a#!"], "a": ["One", "Two", "Three"]}))
    bot.sky.ways.add_text(path, distinct=distinct)
    bot.turn()
    for text in range(6):
        carol.tag(f"@you {text}", bot.did)
        bot.turn()
    answers = [one.answer for one in bot.sky.ways.answered()]
    assert 6 == len(answers)
    assert [kinds] * (7 - distinct) == [len({*answers[at : at + distinct]}) for at in range(7 - distinct)]


def test_the_posts_above_come_along_where_they_are_asked_for(
    allowed: Skywrite, receiver: dict[str, Any], tmp_path: Path
) -> None:
    """Commands and addresses get the same list; without the option it is null, which is not the same as none."""
    above = (Above("at://did:plc:ann/app.bsky.feed.post/3k", Author("did:plc:ann", "ann.test"), "Who knows?"),)
    inbox_item = replace(item(), look_above=lambda: above)
    allowed.ways.add_webhook(receiver["url"], thread=True)
    allowed.ways.add_webhook(receiver["url"])
    allowed.ways.add_command("cat > item.json; echo ok", folder=tmp_path, thread=True)
    for way in (1, 2, 3):
        told(allowed, way, inbox_item)
    seen = [json.loads(body)["data"] for _, body in receiver["got"]]
    expected = [
        {
            "uri": above[0].uri,
            "author": {"did": "did:plc:ann", "handle": "ann.test", "display_name": "", "labels": [], "followed": False},
            "text": "Who knows?",
        }
    ]
    assert [expected, None] == [one["thread"] for one in seen]
    assert seen[0] == json.loads((tmp_path / "item.json").read_text())


def test_a_wrong_grammar_is_never_added(sky: Skywrite, tmp_path: Path) -> None:
    """All of it is said at once."""
    path = tmp_path / "bot.json"
    path.write_text(json.dumps({"origin": "#a# #b#", "a": "#a#"}))
    with pytest.raises(InputError, match="there is no symbol 'b'"):
        sky.ways.add_text(path)
    assert [] == sky.ways.list()


def test_what_was_not_added_with_our_key_answers_nothing(sky: Skywrite) -> None:
    """Whoever can write to the database can neither add a command nor change one."""
    way = sky.ways.add_command("echo Hello").way
    with sky.context.store.writing() as tx:
        tx.run("put_secret", scope="way", name=str(way.id), sealed=b"forged", expires_at=None)
    assert ([], None) == (answerers(WorkParts(sky.context, sky._drafting)), sky.ways.list()[0].doing)


def test_commands_are_asked_where_commands_run(sky: Skywrite) -> None:
    """A worker that may not run commands asks the other ways."""
    sky.ways.add_command("echo Hello")
    way = sky.ways.add_webhook("https://example.com/answer").way
    ways = answerers(WorkParts(sky.context, sky._drafting, commands=False))
    assert [way.called] == [one.name for one in ways]


def test_a_way_that_is_stopped_answers_nothing(sky: Skywrite) -> None:
    """Until it is started; one that is removed is gone."""
    way = sky.ways.add_command("echo Hello").way
    sky.ways.pause(way.id)
    assert [] == answerers(WorkParts(sky.context, sky._drafting))
    sky.ways.resume(way.id)
    assert {"text": "Hello"} == told(sky, way.id)
    sky.ways.remove(way.id)
    assert ([], None) == (sky.ways.list(), sky.context.store.secrets.get("way", str(way.id)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"only": ["quote"]}, "does not tag you"),
        ({"only": ["like"]}, "Nothing in the inbox"),
        ({"word": "two words"}, "not one word"),
        ({"timeout_seconds": 0}, "cannot take 0 seconds"),
        ({"timeout_seconds": 51}, "cannot take 51 seconds"),
    ],
)
def test_wrong_options_are_refused(sky: Skywrite, options: dict[str, Any], words: str) -> None:
    """Each with what would be right."""
    with pytest.raises(InputError, match=words):
        sky.ways.add_command("true", **options)


def test_answers_of_every_kind_are_read() -> None:
    """A text, fields, a like, a repost, nothing, or later."""
    from skywrite import Later, Like, Repost

    assert ("Hello", None, {"text": "x", "langs": ["de"]}) == (
        read_answer("Hello", files=False),
        read_answer("", files=False),
        read_answer('{"text": "x", "langs": ["de"]}', files=False),
    )
    assert (Like(), Repost()) == (
        read_answer('{"like": true}', files=False),
        read_answer('{"repost": true}', files=False),
    )
    with pytest.raises(Later):
        read_answer('{"later": "2h"}', files=False)


@pytest.mark.parametrize(
    "fields",
    [
        {"images": ["/etc/hostname"]},
        {"images": [{"path": "/etc/hostname"}]},
        {"images": [{"cid": "bafy", "mime": "image/png", "size": 1}]},
        {"card": {"url": "https://a.example/", "title": "t", "thumb": "/etc/hostname"}},
        {"card": {"url": "https://a.example/", "title": "t", "thumb": {"path": "/etc/hostname"}}},
        {"card": {"url": "https://a.example/", "title": "t", "thumb": {"cid": "bafy", "mime": "image/png", "size": 1}}},
    ],
)
def test_an_answer_from_elsewhere_names_nothing_of_this_computer(fields: dict[str, Any]) -> None:
    """Neither a file nor stored bytes, as an image or as that of a card; a command may name files."""
    answer = json.dumps({"text": "x", **fields})
    with fails("way.failed"):
        read_answer(answer, files=False)
    assert {"text": "x", **fields} == read_answer(answer, files=True)


@pytest.mark.parametrize("together", [True, False], ids=["ways", "control: functions of a program"])
def test_a_way_that_hangs_holds_up_no_other_account(world: World, carol: Stranger, together: bool) -> None:
    """While what answers for alice does not return, bob's answers are written; a program's functions take turns."""
    sky, ended, asked = world.process(), threading.Event(), threading.Event()
    for handle in ("alice.test", "bob.test"):
        sky.accounts.login(handle, world.box.account(handle).app_password, pds=world.box.url)
        sky.accounts.set(handle, {"answers": "on"})
    alice, bob = (sky.accounts.get(handle) for handle in ("alice.test", "bob.test"))

    def hangs(item: Item) -> str:
        asked.set()
        ended.wait()
        return "At last"

    ways = [
        Answerer("hangs", hangs, account=alice.did, together=together),
        Answerer("quick", lambda item: "At once", account=bob.did, together=together),
    ]
    task = InboxTask(sky.context, sky.inbox, lambda: ways)
    take_all(task)
    for account in (alice, bob):
        carol.tag("@you: hello", account.did)
    world.clock.advance(61)
    turns = {turn.name: turn for turn in task.due()}
    hanging = threading.Thread(target=task.take, args=(turns[alice.did],))
    hanging.start()
    assert asked.wait(PATIENCE_SECONDS)
    task.take(turns[bob.did])
    answered = [item.account_did for item in sky.inbox.list(everything=True) if item.answer_id is not None]
    ended.set()
    hanging.join()
    assert ([bob.did] if together else []) == answered
