"""What a client must check: forged answers, servers that speak for others, rights that were not granted, moves."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.oauth.service import SignedIn
from skywrite.core.errors import NotSent, SignInError, SkywriteError, TemporaryError
from skywrite.protocol.atproto.oauth import _is_place
from skywrite.protocol.atproto.oauth_client import OAuthClient
from skywrite.protocol.atproto.oauth_scopes import ALWAYS, scope_of
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.atproto.xrpc_errors import MissingRight
from tests.oauth.conftest import Process, SignIn
from tests.oauth.support import Changing, MovedClock, Wire, sessions_at
from tests.support.errors import fails
from tests.support.oauth import Browser, returned
from tests.support.pds import Pds, PdsAccount

WHO = "com.atproto.server.getSession"
CALLBACK = "http://127.0.0.1:7777/callback"


def begun(sky: Skywrite, account: PdsAccount, pds: Pds) -> Any:
    """A sign-in that waits for its browser."""
    return sky.oauth.begin(account.handle, pds=pds.url, redirect_uri=CALLBACK)


@pytest.mark.parametrize(
    "forged", [{"state": "another"}, {"state": ""}, {"iss": "https://evil.example"}, {"iss": ""}, {"code": ""}]
)
def test_forged_answer(process: Process, pds: Pds, account: PdsAccount, forged: Mapping[str, str]) -> None:
    """An answer with another state, issuer or without a code is refused before any code is used."""
    sky = process()
    pending = begun(sky, account, pds)
    came = returned(Browser().accept(pending.url, account.handle, account.password))
    with fails("oauth.redirect_forged"):
        sky.oauth.finish(pending, {**came, **forged})
    assert (0, []) == (sessions_at(pds, account.did), sky.accounts.list())
    assert account.did == sky.oauth.finish(pending, came).account.did


def test_refused(process: Process, pds: Pds, account: PdsAccount) -> None:
    """A sign-in that was refused on the page says so."""
    sky = process()
    pending = begun(sky, account, pds)
    with fails("oauth.denied"):
        sky.oauth.finish(pending, returned(Browser().reject(pending.url, account.handle, account.password)))


def test_another_account(process: Process, pds: Pds, account: PdsAccount) -> None:
    """Whoever signs in as somebody else than was named gets no session, neither here nor there."""
    other = pds.create_account()
    sky = process()
    pending = begun(sky, account, pds)._replace(did=other.did)
    came = returned(Browser().accept(pending.url, account.handle, account.password))
    with fails("oauth.wrong_account"):
        sky.oauth.finish(pending, came)
    assert (0, []) == (sessions_at(pds, account.did), sky.accounts.list())


def test_a_server_that_speaks_for_others(process: Process, pds: Pds, account: PdsAccount) -> None:
    """A server whose answer is for an account that lives elsewhere is not believed: DID, PDS and issuer must agree."""
    other = "did:plc:abcdefghijklmnopqrstuvwx"

    def change(url: str, answer: dict[str, Any]) -> dict[str, Any] | None:
        if url.endswith("/oauth/token") and "sub" in answer:
            return {**answer, "sub": other}
        if url.endswith(other):
            service = {
                "id": "#atproto_pds",
                "type": "AtprotoPersonalDataServer",
                "serviceEndpoint": "http://localhost:1",
            }
            return {"id": other, "alsoKnownAs": [], "service": [service]}
        return None

    class Directory(Changing):
        def request(self, method: str, url: str, **more: Any) -> Any:
            answer = super().request(method, url, **more)
            return answer._replace(status=200) if url.endswith(other) else answer

    sky = process(Directory(change))
    pending = begun(sky, account, pds)._replace(did=None)
    with pytest.raises(SkywriteError) as error:
        sky.oauth.finish(pending, returned(Browser().accept(pending.url, account.handle, account.password)))
    assert [] == sky.accounts.list(), error.value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", "https://evil.example"),
        ("token_endpoint", "http://evil.example/token"),
        ("pushed_authorization_request_endpoint", None),
        ("code_challenge_methods_supported", ["plain"]),
        ("dpop_signing_alg_values_supported", ["RS256"]),
        ("authorization_response_iss_parameter_supported", False),
    ],
)
def test_metadata_that_does_not_fit(process: Process, pds: Pds, account: PdsAccount, name: str, value: object) -> None:
    """A server whose metadata breaks a rule is not signed in at."""

    def change(url: str, answer: dict[str, Any]) -> dict[str, Any] | None:
        return {**answer, name: value} if url.endswith("oauth-authorization-server") else None

    with fails("oauth.unsupported"):
        begun(process(Changing(change)), account, pds)


def test_a_resource_of_somebody_else(process: Process, pds: Pds, account: PdsAccount) -> None:
    """A PDS that says it is another resource is not signed in at."""

    def change(url: str, answer: dict[str, Any]) -> dict[str, Any] | None:
        return {**answer, "resource": "https://evil.example"} if url.endswith("oauth-protected-resource") else None

    with fails("oauth.unsupported"):
        begun(process(Changing(change)), account, pds)


# Rights


def sign_in_with(sky: Skywrite, account: PdsAccount, pds: Pds, granted: str) -> SignedIn:
    """A sign-in that asked for everything and got less."""
    full = sky.oauth.begin(account.handle, pds=pds.url, redirect_uri=CALLBACK)
    client = OAuthClient("loopback", full.client_id, (CALLBACK,), full.asked)
    less = sky.oauth._login(client, pds.url).begin(account.handle, granted, CALLBACK, pds_url=pds.url)
    came = returned(Browser().accept(less.url, account.handle, account.password))
    return sky.oauth.finish(less._replace(asked=full.asked), came)


def test_a_dropped_scope(process: Process, pds: Pds, account: PdsAccount) -> None:
    """A right that the server drops without a word is found, and named with what it is for."""
    posts, media, *_ = scope_of(ALWAYS).split()[1:]
    done = sign_in_with(process(), account, pds, f"atproto {media}")
    assert ["posts", "video"] == [right.name for right in done.missing]
    assert posts and "publishing and deleting posts" in done.warnings[0]


def test_a_missing_right_holds_one_post(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount) -> None:
    """A post that needs a right that is missing is held; the account goes on, and a sign-in with it frees the post."""
    sky = process()
    media = scope_of(["media"]).split()[1]
    done = sign_in(sky)
    agent = sky.context.agent(done.account)
    record = {"repo": account.did, "collection": "app.bsky.feed.like", "record": {"createdAt": "2026-01-01T00:00:00Z"}}
    with pytest.raises(MissingRight, match="likes") as error:
        agent.procedure("com.atproto.repo.createRecord", record)
    assert "likes" in error.value.hint
    sky.oauth.authenticator(done.session).end()
    sign_in_with(sky, account, pds, f"atproto {media}")
    sky.context.agents.forget(account.did)
    held = sky.schedule("Not allowed yet", at="now")
    sky.run_once()
    assert ("held", "ok") == (sky.posts.get(held.id).post.state, sky.accounts.get().state)
    sign_in(sky)
    sky.context.agents.forget(account.did)
    sky.run_once()
    assert ["Not allowed yet"] == [record["value"]["text"] for record in pds.records(account.did)]


# Nonces


def test_a_nonce_on_every_request(process: Process, sign_in: SignIn) -> None:
    """A server that challenges every single proof is served: the second try carries what it asked for."""

    class Forgetful(Wire):
        """Every first try is sent with a nonce that the server never gave."""

        tries = 0

        def request(self, method: str, url: str, **more: Any) -> Any:
            self.tries += 1
            return super().request(method, url, **more)

    wire = Forgetful()
    sky = process(wire)
    done = sign_in(sky)
    agent = sky.context.agent(done.account)
    for _ in range(3):
        origins = agent._auth._origins  # type: ignore[attr-defined]  # what a restart of the server does to its nonces
        for origin, known in list(origins._known.items()):
            origins._known[origin] = known._replace(nonce="stale")
        before = wire.tries
        assert account_of(agent) == done.account.did
        assert 2 == wire.tries - before
    agent.refresh()
    assert account_of(agent) == done.account.did


def account_of(agent: Any) -> str:
    """Who the server takes the agent for."""
    return str(agent.query(WHO)["did"])


# Moves


def move(pds: Pds, account: PdsAccount, place: str) -> Changing:
    """A web in which the account's DID document names another server."""

    def change(url: str, answer: dict[str, Any]) -> dict[str, Any] | None:
        if not url.endswith(account.did):
            return None
        service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": place}
        return {**answer, "service": [service]}

    return Changing(change)


