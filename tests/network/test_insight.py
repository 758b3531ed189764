"""What became of our posts, as the AppView of the reference network shows it: counts, the inbox, receipts."""

from __future__ import annotations

import json

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.features.insight.service import MarkTask
from skywrite.posting.publish.rounds import take_all
from skywrite.posting.receipts import read_receipt
from tests.network.support import POST, write
from tests.support.network import Network
from tests.support.pds import PdsAccount

pytestmark = pytest.mark.network


def react(network: Network, who: PdsAccount, uri: str, cid: str) -> str:
    """A like, a repost, a quote, and a reply, whose address it returns."""
    subject = {"uri": uri, "cid": cid}
    write(network, who, "app.bsky.feed.like", subject=subject)
    write(network, who, "app.bsky.feed.repost", subject=subject)
    quote = {"$type": "app.bsky.embed.record", "record": subject}
    write(network, who, POST, text="Look at this", embed=quote)
    return write(network, who, POST, text="When do you open?", reply={"root": subject, "parent": subject})


def test_counts_labels_and_disappearances(
    network: Network, sky: Skywrite, reader: PdsAccount, clock: FakeClock
) -> None:
    """An hour later each count is what the reader did, a label is its author's, and what was deleted is not shown."""
    sent, gone = sky.post("Count me", labels=["graphic-media"]), sky.post("Never mind")
    react(network, reader, sent.uri, sent.cid)
    sky.posts.delete(gone.id)
    network.settle()
    clock.advance(3600)
    take_all(MarkTask(sky.context))
    (mark,) = sky.stats.of(sent.id)
    assert (1, 1, 1, 1) == (mark.likes, mark.reposts, mark.replies, mark.quotes)
    assert (("self:graphic-media",), ["deleted"]) == (mark.labels, [one.seen for one in sky.stats.of(gone.id)])


def test_the_inbox_and_an_answer(
    network: Network, sky: Skywrite, author: PdsAccount, reader: PdsAccount, clock: FakeClock
) -> None:
    """A reply, a quote and a mention come once; the answer stands below the reply; what is gone meanwhile is held."""
    sent = sky.post("What do you think?")
    asked = react(network, reader, sent.uri, sent.cid)
    facet = {
        "index": {"byteStart": 0, "byteEnd": 5},
        "features": [{"$type": "app.bsky.richtext.facet#mention", "did": author.did}],
    }
    write(network, reader, POST, text="@you!", facets=[facet])
    network.settle()
    assert (3, 0) == (sky.inbox.collect(), sky.inbox.collect())
    items = {item.reason: item for item in sky.inbox.list()}
    assert {"reply", "quote", "mention"} == set(items)
    assert (reader.handle, asked, sent.uri) == (
        items["reply"].author_handle,
        items["reply"].uri,
        items["reply"].subject,
    )
    sky.inbox.answer(items["reply"].id, "At 9:00.")
    sky.run_once()
    network.settle()
    seen = network.call("app.bsky.feed.getPostThread", params={"uri": sent.uri, "depth": 10}, jwt=reader.access_jwt)
    (below,) = seen["thread"]["replies"]
    assert ["At 9:00."] == [one["post"]["record"]["text"] for one in below["replies"]]

    late = sky.inbox.answer(items["quote"].id, "Thank you!", at="in 1 hour").post.id
    rkey = items["quote"].uri.rpartition("/")[2]
    body = {"repo": reader.did, "collection": POST, "rkey": rkey}
    network.call("com.atproto.repo.deleteRecord", body, jwt=reader.access_jwt)
    network.settle()
    clock.advance(3600)
    sky.run_once()
    post = sky.posts.get(late).post
    assert ("held", "reply.target_gone") == (post.state, post.problem and post.problem.code)


def test_a_receipt_is_of_what_readers_see(network: Network, sky: Skywrite, reader: PdsAccount) -> None:
    """Its CID is the one that the AppView shows, and the file is checked without anybody."""
    sent = sky.post("For the record")
    receipt = read_receipt(json.dumps(sky.posts.receipt(sent.id).as_dict()))
    network.settle()
    (shown,) = network.call("app.bsky.feed.getPosts", params={"uris": [sent.uri]}, jwt=reader.access_jwt)["posts"]
    assert (shown["uri"], shown["cid"], shown["record"]) == (receipt.uri, receipt.cid, receipt.record)
