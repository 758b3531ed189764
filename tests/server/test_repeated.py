"""Repeated requests: whoever lost an answer asks again with the same key, and nothing is done twice.

The walk is made from the table: an operation that is added takes part by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from skywrite.app.operations import OPERATIONS
from skywrite.app.operations.once import takes_key
from skywrite.core.errors import StorageError
from skywrite.queue.api_keys import SCOPES
from skywrite.queue.identities import MADE_KEYS
from skywrite.queue.webhooks import Webhooks
from tests.server.rights_world import ALL, AT, World, build
from tests.server.test_rights import KEYED, UNREACHED, made, usual
from tests.support.feed_server import feed_server, item, rss
from tests.support.stored import fast_folder

CHANGING = [name for name in KEYED if OPERATIONS[name].method == "POST" and not OPERATIONS[name].read_only]
# What only a post in a state allows.
IN_STATE = {"posts.hold": "scheduled", "posts.release": "held", "posts.retry": "failed"}
WEBHOOK = {"url": "https://receiver.example/", "name": "mine"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Something of every noun."""
    with feed_server() as feeds, fast_folder() as folder:
        for owner in ("alice", "bob", "both", "new"):
            feeds.pages[f"/{owner}?token=secret-of-{owner}"] = rss(item(f"news-{owner}"), title=owner)
        yield build(folder / "whole", feeds.url)


@pytest.fixture
def copy(world: World) -> Iterator[World]:
    """A copy of it."""
    with fast_folder() as folder:
        yield world.copy(folder / "copy")


def _post(world: World, client: TestClient, path: str, fields: Any, key: str | None) -> Any:
    headers = {"authorization": f"Bearer {world.keys[ALL, frozenset(SCOPES)]}"}
    return client.post(
        f"/api/v1{path}", json=fields, headers=headers | ({} if key is None else {"idempotency-key": key})
    )


@pytest.mark.parametrize("name", CHANGING)
def test_a_repeated_request_is_one(copy: World, name: str) -> None:
    """Whatever a key of a program may ask for with POST: the same request again finds what the first one did."""
    values, owners = usual(copy, OPERATIONS[name], ALL)
    if name in IN_STATE:
        values["id"] = copy.of(IN_STATE[name], "alice")[0]
    if name == "feeds.add":
        values["url"] = f"{copy.feeds_url}/new?token=secret-of-new"
    request = made(OPERATIONS[name], values, owners)
    with copy.served() as client:
        first = _post(copy, client, request.path, request.fields, "mine")
        between = copy.rows()
        again = _post(copy, client, request.path, request.fields, "mine")
        assert between == copy.rows()
    assert first.status_code in (200, 201) or name in UNREACHED
    status = 200 if first.is_success else first.status_code
    assert (status, _lasting(name, first.json())) == (again.status_code, _lasting(name, again.json()))


def _lasting(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer; where what was made is looked up again, without what is said once about what is new."""
    once = () if takes_key(OPERATIONS[name]) else ("created", "existed", "warnings", "notices")
    return {field: value for field, value in answer.items() if field not in once}


def test_another_content_is_another_request(copy: World) -> None:
    """It is refused; the same key means something else at another address, and to another caller."""
    with copy.served() as client:
        _post(copy, client, "/webhooks", WEBHOOK, "mine")
        answer = _post(copy, client, "/webhooks", {**WEBHOOK, "name": "another"}, "mine")
        assert (422, "post_key.reused") == (answer.status_code, answer.json()["code"])
        assert 422 == _post(copy, client, "/calendars", {"name": "mine"}, "mine").status_code
        headers = {"authorization": f"Bearer {copy.keys['alice', frozenset(SCOPES)]}", "idempotency-key": "mine"}
        assert 201 == client.post("/api/v1/webhooks", json=WEBHOOK, headers=headers).status_code


@pytest.mark.parametrize("key", ["", "x" * 501])
def test_a_key_that_is_none(copy: World, key: str) -> None:
    """An empty variable, and an endless one, are refused before anything is done."""
    before = copy.rows()
    with copy.served() as client:
        assert 422 == _post(copy, client, "/webhooks", WEBHOOK, key).status_code
    assert before == copy.rows()


def test_a_request_that_was_cut_off_is_not_done_again(copy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows whether it was done, so the answer to the second one says so; after a day the key is free."""
    with monkeypatch.context() as patched, copy.served() as client:
        patched.setattr(Webhooks, "add", lambda *arguments, **more: 1 / 0)
        assert 500 == _post(copy, client, "/webhooks", WEBHOOK, "mine").status_code
    with copy.served() as client:
        answer = _post(copy, client, "/webhooks", WEBHOOK, "mine")
    assert (409, "request.unsettled") == (answer.status_code, answer.json()["code"])


def test_a_request_that_was_refused_may_come_again(copy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed has done nothing: with the same key it is done later."""

    def fail(*arguments: object, **more: object) -> None:
        raise StorageError("The disk is full.")

    with copy.served() as client:
        with monkeypatch.context() as patched:
            patched.setattr(Webhooks, "add", fail)
            assert 503 == _post(copy, client, "/webhooks", WEBHOOK, "mine").status_code
        assert 201 == _post(copy, client, "/webhooks", WEBHOOK, "mine").status_code


@pytest.mark.parametrize("start", MADE_KEYS)
def test_keys_of_what_is_made_by_itself_are_refused(copy: World, start: str) -> None:
    """With one of them a key that only drafts would keep an answer, a follow-up or a feed's item from being made."""
    before = copy.rows()
    post = {"text": "Hello", "at": AT, "key": f"{start}1:1"}
    table = {"name": "plan.jsonl", "text": json.dumps(post)}
    with copy.served() as client:
        told = [
            _post(copy, client, "/posts", {"text": "Hello", "draft": True}, f"{start}1:1"),
            _post(copy, client, "/posts", {"text": "Hello", "draft": True, "key": f"{start}1:1"}, None),
            _post(copy, client, "/posts/batch", {"posts": [post]}, None),
            _post(copy, client, "/imports", table, None),
        ]
    assert [422] * 4 == [answer.status_code for answer in told]
    assert ["post_key.reserved"] * 2 == [answer.json()["code"] for answer in told[:2]]
    assert before == copy.rows()
