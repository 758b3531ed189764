"""Bad input and attacks: each is refused with a reason, and nothing comes of it."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from skywrite.queue.api_keys import new_key
from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import COOKIE, Api, Server, demo_server, start

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of its own: wrong secrets are counted by address, for all who ask from it."""
    with demo_server() as started:
        yield started


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"{" * 10, 400, "body.malformed"),
        (b'{"text": "\xff\xfe"}', 400, "body.malformed"),
        (b'{"text": "\\ud800"}', 400, "body.malformed"),
        (b'{"text": "a\\u0000b"}', 422, "body.invalid"),
        (b"[]", 422, "body.invalid"),
        (b'{"text": 5}', 422, "body.invalid"),
        (b'{"colour": "red"}', 422, "body.invalid"),
        (b'{"id": 5}', 422, "body.invalid"),
        (b'{"images": [{"path": "/etc/passwd"}]}', 422, "body.invalid"),
        (b'{"text": ' + b"[" * 100 + b"]" * 100 + b"}", 400, "body.malformed"),
        (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "body.malformed"),
        (b'{"text": [' + b"[]," * 330_000 + b"1]}", 400, "body.malformed"),
        (b'{"text": "' + b"a" * 1_000_001 + b'"}', 413, "body.too_large"),
    ],
    ids=["cut", "bytes", "surrogate", "nul", "list", "number", "unknown", "id", "path", "deep", "far", "many", "large"],
)
def test_bodies_that_are_wrong(everything: Api, body: bytes, status: int, error: str) -> None:
    """A body that is too large, too deep, of too many values, of the wrong type or with unknown fields is refused."""
    answer = everything.send("POST", "/posts", content=body, headers=JSON)
    assert (status, error) == (answer.status_code, answer.json()["code"])
    assert "application/problem+json" == answer.headers["content-type"]


def test_unknown_fields_are_named(everything: Api) -> None:
    """The answer says which field is not known."""
    assert "colour" in everything.post("/posts", {"text": "a", "colour": "red"}).json()["detail"]
    assert "colour" in everything.get("/posts?colour=red").json()["detail"]
    assert "images" in everything.post("/posts", {"images": [{"media": 5}]}).json()["detail"]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "bnVsbA", "W251bGwsMV0x", "WzEsMl0", "eyJhIjoxfQ", "é", "a" * 5000])
def test_bad_cursors(everything: Api, cursor: str) -> None:
    """A cursor that the server did not make is refused."""
    assert (400, "cursor.invalid") == _said(everything.get(f"/posts?cursor={cursor}"))


@pytest.mark.parametrize("number", ["0", "-1", "9223372036854775808", "1e3", "abc", "1%00"])
def test_numbers_that_are_none(everything: Api, number: str) -> None:
    """A number that no post can have is an error of the request."""
    assert everything.get(f"/posts/{number}").status_code in (400, 404, 422)


@pytest.mark.parametrize(
    "place", ["/api/v1/posts?key={}", "/api/v1/posts?x={}", "/{}", "/api/v1/posts/{}", "/mcp?api_key={}"]
)
def test_keys_in_addresses_are_refused(server: Server, place: str) -> None:
    """A key in an address is refused, whether or not it is valid, and the hint says where it belongs."""
    answer = server.request("GET", place.format(new_key()))
    assert (400, "request.key_in_address") == _said(answer)
    assert "Authorization" in answer.json()["hint"]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
    ],
    ids=["cross-site", "same-site", "origin", "null", "port"],
)
def test_other_sites_cannot_act(server: Server, headers: dict[str, str]) -> None:
    """A request that another site made the browser send is refused, though it carries the session's cookie."""
    answer = server.as_owner().post("/posts", {"text": "By another site", "draft": True}, headers=headers)
    assert (403, "request.foreign") == _said(answer)


