"""What the tests of bad days share: a queue behind a breaking proxy, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from skywrite.app import Skywrite
from skywrite.core.clock import Clock, FakeClock
from skywrite.core.config import load_config
from skywrite.core.http import MAX_ANSWER_BYTES, Http, Response
from tests.support.fault_proxy import FaultProxy
from tests.support.pds import Pds, PdsAccount

PATIENCE_SECONDS = 240.0
SHORT_SECONDS = 3.0


def environment(folder: Path, plc_url: str, database: str = "") -> dict[str, str]:
    """What a process needs to know to use the queue in this folder."""
    return {
        "SKYWRITE_HOME": str(folder),
        "SKYWRITE_DATABASE": database or str(folder / "queue.db"),
        "SKYWRITE_PLC_URL": plc_url,
        "SKYWRITE_VIDEO_SERVICE": "",
    }


def fake_now() -> FakeClock:
    """A clock that stands still at the present moment, so that a real server still takes its tokens."""
    return FakeClock(datetime.now(UTC))


class Waiting:
    """A transport that is patient with every server; where `hurried` is set, with all but the one at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._short, self._long = Http(timeout_seconds=SHORT_SECONDS), Http(timeout_seconds=PATIENCE_SECONDS)
        self.hurried = False

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        """As `skywrite.core.http.Transport`."""
        http = self._short if self.hurried and url.startswith(self._url) else self._long
        return http.request(method, url, headers=headers, body=body, max_bytes=max_bytes)

    def close(self) -> None:
        """Close the connections of both."""
        self._short.close()
        self._long.close()


@dataclass
class Pair:
    """Two accounts in one queue: alice's server is behind a proxy that breaks, bob's is not."""

    sky: Skywrite
    proxy: FaultProxy
    alice: PdsAccount
    bob: PdsAccount
    pds: Pds
    clock: FakeClock
    transport: Waiting
    seen: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """What is in the repositories now is no business of the next test."""
        accounts = (self.alice, self.bob)
        self.seen = {record["uri"] for account in accounts for record in self.pds.records(account.did)}
        self.proxy.exchanges.clear()
        self.transport.hurried = False

    def run_once(self) -> None:
        """What `skywrite run --once` does."""
        self.sky.run_once()

    def records(self, account: PdsAccount) -> list[dict[str, Any]]:
        """What this test has written, by its record keys: in the order of the times at which the posts were due."""
        return [record for record in self.pds.records(account.did) if record["uri"] not in self.seen]

    def add(self, account: PdsAccount, text: str, **row: Any) -> int:
        """A post that is due now; its number."""
        return self.sky.schedule(text, at=self.clock.now(), account=account.handle, late="publish", **row).id

    def told(self, post_id: int) -> tuple[str, list[tuple[str | None, str | None]]]:
        """What the queue says: the state, and the end of each attempt with the code of its error."""
        ends = [
            (one.outcome, one.problem.code if one.problem else None)
            for one in self.sky.context.store.posts.attempts(post_id)
        ]
        return self.sky.context.store.posts.get(post_id).state, ends

    def texts(self, account: PdsAccount) -> list[str]:
        """The texts that this test has written, oldest first."""
        return [record["value"]["text"] for record in self.records(account)]


@contextmanager
def pair(pds: Pds, folder: Path, *, both: bool = False) -> Iterator[Pair]:
    """Two new accounts, signed in, and the queue that they share; with `both`, bob is behind the proxy, too."""
    alice, bob = pds.create_account(), pds.create_account()
    with FaultProxy(pds.url, pds.plc_url) as proxy:
        transport, clock = Waiting(proxy.url), fake_now()
        environ = environment(folder, pds.plc_url)
        with Skywrite(config=load_config(environ), transport=transport, clock=clock) as sky:
            sky.accounts.login(alice.handle, alice.app_password, pds=proxy.url)
            sky.accounts.login(bob.handle, bob.app_password, pds=proxy.url if both else pds.url)
            yield Pair(sky, proxy, alice, bob, pds, clock, transport)
        transport.close()


@contextmanager
def opened(environ: Mapping[str, str], clock: Clock | None = None) -> Iterator[Skywrite]:
    """The queue of an environment, as another process of this user sees it."""
    config = load_config(environ)
    with Skywrite(config=config, clock=clock) if clock else Skywrite(config=config) as sky:
        yield sky


def ask_together(environ: Mapping[str, str], did: str, together: Barrier) -> None:
    """In a process of its own: ask the account's server who we are, at the same moment as others do."""
    with opened(environ) as sky:
        agent = sky.context.agents.get(did)
        together.wait()
        agent.query("com.atproto.server.getSession")
