"""Promises of sign-ins by OAuth over a database: which client, whose session, and what is hosted for it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from skywrite.app import Skywrite
from skywrite.app.oauth.files import (
    callback_page,
    check_published,
    checked_base,
    files_of,
    hosted_client,
    server_client,
    turned,
    used_keys,
    write_files,
)
from skywrite.app.oauth.service import OAuth, client_from_json, client_to_json
from skywrite.app.shapes.accounts import signed_in_shape
from skywrite.app.shapes.jsonable import jsonable
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.core.errors import InputError, NotSent
from skywrite.core.http import Response
from skywrite.protocol.atproto.oauth import Pending
from skywrite.protocol.atproto.oauth_client import OAuthClient, loopback_client, public_keys
from skywrite.protocol.atproto.oauth_scopes import ALWAYS, RIGHTS, scope_of
from skywrite.protocol.atproto.session import Session
from skywrite.protocol.fetch.guard import AddressRefused
from tests.support.errors import fails
from tests.support.oauth_session import (
    CONFIDENTIAL,
    DID,
    HANDLE,
    ISSUER,
    NOON,
    PDS,
    TOKENS,
    oauth_session,
    responding,
    script_network,
)
from tests.unit.conftest import ScriptedServer

SCOPE = scope_of(ALWAYS)
SITE = "https://me.example.com/skywrite"


@pytest.fixture
def web() -> Any:
    """A network on which alice.test signs in with the rights for posting."""
    network = script_network(ScriptedServer())
    network.on("token", responding({**TOKENS, "scope": SCOPE}))
    return network


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


def no_names(*arguments: object, **options: object) -> None:
    """A computer whose resolver knows nothing."""
    raise socket.gaierror(socket.EAI_NONAME, "not known")


@pytest.fixture
def sky(tmp_path: Path, web: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Skywrite]:
    """A process on an empty database; only a proxy could know the names of the network."""
    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    config = load_config({"SKYWRITE_HOME": str(tmp_path), "SKYWRITE_PLC_URL": "https://plc.example.com"})
    with Skywrite(config=config, transport=web, clock=clock) as process:
        yield process


@pytest.fixture
def oauth(sky: Skywrite) -> OAuth:
    return sky.oauth


def came_back(pending: Pending) -> dict[str, str]:
    """What the browser brings back."""
    return {"state": pending.state, "iss": ISSUER, "code": "the-code"}


def forms(web: Any, name: str) -> list[dict[str, str]]:
    """The forms that were posted to an endpoint."""
    return [dict(parse_qsl(sent.body.decode())) for sent in web.sent if sent.nsid == name]


# Signing in


def test_a_sign_in_is_stored(sky: Skywrite, oauth: OAuth, web: Any) -> None:
    """A sign-in asks for the rights for posting by the loopback client, and its session is stored and described."""
    pending = oauth.begin(f" @{HANDLE} ", pds=PDS)
    (pushed,) = forms(web, "par")
    assert (SCOPE, HANDLE, loopback_client(SCOPE).client_id) == (
        pushed["scope"],
        pushed["login_hint"],
        pushed["client_id"],
    )
    assert "http://127.0.0.1/callback" == pushed["redirect_uri"]
    done = oauth.finish(pending, came_back(pending))
    assert (done.session, (), []) == (oauth.store.sessions.load_oauth(DID), done.missing, done.warnings)
    shape = jsonable(signed_in_shape(sky.context, done.account, done.warnings), str)
    assert (DID, HANDLE, PDS, True, []) == tuple(
        shape[name] for name in ("did", "handle", "pds_url", "signed_in", "warnings")
    )
    session = {"kind": "OAuth", "scope": SCOPE, "rights": list(ALWAYS), "missing_rights": []}
    ends = {"ends_at": "2026-12-08T12:00:00.000Z", "idle_ends_at": shape["session"]["idle_ends_at"]}
    assert {**session, **ends} == shape["session"]


def test_rights_beyond_posting(oauth: OAuth, web: Any) -> None:
    """Further rights are asked for by name, and one that was not granted is said with what will fail."""
    pending = oauth.begin(HANDLE, rights=["likes"], pds=PDS)
    assert scope_of([*ALWAYS, "likes"]) == forms(web, "par")[0]["scope"]
    done = oauth.finish(pending, came_back(pending))
    assert ["The right 'likes' was not granted: likes will be refused."] == done.warnings
    assert [("RightNotGranted", "likes")] == [(warning.name, warning.about) for warning in done.warnings]
    assert ["likes"] == [right.name for right in done.missing]


def test_where_the_browser_returns_to(oauth: OAuth, web: Any) -> None:
    """An address, a port and a server may be named; without a name whoever signs in is asked."""
    pending = oauth.begin(None, pds=PDS, redirect_uri="http://127.0.0.1:7777/callback", port=7777)
    (pushed,) = forms(web, "par")
    assert ("http://127.0.0.1:7777/callback", None) == (pushed["redirect_uri"], pushed.get("login_hint"))
    assert pending.state.endswith(".7777")


def test_a_client_that_may_not_ask(oauth: OAuth, web: Any) -> None:
    """A client whose metadata lack a right is not used for it: the error names what is missing."""
    likes, reposts = (scope_of([name]).removeprefix("atproto ") for name in ("likes", "reposts"))
    client = CONFIDENTIAL._replace(scope=f"{SCOPE} {likes}")
    oauth.begin(HANDLE, rights=["likes"], pds=PDS, client=client)
    with pytest.raises(InputError) as caught:
        oauth.begin(HANDLE, rights=["likes", "reposts"], pds=PDS, client=client)
    assert f"The client {client.client_id} may not ask for {reposts}." == caught.value.message
    assert ("Make a client: sky.oauth.init()", 1) == (caught.value.hint, len(forms(web, "par")))


def test_the_sign_in_has_a_transport_of_its_own(oauth: OAuth, web: Any) -> None:
    """Servers that documents name are asked through the transport for that, where there is one."""
    guarded = script_network(ScriptedServer())
    oauth._replace(sign_in_transport=guarded).begin(HANDLE, pds=PDS)
    assert ([], 1) == (forms(web, "par"), len(forms(guarded, "par")))


def test_a_server_that_others_name_is_public(sky: Skywrite, web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name inside our network, which the account's server calls its authorization server, is never asked."""
    private = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 443))]
    public = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("93.184.216.34", 443))]
    issuer = urlsplit(ISSUER).hostname
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **options: private if host == issuer else public)
    with pytest.raises(AddressRefused, match=f"{issuer} is at 10.0.0.1, which is not a public address"):
        sky.context.oauth.begin(HANDLE, pds=PDS)
    assert [] == forms(web, "par")


