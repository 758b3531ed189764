"""Follow-ups: a reply or a repost once a post has so many likes, each once."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS, Access
from skywrite.core.errors import InputError, RejectedError
from skywrite.features.follow_ups.operations import AddFollowUp
from skywrite.features.follow_ups.service import Condition, FollowUpTask, parse_condition
from skywrite.features.reposts.service import REPOST, RepostTask
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.marks import Marks, ToMark
from tests.support.errors import fails
from tests.support.world import World

NOTHING = dict.fromkeys(("likes", "reposts", "replies", "quotes", "bookmarks"), 0)


def count(sky: Skywrite, post_id: int, age_hours: int, **counts: int) -> None:
    """What the worker counts at an age; None of it where the post is not shown."""
    post = sky.context.store.posts.get(post_id)
    item = ToMark(post_id, str(post.uri), post.account_did, age_hours, "text", sky.context.clock.now())
    Marks(sky.context.store).note([(item, {**NOTHING, **counts}, [])])


def work(sky: Skywrite) -> None:
    """What the worker's tasks do in their turn."""
    take_all(FollowUpTask(sky.context, sky._drafting))
    take_all(RepostTask(sky.context))


def published(sky: Skywrite, text: str = "A post that does well") -> int:
    """A post that is out."""
    number = sky.post(text).id
    assert number is not None
    return number


def test_a_reply_when_the_number_is_reached(sky: Skywrite, world: World) -> None:
    """Not before, under the post, and once, however often the worker looks."""
    number = published(sky)
    sky.follow_ups.add(number, when="50 likes", reply="More of it: https://a.example")
    count(sky, number, 1, likes=49, replies=99)
    sky.run_once()
    assert 1 == len(world.texts())
    count(sky, number, 6, likes=50)
    for _ in range(3):
        sky.run_once()
    assert ["A post that does well", "More of it: a.example"] == world.texts()
    assert sky.posts.get(number).post.uri == world.records()[1]["reply"]["parent"]["uri"]
    (done,) = sky.follow_ups.list(number)
    assert ("done", "It had 50 likes after 6 hours.", 2) == (done.state, done.note, done.made_id)
    assert [] == sky.follow_ups.list()


