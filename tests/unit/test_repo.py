"""Promises of the repository: one commit or none, one way out of doubt, blobs that are what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError, NoAnswer, NotSent, RateLimited, SkywriteError, TemporaryError
from skywrite.core.http import Response
from skywrite.protocol.atproto.cid import cid_for_blob, cid_for_record
from skywrite.protocol.atproto.repo import Commit, Record, RecordConflict, Repo, StoredOtherwise, Write
from skywrite.protocol.atproto.session import Agent, Session
from skywrite.protocol.atproto.syntax import Ref
from skywrite.protocol.atproto.xrpc_errors import RecordNotFound, Refused, ServerFailure
from tests.support.errors import fails

DID = "did:plc:abcdefghijklmnopqrstuvwx"
POST = "app.bsky.feed.post"
APPLY = "com.atproto.repo.applyWrites"
GET = "com.atproto.repo.getRecord"
PUT = "com.atproto.repo.putRecord"
DELETE = "com.atproto.repo.deleteRecord"
UPLOAD = "com.atproto.repo.uploadBlob"
DESCRIBE = "com.atproto.server.describeServer"
BROKEN = Response(200, {"content-type": "application/json"}, b'{"commit":')
PAGE = Response(200, {"content-type": "text/html"}, b"<html>Sign in to the hotel")


@pytest.fixture
def repo(server: Any, clock: FakeClock) -> Repo:
    session = Session(DID, "alice.test", "https://pds.example", "access", "refresh", clock.now())
    return Repo(Agent(server, session, clock=clock))


def post(rkey: str, text: str = "hello", collection: str = POST) -> Write:
    return Write.of(collection, rkey, {"$type": collection, "text": text, "createdAt": "2024-01-01T00:00:00.000Z"})


THREAD = [post("3kaaaaaaaaaaa"), post("3kaaaaaaaaaab", "second"), post("3kaaaaaaaaaac", "third")]


def uri(write: Write) -> str:
    return f"at://{DID}/{write.collection}/{write.rkey}"


def refs(writes: list[Write]) -> tuple[Ref, ...]:
    return tuple(Ref(uri(write), write.cid) for write in writes)


def results(writes: list[Write]) -> dict[str, Any]:
    items = [{"$type": f"{APPLY}#createResult", "uri": uri(write), "cid": write.cid} for write in writes]
    return {"commit": {"cid": "bafycommit", "rev": "3krev"}, "results": items}


@pytest.fixture
def holding(server: Any, answer: Any, refusal: Any) -> Callable[..., None]:
    """holding(*writes): the repository has these records and no other."""

    def hold(*writes: Write) -> None:
        there = {(write.collection, write.rkey): write for write in writes}

        def get(sent: Any) -> Any:
            params = dict(sent.params)
            write = there.get((params["collection"], params["rkey"]))
            if write is None or params["repo"] != DID:
                return refusal(400, "RecordNotFound", "Could not locate record")
            return answer({"uri": uri(write), "cid": write.cid, "value": dict(write.value)})

        server.on(GET, get)

    return hold


def test_create_all(repo: Repo, server: Any, answer: Any) -> None:
    """A thread goes out as one applyWrites of creates, and the answer says what is there."""
    server.on(APPLY, answer(results(THREAD)))
    assert repo.create_all(THREAD) == Commit(refs(THREAD), "bafycommit", "3krev")
    body = server.sent[0].json()
    assert body["repo"] == DID
    assert [write["rkey"] for write in body["writes"]] == [write.rkey for write in THREAD]
    assert body["writes"][1] == {
        "$type": "com.atproto.repo.applyWrites#create",
        "collection": POST,
        "rkey": "3kaaaaaaaaaab",
        "value": THREAD[1].value,
    }


@pytest.mark.parametrize("count", [0, 201])
def test_number_of_writes(repo: Repo, server: Any, count: int) -> None:
    """A commit holds 1 to 200 writes; any other number is refused before anything is sent."""
    with pytest.raises(InputError):
        repo.create_all([THREAD[0]] * count)
    assert server.sent == []


DOUBTS = [
    pytest.param(NoAnswer("reset"), id="reset"),
    pytest.param(BROKEN, id="broken"),
    pytest.param(PAGE, id="page"),
    pytest.param(500, id="500"),
    pytest.param(502, id="502"),
    pytest.param(503, id="503"),
    pytest.param(504, id="504"),
    pytest.param(Response(200, {}, b""), id="empty"),
    pytest.param(Response(200, {"content-type": "application/json"}, b'{"results":[]}'), id="no results"),
]


def in_doubt(doubt: Any, refusal: Any) -> Any:
    return refusal(doubt, "InternalServerError", "Internal Server Error") if isinstance(doubt, int) else doubt


@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubt_and_ours_is_there(repo: Repo, server: Any, refusal: Any, holding: Any, doubt: Any) -> None:
    """Whatever went wrong with the answer: our record is there, so the commit is done."""
    server.on(APPLY, in_doubt(doubt, refusal))
    holding(*THREAD)
    assert repo.create_all(THREAD) == Commit(refs(THREAD), read_back=True, refused=doubt == 500)
    assert [request.nsid for request in server.sent] == [APPLY, GET]


@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubt_and_nothing_is_there(repo: Repo, server: Any, refusal: Any, holding: Any, doubt: Any) -> None:
    """Nothing is there, so the temporary error is told, and the write is not sent again by itself."""
    server.on(APPLY, in_doubt(doubt, refusal))
    holding()
    with pytest.raises(TemporaryError):
        repo.create_all(THREAD)
    assert server.count(APPLY) == 1


@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubt_and_something_else_is_there(repo: Repo, server: Any, refusal: Any, holding: Any, doubt: Any) -> None:
    """Another record has our key: this is told loudly and for good."""
    server.on(APPLY, in_doubt(doubt, refusal))
    holding(post(THREAD[0].rkey, "somebody else's"))
    with pytest.raises(RecordConflict) as caught:
        repo.create_all(THREAD)
    assert (caught.value.exit_code, uri(THREAD[0]) in caught.value.message) == (5, True)


@pytest.mark.parametrize(
    "hindrance", [NotSent("gone"), (429, "TooMany"), (401, "AuthMissing"), (400, "AccountTakedown")]
)
@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubt_that_cannot_be_settled(repo: Repo, server: Any, refusal: Any, doubt: Any, hindrance: Any) -> None:
    """Whatever keeps us from reading the record, the doubt is told, not that: it may be tried again later."""
    server.on(APPLY, in_doubt(doubt, refusal))
    server.on(GET, *([refusal(*hindrance)] if isinstance(hindrance, tuple) else [hindrance]))
    with pytest.raises((NoAnswer, ServerFailure)):
        repo.create_all(THREAD)


def test_a_record_without_a_cid(repo: Repo, server: Any, answer: Any) -> None:
    """A server that leaves the CID out of getRecord is answered by computing it."""
    server.on(APPLY, NoAnswer("reset"))
    server.on(GET, answer({"uri": uri(THREAD[0]), "value": dict(THREAD[0].value)}))
    assert repo.create_all(THREAD).read_back


@pytest.mark.parametrize("status", [400, 413])
def test_a_refused_repeat_of_what_is_done(repo: Repo, server: Any, refusal: Any, holding: Any, status: int) -> None:
    """A repeat that is refused is no failure where the first try was carried out."""
    server.on(APPLY, refusal(status, "InvalidRequest", "Invalid record"))
    holding(*THREAD)
    assert repo.create_all(THREAD) == Commit(refs(THREAD), read_back=True, refused=True)


def test_a_refusal(repo: Repo, server: Any, refusal: Any, holding: Any) -> None:
    """A record that the server calls invalid is refused for good, in the server's words."""
    server.on(APPLY, refusal(400, "InvalidRequest", "Invalid app.bsky.feed.post record: grapheme too big"))
    holding()
    with fails("record.refused", match="grapheme too big"):
        repo.create_all(THREAD)


