"""Hooks, attacked from outside: what is not signed, fresh and for this hook makes nothing, and all else one post."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook as Oracle

from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import Api, Server, demo_server

TEMPLATE = "{{ release.name }} is out: {{ release.html_url }}"
RELEASE = {"action": "published", "release": {"name": "Kite 2.0", "html_url": "https://example.com/kite/2.0"}}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of its own: wrong secrets are counted by address, for all who ask from it."""
    with demo_server("--no-worker") as started:
        yield started


class Hook:
    """A hook of alice, and whoever sends to it."""

    def __init__(self, api: Api, url: str, name: str, kind: str, **more: Any) -> None:
        response = api.post(
            "/hooks", {"name": name, "kind": kind, "template": TEMPLATE, "account": "alice.test", **more}
        )
        assert 201 == response.status_code, response.text
        self.api, self.number, self.kind = api, response.json()["id"], kind
        self.secret, self.url = response.json()["secret"], f"{url}/hooks/{name}"
        # Wrong secrets are counted by where they come from: each hook has senders of its own.
        self.address = f"127.0.0.{10 + self.number % 200}"

    @property
    def here(self) -> httpx.HTTPTransport:
        """A connection from the senders' computer."""
        return httpx.HTTPTransport(local_address=self.address)

    def body(self, **more: Any) -> bytes:
        """A message with another content each time that it says so."""
        return json.dumps({**RELEASE, **more}).encode()

    def signed(self, body: bytes, *, secret: str = "", at: float = 0, name: str = "msg_1") -> dict[str, str]:
        """The headers of the program that knows the secret."""
        secret, at = secret or self.secret, at or time.time()
        mac = hmac.new(secret.encode(), body, sha256)
        if self.kind == "github":
            return {"x-hub-signature-256": f"sha256={mac.hexdigest()}", "x-github-delivery": name}
        if self.kind == "ghost":
            moment = str(int(at * 1000))
            mac.update(moment.encode())
            return {"x-ghost-signature": f"sha256={mac.hexdigest()}, t={moment}"}
        if self.kind in ("shopify", "woocommerce"):
            header = {"shopify": "x-shopify-hmac-sha256", "woocommerce": "x-wc-webhook-signature"}[self.kind]
            return {header: base64.b64encode(mac.digest()).decode()}
        if self.kind == "standard":
            key = base64.b64decode(secret.removeprefix("whsec_"))
            signed = hmac.new(key, f"{name}.{int(at)}.".encode() + body, sha256).digest()
            signature = f"v1,{base64.b64encode(signed).decode()}"
            return {"webhook-id": name, "webhook-timestamp": str(int(at)), "webhook-signature": signature}
        return {"authorization": f"Bearer {secret}", "idempotency-key": name}

    def send(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Send a message."""
        kind = {"content-type": "application/json", **headers}
        with httpx.Client(transport=self.here, timeout=PATIENCE_SECONDS) as client:
            return client.post(self.url, content=body, headers=kind)

    def posts(self) -> list[dict[str, Any]]:
        """What came of messages."""
        source = f"hook:{self.url.rpartition('/')[2]}"
        states = "draft,scheduled,publishing,published,held,failed"
        listed = self.api.get(f"/posts?limit=500&state={states}").json()["posts"]
        return [post for post in listed if post["source"] == source]


@pytest.fixture
def everything(server: Server) -> Api:
    """A key that may do everything."""
    return server.with_key("read", "draft", "schedule", "publish", "manage")


@pytest.fixture(params=["github", "standard", "ghost", "shopify", "woocommerce", "secret"])
def hook(request: pytest.FixtureRequest, everything: Api, server: Server, fresh_key: str) -> Hook:
    """A hook of each kind."""
    return Hook(everything, server.url, fresh_key, request.param)


def said(answer: httpx.Response) -> tuple[int, str]:
    """The status, and which error it is."""
    return answer.status_code, answer.json()["code"]


def test_a_signed_message_makes_one_draft(hook: Hook) -> None:
    """The template makes its text, it waits as a draft, and the same message again makes no second one."""
    body = hook.body()
    first, again = (hook.send(body, hook.signed(body)) for _ in range(2))
    (post,) = hook.posts()
    assert (201, {"outcome": "made", "post": post["id"], "state": "draft"}) == (first.status_code, first.json())
    assert (200, {"outcome": "repeated", "post": post["id"], "state": "draft"}) == (again.status_code, again.json())
    assert "Kite 2.0 is out: https://example.com/kite/2.0" == post["text"]
    shown = hook.api.get(f"/hooks/{hook.number}").json()
    assert ("repeated", post["id"], None) == (shown["outcome"], shown["post"], shown["error"])


def test_whatever_is_forged_makes_nothing(hook: Hook, everything: Api, server: Server, fresh_key: str) -> None:
    """Changed content, another hook's secret, a signature of nothing, no signature: refused, and nothing is stored."""
    body = hook.body()
    other = Hook(everything, server.url, f"{fresh_key}-other", hook.kind)
    good = hook.signed(body)
    empty = dict.fromkeys(good, "")
    garbled = {name: f"{value}é".encode() for name, value in good.items()}
    tries = [(body, hook.signed(body, secret=other.secret)), (body, {}), (body, empty), (body, garbled)]
    if hook.kind != "secret":
        tries.append((hook.body(action="forged"), good))
    answers = [hook.send(content, headers) for content, headers in tries]  # type: ignore[arg-type]
    assert {(401, "hook.signature_wrong"), (401, "hook.signature_missing")} >= {said(answer) for answer in answers}
    assert ([], None) == (hook.posts(), hook.api.get(f"/hooks/{hook.number}").json()["outcome"])


@pytest.mark.parametrize("kind", ["standard", "ghost"])
@pytest.mark.parametrize("aside", [-301, 330, -(10**9)])
def test_a_wrong_time_is_refused(everything: Api, server: Server, fresh_key: str, kind: str, aside: int) -> None:
    """A message that was signed more than five minutes ago, or ahead, is refused although its signature is right."""
    hook = Hook(everything, server.url, fresh_key, kind)
    body = hook.body()
    assert (401, "hook.too_old") == said(hook.send(body, hook.signed(body, at=time.time() + aside)))
    assert [] == hook.posts()


def test_a_replay_under_another_name_makes_nothing_more(everything: Api, server: Server, fresh_key: str) -> None:
    """GitHub signs the content and not the number of a delivery, so whoever saw one cannot send it as another."""
    hook = Hook(everything, server.url, fresh_key, "github")
    body = hook.body()
    hook.send(body, hook.signed(body, name="delivery-1"))
    assert "repeated" == hook.send(body, hook.signed(body, name="delivery-2")).json()["outcome"]
    assert 1 == len(hook.posts())


def test_standard_webhooks_are_those_of_the_library(everything: Api, server: Server, fresh_key: str) -> None:
    """What its own library signs is believed, also among signatures of other secrets; its number makes it the same."""
    from datetime import UTC, datetime

    hook = Hook(everything, server.url, fresh_key, "standard")
    body, now = hook.body(), datetime.now(UTC)
    signature = Oracle(hook.secret).sign("msg_7", now, body.decode())
    headers = {"webhook-id": "msg_7", "webhook-timestamp": str(int(now.timestamp()))}
    answer = hook.send(body, {**headers, "webhook-signature": f"v1,AAAA v1a,BBBB {signature}"})
    assert 201 == answer.status_code
    assert "made" == hook.send(body, hook.signed(body, name="msg_8")).json()["outcome"]


def test_equal_messages_at_once_make_one_post(everything: Api, server: Server, fresh_key: str) -> None:
    """Ten at the same moment are one post, and each sender is told so."""
    hook = Hook(everything, server.url, fresh_key, "github", publish=True)
    body, answers, ready = hook.body(), [], threading.Barrier(10)

    def send() -> None:
        ready.wait(PATIENCE_SECONDS)
        answers.append(hook.send(body, hook.signed(body)))

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (post,) = hook.posts()
    assert sorted([201] + [200] * 9) == sorted(answer.status_code for answer in answers), answers[0].text
    assert ({post["id"]}, "scheduled") == ({answer.json()["post"] for answer in answers}, post["state"])


def test_ten_megabytes_are_refused(hook: Hook) -> None:
    """Nothing so large is read, let alone checked; neither with a length nor in pieces without one."""
    body = hook.body(filler="x" * 10_000_000)
    whole = hook.send(body, hook.signed(body))
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    headers = {"content-type": "application/json", **hook.signed(body)}
    # The server may close the connection before all of it was sent.
    with suppress(httpx.WriteError), httpx.Client(transport=hook.here, timeout=PATIENCE_SECONDS) as client:
        assert (413, "body.too_large") == said(client.post(hook.url, content=pieces, headers=headers))
    assert ((413, "body.too_large"), []) == (said(whole), hook.posts())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"not json", 400, "body.malformed"),
        (b"[1]", 422, "body.invalid"),
        (b'{"release": ' + b"[" * 100 + b"]" * 100 + b"}", 400, "body.malformed"),
        (b'{"release": {"name": "only"}}', 422, "template.invalid"),
        (b'{"release": "a text"}', 422, "template.invalid"),
        (b'{"release": {"name": {}, "html_url": ""}}', 422, "template.invalid"),
        (json.dumps({"release": {"name": "x" * 400, "html_url": ""}}).encode(), 422, "text.too_long"),
    ],
    ids=["no json", "list", "deep", "missing", "text", "object", "long"],
)
def test_a_message_that_cannot_be_posted_says_why(
    everything: Api, server: Server, fresh_key: str, body: bytes, status: int, code: str
) -> None:
    """Signed, but not what the template needs: its sender is told, and so is whoever looks at the hook."""
    hook = Hook(everything, server.url, fresh_key, "github")
    assert (status, code) == said(hook.send(body, hook.signed(body)))
    shown = hook.api.get(f"/hooks/{hook.number}").json()
    # What is no object was never a message.
    noted = None if code.startswith("body.") else code
    assert (noted, []) == (shown["error"] and shown["error"]["code"], hook.posts())


