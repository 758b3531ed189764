"""Processes that publish from a queue until they are killed; forked from a server that has imported everything."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from skywrite.atproto.repo import Repo
from skywrite.compose.freeze import Frozen


def fork_server() -> ForkServerContext:
    """Where workers are forked from, in a few milliseconds each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.crash.workers", "skywrite.app", "skywrite.queue.postgres", "skywrite.schedule.recurrence"]
    )
    return context


def start_worker(context: ForkServerContext, environ: dict[str, str], *, control: bool = False) -> ForkServerProcess:
    """A worker process with four publishing threads."""
    process = context.Process(target=publish, args=(environ, control), daemon=True)
    process.start()
    return process


def publish(environ: dict[str, str], control: bool) -> None:
    """Publish until killed. With `control` the server chooses the record keys: the way that duplicates."""
    os.environ.update(environ)
    from skywrite.app import Skywrite
    from skywrite.publish import publisher

    if control:
        publisher.write = create_with_server_keys  # type: ignore[attr-defined]
    with Skywrite() as sky:
        sky.run(threads=4)


def create_with_server_keys(repo: Repo, frozen: Frozen) -> None:
    """What most clients do: a create without a key, tried again when no answer came."""
    for item in frozen.writes:
        body: dict[str, Any] = {"repo": repo.did, "collection": item.collection, "record": item.value}
        repo._agent.procedure("com.atproto.repo.createRecord", body)


def texts(records: Sequence[dict[str, Any]]) -> list[str]:
    """The texts of records, sorted."""
    return sorted(record["value"]["text"] for record in records)
