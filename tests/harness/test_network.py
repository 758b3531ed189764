"""The harness itself: a post travels from the PDS to the AppView."""

from __future__ import annotations

import pytest

from tests.support.network import Network


@pytest.mark.network
def test_a_post_is_read_through_the_appview(network: Network) -> None:
    """What an account writes to its PDS is shown by the AppView once it has settled."""
    author = network.create_account()
    record = {"$type": "app.bsky.feed.post", "text": "for all to see", "createdAt": "2026-01-01T00:00:00.000Z"}
    body = {"repo": author.did, "collection": "app.bsky.feed.post", "record": record}
    uri = network.call("com.atproto.repo.createRecord", body, jwt=author.access_jwt)["uri"]
    network.settle()
    shown = network.call("app.bsky.feed.getPostThread", params={"uri": uri}, jwt=author.access_jwt)
    assert "for all to see" == shown["thread"]["post"]["record"]["text"]
    assert author.handle == shown["thread"]["post"]["author"]["handle"]
