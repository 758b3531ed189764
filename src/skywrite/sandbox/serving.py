"""`skywrite sandbox`: serve a sandbox until somebody stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from skywrite.core.errors import Do, Hint, InputError
from skywrite.sandbox.accounts import Account
from skywrite.sandbox.core import Sandbox
from skywrite.sandbox.faults import FaultKind


class SandboxAddress(NamedTuple):
    """Where a sandbox listens, and the accounts that tests sign in with."""

    url: str
    plc_url: str
    accounts: tuple[Account, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        accounts = [
            {"handle": account.handle, "did": account.did, "app_password": account.app_password}
            for account in self.accounts
        ]
        return {"url": self.url, "plc_url": self.plc_url, "accounts": accounts}


def serve(
    port: int = 0,
    accounts: Iterable[str] = ("alice.test", "bob.test"),
    *,
    rate_limits: bool = True,
    faults: Iterable[tuple[str | None, FaultKind]] = (),
    stop: threading.Event | None = None,
    ready: Callable[[Sandbox], None] = lambda box: None,
) -> None:
    """Serve on 127.0.0.1 until `stop` is set or Ctrl-C is pressed.

    `ready` is called once it listens. `faults` are pairs (method or None, kind), for one request each. Raises
    InputError if the port is in use.
    """
    box = Sandbox(accounts=accounts, rate_limits=rate_limits)
    for method, kind in faults:
        box.faults.add(method, kind=kind)
    try:
        box.start(port)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"Port {port} cannot be used: {reason}.", hint=Hint("Choose another: ", Do("argument", "port"))
        ) from None
    try:
        ready(box)
        (stop or threading.Event()).wait()
    except KeyboardInterrupt:
        pass
    finally:
        box.stop()
