"""Signing in with a password: from what the user types to a session.

What lives here: `create_session`, the errors of a sign-in, and where an account signs in: at its own PDS, or at the
entryway in front of it. What does not: who an account is (see `identity`), keeping and refreshing the session (see
`session`).

Passwords and tokens never appear in a message or a log. Source: com.atproto.server.createSession.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.errors import InputError, SkywriteError
from skywrite.core.http import Transport
from skywrite.protocol.atproto.identity import HandleDisputed, Resolver
from skywrite.protocol.atproto.session_data import Session
from skywrite.protocol.atproto.xrpc import Xrpc
from skywrite.protocol.atproto.xrpc_errors import AccountUnavailable, NotSignedIn, TokenRefused, with_answer

_APP_PASSWORD = r"[a-z0-9]{4}(?:-[a-z0-9]{4}){3}"
ENTRYWAY = "https://bsky.social"
_BEHIND_ENTRYWAY = ".host.bsky.network"


class WrongPassword(NotSignedIn):
    """The server does not know this account, or the password is wrong."""

    code = "login.wrong_password"


class AuthFactorRequired(NotSignedIn):
    """The account has a second factor: the server has sent a code by e-mail."""

    code = "login.code_required"


def clean_identifier(text: str) -> str:
    """A handle, DID or e-mail address without what people paste along.

    That is a leading @, blanks, invisible characters, and the address of the profile's page or of the repository.
    """
    import unicodedata

    visible = "".join(character for character in text if unicodedata.category(character) not in ("Cf", "Cc", "Zs"))
    page = re.fullmatch(r"(?i)(?:https?://)?[a-z0-9.-]+/profile/([^/?#]+)(?:[/?#].*)?", visible)
    place = re.fullmatch(r"(?i)at://([^/]+)/?.*", visible)
    match = page or place
    return (visible if match is None else match[1]).removeprefix("@")


def account_name(text: str) -> str:
    """What names an account, cleaned of what people paste along. Raises InputError for what cannot name one."""
    name = clean_identifier(text)
    if not name or not any(mark in name for mark in ".:@"):
        raise InputError(
            f"{name!r} is not a full account name.", code="login.invalid_name", hint="Write it as alice.bsky.social."
        )
    return name


def create_session(
    transport: Transport,
    service: str,
    identifier: str,
    password: str,
    auth_factor_token: str | None = None,
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Session:
    """Sign in at a service (an entryway or a PDS) with a handle, DID or e-mail address.

    The session's `pds_url` is the account's own server, from the DID document in the response, or else the service.
    Raises InputError, WrongPassword, AuthFactorRequired, NotSignedIn, AccountUnavailable, RateLimited.
    If `Session.uses_main_password` is true, an app password would have been better.
    """
    name = account_name(identifier)
    if not password:
        raise InputError(f"There is no password for {name}.", hint="Make an app password in the settings of the app.")
    pasted = clean_identifier(password)
    secret = pasted if re.fullmatch(_APP_PASSWORD, pasted) else password
    body = {"identifier": name, "password": secret}
    if auth_factor_token:
        body["authFactorToken"] = auth_factor_token.strip()
    xrpc = Xrpc(transport, service, clock=clock)
    try:
        answer = xrpc.procedure("com.atproto.server.createSession", body, hide=(secret, auth_factor_token or ""))
    except NotSignedIn as error:
        raise _login_error(error, name, xrpc.host, bool(auth_factor_token)) from None
    session = Session.from_answer(answer, service_url=xrpc.base_url, now=clock.now())
    if not session.active:
        raise _unavailable(session, xrpc.host)
    return session


def _login_error(error: NotSignedIn, name: str, host: str, had_auth_factor: bool) -> NotSignedIn:
    if isinstance(error, AccountUnavailable):
        return with_answer(AccountUnavailable(f"{name}: {error.message}", hint=error.hint), error)
    if error.server_error == "AuthFactorTokenRequired":
        hint = "Give the code from the e-mail, or use an app password, which needs none."
        return with_answer(
            AuthFactorRequired(f"{host} has sent a sign-in code for {name} by e-mail.", hint=hint), error
        )
    if had_auth_factor and isinstance(error, TokenRefused):
        hint = "Sign in again without a code to get a new one."
        return with_answer(
            NotSignedIn(f"{host} does not accept the sign-in code for {name}.", code="login.wrong_code", hint=hint),
            error,
        )
    hint = "Check the handle, the app password and the server. App passwords are made in the settings of the app."
    return with_answer(WrongPassword(f"{host} does not accept the password for {name}.", hint=hint), error)


def _unavailable(session: Session, host: str) -> AccountUnavailable:
    status = session.status or "not active"
    hint = "Look at the account in the Bluesky app or ask the operator of its server."
    return AccountUnavailable(f"The account {session.handle} is {status}, says {host}.", hint=hint)


def service_for(identifier: str, resolver: Resolver, default: str = ENTRYWAY) -> str:
    """The address to sign in at, or the default if the account cannot be found (signing in will say why).

    Accounts on Bluesky's own servers sign in at its entryway; all others at the PDS in their DID document. Raises
    HandleDisputed if DNS and the handle's web server name different accounts.
    """
    name = clean_identifier(identifier)
    if name.endswith(".bsky.social") or "@" in name:
        return default
    try:
        pds_url = resolver.resolve_for_sign_in(name).pds_url
    except HandleDisputed:
        raise
    except SkywriteError:
        return default
    return ENTRYWAY if pds_url.endswith(_BEHIND_ENTRYWAY) else pds_url


def is_well_known(service: str, known: Iterable[str] = ()) -> bool:
    """Whether a password may go to a server without asking: the entryway, a server behind it, or one of `known`.

    `known` are the servers of accounts that are already signed in, and those that the user named.
    """
    host = urlsplit(service).hostname or ""
    return service == ENTRYWAY or host.endswith(_BEHIND_ENTRYWAY) or service in known


def at_own_server(session: Session, resolver: Resolver) -> Session:
    """The session at the account's own PDS, in case the entryway's response did not name it."""
    if session.pds_url != ENTRYWAY:
        return session
    try:
        return session.moved_to(resolver.resolve(session.did).pds_url)
    except SkywriteError:
        # The entryway forwards everything; it only takes longer.
        return session
