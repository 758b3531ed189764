"""Posting now: stored first, then sent, once, whatever comes between."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.posts import LAST_SOUGHT, Posts
from skywrite.core.errors import InputError, SkywriteError
from skywrite.core.http import Response
from skywrite.posting.publish.decide import Decider
from skywrite.posting.publish.publisher import LEASE_SECONDS
from skywrite.queue.changing import DELETED
from skywrite.queue.database import Row
from skywrite.queue.model import Failed, Post, Problem, Slot
from skywrite.queue.rows import post_of
from skywrite.sandbox.transport import SandboxTransport
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.world import Told, World

APPLY = "com.atproto.repo.applyWrites"


def test_a_post_is_on_the_network_when_it_returns(world: World, sky: Skywrite) -> None:
    """Its at-uri, CID and page are those of the record."""
    sent = sky.post("Hello #world")
    there = world.box.posts("alice.test")[0]
    assert (there.uri, there.cid, "Hello #world") == (sent.uri, sent.cid, there.text)
    assert f"https://bsky.app/profile/alice.test/post/{there.uri.rpartition('/')[2]}" == sent.url
    assert [(1, "published")] == world.states(sky)


def test_a_lost_answer_is_settled_by_looking(world: World, sky: Skywrite) -> None:
    """The write was carried out and its answer lost: it is found there, and not written again."""
    world.box.faults.add(APPLY, kind="drop_after")
    sky.post("Once")
    assert (["Once"], 1) == (world.texts(), world.box.calls[APPLY])


def test_a_key_posts_once_and_says_so(world: World, sky: Skywrite) -> None:
    """The second call answers with the post that is there."""
    first = sky.post("Release 1.0", key="v1")
    second = sky.post("Release 1.0, again", key="v1")
    assert (first.id, first.uri, first.cid, first.url) == (second.id, second.uri, second.cid, second.url)
    assert ["Release 1.0"] == world.texts()
    assert "The key 'v1' was already used" in second.warnings[0]


def test_the_same_text_under_another_key_is_another_post(world: World, sky: Skywrite) -> None:
    """A key tells posts apart, also from one that waits with the same words."""
    world.box.faults.add(APPLY, kind="error_500", times=3)
    with fails("post.still_queued"):
        sky.post("Weekly", key="week-1")
    sky.post("Weekly", key="week-2")
    assert [(1, "scheduled"), (2, "published")] == world.states(sky)
    sky.post("Weekly", key="week-1")
    assert [(1, "published"), (2, "published")] == world.states(sky)


def test_what_could_not_be_sent_waits_and_is_sent_once(world: World, sky: Skywrite) -> None:
    """The same call again sends the one that waits."""
    world.box.faults.add(APPLY, kind="refused", times=None)
    with fails("post.still_queued") as caught:
        sky.post("Patience")
    world.box.faults.clear()
    assert ("Post 1 is not sent yet", 4) == (caught.value.message[:22], caught.value.exit_code)
    sent = sky.post("Patience")
    assert (1, ["Patience"]) == (sent.id, world.texts())
    assert ["The same text was waiting as post 1: that one was sent."] == list(sent.warnings)


def test_what_was_given_a_time_to_come_waits_for_it(world: World, sky: Skywrite) -> None:
    """The same words posted now are a post of their own, also beside one of `post --jsonl` or one that was moved."""
    sky.transfer.post_rows([{"text": "Doors open!", "at": "2026-12-01T09:00:00Z"}])
    world.box.faults.add(APPLY, kind="refused", times=None)
    with fails("post.still_queued"):
        sky.post("Patience")
    world.box.faults.clear()
    sky.posts.move(2, "2026-12-02T09:00:00Z")
    sent = [sky.post("Doors open!"), sky.post("Patience")]
    assert [(1, "scheduled"), (2, "scheduled"), (3, "published"), (4, "published")] == world.states(sky)
    assert [f"The same text is in post {number} (scheduled)." for number in (1, 2)] == [one.warnings[0] for one in sent]


def test_a_page_that_changes_makes_no_second_post(world: World, sky: Skywrite) -> None:
    """What waits is the same post, though its card says something else by now."""
    row = {"text": "See https://example.test/a", "card": {"url": "https://example.test/a", "title": "Old"}}
    world.box.faults.add(APPLY, kind="refused", times=None)
    with fails("post.still_queued"):
        sky.post(**row)
    world.box.faults.clear()
    sky.post(row["text"], card={"url": "https://example.test/a", "title": "New"})
    assert [(1, "published")] == world.states(sky)


def test_what_is_posted_twice_on_purpose_is_reported(world: World, sky: Skywrite) -> None:
    """Nothing hinders it; the writer learns of it."""
    sky.post("Good morning")
    again = sky.post("Good morning")
    assert (["Good morning"] * 2, ("The same text is in post 1 (published).",)) == (world.texts(), again.warnings)


def test_killed_between_storing_and_sending(world: World, sky: Skywrite) -> None:
    """The next run finishes the post, once."""
    ready = sky._drafting.prepare(sky._drafting.draft(sky.accounts.get(), {"text": "Left behind"}), sky.accounts.get())
    new = sky._drafting.new_post(ready, due_at=world.clock.now(), source="now")
    sky.context.store.claims.add_and_claim(new, "elsewhere/1/a", LEASE_SECONDS, Decider())
    other = world.process()
    other.run_once()
    assert [] == world.texts()
    world.clock.advance(LEASE_SECONDS + 1)
    other.run_once()
    other.run_once()
    assert (["Left behind"], [(1, "published")]) == (world.texts(), world.states(other))


def test_killed_after_the_write(world: World, sky: Skywrite) -> None:
    """It is on the network, and the database does not know: the next run looks, and writes nothing."""
    ready = sky._drafting.prepare(sky._drafting.draft(sky.accounts.get(), {"text": "Written"}), sky.accounts.get())
    new = sky._drafting.new_post(ready, due_at=world.clock.now(), source="now")
    _, claim = sky.context.store.claims.add_and_claim(new, "elsewhere/1/a", LEASE_SECONDS, Decider())
    assert claim is not None
    sky._sending.publisher().publish(claim)
    world.clock.advance(LEASE_SECONDS + 1)
    world.process().run_once()
    assert (["Written"], [(1, "published")]) == (world.texts(), world.states(sky))


def test_a_worker_that_has_the_account_sends_it(world: World, sky: Skywrite) -> None:
    """While another process publishes for the account, the call waits for it and answers with its result."""
    sky.schedule("First", at="now")
    worker = world.process()
    claim = claim_next(worker.context.store, worker.context.worker_name, LEASE_SECONDS, Decider())
    assert claim is not None

    class Settles:
        """The wait in which the other process finishes, and takes the next post too."""

        def __init__(self) -> None:
            self.waits = 0

        def __call__(self, event: threading.Event, seconds: float) -> bool:
            self.waits += 1
            result = worker._sending.publisher().publish(claim)
            worker.context.store.claims.settle(claim, result.outcome)
            worker.run_once()
            return False

    waiting = Settles()
    world.clock.wait = waiting  # type: ignore[method-assign]
    sent = sky.post("Second")
    assert (["First", "Second"], 1) == (world.texts(), waiting.waits)
    assert world.box.posts("alice.test")[1].uri == sent.uri


def test_a_busy_account_is_not_waited_for_for_ever(world: World, sky: Skywrite) -> None:
    """The post stays in the queue."""
    sky.schedule("First", at="now")
    worker = world.process()
    assert claim_next(worker.context.store, "elsewhere/1/a", LEASE_SECONDS, Decider())
    with fails("post.still_queued") as caught:
        sky.post("Second")
    assert "busy with another post" in caught.value.message


def test_spacing_is_reported_at_once(world: World, sky: Skywrite) -> None:
    """Nobody waits twenty seconds to learn that the account waits for an hour."""
    sky.accounts.set(None, {"gap_seconds": 3600})
    sky.post("First")
    with fails("post.still_queued") as caught:
        sky.post("Second")
    assert "it waits until 2026-11-24 13:00:00 UTC: the account's spacing" in caught.value.message
    assert timedelta(seconds=1) > world.clock.now() - sky.context.store.posts.get(2).created_at


def test_a_rate_limit_is_reported_at_once(world: World, sky: Skywrite) -> None:
    """With the moment at which it ends; the next call does not ask the server before."""
    world.box.faults.add(APPLY, kind="rate_limited", seconds=600)
    with fails("post.still_queued"):
        sky.post("First")
    calls = world.box.calls[APPLY]
    with fails("post.still_queued") as caught:
        sky.post("Second")
    assert ("until 2026-11-24 12:10:00 UTC" in caught.value.message, calls) == (True, world.box.calls[APPLY])


def test_a_key_of_a_post_for_later(world: World, sky: Skywrite) -> None:
    """The post under this key is not sent before its time, and the call does not wait for it."""
    sky.schedule("Later", at="tomorrow 9:00 UTC", key="k")
    with fails("post.still_queued") as caught:
        sky.post("Later", key="k")
    assert "2026-11-25 09:00:00 UTC: that is its time" in caught.value.message
    assert [] == world.texts()


def test_a_key_scheduled_twice_answers_with_the_first_post(world: World, sky: Skywrite) -> None:
    """Nothing is added, and the answer shows the first post as it is: its time and state, not those asked for."""
    first = sky.schedule("Later", at="tomorrow 9:00 UTC", key="k")
    sky.posts.cancel(first.post_id)
    again = sky.schedule("Other", at="tomorrow 10:00 UTC", key="k")
    expected = (first.id, True, True, first.due_at, "cancelled", ["KeyUsed"])
    warnings = [notice.name for notice in again.warnings]
    assert expected == (again.id, again.existed, again.other_draft, again.due_at, again.state, warnings)


@pytest.mark.parametrize(("verb", "error"), [("cancel", "post.wrong_state"), ("hold", "post.still_queued")])
def test_a_key_of_a_post_that_will_not_go_out(world: World, sky: Skywrite, verb: str, error: type) -> None:
    """The call says what became of it."""
    sky.schedule("Later", at="tomorrow 9:00 UTC", key="k")
    getattr(sky.posts, verb)(1)
    with fails(error) as caught:
        sky.post("Later", key="k")
    assert caught.value.message.startswith("Post 1 ")


def test_a_key_of_a_post_that_was_refused(world: World, sky: Skywrite) -> None:
    """It is not sent again, and what the server said is told again."""
    sky.schedule("Bad", at="now", key="k")
    claim = claim_next(sky.context.store, sky.context.worker_name, LEASE_SECONDS, Decider())
    assert claim is not None
    sky.context.store.claims.settle(claim, Failed(Problem("InvalidRecord", "no such thing")))
    with fails("post.refused") as caught:
        sky.post("Bad", key="k")
    assert ("Post 1 was refused: no such thing", 5) == (caught.value.message, caught.value.exit_code)


def test_a_session_that_is_over_holds_the_post_until_the_sign_in(world: World, sky: Skywrite) -> None:
    """Signing in lets it go out, once, also when the same text is posted again."""
    world.box._pds.sessions.revoke_all(world.box.account("alice.test").did)
    world.clock.advance(3 * 3600)
    with fails("session.expired"):
        sky.post("Held")
    with fails("account.signed_out"):
        sky.post("Held")
    assert [(1, "held")] == world.states(sky)
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    assert [(1, "scheduled")] == world.states(sky)
    sky.post("Held")
    assert (["Held"], [(1, "published")]) == (world.texts(), world.states(sky))


def test_a_post_for_an_account_without_session_is_refused_at_once(world: World, sky: Skywrite) -> None:
    """Nothing is stored that would go out by surprise at the next sign-in."""
    sky.accounts.logout()
    with fails("account.signed_out"):
        sky.post("Too late")
    assert [] == world.states(sky)


def test_media_are_kept_with_the_post(world: World, sky: Skywrite, image: Callable[..., str]) -> None:
    """The file may go once the post is accepted."""
    path = image()
    sky.schedule("Image", at="in 1 hour", images=[{"path": path, "alt": "Red"}])
    Path(path).unlink()
    world.clock.advance(3601)
    sky.run_once()
    assert [("Red",)] == [post.images for post in world.box.posts("alice.test")]


def test_a_file_that_changes_while_it_is_read_is_reported(
    world: World, sky: Skywrite, image: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes are never stored under a name that is not theirs."""
    ready = sky._drafting.prepare(sky._drafting.draft(sky.accounts.get(), {"images": [image()]}), sky.accounts.get())
    cid = next(iter(ready.resolved.media))
    ready.resolved.media[cid] = lambda: iter([b"other bytes"])
    with fails("media.changed"):
        sky._drafting.keep_media([ready])
    assert None is sky.context.store.media.info(cid)


