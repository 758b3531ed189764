"""Accounts: signing in and out, and their settings."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from skywrite.app.context import Context
from skywrite.app.nouns import checked, final
from skywrite.app.reports import LoggedIn
from skywrite.app.settings import as_typed, read_setting
from skywrite.core.errors import Do, Hint, Notice, SkywriteError
from skywrite.protocol.atproto.session_data import MAIN_PASSWORD_WARNING
from skywrite.queue.model import Account, Slot


@checked("accounts")
class Accounts:
    """Signing in and out, and settings of accounts."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def login(
        self, handle: str, password: str, *, auth_factor_token: str | None = None, pds: str | None = None
    ) -> LoggedIn:
        """Sign in and keep the session, encrypted; returns the account and warnings.

        `pds`: the server to sign in at; by default, the account's own is looked up. The first account becomes the
        default.
        """
        account, is_main_password = self._ctx.sign_in(handle, password, auth_factor_token=auth_factor_token, pds=pds)
        warnings = [Notice("MainPassword", MAIN_PASSWORD_WARNING, account.handle)] if is_main_password else []
        return LoggedIn(account, warnings)

    def server_for(self, handle: str) -> tuple[str, bool]:
        """The server that a sign-in would send the password to, and whether it is known here.

        Known servers are Bluesky's entryway, those of accounts that are signed in here, and BLUESKY_PDS.
        """
        from skywrite.posting.publish.signing_in import server_of
        from skywrite.protocol.atproto.sign_in import is_well_known

        default = self._ctx.config.service
        server = server_of(self._ctx.network, handle, default)
        return server, is_well_known(server, [default, *(account.pds_url for account in self.list())])

    @final("the sign-out of {done.handle}", "Sign in again: ", Do("accounts.login", "{done.handle}"))
    def logout(self, name: str | None = None, *, forget: bool = False) -> Account:
        """End the session, here and (if it can be reached) at the server.

        `forget` also removes the account and its history; it raises Conflict, and does nothing, while the account
        has waiting posts, drafts or recurrences.
        """
        account = self._ctx.account(name)
        agent = None
        with suppress(SkywriteError):
            agent = self._ctx.agent(account)
        if forget:
            self._ctx.store.accounts.remove(account.did)
        else:
            self._ctx.store.accounts.sign_out(account.did)
        self._ctx.agents.forget(account.did)
        if agent is not None:
            with suppress(SkywriteError):
                agent.delete_session()
        return account

    def list(self) -> builtins.list[Account]:
        """All accounts, the default one first."""
        return self._ctx.store.accounts.all()

    def get(self, name: str | None = None) -> Account:
        """The account with this handle or DID; by default that of the environment, or the default account. Raises
        SignInError.
        """
        return self._ctx.account(name)

    def set_default(self, name: str) -> Account:
        """Use this account when none is named."""
        account, before = self._ctx.account(name), self.list()[0]
        self._ctx.store.accounts.set_default(account.did)
        way_back = Hint("Choose the one before: ", Do("accounts.set_default", before.handle))
        self._ctx.store.journal.note_final(f"the choice of {account.handle} as the default account", way_back)
        return account

    def set(self, name: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Change settings of an account; None removes one. See `settings.SETTINGS` for names."""
        account = self._ctx.account(name)
        changed = self._ctx.store.accounts.set_settings(account.did, _checked(settings))
        self._note_settings(account, settings)
        return changed

    def reset(self, name: str | None, settings: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """Take all settings of an account back to their defaults, but for these; also where they cannot be read."""
        account = self._ctx.account(name)
        changed = self._ctx.store.accounts.set_settings(account.did, _checked(settings), reset=True)
        self._note_settings(account, {**account.settings, **settings})
        return changed

    def _note_settings(self, account: Account, settings: Mapping[str, Any]) -> None:
        """Record that settings were changed, with what they were."""
        before = " ".join(f"{name}={as_typed(account.settings.get(name))}" for name in settings)
        if before:
            way_back = Hint("Set it back: ", Do("accounts.set", before, account.handle))
            self._ctx.store.journal.note_final(f"the change of {', '.join(settings)}", way_back)

    def set_slots(self, name: str | None, slots: Sequence[Slot]) -> None:
        """Replace the weekly times for posts that have no time of their own."""
        from skywrite.posting.schedule.slots import format_slots

        account = self._ctx.account(name)
        before = self._ctx.store.recurrences.slots(account.did)
        self._ctx.store.recurrences.set_slots(account.did, slots)
        way_back = Hint("Set them back: ", Do("accounts.set_slots", format_slots(before), account.handle))
        self._ctx.store.journal.note_final(f"the change of the slots of {account.handle}", way_back)

    def slots(self, name: str | None = None) -> builtins.list[Slot]:
        """An account's weekly times."""
        return self._ctx.store.recurrences.slots(self._ctx.account(name).did)


def _checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: read_setting(name, value) for name, value in settings.items()}
