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


def test_an_address_or_a_grammar_answers(quiet_server: Server) -> None:
    """One of the two: never both, and never none; a grammar names no file of the server."""
    publisher = quiet_server.with_key("read", "manage", "publish")
    grammar = {"origin": ["Thank you!", "Thanks!"]}
    made = publisher.post("/ways", {"grammar": grammar, "distinct": 2, "account": "alice.test"}).json()
    assert ("text", "a grammar", 2, {"Thank you!", "Thanks!"}) == (
        *(made["kind"], made["what"], made["distinct"]),
        set(made["samples"]),
    )
    publisher.delete(f"/ways/{made['id']}")
    url = "https://example.com/answer"
    for given, said in (
        ({}, "Say what answers."),
        ({"url": url, "grammar": grammar}, "Say what answers."),
        ({"url": url, "distinct": 2}, "A number of distinct texts needs a grammar."),
        ({"grammar": {"origin": "{img a.png A}"}}, "only the grammar was sent"),
    ):
        answer = publisher.post("/ways", {**given, "account": "alice.test"})
        assert (422, True) == (answer.status_code, said in answer.json()["detail"])
