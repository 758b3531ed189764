"""com.atproto.repo.* and com.atproto.sync.*: records, commits and blobs."""

from __future__ import annotations

from typing import Any

from skywrite.core.http import Response
from skywrite.protocol.atproto.cid import cid_for_record
from skywrite.protocol.atproto.syntax import InvalidSyntax
from skywrite.sandbox.accounts import Account
from skywrite.sandbox.lexdata import blobs_in, is_old_blob, to_lex
from skywrite.sandbox.lexicon import Invalid, RecordInvalid, Trail, check_record
from skywrite.sandbox.pds import Call, Method, Pds
from skywrite.sandbox.repo import MAX_WRITES, UNSET, Record, Write
from skywrite.sandbox.wire import XrpcFailure, json_answer

WRITE_LIMIT_BYTES = 1_000_000
_APPLY = "com.atproto.repo.applyWrites"
_POINTS = {"create": 3, "update": 2, "delete": 1}
_BY_DID = frozenset({"app.bsky.graph.follow", "app.bsky.graph.block"})
_BY_URI = frozenset({"app.bsky.feed.like", "app.bsky.feed.repost"})


def create_record(pds: Pds, call: Call) -> Response:
    body = call.body
    account = _own_account(pds, call)
    write = _prepare(pds, "create", body, body["record"], body.get("validate"), ("record",))
    writes = [write]
    if body.get("validate") is not False:
        doubles = _doubles(account, write)
        writes = [*(Write("delete", write.collection, rkey) for rkey in doubles if rkey != write.rkey), write]
    commit = account.repo.commit(writes, now=pds.now_iso(), swap_commit=body.get("swapCommit"))
    return json_answer(_written(account, write, commit.as_json()))


def put_record(pds: Pds, call: Call) -> Response:
    body = call.body
    account = _own_account(pds, call)
    current = account.repo.get(body["collection"], body["rkey"])
    action = "update" if current else "create"
    write = _prepare(
        pds, action, body, body["record"], body.get("validate"), ("record",), body.get("swapRecord", UNSET)
    )
    if current is not None and current.cid == write.cid:
        return json_answer(_written(account, write, None))
    commit = account.repo.commit([write], now=pds.now_iso(), swap_commit=body.get("swapCommit"))
    return json_answer(_written(account, write, commit.as_json()))


def delete_record(pds: Pds, call: Call) -> Response:
    body = call.body
    account = _own_account(pds, call)
    if account.repo.get(body["collection"], body["rkey"]) is None:
        return json_answer({})
    write = Write("delete", body["collection"], body["rkey"], swap=body.get("swapRecord", UNSET))
    commit = account.repo.commit([write], now=pds.now_iso(), swap_commit=body.get("swapCommit"))
    return json_answer({"commit": commit.as_json()})


def apply_writes(pds: Pds, call: Call) -> Response:
    body = call.body
    account = _own_account(pds, call)
    if len(body["writes"]) > MAX_WRITES:
        raise XrpcFailure(400, f"Too many writes. Max: {MAX_WRITES}")
    writes: list[Write] = []
    for number, op in enumerate(body["writes"]):
        action = op["$type"].removeprefix(f"{_APPLY}#")
        if action == "delete":
            writes.append(Write("delete", op["collection"], op["rkey"]))
        else:
            trail: Trail = ("writes", number, "record")
            writes.append(_prepare(pds, action, op, op["value"], body.get("validate"), trail))
    commit = account.repo.commit(writes, now=pds.now_iso(), swap_commit=body.get("swapCommit"))
    results = [_result(account, write) for write in writes]
    return json_answer({"commit": commit.as_json(), "results": results})


def _result(account: Account, write: Write) -> dict[str, Any]:
    name = f"{_APPLY}#{write.action}Result"
    if write.action == "delete":
        return {"$type": name}
    return {"$type": name, **_written(account, write, None)}


def _written(account: Account, write: Write, commit: dict[str, str] | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"uri": account.repo.uri(write.key), "cid": write.cid}
    if commit is not None:
        answer["commit"] = commit
    if write.validation is not None:
        answer["validationStatus"] = write.validation
    return answer


def _own_account(pds: Pds, call: Call) -> Account:
    account = pds.account_of(call.body["repo"])
    if account.did != call.did:
        raise XrpcFailure(401)
    if pds.blob_lifetime is not None:
        account.repo.drop_blobs_before(pds.now() - pds.blob_lifetime)
    return account


def _prepare(
    pds: Pds,
    action: Any,
    target: dict[str, Any],
    record: dict[str, Any],
    validate: bool | None,
    trail: Trail,
    swap: str | None = UNSET,
) -> Write:
    """A create or update, checked as far as possible without the repository."""
    collection: str = target["collection"]
    value = {**record, "$type": record.get("$type", collection)}
    if value["$type"] != collection:
        raise XrpcFailure(400, f"Invalid $type: expected {collection}, got {value['$type']}")
    rkey = target.get("rkey") or pds.next_tid()
    lex = to_lex(value)
    validation = None if validate is False else _validate(lex, rkey, validate, trail)
    blobs = tuple(blobs_in(lex))
    for blob in blobs:
        if is_old_blob(blob):
            raise XrpcFailure(400, f"Legacy blobs are not allowed ({blob['cid']})")
    try:
        cid = cid_for_record(value)
    except InvalidSyntax:
        raise XrpcFailure(500) from None
    return Write(action, collection, rkey, value, cid, blobs, validation, swap)