def test_settings_of_the_account_hold_for_the_whole_thread(world: World, sky: Skywrite) -> None:
    """Markdown that is switched off stays as it is in each post; a post may say otherwise."""
    sky.accounts.set(None, {"markdown": False})
    sky.post(
        "[a](https://a.test)",
        card="none",
        thread=["[b](https://b.test)", {"text": "[c](https://c.test)", "markdown": True, "card": "none"}],
    )
    assert ["[a](a.test)", "[b](b.test)", "c"] == world.texts()


def test_too_long_is_reported_before_anything_is_asked(world: World, sky: Skywrite) -> None:
    """No page is fetched and no handle looked up for a text that cannot be posted."""
    asked = world.box.calls.total()
    with pytest.raises(InputError):
        sky.post("@bob.test https://example.test " + "x" * 300)
    assert asked == world.box.calls.total()


def test_two_processes_never_share_a_slot(world: World, sky: Skywrite) -> None:
    """One that was overtaken between looking and storing takes the next slot."""
    sky.accounts.set_slots(None, [Slot(day, 18 * 60, "UTC") for day in range(7)])
    other = world.process()
    add = other.context.store.posts.add

    def overtaken(posts: Any, **more: Any) -> Any:
        other.context.store.posts.add = add  # type: ignore[method-assign]
        sky.schedule("Quick")
        return add(posts, **more)

    other.context.store.posts.add = overtaken  # type: ignore[method-assign]
    slow = other.schedule("Slow")
    assert [datetime(2026, 11, day, 18, tzinfo=UTC) for day in (24, 25)] == [
        sky.context.store.posts.get(number).due_at for number in (1, 2)
    ]
    assert (2, datetime(2026, 11, 25, 18, tzinfo=UTC)) == (slow.id, slow.due_at)


