"""Processes that publish from a queue until they are killed; forked from a server that has imported everything."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from skywrite.core.errors import NoAnswer
from skywrite.posting.compose.freeze import Frozen
from skywrite.protocol.atproto.repo import Repo

TOLD = ("claimed", "published", "retry")


def fork_server() -> ForkServerContext:
    """Where workers are forked from, in a few milliseconds each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.loaded", "tests.crash.workers"])
    return context


def end_with_starter() -> None:
    """End this process when the one that started it does; the server that forked it lives as long as both."""
    starter = multiprocessing.parent_process()
    assert starter is not None

    def watch() -> None:
        starter.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True)
class Victim:
    """A worker process with four publishing threads, which tells each thing that it does."""

    process: ForkServerProcess
    told: Connection

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.join()
        self.told.close()


def wait_for_events(victims: Sequence[Victim], count: int, quiet_seconds: float) -> None:
    """Wait until the workers have claimed or settled so often, together (or did nothing for so long)."""
    told = [victim.told for victim in victims]
    for _ in range(count):
        ready = wait(told, quiet_seconds)
        if not ready:
            return
        for connection in ready:
            connection.recv_bytes()  # type: ignore[union-attr]


def start_worker(context: ForkServerContext, environ: dict[str, str], *, control: bool = False) -> Victim:
    """Fork a worker."""
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=publish, args=(environ, control, there), daemon=True)
    process.start()
    there.close()
    return Victim(process, here)


def publish(environ: dict[str, str], control: bool, tell: Connection) -> None:
    """Publish until killed. With `control` the server chooses the record keys: the way that duplicates."""
    end_with_starter()
    os.environ.update(environ)
    from skywrite.app import Skywrite
    from skywrite.posting.publish import outcome, publisher

    # A post whose answer was lost is looked for at once: there is no server here that needs a rest.
    outcome.FIRST_RETRY_SECONDS = 0.1

    if control:
        publisher.write = create_with_server_keys  # type: ignore[attr-defined]

    def log(event: str, **facts: Any) -> None:
        if event in TOLD:
            tell.send_bytes(event.encode())
        else:
            print(event, facts, flush=True)

    with Skywrite() as sky:
        sky.run(threads=4, log=log)


def create_with_server_keys(repo: Repo, frozen: Frozen) -> None:
    """What most clients do: a create without a key, tried again when no answer came."""
    for item in frozen.writes:
        body: dict[str, Any] = {"repo": repo.did, "collection": item.collection, "record": item.value}
        while True:
            with suppress(NoAnswer):
                repo._agent.procedure("com.atproto.repo.createRecord", body)
                break


def texts(records: Sequence[dict[str, Any]]) -> list[str]:
    """The texts of records, sorted."""
    return sorted(record["value"]["text"] for record in records)
