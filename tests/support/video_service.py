"""A strict stand-in for Bluesky's video service, on loopback, for tests.

No public implementation of the service exists to run against. This one is written from its lexicons (app.bsky.video.*),
from the documentation of its tokens, and from what the live service was seen to do beyond them: `uploadVideo` takes
`did` and `name`, job statuses come without their wrapper, and a known video answers 409 with its job. So it shows that
our requests are what the lexicons ask for, and not how the live service behaves.

It accepts nothing else: unknown or missing parameters, other content types, bodies without an exact Content-Length,
tokens for another method or audience, parts out of range or of another size are refused, and kept in `violations`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from skywrite.core.clock import Clock, to_iso
from skywrite.protocol.atproto.cid import cid_for_blob
from tests.support.processes import PATIENCE_SECONDS

ACCOUNT = "did:plc:abcdefghijklmnopqrstuvwx"
PDS_HOST = "pds.example"
PDS_DID = "did:web:pds.example"
BLOB = {"$type": "blob", "ref": {"$link": cid_for_blob(b"encoded")}, "mimeType": "video/mp4", "size": 4321}
MULTIPART_BYTES_MAX = 300_000_000
OPEN_UPLOADS_MAX = 3
UPLOAD_TOKEN = "com.atproto.repo.uploadBlob"
_SECRET = b"the stand-in's own signing key"

_STRING = (str, 1, 256)
_METHODS: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    # method: (HTTP method, content type of the input, parameters with type, least and most)
    "uploadVideo": ("POST", "video/mp4", {"did": _STRING, "name": _STRING}),
    "startUpload": ("POST", "application/json", {}),
    "uploadPart": ("POST", "application/octet-stream", {"jobId": _STRING, "partNumber": (int, 1, 1 << 31)}),
    "finishUpload": ("POST", "application/json", {}),
    "abortUpload": ("POST", "application/json", {}),
    "getUploadStatus": ("GET", None, {"jobId": _STRING}),
    "getUploadLimits": ("GET", None, {}),
    "getJobStatus": ("GET", None, {"jobId": _STRING}),
}
_BODIES: dict[str, dict[str, tuple[type, int, int, bool]]] = {
    # method: property: (type, least, most, required)
    "startUpload": {
        "sizeBytes": (int, 1, 1 << 62, True),
        "mimeType": (str, 3, 255, True),
        "name": (str, 0, 256, False),
        "durationMs": (int, -(1 << 62), 1 << 62, False),
        "width": (int, -(1 << 62), 1 << 62, False),
        "height": (int, -(1 << 62), 1 << 62, False),
    },
    "finishUpload": {"jobId": (str, 1, 256, True)},
    "abortUpload": {"jobId": (str, 1, 256, True)},
}


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, error: str, message: str = "no", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.answer = {"error": error, "message": message, **more}


class Violation(Refusal):
    """The request is not what the lexicons ask for."""

    def __init__(self, message: str, status: int = 400, error: str = "InvalidRequest") -> None:
        super().__init__(status, error, message)


@dataclass
class Fault:
    """What goes wrong with one request: drop it, do it and lose the answer, or answer something else."""

    kind: str
    status: int = 500
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


DROP = Fault("drop")
DO_AND_DROP = Fault("do-and-drop")


def answer(status: int, error: str, message: str = "no", **headers: str) -> Fault:
    """A fault that answers with an XRPC error."""
    return Fault("answer", status, {"error": error, "message": message}, headers)


@dataclass
class Upload:
    """One multipart session."""

    job_id: str
    size: int
    part_bytes: int
    parts: dict[int, bytes] = field(default_factory=dict)
    state: str = "created"
    completed_job: str = ""
    reason: str = ""

    @property
    def count(self) -> int:
        return -(-self.size // self.part_bytes)

    def expected(self, number: int) -> int:
        return min(self.part_bytes, self.size - (number - 1) * self.part_bytes)


@dataclass(frozen=True)
class Seen:
    """One request that came: its method, parameters, body size, and the token's id."""

    method: str
    params: dict[str, str]
    size: int
    token: str


