"""What the tests of feeds share: a facade over a sandbox, which may open the local feed server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.sandbox import Sandbox, SandboxTransport

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = "A" * 43 + "="


def environment(folder: Path) -> dict[str, str]:
    """Where the tests keep what they keep."""
    return {
        "SKYWRITE_HOME": str(folder),
        "SKYWRITE_KEY": KEY,
        "SKYWRITE_FETCH_ALLOW": "127.0.0.1",
        "SKYWRITE_VIDEO_SERVICE": "",
    }


@contextmanager
def sandboxed(
    folder: Path, *, database: str | None = None, handles: tuple[str, ...] = ("alice.test",)
) -> Iterator[Skywrite]:
    """A `Skywrite` with accounts in a sandbox of its own, and a clock that stands at noon."""
    clock = FakeClock(START)
    box = Sandbox(clock=clock)
    with Skywrite(
        database, config=load_config(environment(folder)), transport=SandboxTransport(box), clock=clock
    ) as sky:
        for handle in handles:
            account = box.account(handle)
            sky.accounts.login(account.handle, account.app_password, pds="http://127.0.0.1:1")
        sky.box = box  # type: ignore[attr-defined]
        yield sky


def queued(sky: Skywrite) -> list[str]:
    """The first lines of the texts that are in the queue, in due order."""
    return [entry.post.text.split("\n")[0] for entry in sky.posts.list(limit=10_000)]


def ledger(sky: Skywrite, feed: int = 1) -> dict[str, int]:
    """How many items of each state a feed has."""
    return dict(sorted(sky.feeds.get(feed).items.items()))