def test_a_new_sign_in_ends_the_former(oauth: OAuth, web: Any) -> None:
    """A sign-in revokes the session that it replaces; if that cannot be done, the sign-in stands all the same."""
    for number in (1, 2, 3):
        web.on("token", responding({**TOKENS, "scope": SCOPE, "refresh_token": f"refresh-{number}"}))
        web.on("revoke", NotSent("No network.") if number == 3 else responding({}))
        pending = oauth.begin(HANDLE, pds=PDS)
        done = oauth.finish(pending, came_back(pending))
        assert f"refresh-{number}" == done.session.refresh_token
    assert ["refresh-1", "refresh-2"] == [form["token"] for form in forms(web, "revoke")]


def test_a_sign_in_ends_that_of_a_password(oauth: OAuth, web: Any) -> None:
    """A session of a password is ended at its server when the account signs in by OAuth."""
    oauth.store.accounts.sign_in(Session(DID, HANDLE, PDS, "access", "refresh"))
    web.on("com.atproto.server.deleteSession", responding({}))
    pending = oauth.begin(HANDLE, pds=PDS)
    oauth.finish(pending, came_back(pending))
    ended = [sent for sent in web.sent if sent.nsid == "com.atproto.server.deleteSession"]
    assert ["refresh"] == [sent.token for sent in ended]