def test_moved(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount) -> None:
    """No token goes to a server that was not named at the sign-in; the refresh says where the account lives now."""
    done = sign_in(process())
    web = move(pds, account, "http://localhost:1")
    sky = process(web)
    agent = sky.context.agent(done.account)
    with fails("account.moved", match="is at http://localhost:1"):
        agent.refresh()
    assert [] == [url for url in web.sent if "localhost:1/" in url or "/oauth/token" in url]
    # Nothing was lost: when the document is right again, the session goes on.
    process().context.agent(done.account).refresh()


def test_a_password_session_stays_where_it_was_made(process: Process, pds: Pds, account: PdsAccount) -> None:
    """Nor does a token of a password follow an answer of the old server to another one."""
    document = {
        "id": account.did,
        "service": [
            {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": "http://localhost:1"}
        ],
    }

    def change(url: str, answer: dict[str, Any]) -> dict[str, Any] | None:
        return {**answer, "didDoc": document} if url.endswith("refreshSession") else None

    sky = process(Changing(change))
    sky.accounts.login(account.handle, account.app_password, pds=pds.url)
    agent = sky.context.agent(sky.accounts.get())
    agent.refresh()
    assert pds.url == agent.session.pds_url


def test_tokens_in_no_text(process: Process, sign_in: SignIn) -> None:
    """No repr, error or export of a session shows a token or a key."""
    done = sign_in(process())
    session = done.session
    shown = f"{session!r} {done!r} {session}"
    secrets = (session.access_token, session.refresh_token, session.dpop_key)
    assert [] == [secret for secret in secrets if secret in shown]
    with pytest.raises(SkywriteError):
        session.export_string()
    payload = json.loads(base64.urlsafe_b64decode(session.access_token.split(".")[1] + "=="))
    assert done.account.did == payload["sub"]


def test_a_web_server(process: Process, pds: Pds, account: PdsAccount) -> None:
    """A sign-in that a web server began is finished once, by whichever process, within ten minutes."""
    clock = MovedClock()
    sky = process(clock=clock)
    pending = sky.oauth.begin_kept(account.handle, pds=pds.url, redirect_uri=CALLBACK)
    came = returned(Browser().accept(pending.url, account.handle, account.password))
    assert account.did == process().oauth.finish_kept(came).account.did
    with fails("oauth.redirect_forged"):
        process().oauth.finish_kept(came)
    hers = sky.oauth.begin_kept(account.handle, pds=pds.url, redirect_uri=CALLBACK, by="anne")
    with fails("oauth.redirect_forged"):
        sky.oauth.finish_kept({"state": hers.state}, by="bert")
    late = sky.oauth.begin_kept(account.handle, pds=pds.url, redirect_uri=CALLBACK)
    clock.forward(601)
    with fails("oauth.redirect_forged", match="unknown or has expired"):
        sky.oauth.finish_kept({"state": late.state})


@pytest.mark.parametrize(
    ("url", "local", "fits"),
    [
        ("https://pds.example.com/token", False, True),
        ("http://pds.example.com/token", False, False),
        ("https://10.0.0.1/token", False, False),
        ("https://printer.local/token", False, False),
        ("https://localhost/token", False, False),
        ("http://localhost:3000/token", True, True),
        ("http://printer.local/token", True, False),
        ("https://user@pds.example.com/token", False, False),
        ("https://pds.example.com/\x1b[31m", False, False),
    ],
)
def test_where_tokens_may_go(url: str, local: bool, fits: bool) -> None:
    """An endpoint is https on a public name; this computer only where the account's server is here as well."""
    assert fits == _is_place(url, local=local)


def test_another_kind_of_sign_in(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount) -> None:
    """A process that used the former session goes on with the new one, from OAuth to a password and back."""
    sky, elsewhere = process(), process()
    sky.accounts.login(account.handle, account.app_password, pds=pds.url)
    by_password = sky.context.agent(sky.accounts.get())
    sign_in(elsewhere)
    with pytest.raises(SignInError):
        by_password.refresh()
    first = sky.schedule("After OAuth came", at="now")
    sky.run_once()
    elsewhere.accounts.login(account.handle, account.app_password, pds=pds.url)
    assert 0 == sessions_at(pds, account.did)
    second = sky.schedule("After the password came back", at="now")
    clock_free = process(clock=MovedClock(120))
    for one in (sky, clock_free):
        one.run_once()
    states = {sky.posts.get(post.id).post.state for post in (first, second)}
    assert ({"published"}, "ok") == (states, sky.accounts.get().state)


def test_the_directory_is_away(process: Process, sign_in: SignIn, pds: Pds) -> None:
    """Where the account's document cannot be read nothing is sent, and the session waits for a better hour."""
    done = sign_in(process())

    class Away(Wire):
        def request(self, method: str, url: str, **more: Any) -> Any:
            if url.startswith(pds.plc_url):
                raise NotSent("The directory is away.")
            return super().request(method, url, **more)

    wire = Away()
    agent = process(wire).context.agent(done.account)
    with pytest.raises(TemporaryError):
        agent.refresh()
    stored = process().context.store.sessions.load_oauth(done.account.did)
    assert stored is not None and (0, "ready") == (wire.refreshes(), stored.phase)


def test_a_stream_and_a_token_for_a_service(process: Process, sign_in: SignIn, account: PdsAccount) -> None:
    """A body that can be read once is uploaded with its first request; the video right gives its token and no other."""
    wire = Wire()
    sky = process(wire)
    agent = sky.context.agent(sign_in(sky).account)
    blob = Repo(agent).upload_blob(lambda: iter([b"\x89PNG" + b"x" * 70_000, b"y"]), "image/png", size=70_005)
    assert (70_005, 1) == (blob["size"], sum("uploadBlob" in url for url in wire.sent))
    assert agent.service_auth("did:web:localhost", "com.atproto.repo.uploadBlob")
    with pytest.raises(MissingRight):
        agent.service_auth("did:web:localhost", "app.bsky.feed.getTimeline")
