"""A stand-in for a PDS that is far away: it answers `applyWrites` after a set time, and does nothing else.

    python -m bench.slow_pds SECONDS

prints its address. One thread serves any number of connections, so that it is never what limits a worker.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from skywrite.protocol.atproto.cid import cid_for_record


def answer_to(body: bytes) -> bytes:
    """What a PDS answers when it has created the records."""
    asked: dict[str, Any] = json.loads(body)
    results = [
        {
            "$type": "com.atproto.repo.applyWrites#createResult",
            "uri": f"at://{asked['repo']}/{write['collection']}/{write['rkey']}",
            "cid": cid_for_record(write["value"]),
        }
        for write in asked["writes"]
    ]
    return json.dumps({"results": results}).encode()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """One kept-alive connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r")[0])
            body = await reader.readexactly(length)
            await asyncio.sleep(seconds)
            answer = answer_to(body)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            writer.write(b"content-length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(seconds: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer, seconds)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
