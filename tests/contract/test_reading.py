"""Reading: records, lists, repositories, handles, the server itself, and paths that lead nowhere."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.contract.asking import NOBODY, NOWHERE_CID, POST, Server, Writer, new_tid, post

GET = "com.atproto.repo.getRecord"
LIST = "com.atproto.repo.listRecords"
RESOLVE = "com.atproto.identity.resolveHandle"


def test_record(alice: Writer) -> None:
    """A record is read without signing in, by DID or handle, and by version."""
    rkey = new_tid()
    cid = alice.create(post(), rkey=rkey).body["cid"]
    expected = {"uri": alice.uri(rkey), "cid": cid, "value": post()}
    for repo in (alice.did, alice.account.handle):
        params = {"repo": repo, "collection": POST, "rkey": rkey, "cid": cid}
        assert alice.server.ask(GET, params=params).body == expected
    other = alice.read(rkey, cid=NOWHERE_CID)
    assert other.error == (400, "RecordNotFound", f"Could not locate record: {alice.uri(rkey)}")


def test_missing_record(alice: Writer) -> None:
    """A record that is not there is not found."""
    rkey = new_tid()
    assert alice.read(rkey).error == (400, "RecordNotFound", f"Could not locate record: {alice.uri(rkey)}")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"repo": NOBODY, "collection": POST}, 'Missing required key "rkey"'),
        ({"repo": NOBODY, "collection": POST, "rkey": ""}, 'Missing required key "rkey"'),
        ({"repo": NOBODY, "collection": POST, "rkey": "a/b"}, 'Invalid record key (got "a/b")'),
        ({"repo": NOBODY, "collection": "foo", "rkey": "a"}, 'Invalid NSID (got "foo")'),
        ({"repo": "x", "collection": POST, "rkey": "a"}, 'Invalid AT identifier (got "x")'),
        ({"repo": NOBODY, "collection": POST, "rkey": "a", "cid": "x"}, 'Invalid CID string (got "x")'),
    ],
)
def test_wrong_parameters(server: Server, params: dict[str, Any], message: str) -> None:
    """Parameters are checked against the lexicon."""
    answer = server.ask(GET, params=params)
    assert answer.error == (400, "InvalidRequest", f"Invalid {GET} params: {message}")


def test_list(newcomer: Writer) -> None:
    """Records are listed newest key first, in pages, or the other way round."""
    keys = [new_tid() for _ in range(5)]
    for rkey in reversed(keys):
        newcomer.create(post(), rkey=rkey)

    def page(**params: Any) -> tuple[list[str], str | None]:
        body = newcomer.get(LIST, repo=newcomer.did, collection=POST, **params).body
        return [record["uri"].rpartition("/")[2] for record in body["records"]], body.get("cursor")

    assert page(limit=2) == ([keys[4], keys[3]], keys[3])
    assert page(limit=2, cursor=keys[3]) == ([keys[2], keys[1]], keys[1])
    assert page(limit=2, cursor=keys[1]) == ([keys[0]], keys[0])
    assert page(cursor=keys[0]) == ([], None)
    assert page(limit=2, reverse="true") == ([keys[0], keys[1]], keys[1])
    assert page(reverse="true", cursor=keys[3]) == ([keys[4]], keys[4])


def test_list_nothing(alice: Writer) -> None:
    """A collection without records is empty; an account that is not there is an error."""
    assert alice.get(LIST, repo=alice.did, collection="com.example.nothing").body == {"records": []}
    answer = alice.get(LIST, repo="nobody.test", collection=POST)
    assert answer.error == (400, "InvalidRequest", "Could not find repo: nobody.test")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"limit": 0}, "integer too small (minimum 1, got 0)"),
        ({"limit": 101}, "integer too big (maximum 100, got 101)"),
        ({"limit": "x"}, 'Expected integer value type (got "x")'),
        ({"reverse": "1"}, 'Expected boolean value type (got "1")'),
    ],
)
def test_list_wrongly(alice: Writer, params: dict[str, Any], message: str) -> None:
    """A page has 1 to 100 records."""
    answer = alice.get(LIST, repo=alice.did, collection=POST, **params)
    assert answer.error == (400, "InvalidRequest", f"Invalid {LIST} params: {message}")


def test_describe_repo(newcomer: Writer) -> None:
    """A repository says whose it is and what it holds."""
    newcomer.create(post())
    body = newcomer.get("com.atproto.repo.describeRepo", repo=newcomer.account.handle).body
    facts = {key: value for key, value in body.items() if key != "didDoc"}
    assert facts == {
        "handle": newcomer.account.handle,
        "did": newcomer.did,
        "collections": [POST],
        "handleIsCorrect": True,
    }
    assert body["didDoc"]["id"] == newcomer.did
    answer = newcomer.get("com.atproto.repo.describeRepo", repo="nobody.test")
    assert answer.error == (400, "RepoNotFound", "Could not find repo for DID: nobody.test")


def test_did_document(alice: Writer) -> None:
    """The PLC directory knows an account's handle, key and server."""
    with urllib.request.urlopen(f"{alice.server.plc_url}/{alice.did}") as answer:
        document = json.load(answer)
    assert document["id"] == alice.did
    assert document["alsoKnownAs"] == [f"at://{alice.account.handle}"]
    assert document["service"] == [
        {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": alice.server.url}
    ]
    assert document["verificationMethod"][0]["publicKeyMultibase"].startswith("z")


def test_unknown_did(server: Server) -> None:
    """The PLC directory answers 404 for a DID that it does not know."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server.plc_url}/{NOBODY}")
    with caught.value as answer:
        assert (answer.code, json.load(answer)) == (404, {"message": f"DID not registered: {NOBODY}"})


def test_describe_server(server: Server) -> None:
    """The server says who it is and how large a blob may be."""
    assert server.ask("com.atproto.server.describeServer").body == {
        "did": "did:web:localhost",
        "availableUserDomains": [".test"],
        "inviteCodeRequired": False,
        "blobUploadLimit": 5_242_880,
        "links": {},
        "contact": {},
    }


def test_resolve_handle(alice: Writer) -> None:
    """A handle leads to a DID, in any case of its letters."""
    for handle in (alice.account.handle, alice.account.handle.upper()):
        assert alice.get(RESOLVE, handle=handle).body == {"did": alice.did}


@pytest.mark.parametrize(
    ("handle", "error"),
    [
        ("nobody.test", (400, "HandleNotFound", "Unable to resolve handle")),
        ("nobody", (400, "InvalidRequest", f'Invalid {RESOLVE} params: Invalid handle (got "nobody")')),
        ("", (400, "InvalidRequest", f'Invalid {RESOLVE} params: Missing required key "handle"')),
    ],
)
def test_unknown_handle(server: Server, handle: str, error: tuple[int, str, str]) -> None:
    """A handle that nobody has is not found."""
    assert server.ask(RESOLVE, params={"handle": handle}).error == error


def test_wrong_method(server: Server) -> None:
    """A query is asked with GET, a procedure with POST."""
    asked = server.ask("com.atproto.server.createSession")
    assert asked.error == (400, "InvalidRequest", "Incorrect HTTP method (GET) expected POST")
    told = server.ask("com.atproto.server.describeServer", {})
    assert told.error == (400, "InvalidRequest", "Incorrect HTTP method (POST) expected GET")


def test_wrong_paths(server: Server) -> None:
    """A path that is no method is refused, and anything else is a page that is not there."""
    assert server.ask("foo..").error == (400, "InvalidRequest", "invalid xrpc path")
    assert server.ask("com.example.method").error == (401, "AuthMissing", "Authentication Required")
    page = server.ask("/nowhere")
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert server.ask("_health").status == 200
