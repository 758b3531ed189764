"""Accounts: signing in and out, and their settings."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from skywrite.app.context import Context
from skywrite.app.reports import LoggedIn
from skywrite.atproto.session_data import MAIN_PASSWORD_WARNING
from skywrite.errors import InputError, Notice, SkywriteError
from skywrite.queue.model import Account, Slot
from skywrite.schedule.policy import parse_late

# A month in seconds: no account waits for longer, and no day has more posts.
WHOLE_MAX = 31 * 86_400


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
        from skywrite.app.signing_in import server_of
        from skywrite.atproto.service import is_well_known

        default = self._ctx.config.service
        server = server_of(self._ctx.network, handle, default)
        return server, is_well_known(server, [default, *(account.pds_url for account in self.list())])

    def logout(self, name: str | None = None, *, forget: bool = False) -> Account:
        """End the session, here and (if it can be reached) at the server.

        `forget` also removes the account and its history; it raises AccountInUse, and does nothing, while the account
        has waiting posts, drafts or recurrences.
        """
        account = self._ctx.account(name)
        agent = None
        with suppress(SkywriteError):
            agent = self._ctx.agent(account)
        if forget:
            self._ctx.store.remove_account(account.did)
        else:
            self._ctx.store.sign_out(account.did)
        self._ctx.agents.forget(account.did)
        if agent is not None:
            with suppress(SkywriteError):
                agent.delete_session()
        return account

    def list(self) -> builtins.list[Account]:
        """All accounts, the default one first."""
        return self._ctx.store.accounts()

    __call__ = list

    def get(self, name: str | None = None) -> Account:
        """The account with this handle or DID; by default that of the environment, or the default account. Raises
        NoAccount.
        """
        return self._ctx.account(name)

    def set_default(self, name: str) -> Account:
        """Use this account when none is named."""
        account = self._ctx.account(name)
        self._ctx.store.set_default_account(account.did)
        return account

    def set(self, name: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Change settings of an account; None removes one. See SETTINGS for names."""
        account = self._ctx.account(name)
        checked = {key: _checked(key, value) for key, value in settings.items()}
        return self._ctx.store.set_account_settings(account.did, checked)

    def set_slots(self, name: str | None, slots: Sequence[Slot]) -> None:
        """Replace the weekly times for posts that have no time of their own."""
        self._ctx.store.set_slots(self._ctx.account(name).did, slots)

    def slots(self, name: str | None = None) -> builtins.list[Slot]:
        """An account's weekly times."""
        return self._ctx.store.slots(self._ctx.account(name).did)


def _whole(name: str, value: Any, *, least: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if not least <= number <= WHOLE_MAX:
        raise InputError(
            f"{name} must be a whole number from {least} to {WHOLE_MAX}, not {value!r}.",
            hint=f"Write it like {name}=300.",
        )
    return number


def _zone(name: str, value: Any) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(str(value)).key
    except Exception:
        raise InputError(f"{value!r} is not a time zone.", hint="Use a name like Europe/Berlin or UTC.") from None


def _langs(name: str, value: Any) -> list[str]:
    from skywrite.bsky.limits import check_langs

    langs = value.replace(",", " ").split() if isinstance(value, str) else list(value)
    return langs if langs == ["auto"] else check_langs(langs)


def _flag(name: str, value: Any) -> bool:
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    answer = value if isinstance(value, bool) else known.get(str(value).lower())
    if answer is None:
        raise InputError(f"{name} must be yes or no, not {value!r}.", hint=f"Write it like {name}=yes.")
    return answer


def _late(name: str, value: Any) -> str:
    parse_late(str(value))
    return str(value)


def _approval(name: str, value: Any) -> Any:
    """`all`, `agents`, or a list of sources; `none` removes the setting."""
    words = value.replace(",", " ").split() if isinstance(value, str) else list(value)
    if words in (["none"], ["no"], ["off"]):
        return None
    if not words or not all(isinstance(word, str) and word.isprintable() for word in words):
        raise InputError(
            f"{name} must be all, agents, or a list of sources, not {value!r}.",
            hint="Write it like approval=agents, or approval=feed,command.",
        )
    return words[0] if words in (["all"], ["agents"]) else words


SETTINGS: dict[str, Any] = {
    "approval": _approval,
    "gap_seconds": partial(_whole, least=0),
    "catch_up_gap_seconds": partial(_whole, least=0),
    "max_per_day": partial(_whole, least=1),
    "undo_seconds": partial(_whole, least=0),
    "zone": _zone,
    "langs": _langs,
    "late": _late,
    "inbox": _flag,
    "marks": _flag,
    "require_alt": _flag,
    "markdown": _flag,
    "shorten": _flag,
    "quote_links": _flag,
}


def _checked(name: str, value: Any) -> Any:
    if name not in SETTINGS:
        raise InputError(f"There is no setting {name!r}.", hint=f"The settings are: {', '.join(SETTINGS)}.")
    return None if value is None or value == "" else SETTINGS[name](name, value)
