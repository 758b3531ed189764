"""What was ordered for later on the command line, as readers see it: follow-ups, reposts, pins, approvals."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from tests.network.support import POST, write
from tests.support.network import Network
from tests.support.pds import PdsAccount

pytestmark = pytest.mark.network

Command = Callable[..., str]
REPOST = "app.bsky.feed.repost"


def read(network: Network, reader: PdsAccount, nsid: str, **params: Any) -> Any:
    """What the AppView shows the reader of everything so far."""
    network.settle()
    return network.call(nsid, params=params, jwt=reader.access_jwt)


def reposters(network: Network, reader: PdsAccount, uri: str) -> list[str]:
    """Who reposted a post."""
    answer = read(network, reader, "app.bsky.feed.getRepostedBy", uri=uri)
    return [one["did"] for one in answer["repostedBy"]]


def texts(network: Network, reader: PdsAccount, author: PdsAccount) -> list[str]:
    """What readers find in the author's feed, the latest first."""
    answer = read(network, reader, "app.bsky.feed.getAuthorFeed", actor=author.did)
    return [one["post"]["record"]["text"] for one in answer["feed"]]


def wait(sky: Skywrite, clock: FakeClock, hours: float) -> None:
    """Time passes, and a worker has its turns: one in which it counts, and two in which it acts on that."""
    clock.advance(hours * 3600)
    for _ in range(3):
        sky.run_once()


def test_a_comment_when_the_likes_are_reached(
    network: Network, sky: Skywrite, command: Command, author: PdsAccount, reader: PdsAccount, clock: FakeClock
) -> None:
    """It stands below the post, once; where the likes are not reached, nothing does."""
    well, other = sky.post("This one does well"), sky.post("This one does not")
    for sent in (well, other):
        command("follow-up", str(sent.id), "--when", "1 like", "--reply", "More of it tomorrow")
    write(network, reader, "app.bsky.feed.like", subject={"uri": well.uri, "cid": well.cid})
    network.settle()
    for hours in (1, 5):
        wait(sky, clock, hours)
    below = [read(network, reader, "app.bsky.feed.getPostThread", uri=sent.uri)["thread"] for sent in (well, other)]
    assert [[("More of it tomorrow", author.did)], []] == [
        [(one["post"]["record"]["text"], one["post"]["author"]["did"]) for one in thread["replies"]] for thread in below
    ]
    assert 3 == len(network.records(author.did))


def test_a_repost_when_the_likes_are_reached(
    network: Network, sky: Skywrite, command: Command, author: PdsAccount, reader: PdsAccount, clock: FakeClock
) -> None:
    """Readers see it once, until it is taken back."""
    sent = sky.post("This one does well")
    command("follow-up", str(sent.id), "--when", "1 like", "--repost", "--undo-after", "2h")
    write(network, reader, "app.bsky.feed.like", subject={"uri": sent.uri, "cid": sent.cid})
    network.settle()
    seen = []
    for hours in (0, 1, 2):
        wait(sky, clock, hours)
        seen.append((reposters(network, reader, sent.uri), len(network.records(author.did, REPOST))))
    assert [([], 0), ([author.did], 1), ([], 0)] == seen


def test_a_repeated_repost(
    network: Network, sky: Skywrite, command: Command, author: PdsAccount, reader: PdsAccount, clock: FakeClock
) -> None:
    """Each day readers see one repost, a new one: the one before was taken back."""
    sent = sky.post("An evergreen")
    first = json.loads(command("repost", str(sent.id), "--every", "daily 18:00", "--json"))
    clock.set(sky.context.clock.now().fromisoformat(first["due_at"]))
    seen = []
    for hours in (0, 24, 24):
        wait(sky, clock, hours)
        assert [author.did] == reposters(network, reader, sent.uri)
        seen += [record["uri"] for record in network.records(author.did, REPOST)]
    feed = read(network, reader, "app.bsky.feed.getAuthorFeed", actor=author.did)["feed"]
    shown = [one["reason"]["uri"] for one in feed if "reason" in one]
    assert (3, 3, seen[2:]) == (len(seen), len(set(seen)), shown)


def test_a_repost_of_somebody_else_at_a_time(
    network: Network, sky: Skywrite, command: Command, author: PdsAccount, reader: PdsAccount, clock: FakeClock
) -> None:
    """Not before its time, once, and taken back after it."""
    uri = write(network, reader, POST, text="Hello")
    command("repost", uri, "--at", "in 1 hour", "--undo-after", "2h")
    seen = []
    for hours in (0, 1, 2):
        wait(sky, clock, hours)
        seen.append((reposters(network, reader, uri), len(network.records(author.did, REPOST))))
    assert [([], 0), ([author.did], 1), ([], 0)] == seen


def test_a_pin_at_a_time(
    network: Network, sky: Skywrite, command: Command, author: PdsAccount, reader: PdsAccount, clock: FakeClock
) -> None:
    """Readers find the post pinned for that time, and the rest of the profile as it was."""
    value = {"$type": "app.bsky.actor.profile", "displayName": "The harbour"}
    body = {"repo": author.did, "collection": "app.bsky.actor.profile", "rkey": "self", "record": value}
    network.call("com.atproto.repo.putRecord", body, jwt=author.access_jwt)
    sent = sky.post("Our opening hours")
    command("pin", str(sent.id), "--at", "in 1 hour", "--undo-after", "7d")
    seen = []
    for hours in (0, 1, 7 * 24):
        wait(sky, clock, hours)
        profile = read(network, reader, "app.bsky.actor.getProfile", actor=author.did)
        seen.append((profile["displayName"], profile.get("pinnedPost", {}).get("uri")))
    assert [("The harbour", None), ("The harbour", sent.uri), ("The harbour", None)] == seen


def test_one_approval_of_a_recurrence(
    network: Network, sky: Skywrite, command: Command, author: PdsAccount, reader: PdsAccount, clock: FakeClock
) -> None:
    """Its posts go out from then on; after a change of the text none does, until that is approved, too."""
    command("set", "approval=all")
    number = sky.schedule("Good morning", every="daily 9:00").recurrence_id

    def approve() -> None:
        digest = json.loads(command("approve", f"recurring:{number}", "--json"))["digest"]
        command("approve", f"recurring:{number}", "--confirm", digest, "--by", "Berta")

    def change() -> None:
        command("recurring", "edit", str(number), "Good evening")

    seen = []
    for before in (None, approve, None, change, approve):
        if before is not None:
            before()
        (coming,) = sky.context.store.listing.posts(("scheduled",))
        assert coming.due_at is not None
        clock.set(coming.due_at + timedelta(seconds=1))
        sky.run_once()
        seen.append(texts(network, reader, author))
    morning, evening = "Good morning", "Good evening"
    assert [[], [morning], [morning] * 2, [morning] * 2, [evening, morning, morning]] == seen