@pytest.mark.parametrize("hindrance", [NotSent("gone"), (403, "Forbidden"), (400, "AccountTakedown")])
def test_a_refusal_that_cannot_be_checked(repo: Repo, server: Any, refusal: Any, hindrance: Any) -> None:
    """An earlier try may have been carried out, so it is not the last word: it may be tried again later."""
    server.on(APPLY, refusal(400, "InvalidRequest", "Invalid app.bsky.feed.post record: grapheme too big"))
    server.on(GET, refusal(*hindrance) if isinstance(hindrance, tuple) else hindrance)
    with fails("write.unsettled", match="grapheme too big"):
        repo.create_all(THREAD)


@pytest.mark.parametrize(("error", "tries"), [(NotSent("refused"), 2), (429, 1)])
def test_no_doubt(repo: Repo, server: Any, refusal: Any, error: Any, tries: int) -> None:
    """What never left, or was turned away by a limit, was not carried out: nothing is read back."""
    server.on(APPLY, refusal(429, "RateLimitExceeded") if error == 429 else error)
    with pytest.raises((NotSent, RateLimited)):
        repo.create_all(THREAD)
    assert [request.nsid for request in server.sent] == [APPLY] * tries


def test_a_deleted_root(repo: Repo, server: Any, refusal: Any, holding: Any) -> None:
    """A thread whose first post was deleted by hand cannot be created again, which is told instead of a 500."""
    server.on(APPLY, refusal(500, "InternalServerError"))
    holding(*THREAD[1:])
    with pytest.raises(RecordConflict, match="was deleted"):
        repo.create_all(THREAD)


