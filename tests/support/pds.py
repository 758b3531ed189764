"""The reference PDS (`@atproto/pds`) with a PLC directory, on loopback, for tests.

    with running_pds(rate_limits=True) as pds:
        account = pds.create_account()
        pds.restart()

What lives here: starting, stopping and asking it with plain HTTP, so that no test of ours judges itself by our own
client. The servers come from npm through `tests/pds/prepare`, once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.canaries import canary, guard_app_password
from tests.support.processes import FAST_FOLDER, PATIENCE_SECONDS, ROOT, Child, ServerUnavailable, free_port

SCRIPTS = ROOT / "tests" / "pds"

START_SECONDS = 240.0

_numbers = itertools.count(1)


class Refused(AssertionError):
    """A server answered a request of the harness with an error."""

    def __init__(self, nsid: str, status: int, answer: str) -> None:
        super().__init__(f"{nsid} answered {status}: {answer}")
        self.status = status


@dataclass(frozen=True)
class PdsAccount:
    """An account made for tests. `access_jwt` is that of its creation (full access), or empty for preset accounts."""

    handle: str
    did: str
    password: str
    app_password: str
    access_jwt: str = ""


def prepared_node(target: str = "pds") -> str:
    """The path of a Node that runs `tests/pds/*.mjs`, after installing them where that was not done before."""
    done = subprocess.run([SCRIPTS / "prepare", target], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ServerUnavailable(f"The reference servers could not be installed: tests/pds/prepare {target} failed.")
    return done.stdout.strip()


class Xrpc:
    """Plain XRPC over the standard library, a connection a request."""

    url: str
    admin_password: str

    def call(
        self,
        nsid: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        jwt: str = "",
        admin: bool = False,
        url: str = "",
    ) -> Any:
        """POST `body` as JSON (or bytes as they are), or GET without one; the JSON answer, or `Refused`."""
        headers = {"Authorization": f"Bearer {jwt}"} if jwt else {}
        if admin:
            headers["Authorization"] = "Basic " + base64.b64encode(f"admin:{self.admin_password}".encode()).decode()
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/octet-stream" if data is body else "application/json"
        query = "?" + urlencode(params, doseq=True) if params else ""
        connection = http.client.HTTPConnection(urlsplit(url or self.url).netloc, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET" if data is None else "POST", f"/xrpc/{nsid}{query}", data, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        if answer.status != 200:
            raise Refused(nsid, answer.status, text)
        return json.loads(text) if text else None

    def create_account(self, handle: str | None = None, *, app_password: bool = True) -> PdsAccount:
        """A new account with an app password, under a handle never used before unless one is given."""
        handle = handle or f"t{next(_numbers)}-{os.getpid()}.test"
        password = canary()
        body = {"handle": handle, "email": f"{handle}@example.com", "password": password}
        answer = self.call("com.atproto.server.createAccount", body)
        jwt = answer["accessJwt"]
        secret = ""
        if app_password:
            made_password = self.call("com.atproto.server.createAppPassword", {"name": "test"}, jwt=jwt)
            secret = guard_app_password(made_password["password"])
        return PdsAccount(handle, answer["did"], password, secret, jwt)

    def records(self, did: str, collection: str = "app.bsky.feed.post") -> list[dict[str, Any]]:
        """All records of a collection, oldest rkey first: `uri`, `cid`, `value` each."""
        records: list[dict[str, Any]] = []
        params: dict[str, Any] = {"repo": did, "collection": collection, "limit": 100, "reverse": "true"}
        while True:
            page = self.call("com.atproto.repo.listRecords", params=params)
            records += page["records"]
            if "cursor" not in page:
                return records
            params["cursor"] = page["cursor"]


class Pds(Xrpc):
    """A running reference PDS. Address, accounts and data stay the same over `kill()` or `stop()` and `restart()`."""

    def __init__(self, node: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._node = node
        ports = {name: str(free_port()) for name in ("PDS_PORT", "PLC_PORT")}
        self._environ = {**environ, **ports, "DATA_DIR": str(folder)}
        self.data_dir = folder
        self._start()
        self.url: str = self._facts["url"]
        self.plc_url: str = self._facts["plcUrl"]
        self.jwt_secret: str = self._facts["jwtSecret"]
        self.admin_password: str = self._facts["adminPassword"]
        self.accounts = [
            PdsAccount(account["handle"], account["did"], account["password"], account["appPassword"])
            for account in self._facts["accounts"]
        ]

    def _start(self) -> None:
        self.child = Child([self._node, SCRIPTS / "pds.mjs"], environ=self._environ)
        try:
            self._facts: dict[str, Any] = json.loads(self.child.wait_for_line('{"url"', timeout_seconds=START_SECONDS))
        except BaseException:
            self.child.kill()
            raise

    def kill(self) -> None:
        """SIGKILL the server in the middle of whatever it does."""
        self.child.kill()

    def stop(self) -> None:
        """End the server in good order."""
        self.child.stop()

    def restart(self) -> None:
        """Start it again on the same ports and data (after ending it, where it still runs)."""
        self.stop()
        self._start()

    def mint_access_jwt(self, did: str, *, valid_seconds: int = -60, scope: str = "com.atproto.appPass") -> str:
        """An access token as the PDS itself signs it, for tests of expiry: valid for that long from now."""
        now = int(time.time())
        claims = {"scope": scope, "sub": did, "aud": "did:web:localhost", "iat": now - 7200, "exp": now + valid_seconds}
        parts = [_base64url(json.dumps(part).encode()) for part in ({"typ": "at+jwt", "alg": "HS256"}, claims)]
        signature = hmac.new(self.jwt_secret.encode(), ".".join(parts).encode(), hashlib.sha256).digest()
        return ".".join([*parts, _base64url(signature)])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def running_pds(
    *,
    rate_limits: bool = False,
    blob_limit: int | None = None,
    invites: bool = False,
    did_doc: bool = False,
    accounts: tuple[str, ...] = ("alice.test", "bob.test"),
    jwt_secret: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Pds]:
    """A reference PDS of its own, with nothing in it but the accounts named (their main password is `NAME-password`).

    `blob_limit` is in bytes; with `did_doc` sessions carry the DID document, as bsky.social's do.
    Raises ServerUnavailable where it cannot be installed.
    """
    node = prepared_node()
    chosen = {
        "ACCOUNTS": ",".join(accounts),
        "RATE_LIMITS": "1" if rate_limits else "",
        "INVITES": "1" if invites else "",
        "DID_DOC": "1" if did_doc else "",
        "BLOB_LIMIT": str(blob_limit or ""),
        "JWT_SECRET": jwt_secret or "",
        **(environ or {}),
    }
    folder = Path(tempfile.mkdtemp(prefix="skywrite-pds-", dir=FAST_FOLDER))
    try:
        pds = Pds(node, folder, chosen)
        try:
            yield pds
        finally:
            pds.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
