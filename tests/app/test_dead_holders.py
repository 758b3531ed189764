"""A process that is killed holds nothing any more when the next one starts on its computer, whatever it worked on."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.http import Response
from skywrite.features.feeds.model import NewFeed
from skywrite.features.feeds.store import FeedStore
from skywrite.posting.publish.processes import worker_name
from skywrite.queue.leases import LEASED, Leases
from skywrite.queue.queries import SQL
from skywrite.queue.webhooks import Webhooks
from tests.support.strangers import Stranger
from tests.support.world import World

# Posts and timers are freed by name when somebody looks for them.
OTHERS = {"account", "post", "timer"}
KINDS = {"feeds", "webhooks", "notices", "inbox", "reposts"}


class Killed(BaseException):
    """The process is no more."""


def die(*_: Any, **__: Any) -> Any:
    raise Killed


# The name of a process on this computer, with an id that no process gets.
DEAD = f"{worker_name().partition('/')[0]}/4194305.1/abc"


def prepare(sky: Skywrite, world: World) -> None:
    """Give something to do to each kind of work that holds what it works on."""
    sent = sky.post("Ask me")
    assert sent.id is not None
    did = sky.context.account().did
    FeedStore(sky.context.store).release_feed(
        FeedStore(sky.context.store).add_feed(NewFeed("https://a.example/", (did,)), "", 60)
    )
    hook, _ = Webhooks(sky.context.store).add("https://b.example/")
    Webhooks(sky.context.store).send_test(hook.id)
    sky.notices.add_email("me@c.example", sender="bot@c.example", server="smtp.c.example")
    held = sky.schedule("To be held", at="tomorrow 9:00").post_id
    assert held is not None
    sky.posts.hold(held)
    sky.reposts.repost(sent.id)
    program(sky)
    for work in sky._runner().works():
        if work.kind == "inbox":
            for turn in work.due():
                work.take(turn)
    world.clock.advance(timedelta(minutes=5).total_seconds())
    Stranger(world).say("When do you open?", to=world.box.posts("alice.test")[0].uri)


def program(sky: Skywrite) -> None:
    """A function that each process has, and in which it ends."""

    @sky.on_reply(unasked=True)
    def answer(item: Any) -> str:
        return str(die())


def killed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that begins with everything, and is killed in the middle of each."""
    request = world.transport.request

    def ask(method: str, url: str, **more: Any) -> Response:
        return die() if "app.bsky.feed.repost" in url else request(method, url, **more)

    dead = world.process()
    dead.context.worker_name = DEAD
    program(dead)
    dead.context.network._fetcher = SimpleNamespace(fetch=die, post=die)  # type: ignore[assignment]
    with monkeypatch.context() as patch:
        patch.setattr(world.transport, "request", ask)
        patch.setattr("skywrite.features.notices.service.send", die)
        for work in dead._runner().works():
            for turn in work.due():
                with suppress(Killed):
                    work.take(turn)


def due(sky: Skywrite) -> set[str]:
    """The kinds for which something can be done now."""
    return {work.kind for work in sky._runner().works() if work.due()} & (KINDS - {"inbox"})


def test_every_kind_of_lease_can_be_ended() -> None:
    """Whatever table says who works on a row is among those that are freed."""
    tables = re.split(r"^CREATE TABLE ", (SQL / "schema.sql").read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert set(LEASED) | OTHERS == {table.split()[0] for table in tables if "lease_" in table}


def test_what_a_killed_process_held_is_free_at_once(
    world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feed, a repost, an item of the inbox, a webhook and a mail are taken up again without waiting for a lease."""
    prepare(sky, world)
    killed(world, monkeypatch)
    store = sky.context.store
    with store.reading() as tx:
        held = {one for one in LEASED if tx.select(f"SELECT 1 AS held FROM {one} WHERE lease_owner IS NOT NULL", {})}
    assert (set(LEASED), [DEAD], set()) == (held, Leases(store).owners(), due(sky))
    sky._runner()._begin(lambda *_, **__: None, 1)
    item = sky.inbox.list(everything=True)[0]
    assert ([], KINDS - {"inbox"}, None) == (Leases(store).owners(), due(sky), item.answer_id)
