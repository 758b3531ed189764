"""Reposts and pins over HTTP and MCP."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS, Access
from skywrite.app.operations.shapes import ById
from skywrite.core.errors import InputError
from skywrite.faces.server.app import make_app
from skywrite.faces.server.security import Origin
from skywrite.features.agents.tools import find_resource, find_tool, tools_for
from skywrite.features.reposts.operations import AddPin, AddRepost, AddUnpin, ListReposts
from skywrite.features.reposts.service import REPOST, RepostTask
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.api_keys import SCOPES, ApiKeys, Scope
from tests.support.errors import fails
from tests.support.world import World

AT = "2032-05-06T07:00:00Z"


@pytest.fixture
def access(sky: Skywrite) -> Access:
    """A caller with all rights."""
    return Access(sky, frozenset(SCOPES), who="key 1")


def run(access: Access, name: str, request: Any) -> Any:
    """One operation of the table."""
    return OPERATIONS[name].run(access, request)


@pytest.fixture
def client(sky: Skywrite) -> TestClient:
    """Requests of somebody who has to show a key."""
    return TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1/api/v1")


def with_key(sky: Skywrite, *scopes: Scope) -> dict[str, str]:
    """The headers of a new key."""
    _, secret = ApiKeys(sky.context.store).add(" ".join(scopes), scopes)
    return {"authorization": f"Bearer {secret}"}


def test_a_repost_over_http(sky: Skywrite, client: TestClient) -> None:
    """It is created once for its key, found where the response says, and cancelled; other content is refused."""
    sent = sky.post("Again for those who were asleep")
    headers = {**with_key(sky, "read", "schedule", "publish"), "idempotency-key": "again-1"}
    body = {"target": sent.id, "at": AT, "undo_after": "24h"}
    first, same = (client.post("/reposts", json=body, headers=headers) for _ in range(2))
    assert ([201, 200], first.json()["id"]) == ([first.status_code, same.status_code], same.json()["id"])
    assert ("repost", "waiting", sent.uri, AT.replace("Z", ".000Z")) == tuple(
        first.json()[name] for name in ("kind", "state", "uri", "due_at")
    )
    other = client.post("/reposts", json={**body, "undo_after": "48h"}, headers=headers)
    assert (422, "post_key.reused") == (other.status_code, other.json()["code"])
    place = first.headers["location"].removeprefix("/api/v1")
    repost = client.get(place, headers=headers).json()
    assert [repost] == client.get("/reposts", headers=headers).json()["reposts"]
    cancelled = client.delete(place, headers=headers).json()
    assert (first.json()["id"], "cancelled") == (cancelled["id"], cancelled["state"])
    wrong = client.post("/reposts", json={"target": ""}, headers=headers)
    assert (404, 422) == (client.get("/reposts/99", headers=headers).status_code, wrong.status_code)


def test_the_scopes(sky: Skywrite, client: TestClient) -> None:
    """Nobody approves reposts and pins, so they need `publish`; cancelling needs `schedule`, looking `read`."""
    body = {"target": sky.post("Pin me").id, "at": AT}
    number = client.post("/reposts/pin", json=body, headers=with_key(sky, "publish")).json()["id"]
    agent, looking = with_key(sky, "read", "draft", "schedule"), with_key(sky, "read")
    for path in ("/reposts", "/reposts/pin", "/reposts/unpin"):
        assert 403 == client.post(path, json=body, headers=agent).status_code
    assert [200, 403, 200] == [
        client.request(method, path, headers=headers).status_code
        for method, path, headers in (
            ("GET", "/reposts", looking),
            ("DELETE", f"/reposts/{number}", looking),
            ("DELETE", f"/reposts/{number}", agent),
        )
    ]


def test_they_do_what_they_say(sky: Skywrite, world: World, access: Access) -> None:
    """A worker reposts, pins and unpins at their times, each once."""
    sent = sky.post("Do it")
    for name, request in (
        ("reposts.create", AddRepost(target=sent.id or 0, key="one", every="daily 18:00", zone="UTC")),
        ("reposts.pin", AddPin(target=sent.uri, key="two", at="in 1 hour")),
        ("reposts.unpin", AddUnpin(target=str(sent.id), key="three", at="in 2 days")),
    ):
        assert [True, False] == [run(access, name, request).created for _ in range(2)]
    assert ["pin", "repost", "unpin"] == [item.kind for item in run(access, "reposts.list", ListReposts()).reposts]
    seen = []
    for hours in (1, 5, 48):
        world.clock.advance(hours * 3600)
        take_all(RepostTask(sky.context))
        (profile,) = world.box.records("alice.test", "app.bsky.actor.profile")
        seen.append(("pinnedPost" in profile.value, len(world.box.records("alice.test", REPOST))))
    assert [(True, 0), (True, 1), (False, 1)] == seen


def test_what_is_of_other_accounts_stays_unknown(sky: Skywrite, world: World, access: Access) -> None:
    """A key for bob finds neither alice's posts nor her reposts; it may repost what is public."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    sent = sky.post("Hello from alice", account="alice.test")
    hers = run(access, "reposts.create", AddRepost(target=sent.uri, account="alice.test"))
    bob = access._replace(accounts=frozenset({sky.accounts.get("bob.test").did}))
    with fails("post.unknown"):
        run(bob, "reposts.create", AddRepost(target=sent.id or 0))
    for name in ("reposts.get", "reposts.cancel"):
        with fails("action.unknown"):
            run(bob, name, ById(hers.id))
    his = run(bob, "reposts.create", AddRepost(target=sent.uri))
    assert ("bob.test", [his.id]) == (
        his.account,
        [item.id for item in run(bob, "reposts.list", ListReposts()).reposts],
    )
    with pytest.raises(InputError, match="is not a post of bob"):
        run(bob, "reposts.pin", AddPin(target=sent.uri))