class Changing(SandboxTransport):
    """A server that stores something else than it was sent."""

    def request(self, method: str, url: str, **more: Any) -> Response:
        """As `skywrite.core.http.Transport`."""
        answer = super().request(method, url, **more)
        if not url.endswith(APPLY):
            return answer
        document = json.loads(answer.body)
        document["results"][0]["cid"] = "bafyother"
        return answer._replace(body=json.dumps(document).encode())


def test_what_a_server_changed_is_reported_as_it_is(world: World, sky: Skywrite, told: Told) -> None:
    """It is public, so it is no failed post; the queue names what is there, and the log says so."""
    other = world.process(transport=Changing(world.box))
    other.schedule("Hello", at="now")
    other.run_once(log=told)
    post = other.context.store.posts.get(1)
    assert ("published", "bafyother", ["Hello"]) == (post.state, post.cid, world.texts())
    assert 1 == told.events().count("stored_otherwise")


def test_the_last_post_is_found_behind_any_number_that_was_deleted(world: World, sky: Skywrite) -> None:
    """Whatever was deleted since, the last that is there is the last."""
    there = sky.post("There")
    for number in range(LAST_SOUGHT):
        sky.post(f"Gone {number}")
    with closing(sqlite3.connect(sky.context.config.database)) as database, database:
        database.execute("UPDATE post SET error_code = ?, error_message = '', error_hint = '' WHERE id > 1", (DELETED,))
    assert there.uri == sky.posts.last_published()


