"""The servers of tests inside of this process, in threads, so that what their handlers call can be seen and changed.

What lives here: a stand-in for `tests.support.serving.start`. Servers without a demo stay in processes of their own,
and what happens there is not seen.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support import serving

SECONDS = 60.0
_in_process_of_its_own = serving.start


def serve_inside() -> None:
    """From now on, a server with a filled week is one of this process."""
    for module in [serving, *_users()]:
        module.start = _start


def _users() -> Iterator[Any]:
    import sys

    for module in list(sys.modules.values()):
        if getattr(module, "start", None) is _in_process_of_its_own:
            yield module


def _start(*options: str, environ: Mapping[str, str], port: int = 0) -> serving.Server:
    if not {"--demo"} <= {*options} <= {"--demo", "--no-worker"} or port:
        return _in_process_of_its_own(*options, environ=dict(environ), port=port)
    inside = _Inside(dict(environ), has_worker="--no-worker" not in options)
    inside.start()
    return serving.Server(inside, inside.url, inside.sign_in_url, home=inside.home)  # type: ignore[arg-type]


class _Inside:
    """A server in a thread; as the child process whose place it takes, it ends with the block."""

    def __init__(self, environ: dict[str, str], *, has_worker: bool) -> None:
        self.url = self.sign_in_url = self.home = ""
        self._environ, self._has_worker = environ, has_worker
        self._ready = threading.Event()
        self._server: Any = None
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)

    def start(self) -> None:
        """Return when it answers."""
        self._thread.start()
        assert self._ready.wait(SECONDS), "the server does not start"
        if self._failed:
            raise self._failed

    def __enter__(self) -> _Inside:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.handle_exit(signal.SIGTERM, None)
        self._thread.join(SECONDS)

    def _run(self) -> None:
        from skywrite.app import Skywrite
        from skywrite.faces.server import serving as served
        from skywrite.faces.server.demo import demo_queue
        from skywrite.queue.people import People

        @contextmanager
        def without_signals(server: Any) -> Iterator[None]:
            self._server = server
            yield

        def ready(place: served.Place) -> None:
            self.url, self.home = place.local_url, str(sky.context.config.home)
            self.sign_in_url = (
                f"{self.url}/sign-in/{People(sky.context.store).new_link(People(sky.context.store).owner().id)}"
            )
            self._ready.set()

        served._Server.capture_signals = without_signals  # type: ignore[method-assign,assignment]
        os.environ.update(self._environ)
        sky: Skywrite
        try:
            with demo_queue() as sky:
                options = served.Options(port=0, worker=self._has_worker)
                served.serve(sky, options, ready=ready, log=lambda *_, **__: None)
        except BaseException as error:
            self._failed = error
            self._ready.set()
