"""Verbs of accounts: signing in and out, and what is set for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from skywrite.app.base import Base
from skywrite.atproto.identity import UnknownHandle
from skywrite.atproto.service import at_own_server, service_for
from skywrite.atproto.session import WrongPassword, clean_identifier, create_session
from skywrite.atproto.session_data import MAIN_PASSWORD_WARNING
from skywrite.errors import InputError, SkywriteError
from skywrite.queue.model import Account, Slot, UnknownAccount
from skywrite.schedule.policy import parse_late

# A month in seconds: no account waits for longer, and no day has more posts.
WHOLE_MAX = 31 * 86_400


class Accounts(Base):
    """Signing in and out, and settings of accounts."""

    def login(
        self, handle: str, password: str, *, auth_factor_token: str | None = None, pds: str | None = None
    ) -> tuple[Account, list[str]]:
        """Sign in and keep the session, encrypted; returns the account and warnings.

        `pds`: the server to sign in at; without it the account's own is found. The first account becomes the default.
        """
        service = pds or service_for(handle, self.resolver(), self.config.service)
        try:
            session = create_session(self.transport, service, handle, password, auth_factor_token, clock=self.clock)
        except WrongPassword:
            self._check_handle(handle, service)
            raise
        account = self.store.sign_in(at_own_server(session, self.resolver()))
        self.agents.forget(account.did)
        return account, [MAIN_PASSWORD_WARNING] if session.uses_main_password else []

    def _check_handle(self, identifier: str, service: str) -> None:
        """Raise UnknownHandle when the server where a sign-in failed knows no such account; else do nothing."""
        name = clean_identifier(identifier)
        if name.startswith("did:") or "@" in name:
            return
        try:
            self.resolver(service).resolve_handle(name)
        except UnknownHandle:
            raise UnknownHandle(
                f"There is no working account {name}.",
                hint="Check the spelling; write it whole, such as alice.bsky.social. "
                "An account that was taken down or deactivated is not found either.",
            ) from None
        except SkywriteError:
            return

    def _account_from_environment(self) -> Account | None:
        """The account of BLUESKY_HANDLE; it is signed in once, and again only when its session is over."""
        if not (self.config.handle and self.config.app_password):
            return None
        name = clean_identifier(self.config.handle)
        with suppress(UnknownAccount):
            # Someone may sign in by an e-mail address, or have another handle by now.
            known = self.store.account(self.store.setting("environment", name) or name)
            if known.signed_in and known.state != "needs_login":
                return known
        account, _ = self.login(name, self.config.app_password, pds=self.environment_pds())
        self.store.put_setting("environment", name, account.did)
        return account

    def environment_pds(self) -> str | None:
        """The server that BLUESKY_PDS names, None where it names none."""
        from skywrite.config import DEFAULT_SERVICE

        return self.config.service if self.config.service != DEFAULT_SERVICE else None

    def logout(self, name: str | None = None, *, forget: bool = False) -> Account:
        """End the session, here and at the server as far as it can be reached.

        `forget` drops the account with its history too; raises AccountInUse, with nothing done, while it has posts that
        wait, drafts, or rules.
        """
        account = self.account(name)
        agent = None
        with suppress(SkywriteError):
            agent = self.agent(account)
        if forget:
            self.store.remove_account(account.did)
        else:
            self.store.sign_out(account.did)
        self.agents.forget(account.did)
        if agent is not None:
            with suppress(SkywriteError):
                agent.delete_session()
        return account

    def accounts(self) -> list[Account]:
        """All accounts, the default one first."""
        return self.store.accounts()

    def set_default(self, name: str) -> Account:
        """Make this the account that is meant when none is named."""
        account = self.account(name)
        self.store.set_default_account(account.did)
        return account

    def set(self, name: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Change settings of an account; None removes one. See SETTINGS for names."""
        account = self.account(name)
        checked = {key: _checked(key, value) for key, value in settings.items()}
        return self.store.set_account_settings(account.did, checked)

    def set_slots(self, name: str | None, slots: Sequence[Slot]) -> None:
        """Replace the weekly times at which an account's posts without a time go out."""
        self.store.set_slots(self.account(name).did, slots)

    def slots(self, name: str | None = None) -> list[Slot]:
        """An account's weekly times."""
        return self.store.slots(self.account(name).did)


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
        raise InputError(f"{value!r} is no time zone.", hint="Use a name like Europe/Berlin or UTC.") from None


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


SETTINGS: dict[str, Any] = {
    "gap_seconds": partial(_whole, least=0),
    "max_per_day": partial(_whole, least=1),
    "zone": _zone,
    "langs": _langs,
    "late": _late,
    "require_alt": _flag,
    "markdown": _flag,
    "shorten": _flag,
}


def _checked(name: str, value: Any) -> Any:
    if name not in SETTINGS:
        raise InputError(f"There is no setting {name!r}.", hint=f"The settings are: {', '.join(SETTINGS)}.")
    return None if value is None or value == "" else SETTINGS[name](name, value)
