"""What the environment says of the database: a file or a server, and nothing else by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from skywrite.core.errors import InputError


@pytest.mark.parametrize(
    ("address", "database"),
    [
        ("sqlite:////tmp/a.db", "/tmp/a.db"),
        ("sqlite:///a.db", "a.db"),
        ("sqlite:///C:/data/a.db", "C:/data/a.db"),
        ("/tmp/a.db", "/tmp/a.db"),
        ("C:\\data\\a.db", "C:\\data\\a.db"),
        ("a:b.db", "a:b.db"),
        ("2026:plan.db", "2026:plan.db"),
        ("postgresql://me@host/name", "postgresql://me@host/name"),
        ("postgres:///name", "postgres:///name"),
    ],
)
def test_addresses_of_databases(address: str, database: str) -> None:
    """A path, with `sqlite:///` before it or without, or the address of a server."""
    assert database == load_config({"SKYWRITE_DATABASE": address, "SKYWRITE_HOME": "/home"}).database


@pytest.mark.parametrize(
    "address",
    [
        *("mysql://x", "mysql://me:secret@host/x", "postgresql+psycopg://host/x", "https://example.com/a.db"),
        *(
            "sqlite://",
            "sqlite:///",
            "sqlite:///:memory:",
            "sqlite://tmp/a.db",
            "sqlite:a.db",
            "file:/tmp/a.db",
            ":memory:",
        ),
    ],
)
def test_other_addresses_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Anything else is refused with what to write, without its password, and makes no file of that name."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        load_config({"SKYWRITE_DATABASE": address})
    with pytest.raises(InputError):
        Skywrite(address)
    assert ("secret" in caught.value.message, "Give the path" in caught.value.hint) == (False, True)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["SKYWRITE_PLC_URL", "BLUESKY_PDS", "SKYWRITE_VIDEO_SERVICE", "SKYWRITE_APPVIEW"])
def test_addresses_of_servers(name: str) -> None:
    """A name alone is at https; what is no address is refused, and names its variable."""
    field = {"SKYWRITE_PLC_URL": "plc_url", "BLUESKY_PDS": "service", "SKYWRITE_APPVIEW": "appview"}.get(
        name, "video_service"
    )
    read = [getattr(load_config({name: address}), field) for address in ("pds.example", "http://localhost:2583/")]
    assert ["https://pds.example", "http://localhost:2583"] == read
    for address in ("ftp://pds.example", "https://", "not an address", "https://a b", "/"):
        with pytest.raises(InputError, match=name):
            load_config({name: address})


def test_the_keyring_is_used_or_not() -> None:
    """A word that says neither is refused: the key must not go into a file because of a typo."""
    used = [load_config({"SKYWRITE_KEYRING": value}).use_keyring for value in ("1", "Yes", "on", "", "0", "off")]
    assert [True, True, True, False, False, False] == used
    with pytest.raises(InputError, match="SKYWRITE_KEYRING"):
        load_config({"SKYWRITE_KEYRING": "ja"})
