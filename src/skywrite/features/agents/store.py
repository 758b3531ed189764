"""Agents that people let in by OAuth: programs that registered, codes, and access that is renewed.

What lives here: what is stored, always as a digest where it is a secret. What does not: OAuth's requests and answers
(`routes`), and checking an access token, which is an API key with an end, an owner and an address (`api_keys`).

A code and a refresh token are used once. Whoever sends one again ends the access that it belongs to: of two senders one
is a thief, and nobody knows which.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from skywrite.core.errors import SignInError
from skywrite.queue.api_keys import ApiKey, Scope, digest_of, key_of, new_key, new_secret, prefix_of
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction
from skywrite.queue.rows import dump_json

ENDED_KEPT = timedelta(days=90)

CODE_LIFETIME = timedelta(minutes=1)
TOKEN_LIFETIME = timedelta(hours=1)
REFRESH_LIFETIME = timedelta(days=30)
UNUSED_CLIENT_LIFETIME = timedelta(days=1)
UNUSED_CLIENTS_MAX = 1000
# Codes are remembered for longer than they work: a second use is seen for as long as the first token lives.
CODE_REMEMBERED = TOKEN_LIFETIME
_SECRET_CHARACTERS = 43


class Client(NamedTuple):
    """A program that asks to be let in. `redirect_uris` are the addresses that its answers may go to."""

    id: str
    name: str
    redirect_uris: tuple[str, ...]


class Consent(NamedTuple):
    """What a person has allowed to which program. `accounts` are DIDs; `challenge` is of PKCE, S256."""

    person_id: int
    client_id: str
    name: str
    redirect_uri: str
    challenge: str
    resource: str
    scopes: tuple[Scope, ...]
    accounts: tuple[str, ...]


class Tokens(NamedTuple):
    """The access of an agent; both secrets are known only here."""

    key: ApiKey
    access: str
    refresh: str


class Redemption(NamedTuple):
    """What a program sends with a code. Empty: it did not send it."""

    client_id: str
    verifier: str
    redirect_uri: str = ""
    resource: str = ""


class Agents:
    """The agents of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def register(self, name: str, redirect_uris: Sequence[str]) -> Client:
        """Keep a program. Those that nobody lets in are forgotten."""
        client = Client(new_secret(), name, tuple(redirect_uris))
        now = self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            values = {"before": now - UNUSED_CLIENT_LIFETIME, "keep": UNUSED_CLIENTS_MAX - 1}
            tx.run("forget_unused_oauth_clients", **values)
            uris = dump_json(list(redirect_uris))
            tx.run("insert_oauth_client", id=client.id, name=name, redirect_uris=uris, now=now)
        return client

    def client(self, client_id: str) -> Client | None:
        """A program that registered; None for one that did not, or that was forgotten."""
        with self._store.reading() as tx:
            row = tx.row("get_oauth_client", id=client_id)
        return None if row is None else Client(row["id"], row["name"], tuple(json.loads(row["redirect_uris"])))

    def allow(self, consent: Consent) -> str:
        """Keep what a person allowed; the code by which the program gets its tokens."""
        code, now = new_secret(_SECRET_CHARACTERS), self._store.clock.now()
        values = consent._asdict() | {"scopes": dump_json(consent.scopes), "accounts": dump_json(consent.accounts)}
        with self._store.writing(wake=False) as tx:
            tx.run("forget_old_oauth_codes", before=now - CODE_REMEMBERED)
            tx.run("use_oauth_client", id=consent.client_id, now=now)
            tx.run("insert_oauth_code", digest=digest_of(code), expires_at=now + CODE_LIFETIME, **values)
        return code

    def redeem(self, code: str, redemption: Redemption) -> Tokens:
        """The tokens for a code, which is used up whatever comes of it. Raises InvalidGrant."""
        digest, now = digest_of(code), self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            row = tx.row("use_oauth_code", digest=digest, now=now)
            if row is not None and _fits(row, redemption):
                tokens = self._begin(tx, row, now)
                tx.run("note_key_of_oauth_code", digest=digest, key_id=tokens.key.id)
                return tokens
            if row is None:
                tx.run("revoke_key_of_oauth_code", digest=digest, now=now)
        raise SignInError(
            "The code is wrong, too old, used before, or for another program.",
            code="agent.grant_invalid",
            hint="Sign in again.",
        )

    def refresh(self, refresh: str, client_id: str) -> Tokens:
        """New tokens for a refresh token, which is used up; the access token before ends. Raises InvalidGrant."""
        digest, now = digest_of(refresh), self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            row = tx.row("use_oauth_refresh", digest=digest, client_id=client_id, now=now)
            if row is None:
                tx.run("revoke_key_of_oauth_refresh", digest=digest, now=now)
            elif (tokens := self._renew(tx, row["key_id"], now)) is not None:
                return tokens
        raise SignInError(
            "The refresh token is wrong, too old, revoked, or used before.",
            code="agent.grant_invalid",
            hint="Sign in again.",
        )

    def prune(self, before: datetime) -> int:
        """Forget what has expired, and programs whose access ended, and was forgotten, before a time. Returns how many
        programs.
        """
        now = self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            tx.run("forget_old_oauth_codes", before=now - CODE_REMEMBERED)
            tx.run("forget_old_oauth_refreshes", before=now)
            return tx.run("forget_oauth_clients", before=before)

    def revoke(self, refresh: str) -> None:
        """End the access that a refresh token belongs to; nothing happens where it is none."""
        with self._store.writing(wake=False) as tx:
            tx.run("revoke_key_of_oauth_refresh", digest=digest_of(refresh), now=self._store.clock.now())

    def _begin(self, tx: Transaction, code: Row, now: datetime) -> Tokens:
        access = new_key()
        values = {name: code[name] for name in ("name", "person_id", "client_id", "resource")}
        values |= {"scopes": dump_json(_list(code["scopes"])), "accounts": dump_json(_list(code["accounts"]))}
        row = tx.row("insert_agent_key", **values, **_secret(access), now=now, expires_at=now + TOKEN_LIFETIME)
        assert row is not None
        return Tokens(key_of(row), access, self._next_refresh(tx, row["id"], now))

    def _renew(self, tx: Transaction, key_id: int, now: datetime) -> Tokens | None:
        access = new_key()
        row = tx.row("renew_agent_key", id=key_id, **_secret(access), expires_at=now + TOKEN_LIFETIME)
        return None if row is None else Tokens(key_of(row), access, self._next_refresh(tx, key_id, now))

    def _next_refresh(self, tx: Transaction, key_id: int, now: datetime) -> str:
        refresh = new_secret(_SECRET_CHARACTERS)
        tx.run("forget_old_oauth_refreshes", before=now)
        tx.run("insert_oauth_refresh", digest=digest_of(refresh), key_id=key_id, expires_at=now + REFRESH_LIFETIME)
        return refresh


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _fits(code: Row, redemption: Redemption) -> bool:
    """Whether a code is redeemed by the program that asked for it, for what it asked."""
    return (
        hmac.compare_digest(code["challenge"], challenge_of(redemption.verifier))
        and code["client_id"] == redemption.client_id
        and redemption.redirect_uri in ("", code["redirect_uri"])
        and redemption.resource in ("", code["resource"])
    )


def _secret(key: str) -> dict[str, str]:
    return {"prefix": prefix_of(key), "digest": digest_of(key)}


def _list(stored: str) -> list[str]:
    return list(json.loads(stored))


def prune(store: StoreBase, now: datetime) -> None:
    """Drop programs and access that ended long ago."""
    Agents(store).prune(now - ENDED_KEPT)