@pytest.mark.parametrize("value", [1.5, 2**64, {"$link": "x"}, float("nan"), float("inf"), "\ud800", {1: 2}])
def test_what_no_record_can_hold_is_refused_when_it_is_accepted(world: World, sky: Skywrite, value: Any) -> None:
    """Not when its time has come."""
    external = {"uri": "https://a.example/", "title": "t", "description": "d"}
    with fails("record.invalid"):
        sky.schedule(
            "x", at="in 1 hour", embed={"$type": "app.bsky.embed.external", "external": external, "odd": value}
        )
    assert [] == sky.context.store.listing.posts()


def test_what_waits_for_days_goes_out_when_it_is_posted_again(world: World, sky: Skywrite) -> None:
    """Its writer wants it out now, however late that is."""
    world.box.faults.add(APPLY, kind="refused", times=None)
    with fails("post.still_queued"):
        sky.post("Patience")
    world.box.faults.clear()
    world.clock.advance(3 * 86_400)
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    sky.post("Patience")
    assert ([(1, "published")], ["Patience"]) == (world.states(sky), world.texts())


def test_an_image_alone_is_compared_with_no_other(
    sky: Skywrite, image: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many images without a text wait for their time, none is read to post one more."""
    for hours in range(1, 6):
        sky.schedule("", at=f"in {hours} hours", images=[(image(), "Red")])
    read: list[int] = []

    def watched(row: Row) -> Post:
        read.append(row["id"])
        return post_of(row)

    monkeypatch.setattr("skywrite.queue.posts.post_of", watched)
    sent = sky.post("", images=[(image(), "Red")])
    assert [] == [number for number in read if number != sent.id]


def test_options_of_another_type_are_errors(sky: Skywrite) -> None:
    """A number where text belongs, in any option of a post, says so; nothing is stored."""
    options = [name for name, option in signature(Posts.schedule).parameters.items() if "str" in str(option.annotation)]
    options.remove("source")
    for name in options:
        for value in (9, 9.5, [], b"x", date(2027, 1, 1)):
            when = {"at": "tomorrow 9:00"} if name in ("at", "key") else {"every": "daily 9:00"}
            with pytest.raises(SkywriteError, match=r"not text|a text|list of texts|an empty list|not signed in"):
                sky.schedule(**{"text": "Hello", **when, name: value})
    assert (True, []) == ({"at", "every", "until", "zone"} < set(options), sky.posts.list())
