"""Webhooks, as a receiver sees them: signed by the standard, tried again, disabled, replayed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Oracle

from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import Api


@dataclass
class Receiver:
    """A receiver of webhooks on this computer; `statuses` are what it answers, the last one for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [204])
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """What came, once so many messages did."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.got) >= count, PATIENCE_SECONDS), (
                f"{len(self.got)} of {count} messages came"
            )
            return self.got[:count]

    def wait_for(self, kind: str, post_id: int) -> dict[str, Any]:
        """The message about a post, once it came; others may come before it, since the server's demo goes on."""

        def found() -> dict[str, Any] | None:
            messages = (json.loads(body) for _, body in self.got)
            return next((one for one in messages if (one["type"], one["data"].get("id")) == (kind, post_id)), None)

        with self.news:
            assert self.news.wait_for(found, PATIENCE_SECONDS), f"{kind} of post {post_id} did not come"
            message = found()
        assert message is not None
        return message


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with receiver.news:
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
                receiver.news.notify_all()
            self.send_response(status)
            self.send_header("location", receiver.url)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


def add(api: Api, receiver: Receiver, **options: Any) -> dict[str, Any]:
    """A webhook at the receiver, by default for what happens to no post of the demo."""
    answer = api.post("/webhooks", {"url": receiver.url, "kinds": ["post.cancelled"], **options})
    assert 201 == answer.status_code, answer.text
    webhook: dict[str, Any] = answer.json()
    return webhook


def log_of(api: Api, hook: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a webhook, the latest first."""
    deliveries: list[dict[str, Any]] = api.get(f"/webhooks/{hook['id']}/deliveries").json()["deliveries"]
    return deliveries


def test_events_arrive_signed(everything: Api, receiver: Receiver, fresh_key: str) -> None:
    """A cancelled post is reported in a message that the library of Standard Webhooks accepts."""
    hook = add(everything, receiver, kinds=["post.cancelled"])
    post = everything.post("/posts", {"text": f"Cancel {fresh_key}", "at": "2030-01-01T00:00:00Z"}).json()
    everything.delete(f"/posts/{post['id']}")
    headers, body = receiver.wait(1)[0]
    message = Oracle(hook["secret"]).verify(body, headers)
    assert ("post.cancelled", post["id"], "alice.test") == (
        message["type"],
        message["data"]["id"],
        message["data"]["account"],
    )
    everything.delete(f"/webhooks/{hook['id']}")


def test_failures_are_tried_again_under_the_same_id(everything: Api, receiver: Receiver) -> None:
    """A redirect is a failure; five seconds later the same message comes again, with the same id."""
    receiver.statuses = [302, 200]
    hook = add(everything, receiver)
    everything.post(f"/webhooks/{hook['id']}/test")
    first, second = receiver.wait(2)
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    Oracle(hook["secret"]).verify(second[1], second[0])
    everything.delete(f"/webhooks/{hook['id']}")


def test_gone_disables(everything: Api, receiver: Receiver) -> None:
    """A receiver that answers 410 gets nothing more, and the webhook says why."""
    receiver.statuses = [410]
    hook = add(everything, receiver)
    everything.post(f"/webhooks/{hook['id']}/test")
    receiver.wait(1)
    shown = _until(lambda: everything.get(f"/webhooks/{hook['id']}").json(), lambda hook: hook["state"] == "disabled")
    assert "410" in shown["reason"]
    everything.delete(f"/webhooks/{hook['id']}")


def test_both_secrets_sign_while_one_changes(everything: Api, receiver: Receiver) -> None:
    """After a change of the secret messages are signed by both, so that receivers may change when they like."""
    hook = add(everything, receiver)
    changed = everything.post(f"/webhooks/{hook['id']}/secret").json()
    everything.post(f"/webhooks/{hook['id']}/test")
    headers, body = receiver.wait(1)[0]
    assert 2 == len(headers["webhook-signature"].split())
    for secret in (hook["secret"], changed["secret"]):
        Oracle(secret).verify(body, headers)
    everything.delete(f"/webhooks/{hook['id']}")


def test_messages_are_replayed_and_paused(everything: Api, receiver: Receiver) -> None:
    """A message may be sent again; a paused webhook keeps its messages until it goes on."""
    hook = add(everything, receiver)
    everything.post(f"/webhooks/{hook['id']}/test")
    receiver.wait(1)
    _until(lambda: log_of(everything, hook), lambda log: log[0]["state"] == "delivered")
    everything.patch(f"/webhooks/{hook['id']}", {"state": "paused"})
    number = log_of(everything, hook)[0]["id"]
    assert "waiting" == everything.post(f"/webhooks/{hook['id']}/deliveries/{number}/replay").json()["state"]
    assert 1 == len(receiver.got)
    everything.patch(f"/webhooks/{hook['id']}", {"state": "active"})
    first, second = receiver.wait(2)
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    everything.delete(f"/webhooks/{hook['id']}")


def test_secrets_are_shown_once(everything: Api, receiver: Receiver) -> None:
    """Neither the list nor the webhook itself shows the secret again."""
    hook = add(everything, receiver)
    shown = json.dumps([everything.get("/webhooks").json(), everything.get(f"/webhooks/{hook['id']}").json()])
    assert hook["secret"] not in shown
    everything.delete(f"/webhooks/{hook['id']}")


def _until(ask: Any, good: Any) -> Any:
    """Ask until the answer is good; not so often that the server refuses to answer."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not good(answer := ask()):
        assert time.monotonic() < until, f"it stayed {answer}"
        threading.Event().wait(0.2)
    return answer
