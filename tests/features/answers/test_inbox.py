"""What others write about our posts: each once, answered through the queue, and given to a bot's function once."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from skywrite.features.answers.task import InboxTask
from skywrite.posting.publish.rounds import take_all
from tests.support.errors import fails
from tests.support.world import World


@pytest.fixture
def both(sky: Skywrite, world: World) -> Skywrite:
    """A process where bob is signed in, too; alice collects."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    sky.accounts.set("alice.test", {"inbox": "yes"})
    return sky


def collect(sky: Skywrite) -> list[str]:
    """What the worker's task does in its turn; what it logged."""
    logged: list[str] = []
    answerers = sky._functions.listeners.all
    take_all(InboxTask(sky.context, sky.inbox, answerers, lambda event, **facts: logged.append(event)))
    return logged


def test_replies_mentions_and_quotes_come_once(both: Skywrite, world: World) -> None:
    """Of others, not of oneself, and however often one asks."""
    sent = both.post("What do you think?", account="alice.test")
    both.post("A lot!", account="bob.test", reply_to=sent.uri)
    both.post("Look at this", account="bob.test", quote=sent.uri)
    both.post("Hello @alice.test", account="bob.test")
    both.post("My own answer", account="alice.test", reply_to=sent.uri)
    assert (["inbox"], []) == (collect(both), collect(both))
    items = both.inbox.list()
    assert {"reply", "quote", "mention"} == {item.reason for item in items}
    assert {"bob.test"} == {item.author_handle for item in items}
    assert {sent.uri, None} == {item.subject for item in items}


def test_an_answer_goes_through_the_queue(both: Skywrite, world: World) -> None:
    """As a reply to it, in its thread; asked for twice it is one post."""
    sent = both.post("What do you think?", account="alice.test")
    asked = both.post("When do you open?", account="bob.test", reply_to=sent.uri)
    collect(both)
    (item,) = both.inbox.list()
    first, second = (both.inbox.answer(item.id, "At 9:00.") for _ in range(2))
    assert first.post.id == second.post.id
    both.run_once()
    reply = next(record["reply"] for record in world.records() if record["text"] == "At 9:00.")
    assert (asked.uri, sent.uri) == (reply["parent"]["uri"], reply["root"]["uri"])
    assert ([], first.post.id) == (both.inbox.list(), both.inbox.get(item.id).answer_id)


def answered(both: Skywrite) -> tuple[int, int]:
    """A reply of bob, and the answer of alice that is due in an hour."""
    sent = both.post("What do you think?", account="alice.test")
    asked = both.post("When do you open?", account="bob.test", reply_to=sent.uri)
    collect(both)
    return asked.id, both.inbox.answer(both.inbox.list()[0].id, "At 9:00.", at="in 1 hour").post.id


def test_an_answer_to_what_was_deleted_is_held(both: Skywrite, world: World) -> None:
    """What it replies to is looked up again when it is due, and the reason names it."""
    asked, answer = answered(both)
    both.posts.delete(asked)
    world.clock.advance(3600)
    both.run_once()
    post = both.posts.get(answer).post
    assert post.problem is not None
    assert ("held", "reply.target_gone", True) == (post.state, post.problem.code, "deleted" in post.problem.message)


def test_a_server_that_cannot_be_asked_keeps_no_answer_back(both: Skywrite, world: World) -> None:
    """Then it goes out as it was accepted."""
    _, answer = answered(both)
    world.clock.advance(3600)
    world.box.faults.add("com.atproto.repo.getRecord", kind="error_500", times=1)
    both.run_once()
    assert "published" == both.posts.get(answer).post.state


def test_snoozed_and_done(both: Skywrite, world: World) -> None:
    """What is snoozed comes again; what is done does not."""
    sent = both.post("Hello", account="alice.test")
    for text in ("One", "Two"):
        both.post(text, account="bob.test", reply_to=sent.uri)
    collect(both)
    one, two = both.inbox.list()
    both.inbox.snooze(one.id, "in 1 hour")
    both.inbox.done(two.id)
    assert [] == both.inbox.list()
    world.clock.advance(3600)
    assert [one.id] == [item.id for item in both.inbox.list()]
    assert 2 == len(both.inbox.list(everything=True))
    with fails("inbox.item_unknown"):
        both.inbox.done(99)


def test_trouble_with_one_account_stops_no_other(both: Skywrite, world: World) -> None:
    """It is logged, and the next one is asked."""
    both.accounts.set("bob.test", {"inbox": "yes"})
    for ours, theirs in (("alice.test", "bob.test"), ("bob.test", "alice.test")):
        sent = both.post(f"Hello from {ours}", account=ours)
        both.post("Hi", account=theirs, reply_to=sent.uri)
    world.box.faults.add("app.bsky.notification.listNotifications", kind="rate_limited", times=1)
    assert ["inbox_failed", "inbox"] == collect(both)


def test_the_command(both: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It collects, lists, answers, and says when nothing waits."""
    from skywrite.features.answers.cli import inbox_command

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_: world.process())
    sent = both.post("Hello", account="alice.test")
    both.post("When do you open?", account="bob.test", reply_to=sent.uri)
    listed = CliRunner().invoke(inbox_command, ["--collect", "--account", "alice.test"]).output
    assert "reply by @bob.test" in listed and "| When do you open?" in listed
    assert "answers item 1" in CliRunner().invoke(inbox_command, ["answer", "1", "At 9:00."]).output
    assert "Nothing waits" in CliRunner().invoke(inbox_command, []).output
    both.accounts.set("alice.test", {"inbox": "no"})
    assert "skywrite accounts set inbox=yes" in CliRunner().invoke(inbox_command, []).output
    # Where a bot has begun, a worker collects anyway.
    both.accounts.set("alice.test", {"inbox": None, "answers": "trial"})
    assert "inbox=yes" not in CliRunner().invoke(inbox_command, []).output
