"""A program that does the main job with one feature less: `without.py FOLDER NAME...` prints what it saw, a line of
JSON for each feature. All share what takes long: the libraries.

It signs in, schedules a post, lets a worker publish it, builds the server and opens its pages, and finds every command.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

import click
from starlette.routing import Route
from starlette.testclient import TestClient

import skywrite.features as listed
from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport

PAGES = ("/", "/compose", "/history", "/media", "/accounts", "/settings", "/posts/1", "/healthz", "/api/openapi.json")


def main(folder: str, *names: str) -> None:
    """Do the job once for each name, in a child; the empty name leaves all features."""
    for name in names:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            job(name, f"{folder}/{name or 'whole'}")
            sys.stdout.flush()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0, name


def job(name: str, folder: str) -> None:
    """Do it without a feature."""
    listed.NAMES = tuple(one for one in listed.NAMES if one != name)
    clock = FakeClock(datetime(2030, 1, 1, 12, tzinfo=UTC))
    box = Sandbox(accounts=("alice.test",), clock=clock)
    environ = {"SKYWRITE_HOME": folder, "SKYWRITE_PLC_URL": box.plc_url, "BLUESKY_PDS": box.url}
    with Skywrite(config=load_config(environ), transport=SandboxTransport(box), clock=clock) as sky:
        sky.accounts.login("alice.test", box.account("alice.test").app_password)
        sky.schedule("Hello", at="in 1 minute")
        clock.advance(60)
        sky.run_once()
        seen = {"posts": [post.text for post in box.posts("alice.test")], "nouns": _nouns(sky), **_faces(sky)}
    ours = f"skywrite.features.{name}"
    seen["loaded"] = [module for module in sys.modules if name and (module == ours or module.startswith(f"{ours}."))]
    print(json.dumps({"without": name, **seen}))


def _faces(sky: Skywrite) -> dict[str, Any]:
    """What the command line and the server have, and how its pages answer."""
    from skywrite.app.operations import OPERATIONS
    from skywrite.faces.cli.main import cli
    from skywrite.faces.cli.names import all_commands
    from skywrite.faces.server.app import make_app
    from skywrite.faces.server.security import Origin
    from skywrite.queue.people import People

    for command in all_commands():
        assert cli.get_command(click.Context(cli), command) is not None
    app = make_app(sky, Origin.of(None))
    people = People(sky.context.store)
    link = people.new_link(people.owner().id)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        client.get(f"/sign-in/{link}")
        codes = {path: client.get(path).status_code for path in PAGES}
    routes = sorted(route.path for route in app.routes if isinstance(route, Route))
    return {"operations": sorted(OPERATIONS), "commands": sorted(all_commands()), "routes": routes, "codes": codes}


def _nouns(sky: Skywrite) -> list[str]:
    return [noun for row in listed.features() for noun in row.services if getattr(sky, noun) is not None]


if __name__ == "__main__":
    main(*sys.argv[1:])
