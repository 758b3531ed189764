"""Changing what waits: edits with everything checked again, moves, cancels, deletes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import InputError
from skywrite.posting.publish.decide import Decider
from skywrite.posting.publish.publisher import LEASE_SECONDS
from skywrite.protocol.fetch.card import Card
from skywrite.queue.model import ChangedMeanwhile
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.media import media_of
from tests.support.world import NOON, World, before_each_write

LATER = "in 1 hour"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every page has a card; the addresses that were asked for."""
    asked: list[str] = []

    def fetch_card(fetcher: object, url: str, **_: Any) -> Card:
        asked.append(url)
        return Card(url, f"Title of {url}", "")

    monkeypatch.setattr("skywrite.protocol.fetch.card.fetch_card", fetch_card)
    return asked


def card_of(sky: Skywrite, post_id: int, index: int = 0) -> str | None:
    """The address of a post's card."""
    embed = sky.context.store.posts.get(post_id).prepared["records"][index].get("embed", {})
    external = (embed.get("media") or embed).get("external")
    return external["uri"] if external else None


def test_another_text_finds_its_own_card(sky: Skywrite, pages: list[str]) -> None:
    """The card follows the first link; without a link there is none; with one again it is back."""
    sky.schedule("See https://a.test", at=LATER)
    seen = [card_of(sky, 1)]
    for text in ("See https://b.test", "Nothing to see", "See https://c.test"):
        sky.posts.edit(1, text=text)
        seen.append(card_of(sky, 1))
    assert ["https://a.test", "https://b.test", None, "https://c.test"] == seen


def test_a_card_that_the_text_does_not_name_stays(sky: Skywrite, pages: list[str]) -> None:
    """It was asked for; the words beside it may change."""
    sky.schedule("Read this", at=LATER, card="https://a.test")
    sky.posts.edit(1, text="Read that")
    assert "https://a.test" == card_of(sky, 1)


def test_no_card_stays_no_card(sky: Skywrite, pages: list[str]) -> None:
    """The writer has said so."""
    sky.schedule("See https://a.test", at=LATER, card="none")
    sky.posts.edit(1, text="See https://b.test")
    assert (None, []) == (card_of(sky, 1), pages)


def test_a_card_of_another_page_stays_with_another_text(sky: Skywrite, pages: list[str]) -> None:
    """Its address was given: no link of any text takes its place."""
    sky.schedule("See https://a.test", at=LATER, card="https://given.test")
    sky.posts.edit(1, text="See https://b.test")
    assert ("https://given.test", ["https://given.test"]) == (card_of(sky, 1), pages)


def test_a_card_of_a_link_with_umlauts_follows_the_text(sky: Skywrite, pages: list[str]) -> None:
    """The page is the same one, however its address is written."""
    sky.schedule("See https://bücher.test/ä", at=LATER)
    sky.posts.edit(1, text="See https://b.test")
    assert "https://b.test" == card_of(sky, 1)


def test_a_draft_that_gets_a_time_is_looked_at_like_a_new_post(sky: Skywrite) -> None:
    """The same text elsewhere is noticed, also where the text itself was not touched."""
    sky.schedule("Twice", at=LATER)
    sky.schedule("Twice", draft=True)
    noticed = [str(warning) for warning in sky.posts.edit(2, at="in 2 hours").warnings]
    assert ["The same text is in post 1 (scheduled)."] == noticed


def test_images_stay_with_another_text(world: World, sky: Skywrite, image: Callable[..., str]) -> None:
    """What is not given stays as it is, bytes and description too."""
    sky.schedule("Old", at=LATER, images=[{"path": image(), "alt": "Red"}])
    before = media_of(sky.context.store, 1)
    sky.posts.edit(1, text="New")
    world.clock.advance(3601)
    sky.run_once()
    assert (before, [("New", ("Red",))]) == (
        media_of(sky.context.store, 1),
        [(post.text, post.images) for post in world.box.posts("alice.test")],
    )


