"""Approving what a bot writes: what is shown is what goes out, or nothing does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS, Access
from skywrite.app.operations.post_shapes import ApprovePost, CreatePost
from skywrite.app.shapes.posts import approval_shape
from tests.support.errors import fails
from tests.support.world import NOON, World

AGENT = frozenset({"read", "draft"})
PERSON = frozenset({"read", "draft", "schedule", "publish"})


def agent(sky: Skywrite, *, scopes: Any = AGENT) -> Access:
    """The rights of an agent's key."""
    return Access(sky, scopes, who="key 1", source="mcp")


def person(sky: Skywrite) -> Access:
    """The rights of a person who approves."""
    return Access(sky, PERSON, who="person 2", source="page")


def run(access: Access, name: str, request: Any) -> Any:
    """An operation, as HTTP and MCP call it."""
    return OPERATIONS[name].run(access, request)


def test_an_agents_draft_goes_out_when_a_person_approves_it(sky: Skywrite, world: World) -> None:
    """At the time that the agent asked for, exactly as it was shown."""
    post = run(agent(sky), "posts.create", CreatePost(text="Hello from a bot", at="in 1 hour"))
    asked = sky.approvals.look(post.id)
    assert (["Hello from a bot"], NOON + timedelta(hours=1)) == (asked.texts, asked.post.due_at)
    assert [post.id] == [entry.post.id for entry in sky.approvals.list()]
    sky.approvals.approve(post.id, asked.digest, "Berta")
    world.clock.advance(3600)
    sky.run_once()
    assert ["Hello from a bot"] == world.texts()


def test_an_edit_after_the_approval_holds_the_post(sky: Skywrite, world: World) -> None:
    """Nothing of the new text goes out before somebody has seen it."""
    sky.accounts.set(None, {"approval": "all"})
    number = sky.schedule("What was meant", at="in 1 hour").post_id
    sky.approvals.approve(number, sky.approvals.look(number).digest, "Berta")
    sky.posts.edit(number, text="Something else")
    world.clock.advance(3600)
    sky.run_once()
    assert ([], "held") == (world.texts(), sky.posts.get(number).post.state)
    again = sky.approvals.look(number)
    assert ["-What was meant", "+Something else"] == [line for line in again.diff() if line[0] in "+-"][2:]
    sky.approvals.approve(number, again.digest, "Berta")
    sky.run_once()
    assert ["Something else"] == world.texts()


def test_a_mention_that_means_somebody_else_holds_the_post(sky: Skywrite, world: World) -> None:
    """A handle that moved to another account since the approval is not published in its place.

    Whoever looks sees what it means now, and may approve that.
    """
    sky.accounts.set(None, {"approval": "all"})
    number = sky.schedule("Hello @bob.test", at="in 1 hour").post_id
    sky.approvals.approve(number, sky.approvals.look(number).digest, "Berta")
    record = sky.posts.get(number).post.prepared
    moved = json.loads(json.dumps(record).replace(world.box.account("bob.test").did, "did:plc:somebodyelse"))
    with sky.context.store.writing() as tx:
        tx._connection.execute("UPDATE post SET prepared = ? WHERE id = ?", (json.dumps(moved), number))
    sky.approvals.approve(number, sky.approvals.look(number).digest, "Berta")
    world.clock.advance(3600)
    sky.run_once()
    held = sky.posts.get(number).post
    assert held.problem is not None
    assert ([], "held", "post.drifted") == (world.texts(), held.state, held.problem.code)
    again = sky.approvals.look(number)
    assert (True, "Links and mentions") == (again.wanted, again.rows()[1].part)
    assert world.box.account("bob.test").did in approval_shape(again).changes[0].now
    sky.approvals.approve(number, again.digest, "Berta")
    sky.run_once()
    (published,) = world.records()
    assert world.box.account("bob.test").did == published["facets"][0]["features"][0]["did"]


def test_an_agent_that_changes_a_persons_post_makes_it_an_agents(sky: Skywrite, world: World) -> None:
    """Under `approval=agents` a person's post needs none, until an agent has touched it."""
    sky.accounts.set(None, {"approval": "agents"})
    number = sky.schedule("By a person", at="in 1 hour").post_id
    assert not sky.approvals.look(number).wanted
    edit = OPERATIONS["posts.edit"].input(id=number, text="By an agent")
    run(agent(sky, scopes=PERSON), "posts.edit", edit)
    assert sky.approvals.look(number).wanted


