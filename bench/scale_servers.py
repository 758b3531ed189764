"""Stand-ins for many PDSes in one process: some answer after a set time, some accept and never answer.

    python -m bench.scale_servers COUNT SECONDS HUNG EVERY

prints the addresses as a JSON list, those that hang last. At the others, writes hang for each account whose number is a
multiple of EVERY (0: for none). `GET /log` at any of them gives when each account's write was carried out.
One thread serves any number of connections, so that it is never what limits a worker.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from email.utils import formatdate

from bench.slow_pds import answer_to

LOG: list[tuple[str, float]] = []


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float, every: int) -> None:
    """One kept-alive connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0] or 0)
            body = await reader.readexactly(length)
            if head.startswith(b"GET /log"):
                answer = json.dumps(LOG).encode()
            elif head.startswith(b"GET"):
                answer = b"{}"
            else:
                did = json.loads(body)["repo"]
                if every and not int(did.rpartition(":")[2]) % every:
                    await reader.read()
                    break
                await asyncio.sleep(seconds)
                answer = answer_to(body)
                LOG.append((did, time.time()))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            writer.write(f"date: {formatdate(usegmt=True)}\r\ncontent-length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read everything, answer nothing."""
    try:
        while await reader.read(65_536):
            pass
    except ConnectionError:
        pass
    writer.close()


async def main(count: int, seconds: float, hung: int, every: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer, seconds, every)

    servers = [await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512) for _ in range(count)]
    servers += [await asyncio.start_server(hang, "127.0.0.1", 0, backlog=512) for _ in range(hung)]
    print(json.dumps([f"http://127.0.0.1:{one.sockets[0].getsockname()[1]}" for one in servers]), flush=True)
    await asyncio.gather(*(one.serve_forever() for one in servers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
