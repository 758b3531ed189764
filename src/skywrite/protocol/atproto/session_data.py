"""The data of a session: the account, its server and the two tokens, its text forms, and when the tokens expire.

What lives here: pure values. What does not: signing in (see `sign_in`), and refreshing (see `session`, which also
exports these names).

Tokens are JSON Web Tokens of the server. Their claims serve as hints only, so their signature is not checked.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

from skywrite.core.clock import to_iso
from skywrite.core.errors import InputError, NoAnswer
from skywrite.protocol.atproto.syntax import Handle, InvalidSyntax

REFRESH_MARGIN_SECONDS = 300
EXPORT_PREFIX = "skywrite-session-1:"
SDK_SEPARATOR = ":::"
SDK_DEFAULT_PDS = "https://bsky.social"
INVALID_HANDLE = "handle.invalid"
MAIN_PASSWORD_SCOPE = "com.atproto.access"
MAIN_PASSWORD_WARNING = (
    "This is the account's main password. An app password is safer: it can be revoked by itself, and it cannot change "
    "the account. Make one in the app under Settings, Privacy and security, App passwords."
)
# `re` compiles a pattern on first use and caches it, so importing this module compiles none.
_BLUESKY = r"https://(?:bsky\.social|(?:[a-z0-9-]+\.)+host\.bsky\.network)"
SESSION_CHARACTERS_MAX = 100_000


class Session(NamedTuple):
    """One sign-in of one account. `received_at` is when we got the tokens, by our own clock; None if unknown."""

    did: str
    handle: str
    pds_url: str
    access_jwt: str
    refresh_jwt: str
    received_at: datetime | None = None
    active: bool = True
    status: str | None = None

    def __repr__(self) -> str:
        return f"Session(did={self.did!r}, handle={self.handle!r}, pds_url={self.pds_url!r})"

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], *, service_url: str, now: datetime) -> Session:
        """The session in a response of createSession. Raises NoAnswer if there is none."""
        did, handle = answer.get("did"), answer.get("handle")
        access, refresh = answer.get("accessJwt"), answer.get("refreshJwt")
        if not (_is_did(did) and isinstance(handle, str) and is_token(access) and is_token(refresh)):
            raise NoAnswer("The server's response contains no session.", hint="Is it the address of a PDS?")
        status = answer.get("status")
        return cls(
            did=str(did),
            handle=_readable(handle),
            pds_url=pds_in_document(answer.get("didDoc"), str(did), service_url) or service_url,
            access_jwt=str(access),
            refresh_jwt=str(refresh),
            received_at=now,
            active=answer.get("active") is not False,
            status=status if isinstance(status, str) else None,
        )

    def renewed(self, answer: Mapping[str, Any], *, now: datetime) -> Session:
        """The session after a response of refreshSession, which must be for the same account.

        It stays with its operator: without a new sign-in, tokens are not sent to another operator's server.
        """
        session = Session.from_answer(answer, service_url=self.pds_url, now=now)
        if session.did != self.did:
            raise NoAnswer(f"The server's response is for {session.did}, not for {self.did}.")
        if not _is_same_operator(self.pds_url, session.pds_url):
            session = session.moved_to(self.pds_url)
        return session._replace(handle=self.handle) if session.handle == INVALID_HANDLE else session

    @property
    def uses_main_password(self) -> bool:
        """True if somebody signed in with the account's main password instead of an app password."""
        return _claims(self.access_jwt).get("scope") == MAIN_PASSWORD_SCOPE

    @property
    def audience(self) -> str | None:
        """The DID of the server that accepts the access token, if the token names it."""
        audience = _claims(self.access_jwt).get("aud")
        return audience if isinstance(audience, str) else None

    def is_due(self, now: datetime) -> bool:
        """Whether the access token expires within five minutes (or within the last quarter of a short lifetime)."""
        life = _Life.of(self.access_jwt)
        left = self._seconds_left(life, now)
        margin = REFRESH_MARGIN_SECONDS if life.seconds is None else min(REFRESH_MARGIN_SECONDS, life.seconds / 4)
        return left is not None and left <= margin

    def is_over(self, now: datetime) -> bool:
        """Whether the access token has expired, as far as we know."""
        left = self._seconds_left(_Life.of(self.access_jwt), now)
        return left is not None and left <= 0

    def is_older_than(self, other: Session) -> bool:
        """Whether it was issued before the other, by the server's clock; False if the tokens do not say."""
        ours, theirs = _Life.of(self.access_jwt).issued, _Life.of(other.access_jwt).issued
        return ours is not None and theirs is not None and ours < theirs

    def server_now(self, now: datetime) -> datetime:
        """The server's time, estimated from the token's time of issue."""
        return self._server_now(_Life.of(self.access_jwt), now)

    def _server_now(self, life: _Life, now: datetime) -> datetime:
        return now if life.issued is None or self.received_at is None else life.issued + (now - self.received_at)

    def _seconds_left(self, life: _Life, now: datetime) -> float | None:
        """Counted from when we received the token, so that a clock which is always wrong does no harm."""
        return None if life.ends is None else (life.ends - self._server_now(life, now)).total_seconds()

    def to_json(self) -> str:
        """Everything, tokens included, as JSON: for a store that encrypts it."""
        fields = {
            "did": self.did,
            "handle": self.handle,
            "pds_url": self.pds_url,
            "access_jwt": self.access_jwt,
            "refresh_jwt": self.refresh_jwt,
            "received_at": to_iso(self.received_at) if self.received_at else None,
            "active": self.active,
            "status": self.status,
        }
        return json.dumps({name: value for name, value in fields.items() if value is not None})

    @classmethod
    def from_json(cls, text: str) -> Session:
        """Read what `to_json` wrote. Raises InputError for anything else."""
        try:
            fields = json.loads(text)
            received_at = fields.get("received_at")
            session = cls(
                did=fields["did"],
                handle=fields["handle"],
                pds_url=fields["pds_url"],
                access_jwt=fields["access_jwt"],
                refresh_jwt=fields["refresh_jwt"],
                received_at=datetime.fromisoformat(received_at) if received_at else None,
                active=fields.get("active", True) is True,
                status=fields.get("status"),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise _unreadable() from None
        return _checked(session)

    def export_string(self) -> str:
        """One line to move the session elsewhere. It is as secret as a password."""
        return EXPORT_PREFIX + base64.urlsafe_b64encode(self.to_json().encode()).decode().rstrip("=")

    @classmethod
    def from_string(cls, text: str) -> Session:
        """Read what `export_string` wrote, or an atproto SDK session string (handle:::did:::access:::refresh:::pds)."""
        text = text.strip()
        if len(text) > SESSION_CHARACTERS_MAX:
            raise _unreadable()
        if text.startswith(EXPORT_PREFIX):
            encoded = text.removeprefix(EXPORT_PREFIX)
            try:
                decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode()
            except ValueError:
                raise _unreadable() from None
            return cls.from_json(decoded)
        parts = text.split(SDK_SEPARATOR)
        if len(parts) not in (4, 5):
            raise _unreadable()
        handle, did, access, refresh = parts[:4]
        # The SDK writes "None" if it does not know the server.
        pds_url = parts[4] if len(parts) == 5 and parts[4] not in ("", "None") else SDK_DEFAULT_PDS
        return _checked(cls(did, handle, pds_url.rstrip("/").removesuffix("/xrpc"), access, refresh))

    def moved_to(self, pds_url: str) -> Session:
        """The same session at another address of the account's server."""
        return self._replace(pds_url=pds_url.rstrip("/"))


def pds_in_document(document: object, did: str, service_url: str) -> str | None:
    """The account's server in a DID document (service `#atproto_pds`), if it is usable.

    Tokens go to this address, so it never changes from https to plain http.
    """
    if not isinstance(document, dict) or document.get("id") != did:
        return None
    services = document.get("service")
    for service in services if isinstance(services, list) else ():
        if not isinstance(service, dict) or service.get("type") != "AtprotoPersonalDataServer":
            continue
        endpoint = service.get("serviceEndpoint")
        if service.get("id") in ("#atproto_pds", f"{did}#atproto_pds") and isinstance(endpoint, str):
            plain = endpoint.startswith("http://") and not service_url.startswith("http://")
            if _is_server(endpoint) and not plain:
                return endpoint.rstrip("/")
    return None


def _is_same_operator(one: str, other: str) -> bool:
    """Bluesky moves accounts between its own servers, which share an entryway and its tokens."""
    return one == other or all(re.fullmatch(_BLUESKY, url) for url in (one, other))


def _readable(handle: str) -> str:
    """The handle that a server names, if it is one: it stands in every list, notice and log."""
    try:
        return Handle(handle)
    except InvalidSyntax:
        return INVALID_HANDLE


def _unreadable() -> InputError:
    return InputError(
        "The text is not a readable session.", code="session.invalid", hint="Export it again, or sign in again."
    )


def _checked(session: Session) -> Session:
    texts = (session.handle, session.pds_url, session.status or "")
    usable = (
        _is_did(session.did)
        and all(isinstance(text, str) for text in texts)
        and _is_server(session.pds_url)
        and is_token(session.access_jwt)
        and is_token(session.refresh_jwt)
        and (session.received_at is None or session.received_at.tzinfo is not None)
    )
    if not usable:
        raise _unreadable()
    return session


def _is_did(value: object) -> bool:
    return isinstance(value, str) and value.startswith("did:") and value.isprintable()


def _is_server(value: str) -> bool:
    return re.fullmatch(r"https?://[^\s/@?#]+/?", value) is not None


def is_token(value: object) -> bool:
    """Whether it is safe in a header: anything else could inject one, or appear in the transport's own error."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value and value != ""


YEAR_MAX = 9000


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        # Padding beyond what is needed is ignored.
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


class _Life(NamedTuple):
    """When a token was issued, and when it ends, as far as it says."""

    issued: datetime | None
    ends: datetime | None

    @classmethod
    def of(cls, token: str) -> Self:
        """The life of a token."""
        claims = _claims(token)
        return cls(_time_of(claims.get("iat")), _time_of(claims.get("exp")))

    @property
    def seconds(self) -> float | None:
        """How long it is."""
        return None if self.issued is None or self.ends is None else (self.ends - self.issued).total_seconds()


def _time_of(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
    except (OverflowError, ValueError):
        return None
    # A year at the end of the calendar means nothing, and arithmetic with it fails.
    return at if at.year < YEAR_MAX else None