def test_images_take_the_place_of_a_card(
    world: World, sky: Skywrite, pages: list[str], image: Callable[..., str]
) -> None:
    """And the card comes back when they go; nothing is said of a card that nobody asked for."""
    sky.schedule("See https://a.test", at=LATER)
    changed = sky.posts.edit(1, images=[{"path": image(), "alt": "Red"}])
    assert (None, (), 1) == (card_of(sky, 1), changed.warnings, len(media_of(sky.context.store, 1)))
    sky.posts.edit(1, images=[])
    assert ("https://a.test", []) == (card_of(sky, 1), media_of(sky.context.store, 1))


def test_a_thread_is_edited(world: World, sky: Skywrite, pages: list[str]) -> None:
    """Its first post alone, and its rest."""
    sky.schedule("one", at=LATER, thread=["two", "see https://a.test"])
    sky.posts.edit(1, text="ONE")
    sky.posts.edit(1, thread=["TWO"], at="in 2 hours")
    world.clock.advance(7201)
    sky.run_once()
    assert ["ONE", "TWO"] == world.texts()


def test_each_post_of_a_thread_has_its_own_card(sky: Skywrite, pages: list[str]) -> None:
    """The first link of each."""
    sky.schedule("one https://a.test", at=LATER, thread=["two", "three https://c.test"])
    assert ["https://a.test", None, "https://c.test"] == [card_of(sky, 1, index) for index in range(3)]


def test_a_card_beside_a_quote(world: World, sky: Skywrite, pages: list[str]) -> None:
    """One that is asked for goes with the quote; a link in the text makes none."""
    quoted = sky.post("Quote me").uri
    sky.post("With https://a.test", quote=quoted)
    sky.post("With a card", quote=quoted, card="https://a.test")
    embeds = [record["embed"] for record in world.records()[1:]]
    assert ["app.bsky.embed.record", "app.bsky.embed.recordWithMedia"] == [embed["$type"] for embed in embeds]
    assert "https://a.test" == embeds[1]["media"]["external"]["uri"]


def test_a_card_beside_images_is_reported(sky: Skywrite, pages: list[str], image: Callable[..., str]) -> None:
    """Bluesky shows one or the other; the images are taken, and the writer knows."""
    scheduled = sky.schedule("x", at=LATER, card="https://a.test", images=[(image(), "Red")])
    assert ("The card of https://a.test is left out: a post with images or a video has no card.",) == scheduled.warnings
    sky.posts.edit(1, images=[])
    assert "https://a.test" == card_of(sky, 1)


def test_an_edit_is_checked_like_a_new_post(sky: Skywrite) -> None:
    """What is wrong is told, and the post stays as it was."""
    sky.schedule("Good", at=LATER)
    with fails("text.too_long"):
        sky.posts.edit(1, text="x" * 301)
    assert "Good" == sky.context.store.posts.get(1).text


def test_an_edit_tells_what_is_odd(sky: Skywrite, image: Callable[..., str]) -> None:
    """A dead mention, an image without words, the same text and the same minute elsewhere."""
    sky.schedule("Twice", at=LATER)
    sky.schedule("Other", at="in 3 hours")
    changed = sky.posts.edit(2, text="Twice @nobody.test", images=[image()])
    assert [True, True] == [
        any(word in text for text in changed.warnings) for word in ("@nobody.test", "has no alt text")
    ]
    assert ("The same text is in post 1 (scheduled).",) == sky.posts.edit(2, text="Twice", images=[]).warnings
    assert ("Post 1 goes out in the same minute.",) == sky.posts.move(2, NOON + timedelta(hours=1)).warnings


def test_a_draft_goes_out_once_it_has_a_time(world: World, sky: Skywrite) -> None:
    """Before it waits without one."""
    sky.schedule("Some day", draft=True)
    world.clock.advance(10**6)
    sky.run_once()
    assert [] == world.texts()
    moved = sky.posts.move(1, "in 5 minutes")
    world.clock.advance(301)
    sky.run_once()
    assert ("scheduled", ["Some day"]) == (moved.post.state, world.texts())


