"""What people of the reference network do, without any of our own code."""

from __future__ import annotations

from typing import Any

from skywrite.core.clock import Clock
from tests.support.network import Network
from tests.support.pds import PdsAccount, Xrpc

POST = "app.bsky.feed.post"
PROFILE = "app.bsky.actor.profile"
MENTION = "app.bsky.richtext.facet#mention"


def write(network: Xrpc, who: PdsAccount, collection: str, **record: Any) -> str:
    """A record of somebody; its address."""
    value = {"$type": collection, "createdAt": "2026-01-01T00:00:00.000Z", **record}
    body = {"repo": who.did, "collection": collection, "record": value}
    return str(network.call("com.atproto.repo.createRecord", body, jwt=who.access_jwt)["uri"])


class Person:
    """Somebody with an account on one of the network's two PDS, who writes by a clock."""

    def __init__(self, network: Network, server: Xrpc, clock: Clock) -> None:
        self._network, self._server, self._clock = network, server, clock
        self.account = server.create_account()
        self.did = self.account.did

    def say(self, text: str, *, to: str = "", quoting: str = "", tag: str = "", **fields: Any) -> str:
        """A post: a reply, a quote, or one that tags somebody with its first four characters; its address."""
        if to:
            parent = self._found(to)
            reference = {"uri": to, "cid": parent["cid"]}
            fields["reply"] = {"root": parent["value"].get("reply", {}).get("root", reference), "parent": reference}
        if quoting:
            record = {"uri": quoting, "cid": self._found(quoting)["cid"]}
            fields["embed"] = {"$type": "app.bsky.embed.record", "record": record}
        if tag:
            span = {"byteStart": 0, "byteEnd": 4}
            fields["facets"] = [{"index": span, "features": [{"$type": MENTION, "did": tag}]}]
        return self.write(POST, text=text, **fields)

    def write(self, collection: str, **fields: Any) -> str:
        """A record; its address."""
        return write(self._server, self.account, collection, **{"createdAt": self._now(), **fields})

    def put(self, collection: str, rkey: str, **fields: Any) -> None:
        """A record under a key, in the place of what is there."""
        value = {"$type": collection, "createdAt": self._now(), **fields}
        body = {"repo": self.did, "collection": collection, "rkey": rkey, "record": value}
        self.tell("com.atproto.repo.putRecord", body)

    def be_a_bot(self) -> None:
        """Say of oneself that one is a bot."""
        self.put(PROFILE, "self", labels={"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "bot"}]})

    def take_back(self, uri: str) -> None:
        """Delete a post."""
        body = {"repo": self.did, "collection": POST, "rkey": uri.rpartition("/")[2]}
        self.tell("com.atproto.repo.deleteRecord", body)

    def ask(self, nsid: str, **params: Any) -> Any:
        """What the person's server answers to a question."""
        return self._server.call(nsid, params=params, jwt=self.account.access_jwt)

    def tell(self, nsid: str, body: Any) -> Any:
        """What it answers when something is to be done."""
        return self._server.call(nsid, body, jwt=self.account.access_jwt)

    def _now(self) -> str:
        return self._clock.now().isoformat()

    def _found(self, uri: str) -> Any:
        """A record wherever it is: the PDS passes on to the AppView what it does not have."""
        self._network.settle()
        did, collection, rkey = uri.removeprefix("at://").split("/")
        params = {"repo": did, "collection": collection, "rkey": rkey}
        return self._server.call("com.atproto.repo.getRecord", params=params)
