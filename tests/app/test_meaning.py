"""What goes out is what was meant: pools, mentions, cards and texts that look the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import SkywriteError
from skywrite.protocol.fetch.guard import AddressRefused
from tests.support.errors import fails
from tests.support.world import NOON, World

HOUR = timedelta(hours=1)
LOOK_UP = "com.atproto.identity.resolveHandle"
PAGE = "https://page.example/a"


@pytest.mark.parametrize("fields", [{"text": "Tip of the day"}, {"thread": [{"text": "more"}]}])
def test_a_pool_has_no_text_beside_it(sky: Skywrite, fields: dict[str, Any]) -> None:
    """Neither in Python nor in an import: it would be posted first, and nobody means that."""
    rule = {"every": "daily 9:00", "pool": ["one", "two"]}
    with fails("recurrence.pool_and_text"):
        sky.schedule(**{"text": "", **rule, **fields})
    report = sky.transfer.import_rows([{**rule, **fields}])[0]
    assert ("recurrence.pool_and_text", []) == (report.error and report.error.code, sky.posts.list())


def test_a_skipped_occurrence_leaves_its_text_to_the_next_one(world: World, sky: Skywrite) -> None:
    """Whether it is left out on purpose, or because its time was missed."""
    sky.schedule(every="0 * * * *", pool=["one", "two", "three"], late="skip:10m")
    sky.recurrences.skip_or_move(1, NOON + HOUR, None)
    assert ["one"] == [entry.post.text for entry in sky.posts.list()]
    world.clock.advance(2 * 3600 + 1800)
    sky.run_once()
    assert ([], ["one"]) == (world.texts(), [entry.post.text for entry in sky.posts.list()])
    world.clock.advance(1800)
    sky.run_once()
    assert (["one"], ["two"]) == (world.texts(), [entry.post.text for entry in sky.posts.list()])


def test_posting_now_waits_for_a_mention(world: World, sky: Skywrite) -> None:
    """Nobody can look it up: the post is kept and says why; it goes out with its mention, and never without."""
    world.box.faults.add(LOOK_UP, kind="error_500", times=None)
    with fails("post.still_queued") as refused:
        sky.post("Hello @bob.test")
    assert ("bob.test" in refused.value.message, []) == (True, world.texts())
    world.box.faults.clear()
    world.clock.advance(60)
    sky.run_once()
    facet = world.records()[0]["facets"][0]["features"][0]
    assert world.box.account("bob.test").did == facet["did"]


def card_that(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page fails like this."""

    def fetch_card(fetcher: object, url: str, **_: object) -> object:
        raise error

    monkeypatch.setattr("skywrite.protocol.fetch.card.fetch_card", fetch_card)


@pytest.mark.parametrize(
    "error",
    [
        SkywriteError("page.example responded with 503.", code="card.failed"),
        AddressRefused("page.example leads on.", code="address.redirect_refused"),
    ],
)
def test_a_failed_card_is_none(sky: Skywrite, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The link in the text stays; without one the card shows the address, and nothing that looks like a title."""
    card_that(error, monkeypatch)
    ready = sky.posts.preview(f"See {PAGE}", card=PAGE)
    assert (False, True) == ("embed" in ready.prepared.records[0], str(error) in ready.warnings[0])
    ready = sky.posts.preview("See there", card=PAGE)
    assert PAGE == ready.prepared.records[0]["embed"]["external"]["title"]
    assert "shows only the address" in ready.warnings[0]


def test_an_address_that_nobody_may_open_is_the_writers_mistake(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is given by name, and not led to by a page."""
    card_that(AddressRefused("10.0.0.7 is not a public address."), monkeypatch)
    with pytest.raises(AddressRefused):
        sky.posts.preview("See there", card="https://10.0.0.7/")


def test_blanks_at_the_ends_do_not_make_another_text(sky: Skywrite) -> None:
    """One by one, and in an import."""
    sky.schedule("The same", at="in 1 hour")
    assert "The same text is in post 1" in sky.schedule("The same ", at="in 2 hours").warnings[0]
    reports = sky.transfer.import_rows(
        [{"text": " The same", "at": "in 3 hours"}, {"text": "The same\n", "at": "in 4 hours"}]
    )
    assert ["SameText", "SameTextInRow", "SameText"] == [note.name for one in reports for note in one.warnings]


def link_of(world: World, sky: Skywrite, text: str, **fields: Any) -> str:
    """The page of a post that bob publishes."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    return sky.post(text, account="bob.test", **fields).url


def test_a_link_at_the_end_becomes_a_quote(world: World, sky: Skywrite) -> None:
    """Where it is asked for, by the post or by a setting of the account; other links stay."""
    link = link_of(world, sky, "Look")
    record = sky.posts.preview(f"Well said\n\n{link}", quote_links=True).prepared.records[0]
    assert ("Well said", "app.bsky.embed.record") == (record["text"], record["embed"]["$type"])
    assert "embed" not in sky.posts.preview(f"Well said {link}", card="none").prepared.records[0]
    sky.accounts.set("alice.test", {"quote_links": "yes"})
    assert "" == sky.posts.preview(link).prepared.records[0]["text"]
    for text in (f"{link} is right", "See https://bsky.app/about", f"[it]({link})"):
        assert "embed" not in sky.posts.preview(text, card="none").prepared.records[0]
    thread = sky.posts.preview("One", thread=[f"Two {link}"]).prepared.records
    assert ("Two", True) == (thread[1]["text"], "embed" in thread[1])


def test_what_others_have_closed_is_said(world: World, sky: Skywrite) -> None:
    """A reply that nobody would see, and a quote that readers do not see; one's own gates are no matter."""
    closed = link_of(world, sky, "Closed", replies=["nobody"], quotes=False)
    some = link_of(world, sky, "For some", replies=["followers", "mentioned"])
    names = [note.name for note in sky.posts.preview("Hm", reply_to=closed, quote=closed).warnings]
    assert ["QuotesClosed", "RepliesLimited"] == names
    assert "followers of its author" in sky.posts.preview("Hm", reply_to=some).warnings[0]
    assert [] == sky.posts.preview("Hm", reply_to=closed, quote=closed, account="bob.test").warnings
