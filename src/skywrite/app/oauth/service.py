"""Signing in by OAuth: which client, which account, and keeping the session.

What lives here: the two steps of a sign-in, before and after the browser, and what then signs an account's requests.
What does not: the listener that waits for the browser (`listener`), a client of your own (`files`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

from skywrite.core.clock import Clock
from skywrite.core.errors import Do, Hint, InputError, Notice, SignInError, SkywriteError
from skywrite.core.http import Transport
from skywrite.protocol.atproto.dpop import Origins, SigningKey
from skywrite.protocol.atproto.identity import Resolver
from skywrite.protocol.atproto.oauth import AuthServer, OAuthLogin, Pending
from skywrite.protocol.atproto.oauth_auth import DpopAuth
from skywrite.protocol.atproto.oauth_client import OAuthClient, loopback_client
from skywrite.protocol.atproto.oauth_scopes import Right, chosen_rights, missing_rights, scope_of
from skywrite.protocol.atproto.oauth_session import OAuthSession
from skywrite.protocol.atproto.session import BearerAuth, Session
from skywrite.protocol.atproto.sign_in import clean_identifier
from skywrite.queue.model import Account
from skywrite.queue.store import Store

CLIENTS = "oauth_client"
PENDING = "oauth_pending"
PENDING_SECONDS = 600
_LOOPBACK = "http://localhost?"


class SignedIn(NamedTuple):
    """The result of a sign-in. `missing` are rights that were requested and not granted."""

    account: Account
    session: OAuthSession
    missing: tuple[Right, ...]

    @property
    def warnings(self) -> list[Notice]:
        """What will not work."""
        sentence = "The right {0.name!r} was not granted: {0.without} will be refused."
        return [Notice("RightNotGranted", sentence.format(right), right.name) for right in self.missing]


class OAuth(NamedTuple):
    """Sign-ins by OAuth over one store. Safe to share between threads.

    `resolver(service)` asks a service first. `sign_in_transport` carries requests to servers that untrusted documents
    may name.
    """

    store: Store
    transport: Transport
    resolver: Callable[[str | None], Resolver]
    clock: Clock
    host: str
    sign_in_transport: Transport

    def authenticator(self, session: OAuthSession) -> DpopAuth:
        """What signs the requests of a session and keeps it alive."""
        return DpopAuth(
            session,
            transport=self.transport,
            store=self.store.sessions,
            client=lambda one: self.client(one.client_id),
            resolver=self.resolver(session.pds_url),
            clock=self.clock,
            host=self.host,
        )

    def client(self, client_id: str) -> OAuthClient:
        """The client with this id. Raises SignInError."""
        if client_id.startswith(_LOOPBACK):
            return OAuthClient("loopback", client_id, (), "")
        stored = self.store.secrets.get(CLIENTS, client_id)
        if stored is None:
            raise SignInError(
                f"The client {client_id} is not known here.",
                code="oauth.key_missing",
                hint=Hint("Make it: ", Do("oauth.init")),
            )
        return client_from_json(stored)

    def has_client(self, client_id: str) -> bool:
        """Whether a client with this id was made here."""
        return self.store.secrets.get(CLIENTS, client_id) is not None

    def keep_client(self, client: OAuthClient, *, default: bool = True, name: str | None = None) -> None:
        """Store a client with its keys, sealed; with `default`, new sign-ins use it. `name`: on sign-in pages."""
        self.store.secrets.put(CLIENTS, client.client_id, client_to_json(client))
        if default:
            self.use_client(client.client_id)
        if name is not None:
            self.store.settings.put("oauth_name", client.client_id, name)

    def client_name(self, client_id: str) -> str:
        """How sign-in pages name a client."""
        return str(self.store.settings.get("oauth_name", client_id, "Skywrite"))

    def use_client(self, client_id: str | None) -> None:
        """Let new sign-ins use this client; None is the loopback client."""
        self.store.settings.put("oauth", "client", client_id)

    def default_client(self, scope: str) -> OAuthClient:
        """The default client for sign-ins, or the loopback client."""
        client_id = self.store.settings.get("oauth", "client")
        return self.client(client_id) if client_id else loopback_client(scope)

    def begin(
        self,
        account: str | None,
        *,
        rights: Iterable[str] = (),
        pds: str | None = None,
        client: OAuthClient | None = None,
        redirect_uri: str | None = None,
        port: int | None = None,
    ) -> Pending:
        """Begin a sign-in; send the browser to the `url` of the result.

        `rights` are those besides posting. `redirect_uri`: where the browser returns to; by default the client's first
        one. `port`: of a listener on this computer, to which a hosted page redirects.
        """
        scope = scope_of(chosen_rights(rights))
        client = client or self.default_client(scope)
        if missing := [one for one in scope.split() if one not in client.scope.split()]:
            raise InputError(
                f"The client {client.client_id} may not ask for {' '.join(missing)}.",
                hint=Hint("Make a client: ", Do("oauth.init")),
            )
        name = None if account is None else clean_identifier(account)
        login = self._login(client, pds)
        place = client.redirect_uris[0] if redirect_uri is None else redirect_uri
        return login.begin(name, scope, place, pds_url=pds, port=port)

    def finish(self, pending: Pending, returned: Mapping[str, str]) -> SignedIn:
        """Complete a sign-in with the parameters that the browser returned with, and store the session."""
        client = self.client(pending.client_id)
        session = self._login(client, pending.server.issuer).finish(pending, returned)
        former = self.store.sessions.load_any(session.did)
        account = self.store.accounts.sign_in(session)
        self.end(former)
        return SignedIn(account, session, missing_rights(session.asked, session.scope))

    def end(self, former: Session | OAuthSession | None) -> None:
        """Revoke a session that was replaced by another, if its server can be reached."""
        if former is None:
            return
        with suppress(SkywriteError):
            if isinstance(former, Session):
                BearerAuth(self.transport, former, clock=self.clock).end()
            else:
                self.authenticator(former).end()

    def begin_kept(self, account: str | None, *, by: str = "", **options: Any) -> Pending:
        """`begin` for a web server: the pending sign-in is stored sealed, because the browser may return to another
        process.

        `by`: who began it. Only they may finish it, so that nobody can be tricked into adding somebody else's account.
        """
        pending = self.begin(account, **options)
        kept = {"by": by, **pending._asdict(), "server": pending.server._asdict()}
        expires_at = self.clock.now() + timedelta(seconds=PENDING_SECONDS)
        self.store.secrets.put(PENDING, pending.state, json.dumps(kept), expires_at=expires_at)
        return pending

    def finish_kept(self, returned: Mapping[str, str], *, by: str = "") -> SignedIn:
        """`finish` for what `begin_kept` began, once. Raises SignInError if there is no such sign-in."""
        state = returned.get("state", "")
        text = self.store.secrets.take(PENDING, state) if state.isprintable() else None
        kept = json.loads(text) if text else {}
        if not kept or kept.pop("by") != by:
            raise SignInError(
                "This sign-in is unknown or has expired.", code="oauth.redirect_forged", hint="Begin again."
            )
        return self.finish(Pending(**{**kept, "server": AuthServer(**kept["server"])}), returned)

    def _login(self, client: OAuthClient, service: str | None) -> OAuthLogin:
        return OAuthLogin(self.sign_in_transport, self.resolver(service), client, Origins(self.clock), self.clock)


def client_to_json(client: OAuthClient) -> str:
    """A client with its keys as JSON, for a store that encrypts it."""
    keys = {key_id: key.text for key_id, key in client.keys.items()}
    return json.dumps({**client._asdict(), "keys": keys})


def client_from_json(text: str) -> OAuthClient:
    """What `client_to_json` wrote."""
    fields = json.loads(text)
    keys = {key_id: SigningKey.from_text(key) for key_id, key in fields.pop("keys").items()}
    return OAuthClient(**{**fields, "redirect_uris": tuple(fields["redirect_uris"])}, keys=keys)
