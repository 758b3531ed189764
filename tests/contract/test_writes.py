"""Writing: creates, updates, deletes, whole batches, and what stands in their way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.asking import (
    APPLY,
    NOBODY,
    NOWHERE_BLOB,
    NOWHERE_CID,
    POST,
    Server,
    Writer,
    images,
    new_tid,
    op,
    post,
)

OUTAGE = (500, "InternalServerError", "Internal Server Error")
LIKE = "app.bsky.feed.like"
MISSING_BLOB = {"$type": "blob", "ref": {"$link": NOWHERE_BLOB}, "mimeType": "image/png", "size": 3}


def was_at(writer: Writer, cid: str | None) -> tuple[int, str, str]:
    return 400, "InvalidSwap", f"Record was at {cid or 'null'}"


def commit_was_at(writer: Writer) -> tuple[int, str, str]:
    head = writer.get("com.atproto.sync.getLatestCommit", did=writer.did).body["cid"]
    return 400, "InvalidSwap", f"Commit was at {head}"


def test_create(newcomer: Writer) -> None:
    """A create answers the record's address and CID and the commit, which is the newest of the repository."""
    rkey = new_tid()
    answer = newcomer.create(post(), rkey=rkey)
    latest = newcomer.get("com.atproto.sync.getLatestCommit", did=newcomer.did).body
    assert answer.body == {
        "uri": newcomer.uri(rkey),
        "cid": newcomer.read(rkey).body["cid"],
        "commit": latest,
        "validationStatus": "valid",
    }


def test_create_without_key(alice: Writer) -> None:
    """A create without a record key gets a TID that sorts after the one before."""
    first, second = (alice.create(post()).body["uri"].rpartition("/")[2] for _ in range(2))
    assert first < second
    assert len(second) == 13


@pytest.mark.parametrize("text", ["same", "other"])
def test_create_on_existing_key(alice: Writer, text: str) -> None:
    """A create on an existing key looks like an outage, for the same and for other content."""
    rkey = new_tid()
    alice.create(post("same"), rkey=rkey)
    assert alice.create(post(text), rkey=rkey).error == OUTAGE
    assert alice.read(rkey).body["value"]["text"] == "same"


def test_create_by_handle(alice: Writer) -> None:
    """A repository may be named by its handle."""
    body = {"repo": alice.account.handle, "collection": POST, "record": post()}
    assert alice.post("com.atproto.repo.createRecord", body).status == 200


def test_revisions_rise(newcomer: Writer) -> None:
    """Each commit has a later revision."""
    revs = [newcomer.create(post()).body["commit"]["rev"] for _ in range(3)]
    assert revs == sorted(set(revs))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'Missing required key "repo" at $'),
        ({"repo": "x"}, 'Invalid AT identifier (got "x") at $.repo'),
        ({"repo": NOBODY}, 'Missing required key "collection" at $'),
        ({"repo": NOBODY, "collection": "foo"}, 'Invalid NSID (got "foo") at $.collection'),
        ({"repo": NOBODY, "collection": POST}, 'Missing required key "record" at $'),
        ({"repo": NOBODY, "collection": POST, "record": "x"}, 'Expected object value type (got "x") at $.record'),
        (
            {"repo": NOBODY, "collection": POST, "record": {}, "validate": "x"},
            'Expected boolean value type (got "x") at $.validate',
        ),
        (
            {"repo": NOBODY, "collection": POST, "record": {}, "swapCommit": "x"},
            'Invalid CID string (got "x") at $.swapCommit',
        ),
        ([], "Expected object value type (got []) at $"),
    ],
)
def test_wrong_bodies(alice: Writer, body: Any, message: str) -> None:
    """A body is checked before anything else is looked at."""
    assert alice.post("com.atproto.repo.createRecord", body).error == (400, "InvalidRequest", message)


def test_other_repositories(server: Server, alice: Writer) -> None:
    """Nobody writes into a repository that is not theirs, or not there."""
    other = server.create_account(app_password=False)
    body = {"collection": POST, "record": post()}
    theirs = alice.post("com.atproto.repo.createRecord", {"repo": other.did, **body})
    nobodys = alice.post("com.atproto.repo.createRecord", {"repo": NOBODY, **body})
    assert theirs.error == (401, "AuthenticationRequired", "Authentication Required")
    assert nobodys.error == (403, "AccountNotFound", "Account not found")


def test_swap_commit(alice: Writer) -> None:
    """A write for another state of the repository is refused."""
    expected = commit_was_at(alice)
    assert alice.create(post(), swapCommit=NOWHERE_CID).error == expected
    assert alice.put(new_tid(), post(), swapCommit=NOWHERE_CID).error == expected
    assert alice.apply([op("create")], swapCommit=NOWHERE_CID).error == expected
    current = expected[2].rpartition(" ")[2]
    assert alice.create(post(), swapCommit=current).status == 200


