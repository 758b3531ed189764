"""A server with TLS in front of a plain one on this computer. It shows any certificate, and keeps how clients began.

What does not live here: certificates (`certificates`).
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import Self

TLS_HANDSHAKE = b"\x16"


class TlsFront:
    """Takes connections for the server at a port; `context` may be replaced for those that come later."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._target = port
        self.context = context
        self.began: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    @property
    def in_the_clear(self) -> list[bytes]:
        """How connections began that did not begin with TLS."""
        return [first for first in self.began if first != TLS_HANDSHAKE]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self.began.append(connection.recv(1, socket.MSG_PEEK))
            with (
                self.context.wrap_socket(connection, server_side=True) as client,
                socket.create_connection(("127.0.0.1", self._target)) as server,
            ):
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until one side ends, which ends the other."""
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
