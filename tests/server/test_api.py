"""The HTTP API: posts are accepted once, changed by those who saw them, and listed page by page."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from skywrite.app.operations import OPERATIONS
from skywrite.faces.server.openapi import document_text
from tests.support.serving import Api, Server

ROOT = Path(__file__).resolve().parents[2]
AT = "2030-01-01T10:00:00Z"


def test_a_post_is_accepted_once(everything: Api, fresh_key: str) -> None:
    """The first request is answered with 201, the same one again with 200 and the same id."""
    body = {"text": f"Once {fresh_key}", "at": AT}
    first = everything.post("/posts", body, headers={"idempotency-key": fresh_key})
    second = everything.post("/posts", body, headers={"idempotency-key": fresh_key})
    assert (201, 200) == (first.status_code, second.status_code)
    assert first.json()["id"] == second.json()["id"]
    assert f"/api/v1/posts/{first.json()['id']}" == first.headers["location"]


@pytest.mark.parametrize("other", [{"text": "Something else", "at": AT}, {"at": "2030-01-02T10:00:00Z"}])
def test_a_key_is_for_one_payload(everything: Api, fresh_key: str, other: dict[str, str]) -> None:
    """Another text or another time under a used key is refused with 422, and nothing is stored."""
    body = {"text": f"First {fresh_key}", "at": AT, "key": fresh_key}
    post = everything.post("/posts", body).json()
    answer = everything.post("/posts", {**body, **other})
    assert (422, "post_key.reused") == (answer.status_code, answer.json()["code"])
    told = {name: post[name] for name in ("warnings", "notices")}
    assert post == {**everything.get(f"/posts/{post['id']}").json(), "created": True, **told}


def test_header_and_field_agree(everything: Api, fresh_key: str) -> None:
    """The key is the header Idempotency-Key or the field; two different ones are refused."""
    body = {"text": "Two keys", "key": fresh_key}
    answer = everything.post("/posts", body, headers={"idempotency-key": f"{fresh_key}-b"})
    assert (422, "body.invalid") == (answer.status_code, answer.json()["code"])


def test_posts_are_changed_by_those_who_saw_them(everything: Api, fresh_key: str) -> None:
    """A change with the ETag of an older version is refused with 412; with the present one it is made."""
    response = everything.post("/posts", {"text": f"To edit {fresh_key}", "at": AT})
    path, etag = f"/posts/{response.json()['id']}", response.headers["etag"]
    edited = everything.patch(path, {"text": "Edited"}, headers={"if-match": etag})
    late = everything.patch(path, {"text": "Late"}, headers={"if-match": etag})
    assert (200, "Edited") == (edited.status_code, edited.json()["text"])
    assert (412, "post.changed") == (late.status_code, late.json()["code"])
    moved = everything.post(
        f"{path}/move", {"at": "2030-02-01T10:00:00Z"}, headers={"if-match": edited.headers["etag"]}
    )
    assert "2030-02-01T10:00:00.000Z" == moved.json()["due_at"]


def test_pages_hold_every_post_once(everything: Api, fresh_key: str) -> None:
    """Following `Link: rel=next` shows every post of a range once, in due order."""
    ids = [
        everything.post("/posts", {"text": f"{fresh_key} {day}", "at": f"2031-03-{day:02}T10:00:00Z"}).json()["id"]
        for day in range(1, 8)
    ]
    seen, query = [], "?from=2031-03-01T00:00:00Z&to=2031-04-01T00:00:00Z&limit=3"
    while query:
        page = everything.get(f"/posts{query}")
        seen += [post["id"] for post in page.json()["posts"]]
        link = page.headers.get("link", "")
        query = link[link.find("?") : link.find(">")] if 'rel="next"' in link else ""
    assert ids == seen


def test_empty_fields_of_a_query_say_nothing(everything: Api) -> None:
    """A query whose fields are empty, as a form sends it, lists what waits."""
    assert everything.get("/posts").json() == everything.get("/posts?state=&from=&to=&cursor=&limit=").json()


def test_one_key_at_once_for_two_payloads(everything: Api, fresh_key: str) -> None:
    """Two requests with one key and different texts at the same time: one is stored, the other is refused."""
    with ThreadPoolExecutor(8) as pool:
        bodies = [{"text": f"{number} {fresh_key}", "at": AT, "key": fresh_key} for number in range(8)]
        answers = list(pool.map(lambda body: everything.post("/posts", body), bodies))
    assert [201] + [422] * 7 == sorted(answer.status_code for answer in answers)


def test_a_draft_key_drafts(server: Server, fresh_key: str) -> None:
    """What a key with the scope `draft` makes waits for a person, with the time that was asked for."""
    agent = server.with_key("read", "draft")
    response = agent.post("/posts", {"text": f"By an agent {fresh_key}", "at": AT})
    assert (201, "draft", AT.replace("Z", ".000Z")) == (
        response.status_code,
        response.json()["state"],
        response.json()["wanted_at"],
    )
    assert 403 == agent.post("/posts", {"text": "Now!", "now": True}).status_code
    assert 403 == agent.post(f"/posts/{response.json()['id']}/move", {"at": AT}).status_code


def test_a_draft_remembers_when(everything: Api, fresh_key: str) -> None:
    """A draft may say when it is to go out; a time that is none is refused, and nothing is stored."""
    response = everything.post("/posts", {"text": f"Draft {fresh_key}", "at": "2030-01-01 12:00 UTC", "draft": True})
    assert ("draft", "2030-01-01T12:00:00.000Z", None) == tuple(
        response.json()[name] for name in ("state", "wanted_at", "due_at")
    )
    assert 422 == everything.post("/posts", {"text": "Draft", "at": "someday", "draft": True}).status_code


def test_scopes_are_kept(server: Server) -> None:
    """A key does what its scopes name and nothing else."""
    reader = server.with_key("read")
    assert 200 == reader.get("/posts").status_code
    for answer in (reader.post("/posts", {"text": "no"}), reader.get("/keys"), reader.post("/webhooks", {"url": "x"})):
        assert (403, "access.denied") == (answer.status_code, answer.json()["code"])


def test_a_key_for_one_account_sees_no_other(server: Server, everything: Api) -> None:
    """Posts, recurrences and accounts of others are not there (404), by their numbers too."""
    bob = server.with_key("read", "draft", "schedule", accounts=("bob.test",))
    alices = everything.post("/posts", {"text": "Alice's", "at": AT, "account": "alice.test"}).json()["id"]
    assert ["bob.test"] == [account["handle"] for account in bob.get("/accounts").json()["accounts"]]
    assert {"bob.test"} == {post["account"] for post in bob.get("/posts?limit=500").json()["posts"]}
    for answer in (
        bob.get(f"/posts/{alices}"),
        bob.patch(f"/posts/{alices}", {"text": "Mine"}),
        bob.delete(f"/posts/{alices}"),
        bob.get("/accounts/alice.test"),
        bob.get("/recurrences/1"),
        bob.get("/posts?account=alice.test"),
    ):
        assert 404 == answer.status_code
    assert "bob.test" == bob.post("/posts", {"text": "Bob's", "at": AT}).json()["account"]


def test_a_revoked_key_ends_at_once(server: Server) -> None:
    """A key that is revoked is refused from then on."""
    key = server.as_owner().post("/keys", {"name": "short", "scopes": ["read"]}).json()
    api = Api(server.url, {"authorization": f"Bearer {key['key']}"})
    assert 200 == api.get("/posts").status_code
    assert 200 == server.as_owner().delete(f"/keys/{key['id']}").status_code
    assert (401, "api_key.invalid") == (api.get("/posts").status_code, api.get("/posts").json()["code"])


def test_nobody_gives_more_than_they_have(server: Server) -> None:
    """A key that may manage makes no key with a scope that it lacks itself."""
    manager = server.with_key("read", "manage")
    assert 403 == manager.post("/keys", {"name": "more", "scopes": ["publish"]}).status_code
    assert 201 == manager.post("/keys", {"name": "same", "scopes": ["read"]}).status_code


def test_previews_store_nothing(everything: Api) -> None:
    """A preview shows the records that would be published, and changes nothing."""
    before = everything.get("/status").json()["posts"]
    shown = everything.post("/posts/preview", {"text": "Look at https://example.com #sky", "card": "none"}).json()
    assert ["link", "tag"] == [
        facet["features"][0]["$type"].rpartition("#")[2] for facet in shown["posts"][0]["facets"]
    ]
    assert before == everything.get("/status").json()["posts"]


def test_recurrences_and_plan(everything: Api, fresh_key: str) -> None:
    """A recurrence shows its coming times in the plan, until it is stopped."""
    recurrence = everything.post(
        "/recurrences", {"text": f"Again {fresh_key}", "every": "0 9 * * *", "zone": "UTC"}
    ).json()
    plan = everything.get("/plan?from=2032-01-01&to=2032-01-04").json()
    coming = [item["at"] for item in plan["occurrences"] if item["recurrence"] == recurrence["id"]]
    assert [f"2032-01-0{day}T09:00:00.000Z" for day in (1, 2, 3)] == coming
    assert {"id": recurrence["id"], "cancelled": 1} == everything.delete(f"/recurrences/{recurrence['id']}").json()
    assert 404 == everything.get(f"/recurrences/{recurrence['id']}").status_code


def test_the_status_says_what_is_wrong(quiet_server: Server) -> None:
    """Without a worker the status says so, and what to do, not in the words of a shell."""
    shown = quiet_server.as_owner().get("/status").json()
    worker = next(finding for finding in shown["findings"] if finding["what"] == "worker")
    assert ("note", "none is running") == (worker["level"], worker["message"])
    assert "start a worker on the server" in worker["hint"]
    assert {"draft", "scheduled", "published"} <= set(shown["posts"])


def test_rate_limits_are_said(server: Server) -> None:
    """Each answer to a key says what is left of its quota."""
    answer = server.with_key("read").get("/accounts")
    assert '"default";q=600;w=60' == answer.headers["ratelimit-policy"]
    assert answer.headers["ratelimit"].startswith('"default";r=599;t=')


def test_posting_now_says_what_became_of_it(everything: Api, fresh_key: str) -> None:
    """A post for now is published when the answer comes; the same request again publishes nothing."""
    body = {"text": f"Now {fresh_key}", "now": True, "account": "bob.test", "key": fresh_key}
    first, second = everything.post("/posts", body), everything.post("/posts", body)
    assert (201, "published") == (first.status_code, first.json()["state"])
    assert (200, first.json()["uri"]) == (second.status_code, second.json()["uri"])


def test_the_document_is_committed() -> None:
    """docs/openapi.json is what the table of operations says; make it anew with `script/openapi`."""
    assert (ROOT / "docs/openapi.json").read_text("utf-8") == document_text()


def test_the_document_is_served(server: Server) -> None:
    """The document is there for programs, and as a page that needs nothing from elsewhere."""
    assert json.loads(document_text()) == server.request("GET", "/api/openapi.json").json()
    page = server.request("GET", "/api")
    assert "POST /api/v1/posts" in page.text
    assert (
        "http" not in page.text.replace("https://...", "").replace("HTTP", "").partition("<h2")[0].partition("<h1")[0]
    )


def test_every_operation_is_described() -> None:
    """Every operation has a sentence, a scope, and a name that says its noun."""
    wrong = [
        name
        for name, row in OPERATIONS.items()
        if "." not in name or not row.summary.endswith(".") or not row.input.__doc__ or not row.output.__doc__
    ]
    assert [] == wrong


def _is_described(schema: dict[str, Any]) -> bool:
    """Whether a field says what it is: itself, by one of its kinds, or by the name of another schema."""
    parts = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
    return bool(schema.get("description")) or "$ref" in schema or any(_is_described(part) for part in parts)


def test_every_parameter_and_field_of_a_request_is_described() -> None:
    """Whoever reads the document sees what each thing that can be sent means."""
    document = json.loads(document_text())
    parameters = [
        f"{method} {path}: {parameter['name']}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    inputs = {name: schema for name, schema in document["components"]["schemas"].items() if _is_input(schema)}
    fields = [
        f"{name}.{field}"
        for name, schema in inputs.items()
        for field, value in schema["properties"].items()
        if not _is_described(value)
    ]
    assert ([], []) == (parameters, fields)


def _is_input(schema: dict[str, Any]) -> bool:
    return schema.get("additionalProperties") is False


def test_nothing_local_can_be_named() -> None:
    """No input has a field for a path, raw bytes, a command or SQL."""
    words = {"path", "data", "base", "command", "shell", "sql", "file", "embed", "facets"}
    assert set() == words & set(_field_names(json.loads(document_text())["components"]["schemas"]))


def _field_names(schemas: dict[str, Any]) -> list[str]:
    inputs = [schema for schema in schemas.values() if _is_input(schema)]
    return [name for schema in inputs for name in schema.get("properties", {})]
