"""Fixtures for OAuth tests: processes on one database, and an account of the reference PDS to sign in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.oauth.service import SignedIn
from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.config import load_config
from tests.support.oauth import Browser, returned
from tests.support.pds import Pds, PdsAccount

Process = Callable[..., Skywrite]
SignIn = Callable[..., SignedIn]


@pytest.fixture
def process(tmp_path: Path, pds: Pds) -> Iterator[Process]:
    """process(transport=, clock=, **environ): another process on this test's database."""
    with ExitStack() as stack:

        def make(transport: Any = None, clock: Clock = SYSTEM_CLOCK, **environ: str) -> Skywrite:
            base = {"SKYWRITE_HOME": str(tmp_path / "home"), "SKYWRITE_PLC_URL": pds.plc_url, "BLUESKY_PDS": pds.url}
            config = load_config({**base, "SKYWRITE_VIDEO_SERVICE": "", **environ})
            return stack.enter_context(Skywrite(config=config, transport=transport, clock=clock))

        yield make


@pytest.fixture
def sign_in(pds: Pds, account: PdsAccount) -> SignIn:
    """sign_in(sky, **options): sign in this test's account, accepting all requested rights."""

    def sign(sky: Skywrite, **options: Any) -> SignedIn:
        place = options.pop("pds", pds.url)
        options.setdefault("redirect_uri", "http://127.0.0.1:7777/callback")
        pending = sky.oauth.begin(account.handle, pds=place, **options)
        address = Browser().accept(pending.url, account.handle, account.password)
        return sky.oauth.finish(pending, returned(address))

    return sign
