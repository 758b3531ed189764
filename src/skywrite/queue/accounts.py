"""Accounts and their sessions, whose tokens are sealed."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from skywrite.core.clock import secret_bytes
from skywrite.core.errors import SIGN_IN, Conflict, Do, Hint, InputError, NotFound, SignInError
from skywrite.core.http import json_object
from skywrite.protocol.atproto.session_data import Session
from skywrite.queue.base import StoreBase, items_of_dids, locked, update_ready
from skywrite.queue.database import Row, Transaction
from skywrite.queue.events import note_event
from skywrite.queue.leases import SKEW
from skywrite.queue.model import Account, AccountState
from skywrite.queue.rows import account_of, dump_json, settings_of
from skywrite.queue.vault import Vault

if TYPE_CHECKING:
    from skywrite.protocol.atproto.oauth_session import OAuthSession

    AnySession = Session | OAuthSession

NEEDS_LOGIN = "account.needs_login"


SignIn = tuple[int, object]
"""Identifies one sign-in of an account, as of its last refresh."""

_WAITING = {
    "draft": "draft",
    "held": "held post",
    "publishing": "unfinished post",
    "rule": "active rule",
    "scheduled": "scheduled post",
}


class Accounts:
    """The accounts of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def sign_in(self, session: AnySession) -> Account:
        """Store a new sign-in: the account is usable again, and whatever waited for it is tried at once.

        Posts that were held because of a missing login are scheduled, and those that failed for now do not wait longer.
        """
        # Before the transaction: getting the key may take long, while others wait to write.
        sealed = _sealed(self._store.vault, session)
        with self._store.writing() as tx:
            tx.rows("lock_default")
            now = self._store.clock.now()
            tx.run("insert_account", did=session.did, handle=session.handle, pds_url=session.pds_url, now=now)
            locked(tx, session.did)
            tx.run("set_session", did=session.did, session=sealed, now=now, ends_at=_ends_at(session))
            tx.run("end_login_need", did=session.did)
            tx.run("release_held_for_login", did=session.did, error_code=NEEDS_LOGIN, now=now)
            tx.run("try_posts_again", did=session.did, now=now)
            tx.run("try_actions_again", did=session.did, now=now)
            if tx.row("default_account") is None:
                tx.run("set_default", did=session.did, yes=True)
            update_ready(tx, session.did)
            row = tx.row("get_account", did=session.did)
            assert row is not None
            return account_of(row)

    def sign_out(self, did: str) -> None:
        """Erase the session. The posts wait for the next sign-in."""
        with self._store.writing() as tx:
            locked(tx, did)
            tx.run("set_session", did=did, session=None, now=None, ends_at=None)
            tx.run("set_account_state", did=did, state="needs_login", paused_until=None, reason="signed out")
            update_ready(tx, did)

    def remove(self, did: str) -> None:
        """Remove an account with its history. Raises Conflict while it has waiting posts, drafts or recurrences."""
        with self._store.writing() as tx:
            tx.rows("lock_default")
            heirs = [row["did"] for row in tx.rows("list_accounts") if row["did"] != did][:1]
            for one in sorted((did, *heirs)):
                locked(tx, one)
            row = locked(tx, did)
            waiting = [_counted(item["count"], _WAITING[item["kind"]]) for item in tx.rows("waiting_things", did=did)]
            if waiting:
                raise Conflict(
                    f"{row['handle']} was not deleted, because it still has: {', '.join(waiting)}.",
                    code="account.in_use",
                    hint=Hint(
                        "Cancel and stop them first: ",
                        Do("posts.list"),
                        ", ",
                        Do("recurrences.list"),
                        ". Or sign out only.",
                    ),
                )
            tx.run("delete_account", did=did)
            if row["is_default"] and heirs:
                tx.run("set_default", did=heirs[0], yes=True)

    def all(self) -> list[Account]:
        """All accounts, the default one first."""
        with self._store.reading() as tx:
            return [account_of(row) for row in tx.rows("list_accounts")]

    def with_dids(self, dids: Iterable[str]) -> list[Account]:
        """The accounts with these DIDs."""
        return _found(self._store, "accounts_with", items=items_of_dids(sorted(set(dids))))

    def some(self, most: int) -> list[Account]:
        """Some of the accounts that are signed in: for what need not look at a million of them."""
        return _found(self._store, "some_accounts", most=most)

    def of_name(self, name: str) -> Account | None:
        """The account that was signed in with a name from the environment."""
        with self._store.reading() as tx:
            row = tx.row("account_of_sign_in_name", name=name)
        return None if row is None else account_of(row)

    def note_name(self, name: str, did: str) -> None:
        """Record the name that an account was signed in with."""
        with self._store.writing(wake=False) as tx:
            tx.run("put_sign_in_name", name=name, did=did)

    def note_session_end(self, did: str) -> bool:
        """Whether the end of a session is to be announced now: once a day (UTC), for any number of workers."""
        now = self._store.clock.now()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        with self._store.writing(wake=False) as tx:
            return tx.run("note_session_end", did=did, now=now, today=today) == 1

    def with_setting(self, name: str) -> list[Account]:
        """The accounts that may publish and for which the user has set this."""
        return _found(self._store, "accounts_with_setting", setting=name)

    def leased(self, worker: str) -> list[Account]:
        """The accounts that other workers than this one hold."""
        return _found(self._store, "leased_accounts", worker=worker)

    def get(self, name: str | None = None, among: Collection[str] | None = None) -> Account:
        """The account with this handle (with or without `@`) or DID; the default one for None.

        `among`: the DIDs of those that are there; by default all. Raises NotFound, InputError.
        """
        with self._store.reading() as tx:
            candidates = tx.rows("default_account") if name is None else tx.rows("find_account", name=_plain(name))
        rows = [row for row in candidates if among is None or row["did"] in among]
        if len(rows) > 1:
            dids = ", ".join(row["did"] for row in rows)
            raise InputError(
                f"More than one account is called {name}.", code="account.ambiguous", hint=f"Use its DID: {dids}."
            )
        if not rows:
            named = name if name and name.strip() else repr(name)
            what = "No account is signed in." if name is None else f"The account {named} is not known here."
            raise NotFound(what, code="account.unknown", hint=SIGN_IN)
        return account_of(rows[0])

    def set_default(self, did: str) -> None:
        """Use this account when none is named."""
        with self._store.writing(wake=False) as tx:
            tx.rows("lock_default")
            before = tx.row("default_account")
            for one in sorted({did} if before is None else {did, before["did"]}):
                locked(tx, one)
            tx.run("clear_default", no=False)
            tx.run("set_default", did=did, yes=True)

    def change(self, did: str, state: AccountState, *, paused_until: datetime | None = None, reason: str = "") -> None:
        """Pause an account (until a time, or until it is set to "ok"), or record that it needs a login."""
        with self._store.writing() as tx:
            locked(tx, did)
            until = paused_until if state == "paused" else None
            tx.run("set_account_state", did=did, state=state, paused_until=until, reason=reason or None)
            if state == "needs_login":
                note_event(
                    tx, "account.needs_login", self._store.clock.now(), {"reason": reason or None}, account_did=did
                )
            update_ready(tx, did)

    def set_settings(self, did: str, settings: Mapping[str, Any], *, reset: bool = False) -> dict[str, Any]:
        """Merge settings into the account's, or with `reset` put them in their place; a value of None removes one.

        Returns the stored settings. Raises UnreadableRow, except with `reset`.
        """
        with self._store.writing() as tx:
            row = locked(tx, did)
            merged = {**({} if reset else settings_of(row)), **settings}
            kept = {name: value for name, value in merged.items() if value is not None}
            tx.run("set_account_settings", did=did, settings=dump_json(kept))
            # What was deferred under the old settings may be allowed under the new ones.
            update_ready(tx, did)
            return kept


