"""What the page about cross-posting needs: a stand-in for Mastodon, and for what n8n runs its code in.

What lives here: both, and the message that the blocks get, which is one that a webhook of ours would send.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from skywrite import Skywrite
from skywrite.core.standard_webhooks import signed_headers
from skywrite.queue.webhooks import Webhooks
from tests.docs.blocks import Block
from tests.docs.readers import compare, well
from tests.docs.world import World

TEXT = "Sun over the harbour. More: https://example.com/a/long/address/to/read"


def published(world: World) -> None:
    """A thread with an image is out, and a webhook was told."""
    with world.inside(), Skywrite() as sky:
        hooks = Webhooks(sky.context.store)
        hook, secret = hooks.add("https://receiver.example", kinds=["post.published"])
        sky.post(
            TEXT, images=[("sun.jpg", "The sun")], langs=["en"], thread=["And the moon"], card="none", key="harbour"
        )
        (message,) = hooks.deliveries(hook.id)
    world.kept |= {"message": message.body, "secret": secret}


def message(world: World, block: Block) -> None:
    """What the page shows of a message is what it has, down to the first part."""
    shown, came = json.loads(block.code), json.loads(world.kept["message"])

    def form(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: form(one) for name, one in value.items()}
        return [form(one) for one in value[:1] if isinstance(one, dict)] if isinstance(value, list) else ""

    shown["data"]["parts"][0]["facets"] = came["data"]["parts"][0]["facets"]
    assert form(shown) == form(came)
    for name in ("text", "plain_text"):
        compare(block.name, shown["data"]["parts"][0][name], came["data"]["parts"][0][name])


class Mastodon(ThreadingHTTPServer):
    """It takes files and statuses as the real one does, each status once for its key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: list[bytes] = []
        self.statuses: dict[str, dict[str, Any]] = {}


class _Handler(BaseHTTPRequestHandler):
    server: Mastodon

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert "Bearer a token" == self.headers["authorization"]
        if self.path == "/api/v2/media":
            self.server.files.append(body)
            number = len(self.server.files)
        else:
            known = self.server.statuses
            known.setdefault(self.headers["idempotency-key"], json.loads(body))
            number = 100 + [*known].index(self.headers["idempotency-key"])
        answer = json.dumps({"id": str(number)}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


def mastodon(world: World) -> None:
    """A server stands for that of the page."""
    server = world.stack.enter_context(Mastodon())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    world.stack.callback(thread.join)
    world.stack.callback(server.shutdown)
    world.environ["MASTODON_TOKEN"] = "a token"
    world.places["https://mastodon.example"] = f"http://127.0.0.1:{server.server_port}"
    world.kept["mastodon"] = server


def crossed(world: World) -> None:
    """The thread is there with its image, described; also when the message comes twice."""
    data, server = json.loads(world.kept["message"])["data"], world.kept["mastodon"]
    cross_post = world.names["cross_post"]
    cross_post("msg_1", data)
    cross_post("msg_1", data)
    first, second = server.statuses.values()
    assert (TEXT, "And the moon", None, "100") == (
        first["status"],
        second["status"],
        first["in_reply_to_id"],
        second["in_reply_to_id"],
    )
    assert (["1"], True, True) == (first["media_ids"], b"The sun" in server.files[0], b"\xff\xd8" in server.files[0])


def followed(world: World) -> None:
    """The account follows that one, and the sandbox knows it."""
    (did,) = [world.box.account(handle).did for handle in world.handles if handle == "ap.brid.gy"]
    own = world.box.account(world.handles[0]).did
    listed = world.names["client"].query(
        "com.atproto.repo.listRecords", {"repo": own, "collection": "app.bsky.graph.follow"}
    )
    assert [did] == [record["value"]["subject"] for record in listed["records"]]


def code_of_n8n(world: World, block: Block) -> None:
    """The code gives an item for each part of a message that is ours, and refuses one that is not."""
    body = world.kept["message"].encode()
    headers = signed_headers([world.kept["secret"]], "msg_1", datetime.now(UTC), body)
    forged = {**headers, "webhook-id": "msg_2"}
    program = f"""
const require = (await import("node:module")).createRequire(import.meta.url);
const run = async (headers) => {{
  const $env = {{ SKYWRITE_SECRET: {json.dumps(world.kept["secret"])} }};
  const $input = {{ first: () => ({{ json: {{ headers }} }}) }};
  const code = async function () {{ {block.code} }};
  const helpers = {{ getBinaryDataBuffer: async () => Buffer.from({json.dumps(body.decode())}) }};
  try {{ return await code.call({{ helpers }}); }} catch (error) {{ return error.message; }}
}};
console.log(JSON.stringify([await run({json.dumps(headers)}), await run({json.dumps(forged)})]));
"""
    (world.folder / "n8n.mjs").write_text(program)
    items, refused = json.loads(well(block.name, world.bash("node n8n.mjs")).out)
    assert ([TEXT, "And the moon"], "Not from Skywrite") == ([one["json"]["plain_text"] for one in items], refused)
