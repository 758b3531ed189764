"""What every verb needs: configuration, the store, the network, each opened when first used."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from skywrite.atproto.identity import Resolver
from skywrite.atproto.session import Agent
from skywrite.atproto.tid import TidClock
from skywrite.clock import SYSTEM_CLOCK, Clock, secret_bytes
from skywrite.config import Config, load_config
from skywrite.errors import SignInError
from skywrite.fetch.web import GuardedWeb
from skywrite.http import Http, Transport
from skywrite.publish.agents import Agents
from skywrite.publish.decide import Decider
from skywrite.queue.model import Account, UnknownAccount
from skywrite.queue.store import Store, open_store
from skywrite.queue.vault import Vault

if TYPE_CHECKING:
    from skywrite.app.oauth import OAuth
    from skywrite.fetch.fetch import Fetcher


def _host() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "here")


def worker_name() -> str:
    """A name for this process that is never used again: host, process id, and a nonce."""
    return f"{_host()}/{os.getpid()}/{secret_bytes(3).hex()}"


def is_gone(worker: str) -> bool:
    """Whether a worker was a process of this computer that runs no more; False where that cannot be told."""
    host, _, rest = worker.partition("/")
    pid = rest.partition("/")[0]
    if os.name != "posix" or host != _host() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


class NoAccount(SignInError):
    """No account is signed in here yet, or not the one that was named."""


class Base:
    """Configuration, store and network of one `Skywrite`. Safe to share between threads."""

    def __init__(
        self,
        database: str | None = None,
        *,
        config: Config | None = None,
        transport: Transport | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        config = config or load_config()
        self.config = config._replace(database=str(database)) if database else config
        self.clock = clock
        self._given_transport = transport
        self._opening = threading.RLock()
        self._store: Store | None = None
        self._transport: Transport | None = None
        self._agents: Agents | None = None
        self._fetcher: Fetcher | None = None
        self._tids = TidClock(clock)
        self.worker_name = worker_name()
        self._resolvers: dict[str, Resolver] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and the connections."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None
            if isinstance(self._transport, Http):
                self._transport.close()
            self._transport = self._agents = None

    @property
    def store(self) -> Store:
        """The database, made on first use."""
        with self._opening:
            if self._store is None:
                self._store = open_store(self.config.database, Vault.of(self.config), self.clock)
            return self._store

    @property
    def transport(self) -> Transport:
        """The connections to servers of the network."""
        with self._opening:
            if self._transport is None:
                self._transport = self._given_transport or Http()
            return self._transport

    @property
    def agents(self) -> Agents:
        """The signed-in accounts of this process."""
        with self._opening:
            if self._agents is None:
                self._agents = Agents(
                    self.transport, self.store, self.clock, oauth=lambda session: self.oauth.authenticator(session)
                )
            return self._agents

    @property
    def oauth(self) -> OAuth:
        """Sign-ins by OAuth."""
        from skywrite.app.oauth import OAuth

        return OAuth(self.store, self.transport, self.resolver, self.clock, _host())

    def agent(self, account: Account) -> Agent:
        """The agent of an account."""
        return self.agents.get(account.did, account.handle)

    def resolver(self, pds_url: str | None = None) -> Resolver:
        """Looks up handles, asking an account's own server first."""
        with self._opening:
            key = pds_url or ""
            if key not in self._resolvers:
                self._resolvers[key] = Resolver(
                    self.transport,
                    self.config.plc_url,
                    service=pds_url,
                    web=GuardedWeb(self._fetch),
                    clock=self.clock,
                    allow_local="//localhost" in key or "//127.0.0.1" in key,
                    service_first=True,
                )
            return self._resolvers[key]

    def _fetch(self) -> Fetcher:
        """What opens addresses of strangers."""
        from skywrite.fetch.fetch import Fetcher

        with self._opening:
            if self._fetcher is None:
                self._fetcher = Fetcher(self.config.fetch_allow)
            return self._fetcher

    def decider(self) -> Decider:
        """What decides for this process; its record keys never repeat."""
        return Decider(self._tids)

    def account(self, name: str | None = None) -> Account:
        """The account with this handle or DID; else the one that the environment signs in, else the default one.

        Raises NoAccount, and what signing in raises.
        """
        if not name and (from_environment := self._account_from_environment()):
            return from_environment
        try:
            # A database takes no half characters.
            if name and not name.isprintable():
                raise UnknownAccount(name)
            return self.store.account(name)
        except UnknownAccount:
            if name:
                known = ", ".join(account.handle for account in self.store.accounts())
                hint = f"Known here: {known}." if known else "Sign in with: skywrite login"
                raise NoAccount(f"{name} is not signed in here.", hint=hint) from None
        raise NoAccount("No account is signed in here yet.", hint="Sign in with: skywrite login")

    def _account_from_environment(self) -> Account | None:
        """The account that the environment names and signs in; overridden where signing in is known."""
        return None
