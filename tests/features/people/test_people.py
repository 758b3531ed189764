"""People over HTTP: who may invite, change and remove whom."""

from __future__ import annotations

import itertools

import pytest

from tests.support.serving import Server

_names = itertools.count(1)
EVERYTHING = ("read", "draft", "schedule", "publish", "manage")


def test_people_come_change_and_go(server: Server) -> None:
    """An invitation signs in once; a role holds from the next request on; who is removed is out at once."""
    manager = server.as_owner()
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


def test_people_are_for_people(server: Server) -> None:
    """Keys for all accounts that may manage see who there is; only people invite, change and remove."""
    owner, key = server.as_owner(), server.with_key(*EVERYTHING)
    second = owner.post("/people", {"name": f"Owner {next(_names)}", "role": "owner"}).json()
    path = f"/people/{second['id']}"
    answers = [
        key.post("/people", {"name": "Bob", "role": "viewer"}),
        key.patch(path, {"role": "viewer"}),
        key.delete(path),
        server.with_key(*EVERYTHING, accounts=("alice.test",)).get("/people"),
        server.with_key("read", "draft", "schedule", "publish").get("/people"),
    ]
    assert [403] * 5 == [answer.status_code for answer in answers]
    assert (200, 200) == (key.get("/people").status_code, owner.delete(path).status_code)


@pytest.mark.parametrize("body", [{"role": "king", "name": "A"}, {"role": "viewer", "name": " "}, {"name": "A"}])
def test_invitations_that_are_wrong(server: Server, body: dict[str, str]) -> None:
    """An unknown role, an empty name, a missing field."""
    assert 422 == server.as_owner().post("/people", body).status_code
