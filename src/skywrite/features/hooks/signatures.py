"""How the programs that call a hook prove that they know its secret, and what makes their messages the same one.

What lives here: one table, a row for each way of signing. What does not: where secrets are kept (`store`), what becomes
of a message (`service`).

A message is known by what its signature covers. A number that a program sends beside that, such as GitHub's, can be
changed by whoever has seen the message once, so there the content counts.
"""

from __future__ import annotations

import base64
import hmac
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from skywrite.core import standard_webhooks
from skywrite.core.clock import secret_bytes
from skywrite.core.digits import whole_number
from skywrite.core.errors import InputError, Unauthenticated
from skywrite.core.standard_webhooks import SECRET_START

SECRET_BYTES = 32
SECRET_CHARACTERS_MIN, SECRET_CHARACTERS_MAX = 16, 500
# As in Standard Webhooks: clocks differ, and messages take a while.
TOLERANCE_SECONDS = 300
DELIVERY_MAX = 200

Headers = Mapping[str, str]
Check = Callable[[str, Headers, bytes, datetime], str]


class Kind(NamedTuple):
    """A way of signing: what it is for, and what checks a message and returns what makes it the same one.

    `not_news`: a header and its value in messages that only try whether the address is right.
    """

    words: str
    check: Check
    not_news: tuple[str, str] = ("", "")


def checked(kind: str, secret: str, headers: Headers, body: bytes, now: datetime) -> str:
    """What makes a message the same one. Raises Unauthenticated unless its sender knows the secret."""
    delivery = KINDS[kind].check(secret, headers, body, now)
    return delivery if len(delivery) <= DELIVERY_MAX else sha256(delivery.encode("utf-8", "surrogatepass")).hexdigest()


def is_news(kind: str, headers: Headers) -> bool:
    """Whether a message reports something, and is not only a try of the address."""
    name, value = KINDS[kind].not_news
    return not name or headers.get(name) != value


def new_secret(kind: str) -> str:
    """A secret that nobody knows."""
    return standard_webhooks.new_secret() if kind == "standard" else secret_bytes(SECRET_BYTES).hex()


def check_secret(kind: str, secret: str) -> None:
    """Raise InputError for a secret that the other program cannot have, or that somebody may guess."""
    if kind == "standard":
        try:
            usable = secret.startswith(SECRET_START) and len(_key(secret)) >= SECRET_CHARACTERS_MIN
        except (Base64Error, ValueError):
            usable = False
        if not usable:
            raise InputError(
                f"A secret of Standard Webhooks begins with {SECRET_START}, and base64 follows.",
                code="hook.secret_unusable",
                hint="Copy the whole secret.",
            )
    if not SECRET_CHARACTERS_MIN <= len(secret) <= SECRET_CHARACTERS_MAX or not secret.isprintable():
        raise InputError(
            f"The secret needs {SECRET_CHARACTERS_MIN} to {SECRET_CHARACTERS_MAX} characters on one line.",
            code="hook.secret_unusable",
            hint="Give none, and Skywrite makes one.",
        )


def _standard(secret: str, headers: Headers, body: bytes, now: datetime) -> str:
    name, at = _header(headers, "webhook-id"), _header(headers, "webhook-timestamp")
    signed = f"{name}.{at}.".encode("utf-8", "surrogatepass") + body
    wanted = base64.b64encode(_mac(_key(secret), signed)).decode()
    signatures = [
        one.partition(",")[2] for one in _header(headers, "webhook-signature").split() if one.startswith("v1,")
    ]
    if not any(_same(wanted, one) for one in signatures):
        raise _wrong("webhook-signature")
    _check_age("webhook-timestamp", at, 1, now)
    return name


def _ghost(secret: str, headers: Headers, body: bytes, now: datetime) -> str:
    parts = dict(one.strip().partition("=")[::2] for one in _header(headers, "x-ghost-signature").split(","))
    at = parts.get("t", "")
    wanted = _mac(secret.encode(), body + at.encode("utf-8", "surrogatepass")).hex()
    if not _same(wanted, parts.get("sha256", "")):
        raise _wrong("x-ghost-signature")
    _check_age("x-ghost-signature", at, 1000, now)
    return sha256(body).hexdigest()


def _of_body(header: str, written: Callable[[bytes], str]) -> Check:
    """A signature of the body alone."""

    def check(secret: str, headers: Headers, body: bytes, now: datetime) -> str:
        if not _same(written(_mac(secret.encode(), body)), _header(headers, header)):
            raise _wrong(header)
        return sha256(body).hexdigest()

    return check


def _shared(secret: str, headers: Headers, body: bytes, now: datetime) -> str:
    if "x-hook-secret" in headers:
        token = headers["x-hook-secret"]
    else:
        scheme, _, token = _header(headers, "authorization").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                "The header authorization is not Bearer with the hook's secret.",
                code="hook.signature_wrong",
                hint="Send “Authorization: Bearer SECRET”, or “X-Hook-Secret: SECRET”.",
            )
        token = token.strip()
    if not _same(secret, token):
        raise _wrong("x-hook-secret" if "x-hook-secret" in headers else "authorization")
    # Whoever knows the secret may say anything, so the name that they give a message counts.
    return headers.get("idempotency-key") or headers.get("webhook-id") or sha256(body).hexdigest()


def _hexadecimal(mac: bytes) -> str:
    return f"sha256={mac.hex()}"


def _base64(mac: bytes) -> str:
    return base64.b64encode(mac).decode()


KINDS: Mapping[str, Kind] = {
    "github": Kind(
        "GitHub, Gitea and Forgejo", _of_body("x-hub-signature-256", _hexadecimal), ("x-github-event", "ping")
    ),
    "standard": Kind("Standard Webhooks: Svix, Skywrite and many others", _standard),
    "ghost": Kind("Ghost", _ghost),
    "shopify": Kind("Shopify", _of_body("x-shopify-hmac-sha256", _base64)),
    "woocommerce": Kind("WooCommerce", _of_body("x-wc-webhook-signature", _base64)),
    "secret": Kind("anything that can send a header: n8n, a script, curl", _shared),
}


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, sha256).digest()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(SECRET_START), validate=True)


def _same(wanted: str, actual: str) -> bool:
    return hmac.compare_digest(wanted.encode(), actual.encode("utf-8", "surrogatepass"))


def _header(headers: Headers, name: str) -> str:
    value = headers.get(name, "")
    if not value:
        raise Unauthenticated(
            f"The message has no header {name}.",
            code="hook.signature_missing",
            hint="Set the hook's secret in the program that sends it, or add the hook with another kind.",
        )
    return value


def _wrong(header: str) -> Unauthenticated:
    return Unauthenticated(
        f"The header {header} does not fit the hook's secret and this message.",
        code="hook.signature_wrong",
        hint="Copy the secret of this hook again. If it is lost, make a new one.",
    )


def _check_age(header: str, at: str, per_second: int, now: datetime) -> None:
    sent = whole_number(at)
    if sent is None or abs(now.timestamp() - sent // per_second) > TOLERANCE_SECONDS:
        raise Unauthenticated(
            f"The message was signed more than {TOLERANCE_SECONDS // 60} minutes ago, or ahead, says {header}.",
            code="hook.too_old",
            hint="Compare the clocks of both computers. A message that is sent again is signed again.",
        )