def test_a_commit_between_two_reads(repo: Repo, server: Any, refusal: Any, answer: Any, holding: Any) -> None:
    """A commit that lands while we look is seen, and not taken for a conflict."""
    server.on(APPLY, refusal(500, "InternalServerError"))
    root, rest = ({"uri": uri(write), "cid": write.cid, "value": dict(write.value)} for write in THREAD[:2])
    server.on(GET, refusal(400, "RecordNotFound"), answer(rest), answer(root))
    assert repo.create_all(THREAD).read_back


@pytest.mark.parametrize("wrong", [{"cid": "bafyother"}, {"uri": "at://did:plc:x/y/z"}])
def test_a_server_that_stores_something_else(repo: Repo, server: Any, answer: Any, wrong: dict[str, str]) -> None:
    """A CID or at-uri in the answer that is not ours is told loudly."""
    document = results(THREAD)
    document["results"][2] |= wrong
    server.on(APPLY, answer(document))
    with pytest.raises(StoredOtherwise) as caught:
        repo.create_all(THREAD)
    assert refs(THREAD)[0] == caught.value.root


@pytest.mark.parametrize("wrong", [None, {}, {"uri": 1, "cid": "bafy"}, {"uri": "at://a"}])
def test_an_answer_that_does_not_tell_what_was_stored(
    repo: Repo, server: Any, answer: Any, holding: Any, wrong: object
) -> None:
    """It is doubt, and settled by looking."""
    document = results(THREAD)
    document["results"][2] = wrong
    server.on(APPLY, answer(document))
    holding(*THREAD)
    assert repo.create_all(THREAD).read_back


@settings(max_examples=60)
@given(
    committed=st.booleans(),
    outcomes=st.lists(st.sampled_from(["answer", "lost", "500", "502", "page", "not sent", "429"]), max_size=8),
)
def test_any_number_of_faults_writes_once(committed: bool, outcomes: list[str]) -> None:
    """Repeating create_all through any faults leaves exactly one record, and success is told only when it is there."""
    pds = FaultyPds(committed, outcomes)
    session = Session(DID, "alice.test", "https://pds.example", "access", "refresh")
    repo = Repo(Agent(pds, session, clock=pds.clock))
    for _ in range(len(outcomes) + 1):
        try:
            commit = repo.create_all(THREAD)
        except TemporaryError:
            continue
        assert commit.refs == refs(THREAD)
        assert pds.commits == 1
    assert pds.commits == 1
    assert repo.create_all(THREAD).refs == refs(THREAD)


class FaultyPds:
    """A repository whose applyWrites suffers the given faults in turn, and then none."""

    def __init__(self, committed: bool, outcomes: list[str]) -> None:
        from datetime import UTC, datetime

        self.clock = FakeClock(datetime(2026, 11, 24, tzinfo=UTC))
        self.commits = int(committed)
        self._outcomes = list(outcomes)

    def request(self, method: str, url: str, **_more: Any) -> Response:
        import json

        def reply(status: int, value: Any) -> Response:
            return Response(status, {"content-type": "application/json"}, json.dumps(value).encode())

        if "getRecord" in url:
            root = THREAD[0]
            if not self.commits:
                return reply(400, {"error": "RecordNotFound", "message": "Could not locate record"})
            rkey = url.rpartition("rkey=")[2]
            original = next(write for write in THREAD if write.rkey == rkey)
            return reply(200, {"uri": uri(original), "cid": original.cid, "value": dict(root.value)})
        outcome = self._outcomes.pop(0) if self._outcomes else "answer"
        if outcome == "not sent":
            raise NotSent("refused")
        if outcome == "429":
            return reply(429, {"error": "RateLimitExceeded"})
        if outcome == "502":
            return reply(502, {"error": "UpstreamFailure"})
        if self.commits:
            return reply(500, {"error": "InternalServerError", "message": "Internal Server Error"})
        if outcome == "500":
            return reply(500, {"error": "InternalServerError", "message": "Internal Server Error"})
        self.commits += 1
        if outcome == "lost":
            raise NoAnswer("reset")
        return PAGE if outcome == "page" else reply(200, results(THREAD))