class VideoServiceStandIn:
    """The service, and the account's PDS as far as it hands out tokens (`token_for`)."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.part_bytes = 5 << 20
        self.wrapped = False
        self.limits: dict[str, Any] = {"canUpload": True, "remainingDailyVideos": 25, "remainingDailyBytes": 10**10}
        self.script: list[dict[str, Any]] = [
            {"state": "JOB_STATE_CREATED"},
            {"state": "JOB_STATE_ENCODING", "progress": 50},
            {"state": "JOB_STATE_COMPLETED", "blob": BLOB},
        ]
        self.faults: dict[str, list[Fault]] = {}
        self.seen: list[Seen] = []
        self.violations: list[str] = []
        self.videos: dict[str, bytes] = {}
        self.uploads: dict[str, Upload] = {}
        self.forget_parts: set[int] = set()
        self.together: threading.Barrier | None = None
        self.tokens = 0
        self.parts_at_once = 0
        self._parts_now = 0
        self._polls: dict[str, int] = {}
        self._known: dict[bytes, str] = {}
        self._lock = threading.RLock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        host, port = self._server.server_address[:2]
        self.url = f"http://{host!s}:{port}"
        self.did = f"did:web:{host!s}%3A{port}"

    def __enter__(self) -> VideoServiceStandIn:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # The PDS's part.

    def token_for(self, lxm: str, aud: str, seconds: int) -> str:
        """com.atproto.server.getServiceAuth: at most an hour, as the reference PDS has it."""
        if not lxm or not aud.startswith("did:") or not 0 < seconds <= 3600:
            raise AssertionError(f"getServiceAuth would refuse {lxm} {aud} {seconds}")
        with self._lock:
            self.tokens += 1
            number = self.tokens
        expires = int((self.clock.now() + timedelta(seconds=seconds)).timestamp())
        payload = {"iss": ACCOUNT, "aud": aud, "lxm": lxm, "exp": expires, "jti": str(number)}
        body = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
        return f"eyJhbGciOiJIUzI1NiJ9.{body}.{_signed(body)}"

    # What tests ask.

    def calls(self, method: str) -> list[Seen]:
        """The requests of one method, in order."""
        return [seen for seen in self.seen if seen.method == method]

    # The service's part.

    def handle(self, method: str, request: Request) -> dict[str, Any]:
        """Check one request and carry it out."""
        if method not in _METHODS:
            raise Violation(f"no method {method}", 501, "MethodNotImplemented")
        verb, content_type, expected = _METHODS[method]
        if request.verb != verb:
            raise Violation(f"{method} is {verb}")
        params = _checked_params(method, request.query, expected)
        _check_body_headers(method, request, content_type)
        token = self._checked_token(method, request.authorization)
        with self._lock:
            self.seen.append(Seen(method, dict(request.query), len(request.body), token))
        body = _checked_json(method, request.body) if content_type == "application/json" else {}
        act: Callable[..., dict[str, Any]] = getattr(self, f"_{method}")
        return act(**params, **body) if content_type in (None, "application/json") else act(request.body, **params)

    def _checked_token(self, method: str, header: str) -> str:
        if method == "getJobStatus":
            if header:
                raise Violation("getJobStatus needs no token, and should not be shown one")
            return ""
        payload = _payload(header)
        wanted = (
            ("app.bsky.video.getUploadLimits", self.did) if method == "getUploadLimits" else (UPLOAD_TOKEN, PDS_DID)
        )
        if (payload.get("lxm"), payload.get("aud")) != wanted:
            raise Violation(f"{method} wants a token for {wanted}, not {payload}", 401, "BadJwtAudience")
        if payload.get("iss") != ACCOUNT:
            raise Violation("the token is another account's", 401, "BadJwtIss")
        if payload["exp"] <= self.clock.now().timestamp():
            raise Refusal(401, "JwtExpired", "the token is over")
        return str(payload["jti"])

    def _getUploadLimits(self) -> dict[str, Any]:
        return self.limits

    def _uploadVideo(self, data: bytes, did: str, name: str) -> dict[str, Any]:
        if did != ACCOUNT:
            raise Violation("did is not the token's account")
        job_id, known = self._job_for(data)
        status = self._status(job_id, poll=False)
        if known:
            status = {**status, "error": "already_exists", "message": "Video already processed"}
            raise Refusal(409, **status)
        return self._out(status)

    def _startUpload(self, sizeBytes: int, mimeType: str, **_: Any) -> dict[str, Any]:
        if mimeType != "video/mp4":
            raise Refusal(400, "UnsupportedContentType")
        if sizeBytes > MULTIPART_BYTES_MAX:
            raise Refusal(400, "VideoTooLarge")
        with self._lock:
            if sum(upload.state == "created" for upload in self.uploads.values()) >= OPEN_UPLOADS_MAX:
                raise Refusal(429, "TooManyOpenUploads")
            upload = Upload(f"upload-{len(self.uploads) + 1}", sizeBytes, self.part_bytes)
            self.uploads[upload.job_id] = upload
        expires = to_iso(self.clock.now() + timedelta(hours=1))
        plan = {"partSizeBytes": upload.part_bytes, "partCount": upload.count, "expiresAt": expires}
        return {"jobId": upload.job_id, **plan}

    def _uploadPart(self, data: bytes, jobId: str, partNumber: int) -> dict[str, Any]:
        upload = self._open(jobId)
        if not 1 <= partNumber <= upload.count:
            raise Violation(f"part {partNumber} of {upload.count}", error="InvalidPartNumber")
        if len(data) != upload.expected(partNumber):
            raise Violation(f"part {partNumber} has {len(data)} bytes", error="PartSizeMismatch")
        if self.together is not None and partNumber <= self.together.parties:
            try:
                self.together.wait(PATIENCE_SECONDS)
            except threading.BrokenBarrierError:
                raise Violation(f"part {partNumber} came alone") from None
        with self._lock:
            upload.parts[partNumber] = data
        return {"partNumber": partNumber, "sizeBytes": len(data)}

    def _finishUpload(self, jobId: str) -> dict[str, Any]:
        upload = self._found(jobId)
        with self._lock:
            if upload.state == "created":
                for number in self.forget_parts:
                    upload.parts.pop(number, None)
                self.forget_parts = set()
                missing = [number for number in range(1, upload.count + 1) if number not in upload.parts]
                if missing:
                    raise Refusal(400, "MissingParts", f"missing parts: {missing}")
                data = b"".join(upload.parts[number] for number in sorted(upload.parts))
                upload.completed_job, _ = self._job_for(data)
                upload.state = "completed"
        if upload.state != "completed":
            raise _over(upload)
        return {"completedJobId": upload.completed_job, "jobStatus": self._status(upload.completed_job, poll=False)}

    def _abortUpload(self, jobId: str) -> dict[str, Any]:
        upload = self._found(jobId)
        if upload.state == "finishing":
            raise Refusal(400, "UploadNotReady")
        if upload.state == "created":
            upload.state = "aborted"
        more = {"completedJobId": upload.completed_job} if upload.state == "completed" else {}
        return {"state": upload.state, **more, **({"failureReason": upload.reason} if upload.reason else {})}

    def _getUploadStatus(self, jobId: str) -> dict[str, Any]:
        upload = self._found(jobId)
        status: dict[str, Any] = {
            "jobId": jobId,
            "partSizeBytes": upload.part_bytes,
            "partCount": upload.count,
            "receivedParts": sorted(upload.parts),
            "expiresAt": to_iso(self.clock.now() + timedelta(hours=1)),
            "state": upload.state,
        }
        if upload.state == "completed":
            status["completedJobId"] = upload.completed_job
            status["jobStatus"] = self._status(upload.completed_job, poll=False)
        return status | ({"failureReason": upload.reason} if upload.state == "failed" else {})

    def _getJobStatus(self, jobId: str) -> dict[str, Any]:
        if jobId not in self.videos:
            raise Refusal(404, "InvalidRequest", "no such job")
        return self._out(self._status(jobId, poll=True))

    def _job_for(self, data: bytes) -> tuple[str, bool]:
        """The job of these bytes, and whether they were known."""
        digest = hashlib.sha256(data).digest()
        with self._lock:
            known = self._known.get(digest)
            job_id = known or f"job-{len(self.videos) + 1}"
            self._known[digest] = job_id
            self.videos[job_id] = data
        return job_id, known is not None

    def _status(self, job_id: str, *, poll: bool) -> dict[str, Any]:
        with self._lock:
            at = self._polls.get(job_id, 0)
            if poll and at < len(self.script) - 1:
                self._polls[job_id] = at + 1
        return {"jobId": job_id, "did": ACCOUNT, **self.script[at]}

    def finish_job(self, data: bytes) -> str:
        """Make the service know a video already, with its job at the end of the script."""
        job_id, _ = self._job_for(data)
        self._polls[job_id] = len(self.script) - 1
        return job_id

    def _out(self, status: dict[str, Any]) -> dict[str, Any]:
        return {"jobStatus": status} if self.wrapped else status

    def _found(self, job_id: str) -> Upload:
        if job_id not in self.uploads:
            raise Refusal(404, "UploadNotFound")
        return self.uploads[job_id]

    def _open(self, job_id: str) -> Upload:
        upload = self._found(job_id)
        if upload.state != "created":
            raise _over(upload)
        return upload

    def entering(self, method: str) -> None:
        with self._lock:
            if method == "uploadPart":
                self._parts_now += 1
                self.parts_at_once = max(self.parts_at_once, self._parts_now)

    def leaving(self, method: str) -> None:
        with self._lock:
            self._parts_now -= method == "uploadPart"

    def next_fault(self, method: str) -> Fault | None:
        with self._lock:
            planned = self.faults.get(method)
            return planned.pop(0) if planned else None


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    verb: str
    query: list[tuple[str, str]]
    content_type: str
    content_length: str
    chunked: bool
    authorization: str
    body: bytes


def _over(upload: Upload) -> Refusal:
    error = {
        "completed": "UploadAlreadyCompleted",
        "aborted": "UploadAborted",
        "failed": "UploadFailed",
        "expired": "UploadExpired",
        "finishing": "UploadNotReady",
    }[upload.state]
    return Refusal(400, error, upload.reason or upload.state)


def _signed(body: str) -> str:
    return hmac.new(_SECRET, body.encode(), "sha256").hexdigest()


def _payload(header: str) -> dict[str, Any]:
    scheme, _, token = header.partition(" ")
    parts = token.split(".")
    if scheme != "Bearer" or len(parts) != 3 or parts[2] != _signed(parts[1]):
        raise Violation("no sound token", 401, "BadJwt")
    payload: dict[str, Any] = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    return payload


def _checked_params(method: str, query: list[tuple[str, str]], expected: dict[str, Any]) -> dict[str, Any]:
    values = dict(query)
    if len(values) != len(query) or set(values) != set(expected):
        raise Violation(f"{method} takes the parameters {sorted(expected)}, not {sorted(values)}")
    params: dict[str, Any] = {}
    for name, (kind, least, most) in expected.items():
        value = values[name]
        if kind is int:
            if not value.isdigit() or not least <= int(value) <= most:
                raise Violation(f"{name} is no integer from {least} on: {value}")
            params[name] = int(value)
        else:
            if not least <= len(value) <= most:
                raise Violation(f"{name} has {len(value)} characters")
            params[name] = value
    return params


def _check_body_headers(method: str, request: Request, content_type: str | None) -> None:
    if content_type is None:
        if request.body:
            raise Violation(f"{method} takes no body")
        return
    if request.content_type != content_type:
        raise Violation(f"{method} takes {content_type}, not {request.content_type!r}")
    if request.chunked or not request.content_length.isdigit() or int(request.content_length) != len(request.body):
        raise Violation(f"{method} wants an exact Content-Length")


def _checked_json(method: str, body: bytes) -> dict[str, Any]:
    document = json.loads(body)
    properties = _BODIES[method]
    if not isinstance(document, dict) or set(document) - set(properties):
        raise Violation(f"{method} takes {sorted(properties)}, not {document}")
    for name, (kind, least, most, required) in properties.items():
        if name not in document:
            if required:
                raise Violation(f"{method} lacks {name}")
            continue
        value = document[name]
        size: Any = len(value) if isinstance(value, str) else value
        if type(value) is not kind or not least <= size <= most:
            raise Violation(f"{method}: bad {name} {value!r}")
    return document


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, service: VideoServiceStandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        return

    def _serve(self) -> None:
        service = self.server.service
        address = urlsplit(self.path)
        method = address.path.removeprefix("/xrpc/app.bsky.video.")
        service.entering(method)
        try:
            request = self._request(address.query)
            fault = service.next_fault(method)
            if fault is not None and fault.kind == "answer":
                self._send(fault.status, fault.body, fault.headers, fault.content_type)
                return
            if fault is not None and fault.kind == "drop":
                self._drop()
                return
            status, answer = self._answer(service, method, request)
            if fault is not None:
                self._drop()
            else:
                self._send(status, answer, {})
        finally:
            service.leaving(method)

    def _answer(self, service: VideoServiceStandIn, method: str, request: Request) -> tuple[int, dict[str, Any]]:
        try:
            return 200, service.handle(method, request)
        except Violation as violation:
            service.violations.append(str(violation))
            return violation.status, violation.answer
        except Refusal as refusal:
            return refusal.status, refusal.answer

    def _request(self, query: str) -> Request:
        chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        length = self.headers.get("content-length", "")
        body = self._chunks() if chunked else self.rfile.read(int(length or 0))
        return Request(
            self.command,
            parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)),
            self.headers.get("content-type", ""),
            length,
            chunked,
            self.headers.get("authorization", ""),
            body,
        )

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _drop(self) -> None:
        self.close_connection = True

    def _send(self, status: int, body: Any, headers: dict[str, str], content_type: str = "application/json") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "content-type": content_type, "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
