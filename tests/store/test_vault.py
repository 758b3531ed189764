"""Sealing secrets: the right key opens, nothing else does, and two processes agree on the key."""

from __future__ import annotations

import base64
import multiprocessing
import os
import stat
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.config import load_config
from skywrite.core.errors import MissingExtra
from skywrite.queue.vault import Vault, WrongKey
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stored import KEY

ABOUT = "account/did:plc:alice"


@given(st.binary(max_size=200), st.text(max_size=30))
def test_unsealed_is_what_was_sealed(data: bytes, about: str) -> None:
    """What was sealed for an owner comes out for this owner."""
    vault = Vault(Path("/nowhere"), KEY)
    assert data == vault.unseal(vault.seal(data, about), about)


@given(st.data())
def test_any_change_is_noticed(data: st.DataObject) -> None:
    """A sealed value of which any one bit was changed does not open."""
    vault = Vault(Path("/nowhere"), KEY)
    sealed = bytearray(vault.seal(b"secret", ABOUT))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WrongKey):
        vault.unseal(bytes(sealed), ABOUT)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02", b"\x03" + bytes(60), b"\x01" + bytes(11)])
def test_garbage(sealed: bytes) -> None:
    """What is no sealed value at all is told in the same way."""
    with pytest.raises(WrongKey):
        Vault(Path("/nowhere"), KEY).unseal(sealed, ABOUT)


def test_owner_is_bound() -> None:
    """A value sealed for one owner does not open for another."""
    vault = Vault(Path("/nowhere"), KEY)
    with pytest.raises(WrongKey):
        vault.unseal(vault.seal(b"secret", ABOUT), "account/did:plc:bob")


def test_sealed_twice_differs() -> None:
    """Two sealings of one value look different."""
    vault = Vault(Path("/nowhere"), KEY)
    assert vault.seal(b"secret", ABOUT) != vault.seal(b"secret", ABOUT)


@pytest.mark.parametrize("key", ["correct horse", base64.urlsafe_b64encode(b"\xff" * 32).decode(), "short="])
def test_key_from_the_environment(home: Path, key: str) -> None:
    """SKYWRITE_KEY is 32 bytes in base64 or any passphrase; nothing is written to the disk, and another key fails."""
    environ = {"SKYWRITE_HOME": str(home), "SKYWRITE_KEY": key}
    sealed = Vault.of(load_config(environ)).seal(b"secret", ABOUT)
    assert b"secret" == Vault.of(load_config(environ)).unseal(sealed, ABOUT)
    assert [] == list(home.iterdir())
    for other in ("other", KEY):
        with pytest.raises(WrongKey, match="SKYWRITE_KEY") as caught:
            Vault(home, other).unseal(sealed, ABOUT)
        assert key not in caught.value.message + caught.value.hint


def test_key_file_is_for_its_owner_only(home: Path) -> None:
    """The key file and its directory are private, also under umask 000."""
    before = os.umask(0)
    try:
        sealed = Vault(home / "new").seal(b"secret", ABOUT)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (home / "new", home / "new" / "key")]
    assert ([0o700, 0o600], b"secret") == (modes, Vault(home / "new").unseal(sealed, ABOUT))
    assert ["key"] == [path.name for path in (home / "new").iterdir()]


def _seal(home: Path, results: multiprocessing.queues.Queue[bytes]) -> None:  # type: ignore[name-defined]
    results.put(Vault(home).seal(b"secret", ABOUT))


def test_two_processes_get_the_same_key(home: Path) -> None:
    """Processes that need the key for the first time at the same moment end up with one."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [context.Process(target=_seal, args=(home, results)) for _ in range(8)]
    for worker in workers:
        worker.start()
    sealed = [results.get(timeout=PATIENCE_SECONDS) for _ in workers]
    for worker in workers:
        worker.join(PATIENCE_SECONDS)
    assert [b"secret"] * 8 == [Vault(home).unseal(one, ABOUT) for one in sealed]


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"\xff\xfe"])
def test_damaged_key_file(home: Path, content: bytes) -> None:
    """A key file that holds no key is told by its path."""
    (home / "key").write_bytes(content)
    with fails("vault.key_unavailable", match=str(home / "key")):
        Vault(home).seal(b"secret", ABOUT)


def test_key_file_cannot_be_made(home: Path) -> None:
    """A place where no file can be made is told by its path."""
    (home / "file").touch()
    with fails("vault.key_unavailable", match="file/key"):
        Vault(home / "file").seal(b"secret", ABOUT)


def test_key_from_the_keyring(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the keyring, the key is kept there and nowhere else."""
    kept: dict[tuple[str, str], str] = {}
    fake = types.ModuleType("keyring")
    fake.errors = types.ModuleType("keyring.errors")  # type: ignore[attr-defined]
    fake.errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]
    fake.get_password = lambda *name: kept.get(name)  # type: ignore[attr-defined]
    fake.set_password = lambda service, name, value: kept.update({(service, name): value})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setitem(sys.modules, "keyring.errors", fake.errors)  # type: ignore[attr-defined]
    config = load_config({"SKYWRITE_HOME": str(home), "SKYWRITE_KEYRING": "1"})
    sealed = Vault.of(config).seal(b"secret", ABOUT)
    assert (b"secret", [("skywrite", "key")], []) == (
        Vault.of(config).unseal(sealed, ABOUT),
        list(kept),
        list(home.iterdir()),
    )


def test_keyring_is_not_installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, asking for the keyring says how to install it."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(MissingExtra) as caught:
        Vault(home, use_keyring=True).seal(b"secret", ABOUT)
    assert "[keyring]" in caught.value.hint


def test_vault_tells_no_secret() -> None:
    """The key is in no representation of the vault."""
    assert "Vault(SKYWRITE_KEY)" == repr(Vault(Path("/nowhere"), KEY))