def test_get(repo: Repo, holding: Any, server: Any) -> None:
    """A record comes back with its at-uri, CID and value, without the session; a missing one is RecordNotFound."""
    holding(THREAD[0])
    assert repo.get(POST, THREAD[0].rkey) == Record(uri(THREAD[0]), THREAD[0].cid, dict(THREAD[0].value))
    assert server.sent[0].token == ""
    with pytest.raises(RecordNotFound):
        repo.get(POST, "3kzzzzzzzzzzz")


@pytest.mark.parametrize("broken", [{}, {"uri": "at://x", "value": 3}, {"uri": 1, "value": {}}])
def test_get_something_else(repo: Repo, server: Any, answer: Any, broken: dict[str, Any]) -> None:
    """An answer that holds no record is no record."""
    server.on(GET, answer(broken))
    with pytest.raises(NoAnswer):
        repo.get(POST, "x")


def test_list_records(repo: Repo, server: Any, answer: Any) -> None:
    """Records are listed page by page until the server has no more, or as many as asked for."""
    items = [{"uri": uri(write), "cid": write.cid, "value": dict(write.value)} for write in THREAD]
    pages = (answer({"records": items[:2], "cursor": "c1"}), answer({"records": items[2:]}))
    server.on("com.atproto.repo.listRecords", *pages)
    assert [record.cid for record in repo.list_records(POST)] == [write.cid for write in THREAD]
    assert [dict(request.params).get("cursor") for request in server.sent] == [None, "c1"]
    server.on("com.atproto.repo.listRecords", answer({"records": items[:2], "cursor": "c1"}))
    assert len(list(repo.list_records(POST, records_max=2, reverse=True))) == 2
    assert (len(server.sent), dict(server.sent[2].params)["limit"]) == (3, "2")


def test_list_records_ends(repo: Repo, server: Any, answer: Any) -> None:
    """A server that gives the same cursor for ever does not hold us for ever."""
    items = [{"uri": uri(THREAD[0]), "cid": THREAD[0].cid, "value": {}}]
    server.on("com.atproto.repo.listRecords", answer({"records": items, "cursor": "same"}))
    assert len(list(repo.list_records(POST))) == 2


def test_put(repo: Repo, server: Any, answer: Any, refusal: Any) -> None:
    """A put says what must be there now: nothing asked, a CID, or nothing at all (null)."""
    write = THREAD[0]
    server.on(PUT, answer({"uri": uri(write), "cid": write.cid, "commit": {"cid": "bafyc", "rev": "r"}}))
    assert repo.put(write) == Commit(refs([write]), "bafyc", "r")
    repo.put(write, swap_record="bafyold")
    repo.put(write, only_new=True)
    assert [request.json().get("swapRecord", "-") for request in server.sent] == ["-", "bafyold", None]
    server.on(PUT, refusal(400, "InvalidSwap", "Record was at bafy"))
    with fails("record.swapped"):
        repo.put(write, only_new=True)


def test_put_is_not_repeated(repo: Repo, server: Any) -> None:
    """A put whose answer is lost is not sent again: somebody may have written since."""
    server.on(PUT, NoAnswer("reset"))
    with pytest.raises(NoAnswer):
        repo.put(THREAD[0])
    assert server.count(PUT) == 1


def test_delete(repo: Repo, server: Any, answer: Any, refusal: Any) -> None:
    """A delete whose answer is lost is sent again, three times at most."""
    server.on(DELETE, NoAnswer("reset"), refusal(502, ""), answer({}))
    repo.delete(POST, "3k")
    assert server.sent[0].json() == {"repo": DID, "collection": POST, "rkey": "3k"}
    server.on(DELETE, refusal(500, "InternalServerError"))
    with pytest.raises(ServerFailure):
        repo.delete(POST, "3k")
    assert server.count(DELETE) == 6


DATA = bytes(range(256)) * 600


def blob(data: bytes, **more: Any) -> dict[str, Any]:
    stored = {"$type": "blob", "ref": {"$link": cid_for_blob(data)}, "mimeType": "image/png", "size": len(data)}
    return {"blob": stored | more}


