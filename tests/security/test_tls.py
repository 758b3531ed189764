"""An account's server behind TLS: one that cannot prove who it is gets nothing, and the post waits for it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.sandbox import Sandbox
from tests.support.certificates import DAY, Authority, new_authority, server_context
from tests.support.errors import fails
from tests.support.tls_front import TlsFront

HOST = "localhost"
PAUSE_SECONDS = 3600


@dataclass
class Safe:
    """A sandbox that is reached through TLS only, and the processes that use it."""

    box: Sandbox
    front: TlsFront
    folder: Path
    authority: Authority
    clock: FakeClock

    @contextmanager
    def process(self) -> Iterator[Skywrite]:
        """A new process, with connections of its own."""
        environ = {"SKYWRITE_HOME": str(self.folder), "SKYWRITE_VIDEO_SERVICE": ""}
        environ["SKYWRITE_PLC_URL"] = f"{self.front.url}/plc"
        with Skywrite(config=load_config(environ), clock=self.clock) as sky:
            yield sky

    def shown(self, wrong: str = "") -> ssl.SSLContext:
        """What the server shows, in good order or wrong in one way."""
        authority = new_authority(self.folder, "Others") if wrong == "authority" else self.authority
        host = "pds.example.com" if wrong == "host" else HOST
        return server_context(authority, self.folder, address=host, valid=-DAY if wrong == "time" else DAY)


@pytest.fixture
def safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Safe]:
    """The server, with an authority that SSL_CERT_FILE names."""
    clock, authority = FakeClock(datetime.now(UTC)), new_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with Sandbox(accounts=["alice.test"], clock=clock) as box:
        plain = int(box.url.rpartition(":")[2])
        with TlsFront(plain, server_context(authority, tmp_path, address=HOST)) as front:
            box._pds.url = front.url
            yield Safe(box, front, tmp_path, authority, clock)


def sign_in(safe: Safe) -> None:
    """Alice signs in."""
    with safe.process() as sky:
        sky.accounts.login("alice.test", safe.box.account("alice.test").app_password, pds=safe.front.url)


def test_an_authority_of_ones_own(safe: Safe) -> None:
    """With SSL_CERT_FILE, signing in, scheduling and publishing work, all of it encrypted."""
    sign_in(safe)
    with safe.process() as sky:
        sky.schedule("Hello", at="now")
        sky.run_once()
    assert (["Hello"], []) == ([post.text for post in safe.box.posts("alice.test")], safe.front.in_the_clear)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("authority", "not from a trusted authority"), ("time", "expired"), ("host", "not valid for name")],
)
def test_a_post_waits_for_a_server_that_cannot_prove_who_it_is(safe: Safe, wrong: str, words: str) -> None:
    """The error says why; the server sees nothing; when its certificate is right again, the post goes out, once."""
    sign_in(safe)
    safe.front.context = safe.shown(wrong)
    asked = safe.box.calls.total()
    with safe.process() as sky:
        post = sky.schedule("Hello", at="now", late="publish").id
        sky.run_once()
        kept = sky.context.store.posts.get(post)
    assert ("scheduled", "server.untrusted") == (kept.state, kept.problem and kept.problem.code)
    assert kept.problem and (words in kept.problem.message) and ("SSL_CERT_FILE" in kept.problem.hint)
    assert (asked, []) == (safe.box.calls.total(), safe.front.in_the_clear)
    safe.front.context = safe.shown()
    safe.clock.advance(PAUSE_SECONDS)
    with safe.process() as sky:
        sky.run_once()
    assert ["Hello"] == [one.text for one in safe.box.posts("alice.test")]


def test_no_password_goes_to_a_server_that_cannot_prove_who_it_is(safe: Safe) -> None:
    """Signing in says why not, and the request stays here."""
    safe.front.context = safe.shown("authority")
    with fails("server.untrusted", match="nothing was sent"):
        sign_in(safe)
    assert (0, []) == (safe.box.calls.total(), safe.front.in_the_clear)
