"""The servers that every contract is checked on. If the two differ, the sandbox is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from skywrite.sandbox import Sandbox
from tests.contract.asking import Server, Writer
from tests.support.pds import Pds


@pytest.fixture(scope="session", params=["sandbox", "reference"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The sandbox, then the reference PDS."""
    if request.param == "sandbox":
        with Sandbox() as box:
            yield Server("sandbox", box.url, box.plc_url, box.jwt_secret)
    else:
        pds: Pds = request.getfixturevalue("pds")
        yield Server("reference", pds.url, pds.plc_url, pds.jwt_secret, pds.admin_password)


@pytest.fixture(scope="session")
def alice(server: Server) -> Writer:
    """An account that all contracts on a server share."""
    return Writer(server, server.create_account())


@pytest.fixture
def newcomer(server: Server) -> Writer:
    """An account for this test only."""
    return Writer(server, server.create_account())