class Sessions:
    """The sessions of a store's accounts. It is a `skywrite.protocol.atproto.session.SessionStore`."""

    _nonce = secret_bytes(6).hex()

    def __init__(self, store: StoreBase) -> None:
        self._store = store
        # By the owner of a refresh and its account: which sign-in is being refreshed.
        self._refreshed: dict[tuple[str, str], SignIn] = {}

    def load(self, did: str) -> Session | None:
        """The account's app password session, or None. Raises WrongKey."""
        session = self.load_any(did)
        return session if isinstance(session, Session) else None

    def load_oauth(self, did: str) -> OAuthSession | None:
        """The account's OAuth session, or None. Raises WrongKey."""
        session = self.load_any(did)
        return None if session is None or isinstance(session, Session) else session

    def load_any(self, did: str) -> AnySession | None:
        """The account's session, or None. Raises WrongKey."""
        with self._store.reading() as tx:
            row = tx.row("get_account", did=did)
        return None if row is None else self._opened(row)

    def unsealed(self, did: str, sealed: bytes) -> AnySession:
        """The account's session as a claim brought it along. Raises WrongKey."""
        return read_session(self._store.vault.unseal(sealed, session_about(did)).decode())

    def replace(self, before: OAuthSession, session: OAuthSession) -> bool:
        """Replace an OAuth session by the one that was refreshed from it; durable when this returns True.

        False if the old one was replaced meanwhile (`OAuthSession.may_replace`), by a sign-out, a sign-in or a refresh.
        """
        sealed = _sealed(self._store.vault, session)
        with self._store.writing(wake=False) as tx:
            row = tx.row("lock_account", did=session.did)
            stored = None if row is None else self._opened(row)
            if row is None or stored is None or isinstance(stored, Session) or not session.may_replace(stored, before):
                return False
            self._renew(tx, session, sealed, row["handle"], row["pds_url"])
            return True

    def idle(self, before: datetime) -> list[Account]:
        """The accounts whose session was not refreshed since a time, of any kind."""
        return _found(self._store, "idle_sessions", before=before)

    def ended(self, before: datetime) -> list[Account]:
        """The accounts whose session ends before a time and cannot be extended."""
        return _found(self._store, "ended_sessions", before=before)

    def save(self, session: Session) -> None:
        """Store a refreshed session; durable when this returns.

        Raises SignInError if the account was signed out, signed in again or removed since the refresh began.
        """
        sealed, owner = _sealed(self._store.vault, session), self._owner()
        with self._store.writing(wake=False) as tx:
            row = tx.row("lock_account", did=session.did)
            there = None if row is None or not isinstance(self._opened(row), Session) else _sign_in_of(row)
            if there is None or there != self._refreshed.get((owner, session.did), there):
                raise SignInError(
                    f"{session.handle} was signed out in the meantime.", code="session.signed_out", hint=SIGN_IN
                )
            self._renew(tx, session, sealed, session.handle, session.pds_url)

    def try_lease(self, did: str, seconds: float) -> bool:
        """Acquire the right to refresh the account's session; False while somebody else has it."""
        now, owner = self._store.clock.now(), self._owner()
        with self._store.writing(wake=False) as tx:
            until = now + timedelta(seconds=seconds)
            row = tx.row("take_refresh", did=did, owner=owner, now=now, until=until, ahead=until + SKEW)
        if row is None:
            return False
        self._refreshed[owner, did] = _sign_in_of(row)
        return True

    def release(self, did: str) -> None:
        """Release the right to refresh, if this thread still has it."""
        owner = self._owner()
        self._refreshed.pop((owner, did), None)
        with self._store.writing(wake=False) as tx:
            tx.run("release_refresh", did=did, owner=owner)

    def _owner(self) -> str:
        return f"{os.getpid()}-{self._nonce}-{id(self)}-{threading.get_ident()}"

    def _renew(self, tx: Transaction, session: AnySession, sealed: bytes, handle: str, pds_url: str) -> None:
        refreshed_at = getattr(session, "refreshed_at", None) or self._store.clock.now()
        values = {"handle": handle, "pds_url": pds_url, "session": sealed, "ends_at": _ends_at(session)}
        tx.run("renew_session", did=session.did, now=refreshed_at, **values)

    def _opened(self, row: Row) -> AnySession | None:
        if row["session"] is None:
            return None
        return self.unsealed(row["did"], row["session"])


def _sealed(vault: Vault, session: AnySession) -> bytes:
    return vault.seal(session.to_json().encode(), session_about(session.did))


def _found(store: StoreBase, query: str, **values: object) -> list[Account]:
    """The accounts that a worker looks at, without those that cannot be read."""
    with store.reading() as tx:
        accounts = [account_of(row) for row in tx.rows(query, **values)]
    return [account for account in accounts if not account.unreadable]


def _ends_at(session: AnySession) -> datetime | None:
    return None if isinstance(session, Session) else session.ends_at


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _sign_in_of(row: Row) -> SignIn:
    return row["session_version"], row["created_at"]


def session_about(did: str) -> str:
    return f"account/{did}"


def _plain(name: str) -> str:
    name = name.strip().removeprefix("@")
    return name if name.startswith("did:") else name.lower()


def read_session(text: str) -> Session | OAuthSession:
    """Read a stored session of either kind. Raises InputError for anything else."""
    fields = json_object(text)
    if fields is not None and fields.get("kind") == "oauth":
        from skywrite.protocol.atproto.oauth_session import OAuthSession

        return OAuthSession.from_fields(fields)
    return Session.from_json(text)
