"""Your own client on any static host: its metadata, its public keys and the page that browsers return to.

What lives here: making, writing and checking those files, and rotating its keys. The private keys stay sealed in the
database. What does not: signing in (`oauth`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from skywrite.app.oauth.service import CLIENTS, OAuth
from skywrite.core.errors import InputError, SkywriteError
from skywrite.core.http import parse_url
from skywrite.protocol.atproto.oauth_client import (
    CLIENT_NAME,
    LOOPBACK_CALLBACK,
    OAuthClient,
    client_metadata,
    first_keys,
    public_keys,
    with_new_key,
    without_unused,
)
from skywrite.protocol.atproto.oauth_scopes import RIGHTS, scope_of

METADATA_FILE = "client-metadata.json"
KEYS_FILE = "jwks.json"
CALLBACK_FILE = "callback.html"
SERVER_FOLDER = "/oauth"
_METADATA_BYTES_MAX = 100_000

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; color: #1c2733 }
textarea { width: 100%; height: 6rem; box-sizing: border-box; font: 13px/1.4 ui-monospace, monospace }
button, a.go { font: inherit; padding: .5rem 1rem; border: 1px solid #345; border-radius: .4rem; background: #fff;
  color: #1c2733; text-decoration: none; display: inline-block; cursor: pointer }
@media (prefers-color-scheme: dark) { body { background: #10161d; color: #dfe6ee } }
"""
_SCRIPT = """
const query = location.search || location.hash.replace(/^#/, '?')
const state = new URLSearchParams(query).get('state') || ''
const port = Number((state.match(/\\.(\\d{2,5})$/) || [])[1])
document.getElementById('address').value = location.href
if (query && port > 1023 && port < 65536) {
  const link = document.getElementById('here')
  link.href = 'http://127.0.0.1:' + port + '/callback' + query
  document.getElementById('same').hidden = false
}
document.getElementById('copy').addEventListener('click', () => navigator.clipboard.writeText(location.href))
"""
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'">
<title>Sign in to Skywrite</title>
<style>{style}</style>
<h1>One more step</h1>
<p id="same" hidden>Is the command running on this computer?
  <a class="go" id="here" href="#" rel="noreferrer">Finish the sign-in</a></p>
<p>On another computer, such as over SSH, paste this address into the terminal. It works once, for a few minutes.</p>
<textarea id="address" readonly aria-label="Address to paste"></textarea>
<p><button id="copy" type="button">Copy the address</button></p>
<script>{script}</script>
</html>
"""


class Published(NamedTuple):
    """What a check of a hosted client found: `problems` is empty if everything is fine."""

    client_id: str
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"client_id": self.client_id, "problems": list(self.problems)}


def hosted_client(base_url: str, *, public: bool = False) -> OAuthClient:
    """A new client at an https address. It may request every right; each sign-in requests what it needs.

    Raises InputError for an address that servers could not use.
    """
    base = checked_base(base_url)
    scope = scope_of(RIGHTS)
    client_id = f"{base}/{METADATA_FILE}"
    if public:
        return OAuthClient("public", client_id, (LOOPBACK_CALLBACK,), scope)
    return OAuthClient("confidential", client_id, (f"{base}/{CALLBACK_FILE}",), scope, first_keys())


def server_client(oauth: OAuth, public_url: str) -> OAuthClient:
    """The client of a web server with this `public_url`: created on first use, and stored sealed.

    The server serves its `files_of`, except for the callback page, under SERVER_FOLDER; browsers return to
    SERVER_FOLDER/callback, with the parameters for `OAuth.finish_kept`. Sign-ins on the command line do not use it.
    """
    base = f"{checked_base(public_url)}{SERVER_FOLDER}"
    client_id = f"{base}/{METADATA_FILE}"
    if oauth.store.secrets.get(CLIENTS, client_id) is None:
        client = OAuthClient("confidential", client_id, (f"{base}/callback",), scope_of(RIGHTS), first_keys())
        oauth.keep_client(client, default=False)
    # Another process may have created one at the same time; the stored one counts.
    return oauth.client(client_id)


def files_of(client: OAuthClient, *, name: str = CLIENT_NAME) -> dict[str, str]:
    """The files of a client, by name."""
    base = client.client_id.rpartition("/")[0]
    jwks_uri = f"{base}/{KEYS_FILE}"
    files = {METADATA_FILE: _json(client_metadata(client, client_uri=base, jwks_uri=jwks_uri, name=name))}
    if client.keys:
        files[KEYS_FILE] = _json(public_keys(client))
        files[CALLBACK_FILE] = callback_page()
    return files


def callback_page() -> str:
    """The page that a browser returns to: it loads nothing and sends nothing."""
    hashes = {f"{name}_hash": _sha256(text) for name, text in (("style", _STYLE), ("script", _SCRIPT))}
    return _PAGE.format(style=_STYLE, script=_SCRIPT, **hashes)


def write_files(client: OAuthClient, folder: Path, *, name: str = CLIENT_NAME) -> list[Path]:
    """Write the client's files into a folder, which is created if necessary. Returns their paths."""
    written = []
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, text in files_of(client, name=name).items():
        path = folder / file_name
        path.write_text(text, "utf-8")
        written.append(path)
    return written


