"""Signing in on the page: the server is its own client, and only whoever began a sign-in finishes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import httpx
import pytest

from tests.support.canaries import secrets_in
from tests.support.oauth import Browser, returned
from tests.support.pds import Pds, PdsAccount
from tests.support.processes import PATIENCE_SECONDS, free_port
from tests.support.serving import COOKIE, Server, sign_in, start

HOST = "page.skywrite-tests.net"
OWN = {"host": HOST, "sec-fetch-site": "same-origin"}


@pytest.fixture
def server(tmp_path: Path, pds: Pds) -> Iterator[Server]:
    """A server with a public address, at which other servers find its files."""
    environ = {"SKYWRITE_HOME": str(tmp_path / "home"), "SKYWRITE_PLC_URL": pds.plc_url, "SKYWRITE_VIDEO_SERVICE": ""}
    port = free_port()
    server = start("--public-url", f"https://{HOST}", environ=environ, port=port)
    with server.child:
        server.url = f"http://127.0.0.1:{port}"
        folder = pds.data_dir / "web" / HOST / "oauth"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("client-metadata.json", "jwks.json"):
            file = server.request("GET", f"/oauth/{name}", headers={"host": HOST})
            assert (200, "application/json") == (file.status_code, file.headers["content-type"])
            (folder / name).write_bytes(file.content)
        yield server


def brought_back(server: Server, came: dict[str, str]) -> str:
    """The page that a browser sees that comes back; asked for without a library that logs addresses."""
    request = Request(f"{server.url}/oauth/callback?{urlencode(came)}", headers={"host": HOST})
    with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return str(answer.read().decode())


def test_sign_in_on_the_page(server: Server, pds: Pds, account: PdsAccount) -> None:
    """From the form to the server's own page and back, by a button of ours; another person cannot press it."""
    local = server.sign_in_url.partition("/sign-in/")[2]
    server.sign_in_url = f"{server.url}/sign-in/{local}"
    first = httpx.get(server.sign_in_url, headers={"host": HOST}, timeout=PATIENCE_SECONDS)
    owner = {**OWN, "cookie": f"{COOKIE}={first.cookies.get(COOKIE)}"}
    assert (
        f"https://{HOST}/oauth/client-metadata.json"
        in (pds.data_dir / "web" / HOST / "oauth").joinpath("client-metadata.json").read_text()
    )
    begun = server.request("POST", "/oauth/begin", data={"handle": account.handle, "server": pds.url}, headers=owner)
    assert 200 == begun.status_code, begun.text
    away = unescape(re.search(r'class="button" href="(http[^"]+)"', begun.text)[1])  # type: ignore[index]  # it is there
    came = returned(Browser().accept(away, account.handle, account.password))
    assert came["state"] in brought_back(server, came)
    nobody = server.request("POST", "/oauth/finish", data=came, headers=OWN)
    assert 401 == nobody.status_code
    done = server.request("POST", "/oauth/finish", data=came, headers=owner)
    assert (303, True) == (done.status_code, account.handle in done.headers["location"]), done.text
    again = server.request("POST", "/oauth/finish", data=came, headers=owner)
    assert (True, "unknown or has expired" in again.text) == (again.status_code >= 400, True)
    assert [] == secrets_in(server.child.output)
    shown = server.request("GET", "/accounts", headers=owner).text
    assert account.handle in shown


def test_without_a_public_address(tmp_path: Path) -> None:
    """A server that nobody else can reach offers no files and says what to do."""
    server = start(environ={"SKYWRITE_HOME": str(tmp_path / "home")})
    with server.child:
        assert 404 == server.request("GET", "/oauth/client-metadata.json").status_code
        headers = {"cookie": f"{COOKIE}={sign_in(server)}", "sec-fetch-site": "same-origin"}
        assert "Or at your own server" not in server.request("GET", "/accounts", headers=headers).text
        refused = server.request("POST", "/oauth/begin", data={"handle": "alice.test"}, headers=headers)
        assert (422, True) == (refused.status_code, "public https address" in refused.text)
