"""A process that has loaded the program, and forks for each `skywrite` that a test starts: `python -m` this file.

What lives here: both ends of it. Hundreds of commands then cost their own work, and not a start of Python each. What it
forks has the words, the streams, the folder and the environment that were asked for, and ends as any process does.
"""

from __future__ import annotations

import array
import ctypes
import gc
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

READY = "ready"
STREAMS = 3
DIES_WITH_PARENT = 1
# Read when Python starts, or by the loader: whoever sets them gets a process of its own.
AT_START = ("PYTHON", "LC_", "LD_", "LANG", "SSL_")

# What stands in a PATH: it hands on its words, folder, environment and streams, and ends as the command ends.
CLIENT = """#!{python} -IS
import array, json, os, socket, sys
zygote = socket.socket(socket.AF_UNIX)
zygote.connect({address!r})
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
zygote.sendmsg([b"."], rights)
zygote.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ), None, False]).encode())
zygote.shutdown(socket.SHUT_WR)
code = int(zygote.makefile().read().split()[1])
sys.exit(code if code >= 0 else 128 - code)
"""


class Started:
    """A process that was forked for us, with what we ask of `subprocess.Popen`."""

    def __init__(self, connection: socket.socket) -> None:
        self._reply = connection.makefile("rb")
        connection.close()
        self.pid = int(self._word())
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def _word(self) -> bytes:
        word = b""
        while letter := self._reply.read(1).strip():
            word += letter
        return word

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired`."""
        # Another thread may read the end meanwhile, and close what it came by.
        with suppress(ValueError):
            if self.returncode is None and not select.select([self._reply], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("skywrite", timeout or 0)
        with self._lock:
            if self.returncode is None:
                self.returncode = int(self._word())
                self._reply.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def fork(
    address: Path,
    words: Sequence[str],
    streams: tuple[int, int, int],
    *,
    folder: Path,
    environ: Mapping[str, str],
    umask: int | None = None,
    alone: bool = False,
) -> Started:
    """Start `skywrite` with these words; `alone` in a session of its own."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(address))
    socket.send_fds(connection, [b"."], streams)
    connection.sendall(json.dumps([[*words], str(folder), dict(environ), umask, alone]).encode())
    connection.shutdown(socket.SHUT_WR)
    return Started(connection)


def serve(address: str, become: Callable[[list[str]], None]) -> None:
    """Fork for whoever asks, until standard input ends: whoever started this one holds the other end of it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    living: dict[int, socket.socket] = {}
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
    gc.collect()
    gc.freeze()
    print(READY, flush=True)
    while True:
        ready, _, _ = select.select([0, listener.fileno(), source], [], [])
        if 0 in ready and not os.read(0, 1):
            return
        if source in ready:
            os.read(source, 4096)
            _tell_of_ends(living)
        if listener.fileno() in ready:
            connection, _ = listener.accept()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for other in (listener, *living.values()):
                    other.close()
                for end in (source, sink):
                    os.close(end)
                become(_prepared(connection))
                return
            living[pid] = connection
            with suppress(OSError):
                connection.sendall(b"%d " % pid)


def _tell_of_ends(living: dict[int, socket.socket]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            with living.pop(ended[0]) as connection, suppress(OSError):
                connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(ended[1]))


def _prepared(connection: socket.socket) -> list[str]:
    """Be as a new process is, with what was asked for; its words."""
    ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGINT)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _, rights, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(STREAMS * array.array("i").itemsize))
    with connection, connection.makefile("rb") as request:
        words, folder, environ, umask, alone = json.loads(request.read())
    streams = array.array("i", rights[0][2])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in {*streams} - {*range(STREAMS)}:
        os.close(stream)
    if alone:
        os.setsid()
    if umask is not None:
        os.umask(umask)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    _open_streams(is_unbuffered="PYTHONUNBUFFERED" in environ)
    return [str(word) for word in words]


def _open_streams(*, is_unbuffered: bool) -> None:
    """Streams of Python for the descriptors as they are now: whether they are terminals was asked at their making."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for number, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        written = open(number, "wb", 0 if is_unbuffered else -1, closefd=False)  # noqa: SIM115
        lines = number == 2 or written.isatty()
        text = io.TextIOWrapper(written, "utf-8", errors, line_buffering=lines, write_through=is_unbuffered)
        setattr(sys, name, text)


def client(folder: Path, address: Path) -> None:
    """Put `skywrite` into a folder of the PATH."""
    path = folder / "skywrite"
    path.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    path.chmod(0o755)


def skywrite(words: list[str]) -> None:
    """Be the program, from its start to its end."""
    from skywrite.__main__ import main

    sys.argv = ["skywrite", *words]
    main()


if __name__ == "__main__":
    import tests.support.loaded  # noqa: F401

    serve(sys.argv[1], skywrite)
