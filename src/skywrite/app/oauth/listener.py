"""Waiting for the browser: a listener on this computer, or an address that the user pastes.

What lives here: a small server on 127.0.0.1 for one sign-in. What does not: what the address means (`oauth`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from skywrite.core.errors import InputError, SignInError
from skywrite.protocol.atproto.oauth import returned_values

WAIT_SECONDS = 300.0
_PATH = "/callback"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Skywrite</title>
<body style="font-family: system-ui; max-width: 40em; margin: 4em auto; padding: 0 1em">
<h1>{title}</h1><p>{text}</p></body></html>"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Listener:
    """Listens on a free port of 127.0.0.1 while it is open, for the browser that returns to `/callback`.

    Foreign pages may send a browser here too: only requests with the right `state` count.
    """

    def __init__(self, state: Callable[[], str]) -> None:
        self._state = state
        self._found: SimpleQueue[str] = SimpleQueue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="oauth callback", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paste(self, address: str) -> bool:
        """Accept an address that the user pasted. Returns False if it does not belong to this sign-in."""
        if returned_values(address).get("state") != self._state():
            return False
        self._found.put(address)
        return True

    def wait(self, seconds: float = WAIT_SECONDS) -> dict[str, str]:
        """The parameters that the browser returned with. Raises SignInError if none came in time."""
        try:
            return returned_values(self._found.get(timeout=seconds))
        except Empty:
            raise SignInError(
                f"No sign-in was completed within {seconds / 60:.0f} minutes.",
                code="oauth.denied",
                hint="Start again, and accept on the page.",
            ) from None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fits = urlsplit(self.path).path == _PATH and listener.paste(self.path)
                status, title, text = _DONE if fits else _OTHER
                page = _PAGE.format(title=title, text=text).encode()
                self.send_response(status)
                for name, value in {**_HEADERS, "Content-Length": str(len(page))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, format: str, *args: object) -> None:
                """The address contains the code, so it is never logged."""

        return Handler


_DONE = (200, "Almost there", "You can close this page. The terminal says whether the sign-in was completed.")
_OTHER = (400, "Not this page", "This address does not belong to the sign-in that is waited for.")


def pasted(address: str, state: str) -> dict[str, str]:
    """The parameters of a pasted address. Raises InputError if it belongs to another sign-in."""
    values = returned_values(address)
    if values.get("state") != state:
        raise InputError(
            "That is not the address of this sign-in.",
            hint="Copy the whole address of the page that the browser ended on, though it may say that it cannot be "
            "reached.",
        )
    return values