def test_what_is_being_published_is_left_alone(world: World, sky: Skywrite) -> None:
    """It may be on the network already: no edit, no move, no cancel, with the reason."""
    sky.schedule("Going", at="now")
    assert claim_next(sky.context.store, "elsewhere/1/a", LEASE_SECONDS, Decider())
    for error, act in (
        ("post.not_editable", lambda: sky.posts.edit(1, text="Else")),
        ("post.not_editable", lambda: sky.posts.move(1, LATER)),
        ("post.not_cancellable", lambda: sky.posts.cancel(1)),
    ):
        with fails(error) as caught:
            act()
        assert "being published right now" in caught.value.message


def test_undo_while_a_post_is_being_sent_takes_nothing_back(world: World, sky: Skywrite) -> None:
    """It may be on the network already, and goes out once."""
    sky.schedule("Going", at="now")

    def undo() -> None:
        with fails("undo.impossible"):
            sky.posts.undo()

    before_each_write(world, undo)
    sky.run_once()
    assert (["Going"], [(1, "published")]) == (world.texts(), world.states(sky))


def test_a_sign_out_while_a_post_is_being_sent(world: World, sky: Skywrite) -> None:
    """What is on its way is settled as published, what waits goes out after the next sign-in, each once."""
    for text in ("Going", "Waiting"):
        sky.schedule(text, at="now")
    before_each_write(world, lambda: sky.context.store.accounts.sign_out(sky.accounts.get().did))
    sky.run_once()
    first = (world.texts(), world.states(sky))
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    world.clock.advance(600)
    sky.run_once()
    assert ((["Going"], [(1, "published"), (2, "scheduled")]), ["Going", "Waiting"]) == (first, world.texts())


def test_what_is_cancelled_never_goes_out(world: World, sky: Skywrite) -> None:
    """Not at its time, not later."""
    sky.schedule("No", at=LATER)
    sky.posts.cancel(1)
    world.clock.advance(10**5)
    sky.run_once()
    assert ([], [(1, "cancelled")]) == (world.texts(), world.states(sky))


def test_a_thread_is_deleted_whole_by_its_number(world: World, sky: Skywrite) -> None:
    """With its gates."""
    sky.post("one", thread=["two"], replies=["nobody"], quotes=False)
    sky.posts.delete(1)
    assert [[], [], []] == [
        world.box.records("alice.test", f"app.bsky.feed.{name}") for name in ("post", "threadgate", "postgate")
    ]


@pytest.mark.parametrize(
    "form", ["at://{did}/app.bsky.feed.post/{rkey}", "https://bsky.app/profile/Alice.TEST/post/{rkey}"]
)
def test_a_post_is_deleted_by_its_link(world: World, sky: Skywrite, form: str) -> None:
    """However its handle is written."""
    sent = sky.post("Away")
    sky.posts.delete(form.format(did=sky.accounts.get().did, rkey=sent.uri.rpartition("/")[2]))
    assert [] == world.texts()


def test_posts_of_others_are_not_deleted(sky: Skywrite) -> None:
    """The account is named that would be asked."""
    with pytest.raises(InputError) as caught:
        sky.posts.delete("https://bsky.app/profile/bob.test/post/3k")
    assert "not a post of alice.test" in caught.value.message


def test_who_may_reply_is_said_where_the_conversation_begins(world: World, sky: Skywrite) -> None:
    """A gate at an answer would have no effect, so it is refused."""
    first = sky.post("Begin").uri
    with pytest.raises(InputError):
        sky.schedule("Answer", at=LATER, reply_to=first, replies=["nobody"])


def test_a_thread_with_more_records_than_a_commit_holds(sky: Skywrite) -> None:
    """It is told when it is accepted, and not when it is sent."""
    with pytest.raises(InputError) as caught:
        sky.schedule("1", at=LATER, thread=[str(number) for number in range(99)], quotes=False, replies=["nobody"])
    assert "201 records" in caught.value.message


