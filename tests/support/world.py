"""Fixtures for tests of the operations: a sandbox without sockets, a fixed clock, and a signed-in `Skywrite`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.core.config import Config, load_config
from skywrite.core.http import Response
from skywrite.queue.model import STATES
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport

# A Tuesday.
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@dataclass
class World:
    """One network, one database, one clock; any number of processes."""

    home: Path
    box: Sandbox
    clock: FakeClock
    transport: SandboxTransport
    opened: list[Skywrite] = field(default_factory=list)
    feed: str = ""

    def config(self, **environ: str) -> Config:
        """The configuration of a process with these environment variables."""
        base = {"SKYWRITE_HOME": str(self.home), "SKYWRITE_PLC_URL": self.box.plc_url, "SKYWRITE_VIDEO_SERVICE": ""}
        return load_config({**base, **environ})

    def process(self, database: str | None = None, transport: Any = None, **environ: str) -> Skywrite:
        """Another process on the same database (or on one of its own)."""
        sky = Skywrite(database, config=self.config(**environ), transport=transport or self.transport, clock=self.clock)
        self.opened.append(sky)
        return sky

    def texts(self, handle: str = "alice.test") -> list[str]:
        """The texts on the network, in order."""
        return [post.text for post in self.box.posts(handle)]

    def records(self, handle: str = "alice.test") -> list[dict[str, Any]]:
        """The full posts on the network."""
        return [post.record for post in self.box.posts(handle)]

    def states(self, sky: Skywrite) -> list[tuple[int, str]]:
        """Every post in the queue, by number."""
        return sorted((post.id, post.state) for post in sky.context.store.listing.posts(STATES, limit=10_000))


class Told(list[tuple[str, dict[str, Any]]]):
    """A log that remembers events and their facts."""

    def __call__(self, event: str, **facts: Any) -> None:
        self.append((event, facts))

    def events(self) -> list[str]:
        return [event for event, _ in self]


@pytest.fixture
def told() -> Told:
    """An empty log."""
    return Told()


def before_each_write(world: World, work: Callable[[], object]) -> None:
    """Do something before each write reaches the server; what it raises is what becomes of the write."""
    request = world.transport.request

    def later(method: str, url: str, **more: Any) -> Response:
        if url.endswith("applyWrites"):
            work()
        return request(method, url, **more)

    world.transport.request = later  # type: ignore[method-assign]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A network where alice.test and bob.test live, and nobody is signed in."""
    clock = FakeClock(NOON)
    box = Sandbox(clock=clock)
    world = World(tmp_path / "home", box, clock, SandboxTransport(box))
    yield world
    for sky in world.opened:
        sky.close()


@pytest.fixture
def sky(world: World) -> Skywrite:
    """A process where alice.test is signed in."""
    process = world.process()
    process.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    return process


@pytest.fixture
def image(tmp_path: Path) -> Callable[..., str]:
    """Makes a small image of one colour."""
    from PIL import Image

    def make(name: str = "red.png", colour: str = "red") -> str:
        path = tmp_path / name
        with io.BytesIO() as data:
            Image.new("RGB", (16, 12), colour).save(data, "PNG")
            path.write_bytes(data.getvalue())
        return str(path)

    return make
