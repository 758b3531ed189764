"""com.atproto.server.* and com.atproto.identity.*: signing in, sessions, app passwords, service auth, handles."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from skywrite.core.http import Response
from skywrite.protocol.atproto.syntax import Did, InvalidSyntax
from skywrite.sandbox import sessions, tokens
from skywrite.sandbox.accounts import Account, AppPassword
from skywrite.sandbox.pds import Call, Method, Pds
from skywrite.sandbox.wire import XrpcFailure, empty_answer, json_answer

MAX_OLD_PASSWORD = 512
MAX_NEW_PASSWORD = 256
_HOUR = 3600
_MINUTE = 60
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PROTECTED = frozenset(
    f"com.atproto.{name}"
    for name in (
        "admin.sendEmail",
        "identity.requestPlcOperationSignature",
        "identity.signPlcOperation",
        "identity.updateHandle",
        "server.activateAccount",
        "server.confirmEmail",
        "server.createAppPassword",
        "server.deactivateAccount",
        "server.getAccountInviteCodes",
        "server.getSession",
        "server.listAppPasswords",
        "server.requestAccountDelete",
        "server.requestEmailConfirmation",
        "server.requestEmailUpdate",
        "server.revokeAppPassword",
        "server.updateEmail",
    )
)


def describe_server(pds: Pds, call: Call) -> Response:
    return json_answer(
        {
            "did": pds.did,
            "availableUserDomains": pds.domains,
            "inviteCodeRequired": False,
            "blobUploadLimit": pds.blob_limit,
            "links": {},
            "contact": {},
        }
    )


def create_session(pds: Pds, call: Call) -> Response:
    password: str = call.body["password"]
    if len(password) > MAX_OLD_PASSWORD:
        raise XrpcFailure(401, "Password too long. Consider resetting your password.")
    account, app_password = _sign_in(pds, call.body["identifier"].lower(), password)
    if account.taken_down and not call.body.get("allowTakendown"):
        raise XrpcFailure(401, "Account has been taken down", "AccountTakedown")
    if app_password is None and account.second_factor is not None:
        _check_second_factor(account.second_factor, call.body.get("authFactorToken"))
    access, refresh = pds.sessions.create(account, app_password)
    return json_answer({"accessJwt": access, "refreshJwt": refresh, **_session_facts(account)})


def _sign_in(pds: Pds, identifier: str, password: str) -> tuple[Account, AppPassword | None]:
    account = pds.accounts.find_email(identifier) if "@" in identifier else pds.accounts.find(identifier)
    if account is not None:
        if password == account.password:
            return account, None
        matching = [known for known in account.app_passwords.values() if known.password == password]
        if matching and not account.taken_down:
            return account, matching[0]
    raise XrpcFailure(401, "Invalid identifier or password")


def _check_second_factor(expected: str, code: str | None) -> None:
    """Respond as bsky.social's entryway does; a self-hosted PDS has no second factor."""
    if not code:
        raise XrpcFailure(401, "A sign in code has been sent to your email address", "AuthFactorTokenRequired")
    if code != expected:
        raise XrpcFailure(400, "Token is invalid", "InvalidToken")


def _session_facts(account: Account) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "did": account.did,
        "handle": account.handle,
        "email": account.email,
        "emailConfirmed": False,
        "active": account.status == "active",
    }
    if account.status != "active":
        facts["status"] = account.status
    return facts


def refresh_session(pds: Pds, call: Call) -> Response:
    account = _known(pds, call.did)
    if account.taken_down:
        raise XrpcFailure(401, "Account has been taken down", "AccountTakedown")
    rotated = pds.sessions.rotate(call.claims["jti"])
    if rotated is None:
        raise XrpcFailure(400, "Token has been revoked", "ExpiredToken")
    return json_answer({"accessJwt": rotated[0], "refreshJwt": rotated[1], **_session_facts(account)})


def get_session(pds: Pds, call: Call) -> Response:
    account = _known(pds, call.did)
    if account.taken_down:
        raise _no_user_info(call.did)
    return json_answer(_session_facts(account))


def _known(pds: Pds, did: str) -> Account:
    account = pds.accounts.find(did)
    if account is None:
        raise _no_user_info(did)
    return account


def _no_user_info(did: str) -> XrpcFailure:
    return XrpcFailure(400, f"Could not find user info for account: {did}")


def delete_session(pds: Pds, call: Call) -> Response:
    pds.sessions.revoke(call.claims["jti"])
    return empty_answer()


def create_app_password(pds: Pds, call: Call) -> Response:
    account = _known(pds, call.did)
    privileged = bool(call.body.get("privileged", False))
    try:
        app_password = pds.accounts.add_app_password(account, call.body["name"], privileged=privileged)
    except KeyError:
        raise XrpcFailure(500) from None
    return json_answer(
        {
            "name": app_password.name,
            "password": app_password.password,
            "createdAt": app_password.created_at,
            "privileged": privileged,
        }
    )


def list_app_passwords(pds: Pds, call: Call) -> Response:
    held = reversed(_known(pds, call.did).app_passwords.values())
    listed = [{"name": one.name, "createdAt": one.created_at, "privileged": one.privileged} for one in held]
    return json_answer({"passwords": listed})


def revoke_app_password(pds: Pds, call: Call) -> Response:
    name = call.body["name"]
    _known(pds, call.did).app_passwords.pop(name, None)
    pds.sessions.revoke_all(call.did, name)
    return empty_answer()


