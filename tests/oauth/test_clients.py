"""Clients of one's own: a confidential one, whose session lasts two years, and a public one, on the reference PDS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.oauth.files import check_published, files_of, hosted_client, server_client, turned, write_files
from skywrite.core.errors import InputError
from skywrite.core.http import Response
from skywrite.protocol.atproto.oauth_client import OAuthClient
from tests.oauth.conftest import Process, SignIn
from tests.oauth.support import MovedClock, Wire, age_session
from tests.support.errors import fails
from tests.support.oauth import Browser, returned
from tests.support.pds import Pds, PdsAccount

WHO = "com.atproto.server.getSession"
# Servers refuse the names that are reserved for tests. Nobody is asked: the test PDS has a web of its own.
HOST = "oauth.skywrite-tests.net"


@pytest.fixture
def site(pds: Pds, account: PdsAccount) -> Path:
    """The folder of a web host of this test alone."""
    return pds.data_dir / "web" / HOST / account.handle.partition(".")[0]


@pytest.fixture
def address(site: Path) -> str:
    """The address of that folder."""
    return f"https://{HOST}/{site.name}"


class Web:
    """A transport to which the host of a test answers from its folder."""

    def __init__(self, site: Path) -> None:
        self._site, self._wire = site, Wire()

    def request(self, method: str, url: str, **more: Any) -> Response:
        if not url.startswith(f"https://{HOST}"):
            return self._wire.request(method, url, **more)
        file = self._site / url.rpartition("/")[2]
        if not file.exists():
            return Response(404, {}, b"")
        return Response(200, {"content-type": "application/json; charset=utf-8"}, file.read_bytes())


def use(sky: Skywrite, client: OAuthClient, site: Path) -> dict[str, Any]:
    """Host a client and let sign-ins use it; the options of a sign-in with it."""
    write_files(client, site)
    sky.oauth.keep_client(client)
    hosted = client.redirect_uris[0].startswith("https")
    return {"redirect_uri": client.redirect_uris[0] if hosted else "http://127.0.0.1:7777/callback"}


def test_two_years(process: Process, sign_in: SignIn, pds: Pds, site: Path, address: str) -> None:
    """A confidential client's session is refreshed after 729 days, and over after 731."""
    sky = process()
    done = sign_in(sky, **use(sky, hosted_client(address), site))
    agent = process().context.agent(done.account)
    assert 730 == (done.session.ends_at - done.session.created_at).days
    age_session(pds, done.account.did, 729, "createdAt")
    agent.refresh()
    assert done.account.did == agent.query(WHO)["did"]
    age_session(pds, done.account.did, 2, "createdAt")
    with fails("session.over", match="Session expired"):
        agent.refresh()


def test_ninety_days_unused(process: Process, sign_in: SignIn, pds: Pds, site: Path, address: str) -> None:
    """Unused for ninety days it goes on, and for ninety-two it does not."""
    sky = process()
    done = sign_in(sky, **use(sky, hosted_client(address), site))
    age_session(pds, done.account.did, 90)
    sky.context.agent(done.account).refresh()
    age_session(pds, done.account.did, 92)
    with fails("session.over", match="expired"):
        sky.context.agent(done.account).refresh()


@pytest.mark.parametrize("hosted", [False, True])
def test_two_weeks(process: Process, sign_in: SignIn, pds: Pds, site: Path, address: str, *, hosted: bool) -> None:
    """A public client's session is over after fourteen days, hosted or not."""
    sky = process()
    options = use(sky, hosted_client(address, public=True), site) if hosted else {}
    done = sign_in(sky, **options)
    assert 14 == (done.session.ends_at - done.session.created_at).days
    age_session(pds, done.account.did, 13.99, "createdAt")
    sky.context.agent(done.account).refresh()
    age_session(pds, done.account.did, 0.02, "createdAt")
    with fails("session.over", match="Session expired"):
        sky.context.agent(done.account).refresh()