def test_own_pages_can_act(server: Server) -> None:
    """Requests of our own pages are let through."""
    own = {"sec-fetch-site": "same-origin", "origin": server.url}
    assert 201 == server.as_owner().post("/posts", {"text": "Mine", "draft": True}, headers=own).status_code
    assert (
        201
        == server.as_owner().post("/posts", {"text": "Ours", "draft": True}, headers={"origin": server.url}).status_code
    )


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "127.0.0.1/x", "["]
)
def test_rebound_names_are_refused(server: Server, host: str) -> None:
    """A request for a host that this server is not is refused (DNS rebinding)."""
    answer = server.request("GET", "/healthz", headers={"host": host})
    assert 400 == answer.status_code


def test_answers_are_shown_nowhere_else(server: Server, everything: Api) -> None:
    """No answer may be framed, sniffed, or kept by caches."""
    for answer in (server.request("GET", "/"), everything.get("/posts"), server.request("GET", "/nowhere")):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert ("DENY", "nosniff") == (answer.headers["x-frame-options"], answer.headers["x-content-type-options"])
        assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "media.unsupported"),
        (b"<!doctype html><script>alert(1)</script>", "media.unsupported"),
        (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", None),
        (b"GIF89a<script>alert(1)</script>", None),
        (b"%PDF-1.7", "media.unsupported"),
        (b"x", "media.unsupported"),
    ],
    ids=["svg", "html", "png", "gif", "pdf", "x"],
)
def test_uploads_that_are_no_images(everything: Api, data: bytes, error: str | None) -> None:
    """SVG, HTML and what only pretends to be an image is refused."""
    answer = everything.send("POST", "/media", content=data, headers={"content-type": "image/png"})
    assert 422 == answer.status_code
    assert error is None or error == answer.json()["code"]


def test_names_of_uploads_are_only_shown(everything: Api, image: bytes) -> None:
    """The name of an upload leads nowhere, whatever it is."""
    answer = everything.send("POST", "/media?name=../../../etc/x%0A%1b[31m.png", content=image)
    assert (201, "x[31m.png") == (answer.status_code, answer.json()["name"])
    assert 404 == everything.get(f"/media/{'..%2F' * 3}etc").status_code


def one_too_many(guess: Callable[[], httpx.Response], began: float) -> httpx.Response:
    """The answer to a guess after the twentieth; each half minute that these have taken allows for one more."""
    for number in itertools.count(1):
        answer = guess()
        if answer.status_code == 429 or number > (time.monotonic() - began) / 30:
            break
    return answer


def test_wrong_keys_are_bounded() -> None:
    """After twenty wrong keys, links or calendars an address learns nothing any more; what is right still works."""
    server, began = start("--demo", "--no-worker", environ={}), time.monotonic()
    with server.child:
        wrong = [Api(server.url, {"authorization": f"Bearer {new_key()}"}).get("/posts") for _ in range(18)]
        guesses = (f"/sign-in/{'a' * 32}", f"/calendar/{'a' * 30}.ics", f"/rss/{'a' * 30}.xml")
        wrong += [server.request("GET", guess) for guess in guesses[:2]]
        assert [401] * 19 + [404] == [answer.status_code for answer in wrong]
        refused = one_too_many(lambda: server.request("GET", guesses[2]), began)
        assert (429, True) == (refused.status_code, int(refused.headers["retry-after"]) > 0)
        assert 303 == httpx.get(server.sign_in_url, timeout=PATIENCE_SECONDS).status_code


@pytest.mark.parametrize(("options", "last"), [((), 429), (("--proxy", "127.0.0.1"), 401)], ids=["alone", "proxy"])
def test_only_a_listed_proxy_says_who_asks(options: tuple[str, ...], last: int) -> None:
    """X-Forwarded-For is believed from a proxy that was named, and from nobody else."""
    server, began, numbers = start("--demo", "--no-worker", *options, environ={}), time.monotonic(), itertools.count()

    def guess() -> httpx.Response:
        headers = {"authorization": f"Bearer {new_key()}", "x-forwarded-for": f"192.0.2.{next(numbers)}"}
        return server.request("GET", "/api/v1/posts", headers=headers)

    with server.child:
        assert [401] * 20 == [guess().status_code for _ in range(20)]
        assert last == one_too_many(guess, began).status_code


