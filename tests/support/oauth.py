"""A browser that signs in: what the sign-in page of the reference PDS does, without a browser.

What lives here: plain requests of the page's own API, so that no test of ours judges itself by our own client.
"""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.processes import PATIENCE_SECONDS

_NAVIGATE = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


class Browser:
    """One visit to a sign-in page; cookies last as long as this does."""

    def __init__(self) -> None:
        self._cookies: dict[str, str] = {}
        self._location = ""

    def accept(self, url: str, handle: str, password: str) -> str:
        """Sign in and accept what is asked for; the address that the browser is sent to then."""
        return self._decide("consent", url, handle, password)

    def reject(self, url: str, handle: str, password: str) -> str:
        """Sign in and refuse; the address that the browser is sent to then."""
        return self._decide("reject", url, handle, password)

    def _decide(self, endpoint: str, url: str, handle: str, password: str) -> str:
        self._get(url)
        signed = self._ask(
            url, "sign-in", {"locale": "en", "username": handle, "password": password, "remember": False}
        )
        body = {"did": signed["account"]["did"]} if endpoint == "consent" else {}
        leave = str(self._ask(url, endpoint, body, signed.get("ephemeralToken", ""))["url"])
        navigate = {**_NAVIGATE, "sec-fetch-site": "same-origin", "referer": url}
        status, _ = self._send("GET", leave, None, navigate)
        assert status == 303, f"the page did not send the browser on, but answered {status}"
        return self._location

    def _get(self, url: str) -> None:
        status, text = self._send("GET", url, None, {**_NAVIGATE, "accept-language": "en"})
        assert status == 200, f"the sign-in page answered {status}: {text[:500]}"

    def _ask(self, page: str, endpoint: str, body: Any, token: str = "") -> Any:
        parts = urlsplit(page)
        origin = f"{parts.scheme}://{parts.netloc}"
        headers = {
            "sec-fetch-site": "same-origin",
            "sec-fetch-mode": "same-origin",
            "origin": origin,
            "referer": page,
            "x-csrf-token": self._cookies["csrf-token"],
            "content-type": "application/json",
        }
        if token:
            headers["authorization"] = f"Bearer {token}"
        url = f"{origin}/@atproto/oauth-provider/~api/{endpoint}"
        status, text = self._send("POST", url, json.dumps(body).encode(), headers)
        assert status == 200, f"{endpoint} answered {status}: {text[:500]}"
        return json.loads(text)

    def _send(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, str]:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
        cookies = {"cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            connection.request(
                method, path, body, {"user-agent": "test", **headers, **(cookies if self._cookies else {})}
            )
            answer = connection.getresponse()
            self._location = answer.getheader("location") or ""
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    key, _, text = value.partition(";")[0].partition("=")
                    self._cookies[key] = text
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()


def returned(address: str) -> dict[str, str]:
    """What an address that the browser was sent to holds."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
