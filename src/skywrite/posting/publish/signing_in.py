"""Opening a session for an account, wherever its server is. What does not live here: keeping it (`context`)."""

from __future__ import annotations

from skywrite.core.clock import Clock
from skywrite.core.errors import SkywriteError
from skywrite.posting.publish.network import Network
from skywrite.protocol.atproto.identity import UnknownHandle
from skywrite.protocol.atproto.session_data import Session
from skywrite.protocol.atproto.sign_in import (
    WrongPassword,
    at_own_server,
    clean_identifier,
    create_session,
    service_for,
)


def sign_in(
    network: Network,
    clock: Clock,
    handle: str,
    password: str,
    auth_factor_token: str | None = None,
    *,
    pds: str | None,
    default: str,
) -> Session:
    """A new session at the server `pds`, else at the account's own. Raises WrongPassword, UnknownHandle and more."""
    service = service_for(handle, network.resolver(), default) if pds is None else pds
    try:
        session = create_session(network.transport, service, handle, password, auth_factor_token, clock=clock)
    except WrongPassword:
        _check_handle(network, handle, service)
        raise
    return at_own_server(session, network.resolver())


def server_of(network: Network, handle: str, default: str) -> str:
    """The server that `sign_in` would send a password to; nothing is sent yet."""
    return service_for(handle, network.resolver(), default)


def _check_handle(network: Network, identifier: str, service: str) -> None:
    """Raise UnknownHandle if the server where a sign-in failed does not know the account."""
    name = clean_identifier(identifier)
    if name.startswith("did:") or "@" in name:
        return
    try:
        network.resolver(service).resolve_handle(name)
    except UnknownHandle:
        raise UnknownHandle(
            f"There is no active account {name}.",
            hint="Check the spelling and write the full handle, such as alice.bsky.social. "
            "Accounts that were taken down or deactivated cannot be found either.",
        ) from None
    except SkywriteError:
        return
