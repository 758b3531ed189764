"""Fixtures for tests on the reference network: people, and a queue with a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.core.config import Config, load_config
from tests.support.network import Network
from tests.support.pds import PdsAccount


@pytest.fixture
def author(network: Network) -> PdsAccount:
    """Who posts with our code."""
    return network.create_account()


@pytest.fixture
def reader(network: Network) -> PdsAccount:
    """Who reads and reacts, without any of our own code."""
    return network.create_account()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that begins now, as the server's tokens do."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
def config(network: Network, tmp_path: Path) -> Config:
    """Of a queue that counts at the network's own AppView."""
    environ = {
        "SKYWRITE_HOME": str(tmp_path),
        "SKYWRITE_PLC_URL": network.plc_url,
        "SKYWRITE_APPVIEW": network.appview_url,
        "SKYWRITE_VIDEO_SERVICE": "",
    }
    return load_config(environ)


@pytest.fixture
def sky(network: Network, author: PdsAccount, config: Config, clock: FakeClock) -> Iterator[Skywrite]:
    """A queue with the author's account."""
    with Skywrite(config=config, clock=clock) as queue:
        queue.accounts.login(author.handle, author.app_password, pds=network.url)
        queue.accounts.set(None, {"zone": "UTC"})
        yield queue


@pytest.fixture
def command(sky: Skywrite, config: Config, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs the command line on the same queue, with the same clock; returns what it prints."""
    from skywrite.faces.cli.main import cli

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_, **__: Skywrite(config=config, clock=clock))

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, list(words))
        assert 0 == done.exit_code, done.output
        return done.output

    return run
