"""An account's repository: records and blobs, written so that nothing is written twice and nothing is lost.

What lives here: creates that can be repeated because their record keys are fixed, and the one way out of doubt. What
does not: what the records mean (see `bsky`), when to try again (see `publish`).

Source: com.atproto.repo.* and https://atproto.com/specs/repository
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Self

from skywrite.core.errors import (
    CutOff,
    InputError,
    NoAnswer,
    NotSent,
    RateLimited,
    RejectedError,
    SignInError,
    SkywriteError,
    Stopping,
    TemporaryError,
)
from skywrite.protocol.atproto.cid import cid_for_record
from skywrite.protocol.atproto.session import Agent
from skywrite.protocol.atproto.syntax import Ref
from skywrite.protocol.atproto.xrpc import LOOK_SECONDS, WRITE_SECONDS, Body, Param
from skywrite.protocol.atproto.xrpc_errors import AccountUnavailable, RecordNotFound, Refused, ServerFailure

WRITES_MAX = 200
PAGE_RECORDS = 100
UPLOAD_TRIES = 3
DELETE_TRIES = 3
UNASKED_BLOB_BYTES_MAX = 1_000_000
UPLOAD_SECONDS_BASE = 60.0
UPLOAD_BYTES_A_SECOND_LEAST = 50_000
_HIDDEN = frozenset({"RepoDeactivated", "RepoTakendown", "RepoSuspended", "RepoNotFound"})


class RecordConflict(RejectedError):
    """The record key holds another record than ours."""

    code = "record.conflict"


class StoredOtherwise(RejectedError):
    """The records are public, but one is not what we sent. `root` is the first one, as the server stored it."""

    code = "record.stored_otherwise"

    def __init__(self, ours: Ref, theirs: Ref, *, root: Ref) -> None:
        super().__init__(
            f"The server stored {theirs.uri} with {theirs.cid}, not {ours.uri} with {ours.cid}.",
            hint="The record is public, but its content is not what you planned. Look at it, and report this.",
        )
        self.root = root


class Write(NamedTuple):
    """One record to create: `cid` is what its value must hash to."""

    collection: str
    rkey: str
    value: Mapping[str, Any]
    cid: str

    @classmethod
    def of(cls, collection: str, rkey: str, value: Mapping[str, Any]) -> Self:
        """A write whose CID is computed here."""
        return cls(collection, rkey, value, cid_for_record(value))


class Record(NamedTuple):
    """A record as the repository has it."""

    uri: str
    cid: str
    value: dict[str, Any]


class Commit(NamedTuple):
    """What is in the repository now, in the order of the writes.

    With `read_back`, no response confirmed it and we read it back; the commit's own `cid` and `rev` are unknown then.
    With `refused`, it answered that it would not write, so the same records were probably there before.
    """

    refs: tuple[Ref, ...]
    cid: str | None = None
    rev: str | None = None
    read_back: bool = False
    refused: bool = False


Known = Literal["unsent", "absent", "unknown"]


class Unwritten(NamedTuple):
    """Why a commit may not be in the repository, and what we know about it.

    `unsent`: this write was never sent, or a disabled account refused it; earlier tries may still have been carried
    out. `absent`: it was sent, then we read its root's key, and nothing was there. `unknown`: it may be there.
    """

    error: SkywriteError
    known: Known


class Repo:
    """The repository of the agent's account. Safe to share between threads."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    @property
    def did(self) -> str:
        """The account's DID."""
        return self._agent.did

    def create_all(self, writes: Sequence[Write]) -> Commit:
        """Create all records in one commit, or none; raises the error of `try_create_all`."""
        result = self.try_create_all(writes)
        if isinstance(result, Unwritten):
            raise result.error
        return result

    def try_create_all(self, writes: Sequence[Write]) -> Commit | Unwritten:
        """Create all records in one commit, or none.

        We trust no refusal, not even a 401: something on the way to the server may have sent the request twice. So we
        read the first record back. If it is ours, we are done. If there is none, return the error; the same writes may
        be tried again. If it is another one, raise RecordConflict. Only after a rate limit we send nothing more.
        """
        if not 1 <= len(writes) <= WRITES_MAX:
            hint = "Split them into more commits."
            raise InputError(f"One commit holds 1 to {WRITES_MAX} writes, not {len(writes)}.", hint=hint)
        body = {"repo": self.did, "writes": [_create(write) for write in writes]}
        try:
            self._agent.get_ready()
        except SkywriteError as error:
            return Unwritten(error, "unsent")
        try:
            answer = self._agent.procedure("com.atproto.repo.applyWrites", body, timeout_seconds=WRITE_SECONDS)
        except NotSent as error:
            return Unwritten(error, "unsent")
        except RateLimited as error:
            return Unwritten(error, "unknown")
        except (NoAnswer, ServerFailure, Refused, SignInError) as error:
            return self._settle(writes, error)
        return self._checked(writes, answer)

    def is_there(self, write: Write) -> bool:
        """Whether the record is in the repository. Raises RecordConflict if another record has its key."""
        try:
            record = self.get(write.collection, write.rkey, timeout_seconds=LOOK_SECONDS)
        except RecordNotFound:
            return False
        if record.cid != write.cid:
            raise RecordConflict(
                f"{self._uri(write)} holds another record ({record.cid}) than the one to be written ({write.cid}).",
                hint="Another program has written this record; nothing was changed.",
            )
        return True

    def get(
        self,
        collection: str,
        rkey: str,
        *,
        repo: str | None = None,
        cid: str | None = None,
        timeout_seconds: float | None = None,
    ) -> Record:
        """One record of this repository, or of another (DID or handle). Raises RecordNotFound."""
        params = {"repo": self.did if repo is None else repo, "collection": collection, "rkey": rkey}
        if cid is not None:
            params["cid"] = cid
        public = self._agent.public
        return _record(public.query("com.atproto.repo.getRecord", params, timeout_seconds=timeout_seconds))

    def list_records(
        self, collection: str, *, repo: str | None = None, reverse: bool = False, records_max: int | None = None
    ) -> Iterator[Record]:
        """The records of a collection, newest record key first (`reverse`: oldest first), fetched page by page."""
        cursor: str | None = None
        count = 0
        while records_max is None or count < records_max:
            limit = PAGE_RECORDS if records_max is None else min(PAGE_RECORDS, records_max - count)
            params: dict[str, Param] = {
                "repo": self.did if repo is None else repo,
                "collection": collection,
                "limit": limit,
                "cursor": cursor,
                "reverse": reverse or None,
            }
            page = self._agent.public.query("com.atproto.repo.listRecords", params)
            records = page.get("records")
            if not isinstance(records, list):
                raise NoAnswer("The server's response contains no records.")
            yield from map(_record, records)
            count += len(records)
            following = page.get("cursor")
            if not records or not isinstance(following, str) or following == cursor:
                return
            cursor = following

    def put(self, write: Write, *, swap_record: str | None = None, only_new: bool = False) -> Commit:
        """Create or replace a record. This is never repeated automatically.

        `swap_record` is the CID that must be there now; with `only_new`, nothing may be there. Otherwise raises
        Refused.
        """
        body: dict[str, Any] = {
            "repo": self.did,
            "collection": write.collection,
            "rkey": write.rkey,
            "record": write.value,
        }
        if swap_record is not None or only_new:
            body["swapRecord"] = swap_record
        answer = self._agent.procedure("com.atproto.repo.putRecord", body)
        result = self._checked([write], {"commit": answer.get("commit"), "results": [answer]})
        if isinstance(result, Unwritten):
            raise result.error
        return result

    def delete(self, collection: str, rkey: str) -> None:
        """Delete a record. It is not an error if there is none, so this is repeated if a response gets lost."""
        body = {"repo": self.did, "collection": collection, "rkey": rkey}
        self._repeat(DELETE_TRIES, lambda: self._agent.procedure("com.atproto.repo.deleteRecord", body))

    def upload_blob(
        self,
        data: bytes | Callable[[], Iterable[bytes]],
        mime: str,
        *,
        size: int | None = None,
        cid: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Upload a blob and return the server's blob object, for use in a record.

        `data` may be a function that returns a new iterator of pieces for each try; then pass their total `size`.
        `progress` receives the number of bytes sent so far, from 0 again with each try. The same bytes give the same
        blob, so in doubt they are sent again. Raises RejectedError if the server's CID is not `cid`.
        """
        size = len(data) if isinstance(data, bytes) else size
        if size is not None and size > UNASKED_BLOB_BYTES_MAX:
            self._check_limit(size)
        body: Body = data if isinstance(data, bytes) and progress is None else _reported(data, progress)
        headers = {} if size is None or isinstance(body, bytes) else {"content-length": str(size)}
        seconds = upload_seconds(size or 0)
        answer = self._repeat(
            UPLOAD_TRIES,
            lambda: self._agent.procedure(
                "com.atproto.repo.uploadBlob", body, content_type=mime, headers=headers, timeout_seconds=seconds
            ),
        )
        return _checked_blob(answer, cid, size)

    def _check_limit(self, size: int) -> None:
        """Check the limit first: a server that refuses a large body may hang up before it says so."""
        limit = self._agent.blob_upload_limit()
        if limit is not None and size > limit:
            message = f"A blob of {size} bytes is too large for {self._agent.public.host}, which takes {limit}."
            raise Refused(message, code="request.too_large", hint="Make it smaller.")

    def _settle(self, writes: Sequence[Write], error: SkywriteError) -> Commit | Unwritten:
        """Resolve the doubt. Returns a commit only if we have seen our first record."""
        root = writes[0]
        try:
            if isinstance(error, SignInError) and self._is_hidden():
                # Such an account shows no records at all.
                return Unwritten(error, "unsent" if isinstance(error, AccountUnavailable) else "unknown")
            if self.is_there(root):
                return self._read_back(writes, error)
            if _is_internal(error) and self._rest_is_there(writes):
                # The commit may have been carried out between the two reads.
                if self.is_there(root):
                    return self._read_back(writes, error)
                raise RecordConflict(
                    f"Other records of the commit are there, but {self._uri(root)} is not: it was deleted.",
                    hint="It was published before. Write it as a new post.",
                )
        except RecordConflict:
            raise
        except SkywriteError as hindrance:
            # Whatever kept us from looking, report the doubt: no refusal is final until we have looked.
            if isinstance(error, Refused):
                text = f"{error.message} Skywrite could not check whether an earlier try was carried out"
                error = TemporaryError(f"{text}: {hindrance.message}", code="write.unsettled", hint=error.hint)
            return Unwritten(error, "unknown")
        return Unwritten(error, "absent")

    def _is_hidden(self) -> bool:
        """Whether the account's server shows none of its records, because the account is disabled."""
        try:
            params = {"repo": self.did}
            self._agent.public.query("com.atproto.repo.describeRepo", params, timeout_seconds=LOOK_SECONDS)
        except Refused as error:
            if error.server_error in _HIDDEN:
                return True
            raise
        return False

    def _rest_is_there(self, writes: Sequence[Write]) -> bool:
        return len(writes) > 1 and any(self.is_there(write) for write in (writes[1], writes[-1]))

    def _read_back(self, writes: Sequence[Write], error: SkywriteError) -> Commit:
        refs = tuple(Ref(self._uri(write), write.cid) for write in writes)
        return Commit(refs, read_back=True, refused=isinstance(error, Refused) or _is_internal(error))

    def _checked(self, writes: Sequence[Write], answer: Mapping[str, Any]) -> Commit | Unwritten:
        """The commit in a response. Its results must be what we sent; without results there is doubt."""
        results = answer.get("results")
        stored = [_ref(result) for result in results] if isinstance(results, list) else []
        if len(stored) != len(writes) or None in stored:
            return self._settle(
                writes, NoAnswer(f"The server's response does not say what happened to {self._uri(writes[0])}.")
            )
        refs = tuple(Ref(self._uri(write), write.cid) for write in writes)
        for ours, theirs in zip(refs, stored, strict=True):
            if theirs is not None and ours != theirs:
                raise StoredOtherwise(ours, theirs, root=stored[0] or refs[0])
        commit = answer.get("commit")
        commit = commit if isinstance(commit, dict) else {}
        return Commit(refs, cid=commit.get("cid"), rev=commit.get("rev"))

    def _uri(self, write: Write) -> str:
        return f"at://{self.did}/{write.collection}/{write.rkey}"

    def _repeat(self, tries: int, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Send something that is safe to repeat, again in case of doubt."""
        clock = self._agent.clock
        for tries_left in range(tries - 1, -1, -1):
            try:
                return send()
            except (NoAnswer, NotSent, ServerFailure) as error:
                if not tries_left or isinstance(error, Stopping | CutOff):
                    raise
            clock.wait(threading.Event(), 1 + clock.random())
        raise AssertionError("unreachable")


def _is_internal(error: SkywriteError) -> bool:
    """Whether it is the answer of a PDS to a create on a record key that is in use, among other things."""
    return isinstance(error, ServerFailure) and error.status == 500


def upload_seconds(size: int) -> float:
    """How long an upload of this size may take, including the response."""
    return UPLOAD_SECONDS_BASE + size / UPLOAD_BYTES_A_SECOND_LEAST


def _create(write: Write) -> dict[str, Any]:
    return {
        "$type": "com.atproto.repo.applyWrites#create",
        "collection": write.collection,
        "rkey": write.rkey,
        "value": write.value,
    }


def _ref(result: object) -> Ref | None:
    """Where a server says that it stored a record, and with which CID; None if it does not say."""
    if isinstance(result, dict) and isinstance(result.get("uri"), str) and isinstance(result.get("cid"), str):
        return Ref(result["uri"], result["cid"])
    return None


def _record(answer: object) -> Record:
    if isinstance(answer, dict):
        uri, cid, value = answer.get("uri"), answer.get("cid"), answer.get("value")
        if isinstance(uri, str) and isinstance(value, dict):
            return Record(uri, cid if isinstance(cid, str) else cid_for_record(value), value)
    raise NoAnswer("The server's response contains no record.")


def _reported(
    data: bytes | Callable[[], Iterable[bytes]], progress: Callable[[int], None] | None
) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        sent = 0
        for piece in _sliced(data) if isinstance(data, bytes) else data():
            # Report before yielding the piece: the generator does not resume after the last one.
            sent += len(piece)
            if progress:
                progress(sent)
            yield piece

    return pieces


def _sliced(data: bytes, piece_bytes: int = 65_536) -> Iterator[bytes]:
    for start in range(0, len(data), piece_bytes):
        yield data[start : start + piece_bytes]


def _checked_blob(answer: Mapping[str, Any], cid: str | None, size: int | None) -> dict[str, Any]:
    blob = answer.get("blob")
    link = blob.get("ref") if isinstance(blob, dict) else None
    stored = link.get("$link") if isinstance(link, dict) else None
    if not isinstance(blob, dict) or not isinstance(stored, str):
        raise NoAnswer("The server's response contains no blob.")
    if (cid is not None and stored != cid) or (size is not None and blob.get("size") != size):
        raise RejectedError(
            f"The server stored the blob {stored} of {blob.get('size')} bytes, not {cid} of {size}.",
            code="record.mismatch",
            hint="Something on the way to the server changes the data.",
        )
    return blob
