"""PostgreSQL over TLS: a server that cannot prove who it is gets nothing, and nothing goes on without encryption."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from skywrite.features.checkup.service import _connection, check_all
from skywrite.queue.database import DatabaseUnavailable, Protection
from tests.support.certificates import DAY, Authority, new_authority, server_file
from tests.support.errors import fails
from tests.support.postgres import PostgresServer, postgres_server, server_user
from tests.support.processes import ServerUnavailable, free_port
from tests.support.stored import OpenAt, fast_folder

HOST = "localhost"


class Secured:
    """A PostgreSQL server with TLS, the authority that signed for it, and one that did not."""

    def __init__(self, server: PostgresServer, folder: Path, authority: Authority, other: Authority) -> None:
        self.server, self.folder, self.authority, self.other = server, folder, authority, other
        self.database = server.create_database().rpartition("/")[2]

    def url(self, *, host: str = HOST, mode: str = "verify-full", roots: Path | str = "") -> str:
        """The address of its database."""
        trusted = roots or self.authority.file
        return f"postgresql://postgres@{host}:{self.server.port}/{self.database}?sslmode={mode}&sslrootcert={trusted}"


def certificate(authority: Authority, folder: Path, valid: timedelta = DAY) -> Path:
    """The server's certificate, in a file that only its user may read."""
    path = server_file(authority, folder, host=HOST, valid=valid)
    if user := server_user():
        shutil.chown(path, user, user)
    return path


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    """The server, for all tests of this module."""
    with fast_folder() as folder:
        folder.chmod(0o755)
        authority, other = new_authority(folder), new_authority(folder, "Others")
        path = certificate(authority, folder)
        try:
            with postgres_server({"ssl": "on", "ssl_cert_file": path, "ssl_key_file": path}) as server:
                yield Secured(server, folder, authority, other)
        except ServerUnavailable as error:
            pytest.fail(str(error), pytrace=False)


@pytest.fixture
def expired(secured: Secured) -> Iterator[Secured]:
    """The same server with a certificate that ended yesterday."""
    certificate(secured.authority, secured.folder, -DAY)
    secured.server.restart()
    yield secured
    certificate(secured.authority, secured.folder)
    secured.server.restart()


def test_a_server_that_proves_who_it_is(secured: Secured, open_at: OpenAt) -> None:
    """With verify-full it works, and says that it is safe."""
    assert Protection(encrypted=True, verified=True, local=True) == open_at(secured.url()).protection()


@pytest.mark.parametrize(
    ("roots", "host", "words", "hint"),
    [
        ("other", HOST, "certificate verify failed", "not from an authority that you trust"),
        ("system", HOST, "certificate verify failed", "not from an authority that you trust"),
        ("/nowhere.pem", HOST, "does not exist", "sslrootcert"),
        ("", "127.0.0.1", "does not match host name", "as its certificate names it"),
    ],
    ids=["wrong authority", "authorities of the computer", "no such file", "wrong host"],
)
def test_a_server_that_cannot_prove_it(
    secured: Secured, open_at: OpenAt, roots: str, host: str, words: str, hint: str
) -> None:
    """The error says what is wrong and what to do about it."""
    with fails("database.untrusted", match=words) as caught:
        open_at(secured.url(host=host, roots=secured.other.file if roots == "other" else roots))
    assert (True, False) == (hint in caught.value.hint, "disable" in str(caught.value))


def test_an_expired_certificate(expired: Secured, open_at: OpenAt) -> None:
    """The same; the driver does not say more than that it is not valid."""
    with fails("database.untrusted", match="certificate verify failed") as caught:
        open_at(expired.url())
    assert "has expired" in caught.value.hint


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_server_without_tls_gets_nothing(postgres: PostgresServer, open_at: OpenAt, mode: str) -> None:
    """Where encryption is asked for, there is no way around it."""
    with fails("database.untrusted", match="does not support SSL") as caught:
        open_at(f"{postgres.url}?sslmode={mode}&sslrootcert=" + ("system" if mode == "verify-full" else ""))
    assert "ssl = on" in caught.value.hint


def test_each_host_of_an_address_is_named(secured: Secured, open_at: OpenAt) -> None:
    """With several hosts the error says what happened at each, and the certificate stays what is wrong."""
    closed = free_port()
    address = secured.url(roots=secured.other.file).replace("/" + secured.database, f",127.0.0.1:{closed}/x")
    with pytest.raises(DatabaseUnavailable) as caught:
        open_at(address)
    message = str(caught.value)
    assert f"localhost:{secured.server.port}: SSL error: certificate verify failed" in message
    assert f"127.0.0.1:{closed}: Connection refused" in message


def test_the_doctor_says_how_the_database_is_reached(secured: Secured, home: Path) -> None:
    """One line, in a check of everything."""
    with Skywrite(config=load_config({"SKYWRITE_HOME": str(home), "SKYWRITE_DATABASE": secured.url()})) as sky:
        findings = [(one.what, one.level, one.message) for one in check_all(sky)]
    message = "to the database: encrypted, and the server is verified (it stays on this computer)"
    assert ("connection", "ok", message) in findings


@pytest.mark.parametrize(
    ("protection", "level", "message"),
    [
        (Protection(False, False, True), "ok", "not encrypted (it stays on this computer)"),
        (Protection(True, True, False), "ok", "encrypted, and the server is verified"),
        (Protection(True, False, False), "note", "encrypted, but the server is not verified"),
        (Protection(False, False, False), "note", "not encrypted"),
    ],
)
def test_what_could_be_safer_is_a_note(protection: Protection, level: str, message: str) -> None:
    """By default the driver takes what it gets; the doctor says so, and how to ask for more."""
    finding = _connection(protection)
    assert (level, f"to the database: {message}") == (finding.level, finding.message)
    assert (level == "note") == ("sslmode=verify-full" in finding.hint)