def test_put_where_nothing_may_be(alice: Writer) -> None:
    """`swapRecord: null` is a create that may be repeated; other content is refused."""
    rkey = new_tid()
    new = alice.put(rkey, post(), swapRecord=None)
    again = alice.put(rkey, post(), swapRecord=None)
    other = alice.put(rkey, post("other"), swapRecord=None)
    assert (new.status, again.status) == (200, 200)
    assert again.body == {key: value for key, value in new.body.items() if key != "commit"}
    assert other.error == was_at(alice, new.body["cid"])


def test_put_over(alice: Writer) -> None:
    """A put without precondition overwrites; with one, only what it names."""
    rkey = new_tid()
    first = alice.put(rkey, post("1")).body["cid"]
    second = alice.put(rkey, post("2"), swapRecord=first)
    late = alice.put(rkey, post("3"), swapRecord=first)
    assert late.error == was_at(alice, second.body["cid"])
    assert alice.put(rkey, post("4")).status == 200
    assert alice.read(rkey).body["value"]["text"] == "4"


def test_put_expecting_something(alice: Writer) -> None:
    """A put that expects a record where there is none is refused."""
    assert alice.put(new_tid(), post(), swapRecord=NOWHERE_CID).error == was_at(alice, None)


@pytest.mark.parametrize(
    ("swap", "message"),
    [(1, "Expected string value type (got 1)"), ("x", 'Invalid CID string (got "x")')],
)
def test_put_with_no_precondition(alice: Writer, swap: Any, message: str) -> None:
    """A precondition is a CID or null."""
    answer = alice.put(new_tid(), post(), swapRecord=swap)
    assert answer.error == (400, "InvalidRequest", f"{message} at $.swapRecord")


def test_profile(newcomer: Writer) -> None:
    """A profile is put under `self`."""
    assert newcomer.put("self", {"displayName": "New"}, "app.bsky.actor.profile").status == 200
    value = newcomer.read("self", "app.bsky.actor.profile").body["value"]
    assert value == {"$type": "app.bsky.actor.profile", "displayName": "New"}


def test_delete(alice: Writer) -> None:
    """A delete commits once and is nothing the second time."""
    rkey = new_tid()
    alice.create(post(), rkey=rkey)
    first, second = alice.delete(rkey), alice.delete(rkey)
    assert set(first.body) == {"commit"}
    assert (second.status, second.body) == (200, {})
    assert alice.read(rkey).error == (400, "RecordNotFound", f"Could not locate record: {alice.uri(rkey)}")


def test_delete_with_precondition(alice: Writer) -> None:
    """A delete that names another version is refused."""
    rkey = new_tid()
    cid = alice.create(post(), rkey=rkey).body["cid"]
    assert alice.delete(rkey, swapRecord=NOWHERE_CID).error == was_at(alice, cid)
    assert alice.delete(rkey, swapRecord=cid).status == 200


def test_batch(alice: Writer) -> None:
    """A batch answers one result a write, in their order."""
    kept, gone = new_tid(), new_tid()
    alice.apply([op("create", kept), op("create", gone)])
    done = alice.apply([op("update", kept, post("new")), op("delete", gone), op("create")])
    assert [result["$type"] for result in done.body["results"]] == [
        f"{APPLY}#updateResult",
        f"{APPLY}#deleteResult",
        f"{APPLY}#createResult",
    ]
    assert done.body["results"][0] == {
        "$type": f"{APPLY}#updateResult",
        "uri": alice.uri(kept),
        "cid": alice.read(kept).body["cid"],
        "validationStatus": "valid",
    }
    assert done.body["results"][1] == {"$type": f"{APPLY}#deleteResult"}


REFUSED_BATCHES: dict[str, tuple[Any, tuple[int, str, str]]] = {
    "a limit": (
        op("create", None, post("a" * 301)),
        (
            400,
            "InvalidRequest",
            "Invalid app.bsky.feed.post record: grapheme too big (maximum 300, got 301) at $.writes[1].record.text",
        ),
    ),
    "a missing blob": (
        op("create", None, post(embed=images(MISSING_BLOB))),
        (400, "BlobNotFound", f"Could not find blob: {NOWHERE_BLOB}"),
    ),
    "an update of nothing": (op("update", "3jzfcijpj2z2a"), OUTAGE),
    "a delete of nothing": (op("delete", "3jzfcijpj2z2a"), OUTAGE),
    "another type": (
        op("create", None, post() | {"$type": "com.example.a"}),
        (400, "InvalidRequest", "Invalid $type: expected app.bsky.feed.post, got com.example.a"),
    ),
    "no record key": (
        op("create", "a/b"),
        (400, "InvalidRequest", 'Invalid record key (got "a/b") at $.writes[1].rkey'),
    ),
    "no action": (
        {"collection": POST, "value": post()},
        (
            400,
            "InvalidRequest",
            'Expected an object which includes the "$type" property value type '
            '(got {"collection": ..., "value": ...}) at $.writes[1]',
        ),
    ),
    "another action": (
        {"$type": "com.example#x"},
        (
            400,
            "InvalidRequest",
            f'Expected one of "{APPLY}#create", "{APPLY}#update" or "{APPLY}#delete" '
            '(got "com.example#x") at $.writes[1].$type',
        ),
    ),
}