def _validate(record: dict[str, Any], rkey: str, validate: bool | None, trail: Trail) -> str:
    try:
        if check_record(record, rkey, trail):
            return "valid"
    except (Invalid, RecordInvalid) as problem:
        raise XrpcFailure(400, str(problem)) from None
    if validate:
        raise XrpcFailure(400, f"Unknown lexicon type: {record['$type']}")
    return "unknown"


def _doubles(account: Account, write: Write) -> list[str]:
    """The keys of likes, reposts, follows and blocks of the same subject, which a new one replaces."""
    subject = write.value.get("subject")
    if write.collection in _BY_URI and isinstance(subject, dict):
        uri = subject.get("uri")
        return list(account.repo.matching(write.collection, lambda value: value["subject"].get("uri") == uri))
    if write.collection in _BY_DID and isinstance(subject, str):
        return list(account.repo.matching(write.collection, lambda value: value.get("subject") == subject))
    return []


def get_record(pds: Pds, call: Call) -> Response:
    params = call.params
    account = _visible(pds, params["repo"])
    if account is None:
        raise XrpcFailure(400, "Could not locate record", "RecordNotFound")
    record = account.repo.get(params["collection"], params["rkey"])
    if record is None or params.get("cid", record.cid) != record.cid:
        uri = account.repo.uri((params["collection"], params["rkey"]))
        raise XrpcFailure(400, f"Could not locate record: {uri}", "RecordNotFound")
    return json_answer(_seen(record))


def list_records(pds: Pds, call: Call) -> Response:
    params = call.params
    account = _visible(pds, params["repo"])
    if account is None:
        raise XrpcFailure(400, f"Could not find repo: {params['repo']}")
    forward, cursor = params.get("reverse", False), params.get("cursor")
    records = account.repo.records(params["collection"])
    if not forward:
        records.reverse()
    if cursor is not None:
        records = [one for one in records if (_rkey(one) > cursor if forward else _rkey(one) < cursor)]
    page = records[: params["limit"]]
    answer: dict[str, Any] = {"records": [_seen(record) for record in page]}
    if page:
        answer["cursor"] = _rkey(page[-1])
    return json_answer(answer)


def _seen(record: Record) -> dict[str, Any]:
    return {"uri": record.uri, "cid": record.cid, "value": record.value}


def _rkey(record: Record) -> str:
    return record.uri.rpartition("/")[2]


def _visible(pds: Pds, name: str) -> Account | None:
    account = pds.accounts.find(name)
    return account if account is not None and account.status == "active" else None


def describe_repo(pds: Pds, call: Call) -> Response:
    account = _available(pds, call.params["repo"])
    return json_answer(
        {
            "handle": account.handle,
            "did": account.did,
            "didDoc": pds.accounts.did_document(account, pds.url),
            "collections": account.repo.collections(),
            "handleIsCorrect": True,
        }
    )


def _available(pds: Pds, name: str) -> Account:
    account = pds.accounts.find(name)
    if account is None:
        raise XrpcFailure(400, f"Could not find repo for DID: {name}", "RepoNotFound")
    if account.taken_down:
        raise XrpcFailure(400, f"Repo has been takendown: {name}", "RepoTakendown")
    if account.status == "deactivated":
        raise XrpcFailure(400, f"Repo has been deactivated: {name}", "RepoDeactivated")
    return account


def upload_blob(pds: Pds, call: Call) -> Response:
    account = pds.accounts.find(call.did)
    if account is None:
        raise XrpcFailure(500)
    data: bytes = call.request.body or b""
    if len(data) > pds.blob_limit:
        raise XrpcFailure(413, "request entity too large")
    return json_answer({"blob": account.repo.upload(data, call.encoding, pds.now())})


def get_blob(pds: Pds, call: Call) -> Response:
    account = _available(pds, call.params["did"])
    cid = call.params["cid"]
    blob = account.repo.blob(cid)
    if blob is None:
        raise XrpcFailure(400, "Blob not found")
    headers = {
        "content-type": blob.mime,
        "x-content-type-options": "nosniff",
        "content-disposition": f'attachment; filename="{cid}"',
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(200, headers, blob.data)


def get_latest_commit(pds: Pds, call: Call) -> Response:
    return json_answer(_available(pds, call.params["did"]).repo.head.as_json())


def _charge(action: str) -> Any:
    def charges(call: Call) -> list[tuple[str, str, int]]:
        return [("write-hour", call.did, _POINTS[action]), ("write-day", call.did, _POINTS[action])]

    return charges


def _charge_all(call: Call) -> list[tuple[str, str, int]]:
    points = sum(_POINTS[op["$type"].removeprefix(f"{_APPLY}#")] for op in call.body["writes"])
    return [("write-hour", call.did, points), ("write-day", call.did, points)]


METHODS = {
    "com.atproto.repo.createRecord": Method(create_record, "access", _charge("create"), WRITE_LIMIT_BYTES),
    "com.atproto.repo.putRecord": Method(put_record, "access", _charge("update"), WRITE_LIMIT_BYTES),
    "com.atproto.repo.deleteRecord": Method(delete_record, "access", _charge("delete")),
    "com.atproto.repo.applyWrites": Method(apply_writes, "access", _charge_all, WRITE_LIMIT_BYTES),
    "com.atproto.repo.getRecord": Method(get_record),
    "com.atproto.repo.listRecords": Method(list_records),
    "com.atproto.repo.describeRepo": Method(describe_repo),
    "com.atproto.repo.uploadBlob": Method(upload_blob, "upload", lambda call: [("upload-day", call.request.remote, 1)]),
    "com.atproto.sync.getBlob": Method(get_blob, "optional"),
    "com.atproto.sync.getLatestCommit": Method(get_latest_commit),
}
