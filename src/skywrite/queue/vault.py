"""Secrets at rest: sealed with an AEAD (ChaCha20-Poly1305, RFC 8439), bound to their owner.

What lives here: the key (from the environment, the keyring or a file that only its owner may read), sealing and
unsealing. Nothing else in the program decrypts. A sealed value is: one version byte; with a passphrase, the 16 bytes
of its salt; a nonce of 12 bytes; the ciphertext with its tag.
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

from skywrite.core.clock import secret_bytes
from skywrite.core.config import Config
from skywrite.core.errors import Do, Hint, MissingExtra, StorageError
from skywrite.core.files import make_private_folder

KEY_BYTES = 32
_NONCE_BYTES = 12
_SALT_BYTES = 16
_BY_KEY = b"\x01"
_BY_PASSPHRASE = b"\x02"
_SCRYPT_COST = 1 << 15
_KEYRING_SERVICE = "skywrite"
_NEXT = "key-next"


class WrongKey(StorageError):
    """The key does not open what is stored."""

    code = "vault.wrong_key"


class Vault:
    """Seals and unseals with one key, which is looked up on first use.

    `key` is the value of SKYWRITE_KEY: 32 bytes in base64, or any passphrase. Without it the key is in the keyring
    (`use_keyring`) or in the file `home/key`, and is created there on first use.
    """

    def __init__(self, home: Path, key: str | None = None, *, use_keyring: bool = False) -> None:
        self._home = home
        self._given = key
        self._use_keyring = use_keyring
        self._lock = threading.Lock()
        self._key: bytes | None = None
        self._derived: dict[bytes, bytes] = {}
        self._salt: bytes | None = None

    @classmethod
    def of(cls, config: Config) -> Vault:
        """The vault for this configuration."""
        return cls(config.home, config.key, use_keyring=config.use_keyring)

    def __repr__(self) -> str:
        return f"Vault({self.source})"

    @property
    def source(self) -> str:
        """Where the key comes from, for messages."""
        if self._given:
            return "SKYWRITE_KEY"
        return "the keyring" if self._use_keyring else str(self._home / "key")

    @property
    def is_given(self) -> bool:
        """Whether the key is in SKYWRITE_KEY, which only the user can change."""
        return bool(self._given)

    def forget(self) -> None:
        """Look up the key again on next use."""
        with self._lock:
            self._key = None

    def seal(self, data: bytes, about: str) -> bytes:
        """Encrypt. `about` names the owner of the value (`account/did:plc:...`); only it unseals the value."""
        from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt

        head, key = self._sealing_key()
        nonce = secret_bytes(_NONCE_BYTES)
        return head + nonce + crypto_aead_chacha20poly1305_ietf_encrypt(data, about.encode(), nonce, key)

    def unseal(self, sealed: bytes, about: str) -> bytes:
        """Decrypt what `seal` made for the same `about`; raises WrongKey."""
        from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt
        from nacl.exceptions import CryptoError

        key, rest = self._unsealing_key(bytes(sealed))
        nonce, data = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return crypto_aead_chacha20poly1305_ietf_decrypt(data, about.encode(), nonce, key)
        except (CryptoError, ValueError, TypeError) as error:
            raise self._wrong() from error

    def _sealing_key(self) -> tuple[bytes, bytes]:
        if self._passphrase() is None:
            return _BY_KEY, self._plain_key()
        with self._lock:
            if self._salt is None:
                self._salt = secret_bytes(_SALT_BYTES)
        return _BY_PASSPHRASE + self._salt, self._key_for(self._salt)

    def _unsealing_key(self, sealed: bytes) -> tuple[bytes, bytes]:
        kind, rest = sealed[:1], sealed[1:]
        if kind == _BY_KEY and self._passphrase() is None:
            return self._plain_key(), rest
        if kind == _BY_PASSPHRASE and self._passphrase() is not None:
            salt = rest[:_SALT_BYTES]
            with self._lock:
                # Reusing the salt that was read saves a second derivation in every short run.
                self._salt = self._salt or salt
            return self._key_for(salt), rest[_SALT_BYTES:]
        raise self._wrong()

    def _passphrase(self) -> str | None:
        return self._given if self._given and _decoded(self._given) is None else None

    def _key_for(self, salt: bytes) -> bytes:
        """scrypt (RFC 7914) with N 2^15, r 8, p 1: 32 MiB and about 0.1 s, once per process."""
        import hashlib

        with self._lock:
            if salt not in self._derived:
                secret = (self._passphrase() or "").encode()
                self._derived[salt] = hashlib.scrypt(
                    secret, salt=salt, n=_SCRYPT_COST, r=8, p=1, maxmem=64 << 20, dklen=KEY_BYTES
                )
            return self._derived[salt]

    def _plain_key(self) -> bytes:
        with self._lock:
            if self._key is None:
                if self._given:
                    self._key = _decoded(self._given)
                elif self._use_keyring:
                    self._key = _from_keyring()
                else:
                    self._key = _from_file(self._home / "key")
            assert self._key is not None
            return self._key

    def _wrong(self) -> WrongKey:
        if not self._given and not self._use_keyring and (self._home / _NEXT).exists():
            return WrongKey(
                f"The key from {self.source} does not open the stored session: a key rotation was interrupted.",
                hint=Hint("Finish it: ", Do("rotate_key")),
            )
        return WrongKey(
            f"The key from {self.source} does not open the stored session.",
            hint=Hint(
                "Use the key the session was stored with (SKYWRITE_KEY, or the file `key` next to the database), "
                "or sign in again: ",
                Do("accounts.login"),
            ),
        )


def next_key(config: Config) -> Vault:
    """The key that a rotation is about to introduce, stored next to the current one; created if necessary."""
    if config.use_keyring:
        return Vault(config.home, base64.b64encode(_from_keyring(_NEXT)).decode())
    return Vault(config.home, base64.b64encode(_from_file(config.home / _NEXT)).decode())


def finish_key(config: Config) -> None:
    """Replace the old key by the next one, in one step."""
    if not config.use_keyring:
        (config.home / _NEXT).replace(config.home / "key")
        return
    import keyring

    stored = keyring.get_password(_KEYRING_SERVICE, _NEXT)
    assert stored is not None
    keyring.set_password(_KEYRING_SERVICE, "key", stored)
    keyring.delete_password(_KEYRING_SERVICE, _NEXT)


def _decoded(text: str) -> bytes | None:
    """The 32 bytes of a base64 text (either alphabet), or None for a passphrase."""
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _from_keyring(name: str = "key") -> bytes:
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise MissingExtra("The keyring is not installed.", extra="keyring") from error
    try:
        stored = keyring.get_password(_KEYRING_SERVICE, name)
        if stored is None:
            keyring.set_password(_KEYRING_SERVICE, name, base64.b64encode(secret_bytes(KEY_BYTES)).decode())
            # Another process may have stored its own key meanwhile; the stored one counts.
            stored = keyring.get_password(_KEYRING_SERVICE, name)
    except keyring.errors.KeyringError as error:
        raise StorageError(
            f"The keyring cannot be used: {error}.",
            code="vault.key_unavailable",
            hint="Unlock it, or set SKYWRITE_KEY instead.",
        ) from error
    key = _decoded(stored or "")
    if key is None:
        raise StorageError(
            "The keyring's entry `skywrite` contains no key.",
            code="vault.key_unavailable",
            hint="Remove that entry and sign in again.",
        )
    return key


def _from_file(path: Path) -> bytes:
    try:
        if not path.exists():
            _make_key_file(path)
        key = _decoded(path.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"The key file {path} cannot be used: {error}.",
            code="vault.key_unavailable",
            hint="Give yourself access to it, or set SKYWRITE_KEY instead.",
        ) from error
    if key is None:
        raise StorageError(
            f"The file {path} contains no key.",
            code="vault.key_unavailable",
            hint="Restore it, or remove it and sign in again.",
        )
    return key


def _make_key_file(path: Path) -> None:
    """Create the file atomically: if two processes try, both end up with the same key."""
    make_private_folder(path.parent)
    partial = path.with_name(f"key.{secret_bytes(8).hex()}")
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secret_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            _place(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _place(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError as error:
        # File systems without hard links (FAT, some shares) leave only the rename, which would replace.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK) or path.exists():
            raise
        partial.rename(path)
