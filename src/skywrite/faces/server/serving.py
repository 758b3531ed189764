"""Running the server: one process with the page, the API and the worker, from a bound socket to a clean end.

What lives here: uvicorn, the thread of the worker, and the conditions for listening to other computers. What does not:
the application (`app`), what is printed (`cli.serve`).
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import NamedTuple
from urllib.parse import urlsplit

import uvicorn

from skywrite.app import Skywrite
from skywrite.core.errors import Do, Hint, InputError
from skywrite.faces.server.app import make_app
from skywrite.faces.server.connections import HalfOpen, connections
from skywrite.faces.server.security import Origin
from skywrite.posting.publish.worker import FINISH_SECONDS
from skywrite.queue.api_keys import ApiKeys
from skywrite.queue.people import People

SHUTDOWN_SECONDS = 5
BACKLOG = 2048
OPEN_FILES = 8192
LOCAL_NAME = "skywrite.localhost"

Log = Callable[..., None]


class Place(NamedTuple):
    """The addresses of a server: for people, and for programs on this computer."""

    page_url: str
    local_url: str


class SignInLink(NamedTuple):
    """The address of a server for programs, with the link that signs its owner in; `home` of a demo is its folder."""

    url: str
    path: str
    home: Path | None = None

    def as_dict(self) -> dict[str, str]:
        """As JSON."""
        home = {} if self.home is None else {"home": str(self.home)}
        return {"url": self.url, "sign_in_url": self.url + self.path, **home}


class Options(NamedTuple):
    """How to serve."""

    host: str = "127.0.0.1"
    port: int = 8080
    worker: bool = True
    public_url: str | None = None
    proxies: tuple[str, ...] = ()


class _Server(uvicorn.Server):
    """uvicorn that reports when it is ready, and when it begins to stop; `on_signal` ends endless streams."""

    on_ready: Callable[[], None]
    on_signal: Callable[[], None]
    on_stop: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.on_stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As in uvicorn, but a signal that stopped us is not raised again at the end: the exit code is 0."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.on_signal()
        super().handle_exit(sig, frame)


def serve(
    sky: Skywrite,
    options: Options,
    *,
    ready: Callable[[Place], None],
    log: Log,
    when_stopping: Callable[[], object] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then end within ten seconds. Raises InputError.

    `ready` is called when connections are answered, and `when_stopping` when the server begins to stop.
    """
    check_options(sky, options)
    _allow_many_connections()
    with listen(options.host, options.port) as listening:
        _serve_on(listening, sky, options, ready, log, when_stopping)


def _serve_on(
    listening: socket.socket,
    sky: Skywrite,
    options: Options,
    ready: Callable[[Place], None],
    log: Log,
    when_stopping: Callable[[], object],
) -> None:
    app = make_app(sky, Origin.of(options.public_url, options.host))
    config = uvicorn.Config(
        app,
        http=connections(HalfOpen()),
        log_config=None,
        access_log=False,
        server_header=False,
        # Only listed proxies are trusted; uvicorn would trust everyone on this computer.
        proxy_headers=bool(options.proxies),
        forwarded_allow_ips=list(options.proxies),
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ws="none",
        lifespan="on",
    )
    server = _Server(config)
    server.on_ready = lambda: ready(_place(options, listening.getsockname()[1]))
    server.on_signal = app.state.services.hub.stop
    worker = ServedWorker(sky, app.state.services.metrics.counting(log)) if options.worker else None

    def stop() -> None:
        when_stopping()
        # Handlers that wait for the network are ended together with the worker.
        sky.context.ending.come_after(FINISH_SECONDS)
        if worker is not None:
            worker.begin_to_stop()

    server.on_stop = stop
    try:
        if worker is not None:
            worker.start()
        server.run(sockets=[listening])
    finally:
        app.state.services.hub.stop()
        if worker is not None:
            worker.stop()


def check_options(sky: Skywrite, options: Options) -> None:
    """Refuse to listen to other computers without authentication. Raises InputError."""
    if options.public_url is not None:
        parts = urlsplit(options.public_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise InputError(
                f"{options.public_url} is not an address of a server.", hint="Write it like https://posts.example.com"
            )
    for proxy in options.proxies:
        _check_proxy(proxy)
    if _is_local(options.host):
        return
    if options.public_url is None:
        raise InputError(
            f"On {options.host} others can connect, and the server has no public address.",
            code="server.not_secured",
            hint=Hint("Give the address that people use with ", Do("argument", "public_url"), "."),
        )
    if not (People(sky.context.store).has_passkey() or ApiKeys(sky.context.store).has_valid()):
        raise InputError(
            f"On {options.host} others can connect, and there is neither a passkey nor an API key.",
            code="server.not_secured",
            hint=Hint("Serve on 127.0.0.1 first and add a passkey, or make a key: ", Do("keys.add")),
        )


def _check_proxy(proxy: str) -> None:
    """Raise InputError for what names no computers: uvicorn would trust nobody, and say nothing."""
    from ipaddress import ip_network

    try:
        ip_network(proxy)
    except ValueError:
        raise InputError(
            f"{proxy!r} is neither an address nor a network of a proxy.",
            hint="Write it like 127.0.0.1 or 10.0.0.0/8.",
        ) from None


class ServedWorker:
    """The worker of this process, in its own thread."""

    def __init__(self, sky: Skywrite, log: Log) -> None:
        self._worker = sky.worker(log=log)
        self._thread = threading.Thread(target=self._worker.run, name="worker")

    def start(self) -> None:
        """Begin. Raises SkywriteError."""
        self._worker.begin()
        self._thread.start()

    def begin_to_stop(self) -> None:
        """Start nothing new."""
        self._worker.stop()

    def stop(self) -> None:
        """Finish what is in flight, or end it."""
        self._worker.stop()
        if self._thread.ident is not None:
            self._thread.join()


def _is_local(host: str) -> bool:
    if host in ("localhost", LOCAL_NAME):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _allow_many_connections() -> None:
    """Raise the limit of open files as far as allowed: each event stream needs one, and a common limit is 1,024."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
        if now != resource.RLIM_INFINITY and now < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InputError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With an explicit protocol: only then asyncio sets TCP_NODELAY, without which each response waits 40 ms for an ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise InputError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}.",
            code="server.address_in_use",
            hint=Hint("Choose another one with ", Do("argument", "port"), "; 0 takes a free one."),
        ) from None
    return listening


def _place(options: Options, port: int) -> Place:
    host = "127.0.0.1" if options.host in ("0.0.0.0", "localhost", LOCAL_NAME) else options.host
    host = "[::1]" if host == "::" else f"[{host}]" if ":" in host else host
    page = options.public_url or f"http://{LOCAL_NAME if _is_local(options.host) else host}:{port}"
    return Place(page.rstrip("/"), f"http://{host}:{port}")
