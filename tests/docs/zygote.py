"""A process that has loaded the command line, and forks for each `skywrite` that a block types: `python -m` this file.

What lives here: both ends of it. Hundreds of commands then cost their own work, and not a start of Python each. Time
begins at the moment that the environment names, so that dates that a page shows are the dates that come.
"""

from __future__ import annotations

import array
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEHIND = "BLOCKS_BEHIND_SECONDS"
STANDS = "BLOCKS_STANDS_AT"
READY = "ready"
DESCRIPTORS = 3
MESSAGE_BYTES_MAX = 1 << 20
LISTENS = b"Sign in (once"

# What stands in the PATH: it hands on its words, folder, environment and streams, and ends as the command ends.
CLIENT = """#!{python} -IS
import array, json, os, socket, sys
zygote = socket.socket(socket.AF_UNIX)
zygote.connect({address!r})
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
zygote.sendmsg([b"."], rights)
zygote.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
zygote.shutdown(socket.SHUT_WR)
sys.exit(int(zygote.recv(16) or b"70"))
"""


def main(address: str) -> None:
    """Serve until the process that started this one is gone."""
    _load()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(16)
    assert 1 == threading.active_count()
    for module, name, other in elsewhere_unknown():
        setattr(module, name, other)
    print(READY, flush=True)
    while True:
        connection, _ = listener.accept()
        _forget_the_dead()
        if os.fork() == 0:
            listener.close()
            _answer(connection)
        connection.close()


def _forget_the_dead() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _load() -> None:
    """Import what commands import."""
    for name in (
        "skywrite.faces.cli",
        "skywrite.app",
        "skywrite.posting.compose",
        "skywrite.posting.publish",
        "skywrite.queue",
    ):
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__, f"{name}."):
            importlib.import_module(module.name)


def _answer(connection: socket.socket) -> None:
    """Become the command, and say with which code it ended."""
    code = 70
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _, rights, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(DESCRIPTORS * 4))
        streams = array.array("i", rights[0][2])
        with connection.makefile("rb") as request:
            words, folder, environ = json.loads(request.read(MESSAGE_BYTES_MAX))
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        _fresh_streams()
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        set_back(environ)
        code = _run(words)
    except BaseException:
        traceback.print_exc()
    finally:
        for output in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                output.flush()
        connection.sendall(str(code).encode())
        os._exit(code)


def _fresh_streams() -> None:
    """Streams of Python for the descriptors as they are now: whether they are terminals was asked at their making."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def elsewhere_unknown() -> list[tuple[Any, str, Callable[..., Any]]]:
    """What to put in which place of which module, so that no look-up of a name leaves this computer."""
    from skywrite.protocol.atproto import identity

    look_up = socket.getaddrinfo

    def only_this_computer(host: Any, *more: Any, **options: Any) -> Any:
        if host in (None, "", "localhost", "127.0.0.1", "::1"):
            return look_up(host, *more, **options)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    return [(socket, "getaddrinfo", only_this_computer), (identity, "dns_txt", lambda name: ())]


def set_back(environ: Mapping[str, str]) -> None:
    """Let this process live at the time of the page."""
    from skywrite.core.clock import SystemClock

    behind = timedelta(seconds=float(environ.get(BEHIND, "0")))
    stands = datetime.fromisoformat(environ[STANDS]) if STANDS in environ else None
    SystemClock.now = lambda self: stands or datetime.now(UTC) - behind  # type: ignore[method-assign]


def _on_a_free_port(words: list[str]) -> list[str]:
    """The words with a free port in place of the one that a page shows."""
    if "--port" not in words:
        return [*words, "--port", "0"]
    place = words.index("--port")
    return [*words[: place + 1], "0", *words[place + 2 :]]


def _run(words: list[str]) -> int:
    """One command. A worker does what is due and ends; a server ends as with Ctrl-C once it says that it listens."""
    from skywrite.faces.cli.main import main as skywrite

    if words[:1] == ["run"] and not {"--once", "--call"} & {*words}:
        words = [*words, "--once"]
    if words[:1] == ["serve"]:
        words = _on_a_free_port(words)
        _stop_when_it_listens()
    sys.argv = ["skywrite", *words]
    try:
        skywrite(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0


def _stop_when_it_listens() -> None:
    """Press Ctrl-C when the last line of the beginning has been printed."""
    real, (source, sink) = os.dup(1), os.pipe()
    os.dup2(sink, 1)
    os.close(sink)

    def copy() -> None:
        said = b""
        while piece := os.read(source, 4096):
            os.write(real, piece)
            said += piece
            if LISTENS in said:
                os.kill(os.getpid(), signal.SIGINT)
                said = b""

    threading.Thread(target=copy, daemon=True).start()


def client(folder: Path, address: Path) -> None:
    """Put `skywrite` into a folder of the PATH."""
    path = folder / "skywrite"
    path.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    path.chmod(0o755)


if __name__ == "__main__":
    main(sys.argv[1])
