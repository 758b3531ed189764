"""Bots: how long a mention waits for its answer, and what a flood of mentions does to posts that are due.

script/bench answers --mentions 20 --flood 5000
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bench.measure import machine, print_table
from skywrite import Item, Skywrite
from skywrite.core.config import load_config
from skywrite.sandbox import Request, Sandbox

HANDLE, POST = "bot.test", "app.bsky.feed.post"
PATIENCE_SECONDS = 120
FLOOD_SECONDS = 100


def main(arguments: list[str]) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="script/bench answers", description=__doc__)
    parser.add_argument("--mentions", type=int, default=20)
    parser.add_argument("--flood", type=int, default=5000)
    given = parser.parse_args(arguments)
    print(machine())
    with running() as (box, sky):
        waits = answered(box, given.mentions)
    print_table(
        ("mentions", "half within", "all within", "bound"),
        [(str(len(waits)), f"{waits[len(waits) // 2]:.1f} s", f"{waits[-1]:.1f} s", "5 s of looking, and sending")],
    )
    with running(before=lambda box, sky: flood(box, sky, given.flood)) as (box, sky):
        late, posts, answers = flooded(box, sky)
    print_table(
        ("mentions at once", "posts due meanwhile", "late by at most", f"answers in {FLOOD_SECONDS} s"),
        [(str(given.flood), str(posts), f"{late:.1f} s", str(answers))],
    )


@contextmanager
def running(
    before: Callable[[Sandbox, Skywrite], object] = lambda box, sky: None,
) -> Iterator[tuple[Sandbox, Skywrite]]:
    """A worker with a bot that answers every mention, on a sandbox."""
    with tempfile.TemporaryDirectory() as home, Sandbox() as box:
        environ = {"SKYWRITE_HOME": str(Path(home)), "SKYWRITE_PLC_URL": box.plc_url, "SKYWRITE_VIDEO_SERVICE": ""}
        with Skywrite(config=load_config(environ)) as sky:

            @sky.on_mention
            def answer(item: Item) -> str:
                return f"Hello {item.author.name}"

            sky.accounts.login(HANDLE, box.account(HANDLE).app_password, pds=box.url)
            sky.accounts.set(HANDLE, {"answers": "on", "answers_per_person": 1000})
            sky.run_once()
            before(box, sky)
            worker = sky.worker()
            worker.begin()
            thread = threading.Thread(target=worker.run)
            thread.start()
            try:
                yield box, sky
            finally:
                worker.stop()
                thread.join()


def answered(box: Sandbox, count: int) -> list[float]:
    """How long each of so many mentions waited, the shortest first; one before them begins the conversation."""
    token, random = signed_in(box), Random(1)
    waits = []
    for number in range(count + 1):
        uri, began = mention(box, token, f"@bot {number}"), time.monotonic()
        while not any(post.record.get("reply", {}).get("parent", {}).get("uri") == uri for post in box.posts(HANDLE)):
            assert time.monotonic() - began < PATIENCE_SECONDS, "no answer"
            time.sleep(0.02)
        waits.append(time.monotonic() - began)
        # Ten answers a minute are the limit of an account.
        time.sleep(5 + 3 * random.random())
    return sorted(waits[1:])


def flood(box: Sandbox, sky: Skywrite, count: int) -> None:
    """So many mentions at once, and a post every second for a minute."""
    token, now = signed_in(box), datetime.now(UTC)
    for number in range(count):
        mention(box, token, f"@bot {number}")
    for second in range(20, 80):
        sky.schedule(f"Post {second}", at=now + timedelta(seconds=second))


def flooded(box: Sandbox, sky: Skywrite) -> tuple[float, int, int]:
    """By how much posts were late, how many of them went out, and how many mentions were answered meanwhile."""
    time.sleep(FLOOD_SECONDS)
    late = [
        (post.published_at - post.due_at).total_seconds()
        for post in sky.context.store.listing.posts(("published",), limit=1000)
        if post.published_at and post.due_at and post.text.startswith("Post ")
    ]
    answers = sum("reply" in post.record for post in box.posts(HANDLE))
    return max(late, default=0.0), len(late), answers


def signed_in(box: Sandbox) -> str:
    """The token of somebody who writes."""
    account = box.account("carol.test")
    given = {"identifier": "carol.test", "password": account.app_password}
    return str(tell(box, "com.atproto.server.createSession", given, "")["accessJwt"])


def mention(box: Sandbox, token: str, text: str) -> str:
    """Somebody tags the bot; the address of the post."""
    feature = {"$type": "app.bsky.richtext.facet#mention", "did": box.account(HANDLE).did}
    facets = [{"index": {"byteStart": 0, "byteEnd": 4}, "features": [feature]}]
    record = {"$type": POST, "createdAt": datetime.now(UTC).isoformat(), "text": text, "facets": facets}
    body = {"repo": box.account("carol.test").did, "collection": POST, "record": record}
    return str(tell(box, "com.atproto.repo.createRecord", body, token)["uri"])


def tell(box: Sandbox, nsid: str, body: dict[str, Any], token: str) -> dict[str, Any]:
    """One request."""
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    answer = box.handle(Request("POST", f"/xrpc/{nsid}", (), headers, json.dumps(body).encode()))
    found: dict[str, Any] = json.loads(answer.body)
    return found
