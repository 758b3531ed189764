"""OAuth for AT Protocol: finding the server that an account signs in at, the sign-in itself, and revocation.

What lives here: metadata and its checks, the pushed request (PAR) with PKCE, exchanging the code, revocation, and the
checks that a client must make: `state`, `iss`, `sub`, and from the DID to its server to its issuer. What does not:
refreshing (`oauth_refresh`), browsers and pages (`app`).

Source: https://atproto.com/specs/oauth
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple, NoReturn
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from nacl.bindings import crypto_hash_sha256 as sha256

from skywrite.core.clock import Clock, secret_bytes
from skywrite.core.errors import Do, Hint, InputError, NoAnswer, RateLimited, SignInError, TemporaryError
from skywrite.core.http import Response, Transport, json_object
from skywrite.protocol.atproto.dpop import DpopTransport, NewProofNeeded, Origins, SigningKey, b64url, refusal
from skywrite.protocol.atproto.identity import Identity, Resolver
from skywrite.protocol.atproto.lookups import public_name
from skywrite.protocol.atproto.oauth_client import OAuthClient
from skywrite.protocol.atproto.oauth_session import OAuthSession, lifetime_in
from skywrite.protocol.atproto.session_data import is_token
from skywrite.protocol.atproto.xrpc_errors import NotSignedIn, ServerFailure, rate_limit_end, scrub

APP_PASSWORD = Hint("Use an app password: ", Do("accounts.login"))
METADATA_SECONDS = 15.0
REQUEST_SECONDS = 20.0
METADATA_BYTES_MAX = 200_000
# It becomes a part of an address that a person opens; those of the reference server have 80 characters.
REQUEST_URI_MAX = 2000
ACCESS_TOKEN_SECONDS = 3600
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_SERVER_PATH = "/.well-known/oauth-authorization-server"
_FORM = "application/x-www-form-urlencoded"


class AuthServer(NamedTuple):
    """An authorization server's metadata."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    par_endpoint: str
    revocation_endpoint: str


class Pending(NamedTuple):
    """A sign-in while the user is in the browser. Keep it secret. `url` is the page to open.

    `did` is the account that must sign in; None if the user named a server instead of an account.
    """

    url: str
    state: str
    verifier: str
    dpop_key: str
    server: AuthServer
    client_id: str
    key_id: str | None
    redirect_uri: str
    asked: str
    did: str | None


class OAuthLogin(NamedTuple):
    """Signs accounts in with one client. Safe to share between threads."""

    transport: Transport
    resolver: Resolver
    client: OAuthClient
    origins: Origins
    clock: Clock

    def begin(
        self, account: str | None, scope: str, redirect_uri: str, *, pds_url: str | None = None, port: int | None = None
    ) -> Pending:
        """Push the request for an account (handle or DID), or for any account at `pds_url`.

        `port` goes at the end of the state, for a hosted callback page that passes the result to a local listener.
        """
        identity = None if account is None else self.resolver.resolve(account)
        place = identity.pds_url if identity else pds_url
        if place is None:
            raise InputError("Name an account or a server to sign in at.", hint="Give the handle.")
        server = find_server(self.transport, place, self.origins)
        key, verifier = SigningKey.generate(), b64url(secret_bytes(32))
        state = b64url(secret_bytes(24)) + (f".{port}" if port else "")
        fields = {
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": state,
            "code_challenge": b64url(sha256(verifier.encode())),
            "code_challenge_method": "S256",
        }
        if account is not None:
            fields["login_hint"] = account
        key_id = self.client.key_id
        answer = self._post(server, server.par_endpoint, fields, key, key_id)
        request_uri = answer.get("request_uri")
        if not isinstance(request_uri, str) or len(request_uri) > REQUEST_URI_MAX:
            raise NoAnswer(f"{server.issuer} did not say where the sign-in continues.", hint="Try again later.")
        query = urlencode({"client_id": self.client.client_id, "request_uri": request_uri}, quote_via=quote)
        url = f"{server.authorization_endpoint}{'&' if '?' in server.authorization_endpoint else '?'}{query}"
        did = str(identity.did) if identity else None
        client_id = self.client.client_id
        return Pending(url, state, verifier, key.text, server, client_id, key_id, redirect_uri, scope, did)

    def finish(self, pending: Pending, returned: Mapping[str, str]) -> OAuthSession:
        """The session for what the browser brought back. If a check fails, the tokens are revoked.

        Raises SignInError, NotSignedIn.
        """
        code = checked_return(pending, returned)
        key = SigningKey.from_text(pending.dpop_key)
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect_uri,
            "code_verifier": pending.verifier,
        }
        answer = self._post(pending.server, pending.server.token_endpoint, fields, key, pending.key_id)
        refresh = answer.get("refresh_token")
        try:
            identity = self._checked_account(pending, answer)
        except BaseException:
            if isinstance(refresh, str):
                self._give_up(pending, key, refresh)
            raise
        now = self.clock.now()
        lifetime = lifetime_in(answer, ACCESS_TOKEN_SECONDS)
        return OAuthSession(
            did=identity.did,
            handle=identity.handle,
            pds_url=identity.pds_url,
            issuer=pending.server.issuer,
            token_endpoint=pending.server.token_endpoint,
            revocation_endpoint=pending.server.revocation_endpoint,
            client_id=pending.client_id,
            key_id=pending.key_id,
            dpop_key=pending.dpop_key,
            access_token=str(answer["access_token"]),
            refresh_token=str(refresh),
            expires_at=now + timedelta(seconds=lifetime),
            lifetime_seconds=lifetime,
            asked=pending.asked,
            scope=str(answer.get("scope") or ""),
            created_at=now,
            refreshed_at=now,
        )

    def _checked_account(self, pending: Pending, answer: Mapping[str, Any]) -> Identity:
        """The account of the tokens, if it is the expected one and this server is responsible for it."""
        did = answer.get("sub")
        tokens = (answer.get("access_token"), answer.get("refresh_token"))
        if not isinstance(did, str) or not all(is_token(token) for token in tokens):
            raise NoAnswer(f"{pending.server.issuer} sent no usable tokens.")
        if str(answer.get("token_type")).lower() != "dpop" or "atproto" not in str(answer.get("scope")).split():
            raise InputError(
                f"{pending.server.issuer} returned a session that is not for AT Protocol.", code="oauth.unsupported"
            )
        if pending.did is not None and did != pending.did:
            raise SignInError(
                f"{did} signed in, not {pending.did}.",
                code="oauth.wrong_account",
                hint="Sign out in the browser, and sign in as that account.",
            )
        self.resolver.forget(did)
        identity = self.resolver.resolve(did)
        server = find_server(self.transport, identity.pds_url, self.origins)
        if server.issuer != pending.server.issuer:
            raise SignInError(
                f"{pending.server.issuer} signed in {did}, but accounts of its server {identity.pds_url} sign in at "
                f"{server.issuer}.",
                code="oauth.wrong_account",
                hint="Use the account's own handle.",
            )
        return identity

    def _give_up(self, pending: Pending, key: SigningKey, token: str) -> None:
        try:
            self._post(pending.server, pending.server.revocation_endpoint, {"token": token}, key, pending.key_id)
        except (SignInError, TemporaryError, InputError):
            return

    def _post(
        self, server: AuthServer, url: str, fields: Mapping[str, str], key: SigningKey, key_id: str | None
    ) -> dict[str, Any]:
        signed = DpopTransport(self.transport, key, self.origins, repeats=key_id is None)
        return post_form(signed, server.issuer, url, fields, self.client, key_id, self.origins, self.clock)