def test_a_form_is_asked_for_json(everything: Api, server: Server, fresh_key: str) -> None:
    """GitHub's other content type is named, with where to change it."""
    hook = Hook(everything, server.url, fresh_key, "github")
    body = b"payload=%7B%7D"
    answer = hook.send(body, {**hook.signed(body), "content-type": "application/x-www-form-urlencoded"})
    assert (422, True) == (answer.status_code, "application/json" in answer.json()["hint"])


def test_a_try_of_the_address_makes_nothing(everything: Api, server: Server, fresh_key: str) -> None:
    """GitHub's ping is answered well, and a template without text makes no post."""
    template = "{% if action == 'published' %}{{ release.name }}{% endif %}"
    hook = Hook(everything, server.url, fresh_key, "github", template=template)
    ping = b'{"zen": "Keep it logically awesome."}'
    answer = hook.send(ping, {**hook.signed(ping), "x-github-event": "ping"})
    edited = hook.body(action="edited")
    other = hook.send(edited, hook.signed(edited))
    assert [(200, "nothing")] * 2 == [(one.status_code, one.json()["outcome"]) for one in (answer, other)]
    assert [] == hook.posts()


def test_what_others_write_is_only_text(everything: Api, server: Server, fresh_key: str) -> None:
    """A message notifies nobody, and its Markdown is no link."""
    hook = Hook(everything, server.url, fresh_key, "github", template="{{ release.name }}")
    name = "@bob.test says [click](https://evil.example)"
    body = json.dumps({"release": {"name": name}}).encode()
    hook.send(body, hook.signed(body))
    (post,) = hook.posts()
    shown = hook.api.get(f"/posts/{post['id']}").json()
    assert name == shown["text"]
    assert "#mention" not in json.dumps(shown.get("records", shown))


