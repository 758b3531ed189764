"""A bot in a test: its program, on a network of its own, and somebody who writes to it.

What lives here: what the fixture `bot` gives. What does not: the network (`sandbox`), and the fixture.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.core.errors import InputError
from skywrite.faces.cli.running import load_app
from skywrite.protocol.bsky.limits import POST
from skywrite.sandbox import Request

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.sandbox.core import Sandbox

HANDLE = "bot.test"
MENTION = "app.bsky.richtext.facet#mention"


class TriedBot:
    """A program whose functions answer, signed in as bot.test, and nobody has to approve."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        self._box, self._folder = box, folder
        self._sky: Skywrite | None = None
        self._tokens: dict[str, str] = {}

    def load(self, program: str | Path) -> None:
        """Load a program, relative to the file of the test, and start it."""
        account = self._box.account(HANDLE)
        self._sky = load_app(self._folder / program)
        self._sky.accounts.login(HANDLE, account.app_password, pds=self._box.url)
        self._sky.accounts.set(HANDLE, {"answers": "on", "inbox": "yes"})
        self.turn()

    @property
    def answers(self) -> list[str]:
        """What it answered so far, in order."""
        return [post.text for post in self._box.posts(HANDLE) if "reply" in post.record]

    def mention(self, text: str, *, by: str = "somebody.test") -> str | None:
        """Let somebody tag it: its first word with an @ is the mention. Returns what it answers; None for nothing."""
        name = next((word for word in text.split() if word.startswith("@")), None)
        if name is None:
            raise InputError(f"{text!r} contains no mention.", hint='Begin it with a mention: "@bot weather"')
        start = len(text[: text.index(name)].encode())
        index = {"byteStart": start, "byteEnd": start + len(name.encode())}
        did = self._box.account(HANDLE).did
        return self._said(
            by, {"text": text, "facets": [{"index": index, "features": [{"$type": MENTION, "did": did}]}]}
        )

    def reply(self, text: str, *, by: str = "somebody.test") -> str | None:
        """Let somebody reply to its latest post. Returns what it answers."""
        latest = self._box.posts(HANDLE)[-1]
        parent = {"uri": latest.uri, "cid": latest.cid}
        root = latest.record.get("reply", {}).get("root", parent)
        return self._said(by, {"text": text, "reply": {"root": root, "parent": parent}})

    def turn(self) -> None:
        """Let the program look for what is new, and answer it."""
        assert self._sky is not None, "Load a program first."
        for _ in range(2):
            self._sky.run_once()

    def close(self) -> None:
        """Stop it."""
        if self._sky is not None:
            self._sky.close()

    def _said(self, by: str, record: dict[str, Any]) -> str | None:
        record = {"$type": POST, "createdAt": SYSTEM_CLOCK.now().isoformat(), **record}
        body = {"repo": self._box.account(by).did, "collection": POST, "record": record}
        uri = self._tell("com.atproto.repo.createRecord", body, self._token(by))["uri"]
        self.turn()
        replies = [post.text for post in self._box.posts(HANDLE) if _parent(post.record) == uri]
        return replies[0] if replies else None

    def _token(self, handle: str) -> str:
        if handle not in self._tokens:
            account = self._box.account(handle)
            credentials = {"identifier": handle, "password": account.app_password}
            self._tokens[handle] = str(self._tell("com.atproto.server.createSession", credentials, "")["accessJwt"])
        return self._tokens[handle]

    def _tell(self, nsid: str, body: dict[str, Any], token: str) -> dict[str, Any]:
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        answer = self._box.handle(Request("POST", f"/xrpc/{nsid}", (), headers, json.dumps(body).encode()))
        assert answer.status == 200, answer.body
        content: dict[str, Any] = json.loads(answer.body)
        return content


def _parent(record: dict[str, Any]) -> object:
    return record.get("reply", {}).get("parent", {}).get("uri")
