"""The network as posts see it: whose server may name this computer, who is asked first, and what a server takes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.core.errors import NotSent
from skywrite.posting.publish.network import Network
from tests.support.errors import fails

DID = "did:web:localhost%3A2583"
LOCAL_PDS = "http://localhost:2583"
RESOLVE = "com.atproto.identity.resolveHandle"


@pytest.fixture
def net(tmp_path: Path, server: Any, clock: FakeClock) -> Network:
    return Network(load_config({"SKYWRITE_HOME": str(tmp_path)}), server, clock)


@pytest.mark.parametrize(
    ("service", "is_local"),
    [
        (LOCAL_PDS, True),
        ("http://127.0.0.1:2583", True),
        ("https://pds.example", False),
        ("https://localhost.example", False),
        (None, False),
    ],
)
def test_only_a_server_on_this_computer_may_name_this_computer(
    net: Network, server: Any, answer: Any, service: str | None, is_local: bool
) -> None:
    """A stranger's server, whatever its name begins with, cannot make us ask what listens here."""
    pds = {"id": "#atproto_pds", "serviceEndpoint": LOCAL_PDS}
    server.on("did.json", answer({"id": DID, "service": [pds]}))
    allowed: AbstractContextManager[object] = nullcontext() if is_local else fails("did.unknown")
    with allowed:
        assert LOCAL_PDS == net.resolver(service).pds_url(DID)
    assert [f"{LOCAL_PDS}/.well-known/did.json"] * is_local == [sent.url for sent in server.sent]


def test_an_accounts_own_server_is_asked_first(
    net: Network, server: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its account trusts it, and one question is quicker than three: where it answers, DNS is not asked."""
    looked_up: list[str] = []
    monkeypatch.setattr("skywrite.protocol.atproto.identity.dns_txt", lambda name: looked_up.append(name) or [])
    server.on(RESOLVE, answer({"did": "did:plc:ewvi7nxzyoun6zhxrhs64oiz"}))
    did = net.resolver("https://pds.example").resolve_handle("bob.bsky.social")
    assert ("did:plc:ewvi7nxzyoun6zhxrhs64oiz", [RESOLVE], []) == (
        did,
        [sent.nsid for sent in server.sent],
        looked_up,
    )


def test_a_server_that_does_not_say_what_it_takes_is_believed_to_take_it(net: Network) -> None:
    """Its own limit counts where it can be asked; where it cannot, nothing is refused here."""

    def away() -> int:
        raise NotSent("Nobody is there.")

    limits = [
        net.draft_context(LOCAL_PDS, lambda ask=ask: SimpleNamespace(blob_upload_limit=ask)).blob_limit()  # type: ignore[misc,arg-type]
        for ask in (lambda: 5000, away)
    ]
    assert [5000, None] == limits


@pytest.mark.parametrize(("pds_url", "as_blobs"), [(LOCAL_PDS, True), ("https://pds.example", False)])
def test_a_video_must_fit_the_server_that_takes_it(net: Network, pds_url: str, as_blobs: bool) -> None:
    """A server on this computer, which the public video service cannot reach, takes it itself."""
    assert as_blobs is net.draft_context(pds_url, lambda: pytest.fail("nobody is asked")).videos_as_blobs
