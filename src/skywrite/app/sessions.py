"""Long-lived sessions: refreshed before they expire unused, and announced before they end anyway.

What lives here: the worker's task for all accounts, and what `whoami`, `doctor` and accepted posts report about a
session. What does not: the refresh itself (`atproto.bearer_auth`, `atproto.oauth_refresh`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from skywrite.app.context import Context
from skywrite.app.work import Periodic
from skywrite.core.clock import to_iso
from skywrite.core.errors import SignInError, SkywriteError, StorageError, Unexpected
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.rounds import Turn
from skywrite.protocol.atproto.session_data import Session
from skywrite.queue.events import Events
from skywrite.queue.model import Account

IDLE_DAYS = 30
NOTICE_DAYS = 3
PASSWORD_IDLE_DAYS = 90
ENDED = "Its session has ended, as sessions of OAuth do."


class SessionKeeping(Periodic):
    """The worker's work (`publish.rounds.Work`) of keeping sessions: every hour it refreshes those that were not used
    for thirty days, and reports those that end soon.
    """

    every = timedelta(hours=1)
    kind = "sessions"

    def __init__(self, ctx: Context, log: Log = silent) -> None:
        self.ctx = ctx
        self._log = log

    def due(self) -> list[Turn]:
        """Report the sessions that end soon. Returns the accounts whose session is to be refreshed."""
        now = self.begin()
        self._report_ends(now)
        idle = self.ctx.store.sessions.idle(now - timedelta(days=IDLE_DAYS))
        return [Turn(account.did, account.pds_url, account) for account in idle]

    def _report_ends(self, now: datetime) -> None:
        store = self.ctx.store
        for account in store.sessions.ended(now + timedelta(days=NOTICE_DAYS)):
            assert account.session_ends_at is not None
            if account.session_ends_at <= now:
                self._end(account, ENDED)
            else:
                self._announce(account, account.session_ends_at, now)

    def take(self, turn: Turn) -> SkywriteError | None:
        """Refresh the session of an account."""
        account: Account = turn.what
        try:
            self.ctx.agent(account).refresh()
            self._log("session_refreshed", account=account.handle)
            return None
        except StorageError:
            raise
        except SignInError as error:
            self.ctx.agents.forget(account.did)
            self._end(account, error.message)
            return error
        except Exception as error:
            problem = Unexpected.of(error)
            self._log("error", account=account.handle, **problem.facts)
            return problem

    def _end(self, account: Account, reason: str) -> None:
        self.ctx.store.accounts.change(account.did, "needs_login", reason=reason)
        self._log("needs_login", account=account.handle, message=reason)

    def _announce(self, account: Account, ends_at: datetime, now: datetime) -> None:
        """Report it once a day, for any number of workers and restarts."""
        if not self.ctx.store.accounts.note_session_end(account.did):
            return
        self._log("session_ends", account=account.handle, ends_at=to_iso(ends_at))
        facts = {"ends_at": to_iso(ends_at), "reason": "Sign in again before that; posts wait after it."}
        Events(self.ctx.store).note("account.session_ends", facts, account_did=account.did)


class SessionFacts(NamedTuple):
    """Facts about an account's session. `rights` is None if it may do all that an app password may; `scope` is that of
    OAuth, as its server wrote it."""

    kind: str
    rights: tuple[str, ...] | None
    missing: tuple[str, ...]
    ends_at: datetime | None
    idle_ends_at: datetime | None
    scope: str | None = None

    def in_words(self) -> str:
        """One sentence."""
        if self.rights is None:
            return f"Signed in with {self.kind}. The session lasts as long as it is used once in 90 days."
        end = "" if self.ends_at is None else f" It ends on {self.ends_at:%Y-%m-%d}."
        return f"Signed in with {self.kind}, with the rights: {', '.join(self.rights) or 'none'}.{end}"


def session_facts(ctx: Context, account: Account) -> SessionFacts | None:
    """Facts about an account's session, or None if there is none. Raises WrongKey."""
    session = ctx.store.sessions.load_any(account.did)
    if session is None:
        return None
    if isinstance(session, Session):
        kind = "the main password" if session.uses_main_password else "an app password"
        refreshed_at = account.session_refreshed_at or session.received_at
        idle_ends_at = refreshed_at + timedelta(days=PASSWORD_IDLE_DAYS) if refreshed_at else None
        return SessionFacts(kind, None, (), None, idle_ends_at)
    from skywrite.protocol.atproto.oauth_scopes import granted_rights, missing_rights

    missing = tuple(right.name for right in missing_rights(session.asked, session.scope))
    kind = "OAuth by a client of your own" if session.is_confidential else "OAuth"
    rights, ends_at, idle_ends_at = granted_rights(session.scope), session.ends_at, session.idle_ends_at
    return SessionFacts(kind, rights, missing, ends_at, idle_ends_at, session.scope)