def test_requests_of_a_session(oauth: OAuth, web: Any) -> None:
    """What signs a session's requests renews it with its client and stores the result."""
    pending = oauth.begin(HANDLE, pds=PDS)
    session = oauth.finish(pending, came_back(pending)).session
    web.on("token", responding({**TOKENS, "access_token": "access-2", "refresh_token": "refresh-2"}))
    renewed = oauth.authenticator(session).refresh()
    assert ("access-2", renewed) == (renewed.access_token, oauth.store.sessions.load_oauth(DID))
    assert session.client_id == forms(web, "token")[-1]["client_id"]


# A web server


def test_a_sign_in_across_processes(oauth: OAuth, clock: FakeClock) -> None:
    """A kept sign-in is finished once, within ten minutes, by whoever began it."""
    pending = oauth.begin_kept(HANDLE, pds=PDS, by="anne")
    for returned, by in (
        ({"state": "other"}, "anne"),
        ({}, "anne"),
        ({"state": "\x00"}, "anne"),
    ):
        with fails("oauth.redirect_forged", match="unknown or has expired"):
            oauth.finish_kept(returned, by=by)
    clock.advance(600)
    assert DID == oauth.finish_kept(came_back(pending), by="anne").account.did
    with fails("oauth.redirect_forged", match="unknown or has expired"):
        oauth.finish_kept(came_back(pending), by="anne")


@pytest.mark.parametrize(("seconds", "by"), [(600.001, ""), (0, "bert")])
def test_a_kept_sign_in_that_is_refused(oauth: OAuth, web: Any, clock: FakeClock, seconds: float, by: str) -> None:
    """After ten minutes, or for somebody else, a kept sign-in is gone, and no code is sent."""
    pending = oauth.begin_kept(HANDLE, pds=PDS)
    clock.advance(seconds)
    for attempt in (by, ""):
        with fails("oauth.redirect_forged", match="unknown or has expired") as caught:
            oauth.finish_kept(came_back(pending), by=attempt)
    assert ("Begin again.", []) == (caught.value.hint, forms(web, "token"))


# Clients


def test_clients_that_are_known(oauth: OAuth) -> None:
    """Loopback clients need no keeping; any other is found where it was kept, with its keys, or is an error."""
    loopback = oauth.client(loopback_client("atproto").client_id)
    assert ("loopback", loopback_client("atproto").client_id) == (loopback.kind, loopback.client_id)
    with fails("oauth.key_missing", match="is not known here") as caught:
        oauth.client(CONFIDENTIAL.client_id)
    assert "Make it: sky.oauth.init()" == caught.value.hint
    oauth.keep_client(CONFIDENTIAL, default=False)
    assert public_keys(CONFIDENTIAL) == public_keys(oauth.client(CONFIDENTIAL.client_id))
    assert loopback_client("atproto x") == oauth.default_client("atproto x")
    oauth.keep_client(CONFIDENTIAL)
    assert CONFIDENTIAL.client_id == oauth.default_client("atproto x").client_id


def test_the_text_form_of_a_client() -> None:
    """A client comes back from its text as it was, keys included."""
    read = client_from_json(client_to_json(CONFIDENTIAL))
    assert CONFIDENTIAL._replace(keys={}) == read._replace(keys={})
    assert {name: key.text for name, key in CONFIDENTIAL.keys.items()} == {
        name: key.text for name, key in read.keys.items()
    }


# A client of your own


def test_a_client_on_a_host() -> None:
    """A hosted client may ask for every right; with keys it returns to its own page, without them to this computer."""
    client, public = hosted_client(SITE), hosted_client(SITE, public=True)
    assert ("confidential", f"{SITE}/client-metadata.json", (f"{SITE}/callback.html",), scope_of(RIGHTS)) == client[:4]
    assert ("public", f"{SITE}/client-metadata.json", ("http://127.0.0.1/callback",), scope_of(RIGHTS)) == public[:4]
    assert (2, 0) == (len(client.keys), len(public.keys))