def test_a_post_that_was_deleted_is_refused(sky: Skywrite) -> None:
    """Before anybody waits for a repost that cannot come."""
    sent = sky.post("Never mind")
    sky.posts.delete(sent.id or 0)
    with pytest.raises(InputError, match="deleted"):
        sky.reposts.repost(sent.id or 0)


def test_a_key_stands_for_one_thing(sky: Skywrite, access: Access) -> None:
    """On the command line and over the API: a repost is no pin."""
    sent = sky.post("Once")
    first = sky.reposts.repost(sent.uri, key="mine")
    assert first == sky.reposts.repost(sent.uri, key="mine")
    with fails("post_key.reused"):
        sky.reposts.pin(sent.uri, key="mine")
    with fails("post_key.reused"):
        run(access, "reposts.pin", AddPin(target=sent.uri, key="mine"))
    assert first.id == run(access, "reposts.create", AddRepost(target=sent.uri, key="mine")).id


def test_a_key_stands_for_one_request(sky: Skywrite, access: Access) -> None:
    """The same request again is told what there is; another one with its key is refused, and adds nothing."""
    sent = sky.post("Once and not otherwise")
    asked = AddRepost(target=sent.uri, key="mine", at="tomorrow 9:00")
    first, again = (run(access, "reposts.create", asked) for _ in range(2))
    assert (first.id, True, False) == (again.id, first.created, again.created)
    with fails("post_key.reused"):
        run(access, "reposts.create", AddRepost(target=sent.uri, key="mine", at="tomorrow 10:00"))
    assert [first.id] == [item.id for item in run(access, "reposts.list", ListReposts()).reposts]


def test_agents_need_a_key_and_publish(sky: Skywrite, access: Access) -> None:
    """`repost_post` is there for keys that may publish, and reposts once; the resource shows what waits."""
    sent = sky.post("Once more")
    tool = find_tool("repost_post")
    assert tool not in tools_for(access._replace(scopes=frozenset({"read", "draft", "schedule"})))
    assert {"target", "key"} <= set(tool.input_schema()["required"])
    with pytest.raises(InputError, match="needs a key"):
        tool.call(access, {"target": sent.uri})
    with fails("access.denied"):
        tool.call(access._replace(scopes=frozenset({"schedule"})), {"target": sent.uri, "key": "agent-1"})
    first, second = (tool.call(access, {"target": sent.uri, "key": "agent-1"}) for _ in range(2))
    assert (first["id"], True, False) == (second["id"], first["created"], second["created"])
    assert sent.uri in find_resource("skywrite://reposts").read(access)
