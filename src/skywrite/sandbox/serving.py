"""`skywrite sandbox`: serve a sandbox until someone says stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from skywrite.errors import Do, Hint, InputError
from skywrite.sandbox.core import Sandbox
from skywrite.sandbox.faults import FaultKind


def serve(
    port: int = 0,
    accounts: Iterable[str] = ("alice.test", "bob.test"),
    *,
    rate_limits: bool = True,
    faults: Iterable[tuple[str | None, FaultKind]] = (),
    stop: threading.Event | None = None,
    ready: Callable[[Sandbox], None] = lambda box: None,
) -> None:
    """Serve on 127.0.0.1 until `stop` is set or Ctrl-C. `ready` is called once it listens; `faults` are pairs
    (method or None, kind), for one request each. Raises InputError if the port is taken."""
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