def test_a_released_post_is_not_held_again(world: World, sky: Skywrite) -> None:
    """Its user has decided, also where the account's manners make it wait for longer than its grace."""
    sky.accounts.set(None, {"max_per_day": 1})
    sky.schedule("Late", at="in 1 hour", late="hold:30m")
    world.clock.advance(7200)
    sky.run_once()
    sky.post("First of the day")
    assert "held" == sky.context.store.posts.get(1).state
    sky.posts.release(1)
    sky.run_once()
    assert "scheduled" == sky.context.store.posts.get(1).state
    world.clock.advance(86_400)
    sky.run_once()
    assert ["First of the day", "Late"] == world.texts()


def test_a_released_post_waits_for_its_day(world: World, sky: Skywrite) -> None:
    """It is no longer held, and goes out neither before its time nor with the post before it."""
    sky.schedule("Tomorrow", at="in 1 day")
    sky.schedule("In a week", at="in 7 days")
    sky.posts.hold(2)
    sky.posts.release(2)
    told = []
    for days in (1, 5, 1):
        world.clock.advance(days * 86_400 + 1)
        sky.run_once()
        told.append(world.texts())
    assert [["Tomorrow"], ["Tomorrow"], ["Tomorrow", "In a week"]] == told


def test_held_and_released_in_time_it_keeps_its_policy(world: World, sky: Skywrite) -> None:
    """What becomes of it when its time is missed was never in question."""
    sky.schedule("In time or not at all", at="in 1 hour", late="skip:30m")
    sky.posts.hold(1)
    sky.posts.release(1)
    world.clock.advance(7200)
    sky.run_once()
    assert [(1, "cancelled")] == world.states(sky)


def test_the_last_change_is_taken_back(world: World, sky: Skywrite) -> None:
    """A cancel by mistake: the post waits again, and goes out at its time; what was published is not taken back."""
    sky.schedule("Once", at=LATER)
    sky.posts.cancel(1)
    assert ("cancel", (1,)) == (sky.posts.undo().operation, (1,))
    world.clock.advance(3600)
    sky.run_once()
    assert ["Once"] == world.texts()
    with fails("undo.impossible"):
        sky.posts.undo()


def test_an_import_is_taken_back(world: World, sky: Skywrite) -> None:
    """All its posts and rules are gone, and what was there before stays."""
    sky.schedule("Stays", at=LATER)
    rows = [{"text": "a", "at": LATER}, {"text": "b", "at": "in 2 hours"}, {"text": "c", "every": "daily 9:00"}]
    sky.transfer.import_rows(rows)
    assert ("import", 3) == sky.posts.undo()[:2]
    assert ([(1, "scheduled")], []) == (world.states(sky), sky.context.store.recurrences.all())


def test_a_post_that_is_held_while_an_edit_is_prepared_stays_held(
    world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit fetches a card for seconds; a hold made in that time is not undone by it, and nothing is published."""
    sky.schedule("Nothing to see", at=LATER)

    def fetch_card(fetcher: object, url: str, **_: Any) -> Card:
        world.process().posts.hold(1)
        return Card(url, "Title", "")

    monkeypatch.setattr("skywrite.protocol.fetch.card.fetch_card", fetch_card)
    with pytest.raises(ChangedMeanwhile):
        sky.posts.edit(1, text="See https://a.test")
    world.clock.advance(7200)
    sky.run_once()
    assert ([], [(1, "held")]) == (world.texts(), world.states(sky))


def test_an_edit_goes_on_where_only_a_worker_tried_in_vain_meanwhile(
    world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its attempt made another version of the post, but none of what the user changes."""
    sky.schedule("Nothing to see", at=LATER)

    def fetch_card(fetcher: object, url: str, **_: Any) -> Card:
        world.box.faults.add("com.atproto.repo.applyWrites", kind="refused", times=None)
        world.clock.advance(3600)
        world.process().worker().step()
        world.box.faults.clear()
        return Card(url, "Title", "")

    monkeypatch.setattr("skywrite.protocol.fetch.card.fetch_card", fetch_card)
    sky.posts.edit(1, text="See https://a.test")
    world.clock.advance(3600)
    sky.run_once()
    assert ([["retry", "published"]], ["See a.test"]) == (
        [[one.outcome for one in sky.posts.get(1).attempts]],
        world.texts(),
    )
