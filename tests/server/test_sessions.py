"""The session of a browser: the cookie that each browser takes at each address, and what people see without one."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.security import Origin
from skywrite.queue.people import People

PUBLIC = "https://posts.example.com"
OVER_TLS = {"x-forwarded-proto": "https"}
COOKIES = (
    ("http://127.0.0.1:8080", None, {}, "skywrite-8080", False),
    ("http://skywrite.localhost:8081", None, {}, "skywrite-8081", False),
    ("http://localhost", None, {}, "skywrite-80", False),
    ("http://[::1]:8080", None, {}, "skywrite-8080", False),
    ("https://posts.example.com", PUBLIC, {}, COOKIE, True),
    ("http://posts.example.com", PUBLIC, {}, COOKIE, True),
    ("http://127.0.0.1:8080", PUBLIC, OVER_TLS, COOKIE, True),
    ("https://localhost:8443", None, {}, COOKIE, True),
)
PAGE = {"accept": "text/html"}


def browser(sky: Skywrite, address: str, public_url: str | None = None) -> TestClient:
    """A browser at a server with this address."""
    return TestClient(make_app(sky, Origin.of(public_url)), base_url=address, follow_redirects=False)


def link(sky: Skywrite) -> str:
    """The path of a sign-in link for the owner."""
    people = People(sky.context.store)
    return f"/sign-in/{people.new_link(people.owner().id)}"


@pytest.mark.parametrize(("address", "public_url", "headers", "name", "secure"), COOKIES)
def test_the_cookie_fits_its_address(
    sky: Skywrite, address: str, public_url: str | None, headers: dict[str, str], name: str, secure: bool
) -> None:
    """Over https it is bound to https and the host; on this computer over http, where WebKit takes no such cookie, it
    is plain. Scripts and other sites never get it.
    """
    client = browser(sky, address, public_url)
    cookie = SimpleCookie(client.get(link(sky), headers=headers).headers["set-cookie"])
    assert [name] == list(cookie)
    morsel = cookie[name]
    seen = (bool(morsel["secure"]), bool(morsel["httponly"]), morsel["samesite"], morsel["path"], morsel["domain"])
    assert (secure, True, "strict", "/", "") == seen
    assert 200 == client.get("/", headers={**headers, "cookie": f"{name}={morsel.value}"}).status_code


def test_two_servers_on_one_computer_leave_each_other_alone(sky: Skywrite) -> None:
    """Browsers send one host's cookies to all of its ports: signing in at one, and out, leaves the other."""
    servers = [browser(sky, f"http://127.0.0.1:{port}") for port in (8080, 8081)]
    jar: dict[str, str] = {}
    for server in servers:
        jar |= {name: item.value for name, item in SimpleCookie(server.get(link(sky)).headers["set-cookie"]).items()}
    cookies = {"cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
    assert [200, 200] == [server.get("/", headers=cookies).status_code for server in servers]
    servers[0].post("/sign-out", headers=cookies)
    assert [401, 200] == [server.get("/", headers=cookies).status_code for server in servers]


def test_signing_out_takes_both_kinds_of_cookie(sky: Skywrite) -> None:
    """A session that began over https ends, too."""
    people = People(sky.context.store)
    secret = people.begin_session(people.owner().id)
    client = browser(sky, "http://127.0.0.1:8080")
    out = client.post("/sign-out", headers={"cookie": f"{COOKIE}={secret}"})
    dropped = [value.partition("=")[0] for value in out.headers.get_list("set-cookie")]
    assert ({"skywrite-8080", COOKIE}, None) == (set(dropped), people.of_session(secret))


def test_a_link_of_another_site_goes_one_step_further(sky: Skywrite) -> None:
    """The browser keeps our cookie back there, so a page of ours leads on; without a session, to the sign-in."""
    client = browser(sky, "http://127.0.0.1:8080")
    answer = client.get("/posts/1?a=1&b=2", headers={**PAGE, "sec-fetch-site": "cross-site"})
    assert (200, True) == (answer.status_code, 'href="/posts/1?a=1&amp;b=2"' in answer.text)
    assert 401 == client.get("/posts/1", headers={**PAGE, "sec-fetch-site": "same-origin"}).status_code


def test_a_used_link_gets_a_page_for_people(sky: Skywrite) -> None:
    """In words, with what to do; programs still get a problem."""
    client = browser(sky, "http://127.0.0.1:8080")
    page, problem = (client.get("/sign-in/none-such", headers=headers) for headers in (PAGE, {}))
    assert (401, True, True) == (page.status_code, "already used" in page.text, "ask the owner" in page.text)
    assert (401, "request.unauthenticated") == (problem.status_code, problem.json()["code"])


@pytest.mark.parametrize(
    ("headers", "is_shown"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"referer": "http://127.0.0.1:8080/compose"}, True),
        ({"sec-fetch-site": "none"}, False),
        ({"referer": "http://evil.example/"}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_say_what_was_done(sky: Skywrite, headers: dict[str, str], is_shown: bool) -> None:
    """Nobody else's link puts words on the page."""
    people = People(sky.context.store)
    cookie = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}"}
    page = browser(sky, "http://127.0.0.1:8080").get("/?done=Call+this+number", headers={**cookie, **headers})
    assert is_shown == ("Call this number" in page.text)


def test_the_step_from_another_site_leaves_its_words_behind(sky: Skywrite) -> None:
    """What another site wrote into the address does not come along."""
    client = browser(sky, "http://127.0.0.1:8080")
    page = client.get("/?done=Call&view=week", headers={**PAGE, "sec-fetch-site": "cross-site"})
    assert ('href="/?view=week"' in page.text, "Call" in page.text) == (True, False)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/settings/keys", {"name": "Once", "scope-read": "1"}),
        ("/settings/webhooks", {"url": "https://example.com/hook"}),
        ("/settings/calendars", {"name": "Once"}),
        ("/settings/people", {"name": "Ann", "role": "writer"}),
    ],
)
def test_reloading_makes_no_second_secret(sky: Skywrite, path: str, form: dict[str, str]) -> None:
    """After the form the browser is at an address that shows the secret once, to whom it belongs."""
    people = People(sky.context.store)
    mine, other = (
        {"cookie": f"{COOKIE}={people.begin_session(person.id)}"}
        for person in (people.owner(), people.add("B", "owner"))
    )
    client = browser(sky, "http://127.0.0.1:8080")
    sent = client.post(path, data=form, headers=mine)
    assert 303 == sent.status_code
    seen = [client.get(sent.headers["location"], headers=who).text for who in (other, mine, mine)]
    assert [False, True, False] == ['class="secret"' in page for page in seen]
