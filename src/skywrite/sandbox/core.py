"""The sandbox: a stand-in for a PDS, inside your process, for trying things and for testing bots without the network.

    with Sandbox() as box:
        alice = box.account("alice.test")          # .handle .did .password .app_password
        ...                                        # run a bot against box.url
        print(box.posts("alice.test"))

What lives here: the path of a request through the server (path, fault, parameters, sign-in, body, limits, method), and
what a test reads and sets. `handle` needs no socket, and no clock except `box.clock`. What does not: what the methods
do (`server_methods`, `repo_methods`, `appview`, `people`, `notifications`), HTTP (`server`), the client's side
(`transport`).
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from skywrite.core.clock import SYSTEM_CLOCK, Clock, secret_bytes
from skywrite.core.http import Response
from skywrite.protocol.atproto.syntax import Handle
from skywrite.sandbox import app_drafts, appview, notifications, people, repo_methods, server_methods
from skywrite.sandbox.accounts import Account, Status
from skywrite.sandbox.faults import Fault, Faults
from skywrite.sandbox.lexdata import read_json, to_lex
from skywrite.sandbox.lexicon import Invalid, check, lexicons, read_params
from skywrite.sandbox.limits import RateLimits
from skywrite.sandbox.pds import DEFAULT_BLOB_LIMIT, Call, Method, Pds, authenticate
from skywrite.sandbox.repo import Record
from skywrite.sandbox.wire import (
    ConnectionDropped,
    NoConnection,
    Request,
    XrpcFailure,
    json_answer,
    text_answer,
)

if TYPE_CHECKING:
    from skywrite.sandbox.server import SandboxServer

POSTS = "app.bsky.feed.post"
METHODS: dict[str, Method] = {
    **server_methods.METHODS,
    **repo_methods.METHODS,
    **appview.METHODS,
    **people.METHODS,
    **app_drafts.METHODS,
    **notifications.METHODS,
}
_NSID = re.compile(r"[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*")
_MIME = re.compile(r"\s*([^\s;/]+/[^\s;]+)\s*(?:;.*)?")
_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Post:
    """A post as people see it. `images` are alt texts, `reply_to` and `quotes` at-uris; `record` has everything."""

    uri: str
    cid: str
    text: str
    created_at: str
    langs: tuple[str, ...]
    reply_to: str | None
    quotes: str | None
    images: tuple[str, ...]
    record: dict[str, Any]


class Sandbox:
    """A PDS, a PLC directory and as much of an AppView as a posting bot needs, all in memory.

    As a context manager it serves on a free port of 127.0.0.1; with `SandboxTransport` it needs no socket. Safe to
    share between threads. `clock`, `blob_limit`, `limits` and `faults` may be changed at any time.
    """

    def __init__(
        self,
        *,
        accounts: Iterable[str] = ("alice.test", "bob.test"),
        clock: Clock = SYSTEM_CLOCK,
        blob_limit: int = DEFAULT_BLOB_LIMIT,
        rate_limits: bool = False,
        jwt_secret: str | None = None,
    ) -> None:
        secret = secret_bytes(16).hex() if jwt_secret is None else jwt_secret
        self._pds = Pds(clock, secret, blob_limit=blob_limit, rate_limits=rate_limits)
        self._lock = threading.RLock()
        self._server: SandboxServer | None = None
        self._port = 0
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        for handle in accounts:
            self.account(handle)

    # What a test reads and sets

    @property
    def url(self) -> str:
        """The address of the PDS, as in the DID documents of its accounts."""
        return self._pds.url

    @property
    def plc_url(self) -> str:
        """The address of the PLC directory that knows the accounts."""
        return f"{self._pds.url}/plc"

    @property
    def did(self) -> str:
        """The server's own DID."""
        return self._pds.did

    @property
    def jwt_secret(self) -> str:
        """The secret that signs session tokens, for tests that make their own."""
        return self._pds.secret

    @property
    def limits(self) -> RateLimits:
        """Rate limits: `box.limits.enabled = True`, `box.limits.rules["write-hour"] = Limit(10, 3600)`."""
        return self._pds.limits

    @property
    def clock(self) -> Clock:
        """The server's clock."""
        return self._pds.clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self._pds.clock = clock

    @property
    def blob_limit(self) -> int:
        """The largest blob that the server accepts, in bytes."""
        return self._pds.blob_limit

    @blob_limit.setter
    def blob_limit(self, limit_bytes: int) -> None:
        self._pds.blob_limit = limit_bytes

    @property
    def blob_lifetime(self) -> timedelta | None:
        """How long an unused blob stays (on the network: minutes; None: forever)."""
        return self._pds.blob_lifetime

    @blob_lifetime.setter
    def blob_lifetime(self, lifetime: timedelta | None) -> None:
        self._pds.blob_lifetime = lifetime

    def account(self, handle: str, *, did: str | None = None) -> Account:
        """The account with this handle, created if there is none (with this DID, if one is given)."""
        name = str(Handle(handle))
        with self._lock:
            account = self._pds.accounts.find(name)
            if account is None:
                first = name.split(".")[0]
                account = self._pds.accounts.create(name, f"{first}-password", f"{name}@example.com", did)
                self._pds.accounts.add_app_password(account, "test")
            return account

    def set_status(self, handle: str, status: Status) -> None:
        """Take an account down, deactivate it, or make it active again; a take-down ends its sessions."""
        with self._lock:
            account = self.account(handle)
            account.status = status
            if status == "takendown":
                self._pds.sessions.revoke_all(account.did)

    def require_second_factor(self, handle: str, code: str | None) -> None:
        """Require a code when this account signs in with its main password (None: no longer)."""
        with self._lock:
            self.account(handle).second_factor = code

    def records(self, handle: str, collection: str = POSTS) -> list[Record]:
        """The records of a collection, oldest first."""
        with self._lock:
            records = self.account(handle).repo.records(collection)
        return sorted(records, key=lambda record: record.serial)

    def posts(self, handle: str) -> list[Post]:
        """An account's posts, oldest first."""
        return [_read_post(record) for record in self.records(handle)]

    # Serving

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, port: int = 0) -> None:
        """Serve on 127.0.0.1, on a free port unless one is given; after `stop`, on the same port as before."""
        from skywrite.sandbox.server import SandboxServer

        if self._server is not None:
            return
        self._server = SandboxServer(self, port or self._port)
        self._port = self._server.port
        self._pds.url = f"http://localhost:{self._port}"
        self._server.start()

    def stop(self) -> None:
        """Stop serving: connections end, new ones are refused. The sandbox keeps its data."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    # The path of a request

    def handle(self, request: Request) -> Response:
        """Handle a request. Raises NoConnection or ConnectionDropped if a fault prevents a complete response."""
        name = request.path.removeprefix("/xrpc/").rstrip("/") if request.path.startswith("/xrpc/") else request.path
        self.calls[name] += 1
        fault = self.faults.take(name)
        if fault is None:
            return self._answer(request, name)
        return self._fail(fault, request, name)

    def _fail(self, fault: Fault, request: Request, name: str) -> Response:
        if fault.kind == "refused":
            raise NoConnection
        if fault.kind == "slow":
            self.clock.wait(threading.Event(), fault.seconds)
        answer = self._answer(request, name) if fault.commit else json_answer({})
        match fault.kind:
            case "slow":
                return answer
            case "rate_limited":
                return _too_many(self.clock.now().timestamp(), fault.seconds)
            case "error_500":
                return XrpcFailure(500).answer()
            case "bad_gateway":
                return text_answer(_PAGE.format("502 Bad Gateway"), 502, _HTML)
            case "unauthorized":
                return XrpcFailure(401, "No entry", "Unauthorized").answer()
            case "html":
                return text_answer(_PAGE.format("Welcome to the network"), 200, _HTML)
            case "garbage":
                return Response(200, {"content-type": "application/json"}, b'\x00\xff{"uri":')
            case "truncated":
                raise ConnectionDropped(answer.body[: len(answer.body) // 2])
        raise ConnectionDropped

    def _answer(self, request: Request, name: str) -> Response:
        try:
            with self._lock:
                if request.path.startswith("/xrpc/"):
                    return self._call(request, name)
                return self._page(request)
        except XrpcFailure as failure:
            return failure.answer()

    def _page(self, request: Request) -> Response:
        if request.path.startswith("/plc/"):
            account = self._pds.accounts.find(request.path.removeprefix("/plc/"))
            if account is None:
                did = request.path.removeprefix("/plc/")
                return json_answer({"message": f"DID not registered: {did}"}, 404)
            return json_answer(self._pds.accounts.did_document(account, self.url))
        if request.path == "/.well-known/atproto-did":
            host = request.headers.get("host", "").partition(":")[0]
            account = self._pds.accounts.find(host)
            return text_answer(account.did) if account else text_answer("User not found", 404)
        if request.path == "/":
            return text_answer("This is the Skywrite sandbox, a stand-in for a PDS.\n")
        return text_answer(_PAGE.format(f"Cannot {request.method} it"), 404, _HTML)

    def _call(self, request: Request, name: str) -> Response:
        if name == "_health":
            return json_answer({"version": "sandbox"})
        if _NSID.fullmatch(name) is None or len(name) < 2:
            raise XrpcFailure(400, "invalid xrpc path")
        method = METHODS.get(name)
        if method is None:
            # Public methods need no session on a real server either.
            if not name.startswith("com.atproto.sync."):
                authenticate(self._pds, Method(_nothing, "access"), Call(request), name)
            raise XrpcFailure(501)
        lexicon = lexicons()["methods"][name]
        expected = "POST" if lexicon["type"] == "procedure" else "GET"
        if request.method != expected:
            raise XrpcFailure(400, f"Incorrect HTTP method ({request.method}) expected {expected}")
        try:
            call = Call(request, read_params(request.query, lexicon["params"]))
        except Invalid as problem:
            raise XrpcFailure(400, f"Invalid {name} params: {problem.reason}") from None
        authenticate(self._pds, method, call, name)
        _read_body(call, lexicon, method)
        charges = method.charges(call) if method.charges else []
        headers = self.limits.spend([*charges, ("requests", request.remote, 1)])
        try:
            answer = method.run(self._pds, call)
        except XrpcFailure as failure:
            failure.headers = {**headers, **failure.headers}
            raise
        return Response(answer.status, {**answer.headers, **headers}, answer.body)


def _nothing(pds: Pds, call: Call) -> Response:
    raise XrpcFailure(501)


def _read_body(call: Call, lexicon: dict[str, Any], method: Method) -> None:
    body, wanted = call.request.body, lexicon.get("encoding")
    if wanted is None:
        if body:
            raise XrpcFailure(400, "A request body was provided when none was expected")
        return
    if body is None:
        raise XrpcFailure(400, "A request body is expected but none was provided")
    match = _MIME.fullmatch(call.request.headers.get("content-type", ""))
    if match is None:
        raise XrpcFailure(400, "Request encoding (Content-Type) required but not provided")
    call.encoding = match[1]
    if wanted not in ("*/*", call.encoding):
        raise XrpcFailure(400, f"Wrong request encoding (Content-Type): {call.encoding}")
    if "input" not in lexicon:
        return
    coding = call.request.headers.get("content-encoding", "identity").lower()
    if coding != "identity":
        message = f'unsupported content encoding "{coding}"'
        raise XrpcFailure(415, message, "UnsupportedMediaTypeError")
    if len(body) > method.json_limit:
        raise XrpcFailure(413, "request entity too large", "PayloadTooLargeError")
    try:
        call.body = read_json(body) if body else {}
    except (ValueError, RecursionError) as problem:
        raise XrpcFailure(400, f"Unexpected token in JSON: {problem}", "SyntaxError") from None
    try:
        check(to_lex(call.body), lexicon["input"], ())
    except Invalid as problem:
        raise XrpcFailure(400, str(problem)) from None


def _too_many(now: float, seconds: float) -> Response:
    wait = max(1, round(seconds))
    headers = {
        "retry-after": str(wait),
        "ratelimit-limit": "5000",
        "ratelimit-remaining": "0",
        "ratelimit-reset": str(int(now) + wait),
        "ratelimit-policy": "5000;w=3600",
    }
    return XrpcFailure(429, headers=headers).answer()


def _read_post(record: Record) -> Post:
    value = deepcopy(record.value)
    embed = value.get("embed") or {}
    media = embed.get("media") or embed
    quoted = embed.get("record") or {}
    parent = value.get("reply", {}).get("parent", {})
    return Post(
        record.uri,
        record.cid,
        value.get("text", ""),
        value.get("createdAt", ""),
        tuple(value.get("langs", ())),
        parent.get("uri"),
        quoted.get("uri") or (quoted.get("record") or {}).get("uri"),
        tuple(item.get("alt", "") for item in media.get("images") or media.get("items") or ()),
        value,
    )
