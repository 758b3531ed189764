"""Whether an account lives on another server than the one it is signed in at.

What lives here: the check, made when the old server is dead or refuses the session. What does not: signing in.
Tokens never go to a server because a DID document names it: the account waits for a new sign-in instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from skywrite.core.errors import SIGN_IN, NoAnswer, NotSent, SignInError, SkywriteError
from skywrite.protocol.atproto.session_data import Session

if TYPE_CHECKING:
    from skywrite.protocol.atproto.identity import Resolver
    from skywrite.protocol.atproto.oauth_session import OAuthSession

DEAD_TRIES = 3


def is_worth_asking(error: Exception, attempts: int) -> bool:
    """Whether an attempt with this result is a reason to look up the account again."""
    if isinstance(error, NotSent | NoAnswer):
        return attempts >= DEAD_TRIES
    return isinstance(error, SignInError)


def moved(session: Session | OAuthSession, resolver: Resolver) -> SignInError | None:
    """The error to report if the account has moved; None if it has not, or if that is unknown."""
    try:
        named = resolver.pds_url(session.did)
    except SkywriteError:
        return None
    host = urlsplit(named).hostname
    if host == urlsplit(session.pds_url).hostname:
        return None
    # A server may be reached at a private address, such as one inside a container network. Then its tokens are still
    # issued for the name in the DID document.
    if isinstance(session, Session) and session.audience == f"did:web:{host}":
        return None
    return SignInError(
        f"{session.handle} has moved to {named}: its DID document names that server now.",
        code="account.moved",
        hint=SIGN_IN,
    )
