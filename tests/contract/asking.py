"""What the contract suite asks with: plain HTTP, so that no server is judged by our own client."""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from skywrite.protocol.atproto.tid import TidClock
from tests.support.pds import PdsAccount, Xrpc
from tests.support.processes import PATIENCE_SECONDS

POST = "app.bsky.feed.post"
APPLY = "com.atproto.repo.applyWrites"
NOWHERE_CID = "bafyreieawtmh7hwfrqpamqkodza5r62bbfhsepe2iyustgxhgbhi6b2lfi"
NOWHERE_BLOB = "bafkreieawtmh7hwfrqpamqkodza5r62bbfhsepe2iyustgxhgbhi6b2lfi"
NOBODY = "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz"

_tids = TidClock()
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """A status, headers with lower-case names, and the body: parsed where it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, error name and message."""
        return self.status, self.body["error"], self.body["message"]


@dataclass
class Server(Xrpc):
    """A server under test: the sandbox or the reference PDS."""

    name: str
    url: str
    plc_url: str
    jwt_secret: str
    admin_password: str = ""

    def ask(
        self,
        nsid: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        jwt: str = "",
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
    ) -> Answer:
        """POST a body (JSON unless bytes), or GET without one."""
        sent = {"Authorization": f"Bearer {jwt}"} if jwt else {}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None and data is not body:
            sent["Content-Type"] = "application/json"
        query = "?" + urlencode(params, doseq=True) if params else ""
        path = nsid if nsid.startswith("/") else f"/xrpc/{nsid}{query}"
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_SECONDS)
        try:
            verb = method or ("GET" if data is None else "POST")
            connection.request(verb, path, data, {**sent, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
            seen = {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()
        is_json = seen.get("content-type", "").startswith("application/json")
        return Answer(answer.status, seen, json.loads(content) if is_json else content)


@dataclass
class Writer:
    """An account on a server, signed in with its app password."""

    server: Server
    account: PdsAccount
    jwt: str = field(default="")
    refresh_jwt: str = field(default="")

    def __post_init__(self) -> None:
        self.sign_in()

    @property
    def did(self) -> str:
        return self.account.did

    def sign_in(self, password: str | None = None) -> Answer:
        """A new session, with the app password unless another is given."""
        body = {"identifier": self.account.handle, "password": password or self.account.app_password}
        answer = self.server.ask("com.atproto.server.createSession", body)
        if answer.status == 200:
            self.jwt, self.refresh_jwt = answer.body["accessJwt"], answer.body["refreshJwt"]
        return answer

    def get(self, nsid: str, **params: Any) -> Answer:
        return self.server.ask(nsid, params=params, jwt=self.jwt)

    def post(self, nsid: str, body: Any, **headers: str) -> Answer:
        return self.server.ask(nsid, body, jwt=self.jwt, headers=headers)

    def create(self, record: Any, collection: str = POST, **more: Any) -> Answer:
        body = {"repo": self.did, "collection": collection, "record": record, **more}
        return self.post("com.atproto.repo.createRecord", body)

    def put(self, rkey: str, record: Any, collection: str = POST, **more: Any) -> Answer:
        body = {"repo": self.did, "collection": collection, "rkey": rkey, "record": record, **more}
        return self.post("com.atproto.repo.putRecord", body)

    def delete(self, rkey: str, collection: str = POST, **more: Any) -> Answer:
        body = {"repo": self.did, "collection": collection, "rkey": rkey, **more}
        return self.post("com.atproto.repo.deleteRecord", body)

    def apply(self, writes: list[dict[str, Any]], **more: Any) -> Answer:
        return self.post(APPLY, {"repo": self.did, "writes": writes, **more})

    def read(self, rkey: str, collection: str = POST, **more: Any) -> Answer:
        return self.get("com.atproto.repo.getRecord", repo=self.did, collection=collection, rkey=rkey, **more)

    def upload(self, data: bytes, mime: str = "application/octet-stream") -> Answer:
        return self.server.ask("com.atproto.repo.uploadBlob", data, jwt=self.jwt, headers={"Content-Type": mime})

    def uri(self, rkey: str, collection: str = POST) -> str:
        return f"at://{self.did}/{collection}/{rkey}"


def new_tid() -> str:
    """A record key never used before."""
    return _tids.next()


def new_bytes(start: bytes = b"") -> bytes:
    """A small blob never uploaded before."""
    return start + f"blob {next(_numbers)}".encode()


def post(text: str = "hello", **fields: Any) -> dict[str, Any]:
    """A post record; `createdAt` may be given."""
    return {"$type": POST, "text": text, "createdAt": "2024-01-01T00:00:00.000Z", **fields}


def op(action: str, rkey: str | None = None, value: Any = None, collection: str = POST) -> dict[str, Any]:
    """One write of applyWrites."""
    write: dict[str, Any] = {"$type": f"{APPLY}#{action}", "collection": collection}
    if rkey is not None:
        write["rkey"] = rkey
    if action != "delete":
        write["value"] = post() if value is None else value
    return write


def images(blob: Any, count: int = 1, **fields: Any) -> dict[str, Any]:
    """An images embed of the same image `count` times."""
    item = {"image": blob, "alt": "a dot", "aspectRatio": {"width": 1, "height": 1}, **fields}
    return {"$type": "app.bsky.embed.images", "images": [item] * count}


def gallery(blob: Any, count: int = 1, without: str = "") -> dict[str, Any]:
    """A gallery embed; `without` leaves one field of its items out."""
    item = {
        "$type": "app.bsky.embed.gallery#image",
        "image": blob,
        "alt": "a dot",
        "aspectRatio": {"width": 1, "height": 1},
    }
    item.pop(without, None)
    return {"$type": "app.bsky.embed.gallery", "items": [item] * count}


def external(**fields: Any) -> dict[str, Any]:
    """A link card."""
    card = {"uri": "https://example.com", "title": "Example", "description": "A page", **fields}
    return {"$type": "app.bsky.embed.external", "external": card}


def facet(start: Any, end: Any, **feature: Any) -> dict[str, Any]:
    """A facet with one feature; `kind` is the last part of its `$type`."""
    kind = feature.pop("kind", "link")
    feature = feature or {"uri": "https://example.com"}
    entry = {"$type": f"app.bsky.richtext.facet#{kind}", **feature}
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [entry]}


def png() -> bytes:
    """A PNG of one pixel with a tail of its own, so that each one is a new blob."""
    head = "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    return new_bytes(bytes.fromhex(f"{head}0000000a49444154789c6300010000050001"))
