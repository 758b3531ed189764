"""A process that is asked to stop while a post is being made: the post is made again, whole, by the next one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from skywrite.app import Skywrite
from tests.app.test_automatic import SCENES
from tests.features.feeds.test_feeds import PNG
from tests.support.feed_server import Asked, FeedServer, Reply, feed_server, item, rss
from tests.support.strangers import Stranger
from tests.support.world import World

SAID = "A picture, and a page"
PAGE = b"<html><head><title>A page</title></head></html>"


class Web:
    """A site with a page and a picture. While `ending` is set, the process is asked to stop as it waits for either."""

    def __init__(self, server: FeedServer) -> None:
        self.url = server.url
        self.ending: Callable[[], None] | None = None
        self.items: list[str] = []
        server.pages["/sun.png"] = self._slow(Reply(PNG, headers={"content-type": "image/png"}))
        server.pages["/page"] = self._slow(Reply(PAGE, headers={"content-type": "text/html"}))
        server.pages["/feed"] = lambda asked: Reply(rss(*self.items))

    def _slow(self, reply: Reply) -> Callable[[Asked], Reply]:
        def answer(asked: Asked) -> Reply:
            if self.ending is not None:
                self.ending()
            return reply

        return answer

    def row(self, what: str) -> dict[str, Any]:
        """A post with a picture from there, or with the page's card."""
        if what == "images":
            return {"text": SAID, "images": [{"url": f"{self.url}/sun.png", "alt": "The sun"}]}
        return {"text": SAID, "card": f"{self.url}/page"}


@pytest.fixture
def web() -> Iterator[Web]:
    """A site of this test alone."""
    with feed_server() as server:
        yield Web(server)


def feed(sky: Skywrite, world: World, web: Web, what: str) -> None:
    sky.feeds.add(f"{web.url}/feed", template="{{ title }}", images="all" if what == "images" else "card")
    picture = f'&lt;img src="{web.url}/sun.png" alt="The sun"/&gt;' if what == "images" else ""
    web.items.append(item("new", title=SAID, link=f"{web.url}/page", description=picture))


def command(sky: Skywrite, world: World, web: Web, what: str) -> None:
    echo = f"echo {shlex.quote(json.dumps(web.row(what)))}"
    sky.commands.add(echo, every="0 * * * *", jsonl=True, late="publish")


def function(sky: Skywrite, world: World, web: Web, what: str) -> None:
    sky.every("0 * * * *", name="hourly", late="publish")(lambda: web.row(what))
    sky.run_once()


def answer(sky: Skywrite, world: World, web: Web, what: str) -> None:
    sky.accounts.set(None, {"answers": "on"})
    sky.post("Ask me")

    @sky.on_reply(unasked=True)
    def reply(item: Any) -> dict[str, Any]:
        return web.row(what)

    sky.run_once()
    Stranger(world).say("When do you open?", to=world.box.posts("alice.test")[0].uri)


# What makes posts of things that it looks up; a recurrence's, a folder's and a follow-up's were looked up before.
MAKERS = {"of_feed_item": feed, "of_command": command, "of_function": function, "of_answer": answer}
LOOKED_UP_BEFORE = {"of_hook", "of_occurrence", "of_key", "of_follow_up", "of_repost"}


def test_every_maker_is_walked() -> None:
    """What posts by itself is in the walk below, or looks up nothing when it does."""
    assert SCENES.keys() == MAKERS.keys() | LOOKED_UP_BEFORE


@pytest.mark.parametrize("what", ["images", "external"])
@pytest.mark.parametrize("maker", MAKERS)
def test_a_stop_takes_nothing_from_a_post(world: World, web: Web, maker: str, what: str) -> None:
    """Neither the post nor its picture or card; nothing counts as failed, and the next process posts it once."""
    sky = world.process(SKYWRITE_FETCH_ALLOW="127.0.0.1")
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    MAKERS[maker](sky, world, web, what)
    world.clock.advance(timedelta(hours=1).total_seconds())
    web.ending = sky.context.ending.come
    sky.run_once(commands=True)
    before = [text for text in world.texts() if text.startswith(SAID)]
    web.ending = None
    for _ in range(2):
        world.clock.advance(timedelta(minutes=20).total_seconds())
        sky.run_once(commands=True)
    after = [record for record in world.records() if record["text"].startswith(SAID)]
    assert ([], [f"app.bsky.embed.{what}"]) == (before, [record.get("embed", {}).get("$type") for record in after])
