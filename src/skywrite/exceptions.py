"""The atproto SDK's names for errors: `from skywrite.exceptions import BadRequestError`.

What does not live here: the errors themselves (`errors`, `atproto.xrpc_errors`). These are other names for the same
classes, so that the `except` clauses of existing scripts catch what they did.
"""

from __future__ import annotations

from typing import Any

from skywrite.core.errors import InputError, RateLimited, SignInError, SkywriteError, TemporaryError, TimedOut
from skywrite.protocol.atproto.xrpc_errors import Refused
from skywrite.sdk.absent import raise_absent

__all__ = [
    "AtProtocolError",
    "BadRequestError",
    "InvalidAtUriError",
    "InvokeTimeoutError",
    "LoginRequiredError",
    "ModelError",
    "NetworkError",
    "RateLimitExceededError",
    "RequestErrorBase",
    "RequestException",
    "UnauthorizedError",
]

AtProtocolError = RequestErrorBase = RequestException = SkywriteError
BadRequestError = Refused
UnauthorizedError = LoginRequiredError = SignInError
NetworkError = TemporaryError
InvokeTimeoutError = TimedOut
RateLimitExceededError = RateLimited
ModelError = InvalidAtUriError = InputError


def __getattr__(name: str) -> Any:
    raise_absent(__name__, name)
