"""People over HTTP: who may invite, change and remove whom."""

from __future__ import annotations

import itertools

import pytest

from tests.server.conftest import Server

_names = itertools.count(1)
EVERYTHING = ("read", "draft", "schedule", "publish", "manage")


def test_people_come_change_and_go(server: Server) -> None:
    """An invitation signs in once; a role holds from the next request on; who is removed is out at once."""
    manager = server.with_key(*EVERYTHING)
    invited = manager.post("/people", {"name": "Ann", "role": "writer"})
    assert 201 == invited.status_code
    ann = invited.json()
    entered = server.request("GET", ann["sign_in"])
    assert (303, 401) == (entered.status_code, server.request("GET", ann["sign_in"]).status_code)
    session = {"cookie": entered.headers["set-cookie"].partition(";")[0]}
    assert 200 == server.request("GET", "/api/v1/posts", headers=session).status_code
    path = f"/people/{ann['id']}"
    assert "viewer" == manager.patch(path, {"role": "viewer"}).json()["role"]
    assert 403 == server.request("POST", "/api/v1/posts", headers=session, json={"text": "a"}).status_code
    assert ("Ann", "viewer") in [(one["name"], one["role"]) for one in manager.get("/people").json()["people"]]
    assert {"ok": True} == manager.delete(path).json()
    assert 401 == server.request("GET", "/api/v1/posts", headers=session).status_code
    assert 404 == manager.delete(path).status_code


def test_nobody_gives_or_takes_more_than_they_have(server: Server) -> None:
    """A key that may manage but not publish makes no approver, and removes none; a key for one account has no say."""
    everything, some = server.with_key(*EVERYTHING), server.with_key("read", "draft", "manage")
    owner = everything.post("/people", {"name": f"Owner {next(_names)}", "role": "owner"}).json()
    path = f"/people/{owner['id']}"
    answers = [
        some.post("/people", {"name": "Bob", "role": "approver"}),
        some.patch(path, {"role": "viewer"}),
        some.delete(path),
        server.with_key(*EVERYTHING, accounts=("alice.test",)).get("/people"),
        server.with_key("read", "draft", "schedule", "publish").get("/people"),
    ]
    assert [403] * 5 == [answer.status_code for answer in answers]
    assert 201 == some.post("/people", {"name": "Bob", "role": "writer"}).status_code
    assert 200 == everything.delete(path).status_code


@pytest.mark.parametrize("body", [{"role": "king", "name": "A"}, {"role": "viewer", "name": " "}, {"name": "A"}])
def test_invitations_that_are_wrong(server: Server, body: dict[str, str]) -> None:
    """An unknown role, an empty name, a missing field."""
    assert 422 == server.with_key(*EVERYTHING).post("/people", body).status_code
