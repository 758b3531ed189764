"""A plain HTTP client, on the standard library alone: what is asked is sent as it stands, and nothing is followed."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 120
BOUNDARY = "a-line-that-no-field-has"


class Answer(NamedTuple):
    """What a server answered; the names of headers are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Caller(NamedTuple):
    """Who asks a server: its address, and the headers of whoever it is."""

    url: str
    headers: Mapping[str, str] = {}

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            return Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            connection.close()

    def head(self, method: str, path: str) -> Answer:
        """The head of the answer alone, of one that may never end."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, None, dict(self.headers))
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, b"")
        finally:
            connection.close()

    def json(self, method: str, path: str, document: Any = None) -> Answer:
        """The answer to a request with a document."""
        body = None if document is None else json.dumps(document).encode()
        return self.ask(method, path, body=body, headers={} if body is None else {"content-type": "application/json"})

    def form(self, path: str, fields: Mapping[str, str], kind: str = "application/x-www-form-urlencoded") -> Answer:
        """The answer to a form, as a browser sends it from this server's own page."""
        body = urlencode(fields)
        if kind.startswith("multipart/"):
            head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
            body = "".join(f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
            body, kind = f"{body}--{BOUNDARY}--\r\n", f"{kind}; boundary={BOUNDARY}"
        return self.ask(
            "POST", path, body=body.encode(), headers={"content-type": kind, "sec-fetch-site": "same-origin"}
        )


def signed_in(url: str, path: str) -> Caller:
    """Who follows a link that signs in."""
    answer = Caller(url).ask("GET", path)
    return Caller(url, {"cookie": answer.headers.get("set-cookie", "").partition(";")[0]})


def with_key(url: str, key: str) -> Caller:
    """Whoever has this key."""
    return Caller(url, {"authorization": f"Bearer {key}"})