def checked_return(pending: Pending, returned: Mapping[str, str]) -> str:
    """The code that the browser brought back, after the checks of `state` and `iss`."""
    if returned.get("state") != pending.state:
        raise SignInError(
            "The response from the browser belongs to another sign-in.",
            code="oauth.redirect_forged",
            hint="Start again, and use the newest page.",
        )
    if returned.get("iss") != pending.server.issuer:
        raise SignInError(
            f"The response from the browser is not from {pending.server.issuer}.",
            code="oauth.redirect_forged",
            hint="Start again.",
        )
    if error := returned.get("error"):
        reason = scrub(returned.get("error_description") or error, ())[:200]
        raise SignInError(
            f"The sign-in was not completed: {reason}.",
            code="oauth.denied",
            hint="Start again, and accept on the page.",
        )
    code = returned.get("code")
    if not code:
        raise SignInError(
            "The response from the browser contains no code.", code="oauth.redirect_forged", hint="Start again."
        )
    return code


def returned_values(address: str) -> dict[str, str]:
    """The values in the query (or fragment) of the address that the browser was redirected to."""
    parts = urlsplit(address.strip())
    values = parse_qs(parts.query or parts.fragment)
    return {name: texts[0] for name, texts in values.items()}


def find_server(transport: Transport, pds_url: str, origins: Origins) -> AuthServer:
    """The authorization server of a PDS. Raises InputError if there is no usable one."""
    place = pds_url.rstrip("/")
    resource = _metadata(transport, f"{place}/.well-known/oauth-protected-resource", place, origins)
    if resource is None:
        # An entryway is its own authorization server, and not a protected resource.
        return read_server(transport, place, origins)
    issuers = resource.get("authorization_servers")
    if resource.get("resource") != place or not isinstance(issuers, list) or len(issuers) != 1:
        raise InputError(
            f"{place} does not say where its accounts sign in.", code="oauth.unsupported", hint=APP_PASSWORD
        )
    return read_server(transport, str(issuers[0]), origins, local=_is_local(place))