@pytest.mark.parametrize(("second", "error"), REFUSED_BATCHES.values(), ids=REFUSED_BATCHES)
def test_all_or_nothing(alice: Writer, second: Any, error: tuple[int, str, str]) -> None:
    """When one write of a batch is refused, none is carried out."""
    rkey = new_tid()
    assert alice.apply([op("create", rkey), second]).error == error
    assert alice.read(rkey).error[1] == "RecordNotFound"


def test_batch_on_existing_key(alice: Writer) -> None:
    """A batch with one create on an existing key looks like an outage and changes nothing."""
    taken, free = new_tid(), new_tid()
    alice.create(post(), rkey=taken)
    assert alice.apply([op("create", free), op("create", taken)]).error == OUTAGE
    assert alice.read(free).status == 400


def test_key_twice_in_a_batch(alice: Writer) -> None:
    """Two creates of one key in a batch fail; a create and a delete leave nothing."""
    rkey = new_tid()
    assert alice.apply([op("create", rkey), op("create", rkey)]).error == OUTAGE
    assert alice.apply([op("create", rkey), op("delete", rkey)]).status == 200
    assert alice.read(rkey).status == 400


def test_number_of_writes(newcomer: Writer) -> None:
    """200 writes fit into a batch, 201 do not, none is a commit too."""
    message = (400, "InvalidRequest", "Too many writes. Max: 200")
    assert newcomer.apply([op("create")] * 201).error == message
    assert newcomer.apply([op("create")] * 200).status == 200
    nothing = newcomer.apply([])
    assert (nothing.status, nothing.body["results"]) == (200, [])


def test_unknown_lexicon_in_a_batch(alice: Writer) -> None:
    """`validate: true` holds for a batch."""
    write = op("create", None, {"a": 1}, "com.example.thing")
    assert alice.apply([write]).body["results"][0]["validationStatus"] == "unknown"
    expected = (400, "InvalidRequest", "Unknown lexicon type: com.example.thing")
    assert alice.apply([write], validate=True).error == expected


@pytest.mark.parametrize(("size", "status"), [(999_000, 200), (1_000_001, 413)])
def test_size_of_a_body(alice: Writer, size: int, status: int) -> None:
    """A write may have 1,000,000 bytes."""
    answer = alice.create(post(extra="a" * (size - 400)))
    assert answer.status == (200 if status == 200 else answer.status)
    padded = alice.create(post(extra="a" * size)) if status == 413 else answer
    assert padded.status == status
    if status == 413:
        assert padded.error == (413, "PayloadTooLargeError", "request entity too large")


def test_like_twice(newcomer: Writer) -> None:
    """A second like of the same post takes the first one's place; in a batch both stay."""
    like = {"subject": {"uri": f"at://{NOBODY}/{POST}/3k", "cid": NOWHERE_CID}, "createdAt": "2024-01-01T00:00:00Z"}
    newcomer.create(like, LIKE)
    second = newcomer.create(like, LIKE).body["uri"]
    listed = newcomer.get("com.atproto.repo.listRecords", repo=newcomer.did, collection=LIKE).body["records"]
    assert [record["uri"] for record in listed] == [second]
    newcomer.apply([op("create", None, {"$type": LIKE, **like}, LIKE)] * 2)
    listed = newcomer.get("com.atproto.repo.listRecords", repo=newcomer.did, collection=LIKE).body["records"]
    assert len(listed) == 3


def test_follow_twice(newcomer: Writer) -> None:
    """A second follow of the same account takes the first one's place."""
    follow = {"subject": NOBODY, "createdAt": "2024-01-01T00:00:00Z"}
    newcomer.create(follow, "app.bsky.graph.follow")
    newcomer.create(follow, "app.bsky.graph.follow")
    answer = newcomer.get("com.atproto.repo.listRecords", repo=newcomer.did, collection="app.bsky.graph.follow")
    assert len(answer.body["records"]) == 1
