"""OAuth for agents: who lets which program in, for what, and all the ways in which somebody else might get in."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.core.clock import SYSTEM_CLOCK, SteadyClock
from skywrite.core.errors import InputError
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.demo import demo_queue
from skywrite.faces.server.security import Origin
from skywrite.features.agents.clients import AgentClients, check_redirect, may_redirect_to, read_document
from skywrite.features.agents.store import Agents, Client, challenge_of
from skywrite.protocol.fetch.fetch import Fetched, FetchFailed
from skywrite.queue.people import People, Role
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import Server, demo_server

HERE = "http://127.0.0.1:8080"
PLACE = f"{HERE}/mcp"
PAGE = "http://skywrite.localhost:8080"
BACK = "http://127.0.0.1/back"
VERIFIER = "v" * 50
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of its own: wrong secrets are counted by address, for all who ask from it."""
    with demo_server() as started:
        yield started


class House(NamedTuple):
    """A server in this process: nobody's client of it, and how to sign people in."""

    web: TestClient
    sky: Skywrite

    def cookie(self, role: Role = "owner") -> dict[str, str]:
        """The cookie of a new person with this role."""
        people = People(self.sky.context.store)
        return {"cookie": f"{COOKIE}={people.begin_session(people.add(role, role).id)}"}

    def program(self, *uris: str) -> str:
        """The client_id of a program that registers."""
        body = {"client_name": "Test <b>program</b>", "redirect_uris": uris or [BACK]}
        answer = self.web.post("/register", json=body)
        assert 201 == answer.status_code, answer.text
        return str(answer.json()["client_id"])

    def question(self, **changes: str) -> dict[str, str]:
        """What a program sends the browser to /authorize with."""
        asked = {
            "response_type": "code",
            "client_id": changes.get("client_id") or self.program(),
            "redirect_uri": "http://127.0.0.1:4321/back",
            "state": "st&te",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "resource": PLACE,
            "scope": "read draft",
        }
        return asked | changes

    def ask(self, question: dict[str, str], cookie: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        """The page."""
        return self.web.get(f"{PAGE}/authorize?{urlencode(question)}", headers={**(cookie or self.cookie()), **headers})

    def answer(
        self, question: dict[str, str], *scopes: str, cookie: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        """The page's form, sent."""
        chosen = [f"account-{account.did}" for account in self.sky.accounts.list()]
        chosen += [f"scope-{scope}" for scope in scopes]
        form = {**question, "decision": "allow", **dict.fromkeys(chosen, "on"), **fields}
        headers = {**(cookie or self.cookie()), "sec-fetch-site": "same-origin"}
        return self.web.post(f"{PAGE}/authorize", data=form, headers=headers)

    def redeem(self, question: dict[str, str], code: str, **changes: str) -> httpx.Response:
        """The code, sent to /token."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": question["client_id"],
            "redirect_uri": question["redirect_uri"],
            "code_verifier": VERIFIER,
            "resource": PLACE,
        }
        return self.web.post("/token", data={**form, **changes})

    def tokens(self, *scopes: str, cookie: dict[str, str] | None = None) -> dict[str, Any]:
        """What /token gives a program that somebody let in."""
        question = self.question(scope="read draft schedule publish")
        code = returned(self.answer(question, *(scopes or ("read", "draft")), cookie=cookie))["code"]
        answer = self.redeem(question, code)
        assert 200 == answer.status_code, answer.text
        return dict(answer.json())

    def mcp(self, token: str) -> httpx.Response:
        """A request to /mcp."""
        accept = "application/json, text/event-stream"
        return self.web.post("/mcp", json=LIST_TOOLS, headers={"authorization": f"Bearer {token}", "accept": accept})


@pytest.fixture(scope="module")
def sky() -> Iterator[Skywrite]:
    """A queue with a filled week."""
    with demo_queue() as queue:
        yield queue


@pytest.fixture
def house(sky: Skywrite) -> Iterator[House]:
    """A server on this computer."""
    with TestClient(make_app(sky, Origin.of(None)), base_url=HERE, follow_redirects=False) as web:
        yield House(web, sky)


def returned(answer: httpx.Response) -> dict[str, str]:
    """What the browser takes back to the program."""
    assert 303 == answer.status_code, answer.text
    assert answer.headers["location"].startswith("http://127.0.0.1:4321/back?")
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def test_the_way_in_is_told_to_who_stands_outside(house: House) -> None:
    """A 401 of /mcp leads to the resource's document, that one to the server's, and both name the address asked for."""
    refused = house.web.post("/mcp", json=LIST_TOOLS)
    place = re.search(r'resource_metadata="([^"]+)", scope="read draft"', refused.headers["www-authenticate"])
    assert 401 == refused.status_code
    assert place is not None
    resource = house.web.get(place[1]).json()
    server = house.web.get(f"{HERE}/.well-known/oauth-authorization-server").json()
    assert (PLACE, [HERE], ["read", "draft"]) == tuple(
        resource[name] for name in ("resource", "authorization_servers", "scopes_supported")
    )
    assert (HERE, f"{PAGE}/authorize", f"{HERE}/token") == tuple(
        server[name] for name in ("issuer", "authorization_endpoint", "token_endpoint")
    )
    assert (["S256"], True, True) == (
        server["code_challenge_methods_supported"],
        server["authorization_response_iss_parameter_supported"],
        server["client_id_metadata_document_supported"],
    )


@pytest.mark.parametrize(
    ("public_url", "host", "issuer"),
    [
        (None, "127.0.0.1:8080", HERE),
        (None, "LOCALHOST:8080", "http://localhost:8080"),
        (None, "[::1]:8080", "http://[::1]:8080"),
        (None, "192.168.1.5:8080", None),
        (None, "evil.example", None),
        (None, "127.0.0.1:x", None),
        ("https://posts.example.com", "127.0.0.1:8080", "https://posts.example.com"),
        ("https://Posts.example.com:8443", "posts.example.com:8443", "https://posts.example.com:8443"),
        ("http://posts.example.com", "posts.example.com", None),
    ],
)
def test_agents_sign_in_over_https_or_on_this_computer(public_url: str | None, host: str, issuer: str | None) -> None:
    """The issuer is the public https address, or the name that this computer is called by; elsewhere there is none."""
    assert issuer == Origin.of(public_url).issuer(host)


def test_over_https_the_issuer_is_the_public_address(sky: Skywrite) -> None:
    """Whatever name a request uses, documents name the public address, where the page is, too."""
    app = make_app(sky, Origin.of("https://posts.example.com"))
    with TestClient(app, base_url="http://127.0.0.1:8080") as web:
        metadata = web.get("/.well-known/oauth-authorization-server").json()
        resource = web.get("/.well-known/oauth-protected-resource/mcp").json()["resource"]
    base = "https://posts.example.com"
    assert (base, f"{base}/authorize", f"{base}/mcp") == (
        metadata["issuer"],
        metadata["authorization_endpoint"],
        resource,
    )


def test_without_https_there_are_only_keys(sky: Skywrite) -> None:
    """A server with a public http address offers no sign-in to agents, and says so."""
    app = make_app(sky, Origin.of("http://posts.example.com"))
    with TestClient(app, base_url="http://posts.example.com") as web:
        paths = ("/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server")
        assert [404, 404] == [web.get(path).status_code for path in paths]
        assert [404] * 3 == [web.post(path).status_code for path in ("/token", "/register", "/revoke")]
        assert "resource_metadata" not in web.post("/mcp", json={}).headers["www-authenticate"]


def test_a_person_lets_an_agent_in(house: House) -> None:
    """The answer has the code, the state and the issuer; the token opens /mcp for what the person chose."""
    question = house.question()
    back = returned(house.answer(question, "read"))
    assert ("st&te", HERE) == (back["state"], back["iss"])
    answer = house.redeem(question, back["code"])
    assert ("Bearer", 3600, "read") == tuple(answer.json()[name] for name in ("token_type", "expires_in", "scope"))
    assert "no-store" == answer.headers["cache-control"]
    names = [tool["name"] for tool in house.mcp(answer.json()["access_token"]).json()["result"]["tools"]]
    assert (True, False) == ("list_posts" in names, "draft_post" in names)


def test_the_page_shows_who_asks_for_what(house: House) -> None:
    """It shows the name as text, where the answer goes, and a warning; at most drafting is chosen from the start."""
    page = house.ask(house.question(scope="read draft publish manage unknown")).text
    assert ("Test &lt;b&gt;program&lt;/b&gt;" in page, "127.0.0.1:4321" in page, "on your computer" in page) == (
        True,
    ) * 3
    boxes = dict(re.findall(r'name="scope-(\w+)"( checked)?', page))
    assert {"read": " checked", "draft": " checked", "publish": ""} == boxes


def test_the_page_cannot_be_framed(house: House) -> None:
    """Another site cannot lay the page under its own buttons; its form leads here and to the program, nowhere else."""
    headers = house.ask(house.question()).headers
    assert "DENY" == headers["x-frame-options"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:4321;" in headers["content-security-policy"]


def test_refusing_says_so(house: House) -> None:
    """The program hears that it was refused, and from whom."""
    back = returned(house.answer(house.question(), decision="deny"))
    assert {"error": "access_denied", "state": "st&te", "iss": HERE} == back


def test_nobody_is_let_in_without_a_person(house: House) -> None:
    """Without a session there is a page to sign in; from another site, a page with a link here."""
    question = house.question()
    nobody = {"cookie": "none=1"}
    assert 401 == house.ask(question, nobody).status_code
    away = house.ask(question, nobody, **{"sec-fetch-site": "cross-site"})
    links = [unescape(link) for link in re.findall(r'href="(/authorize[^"]*)"', away.text)]
    assert [f"/authorize?{urlencode(question)}"] == links
    assert 401 == house.answer(question, "read", cookie=nobody).status_code


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}]
)
def test_another_site_cannot_press_the_button(house: House, headers: dict[str, str]) -> None:
    """A form of another site is refused, with the cookie, too."""
    form = {**house.question(), "decision": "allow", "scope-read": "on"}
    answer = house.web.post(f"{PAGE}/authorize", data=form, headers={**house.cookie(), **headers})
    assert (403, "request.foreign") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": "http://127.0.0.1:4321/back/../evil"},
        {"redirect_uri": "http://127.0.0.1:4321/back?x=1"},
        {"redirect_uri": "http://localhost:4321/back"},
        {"redirect_uri": "http://127.0.0.1:4321@evil.example/back"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"code_challenge": ""},
        {"code_challenge": "short"},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": ""},
        {"resource": ""},
        {"resource": "https://evil.example/mcp"},
        {"resource": "http://127.0.0.1:9999/mcp"},
        {"resource": f"{HERE}/api/v1"},
        {"resource": f"{PLACE}/"},
        {"resource": f"{PLACE}#x"},
        {"scope": "manage"},
        {"state": "s" * 2001},
    ],
    ids=lambda change: "-".join(change),
)
def test_a_wrong_question_leads_nowhere(house: House, change: dict[str, str]) -> None:
    """The page says what is wrong; neither it nor its form sends the browser anywhere (no open redirect)."""
    question = house.question(**change)
    for answer in (house.ask(question), house.answer(question, "read"), house.answer(question, decision="deny")):
        assert 422 == answer.status_code
        assert "location" not in answer.headers


def test_a_field_that_comes_twice_is_refused(house: House) -> None:
    """Nobody has to guess which of two addresses is meant."""
    query = urlencode(house.question()) + "&redirect_uri=https://evil.example"
    assert 422 == house.web.get(f"{PAGE}/authorize?{query}", headers=house.cookie()).status_code
    form = "grant_type=refresh_token&refresh_token=a&refresh_token=b&client_id=c"
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert "invalid_request" == house.web.post("/token", content=form, headers=kind).json()["error"]


def test_nobody_gives_more_than_they_have(house: House) -> None:
    """A viewer lets an agent read. What the person may not do is not offered, nor taken from a form made by hand."""
    viewer, question = house.cookie("viewer"), house.question(scope="read draft publish")
    assert ["read"] == re.findall(r'name="scope-(\w+)"', house.ask(question, viewer).text)
    assert 403 == house.answer(question, "draft", cookie=viewer).status_code
    assert "read" == house.tokens("read", cookie=viewer)["scope"]


def test_nobody_gives_more_than_the_program_asked_for(house: House) -> None:
    """A right that was not asked for, or none at all, is refused, also from the owner."""
    for scopes in (("publish",), ("manage",), ()):
        assert 422 == house.answer(house.question(scope="read"), *scopes).status_code


def test_the_page_shows_who_asks_by_what_cannot_be_chosen(house: House) -> None:
    """The address is large; the name, which the program chose, is quoted and small."""
    page = house.ask(house.question()).text
    assert '<p class="address">127.0.0.1:4321</p>' in page
    assert "<small>It calls itself “<bdi>Test &lt;b&gt;program&lt;/b&gt;</bdi>”." in page


def test_accounts_are_chosen_by_the_person(house: House) -> None:
    """None is chosen beforehand, and without any nothing is allowed."""
    question = house.question()
    boxes = re.findall(r"<input [^>]*account-[^>]*>", house.ask(question).text)
    assert (2, []) == (len(boxes), [box for box in boxes if "checked" in box])
    nobody = {f"account-{account.did}": "" for account in house.sky.accounts.list()}
    refused = house.answer(question, "read", **nobody)
    assert (422, True) == (refused.status_code, "at least one account" in refused.text)


def test_an_agent_loses_what_its_person_loses(house: House) -> None:
    """When the person may only look any more, so may the agent."""
    people = People(house.sky.context.store)
    person = people.add("Ann", "writer")
    tokens = house.tokens(cookie={"cookie": f"{COOKIE}={people.begin_session(person.id)}"})
    people.change_role(person.id, "viewer")
    names = [tool["name"] for tool in house.mcp(tokens["access_token"]).json()["result"]["tools"]]
    assert (True, False) == ("list_posts" in names, "draft_post" in names)


def test_a_token_opens_only_mcp(house: House) -> None:
    """The token is for /mcp, under the name that was asked for: the API and other names of this computer refuse it."""
    token = house.tokens()["access_token"]
    headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
    assert 200 == house.mcp(token).status_code
    assert 401 == house.web.get("/api/v1/posts", headers=headers).status_code
    elsewhere = house.web.post("http://localhost:8080/mcp", json=LIST_TOOLS, headers=headers)
    assert 401 == elsewhere.status_code
    assert 'error="invalid_token"' in elsewhere.headers["www-authenticate"]


def test_keys_go_on_working(house: House) -> None:
    """An API key opens /mcp, under every name."""
    from skywrite.queue.api_keys import ApiKeys

    _, key = ApiKeys(house.sky.context.store).add("key", ["read"])
    assert 200 == house.mcp(key).status_code


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "w" * 50}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"client_id": "other"}, "invalid_grant"),
        ({"client_id": ""}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:4321/other"}, "invalid_grant"),
        ({"resource": "https://evil.example/mcp"}, "invalid_target"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
    ids=lambda change: "-".join(change) if isinstance(change, dict) else change,
)
def test_a_code_is_worth_nothing_to_others(house: House, change: dict[str, str], error: str) -> None:
    """A code without its verifier, its program, its address or its resource gives no token."""
    question = house.question()
    code = returned(house.answer(question, "read"))["code"]
    answer = house.redeem(question, code, **change)
    assert (400, error) == (answer.status_code, answer.json()["error"])


def test_a_code_works_once(house: House) -> None:
    """The second use fails, and ends the access that the first one gave."""
    question = house.question()
    code = returned(house.answer(question, "read"))["code"]
    token = house.redeem(question, code).json()["access_token"]
    assert 200 == house.mcp(token).status_code
    assert "invalid_grant" == house.redeem(question, code).json()["error"]
    assert 401 == house.mcp(token).status_code


def test_an_agent_can_be_locked_out(house: House) -> None:
    """On the settings page, by who let it in and by nobody else's hand; or by the program itself (/revoke)."""
    mine, other = house.cookie("writer"), house.cookie("writer")
    token = house.tokens(cookie=mine)["access_token"]
    page = house.web.get(f"{PAGE}/settings", headers=mine).text
    number = re.findall(r'name="agent" value="(\d+)"', page)
    assert 1 == len(number)
    place = f"{PAGE}/settings/agents/end"
    assert 422 == house.web.post(place, data={"agent": number[0]}, headers=other).status_code
    assert 200 == house.mcp(token).status_code
    assert 303 == house.web.post(place, data={"agent": number[0]}, headers=mine).status_code
    assert 401 == house.mcp(token).status_code
    for name in ("access_token", "refresh_token"):
        tokens = house.tokens()
        assert 200 == house.web.post("/revoke", data={"token": tokens[name]}).status_code
        assert 401 == house.mcp(tokens["access_token"]).status_code
    assert 200 == house.web.post("/revoke", data={"token": "none"}).status_code


@pytest.fixture
def stopped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was spent comes back while a test asks."""
    now = house.sky.context.clock.monotonic()
    monkeypatch.setattr(SteadyClock, "monotonic", lambda clock: now)


@pytest.mark.usefixtures("stopped")
def test_guesses_are_bounded(house: House) -> None:
    """Who sends wrong codes is refused after a while."""
    question = house.question()
    statuses = [house.redeem(question, f"guess-{number}").status_code for number in range(21)]
    assert ([400] * 20, 429) == (statuses[:20], statuses[20])


@pytest.mark.usefixtures("stopped")
def test_programs_cannot_register_without_end(house: House) -> None:
    """After twenty from one address the next has to wait; what is no program is refused before."""
    for body in ({}, [], {"redirect_uris": ["https://a.example/#x"]}, {"redirect_uris": ["cursor://back"]}):
        assert 400 == house.web.post("/register", json=body).status_code
    statuses = [house.web.post("/register", json={"redirect_uris": [BACK]}).status_code for _ in range(17)]
    assert ([201] * 16, 429) == (statuses[:16], statuses[16])


@pytest.mark.parametrize(
    ("wanted", "registered", "fits"),
    [
        ("https://a.example/back", "https://a.example/back", True),
        ("https://a.example/back/", "https://a.example/back", False),
        ("https://a.example:8443/back", "https://a.example/back", False),
        ("https://A.example/back", "https://a.example/back", False),
        ("https://a.example/back?x=1", "https://a.example/back", False),
        ("http://a.example/back", "http://a.example/back", False),
        ("http://127.0.0.1:5000/back", "http://127.0.0.1/back", True),
        ("http://127.0.0.1:5000/back", "http://127.0.0.1:4000/back", True),
        ("http://[::1]:5000/back", "http://[::1]/back", True),
        ("http://localhost:5000/back", "http://127.0.0.1/back", False),
        ("http://127.0.0.1:5000/other", "http://127.0.0.1/back", False),
        ("http://127.0.0.1.evil.example/back", "http://127.0.0.1/back", False),
        ("https://127.0.0.1:5000/back", "https://127.0.0.1/back", False),
        ("javascript:alert(1)", "javascript:alert(1)", False),
        ("https://a.example\\@evil.example/", "https://a.example\\@evil.example/", False),
        ("https://a.example/;x\r\ny", "https://a.example/;x\r\ny", False),
    ],
)
def test_answers_go_only_where_the_program_said(wanted: str, registered: str, fits: bool) -> None:
    """Letter by letter, but for the port of a program on this computer; never to plain http elsewhere."""
    client = Client("id", "Program", (registered,))
    try:
        check_redirect(client, wanted)
    except InputError:
        assert not fits
    else:
        assert fits
    assert may_redirect_to("https://a.example/")


DOCUMENT = "https://agent.example/client.json"
WELL = f'{{"client_id": "{DOCUMENT}", "client_name": "Agent\\n  x", "redirect_uris": ["{BACK}", "cursor://x"]}}'


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        WELL.replace("client.json", "other.json"),
        WELL.replace(f'"{BACK}", ', ""),
        WELL.replace("}", ', "token_endpoint_auth_method": "private_key_jwt"}'),
        WELL.replace(f'["{BACK}", "cursor://x"]', "5"),
    ],
    ids=["empty", "list", "no id", "other id", "no usable address", "with a key", "no list"],
)
def test_documents_that_are_wrong(body: str) -> None:
    """A document that does not name itself, or names no usable address, is no program."""
    with fails("agent.unknown"):
        read_document(DOCUMENT, body.encode())


class Web:
    """A fetcher that gives one answer and counts how often it was asked."""

    def __init__(self, answer: Fetched | Exception) -> None:
        self.answer = answer
        self.count = 0

    def fetch(self, url: str, **options: Any) -> Fetched:
        self.count += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def clients_on(sky: Skywrite, web: Any) -> AgentClients:
    """Finds programs on this web."""
    return AgentClients(Agents(sky.context.store), lambda: web, SYSTEM_CLOCK)


def test_a_program_is_known_by_its_document(sky: Skywrite) -> None:
    """The document is fetched once for as long as its server says; its name is put on one line."""
    for header, count in (("max-age=60", 1), ("no-store", 2), ("", 1)):
        web = Web(Fetched(DOCUMENT, 200, {"cache-control": header}, WELL.encode()))
        clients = clients_on(sky, web)
        assert Client(DOCUMENT, "Agent x", (BACK,)) == clients.find(DOCUMENT)
        clients.find(DOCUMENT)
        assert count == web.count


@pytest.mark.parametrize(
    "answer",
    [
        FetchFailed("No answer."),
        Fetched("https://agent.example/elsewhere", 200, {}, WELL.encode()),
        Fetched(DOCUMENT, 200, {}, WELL.encode(), truncated=True),
    ],
    ids=["failed", "redirected", "too large"],
)
def test_documents_that_cannot_be_had(sky: Skywrite, answer: Any) -> None:
    """No answer, a redirect, or more than a document needs: nobody is let in."""
    with fails("agent.unknown"):
        clients_on(sky, Web(answer)).find(DOCUMENT)


@pytest.mark.parametrize(
    "client_id",
    ["https://agent.example", "https://agent.example/", "https://a@agent.example/x", "https://agent.example/a/../b"],
)
def test_addresses_that_are_no_client_id(sky: Skywrite, client_id: str) -> None:
    """An address without a path, with a name in it or with dots is not even opened."""
    web = Web(FetchFailed("No answer."))
    with fails("agent.unknown"):
        clients_on(sky, web).find(client_id)
    assert 0 == web.count


def test_documents_are_fetched_through_the_guard(house: House) -> None:
    """A client_id inside this network is not opened, and the page says so."""
    page = house.ask(house.question(client_id="https://169.254.169.254/client.json"))
    assert (422, True) == (page.status_code, "cannot be read" in page.text)


def test_the_official_client_signs_in(server: Server) -> None:
    """The official client finds the way from the 401 on, a person lets it in, it drafts, and renews its token."""

    async def run() -> None:
        import httpx2
        from mcp.client import Client as McpClient
        from mcp.client.streamable_http import streamable_http_client

        provider = _provider(server)
        async with (
            httpx2.AsyncClient(auth=provider, timeout=PATIENCE_SECONDS) as http,
            McpClient(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
        ):
            arguments = {"text": "By an agent with a token", "key": "by-token", "account": "alice.test"}
            drafted = await client.call_tool("draft_post", arguments)
            assert "draft" == json.loads(drafted.content[0].text)["state"]
            first = provider.context.current_tokens
            assert "read draft" == first.scope
            provider.context.token_expiry_time = 1.0
            assert not (await client.call_tool("list_accounts", {})).is_error
            second = provider.context.current_tokens
            assert (True, True) == (
                first.access_token != second.access_token,
                first.refresh_token != second.refresh_token,
            )

    asyncio.run(run())


def _provider(server: Server) -> Any:
    """The official client's sign-in, with a browser that lets it in."""
    from mcp.client.auth import OAuthClientProvider
    from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

    answer: dict[str, str] = {}

    async def redirect(url: str) -> None:
        answer.update(_let_in(server, url))

    async def callback() -> Any:
        return AuthorizationCodeResult(code=answer["code"], state=answer["state"], iss=answer["iss"])

    metadata = OAuthClientMetadata(client_name="Official", redirect_uris=["http://127.0.0.1:4000/back"])  # type: ignore[list-item]
    return OAuthClientProvider(f"{server.url}/mcp", metadata, _Kept(), redirect, callback)


def _let_in(server: Server, url: str) -> dict[str, str]:
    """What a browser of the owner does with the page: read it, and press the button."""
    parts = urlsplit(url)
    headers = {"host": parts.netloc, "cookie": f"__Host-skywrite={server.owner}"}
    page = httpx.get(f"{server.url}{parts.path}?{parts.query}", headers=headers, timeout=PATIENCE_SECONDS)
    assert 200 == page.status_code, page.text
    form = {
        unescape(name): unescape(value)
        for name, value in re.findall(r'type="hidden" name="(.*?)" value="(.*?)"', page.text)
    }
    # The rights are chosen beforehand; the accounts are the person's choice.
    chosen = re.findall(r'type="checkbox" name="(.*?)" checked|type="checkbox" name="(account-.*?)"', page.text)
    form |= {unescape(name or account): "on" for name, account in chosen}
    answer = httpx.post(
        f"{server.url}/authorize", data={**form, "decision": "allow"}, headers=headers, timeout=PATIENCE_SECONDS
    )
    assert 303 == answer.status_code, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


class _Kept:
    """What the official client keeps of a sign-in."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def get_tokens(self) -> Any:
        return self.kept.get("tokens")

    async def set_tokens(self, tokens: Any) -> None:
        self.kept["tokens"] = tokens

    async def get_client_info(self) -> Any:
        return self.kept.get("client")

    async def set_client_info(self, client_info: Any) -> None:
        self.kept["client"] = client_info