def test_an_unknown_hook_is_no_address(server: Server) -> None:
    """Neither by name nor by other methods is there anything to see."""
    assert (404, "hook.unknown") == said(server.request("POST", "/hooks/nobody", content=b"{}"))
    assert 405 == server.request("GET", "/hooks/nobody").status_code


def test_an_old_secret_ends_with_a_new_one(everything: Api, server: Server, fresh_key: str) -> None:
    """After a change the old secret is worth nothing, and after a removal neither is."""
    hook = Hook(everything, server.url, fresh_key, "secret")
    body = hook.body()
    secret = everything.post(f"/hooks/{hook.number}/secret", {"secret": "a secret of the other program"}).json()
    assert "a secret of the other program" == secret["secret"]
    assert 401 == hook.send(body, hook.signed(body)).status_code
    assert 201 == hook.send(body, hook.signed(body, secret=secret["secret"])).status_code
    everything.delete(f"/hooks/{hook.number}")
    assert 404 == hook.send(body, hook.signed(body, secret=secret["secret"])).status_code


def test_a_key_that_publishes_nothing_makes_no_hook_that_does(server: Server, everything: Api, fresh_key: str) -> None:
    """A key that manages, but may not publish, adds no such hook, and takes none over by its template or secret."""
    manager = server.with_key("read", "manage")
    body = {"name": fresh_key, "kind": "secret", "template": "{{ text }}"}
    drafting = manager.post("/hooks", body).json()["id"]
    publishing = everything.post("/hooks", {**body, "name": f"{fresh_key}-p", "publish": True}).json()["id"]
    answers = [
        manager.post("/hooks", {**body, "name": f"{fresh_key}-q", "publish": True}),
        manager.patch(f"/hooks/{drafting}", {"publish": True}),
        manager.patch(f"/hooks/{publishing}", {"template": "{{ other }}"}),
        manager.post(f"/hooks/{publishing}/secret"),
    ]
    assert ["access.denied"] * 4 == [answer.json().get("code") for answer in answers]
    harmless = [manager.patch(f"/hooks/{publishing}", {"publish": False}), manager.post(f"/hooks/{drafting}/secret")]
    assert [200, 200] == [answer.status_code for answer in harmless]


def test_a_secret_in_another_scheme_is_named(everything: Api, server: Server, fresh_key: str) -> None:
    """Whoever sends the right secret as a user's password hears which header to send."""
    hook = Hook(everything, server.url, fresh_key, "secret")
    answer = hook.send(hook.body(), {"authorization": f"Basic {hook.secret}"})
    assert ((401, "hook.signature_wrong"), True) == (said(answer), "Authorization: Bearer" in answer.json()["hint"])
