"""Passkeys, with an authenticator in software: made by who is signed in, for this server, used once each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server.authenticator import Authenticator
from tests.support.serving import COOKIE, Server, sign_in, start


class Browser:
    """A browser that has opened the page at skywrite.localhost."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.host = f"skywrite.localhost:{urlsplit(server.url).port}"
        self.passkey = Authenticator(f"http://{self.host}", "skywrite.localhost")

    def post(self, path: str, body: Any = None, *, signed_in: bool = True, host: str = "") -> httpx.Response:
        """A request of our page."""
        headers = {"host": host or self.host, "sec-fetch-site": "same-origin"}
        if signed_in:
            headers["cookie"] = f"{COOKIE}={self.server.owner}"
        return self.server.request("POST", path, json=body or {}, headers=headers)

    def add(self) -> httpx.Response:
        """Make a passkey."""
        options = self.post("/passkeys/options").json()
        return self.post("/passkeys", {"name": "laptop", "credential": self.passkey.create(options)})

    def use(self, passkey: Authenticator | None = None) -> httpx.Response:
        """Sign in with the passkey."""
        options = self.post("/passkeys/sign-in/options", signed_in=False).json()
        return self.post("/passkeys/sign-in", {"credential": (passkey or self.passkey).get(options)}, signed_in=False)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser of the owner, at a server of its own."""
    server = start("--demo", "--no-worker", environ={})
    with server.child:
        server.owner = sign_in(server)
        yield Browser(server)


def test_a_passkey_signs_in(browser: Browser) -> None:
    """What the owner made signs them in again, with a session of its own."""
    assert 201 == browser.add().status_code
    answer = browser.use()
    assert (200, {"location": "/"}) == (answer.status_code, answer.json())
    browser.server.owner = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert 200 == browser.server.as_owner().get("/keys").status_code


def test_a_proof_is_used_once(browser: Browser) -> None:
    """The same signature again is refused, and so is an older count of the same passkey."""
    browser.add()
    options = browser.post("/passkeys/sign-in/options", signed_in=False).json()
    proof = {"credential": browser.passkey.get(options)}
    assert 200 == browser.post("/passkeys/sign-in", proof, signed_in=False).status_code
    assert 401 == browser.post("/passkeys/sign-in", proof, signed_in=False).status_code
    assert 401 == browser.use(replace(browser.passkey, count=0)).status_code


def test_other_passkeys_are_refused(browser: Browser) -> None:
    """A passkey that is not known, of another key, or that was used for another site signs nobody in."""
    unknown = browser.use()
    browser.add()
    other_key = browser.use(Authenticator(browser.passkey.origin, browser.passkey.host, count=5))
    other_site = browser.use(replace(browser.passkey, origin="https://evil.example", count=5))
    assert [(401, "passkey.invalid")] * 3 == [
        (answer.status_code, answer.json()["code"]) for answer in (unknown, other_key, other_site)
    ]


def test_only_who_is_signed_in_adds_one(browser: Browser) -> None:
    """Nobody else gets a challenge, and a challenge for signing in makes no passkey."""
    assert 401 == browser.post("/passkeys/options", signed_in=False).status_code
    options = browser.post("/passkeys/sign-in/options", signed_in=False).json()
    answer = browser.post("/passkeys", {"credential": browser.passkey.create(options)})
    assert (401, "passkey.invalid") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("credential", [None, 5, {}, {"response": {"clientDataJSON": "!"}}])
def test_credentials_that_are_none(browser: Browser, credential: Any) -> None:
    """A body that holds no credential is refused."""
    answers = [browser.post(path, {"credential": credential}) for path in ("/passkeys", "/passkeys/sign-in")]
    assert [400, 400] == [answer.status_code for answer in answers]


def test_an_address_has_no_passkeys(browser: Browser) -> None:
    """On 127.0.0.1 the answer says where passkeys work."""
    answer = browser.post("/passkeys/options", host=browser.host.replace("skywrite.localhost", "127.0.0.1"))
    assert (422, "passkey.unavailable") == (answer.status_code, answer.json()["code"])
    assert "skywrite.localhost" in answer.json()["hint"]