def test_a_worker_that_dies_in_the_middle_doubles_nothing(
    sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply is in the queue, and nobody noted it: the next worker finds it there."""
    number = published(sky)
    sky.follow_ups.add(number, when="1 like", reply="Thank you")
    count(sky, number, 1, likes=3)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr("skywrite.queue.follow_ups.FollowUps.settle", _dies)
        take_all(FollowUpTask(sky.context, sky._drafting))
    for _ in range(2):
        sky.run_once()
    assert ["A post that does well", "Thank you"] == world.texts()
    assert ["done"] == [item.state for item in sky.follow_ups.list(number)]


def _dies(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_repost_when_the_number_is_reached(sky: Skywrite, world: World) -> None:
    """Once, and taken back in its time."""
    number = published(sky)
    sky.follow_ups.add(number, when="2 replies", repost=True, undo_after="1h")
    count(sky, number, 24, replies=5)
    for _ in range(3):
        work(sky)
    assert 1 == len(world.box.records("alice.test", REPOST))
    world.clock.advance(3601)
    work(sky)
    assert [] == world.box.records("alice.test", REPOST)


def test_what_is_not_reached_expires_and_says_so(sky: Skywrite, world: World) -> None:
    """After the last count, or when that never came."""
    one, two = published(sky, "One"), published(sky, "Two")
    for number in (one, two):
        sky.follow_ups.add(number, when="50 likes", reply="Never")
    count(sky, one, 720, likes=12)
    sky.run_once()
    world.clock.advance(901 * 3600)
    sky.run_once()
    assert [
        ("expired", "It was never counted within 720 hours, and waited for 50 likes."),
        ("expired", "It had 12 likes within 720 hours, and waited for 50 likes."),
    ] == [(item.state, item.note) for item in sky.follow_ups.list()]
    assert ["One", "Two"] == world.texts()


def test_a_post_that_is_gone_gets_no_reply(sky: Skywrite, world: World) -> None:
    """Neither one that was deleted nor one that was cancelled before it went out."""
    out = published(sky)
    later = sky.schedule("Later", at="in 1 hour").post_id
    for number in (out, later):
        sky.follow_ups.add(number, when="1 like", reply="Never")
    count(sky, out, 1, likes=5)
    sky.posts.delete(out)
    sky.posts.cancel(later)
    sky.run_once()
    assert ["Its post was cancelled.", "Its post was deleted."] == [item.note for item in sky.follow_ups.list()]
    assert [] == world.texts()
    with fails("post.wrong_state"):
        sky.follow_ups.add(out, when="1 like", reply="Never")


def test_a_scheduled_post_may_have_one(sky: Skywrite, world: World) -> None:
    """It waits with its post."""
    number = sky.schedule("Later", at="in 1 hour").post_id
    sky.follow_ups.add(number, when="1 like", reply="Thank you")
    world.clock.advance(3600)
    sky.run_once()
    count(sky, number, 1, likes=1)
    sky.run_once()
    assert ["Later", "Thank you"] == world.texts()


def test_what_is_cancelled_is_not_done(sky: Skywrite, world: World) -> None:
    """And what is done cannot be cancelled. Adding the same again adds nothing."""
    number = published(sky)
    first = sky.follow_ups.add(number, when="1 like", reply="Thank you")
    assert first == sky.follow_ups.add(number, when="1 likes", reply="Thank you")
    sky.follow_ups.cancel(first.id)
    count(sky, number, 1, likes=1)
    sky.run_once()
    assert 1 == len(world.texts())
    done = sky.follow_ups.add(number, when="1 like", reply="Thank you")
    sky.run_once()
    with fails("post.wrong_state"):
        sky.follow_ups.cancel(done.id)


def test_the_reply_of_an_agent_waits_for_its_approval(sky: Skywrite, world: World) -> None:
    """Under `approval=agents` it is an agent's post, although a worker adds it; a repost needs the scope `publish`."""
    sky.accounts.set(None, {"approval": "agents"})
    number = published(sky)
    agent = Access(sky, frozenset({"read", "schedule"}), who="key 1", source="mcp")
    run = OPERATIONS["follow_ups.add"].run
    run(agent, AddFollowUp(id=number, when="1 like", reply="By an agent"))
    with pytest.raises(RejectedError):
        run(agent, AddFollowUp(id=number, when="1 like", repost=True))
    count(sky, number, 1, likes=1)
    sky.run_once()
    assert (1, (2, "held")) == (len(world.texts()), world.states(sky)[-1])


@pytest.mark.parametrize("text", ["50", "likes", "0 likes", "50 views", "-1 likes", "about 50 likes", "5.5 likes"])
def test_what_cannot_be_counted_is_refused(sky: Skywrite, text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(InputError):
        sky.follow_ups.add(published(sky), when=text, reply="Never")


def test_conditions() -> None:
    """One or many of what is counted."""
    assert [Condition(50, "likes"), Condition(1, "replies")] == [
        parse_condition("50 Likes"),
        parse_condition("1 reply"),
    ]
    assert ("1 reply", "2 replies") == (str(Condition(1, "replies")), str(Condition(2, "replies")))


def test_what_can_never_come_is_refused_at_once(sky: Skywrite) -> None:
    """A text that is too long, an account of which nothing is counted, both or neither of the two ways."""
    number = published(sky)
    for options in ({"reply": "x" * 301}, {"reply": ""}, {}, {"reply": "a", "repost": True}):
        with pytest.raises(InputError):
            sky.follow_ups.add(number, when="1 like", **options)  # type: ignore[arg-type]
    sky.accounts.set(None, {"marks": False})
    with pytest.raises(InputError, match="Nothing is counted"):
        sky.follow_ups.add(number, when="1 like", reply="a")


def test_the_commands(sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add, list, see with the post, cancel."""
    from skywrite.faces.cli.posts import show_command
    from skywrite.features.follow_ups.cli import follow_ups_command

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_: world.process())
    number = str(published(sky))

    def said(command: Any, *words: str) -> str:
        done = CliRunner().invoke(command, list(words))
        assert 0 == done.exit_code, done.output
        return done.output

    assert "Follow-up 1 waits" in said(follow_ups_command, "add", number, "--when", "50 likes", "--reply", "Thanks")
    assert "at 50 likes, reply: Thanks  [waiting]" in said(follow_ups_command)
    assert "Follow-up 1: at 50 likes" in said(show_command, number)
    assert "Follow-up 2 waits until post 1 has 1 like." in said(
        follow_ups_command, "add", number, "--when", "1 like", "--repost"
    )
    assert "is cancelled" in said(follow_ups_command, "cancel", "2")
    assert "is cancelled" in said(follow_ups_command, "cancel", "1")
    assert "No follow-ups are waiting." in said(follow_ups_command)
