"""Posts that wait for an approval say so wherever they are listed, and afterwards who gave it."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from skywrite.app.operations.plan import ShowPlan
from skywrite.app.operations.post_shapes import CreatePost, ListPosts
from skywrite.app.operations.shapes import ById
from skywrite.app.overview import overview
from skywrite.app.shapes.overview import overview_shape
from skywrite.app.shapes.posts import post_shape
from skywrite.faces.cli.approve import approve_command
from skywrite.faces.cli.posts import list_command, show_command
from skywrite.faces.cli.status import print_status
from skywrite.features.checkup.service import check_run
from tests.app.test_approvals import agent, person, run
from tests.support.world import World

Standing = tuple[bool, str | None]


def _three(sky: Skywrite) -> list[int]:
    """Three posts of an account that wants approvals; the second is approved."""
    sky.accounts.set(None, {"approval": "all", "zone": "UTC"})
    numbers = [sky.schedule(f"Post {number}", at=f"in {number} hours", source="feed:1").post_id for number in (1, 2, 3)]
    sky.approvals.approve(numbers[1], sky.approvals.look(numbers[1]).digest, "Berta")
    return numbers


def _standing(shape: Any) -> Standing:
    """What a document says of an approval."""
    known = shape if isinstance(shape, dict) else {name: getattr(shape, name) for name in shape.__struct_fields__}
    return known["approval_wanted"], known["approved_by"]


EXPECTED: list[Standing] = [(True, None), (False, "Berta"), (True, None)]


def test_every_document_of_a_post_says_what_its_approval_is(sky: Skywrite) -> None:
    """Lists, single posts, the overview, the plan and HTTP, in the same two fields."""
    numbers = _three(sky)
    access = person(sky)
    documents = {
        "list": [post_shape(entry) for entry in sky.posts.list()],
        "get": [post_shape(sky.posts.get(number)) for number in numbers],
        "overview": overview_shape(sky.context, overview(sky.context)).next,
        "GET /posts": run(access, "posts.list", ListPosts()).posts,
        "GET /posts/ID": [run(access, "posts.get", ById(number)) for number in numbers],
    }
    assert dict.fromkeys(documents, EXPECTED) == {
        name: [_standing(item) for item in posts] for name, posts in documents.items()
    }


def test_a_published_post_says_who_approved_it(sky: Skywrite, world: World) -> None:
    """In the history, and where one is shown."""
    number = _three(sky)[1]
    world.clock.advance(2 * 3600)
    sky.run_once()
    expected: list[Standing] = [(False, "Berta")]
    assert expected == [_standing(post_shape(entry)) for entry in sky.posts.history()]
    assert expected == [_standing(post_shape(sky.posts.get(number)))]


def test_a_change_makes_it_wait_again(sky: Skywrite) -> None:
    """Nobody has approved the new text."""
    number = _three(sky)[1]
    assert (True, None) == _standing(post_shape(sky.posts.edit(number, text="Other")))


def test_an_agents_draft_waits(sky: Skywrite) -> None:
    """Whatever its account asks for."""
    post = run(agent(sky), "posts.create", CreatePost(text="From a bot", at="in 1 hour"))
    assert (True, None) == _standing(post)
    approved = sky.approvals.approve(post.id, sky.approvals.look(post.id).digest, "Berta", at="in 1 hour")
    assert (False, "Berta") == _standing(post_shape(approved))


def test_an_approved_recurrence_covers_its_posts(sky: Skywrite) -> None:
    """They say who approved the whole."""
    sky.accounts.set(None, {"approval": "all", "zone": "UTC"})
    rule = sky.schedule("Good morning", every="daily 9:00").recurrence_id
    assert rule is not None
    sky.approvals.approve_recurrence(rule, sky.approvals.look_at_recurrence(rule).digest, "Berta")
    assert [(False, "Berta")] == [_standing(post_shape(entry)) for entry in sky.posts.list()]


def test_an_account_without_approvals_says_nothing(sky: Skywrite) -> None:
    """Its posts wait for nobody."""
    sky.schedule("Plain", at="in 1 hour")
    assert [(False, None)] == [_standing(post_shape(entry)) for entry in sky.posts.list()]


def test_terminals_and_the_check_up_say_it(
    sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The queue, a post, the overview and `doctor`."""
    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_, **__: world.process())
    waiting, approved, _ = _three(sky)
    lines = CliRunner().invoke(list_command, []).output.splitlines()
    assert ["waits for approval", "approved by Berta", "waits for approval"] == [
        line.rpartition("  ")[2] for line in lines if "Post " in line
    ]
    assert f"skywrite approve {waiting}" in CliRunner().invoke(show_command, [str(waiting)]).output
    assert "Approved by: Berta" in CliRunner().invoke(show_command, [str(approved)]).output
    print_status(False)
    assert "2 posts wait for an approval: skywrite approve" in capsys.readouterr().out
    messages = {finding.what: finding.message for finding in check_run(sky)}
    assert "2 posts wait for an approval" == messages["approvals"]


def test_many_are_approved_one_by_one(sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers, ranges and sources: each post is shown and asked for; what is approved already is not asked again."""
    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_, **__: world.process())
    monkeypatch.setattr("skywrite.faces.cli.approve.can_ask", lambda: True)
    first, second, third = _three(sky)
    done = CliRunner().invoke(approve_command, [f"{first}-{third + 5}", "--by", "Carl"], input="y\nn\n")
    assert (0, ["Carl", "Berta", None]) == (
        done.exit_code,
        [sky.posts.get(number).standing.approved_by for number in (first, second, third)],
    )
    assert f"Post {third} waits on" in done.output and "Post 3" in done.output
    rest = CliRunner().invoke(approve_command, ["--all-of", "feed:1", "--by", "Carl"], input="y\n")
    assert (0, "Carl") == (rest.exit_code, sky.posts.get(third).standing.approved_by)
    assert 1 == rest.output.count("Approve exactly this?")


def test_many_in_a_script_are_shown_with_their_digests(
    sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look at each, and one digest for each; a digest stands for one post."""
    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_, **__: world.process())
    first, _, third = _three(sky)
    shown = CliRunner().invoke(approve_command, [str(first), str(third)]).output
    wanted = [f"skywrite approve {n} --confirm {sky.approvals.look(n).digest} --by NAME" for n in (first, third)]
    assert [] == [line for line in wanted if line not in shown]
    refused = CliRunner().invoke(approve_command, [str(first), str(third), "--confirm", "x"])
    assert "one post" in str(refused.exception)
    nothing = CliRunner().invoke(approve_command, ["--all-of", "feed:9"])
    assert "feed:9" in str(nothing.exception)


def test_the_plan_and_calendars_say_it(sky: Skywrite) -> None:
    """A calendar shows what nobody has approved as tentative."""
    from skywrite.features.calendars.routes import calendar_text

    _three(sky)
    plan = run(person(sky), "plan.show", ShowPlan("2026-11-24", "2026-11-26"))
    assert [True, False, True] == [post.approval_wanted for post in plan.posts]
    text = calendar_text("Plan", sky.posts.list(), "https://sky.example")
    assert (2, 1) == (text.count("STATUS:TENTATIVE"), text.count("STATUS:CONFIRMED"))