def test_a_link_signs_in_once(server: Server) -> None:
    """A sign-in link works once, begins a session of its own whatever the browser sent, and leads to our page only."""
    child = start("--demo", "--no-worker", environ={})
    with child.child:
        looked = httpx.head(
            child.sign_in_url, headers={"cookie": f"{COOKIE}=chosen-by-another"}, timeout=PATIENCE_SECONDS
        )
        first = httpx.get(
            child.sign_in_url + "?next=//evil.example",
            headers={"cookie": f"{COOKIE}=chosen-by-another"},
            timeout=PATIENCE_SECONDS,
        )
        second = httpx.get(child.sign_in_url, timeout=PATIENCE_SECONDS)
        assert (204, 303, 401) == (looked.status_code, first.status_code, second.status_code)
        assert "/" == first.headers["location"]
        cookie = first.headers["set-cookie"]
        assert "chosen-by-another" not in cookie
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_signing_out_ends_the_session(quiet_server: Server) -> None:
    """After sign-out the cookie is worth nothing, and the browser forgets our pages."""
    from tests.support.serving import sign_in

    server = start("--demo", "--no-worker", environ={})
    with server.child:
        server.owner = sign_in(server)
        assert 200 == server.as_owner().get("/posts").status_code
        out = server.request("POST", "/sign-out", headers={"cookie": f"{COOKIE}={server.owner}"})
        assert (303, "/") == (out.status_code, out.headers["location"])
        assert '"cache"' in out.headers["clear-site-data"]
        assert 401 == server.as_owner().get("/posts").status_code


def test_slow_clients_hold_up_nobody(server: Server, everything: Api) -> None:
    """Fifty clients that never finish their requests leave the others alone."""
    place = urlsplit(server.url)
    slow = [socket.create_connection((place.hostname or "", place.port or 0)) for _ in range(50)]
    try:
        for number, client in enumerate(slow):
            whole = number % 2 == 0
            head = f"POST /api/v1/posts HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 100\r\n"
            client.sendall(
                f"{head}Authorization: Bearer {new_key()}\r\n\r\n{{".encode() if not whole else head.encode()
            )
        assert 200 == everything.get("/posts").status_code
    finally:
        for client in slow:
            client.close()


def test_stored_markup_is_data(everything: Api) -> None:
    """A text that looks like a page comes back as JSON that no browser takes for one."""
    text = "<script>alert(1)</script>"
    response = everything.post("/posts", {"text": text, "draft": True})
    answer = everything.get(f"/posts/{response.json()['id']}")
    assert (text, "application/json") == (answer.json()["text"], answer.headers["content-type"])


def test_addresses_inside_are_not_opened(everything: Api) -> None:
    """An image at an address of the own network is refused by the fetch guard."""
    for url in ("http://169.254.169.254/x.png", "http://[::1]/x.png", "file:///etc/passwd", "gopher://a/"):
        assert 422 == everything.post("/posts", {"text": "a", "images": [{"url": url}]}).status_code


def test_serving_everyone_needs_someone_known(tmp_path: Any) -> None:
    """On 0.0.0.0 the server refuses to start without a public address, and without a key or passkey."""
    from tests.support.processes import python_child

    words = ("-m", "skywrite.faces.cli.main", "serve", "--port", "0", "--host", "0.0.0.0", "--json")
    environ = {"SKYWRITE_HOME": str(tmp_path)}
    for more in ((), ("--public-url", "https://posts.example.com")):
        with python_child(*words, *more, environ=environ) as child:
            assert 2 == child.wait()
            assert "server.not_secured" in child.output


@pytest.fixture
def image() -> bytes:
    """A small PNG."""
    import io

    from PIL import Image

    with io.BytesIO() as data:
        Image.new("RGB", (16, 12), "red").save(data, "PNG")
        return data.getvalue()


def _said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("query", ["account=alice.test&account=bob.test", "limit=1&limit=3", "cursor=a&cursor=b"])
def test_a_field_of_the_address_is_given_once(everything: Api, query: str) -> None:
    """Of two values neither is taken silently; several states are a list."""
    assert (400, "request.malformed") == _said(everything.get(f"/posts?{query}"))
    assert 200 == everything.get("/posts?state=draft&state=scheduled").status_code
