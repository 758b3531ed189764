"""Other people on the sandbox's network, whom no queue knows: they post, like and block as anybody does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Protocol

from skywrite.core.clock import FakeClock
from skywrite.core.http import Response
from skywrite.protocol.bsky.limits import POST
from skywrite.sandbox import Request, Sandbox
from skywrite.sandbox.repo import Record

PROFILE = "app.bsky.actor.profile"
MENTION = "app.bsky.richtext.facet#mention"
# A program that answers them. Each time in other words: what was answered must not depend on them.
ANSWERING = """
import time
from skywrite import Skywrite

sky = Skywrite()

@sky.on_mention
def answer(item):
    return f"{item.text[6:]} at {time.time_ns()}"
"""


class Place(Protocol):
    """A network and its time."""

    box: Sandbox
    clock: FakeClock


class Stranger:
    """Somebody with an account of the sandbox, signed in nowhere else."""

    def __init__(self, world: Place, handle: str = "carol.test") -> None:
        self.world, self.account = world, world.box.account(handle)
        self.did, self.handle = self.account.did, handle
        self._jwt = ""
        self._sign_in()

    def _sign_in(self) -> None:
        credentials = {"identifier": self.handle, "password": self.account.app_password}
        self._jwt, self._since = "", self.world.clock.now()
        self._jwt = json.loads(self._tell("com.atproto.server.createSession", credentials).body)["accessJwt"]

    def _tell(self, nsid: str, body: Any) -> Response:
        headers = {"content-type": "application/json"}
        if self._jwt:
            headers["authorization"] = f"Bearer {self._jwt}"
        answer = self.world.box.handle(Request("POST", f"/xrpc/{nsid}", (), headers, json.dumps(body).encode()))
        assert 200 == answer.status, answer.body
        return answer

    def write(self, collection: str, *, rkey: str | None = None, **fields: Any) -> str:
        """A record, under a key of the server's choice; its at-uri."""
        if self.world.clock.now() - self._since > timedelta(hours=1):
            self._sign_in()
        record = {"$type": collection, "createdAt": self.world.clock.now().isoformat(), **fields}
        body = {"repo": self.did, "collection": collection, "record": record} | ({"rkey": rkey} if rkey else {})
        return str(json.loads(self._tell("com.atproto.repo.createRecord", body).body)["uri"])

    def say(self, text: str, *, to: str | None = None, quoting: str | None = None, **fields: Any) -> str:
        """A post: by itself, as a reply, or as a quote; its at-uri."""
        if to is not None:
            parent = self._ref(to)
            fields["reply"] = {"root": self._record(to).value.get("reply", {}).get("root", parent), "parent": parent}
        if quoting is not None:
            fields["embed"] = {"$type": "app.bsky.embed.record", "record": self._ref(quoting)}
        return self.write(POST, text=text, **fields)

    def tag(self, text: str, did: str, **more: Any) -> str:
        """A post that mentions somebody with its first four characters; its at-uri."""
        span = {"byteStart": 0, "byteEnd": 4}
        return self.say(text, facets=[{"index": span, "features": [{"$type": MENTION, "did": did}]}], **more)

    def like(self, uri: str) -> str:
        """A like; its at-uri."""
        return self.write("app.bsky.feed.like", subject=self._ref(uri))

    def be_a_bot(self) -> None:
        """Say of oneself that one is a bot."""
        labels = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "bot"}]}
        record = {"$type": PROFILE, "labels": labels}
        body = {"repo": self.did, "collection": PROFILE, "rkey": "self", "record": record}
        self._tell("com.atproto.repo.putRecord", body)

    def take_back(self, uri: str) -> None:
        """Delete a post."""
        self._tell(
            "com.atproto.repo.deleteRecord", {"repo": self.did, "collection": POST, "rkey": uri.rpartition("/")[2]}
        )

    def _record(self, uri: str) -> Record:
        _, _, did, collection, _ = uri.split("/")
        handle = next(account.handle for account in self.world.box._pds.accounts if account.did == did)
        return next(record for record in self.world.box.records(handle, collection) if record.uri == uri)

    def _ref(self, uri: str) -> dict[str, str]:
        return {"uri": uri, "cid": self._record(uri).cid}
