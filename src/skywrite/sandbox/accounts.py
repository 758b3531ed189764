"""The accounts of the sandbox, and how they sign in.

What lives here: accounts, their states, passwords, app passwords, DID documents. What does not: tokens (`sessions`),
records (`repo`).
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from skywrite.sandbox import tokens
from skywrite.sandbox.repo import Repo

Status: TypeAlias = Literal["active", "takendown", "deactivated"]


@dataclass(slots=True)
class AppPassword:
    """An app password; `privileged` ones may also read direct messages."""

    name: str
    password: str
    created_at: str
    privileged: bool = False


@dataclass(slots=True)
class Account:
    """An account of the sandbox: its credentials for a test, and what belongs to it."""

    handle: str
    did: str
    email: str
    password: str
    repo: Repo
    app_passwords: dict[str, AppPassword] = field(default_factory=dict)
    status: Status = "active"
    second_factor: str | None = None
    drafts: dict[str, dict[str, Any]] = field(default_factory=dict)
    muted: set[str] = field(default_factory=set)
    seen_at: str = ""
    priority_notifications: bool = False

    @property
    def app_password(self) -> str:
        """The first app password that is not revoked."""
        return next(iter(self.app_passwords.values())).password

    @property
    def taken_down(self) -> bool:
        return self.status == "takendown"


class Accounts:
    """The accounts of one sandbox, by DID, handle or e-mail address."""

    def __init__(self, secret: str, now_iso: Callable[[], str], next_tid: Callable[[], str]) -> None:
        self._secret = secret
        self._now_iso = now_iso
        self._next_tid = next_tid
        self._by_did: dict[str, Account] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._by_did.values())

    def create(self, handle: str, password: str, email: str, did: str | None = None) -> Account:
        """Add an account with an empty repository. Its DID depends on its handle and on how many came before."""
        if did is None:
            seed = sha256(f"{handle} {len(self._by_did)}".encode()).digest()
            did = f"did:plc:{b32encode(seed).decode().lower()[:24]}"
        account = Account(handle, did, email, password, Repo(did, self._next_tid))
        self._by_did[did] = account
        return account

    def find(self, name: str) -> Account | None:
        """The account with this DID or handle."""
        if name in self._by_did:
            return self._by_did[name]
        wanted = name.lower()
        return next((account for account in self if account.handle == wanted), None)

    def find_email(self, email: str) -> Account | None:
        return next((account for account in self if account.email.lower() == email.lower()), None)

    def add_app_password(self, account: Account, name: str, *, privileged: bool = False) -> AppPassword:
        """A new app password. Raises KeyError if the name is in use."""
        if name in account.app_passwords:
            raise KeyError(name)
        seed = sha256(f"{account.did} {name} {len(account.app_passwords)} {self._secret}".encode()).digest()
        text = b32encode(seed).decode().lower()[:16]
        password = "-".join(text[start : start + 4] for start in range(0, 16, 4))
        account.app_passwords[name] = AppPassword(name, password, self._now_iso(), privileged)
        return account.app_passwords[name]

    def did_document(self, account: Account, pds_url: str) -> dict[str, Any]:
        """The DID document, as a PLC directory returns it."""
        return {
            "@context": [
                "https://www.w3.org/ns/did/v1",
                "https://w3id.org/security/multikey/v1",
                "https://w3id.org/security/suites/secp256k1-2019/v1",
            ],
            "id": account.did,
            "alsoKnownAs": [f"at://{account.handle}"],
            "verificationMethod": [
                {
                    "id": f"{account.did}#atproto",
                    "type": "Multikey",
                    "controller": account.did,
                    "publicKeyMultibase": tokens.public_multibase(account.did, self._secret),
                }
            ],
            "service": [
                {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds_url},
            ],
        }
