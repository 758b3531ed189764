"""`skywrite post "text"` against a bare process with one request, the atproto SDK, and @atproto/api on Node.

All post to one reference PDS on loopback with a saved session; whole processes, in turn.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.measure import in_turn, machine, median, print_table, ratio
from tests.support.pds import Pds, PdsAccount, prepared_node, running_pds
from tests.support.processes import ROOT

BARE = """
import json, os, urllib.request
from datetime import datetime, timezone
now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
record = {"$type": "app.bsky.feed.post", "text": "hello", "createdAt": now}
body = {"repo": os.environ["BENCH_DID"], "collection": "app.bsky.feed.post", "record": record}
headers = {"authorization": "Bearer " + os.environ["BENCH_JWT"], "content-type": "application/json"}
url = os.environ["BENCH_PDS"] + "/xrpc/com.atproto.repo.createRecord"
urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)).read()
"""

SDK = """
import os
from types import SimpleNamespace
from atproto import Client
client = Client(os.environ["BENCH_PDS"])
client.login(session_string=os.environ["BENCH_SDK_SESSION"], fetch_bsky_profile=False)
client.me = SimpleNamespace(did=os.environ["BENCH_DID"])  # what the profile, one more request, is asked for
client.send_post(text="hello")
"""

NODE = """
import { AtpAgent } from '@atproto/api'
const agent = new AtpAgent({ service: process.env.BENCH_PDS })
await agent.resumeSession(JSON.parse(process.env.BENCH_SESSION))
await agent.post({ text: 'hello' })
"""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="script/bench post", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args(arguments)
    with running_pds() as pds, tempfile.TemporaryDirectory(prefix="skywrite-bench-") as folder:
        account = pds.create_account()
        environ = sign_in(pds, account, Path(folder))
        figures = in_turn(commands(Path(folder)), environ, chosen.rounds)
    print(f"{chosen.rounds} rounds on {machine()}\n")
    bare, sdk = figures["bare request"], figures["atproto SDK"]
    rows = [
        [
            name,
            f"{median(own.wall) * 1000:.0f} ms",
            f"{median(own.cpu) * 1000:.0f} ms",
            f"{median(own.memory):.0f} MiB",
            f"{ratio(own.wall, bare.wall):.2f}",
            f"{ratio(own.wall, sdk.wall):.2f}",
            f"{ratio(own.cpu, bare.cpu):.2f}",
        ]
        for name, own in figures.items()
    ]
    print_table(["process", "wall", "processor", "memory", "wall / bare", "wall / SDK", "processor / bare"], rows)
    print("\nBudget of skywrite post: 2.2 of the bare process, 0.15 of the SDK, 40 MiB.")


def sign_in(pds: Pds, account: PdsAccount, folder: Path) -> dict[str, str]:
    """One session for each peer, as it saves it."""
    environ = {
        "SKYWRITE_HOME": str(folder / "home"),
        "SKYWRITE_PLC_URL": pds.plc_url,
        "BENCH_PDS": pds.url,
        "BENCH_DID": account.did,
    }
    login = [
        sys.executable,
        "-m",
        "skywrite.faces.cli.main",
        "login",
        account.handle,
        "--pds",
        pds.url,
        "--app-password-stdin",
    ]
    subprocess.run(login, input=account.app_password, env={**environ}, text=True, check=True, stdout=subprocess.DEVNULL)
    given = {"identifier": account.handle, "password": account.app_password}
    session = pds.call("com.atproto.server.createSession", given)
    environ["BENCH_JWT"] = session["accessJwt"]
    environ["BENCH_SESSION"] = json.dumps({**session, "active": True})
    fields = [session["handle"], session["did"], session["accessJwt"], session["refreshJwt"], pds.url]
    environ["BENCH_SDK_SESSION"] = ":::".join(fields)
    return environ


def commands(folder: Path) -> dict[str, list[str]]:
    """What is run; the Node script lies where its library is found."""
    script = folder / "post.mjs"
    script.write_text(
        NODE.replace("'@atproto/api'", repr(str(ROOT / "bench/peers/node_modules/@atproto/api/dist/index.js")))
    )
    return {
        "skywrite post": [str(Path(sys.executable).parent / "skywrite"), "post", "hello"],
        "bare request": [sys.executable, "-c", BARE],
        "atproto SDK": [sys.executable, "-c", SDK],
        "@atproto/api": [prepared_node("peers"), str(script)],
    }
