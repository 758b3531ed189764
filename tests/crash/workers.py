"""Processes that publish from a queue until they are killed; forked from a server that has imported everything."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from skywrite.atproto.repo import Repo
from skywrite.compose.freeze import Frozen
from skywrite.errors import NoAnswer

TOLD = ("claimed", "published", "retry")


def fork_server() -> ForkServerContext:
    """Where workers are forked from, in a few milliseconds each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.crash.workers", "skywrite.app", "skywrite.queue.postgres", "skywrite.schedule.recurrence"]
    )
    return context


@dataclass(frozen=True)
class Victim:
    """A worker process with four publishing threads, which tells each thing that it does."""

    process: ForkServerProcess
    told: Connection

    def wait_for_events(self, count: int, timeout_seconds: float) -> None:
        """Wait until it has claimed or settled so often (or does nothing more for so long)."""
        for _ in range(count):
            if not self.told.poll(timeout_seconds):
                return
            self.told.recv_bytes()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.join()
        self.told.close()


def start_worker(context: ForkServerContext, environ: dict[str, str], *, control: bool = False) -> Victim:
    """Fork a worker."""
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=publish, args=(environ, control, there), daemon=True)
    process.start()
    there.close()
    return Victim(process, here)


def publish(environ: dict[str, str], control: bool, tell: Connection) -> None:
    """Publish until killed. With `control` the server chooses the record keys: the way that duplicates."""
    os.environ.update(environ)
    from skywrite.app import Skywrite
    from skywrite.publish import publisher

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
