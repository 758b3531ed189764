"""An account that migrates to another PDS in the middle of its queue, as the network does it."""

from __future__ import annotations

import io
import sqlite3
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from skywrite.app import Skywrite
from skywrite.core.errors import NoAnswer
from tests.oauth.conftest import Process
from tests.oauth.support import MovedClock, Wire
from tests.support.oauth import Browser, returned
from tests.support.pds import Pds, PdsAccount, running_pds
from tests.support.processes import PATIENCE_SECONDS

CALLBACK = "http://127.0.0.1:7777/callback"
WRITE = "com.atproto.repo.applyWrites"


@pytest.fixture(scope="module")
def other_pds(pds: Pds) -> Iterator[Pds]:
    """Another PDS on the same network: its accounts are in the same directory."""
    with running_pds(accounts=(), environ={"PLC_URL": pds.plc_url}) as other:
        yield other


def migrate(account: PdsAccount, old: Pds, new: Pds) -> str:
    """Move an account as its owner does (https://atproto.com/guides/account-migration); its access there."""
    params = {"aud": "did:web:localhost", "lxm": "com.atproto.server.createAccount"}
    proof = old.call("com.atproto.server.getServiceAuth", params=params, jwt=account.access_jwt)["token"]
    mine = {"did": account.did, "handle": account.handle, "email": f"new-{account.handle}@example.com"}
    session = new.call("com.atproto.server.createAccount", {**mine, "password": account.password}, jwt=proof)
    jwt = str(session["accessJwt"])
    with urllib.request.urlopen(f"{old.url}/xrpc/com.atproto.sync.getRepo?did={account.did}") as answer:
        repo = answer.read()
    request = urllib.request.Request(
        f"{new.url}/xrpc/com.atproto.repo.importRepo",
        data=repo,
        headers={"Authorization": f"Bearer {jwt}", "Content-Type": "application/vnd.ipld.car"},
    )
    urllib.request.urlopen(request).close()
    credentials = new.call("com.atproto.identity.getRecommendedDidCredentials", jwt=jwt)
    old.call("com.atproto.identity.requestPlcOperationSignature", b"", jwt=account.access_jwt)
    with closing(sqlite3.connect(old.data_dir / "account.sqlite", timeout=PATIENCE_SECONDS)) as database:
        query = "SELECT token FROM email_token WHERE purpose = 'plc_operation' AND did = ?"
        token = database.execute(query, (account.did,)).fetchone()[0]
    signed = old.call("com.atproto.identity.signPlcOperation", {**credentials, "token": token}, jwt=account.access_jwt)
    new.call("com.atproto.identity.submitPlcOperation", {"operation": signed["operation"]}, jwt=jwt)
    new.call("com.atproto.server.activateAccount", b"", jwt=jwt)
    old.call("com.atproto.server.deactivateAccount", {}, jwt=account.access_jwt)
    return jwt


def sign_in_by_oauth(sky: Skywrite, account: PdsAccount, pds: Pds, jwt: str) -> None:
    """In the browser."""
    pending = sky.oauth.begin(account.handle, pds=pds.url, redirect_uri=CALLBACK)
    sky.oauth.finish(pending, returned(Browser().accept(pending.url, account.handle, account.password)))


def sign_in_by_password(sky: Skywrite, account: PdsAccount, pds: Pds, jwt: str) -> None:
    """With an app password of that server."""
    password = pds.call("com.atproto.server.createAppPassword", {"name": pds.url[-12:]}, jwt=jwt)["password"]
    sky.accounts.login(account.handle, password, pds=pds.url)


@pytest.mark.parametrize("enter", [sign_in_by_oauth, sign_in_by_password])
def test_migration(
    process: Process,
    pds: Pds,
    other_pds: Pds,
    account: PdsAccount,
    tmp_path: Path,
    enter: Callable[[Skywrite, PdsAccount, Pds, str], None],
) -> None:
    """After one sign-in the queue goes on at the new server; what was frozen and not written is written there once."""
    enter(process(), account, pds, account.access_jwt)
    process().schedule("Before", at="now")
    process().run_once()

    class Lost(Wire):
        """Writes never arrive, and nobody knows."""

        def request(self, method: str, url: str, **more: Any) -> Any:
            if WRITE in url:
                raise NoAnswer("The connection broke.")
            return super().request(method, url, **more)

    image = tmp_path / "image.png"
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(buffer, "PNG")
    image.write_bytes(buffer.getvalue())
    clock = MovedClock()
    lost = process(Lost(), clock)
    frozen = lost.schedule("Frozen", at="now", images=[{"path": str(image), "alt": "Teal"}])
    lost.run_once()
    before = lost.posts.get(frozen.id).post
    jwt = migrate(account, pds, other_pds)
    clock.forward(120)
    sky, wire = process(clock=clock), Wire()
    sky.schedule("After", at="now")
    sky.run_once()
    assert "needs_login" == sky.accounts.get().state
    again = process(wire, clock)
    enter(again, account, other_pds, jwt)
    assert other_pds.url == again.accounts.get().pds_url
    again.run_once()
    records = other_pds.records(account.did)
    assert ["Before", "Frozen", "After"] == [record["value"]["text"] for record in records]
    assert before.frozen is not None and str(records[1]["uri"]).rpartition("/")[2] in before.frozen
    assert [] == [url for url in wire.sent if url.startswith(pds.url) and WRITE in url]
