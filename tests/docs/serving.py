"""What the pages about the server need, and what reads their blocks: requests, configurations of agents, receivers.

What lives here: functions that take a world, most of which has a server. What does not: all others (`needs`).
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx

from skywrite import Skywrite
from skywrite.core.standard_webhooks import SECRET_START, signed_headers
from skywrite.features.keys.operations import add_key
from skywrite.queue.events import note_post_event
from skywrite.queue.model import Problem
from tests.docs.blocks import Block
from tests.docs.compared import matches
from tests.docs.readers import ask, well
from tests.docs.world import World
from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import start


def served(world: World) -> None:
    """`skywrite serve` in the place of the page's, and a key in the environment."""
    server = start("--no-worker", environ={**world.environ, "PYTHONUNBUFFERED": "1"})
    world.stack.enter_context(server.child)
    with world.inside(), Skywrite() as sky:
        _, key = add_key(sky, "the page", ("read", "draft", "schedule", "publish", "manage"), (), None)
    world.environ |= {"SKYWRITE_URL": server.url, "SKYWRITE_API_KEY": key}
    world.places |= {"http://127.0.0.1:8080": server.url, "skw_...": key}


def exports(world: World, block: Block) -> None:
    """The shell takes them, and they are what the following blocks have."""
    names = re.findall(r"^export (\w+)=", block.code, re.MULTILINE)
    ran = world.bash(block.code + "env")
    assert {f"{name}={world.environ[name]}" for name in names} <= set(world.here(ran.out).splitlines())


def javascript(world: World, block: Block) -> None:
    """Run by Node, as a module."""
    (world.folder / "example.mjs").write_text(block.code)
    ran = world.bash("node example.mjs")
    assert (0, "Look at example.com []") == (ran.code, ran.out.splitlines()[0]), ran.err


def import_body(world: World, block: Block) -> None:
    """The server takes it as the body of an import."""
    answer = ask(world, "POST", "/api/v1/imports", json.loads(block.code))
    assert answer.is_success, answer.text


def not_editable(world: World, block: Block) -> None:
    """What the server answers to an edit of a post that is published."""
    number = 12
    posted = ask(world, "GET", "/api/v1/posts?limit=500").json()["posts"]
    for missing in range(number - len(posted)):
        assert ask(world, "POST", "/api/v1/posts", {"text": f"Post {missing}", "at": "now"}).is_success
    well("skywrite run", world.bash("skywrite run --once"))
    answer = ask(world, "PATCH", f"/api/v1/posts/{number}", {"text": "Another"})
    shown, came = json.loads(block.code), answer.json()
    assert set(shown) == set(came), came
    for name, value in shown.items():
        assert matches(str(value), str(came[name])), f"{block.name}: {name} is {came[name]!r}"


def mcp_over_http(world: World, block: Block) -> None:
    """At this address and with these headers, a server answers; without a key, it says where to ask for one."""
    (server,) = json.loads(world.here(block.code))["servers"].values()
    headers = {**server.get("headers", {}), "accept": "application/json, text/event-stream"}
    answer = httpx.post(server["url"], json=_INITIALIZE, headers=headers, timeout=PATIENCE_SECONDS)
    if "headers" in server:
        assert (200, True) == (answer.status_code, '"serverInfo"' in answer.text), answer.text
    else:
        assert (401, True) == (answer.status_code, "resource_metadata=" in answer.headers["www-authenticate"])


def mcp_over_pipes(world: World, block: Block) -> None:
    """The program of the configuration, started with its words and its environment, answers."""
    (server,) = json.loads(world.here(block.code))["mcpServers"].values()
    done = subprocess.run(
        [shutil.which(server["command"], path=world.environ["PATH"]) or "", *server["args"]],
        input=json.dumps(_INITIALIZE) + "\n",
        env={**world.environ, **server["env"]},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert "skywrite" == json.loads(done.stdout)["result"]["serverInfo"]["name"], done.stderr


_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a test", "version": "1"},
    },
}


def event(world: World, block: Block) -> None:
    """What the webhook that was added is told when a post fails."""
    with world.inside(), Skywrite() as sky:
        entry = sky.posts.get(sky.schedule("...", at="tomorrow 9:00").id)
        store = sky.context.store
        problem = Problem("InvalidRequest", "...")
        with store.writing() as tx:
            note_post_event(tx, "post.failed", sky.context.clock.now(), entry.post, problem=problem)
    database = world.home / ".local/share/skywrite/skywrite.db"
    with closing(sqlite3.connect(database)) as connection:
        (body,) = connection.execute("SELECT body FROM delivery").fetchone()
    shown, came = json.loads(block.code), json.loads(body)
    assert (set(shown), shown["type"]) == (set(came), came["type"])
    assert set(shown["data"]) == set(came["data"])


SECRET = SECRET_START + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"post.failed"}'


def messages() -> list[tuple[dict[str, str], bytes, bool]]:
    """Messages, and whether they are to be believed: right, by a second secret, changed, old, by another secret."""
    now = datetime.now(UTC)
    other = SECRET_START + "A" * 32
    return [
        (signed_headers([SECRET], "msg_1", now, BODY), BODY, True),
        (signed_headers([other, SECRET], "msg_1", now, BODY), BODY, True),
        (signed_headers([SECRET], "msg_1", now, BODY), BODY + b" ", False),
        (signed_headers([SECRET], "msg_1", now - timedelta(minutes=6), BODY), BODY, False),
        (signed_headers([other], "msg_1", now, BODY), BODY, False),
    ]


def receiver_in_python(world: World, block: Block) -> None:
    """It believes what is signed and fresh, and nothing else."""
    world.python(block.code, block.name)
    verify = world.names["verify"]
    assert [good for _, _, good in messages()] == [verify(SECRET, headers, body) for headers, body, _ in messages()]


def receiver_in_javascript(world: World, block: Block) -> None:
    """The same, by Node."""
    shown = json.dumps([[headers, body.decode()] for headers, body, _ in messages()])
    end = f"console.log(JSON.stringify({shown}.map(([h, b]) => verify({json.dumps(SECRET)}, h, b))));\n"
    (world.folder / "verify.mjs").write_text(block.code + end)
    assert [good for _, _, good in messages()] == json.loads(well(block.name, world.bash("node verify.mjs")).out)


def receiver_in_php(world: World, block: Block) -> None:
    """The same, where there is PHP; it verifies with the function and the base64 of the others in any case."""
    assert block.code.count("{") == block.code.count("}")
    if shutil.which("php") is None:
        return
    shown = json.dumps([[headers, body.decode()] for headers, body, _ in messages()])
    end = f"\n$all = json_decode('{shown}', true);\n"
    end += f"echo json_encode(array_map(fn($c) => verify('{SECRET}', $c[0], $c[1]), $all));"
    (world.folder / "verify.php").write_text(block.code + end)
    assert [good for _, _, good in messages()] == json.loads(well(block.name, world.bash("php verify.php")).out)