def test_nobody_approves_what_they_wrote(sky: Skywrite) -> None:
    """Whoever has changed a draft needs somebody else, and a key needs a person."""
    post = run(agent(sky), "posts.create", CreatePost(text="Mine", at="in 1 hour"))
    author = person(sky)._replace(who="person 3")
    run(author, "posts.edit", OPERATIONS["posts.edit"].input(id=post.id, text="Mine, too"))
    digest = sky.approvals.look(post.id).digest
    with fails("access.denied"):
        run(agent(sky, scopes=PERSON), "posts.approve", ApprovePost(post.id, digest))
    with fails("approval.own_post"):
        run(author, "posts.approve", ApprovePost(post.id, digest))
    assert "scheduled" == run(person(sky), "posts.approve", ApprovePost(post.id, digest)).state


def test_a_stale_digest_approves_nothing(sky: Skywrite) -> None:
    """A script that confirms what it saw an hour ago is refused when the post was changed since."""
    sky.accounts.set(None, {"approval": "all"})
    number = sky.schedule("One", at="in 1 hour").post_id
    digest = sky.approvals.look(number).digest
    sky.posts.move(number, "in 2 hours")
    with fails("approval.stale"):
        sky.approvals.approve(number, digest, "Berta")


def test_the_command_shows_and_confirms(sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal it prints what goes out with the digest; --confirm takes that digest and no other."""
    from skywrite.faces.cli.approve import approve_command, reject_command

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_, **__: world.process())
    sky.accounts.set(None, {"approval": "all"})
    number = sky.schedule("Read me first", at="in 1 hour").post_id
    shown = CliRunner().invoke(approve_command, [str(number)]).output
    digest = sky.approvals.look(number).digest
    assert "Read me first" in shown and f"--confirm {digest} --by NAME" in shown
    done = CliRunner().invoke(approve_command, [str(number), "--confirm", digest, "--by", "Berta"])
    assert (0, True) == (done.exit_code, "is approved" in done.output)
    no = CliRunner().invoke(reject_command, [str(number), "--by", "Berta", "--note", "wait"])
    assert (0, "held") == (no.exit_code, sky.posts.get(number).post.state)


def test_posting_now_waits_for_the_approval(sky: Skywrite, world: World) -> None:
    """`skywrite post` on such an account keeps the post and says what it waits for; nothing is sent."""
    sky.accounts.set(None, {"approval": "all"})
    with fails("post.still_queued", match="approved"):
        sky.post("Now")
    assert [] == world.texts()


def test_who_looks_has_written_nothing(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mention that is looked up while somebody looks makes them no author: they may approve it."""
    from skywrite.protocol.atproto.identity import Resolver
    from skywrite.protocol.atproto.lookups import IdentityUnavailable

    with monkeypatch.context() as away:
        away.setattr(Resolver, "resolve_handle", _fails(IdentityUnavailable("no answer")))
        post = run(agent(sky), "posts.create", CreatePost(text="Hello @bob.test", at="in 1 hour"))
    asked = run(person(sky), "posts.approval", OPERATIONS["posts.approval"].input(id=post.id))
    assert "Hello @bob.test" == asked.posts[0]["text"] and asked.posts[0]["facets"]
    assert "scheduled" == run(person(sky), "posts.approve", ApprovePost(post.id, asked.digest)).state


def _fails(error: Exception) -> Any:
    def resolve(*_: object) -> str:
        raise error

    return resolve


def test_who_schedules_reads_of_the_approval(sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a post is scheduled, and when it is shown, until somebody approves it; a recurrence is approved as one."""
    from skywrite.faces.cli.posting import post_command
    from skywrite.faces.cli.posts import show_command

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_, **__: world.process())
    sky.accounts.set(None, {"approval": "all", "zone": "UTC"})
    scheduled = CliRunner().invoke(post_command, ["The figures", "--at", "tomorrow 9:00"]).output
    number = world.states(sky)[0][0]
    assert f"Only if it is approved by then: skywrite approve {number}" in scheduled
    assert "Approval: this version has not been approved" in CliRunner().invoke(show_command, [str(number)]).output
    sky.approvals.approve(number, sky.approvals.look(number).digest, "Berta")
    assert "Approval:" not in CliRunner().invoke(show_command, [str(number)]).output
    repeated = CliRunner().invoke(post_command, ["Good morning", "--every", "daily 9:00"]).output
    assert "skywrite approve recurring:1" in repeated
