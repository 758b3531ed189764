"""A mail server on this computer that keeps what it hears, with or without STARTTLS.

What lives here: as much SMTP as `smtplib` speaks. What is heard is kept apart by whether it came encrypted.
"""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHATTER_SECONDS = 0.02


class MailServer(socketserver.ThreadingTCPServer):
    """What it heard in the clear, what it heard encrypted, and the messages that it took."""

    allow_reuse_address = True
    # The end of the server waits for each talk, so that all that was heard is there.
    daemon_threads = False

    def __init__(self, tls: ssl.SSLContext | None, *, at_once: bool, refuses: bool, chatters: bool) -> None:
        self.tls, self.at_once, self.refuses, self.chatters = tls, at_once, refuses, chatters
        self.pause = threading.Event()
        self.clear: list[str] = []
        self.sealed: list[str] = []
        super().__init__(("127.0.0.1", 0), _Talk)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def words(self) -> list[str]:
        """The first word of each line that came in the clear."""
        return [line.split(" ")[0].upper() for line in self.clear]


@contextmanager
def mail_server(
    tls: ssl.SSLContext | None = None, *, at_once: bool = False, refuses: bool = False, chatters: bool = False
) -> Iterator[MailServer]:
    """A server that offers STARTTLS where it has `tls`, or is encrypted `at_once`; `refuses` what it offered.

    One that `chatters` never comes to the end of its greeting.
    """
    with MailServer(tls, at_once=at_once, refuses=refuses, chatters=chatters) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        """One connection, until it ends or its encryption fails."""
        self.heard = self.server.clear
        try:
            if self.server.at_once:
                self._encrypt()
            while self.server.chatters:
                self._say("220-and another thing")
                self.server.pause.wait(CHATTER_SECONDS)
            self._say("220 here")
            while line := self.rfile.readline():
                if not self._answer(line.decode().rstrip("\r\n")):
                    return
        except OSError:
            return

    def finish(self) -> None:
        """Close what was encrypted, too."""
        super().finish()
        self.request.close()

    def _answer(self, line: str) -> bool:
        self.heard.append(line)
        word = line.split(" ")[0].upper()
        if word == "STARTTLS":
            self._say("454 not now" if self.server.refuses else "220 go")
            if not self.server.refuses:
                self._encrypt()
        elif word == "EHLO":
            offers = self.server.tls is not None and self.heard is self.server.clear
            self._say("250-here\r\n250-AUTH PLAIN" + ("\r\n250 STARTTLS" if offers else "\r\n250 8BITMIME"))
        elif word == "AUTH":
            self._say("235 welcome")
        elif word == "DATA":
            self._say("354 go")
            while (part := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                self.heard.append(part)
            self._say("250 taken")
        else:
            self._say("221 bye" if word == "QUIT" else "250 fine")
        return word != "QUIT"

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        self.heard = self.server.sealed

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
