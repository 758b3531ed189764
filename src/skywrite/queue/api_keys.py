"""API keys.

What lives here: their format, the digest that is stored instead of the key, scopes, and the secret addresses of
calendars and feeds. What does not: reading a key from a request (`server.auth`).

A key is `skw_`, 30 random characters and a checksum of six, so that a scanner for leaked secrets can recognise a key
offline. With 178 random bits a plain SHA-256 is enough: a key cannot be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from skywrite.core.clock import secret_bytes
from skywrite.core.errors import Do, Hint, InputError, NotFound, Unauthenticated
from skywrite.core.shown import check_name, named
from skywrite.queue.base import StoreBase, items_of
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.journal import note_final
from skywrite.queue.reading import json_of, readable, reads
from skywrite.queue.rows import dump_json

Scope = Literal["read", "draft", "schedule", "publish", "manage"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

KEY_START = "skw_"
RANDOM_CHARACTERS = 30
CHECK_CHARACTERS = 6
PREFIX_CHARACTERS = 8
USE_NOTED_EVERY = timedelta(minutes=1)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


INVALID_KEY = "api_key.invalid"


class ApiKey(NamedTuple):
    """A key's data, without the key itself. `accounts` are DIDs; None means all accounts.

    `parent_id` is the key that made it, `person_id` the person who did, or from whom that key came: it ends with them.
    The access token of an agent (`features.agents`) is a key, too: `person_id` let it in, and it works at `resource`
    only.
    """

    id: int
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    accounts: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    person_id: int | None = None
    client_id: str | None = None
    resource: str | None = None
    parent_id: int | None = None

    @property
    def shown(self) -> str:
        """The beginning of the key, by which its owner recognises it."""
        return f"{KEY_START}{self.prefix}…"


class Maker(NamedTuple):
    """Who makes a key or an address: a key, and the person from whom it came; or a person; or nobody who could end."""

    key_id: int | None = None
    person_id: int | None = None


NOBODY = Maker()


class FeedToken(NamedTuple):
    """A secret address for a calendar or a news reader; `account_did` None shows all accounts."""

    id: int
    name: str
    account_did: str | None
    created_at: datetime


def new_secret(characters: int = RANDOM_CHARACTERS) -> str:
    """Random characters of the base-62 alphabet, uniformly distributed."""
    secret = ""
    while len(secret) < characters:
        # 248 is the largest multiple of 62 in a byte; larger values would make some characters more likely.
        secret += "".join(_ALPHABET[byte % 62] for byte in secret_bytes(characters) if byte < 248)
    return secret[:characters]


def new_key() -> str:
    """A new key."""
    random = new_secret()
    return f"{KEY_START}{random}{_checksum(random)}"


def looks_like_key(text: str) -> bool:
    """Whether this has the form of a key, checksum included."""
    random, check = text[len(KEY_START) : -CHECK_CHARACTERS], text[-CHECK_CHARACTERS:]
    return text.startswith(KEY_START) and len(random) == RANDOM_CHARACTERS and check == _checksum(random)


def digest_of(secret: str) -> str:
    """The digest that is stored instead of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def parse_scopes(names: Iterable[str]) -> tuple[Scope, ...]:
    """Scopes in their usual order. Raises InputError for an unknown name, or if there are none."""
    scopes = set(names)
    unknown = sorted(scopes - set(SCOPES))
    if unknown or not scopes:
        what = f"{unknown[0]!r} is not a scope." if unknown else "A key needs at least one scope."
        raise InputError(what, hint=f"Choose from: {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in scopes)


class ApiKeys:
    """The API keys and calendar addresses of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        accounts: Sequence[str] | None = None,
        expires_at: datetime | None = None,
        maker: Maker = NOBODY,
    ) -> tuple[ApiKey, str]:
        """Create a key; the second value is the key itself, which is never shown again.

        `maker`: who makes it; it ends with them. Raises InputError, and Unauthenticated if the maker has ended.
        """
        chosen = parse_scopes(scopes)
        check_name(name, "A key")
        if expires_at is not None and expires_at <= self._store.clock.now():
            raise InputError("The key would already have expired.", hint="Choose an expiry date in the future.")
        while True:
            key = new_key()
            values = {
                "name": name,
                "prefix": prefix_of(key),
                "digest": digest_of(key),
                "scopes": dump_json(chosen),
                "accounts": None if accounts is None else dump_json(list(accounts)),
                "expires_at": expires_at,
                "parent_id": maker.key_id,
                "person_id": maker.person_id,
            }
            with self._store.writing(wake=False) as tx:
                _check_maker(tx, maker)
                now = self._store.clock.now()
                row = tx.row("insert_api_key", **values, now=now)
                if row is not None:
                    way_back = Hint("Revoke it: ", Do("keys.revoke", int(row["id"])))
                    note_final(tx, f"the new key {row['id']}", now, way_back)
            # The prefix must be unique; a collision among 62 ** 8 is rare, but possible.
            if row is not None:
                return key_of(row), key

    def all(self) -> list[ApiKey]:
        """All keys, including those that have ended."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_api_keys"), key_of)

    def get(self, key_id: int) -> ApiKey:
        """One key. Raises NotFound."""
        with self._store.reading() as tx:
            row = tx.row("get_api_key", id=key_id)
        if row is None:
            raise unknown_key(key_id)
        return key_of(row)

    def first_of(self, key: ApiKey) -> int:
        """The number of the key from which a key came, through all that made it; its own, if no key did."""
        if key.parent_id is None:
            return key.id
        with self._store.reading() as tx:
            row = tx.row("first_key_of", id=key.id)
        return key.id if row is None else int(row["id"])

    def revoke(self, key_id: int) -> ApiKey:
        """End a key at once, and whatever it has made. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            now = self._store.clock.now()
            if tx.run("revoke_api_key", id=key_id, now=now):
                note_final(tx, f"the end of key {key_id}", now, Hint("Make another: ", Do("keys.add")))
        return self.get(key_id)

    def check(self, key: str, resource: str | None = None) -> ApiKey:
        """The key's row, if it is valid now. Raises Unauthenticated, which does not say what is wrong.

        An agent's token is valid at the `resource` that it was issued for, while the person who let it in is there.
        """
        wrong = Unauthenticated("The API key is wrong, revoked or expired.", code=INVALID_KEY, hint="Make a new key.")
        if not looks_like_key(key):
            raise wrong
        with self._store.reading() as tx:
            row = tx.row("api_key_with_prefix", prefix=prefix_of(key))
        if row is None or not hmac.compare_digest(str(row["digest"]), digest_of(key)):
            raise wrong
        api_key, now = key_of(row), self._store.clock.now()
        if api_key.resource is not None and (api_key.resource != resource or api_key.person_id is None):
            raise wrong
        if api_key.revoked_at is not None or (api_key.expires_at is not None and api_key.expires_at <= now):
            raise wrong
        if api_key.last_used_at is None or api_key.last_used_at < now - USE_NOTED_EVERY:
            with self._store.writing(wake=False) as tx:
                tx.run("note_api_key_use", id=api_key.id, now=now, before=now - USE_NOTED_EVERY)
        return api_key

    def valid(self, key_ids: Sequence[int]) -> list[ApiKey]:
        """Those of these keys that are valid now."""
        items = items_of({"id": key_id} for key_id in key_ids)
        with self._store.reading() as tx:
            return readable(tx.rows("valid_api_keys", items=items, now=self._store.clock.now()), key_of)

    def has_valid(self) -> bool:
        """Whether there is a valid key."""
        now = self._store.clock.now()
        return any(key.revoked_at is None and (key.expires_at is None or key.expires_at > now) for key in self.all())

    def add_token(self, name: str, account_did: str | None = None, maker: Maker = NOBODY) -> tuple[FeedToken, str]:
        """Create a secret address, which ends with its maker; the second value is its secret, shown only now.

        Raises InputError.
        """
        check_name(name, "A calendar")
        secret = new_secret()
        values = {"digest": digest_of(secret), "name": name, "account_did": account_did, **maker._asdict()}
        with self._store.writing(wake=False) as tx:
            _check_maker(tx, maker)
            row = tx.row("insert_feed_token", **values, now=self._store.clock.now())
            assert row is not None
            return _token_of(row), secret

    def tokens(self) -> list[FeedToken]:
        """The addresses that still work."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_feed_tokens", now=self._store.clock.now()), _token_of)

    def token(self, secret: str) -> FeedToken | None:
        """The address with this secret, or None if it does not exist or was revoked."""
        with self._store.reading() as tx:
            row = tx.row("feed_token_with_digest", digest=digest_of(secret), now=self._store.clock.now())
        return None if row is None else _token_of(row)

    def prune(self, before: datetime) -> int:
        """Forget keys and addresses that ended before a time. Returns how many keys."""
        with self._store.writing(wake=False) as tx:
            tx.run("forget_feed_tokens", before=before)
            return tx.run("forget_api_keys", before=before)

    def revoke_token(self, token_id: int) -> None:
        """End an address. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            if tx.run("revoke_feed_token", id=token_id, now=self._store.clock.now()) != 1:
                raise unknown_token(token_id)


def unknown_key(key_id: int) -> NotFound:
    """The error about a number that no key has."""
    return NotFound(
        f"There is no API key {named(key_id)}.", code="api_key.unknown", hint=Hint("See them: ", Do("keys.list"))
    )


def unknown_token(token_id: int) -> NotFound:
    """The error about a number that no calendar address has."""
    return NotFound(
        f"There is no calendar address {named(token_id)}.",
        code="token.unknown",
        hint=Hint("See them: ", Do("calendars.list")),
    )


def _check_maker(tx: Transaction, maker: Maker) -> None:
    """Nothing is made for a key that was revoked while it asked for that."""
    row = None if maker.key_id is None else tx.row("get_api_key", id=maker.key_id)
    if row is not None and row["revoked_at"] is not None:
        raise Unauthenticated("The API key is wrong, revoked or expired.", code=INVALID_KEY, hint="Make a new key.")


def _checksum(random: str) -> str:
    number, text = zlib.crc32(random.encode()), ""
    for _ in range(CHECK_CHARACTERS):
        number, digit = divmod(number, 62)
        text = _ALPHABET[digit] + text
    return text


def prefix_of(key: str) -> str:
    """The characters by which a key is found."""
    return key[len(KEY_START) : len(KEY_START) + PREFIX_CHARACTERS]


@reads("api_key")
def key_of(row: Row) -> ApiKey:
    """The key in a row."""
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return ApiKey(
        id=row["id"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=parse_scopes(json_of(row["scopes"], list)),
        accounts=None if row["accounts"] is None else tuple(json_of(row["accounts"], list)),
        created_at=created_at,
        expires_at=time_of(row["expires_at"]),
        last_used_at=time_of(row["last_used_at"]),
        revoked_at=time_of(row["revoked_at"]),
        person_id=row["person_id"],
        client_id=row["client_id"],
        resource=row["resource"],
        parent_id=row["parent_id"],
    )


@reads("feed_token")
def _token_of(row: Row) -> FeedToken:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return FeedToken(row["id"], row["name"], row["account_did"], created_at)