def turned(oauth: OAuth, client: OAuthClient, *, drop_unused: bool = False) -> OAuthClient:
    """The client with its spare key in use and a new spare; sessions keep the key that they are bound to."""
    if not client.keys:
        raise InputError(f"The client {client.client_id} has no keys.", hint="Only confidential clients have.")
    keys = with_new_key(client.keys)
    if drop_unused:
        keys = without_unused(keys, used_keys(oauth))
    return client._replace(keys=keys)


def used_keys(oauth: OAuth) -> list[str]:
    """The ids of the keys that sessions are bound to."""
    sessions = (oauth.store.sessions.load_oauth(account.did) for account in oauth.store.accounts.all())
    return [session.key_id for session in sessions if session is not None and session.key_id is not None]


def check_published(oauth: OAuth, client: OAuthClient) -> Published:
    """Compare the served files with the stored client: servers read them at every sign-in, and now and then later."""
    problems: list[str] = []
    if client.kind == "loopback":
        return Published(client.client_id, ())
    expected = {name: text for name, text in files_of(client).items() if name.endswith(".json")}
    for name, text in expected.items():
        url = f"{client.client_id.rpartition('/')[0]}/{name}"
        problems += _differences(url, json.loads(text), _served(oauth, url))
    return Published(client.client_id, tuple(problems))


def checked_base(address: str) -> str:
    """The address of a folder on an https host, without a trailing slash."""
    url = parse_url(address if "://" in address else f"https://{address}")
    parts = urlsplit(url.text)
    usable = url.scheme == "https" and "." in url.host and not url.has_userinfo and not parts.query
    # Servers accept neither a port nor an IP address.
    if not usable or parts.port is not None or url.host.replace(".", "").isdigit() or parts.fragment:
        raise InputError(
            f"{address} cannot be the address of an OAuth client.",
            hint="Name a folder on a public host, such as https://me.example or https://me.github.io/skywrite.",
        )
    return url.text.rstrip("/")


def _served(oauth: OAuth, url: str) -> object:
    """The JSON at an address, or a sentence about what is wrong with it."""
    try:
        answer = oauth.transport.request("GET", url, timeout_seconds=15.0, max_bytes=_METADATA_BYTES_MAX)
    except SkywriteError as error:
        return f"{url} cannot be read: {error.message}"
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    if answer.status != 200:
        return f"{url} answered {answer.status}; servers follow no redirects."
    if kind != "application/json":
        return f"{url} is served as {kind or 'nothing in particular'}, and must be application/json."
    with suppress(ValueError, RecursionError):
        return json.loads(answer.body)
    return f"{url} holds no JSON."


def _differences(url: str, expected: Mapping[str, object], served: object) -> Iterable[str]:
    if isinstance(served, str):
        return [served]
    fields = served if isinstance(served, dict) else {}
    names = [name for name, value in expected.items() if fields.get(name) != value and name != "client_name"]
    return [f"{url} differs from what is kept here: {', '.join(names)}."] if names else []


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=2) + "\n"


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
