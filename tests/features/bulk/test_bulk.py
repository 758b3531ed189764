"""Several posts at once: all of them or none, with one undo, and only what the caller may know of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from skywrite import Skywrite
from skywrite.app.posts import Posts
from skywrite.core.errors import Conflict, InputError, NotFound, SkywriteError
from skywrite.features.bulk.service import read_step, shifted
from skywrite.queue.model import ChangedMeanwhile
from tests.support.serving import Server
from tests.support.world import World


def times(sky: Skywrite, *numbers: int) -> list[datetime | None]:
    """When these posts are due."""
    return [sky.posts.get(number).post.due_at for number in numbers]


def two(sky: Skywrite) -> list[int]:
    """Two posts that wait."""
    return [sky.schedule(f"Waits {day}", at=f"in {day} days").post_id for day in (1, 2)]


def test_posts_are_moved_together_and_back(world: World, sky: Skywrite) -> None:
    """By a day, each from its own time; one undo moves all of them back."""
    numbers = two(sky)
    before = times(sky, *numbers)
    done = sky.bulk.shift(numbers, "1d")
    assert [at + timedelta(days=1) for at in before if at] == times(sky, *numbers)
    undone = sky.posts.undo(done.change)
    assert (("move", 2), before) == ((undone.operation, undone.posts), times(sky, *numbers))


def test_all_of_them_are_changed_or_none(world: World, sky: Skywrite) -> None:
    """The second post is out: the first one stays where it is, and the error names the second."""
    first, second = sky.schedule("Waits", at="in 1 day").post_id, sky.post("Out").id
    before = times(sky, first)
    for act in (lambda: sky.bulk.shift([first, second], "1d"), lambda: sky.bulk.cancel([first, second])):
        with pytest.raises(Conflict, match=f"Post {second} is published"):
            act()
    assert (before, "scheduled") == (times(sky, first), sky.posts.get(first).post.state)
    with pytest.raises(InputError, match="Post 2 was changed, tried or published"):
        sky.posts.undo()


def test_copies_are_new_posts_and_one_undo_removes_them(world: World, sky: Skywrite) -> None:
    """Copies of what waits and of what is out, a week later; undoing leaves only what was there before."""
    waiting, out = sky.schedule("Waits", at="in 1 day").post_id, sky.post("Out").id
    done = sky.bulk.copy([waiting, out], by="7d")
    assert [("Waits", "scheduled"), ("Out", "scheduled")] == [
        (entry.post.text, entry.post.state) for entry in done.posts
    ]
    assert [at + timedelta(days=7) for at in times(sky, waiting, out) if at] == [one.post.due_at for one in done.posts]
    sky.posts.undo(done.change)
    assert [(waiting, "scheduled"), (out, "published")] == world.states(sky)


def test_nothing_is_moved_or_copied_to_a_time_that_has_passed(world: World, sky: Skywrite) -> None:
    """It would go out at once; a published post is copied to its own time where no other is given."""
    out, waiting = sky.post("Out").id, sky.schedule("Waits", at="in 1 day").post_id
    before = times(sky, waiting)
    for act in (
        lambda: sky.bulk.copy([out], to="alice.test"),
        lambda: sky.bulk.copy([waiting], by="-2d"),
        lambda: sky.bulk.shift([waiting], "-25h"),
    ):
        with pytest.raises(InputError, match="which has passed") as refused:
            act()
        assert "time.past" == refused.value.code
    assert (before, 1) == (times(sky, waiting), len(sky.posts.list()))


def test_a_copy_needs_something_of_its_own(world: World, sky: Skywrite) -> None:
    """Without another time or account it says so; a post that is not there, or has no time, is said first."""
    draft, waiting = sky.schedule("Idea", draft=True).post_id, two(sky)[0]
    for number, words in ((99, "no post 99"), (draft, "no time"), (waiting, "same time and account")):
        with pytest.raises(SkywriteError, match=words):
            sky.bulk.copy([number])


def test_an_undo_reaches_a_change_below_others(world: World, sky: Skywrite) -> None:
    """What was done to other posts since stays; the same change cannot be undone twice."""
    numbers = two(sky)
    done = sky.bulk.cancel(numbers)
    other = sky.schedule("Meanwhile", at="in 3 days").post_id
    sky.posts.undo(done.change)
    assert ["scheduled"] * 3 == [sky.posts.get(number).post.state for number in (*numbers, other)]
    with pytest.raises(InputError, match="undone already"):
        sky.posts.undo(done.change)


def test_an_undo_never_overwrites_what_was_changed_since(world: World, sky: Skywrite) -> None:
    """One of the posts was moved again: nothing is undone, of none of them."""
    numbers = two(sky)
    done = sky.bulk.shift(numbers, "1d")
    sky.posts.move(numbers[1], "in 9 days")
    before = times(sky, *numbers)
    with pytest.raises(InputError, match="Nothing was undone"):
        sky.posts.undo(done.change)
    assert before == times(sky, *numbers)


def test_approvals_are_taken_back_together(world: World, sky: Skywrite) -> None:
    """Both wait for an approval again, and so does nothing else; nothing of them can go out."""
    sky.accounts.set(None, {"approval": "all"})
    numbers = two(sky)
    done = sky.bulk.approve({number: sky.approvals.look(number).digest for number in numbers}, "Berta")
    assert [False, False] == [sky.approvals.is_wanted(number) for number in numbers]
    sky.posts.undo(done.change)
    assert [True, True] == [sky.approvals.is_wanted(number) for number in numbers]


def test_an_undo_leaves_the_approval_of_another(world: World, sky: Skywrite) -> None:
    """Two have approved the same post: what the second one takes back is the second approval."""
    sky.accounts.set(None, {"approval": "all"})
    number = sky.schedule("Waits", at="in 1 day").post_id
    digest = sky.approvals.look(number).digest
    for name in ("Ann", "Berta"):
        sky.approvals.approve(number, digest, name)
    sky.posts.undo()
    verdicts = [(verdict.by, verdict.verdict) for verdict in sky.approvals.look(number).verdicts]
    assert ([("Berta", "withdrawn"), ("Ann", "approved")], False) == (verdicts, sky.approvals.is_wanted(number))


def test_an_approved_draft_is_a_draft_again(world: World, sky: Skywrite) -> None:
    """Approving gave it its time; undoing takes both back."""
    number = sky.posts.schedule("Of an agent", draft=True, source="mcp").post_id
    asked = sky.approvals.look(number, at="in 1 day")
    sky.approvals.approve(number, asked.digest, "Berta", at=asked.post.due_at)
    assert "scheduled" == sky.posts.get(number).post.state
    sky.posts.undo()
    assert ("draft", True) == (sky.posts.get(number).post.state, sky.approvals.is_wanted(number))


def test_one_stale_digest_approves_none(world: World, sky: Skywrite) -> None:
    """The second post was changed since it was looked at: the first one is not approved either."""
    sky.accounts.set(None, {"approval": "all"})
    numbers = two(sky)
    digests = {number: sky.approvals.look(number).digest for number in numbers}
    sky.posts.edit(numbers[1], text="Changed since")
    with pytest.raises(SkywriteError, match=f"Post {numbers[1]} is not what you looked at"):
        sky.bulk.approve(digests, "Berta")
    assert [True, True] == [sky.approvals.is_wanted(number) for number in numbers]


@pytest.mark.parametrize(("by", "step"), [("1d", 86_400), ("-2h30m", -9000), (" +45m ", 2700)])
def test_a_step_goes_both_ways(by: str, step: int) -> None:
    """A minus means earlier."""
    assert timedelta(seconds=step) == read_step(by)


@pytest.mark.parametrize("by", ["", "0d", "-", "tomorrow", "--1d", "- -1d"])
def test_a_step_that_says_nothing_is_refused(by: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(InputError):
        read_step(by)


def test_nine_stays_nine_when_clocks_change() -> None:
    """Days are those of the wall clock, also backwards; hours are exact."""
    before = datetime(2027, 3, 27, 8, tzinfo=UTC)
    after = shifted(before, timedelta(days=1), "Europe/Berlin")
    assert (datetime(2027, 3, 28, 7, tzinfo=UTC), before) == (
        after,
        shifted(after, timedelta(days=-1), "Europe/Berlin"),
    )
    assert before + timedelta(hours=23) == shifted(before, timedelta(hours=23), "Europe/Berlin")


def test_a_key_for_one_account_changes_and_undoes_nothing_of_another(quiet_server: Server) -> None:
    """A post of another account among those chosen is unknown, and nothing is done to the rest of them."""
    owner = quiet_server.as_owner()
    mine, other = (
        owner.post("/posts", {"text": "Several", "at": "in 30 days", "account": account}).json()
        for account in ("alice.test", "bob.test")
    )
    key = quiet_server.with_key("read", "draft", "schedule", accounts=("alice.test",))
    chosen = {"posts": [{"id": mine["id"]}, {"id": other["id"]}]}
    refused = [
        key.post("/bulk/shift", {**chosen, "by": "1d"}).status_code,
        key.post("/bulk/copy", chosen).status_code,
        key.post("/bulk/copy", {"posts": [{"id": mine["id"]}], "to": "bob.test"}).status_code,
        key.post("/bulk/cancel", chosen).status_code,
    ]
    done = owner.post("/bulk/cancel", chosen).json()
    refused.append(key.post(f"/changes/{done['change']}/undo").status_code)
    assert [404] * 5 == refused
    assert 200 == owner.post(f"/changes/{done['change']}/undo").status_code
    shown = [owner.get(f"/posts/{one['id']}").json() for one in (mine, other)]
    assert [("scheduled", mine["due_at"]), ("scheduled", other["due_at"])] == [
        (one["state"], one["due_at"]) for one in shown
    ]


def test_a_change_based_on_an_old_version_is_refused(world: World, sky: Skywrite) -> None:
    """The second post was moved meanwhile: neither is cancelled."""
    numbers = two(sky)
    versions = {number: sky.posts.get(number).post.version for number in numbers}
    sky.posts.move(numbers[1], "in 5 days")
    with pytest.raises(ChangedMeanwhile, match="was changed meanwhile"):
        sky.bulk.cancel(numbers, versions=versions)
    assert [(numbers[0], "scheduled"), (numbers[1], "scheduled")] == world.states(sky)
    with pytest.raises(NotFound):
        sky.bulk.cancel([999])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a bug")], ids=["Ctrl-C", "a bug"])
def test_what_ends_it_in_the_middle_leaves_nothing_changed(
    world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Also what is no error of ours: the first post is as it was."""
    numbers = two(sky)
    cancel = Posts.cancel

    def ended(posts: Posts, number: int, **more: Any) -> Any:
        if number == numbers[1]:
            raise error
        return cancel(posts, number, **more)

    monkeypatch.setattr(Posts, "cancel", ended)
    with pytest.raises(type(error)):
        sky.bulk.cancel(numbers)
    assert [(number, "scheduled") for number in numbers] == world.states(sky)


def test_nobody_sees_a_part_of_it(world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the second post is moved, another process still reads both as they were."""
    numbers, other = two(sky), world.process()
    before, seen, move = times(sky, *numbers), [], Posts.move

    def moved(posts: Posts, number: int, *arguments: Any, **more: Any) -> Any:
        done = move(posts, number, *arguments, **more)
        seen.append(times(other, *numbers))
        return done

    monkeypatch.setattr(Posts, "move", moved)
    sky.bulk.shift(numbers, "1d")
    assert ([before, before], True) == (seen, before != times(other, *numbers))