def read_server(transport: Transport, issuer: str, origins: Origins, *, local: bool | None = None) -> AuthServer:
    """Read and check the metadata of an authorization server."""
    issuer = issuer.rstrip("/")
    local = _is_local(issuer) if local is None else local
    if not _is_place(issuer, local=local, only_origin=True):
        raise InputError(f"{issuer!r} is not the address of an authorization server.", code="oauth.unsupported")
    metadata = _metadata(transport, f"{issuer}{_SERVER_PATH}", issuer, origins)
    if metadata is None:
        raise InputError(f"{issuer} does not offer OAuth.", code="oauth.unsupported", hint=APP_PASSWORD)
    names = ("authorization", "token", "pushed_authorization_request", "revocation")
    endpoints = [metadata.get(f"{name}_endpoint") for name in names]
    fits = (
        metadata.get("issuer") == issuer
        and "S256" in _texts(metadata, "code_challenge_methods_supported")
        and "ES256" in _texts(metadata, "dpop_signing_alg_values_supported")
        and metadata.get("authorization_response_iss_parameter_supported") is True
        and all(isinstance(url, str) and _is_place(url, local=local) for url in endpoints)
    )
    if not fits:
        raise InputError(
            f"{issuer} offers OAuth in a way that AT Protocol does not allow.",
            code="oauth.unsupported",
            hint=APP_PASSWORD,
        )
    authorization, token, par, revocation = (str(url) for url in endpoints)
    return AuthServer(issuer, authorization, token, par, revocation)


def post_form(
    signed: Transport,
    issuer: str,
    url: str,
    fields: Mapping[str, str],
    client: OAuthClient,
    key_id: str | None,
    origins: Origins,
    clock: Clock,
) -> dict[str, Any]:
    """Send one request to an authorization server, as a client, and return its JSON ({} if there is none).

    Raises NotSignedIn, RateLimited, ServerFailure and NoAnswer, and what the transport raises.
    """
    if key_id is not None and not origins.knows(url):
        # What the client signs must not be in the server's future, so find out the server's time first.
        signed.request("GET", f"{issuer}{_SERVER_PATH}", timeout_seconds=METADATA_SECONDS)
    response = _posted(signed, url, lambda: {**fields, **client.credentials(key_id, issuer, origins.now(url))})
    if not 200 <= response.status < 300:
        _raise(issuer, response, clock, hide=fields.values())
    if not response.body:
        return {}
    answer = json_object(response.body)
    if answer is None:
        raise NoAnswer(f"{issuer} sent an unreadable response.", hint="Try again.")
    return answer


def _posted(signed: Transport, url: str, form: Callable[[], Mapping[str, str]]) -> Response:
    """Post a form. If the server wants a new proof, build it again: an assertion works for one request only."""
    headers = {"content-type": _FORM, "accept": "application/json"}
    try:
        body = urlencode(form()).encode()
        return signed.request("POST", url, headers=headers, body=body, timeout_seconds=REQUEST_SECONDS)
    except NewProofNeeded:
        body = urlencode(form()).encode()
        return signed.request("POST", url, headers=headers, body=body, timeout_seconds=REQUEST_SECONDS)


def _raise(issuer: str, response: Response, clock: Clock, hide: Any) -> NoReturn:
    host = urlsplit(issuer).netloc
    if response.status == 429:
        raise RateLimited(f"{host} limits sign-ins.", until=rate_limit_end(response.headers, clock.now()))
    if response.status >= 500 or response.status < 400:
        raise ServerFailure(f"{host} failed at the sign-in ({response.status}).", hint="Try again in a minute.")
    error = refusal(response) or str(response.status)
    try:
        reason = response.json().get("error_description")
    except (ValueError, AttributeError, RecursionError):
        reason = ""
    message = " ".join(scrub(str(reason or ""), hide).split())[:300].rstrip(".") or "no reason given"
    refused = NotSignedIn(f"{host} refused the sign-in: {message} ({error}).", code="oauth.refused")
    refused.status, refused.server_error = response.status, error
    raise refused


def _metadata(transport: Transport, url: str, who: str, origins: Origins) -> dict[str, Any] | None:
    """A JSON document of a server; None if it says that there is none."""
    response = transport.request(
        "GET",
        url,
        headers={"accept": "application/json"},
        timeout_seconds=METADATA_SECONDS,
        max_bytes=METADATA_BYTES_MAX,
    )
    origins.note(url, response)
    if response.status in (404, 400, 405, 501):
        return None
    if response.status == 429 or response.status >= 500:
        raise ServerFailure(f"{who} responded with {response.status}.", hint="Try again in a minute.")
    answer = json_object(response.body) if response.status == 200 and not response.truncated else None
    if answer is None:
        raise InputError(f"{who} does not say how its accounts sign in.", code="oauth.unsupported", hint=APP_PASSWORD)
    return answer


def _texts(metadata: Mapping[str, Any], name: str) -> list[Any]:
    value = metadata.get(name)
    return value if isinstance(value, list) else []


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in _LOCAL_HOSTS


def _is_place(url: str, *, local: bool, only_origin: bool = False) -> bool:
    """Whether tokens may go there: https on a public name, or this computer if the account's server is here too."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    strange = parts.username or parts.password or parts.fragment or not (url.isascii() and url.isprintable())
    if strange or not parts.hostname:
        return False
    if only_origin and (parts.path not in ("", "/") or parts.query or port == _DEFAULT_PORTS.get(parts.scheme)):
        return False
    if local and _is_local(url):
        return parts.scheme in ("http", "https")
    return parts.scheme == "https" and public_name(parts.hostname)
