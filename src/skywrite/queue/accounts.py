"""Accounts and their sessions: who may publish, since when, and with which sealed tokens."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from skywrite.atproto.session import Session
from skywrite.clock import secret_bytes
from skywrite.errors import InputError
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Transaction
from skywrite.queue.model import Account, AccountState, UnknownAccount
from skywrite.queue.rows import account_of, dump_json

NEEDS_LOGIN = "NeedsLogin"


class AccountInUse(InputError):
    """The account still has posts that wait to be published."""


class AmbiguousAccount(InputError):
    """The name fits more than one account."""


class AccountVerbs(StoreBase):
    """Verbs about accounts. It is a `skywrite.atproto.session.SessionStore`."""

    _nonce = secret_bytes(6).hex()

    def sign_in(self, session: Session) -> Account:
        """Store a fresh sign-in: the account is usable again, and posts held for want of a login are scheduled."""
        with self._writing() as tx:
            tx.rows("lock_default")
            now = self._clock.now()
            tx.run("insert_account", did=session.did, handle=session.handle, pds_url=session.pds_url, now=now)
            self._locked(tx, session.did)
            self._put_session(tx, session)
            tx.run("end_login_need", did=session.did)
            tx.run("release_held_for_login", did=session.did, error_name=NEEDS_LOGIN, now=now)
            if tx.row("default_account") is None:
                tx.run("set_default", did=session.did, yes=True)
            self._update_ready(tx, session.did)
            row = tx.row("get_account", did=session.did)
            assert row is not None
            return account_of(row)

    def sign_out(self, did: str) -> None:
        """Erase the session. The posts stay, and wait for the next sign-in."""
        with self._writing() as tx:
            self._locked(tx, did)
            tx.run("set_session", did=did, session=None)
            tx.run("set_account_state", did=did, state="needs_login", paused_until=None, reason="signed out")
            self._update_ready(tx, did)

    def remove_account(self, did: str) -> None:
        """Forget an account with its history. Raises AccountInUse while posts wait to be published."""
        with self._writing() as tx:
            tx.rows("lock_default")
            was_default = bool(self._locked(tx, did)["is_default"])
            waiting = tx.row("waiting_posts", did=did)
            if waiting is not None and waiting["count"]:
                raise AccountInUse(
                    f"{waiting['count']} posts of {did} still wait to be published.",
                    hint="Cancel them first, or sign out instead.",
                )
            tx.run("delete_account", did=did)
            others = tx.rows("list_accounts")
            if was_default and others:
                tx.run("set_default", did=others[0]["did"], yes=True)

    def accounts(self) -> list[Account]:
        """All accounts, the default one first."""
        with self._reading() as tx:
            return [account_of(row) for row in tx.rows("list_accounts")]

    def account(self, name: str | None = None) -> Account:
        """The account with this handle (with or without `@`) or DID; the default one for None.

        Raises UnknownAccount, AmbiguousAccount.
        """
        with self._reading() as tx:
            rows = tx.rows("default_account") if name is None else tx.rows("find_account", name=_plain(name))
        if len(rows) > 1:
            dids = ", ".join(row["did"] for row in rows)
            raise AmbiguousAccount(f"More than one account is called {name}.", hint=f"Use its DID: {dids}.")
        if not rows:
            what = "No account is signed in." if name is None else f"The account {name} is not known here."
            raise UnknownAccount(what, hint="Sign in: skywrite login")
        return account_of(rows[0])

    def set_default_account(self, did: str) -> None:
        """Make this the account that is meant when none is named."""
        with self._writing(wake=False) as tx:
            tx.rows("lock_default")
            before = tx.row("default_account")
            for one in sorted({did} if before is None else {did, before["did"]}):
                self._locked(tx, one)
            tx.run("clear_default", no=False)
            tx.run("set_default", did=did, yes=True)

    def change_account(
        self, did: str, state: AccountState, *, paused_until: datetime | None = None, reason: str = ""
    ) -> None:
        """Pause an account (until a moment, or until it is set to "ok"), or note that it needs a login."""
        with self._writing() as tx:
            self._locked(tx, did)
            until = paused_until if state == "paused" else None
            tx.run("set_account_state", did=did, state=state, paused_until=until, reason=reason or None)
            self._update_ready(tx, did)

    def set_account_settings(self, did: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Merge settings into the account's; a value of None removes one. The result is what is stored now."""
        with self._writing() as tx:
            merged = {**json.loads(self._locked(tx, did)["settings"]), **settings}
            kept = {name: value for name, value in merged.items() if value is not None}
            tx.run("set_account_settings", did=did, settings=dump_json(kept))
            # What a decision deferred under the old settings may be allowed under the new.
            self._update_ready(tx, did)
            return kept

    def load(self, did: str) -> Session | None:
        """The account's session, or None. Raises WrongKey."""
        with self._reading() as tx:
            row = tx.row("get_account", did=did)
        if row is None or row["session"] is None:
            return None
        return Session.from_json(self._vault.unseal(row["session"], _about(did)).decode())

    def save(self, session: Session) -> None:
        """Keep a refreshed session; durable when this returns. An unknown account is made known."""
        with self._writing(wake=False) as tx:
            now = self._clock.now()
            tx.run("insert_account", did=session.did, handle=session.handle, pds_url=session.pds_url, now=now)
            self._put_session(tx, session)

    def try_lease(self, did: str, seconds: float) -> bool:
        """Take the right to refresh the account's session; False while somebody else has it."""
        now = self._clock.now()
        with self._writing(wake=False) as tx:
            until = now + timedelta(seconds=seconds)
            return tx.run("take_refresh", did=did, owner=self._owner(), now=now, until=until) == 1

    def release(self, did: str) -> None:
        """Give back the right to refresh, where this thread still has it."""
        with self._writing(wake=False) as tx:
            tx.run("release_refresh", did=did, owner=self._owner())

    def _owner(self) -> str:
        return f"{os.getpid()}-{self._nonce}-{id(self)}-{threading.get_ident()}"

    def _put_session(self, tx: Transaction, session: Session) -> None:
        sealed = self._vault.seal(session.to_json().encode(), _about(session.did))
        tx.run("set_session", did=session.did, session=sealed)


def _about(did: str) -> str:
    return f"account/{did}"


def _plain(name: str) -> str:
    name = name.strip().removeprefix("@")
    return name if name.startswith("did:") else name.lower()