def echo_blob(sent: Any) -> Response:
    import json

    return Response(200, {"content-type": "application/json"}, json.dumps(blob(sent.body)).encode())


def test_upload(repo: Repo, server: Any) -> None:
    """A blob goes out as it is with its type, and the server's own blob object comes back."""
    server.on(UPLOAD, echo_blob)
    assert repo.upload_blob(DATA, "image/png", cid=cid_for_blob(DATA)) == blob(DATA)["blob"]
    assert (server.sent[0].body, server.sent[0].headers["content-type"]) == (DATA, "image/png")


def test_upload_in_pieces(repo: Repo, server: Any) -> None:
    """Pieces are streamed with their length said before, and progress ends at the whole size."""
    server.on(UPLOAD, echo_blob)
    seen: list[int] = []

    def pieces() -> Iterator[bytes]:
        yield DATA[:1000]
        yield DATA[1000:]

    repo.upload_blob(pieces, "image/png", size=len(DATA), cid=cid_for_blob(DATA), progress=seen.append)
    assert (seen, server.sent[0].headers["content-length"]) == ([1000, len(DATA)], str(len(DATA)))


def test_upload_progress_of_bytes(repo: Repo, server: Any) -> None:
    """Bytes given whole are told in pieces as well."""
    server.on(UPLOAD, echo_blob)
    seen: list[int] = []
    repo.upload_blob(DATA, "image/png", progress=seen.append)
    assert seen == [65_536, 131_072, len(DATA)]


def test_upload_in_doubt(repo: Repo, server: Any, refusal: Any, clock: FakeClock) -> None:
    """The same bytes are sent again after doubt, from their beginning, three times at most."""
    started = clock.now()
    server.on(UPLOAD, NoAnswer("reset"), refusal(500, "InternalServerError"), echo_blob)
    repo.upload_blob(lambda: iter([DATA]), "image/png", cid=cid_for_blob(DATA))
    assert [request.body for request in server.sent] == [DATA] * 3
    assert timedelta(seconds=2) <= clock.now() - started <= timedelta(seconds=4)
    server.on(UPLOAD, NoAnswer("reset"))
    with pytest.raises(NoAnswer):
        repo.upload_blob(DATA, "image/png")
    assert server.count(UPLOAD) == 6


@pytest.mark.parametrize("status", [400, 413, 429])
def test_upload_refused(repo: Repo, server: Any, refusal: Any, status: int) -> None:
    """A refused upload is not repeated."""
    server.on(UPLOAD, refusal(status, "X"))
    with pytest.raises((Refused, RateLimited)):
        repo.upload_blob(DATA, "image/png")
    assert server.count(UPLOAD) == 1


def test_upload_that_is_too_large(repo: Repo, server: Any, answer: Any) -> None:
    """A large blob is measured against the server's limit before a byte of it is sent."""
    server.on(DESCRIBE, answer({"did": "did:web:pds.example", "blobUploadLimit": 1_000_001}))
    server.on(UPLOAD, echo_blob)
    with fails("request.too_large", match="1000001"):
        repo.upload_blob(bytes(1_000_002), "image/png")
    assert server.count(UPLOAD) == 0
    repo.upload_blob(bytes(1_000_001), "image/png")


def test_upload_to_a_server_without_limit(repo: Repo, server: Any, answer: Any) -> None:
    """A server that tells no limit is simply asked to take the blob."""
    server.on(DESCRIBE, answer({"did": "did:web:pds.example"}))
    server.on(UPLOAD, echo_blob)
    assert repo.upload_blob(bytes(2_000_000), "image/png")["size"] == 2_000_000


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (blob(DATA + b"x"), "record.mismatch"),
        (blob(DATA, size=3), "record.mismatch"),
        (blob(DATA, ref={"$link": cid_for_blob(b"other")}), "record.mismatch"),
        ({}, NoAnswer),
        ({"blob": {"ref": "x"}}, NoAnswer),
        ({"blob": "x"}, NoAnswer),
    ],
)
def test_upload_changed_on_the_way(
    repo: Repo, server: Any, answer: Any, body: dict[str, Any], kind: type[SkywriteError]
) -> None:
    """A blob whose CID or size is not ours is told loudly."""
    server.on(UPLOAD, answer(body))
    with fails(kind):
        repo.upload_blob(DATA, "image/png", cid=cid_for_blob(DATA))


def test_write_of() -> None:
    """A write knows the CID of its value."""
    write = post("3k")
    assert write.cid == cid_for_record(write.value)
