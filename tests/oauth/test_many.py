"""Many processes, threads and workers with one session: one refresh, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from tests.oauth.conftest import SignIn
from tests.oauth.support import sessions_at
from tests.support.pds import Pds
from tests.support.processes import PATIENCE_SECONDS, Child, python_child

PROCESSES = 8
WORKER = """
import threading
from skywrite.app import Skywrite
from skywrite.core.http import Http
from tests.oauth.support import MovedClock

sent = []

class Wire(Http):
    def request(self, method, url, **more):
        answer = super().request(method, url, **more)
        if "/oauth/token" in url and b"use_dpop_nonce" not in answer.body:
            sent.append(answer.status)
        return answer

# Twenty-five seconds before the access token ends, for all of them.
sky = Skywrite(transport=Wire(), clock=MovedClock(3600 - 25))
agent = sky.context.agent(sky.accounts.get())
found = []

def use():
    found.append(agent.query("com.atproto.server.getSession")["did"])

threads = [threading.Thread(target=use) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("done", len(found), "calls,", len(sent), "refreshes", flush=True)
"""


# The lease of a session is one statement, which `tests/store` tries on both.
@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.nightly)])
def environ(request: pytest.FixtureRequest, tmp_path: Path, pds: Pds) -> dict[str, str]:
    """What a process of the test has in its environment."""
    base = {"SKYWRITE_HOME": str(tmp_path / "home"), "SKYWRITE_PLC_URL": pds.plc_url, "BLUESKY_PDS": pds.url}
    if request.param == "postgres":
        base["SKYWRITE_DATABASE"] = request.getfixturevalue("postgres_url")
    return {**base, "SKYWRITE_VIDEO_SERVICE": ""}


@pytest.fixture
def sky(environ: dict[str, str]) -> Iterator[Skywrite]:
    """A process of ours on that database."""
    with Skywrite(config=load_config(environ)) as opened:
        yield opened


def test_eight_processes(sky: Skywrite, sign_in: SignIn, environ: dict[str, str], pds: Pds) -> None:
    """Thirty-two threads of eight processes find the token at its end: one refresh, and every call goes through."""
    done = sign_in(sky)
    with ExitStack() as stack:
        children: list[Child] = []
        for _ in range(PROCESSES):
            children.append(python_child("-c", WORKER, environ=environ))
            stack.callback(children[-1].kill)
        lines = [child.wait_for_line("done", timeout_seconds=PATIENCE_SECONDS) for child in children]
    output = "\n".join(child.output for child in children)
    assert [4] * PROCESSES == [int(line.split()[1]) for line in lines], output
    assert 1 == sum(int(line.split()[3]) for line in lines)
    assert 1 == sessions_at(pds, done.account.did)
    stored = sky.context.store.sessions.load_oauth(done.account.did)
    assert stored is not None and "ready" == stored.phase