def test_the_files_of_a_client(tmp_path: Path) -> None:
    """The files are written as they are served; a client without keys has only its metadata."""
    client = hosted_client(SITE)
    folder = tmp_path / "new" / "site"
    for _ in range(2):
        written = write_files(client, folder, name="Mine")
    assert ["client-metadata.json", "jwks.json", "callback.html"] == [path.name for path in written]
    texts = {path.name: path.read_text("utf-8") for path in written}
    assert files_of(client, name="Mine") == texts
    metadata = json.loads(texts["client-metadata.json"])
    assert ("Mine", SITE, f"{SITE}/jwks.json") == tuple(
        metadata[name] for name in ("client_name", "client_uri", "jwks_uri")
    )
    assert texts["client-metadata.json"].startswith('{\n  "client_id": ')
    assert texts["client-metadata.json"].endswith("}\n")
    assert public_keys(client) == json.loads(texts["jwks.json"])
    assert ["client-metadata.json"] == list(files_of(hosted_client(SITE, public=True)))
    assert "Skywrite" == json.loads(files_of(client)["client-metadata.json"])["client_name"]


def test_the_page_runs_only_its_own_script() -> None:
    """The page's policy allows its own style and script, by their hashes, and nothing else."""
    page = callback_page()
    policy = re.search(r'content="(default-src[^"]+)"', page)
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for tag in ("style", "script")
        for text in re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    ]
    assert policy is not None
    assert f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'" == policy[1]


def test_the_client_of_a_web_server(oauth: OAuth) -> None:
    """A web server's client is made once, under its address, and sign-ins elsewhere do not use it."""
    client = server_client(oauth, "https://page.example.com/")
    place = "https://page.example.com/oauth"
    assert ("confidential", f"{place}/client-metadata.json", (f"{place}/callback",), scope_of(RIGHTS)) == client[:4]
    assert public_keys(client) == public_keys(server_client(oauth, "https://page.example.com"))
    assert "loopback" == oauth.default_client("atproto").kind


def test_keys_are_turned(oauth: OAuth) -> None:
    """A turned client uses its spare and has a new one; keys that no session needs can be dropped."""
    client = hosted_client(SITE)
    first, spare = client.keys
    twice = turned(oauth, turned(oauth, client))
    assert ([first, spare], 4) == (list(twice.keys)[:2], len(twice.keys))
    session = oauth_session(key_id=spare, client_id=client.client_id)
    oauth.store.accounts.sign_in(session)
    oauth.store.accounts.sign_in(Session("did:plc:bob", "bob.test", PDS, "access", "refresh"))
    oauth.store.accounts.sign_in(oauth_session(did="did:plc:carol", handle="carol.test"))
    assert [spare] == used_keys(oauth)
    dropped = turned(oauth, twice, drop_unused=True)
    assert (spare, False, 3) == (next(iter(dropped.keys)), first in dropped.keys, len(dropped.keys))
    with pytest.raises(InputError, match="has no keys"):
        turned(oauth, hosted_client(SITE, public=True))


class Host:
    """A web host with files; it keeps how long it may take, and cuts what is longer than the limit."""

    def __init__(self, files: dict[str, Any]) -> None:
        self.files = files
        self.asked: list[tuple[str, str, float]] = []

    def request(self, method: str, url: str, **options: Any) -> Response:
        self.asked.append((method, url, options["timeout_seconds"]))
        answer = self.files[url.rpartition("/")[2]]
        if isinstance(answer, Exception):
            raise answer
        response = (
            answer if isinstance(answer, Response) else Response(200, {"content-type": "application/json"}, answer)
        )
        return response._replace(body=response.body[: options["max_bytes"]])


