"""Stand-ins for many PDSes with their AppView, in one process: what a bot asks them, answered at once.

    python -m bench.answers_servers COUNT

prints the addresses as a JSON list. `POST /tell` at any of them lists mentions: `{"dids": [...], "count": 1, "by": 5}`,
so many for each account, by so many people. `GET /log` gives when each mention was listed and answered, when each
post was carried out, and how many requests came. Accounts are `did:plc:NUMBER`, and their access token is
`access.NUMBER.b`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench.slow_pds import answer_to
from skywrite.core.clock import to_iso
from skywrite.protocol.atproto.cid import cid_for_record
from skywrite.protocol.atproto.tid import TidClock

LISTED: dict[str, list[dict[str, Any]]] = {}
NOTICES: dict[str, dict[str, Any]] = {}
LISTED_AT: dict[str, float] = {}
ANSWERED_AT: dict[str, float] = {}
WRITTEN_AT: dict[str, float] = {}
ASKED: Counter[str] = Counter()
_TIDS = TidClock()


def list_mentions(given: dict[str, Any]) -> None:
    """Somebody tags each of these accounts, so many times."""
    from datetime import UTC, datetime

    for did in given["dids"]:
        for number in range(given["count"]):
            author = f"did:plc:{'p' * 20}{number % given['by']:04d}"
            uri, now = f"at://{author}/app.bsky.feed.post/{_TIDS.next()}", to_iso(datetime.now(UTC))
            record = {"$type": "app.bsky.feed.post", "text": f"@bot {len(LISTED_AT)}", "createdAt": now}
            view = {"uri": uri, "cid": cid_for_record(record), "record": record, "indexedAt": now, "isRead": False}
            view["author"] = {"did": author, "handle": f"p{number % given['by']}.example.com"}
            NOTICES[uri] = {**view, "reason": "mention"}
            LISTED.setdefault(did, []).insert(0, NOTICES[uri])
            LISTED_AT[uri] = time.time()


def answer(path: str, did: str, body: bytes) -> tuple[int, dict[str, Any] | bytes]:
    """What the servers say."""
    parts = urlsplit(path)
    query, name = parse_qs(parts.query), parts.path.rpartition("/")[2]
    ASKED[name] += 1
    if name == "tell":
        list_mentions(json.loads(body))
    elif name == "log":
        return 200, {"listed": LISTED_AT, "answered": ANSWERED_AT, "written": WRITTEN_AT, "asked": ASKED}
    elif name == "app.bsky.notification.listNotifications":
        first, limit = int(query.get("cursor", ["0"])[0]), int(query.get("limit", ["50"])[0])
        # A list that grows at its top shifts what is below; a flood here is complete before it is read.
        mine = LISTED.get(did, [])
        more = {"cursor": str(first + limit)} if first + limit < len(mine) else {}
        return 200, {"notifications": mine[first : first + limit], **more}
    elif name == "app.bsky.feed.getPosts":
        return 200, {"posts": [NOTICES[uri] for uri in query["uris"] if uri in NOTICES]}
    elif name == "com.atproto.repo.getRecord":
        uri = f"at://{query['repo'][0]}/{query['collection'][0]}/{query['rkey'][0]}"
        if uri not in NOTICES:
            return 400, {"error": "RecordNotFound", "message": "Could not locate record"}
        return 200, {"uri": uri, "cid": NOTICES[uri]["cid"], "value": NOTICES[uri]["record"]}
    elif name == "com.atproto.repo.applyWrites":
        for write in json.loads(body)["writes"]:
            parent = write["value"].get("reply", {}).get("parent", {}).get("uri")
            (ANSWERED_AT if parent else WRITTEN_AT).setdefault(parent or write["value"]["text"], time.time())
        return 200, answer_to(body)
    return 200, {}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One kept-alive connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            names = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = await reader.readexactly(int(names.get("content-length", 0)))
            token = names.get("authorization", "").rpartition(" ")[2].split(".")
            did = f"did:plc:{token[1]}" if len(token) == 3 else ""
            status, given = answer(head.split(" ", 2)[1], did, body)
            content = given if isinstance(given, bytes) else json.dumps(given).encode()
            writer.write(f"HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\n".encode())
            writer.write(f"date: {formatdate(usegmt=True)}\r\ncontent-length: {len(content)}\r\n\r\n".encode())
            writer.write(content)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def main(count: int) -> None:
    servers = [await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512) for _ in range(count)]
    print(json.dumps([f"http://127.0.0.1:{one.sockets[0].getsockname()[1]}" for one in servers]), flush=True)
    await asyncio.gather(*(one.serve_forever() for one in servers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