def create_account(pds: Pds, call: Call) -> Response:
    password, email = call.body.get("password", ""), call.body.get("email")
    if "plcOp" in call.body:
        raise XrpcFailure(400, 'Unsupported input: "plcOp"')
    if len(password) > MAX_NEW_PASSWORD:
        raise XrpcFailure(400, f"Password too long. Maximum length is {MAX_NEW_PASSWORD} characters.")
    if not email:
        raise XrpcFailure(400, "Email is required")
    if _EMAIL.fullmatch(email) is None:
        raise XrpcFailure(400, "This email address is not supported, please use a different email.")
    handle = call.body["handle"].lower()
    _check_handle(pds, handle)
    if pds.accounts.find(handle):
        raise XrpcFailure(400, f"Handle already taken: {handle}")
    if pds.accounts.find_email(email):
        raise XrpcFailure(400, f"Email already taken: {email}")
    if "did" in call.body:
        raise XrpcFailure(401, f"Missing auth to create account with did: {call.body['did']}")
    account = pds.accounts.create(handle, password, email)
    access, refresh = pds.sessions.create(account, None)
    document = pds.accounts.did_document(account, pds.url)
    facts = {"handle": handle, "did": account.did, "didDoc": document}
    return json_answer({**facts, "accessJwt": access, "refreshJwt": refresh})


def _check_handle(pds: Pds, handle: str) -> None:
    domain = next((known for known in pds.domains if handle.endswith(known)), None)
    if domain is None:
        raise XrpcFailure(400, "Not a supported handle domain", "UnsupportedDomain")
    front = handle[: -len(domain)]
    if "." in front:
        raise XrpcFailure(400, "Invalid characters in handle", "InvalidHandle")
    if len(front) < 3:
        raise XrpcFailure(400, "Handle too short", "InvalidHandle")
    if len(front) > 18:
        raise XrpcFailure(400, "Handle too long", "InvalidHandle")


def get_service_auth(pds: Pds, call: Call) -> Response:
    audience, lxm, expires = call.params["aud"], call.params.get("lxm"), call.params.get("exp")
    now = int(pds.now().timestamp())
    if not _is_audience(audience):
        raise XrpcFailure(400, "aud must be a valid atproto DID or did#serviceId reference")
    privileged = call.claims["scope"] != sessions.SCOPE_APP
    if lxm and (lxm.startswith("chat.bsky.") or lxm == "com.atproto.server.createAccount") and not privileged:
        message = f"insufficient access to request a service auth token for the following method: {lxm}"
        raise XrpcFailure(400, message)
    if expires:
        _check_expiry(expires - pds.now().timestamp(), lxm)
    if lxm in _PROTECTED:
        raise XrpcFailure(400, f"cannot request a service auth token for the following protected method: {lxm}")
    claims = {"iat": now, "iss": call.did, "aud": audience, "exp": expires or now + _MINUTE}
    if lxm:
        claims["lxm"] = lxm
    claims["jti"] = sha256(f"{call.did} {pds.next_tid()}".encode()).hexdigest()[:32]
    return json_answer({"token": tokens.sign_service(claims, call.did, pds.secret)})


def _is_audience(text: str) -> bool:
    did, _, service = text.partition("#")
    try:
        method = Did(did).method
    except InvalidSyntax:
        return False
    return method in ("plc", "web") and ("#" in text) == bool(service)


def _check_expiry(seconds_left: float, lxm: str | None) -> None:
    if seconds_left < 0:
        raise XrpcFailure(400, "expiration is in past", "BadExpiration")
    if seconds_left > _HOUR:
        message = "cannot request a token with an expiration more than an hour in the future"
        raise XrpcFailure(400, message, "BadExpiration")
    if not lxm and seconds_left > _MINUTE:
        message = "cannot request a method-less token with an expiration more than a minute in the future"
        raise XrpcFailure(400, message, "BadExpiration")


def resolve_handle(pds: Pds, call: Call) -> Response:
    handle = call.params["handle"].lower()
    account = pds.accounts.find(handle)
    if account is not None and account.status == "active":
        return json_answer({"did": account.did})
    served = any(handle.endswith(domain) or handle == domain[1:] for domain in pds.domains)
    raise XrpcFailure(400, "Unable to resolve handle", "HandleNotFound" if served else None)


def _sign_in_charges(call: Call) -> list[tuple[str, str, int]]:
    who = f"{call.body['identifier']}-{call.request.remote}"
    return [("sign-in-day", who, 1), ("sign-in", who, 1)]


METHODS = {
    "com.atproto.server.describeServer": Method(describe_server),
    "com.atproto.server.createSession": Method(create_session, charges=_sign_in_charges),
    "com.atproto.server.refreshSession": Method(refresh_session, "refresh"),
    "com.atproto.server.getSession": Method(get_session, "access"),
    "com.atproto.server.deleteSession": Method(delete_session, "end"),
    "com.atproto.server.createAppPassword": Method(create_app_password, "full"),
    "com.atproto.server.listAppPasswords": Method(list_app_passwords, "access"),
    "com.atproto.server.revokeAppPassword": Method(revoke_app_password, "access"),
    "com.atproto.server.createAccount": Method(
        create_account, charges=lambda call: [("create-account", call.request.remote, 1)]
    ),
    "com.atproto.server.getServiceAuth": Method(get_service_auth, "access"),
    "com.atproto.identity.resolveHandle": Method(resolve_handle),
}
