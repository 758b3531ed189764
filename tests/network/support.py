"""What people of the reference network do, without any of our own code."""

from __future__ import annotations

from typing import Any

from tests.support.network import Network
from tests.support.pds import PdsAccount

POST = "app.bsky.feed.post"


def write(network: Network, who: PdsAccount, collection: str, **record: Any) -> str:
    """A record of somebody; its address."""
    value = {"$type": collection, "createdAt": "2026-01-01T00:00:00.000Z", **record}
    given = {"repo": who.did, "collection": collection, "record": value}
    return str(network.call("com.atproto.repo.createRecord", given, jwt=who.access_jwt)["uri"])
