"""Standard Webhooks 1.0: the signature over a message's number, its time and its body.

What does not live here: what messages say, and who sends them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from skywrite.core.clock import secret_bytes

SECRET_START = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A secret that nobody knows."""
    return SECRET_START + base64.b64encode(secret_bytes(SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature for `webhook-signature`; `secret` begins with `whsec_`."""
    key = base64.b64decode(secret.removeprefix(SECRET_START))
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def signed_headers(secrets: Sequence[str], message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message, with one signature for each secret."""
    timestamp = int(now.timestamp())
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in secrets),
    }