def served(client: OAuthClient, **changes: Any) -> dict[str, Any]:
    """The files of a client as bytes, but for the changes: `keys` and `metadata`."""
    files: dict[str, Any] = {name: text.encode() for name, text in files_of(client).items()}
    names = {"keys": "jwks.json", "metadata": "client-metadata.json"}
    return {**files, **{names[name]: change for name, change in changes.items()}}


def problems_of(oauth: OAuth, client: OAuthClient, **changes: Any) -> list[str]:
    """What is wrong with a hosted client, without the beginning of the address."""
    host = Host(served(client, **changes))
    problems = check_published(oauth._replace(transport=host), client).problems
    assert [("GET", f"{SITE}/{name}", 15.0) for name in ("client-metadata.json", "jwks.json")] == host.asked
    return [problem.removeprefix(f"{SITE}/") for problem in problems]


def test_a_client_that_is_served_as_it_is(oauth: OAuth) -> None:
    """A client whose files are served has no problems, though its name may differ; a loopback client has no files."""
    client = hosted_client(SITE)
    metadata = {**json.loads(files_of(client)["client-metadata.json"]), "client_name": "Other"}
    assert [] == problems_of(oauth, client)
    assert [] == problems_of(oauth, client, metadata=json.dumps(metadata).encode().ljust(100_000))
    typed = Response(200, {"content-type": "application/json; charset=utf-8"}, json.dumps(metadata).encode())
    assert [] == problems_of(oauth, client, metadata=typed)
    assert {"client_id": "http://localhost?x", "problems": []} == check_published(
        oauth, OAuthClient("loopback", "http://localhost?x", (), "")
    ).as_dict()


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (NotSent("No network."), "jwks.json cannot be read: No network."),
        (Response(302, {}, b""), "jwks.json answered 302; servers follow no redirects."),
        (
            Response(201, {"content-type": "application/json"}, b"{}"),
            "jwks.json answered 201; servers follow no redirects.",
        ),
        (
            Response(200, {"content-type": "text/html"}, b"{}"),
            "jwks.json is served as text/html, and must be application/json.",
        ),
        (
            Response(200, {}, b"{}"),
            "jwks.json is served as nothing in particular, and must be application/json.",
        ),
        (b"no", "jwks.json holds no JSON."),
        (b"[" * 99_000, "jwks.json holds no JSON."),
        (b" " * 100_000 + b"{}", "jwks.json holds no JSON."),
        (b"{}", "jwks.json differs from what is kept here: keys."),
        (b"[]", "jwks.json differs from what is kept here: keys."),
    ],
)
def test_what_is_wrong_with_a_served_file(oauth: OAuth, keys: Any, problem: str) -> None:
    """Each way in which a file may be wrong is said in a sentence, and the other file is checked all the same."""
    client = hosted_client(SITE)
    assert [problem] == problems_of(oauth, client, keys=keys)
    metadata = {**json.loads(files_of(client)["client-metadata.json"]), "scope": "atproto", "redirect_uris": []}
    both = problems_of(oauth, client, keys=keys, metadata=json.dumps(metadata).encode())
    assert ["client-metadata.json differs from what is kept here: redirect_uris, scope.", problem] == both


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("me.example.com", "https://me.example.com"),
        ("https://me.example.com/", "https://me.example.com"),
        ("https://me.example.com/a/b/", "https://me.example.com/a/b"),
        ("https://1.example.com", "https://1.example.com"),
        ("http://me.example.com", None),
        ("https://localhost", None),
        ("https://me@me.example.com", None),
        ("https://me.example.com/?a=b", None),
        ("https://me.example.com/#a", None),
        ("https://me.example.com:8443", None),
        ("https://10.0.0.1", None),
    ],
)
def test_addresses_of_clients(address: str, base: str | None) -> None:
    """A client lives in a folder on an https host with a name; anything else is refused with an example."""
    if base:
        assert base == checked_base(address)
        return
    with pytest.raises(InputError, match="cannot be the address of an OAuth client") as caught:
        checked_base(address)
    assert "https://me.example" in caught.value.hint
