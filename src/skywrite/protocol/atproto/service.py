"""Where an account signs in: its own PDS, or the entryway in front of it.

What does not live here: signing in itself (`sign_in`), who an account is (`identity`).
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from skywrite.core.errors import SkywriteError
from skywrite.protocol.atproto.identity import HandleDisputed, Resolver
from skywrite.protocol.atproto.session import Session
from skywrite.protocol.atproto.sign_in import clean_identifier

ENTRYWAY = "https://bsky.social"
_BEHIND_ENTRYWAY = ".host.bsky.network"


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
