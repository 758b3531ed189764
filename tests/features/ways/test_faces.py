"""Ways of answering over HTTP: who lets an address answer publishes what it says."""

from __future__ import annotations

from tests.support.serving import Api, Server


def test_a_key_that_publishes_nothing_lets_nothing_answer(quiet_server: Server) -> None:
    """A key that manages, but may not publish, adds no way of answering and lets none go on; it may stop one."""
    manager: Api = quiet_server.with_key("read", "manage")
    publisher = quiet_server.with_key("read", "manage", "publish")
    body = {"url": "https://example.com/answer", "account": "alice.test"}
    number = publisher.post("/ways", body).json()["id"]
    refused = [manager.post("/ways", body), manager.patch(f"/ways/{number}", {"state": "active"})]
    assert ["access.denied"] * 2 == [answer.json().get("code") for answer in refused]
    assert "paused" == manager.patch(f"/ways/{number}", {"state": "paused"}).json()["state"]
    assert "active" == publisher.patch(f"/ways/{number}", {"state": "active"}).json()["state"]
    assert 200 == manager.delete(f"/ways/{number}").status_code
