"""What a bot does about what happened while it was away, or in a time that its queue has forgotten."""

from __future__ import annotations

from pathlib import Path

from skywrite.app import Skywrite
from tests.features.answers.test_answering import Bot
from tests.support.strangers import Stranger
from tests.support.world import World

HOURS = 4


def test_after_a_week_only_the_last_day_is_answered(world: World, sky: Skywrite) -> None:
    """All of it is read, page by page; what is older than a day is left to people."""
    bot, carol = Bot(sky, world), Stranger(world)
    bot.turn()
    did, said = sky.accounts.get().did, []
    for number in range(7 * 24 // HOURS):
        world.clock.advance(HOURS * 3600)
        said.append(f"@you: question {number}")
        carol.tag(said[-1], did)
    world.clock.advance(3600)
    for _ in range(3):
        bot.turn()
    assert [f"Re: {text}" for text in said[-24 // HOURS :]] == sorted(bot.answers(), key=len)
    assert sorted(said) == sorted(item.text for item in sky.inbox.list(everything=True, limit=100))


def test_an_answer_that_was_deleted_stays_so(world: World, sky: Skywrite, tmp_path: Path) -> None:
    """Also for a queue that has forgotten that it was there: whoever deleted it here meant it."""
    bot, carol = Bot(sky, world), Stranger(world)
    bot.turn()
    backup = tmp_path / "restored.db"
    sky.transfer.backup(backup)
    carol.tag("@you: a question", sky.accounts.get().did)
    bot.turn()
    (answer,) = (post for post in sky.context.store.listing.all_posts() if post.uri)
    sky.posts.delete(answer.id)
    restored = Bot(world.process(str(backup)), world)
    for _ in range(3):
        restored.turn()
    assert [] == restored.answers()