def test_a_new_key(process: Process, sign_in: SignIn, site: Path, address: str, pds: Pds) -> None:
    """After a rotation the session goes on with its own key, and new sign-ins use the new one."""
    sky = process()
    first = sign_in(sky, **use(sky, hosted_client(address), site))
    client = turned(sky.oauth, sky.oauth.client(first.session.client_id))
    options = use(sky, client, site)
    process().context.agent(first.account).refresh()
    assert first.account.did == process().context.agent(first.account).query(WHO)["did"]
    second = sign_in(sky, **options)
    assert first.session.key_id != second.session.key_id
    dropped = turned(sky.oauth, client, drop_unused=True)
    assert second.session.key_id in dropped.keys and first.session.key_id not in dropped.keys


def test_key_gone(process: Process, sign_in: SignIn, site: Path, address: str) -> None:
    """Without the key that a session is bound to nothing is sent, so that the session survives until it is back."""
    sky = process()
    client = hosted_client(address)
    done = sign_in(sky, **use(sky, client, site))
    sky.oauth.keep_client(client._replace(keys=hosted_client(address).keys))
    with fails("oauth.key_missing"):
        sky.context.agent(done.account).refresh()
    sky.oauth.keep_client(client)
    sky.context.agent(done.account).refresh()


def test_metadata_gone(process: Process, sign_in: SignIn, site: Path, address: str) -> None:
    """Files that are away when a new sign-in needs them are an error that says so."""
    sky = process()
    options = use(sky, hosted_client(address), site)
    (site / "client-metadata.json").unlink()
    with fails("oauth.refused"):
        sign_in(sky, **options)


@pytest.mark.parametrize("skew_seconds", [600, -600, 1, 2])
def test_wrong_clock(process: Process, sign_in: SignIn, site: Path, address: str, skew_seconds: float) -> None:
    """An assertion is never in the server's future, however wrong the clock here is."""
    sky = process(clock=MovedClock(skew_seconds))
    done = sign_in(sky, **use(sky, hosted_client(address), site))
    process(clock=MovedClock(skew_seconds)).context.agent(done.account).refresh()


def test_a_web_server_is_its_own_client(
    process: Process, account: PdsAccount, pds: Pds, site: Path, address: str
) -> None:
    """The client of a server is made once, is not the command line's, and signs accounts in for two years."""
    sky = process()
    client = server_client(sky.oauth, address)
    assert client.key_id == server_client(process().oauth, address).key_id
    assert "loopback" == sky.oauth.default_client("atproto").kind
    write_files(client, site / "oauth")
    pending = sky.oauth.begin_kept(account.handle, pds=pds.url, client=client)
    came = Browser().accept(pending.url, account.handle, account.password)
    assert came.startswith(f"{address}/oauth/callback?")
    done = process().oauth.finish_kept(returned(came))
    assert (account.did, True) == (done.account.did, done.session.is_confidential)


def test_check(process: Process, site: Path, address: str) -> None:
    """The check finds what is not served, and what differs from what is kept."""
    sky = process(Web(site))
    client = hosted_client(address)
    assert [f"{address}/client-metadata.json", f"{address}/jwks.json"] == [
        problem.split()[0] for problem in check_published(sky.oauth, client).problems
    ]
    write_files(client, site)
    assert () == check_published(sky.oauth, client).problems
    write_files(turned(sky.oauth, client), site)
    assert 1 == len(check_published(sky.oauth, client).problems)


def test_private_keys_stay_here(address: str) -> None:
    """No file of a client holds a private number."""
    client = hosted_client(address)
    texts = "".join(files_of(client).values())
    assert [] == [key_id for key_id, key in client.keys.items() if key.text in texts]
    keys = json.loads(files_of(client)["jwks.json"])["keys"]
    assert 2 * [{"alg", "crv", "kid", "kty", "use", "x", "y"}] == [set(key) for key in keys]


@pytest.mark.parametrize(
    "address",
    ["http://me.example", "https://me.example:8443", "https://10.0.0.1", "https://localhost", "https://a:b@me.example"],
)
def test_addresses_that_servers_refuse(address: str) -> None:
    """An address at which no server would accept a client is refused before any file is written."""
    with pytest.raises(InputError):
        hosted_client(address)
