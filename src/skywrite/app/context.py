"""What the parts of one `Skywrite` share: configuration, clock, database and network, each opened when first used.

What lives here: opening and closing them, and choosing the account. What does not: using them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from skywrite.core.clock import SYSTEM_CLOCK, Clock, SteadyClock
from skywrite.core.config import DEFAULT_SERVICE, Config, database_address, load_config
from skywrite.core.ending import Ending
from skywrite.core.errors import SIGN_IN, InputError, NotFound, SignInError
from skywrite.core.http import Http, Transport
from skywrite.posting.publish.agents import Agents
from skywrite.posting.publish.beside import Notes
from skywrite.posting.publish.network import Network
from skywrite.posting.publish.processes import host_name, worker_name
from skywrite.posting.publish.tombstones import Tombstones
from skywrite.protocol.atproto.session import Agent
from skywrite.protocol.atproto.tid import TidClock
from skywrite.queue.model import Account
from skywrite.queue.store import Store, open_store
from skywrite.queue.vault import Vault

if TYPE_CHECKING:
    from skywrite.app.oauth.service import OAuth
    from skywrite.queue.store import Store


T = TypeVar("T")

DONE_BYTES_MAX = 1_000_000


def listed(name: str, value: str | Iterable[T]) -> tuple[str | T, ...]:
    """A list that somebody gave; one text is a list of one. Raises InputError: an empty one is not "all"."""
    values = (value,) if isinstance(value, str) else tuple(value)
    if not values:
        raise InputError(
            f"{name} is an empty list.", code="list.empty", hint=f"Name one at least, or leave {name} out."
        )
    return values


class Context:
    """Configuration, clock, store and network of one `Skywrite`. Safe to share between threads."""

    def __init__(
        self,
        database: str | None = None,
        *,
        config: Config | None = None,
        transport: Transport | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        config = config or load_config()
        self.config = config if database is None else config._replace(database=database_address(str(database)))
        # The computer's own clock may be wrong; a worker corrects it.
        self.clock: Clock = SteadyClock(clock) if clock is SYSTEM_CLOCK else clock
        self.vault = Vault.of(self.config)
        self.tids = TidClock(self.clock)
        self.worker_name = worker_name()
        self._tombstones = Tombstones(self.config.home / "deleted")
        self._done = Notes(self.config.home / "done", bytes_max=DONE_BYTES_MAX)
        self.ending = Ending()
        self._given_transport = transport
        self._opening = threading.RLock()
        self._store: Store | None = None
        self._network: Network | None = None
        self._agents: Agents | None = None

    def close(self) -> None:
        """Close the database and the connections; they reopen when they are needed."""
        with self._opening:
            if self._store is not None:
                self._store.close()
            transport = self._network.transport if self._network else self._given_transport
            if isinstance(transport, Http):
                transport.close()
            self._store = self._network = self._agents = None

    @property
    def store(self) -> Store:
        """The database."""
        with self._opening:
            if self._store is None:
                self._store = open_store(self.config.database, self.vault, self.clock)
            return self._store

    @property
    def network(self) -> Network:
        """The network, over one transport."""
        with self._opening:
            if self._network is None:
                self._network = Network(self.config, self._transport(), self.clock, self.ending)
            return self._network

    def _transport(self) -> Transport:
        return self._given_transport or Http(ending=self.ending)

    @property
    def agents(self) -> Agents:
        """The signed-in accounts of this process."""
        with self._opening:
            if self._agents is None:
                self._agents = Agents(
                    self.network.transport,
                    self.store.sessions,
                    self.clock,
                    oauth=lambda session: self.oauth.authenticator(session),
                )
            return self._agents

    @property
    def oauth(self) -> OAuth:
        """Sign-ins by OAuth."""
        from skywrite.app.oauth.service import OAuth

        network = self.network
        return OAuth(
            self.store, network.transport, network.resolver, self.clock, host_name(), network.checked_transport()
        )

    @property
    def done(self) -> Notes:
        """What was done that no record key tells: what a command printed last, and which pins were set."""
        return self._done

    @property
    def tombstones(self) -> Tombstones:
        """What was deleted from the network through Skywrite."""
        return self._tombstones

    def agent(self, account: Account) -> Agent:
        """The agent of an account."""
        return self.agents.get(account.did, account.handle)

    def account(self, name: str | None = None) -> Account:
        """The account with this handle or DID; by default the one that the environment signs in, or the default
        account.

        Raises SignInError, and what signing in raises.
        """
        if name is None and (from_environment := self._account_from_environment()):
            return from_environment
        try:
            # A database does not accept lone surrogates.
            if name is not None and not (isinstance(name, str) and name and name.isprintable()):
                raise NotFound(str(name), code="account.unknown")
            return self.store.accounts.get(name)
        except NotFound:
            if name is not None:
                hint = known_accounts(name, [account.handle for account in self.store.accounts.all()])
                raise SignInError(
                    f"{name if isinstance(name, str) and name.strip() else repr(name)} is not signed in here.",
                    code="account.missing",
                    hint=hint,
                ) from None
        raise SignInError("No account is signed in here yet.", code="account.missing", hint=SIGN_IN)

    def did(self, name: str | None) -> str | None:
        """The DID of the account with this handle or DID, or None if none is named. Raises SignInError."""
        return None if name is None else self.account(name).did

    def zone(self, account: Account) -> str:
        """The time zone of an account, or the computer's."""
        from skywrite.posting.schedule.times import local_zone

        zone = account.settings.get("zone")
        return str(zone) if zone else local_zone()

    def _account_from_environment(self) -> Account | None:
        """The account of BLUESKY_HANDLE; it is signed in once, and again only when its session has ended."""
        if not (self.config.handle and self.config.app_password):
            return None
        from skywrite.protocol.atproto.sign_in import clean_identifier

        name = clean_identifier(self.config.handle)
        with suppress(NotFound):
            # People may sign in with an e-mail address, or may have changed their handle.
            known = self.store.accounts.of_name(name) or self.store.accounts.get(name)
            if known.signed_in and known.state != "needs_login":
                return known
        account, _ = self.sign_in(name, self.config.app_password, pds=self.environment_pds())
        self.store.accounts.note_name(name, account.did)
        return account

    def environment_pds(self) -> str | None:
        """The server in BLUESKY_PDS, or None."""
        return self.config.service if self.config.service != DEFAULT_SERVICE else None

    def sign_in(
        self, handle: str, password: str, *, auth_factor_token: str | None = None, pds: str | None = None
    ) -> tuple[Account, bool]:
        """Sign in and keep the session. Returns the account, and whether this was its main password."""
        from skywrite.posting.publish.signing_in import sign_in

        session = sign_in(
            self.network, self.clock, handle, password, auth_factor_token, pds=pds, default=self.config.service
        )
        former = self.store.sessions.load_oauth(session.did)
        account = self.store.accounts.sign_in(session)
        self.agents.forget(account.did)
        if former is not None:
            self.oauth.end(former)
        return account, session.uses_main_password


def known_accounts(name: str, handles: Sequence[str]) -> str:
    """What to do about an account that is not signed in here: the one that was meant, and those that are known."""
    from difflib import get_close_matches

    if not handles:
        return SIGN_IN
    typed = str(name).strip().removeprefix("@").lower()
    near = [handle for handle in handles if typed and handle.startswith(f"{typed}.")]
    near = near or get_close_matches(typed, handles, n=1, cutoff=0.75)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"{meant}Known here: {', '.join(handles)}."
