"""The names that scripts for the atproto SDK use, over plain XRPC calls.

What lives here: responses with fields as attributes, `client.app.bsky.*` and `client.com.atproto.*`, short methods such
as `get_timeline`, the SDK's models as plain values, and callbacks for sessions. What does not: the client itself
(`client`), models of our own, the firehose.

Names: the SDK writes `get_profile` and `display_name` where lexicons write `getProfile` and `displayName`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

from skywrite.atproto.session import Session, SessionStore

_QUERY_VERBS = frozenset(("check", "describe", "export", "get", "list", "query", "resolve", "search"))
# fmt: off
_PROCEDURE_VERBS = frozenset((
    "accept", "activate", "add", "apply", "approve", "block", "cancel", "confirm", "create", "deactivate",
    "delete", "disable", "enable", "import", "leave", "lock", "log", "mute", "put", "read", "refresh",
    "register", "remove", "request", "reserve", "reset", "revoke", "send", "set", "sign", "submit",
    "unblock", "unlock", "unmute", "unregister", "update", "upload", "upsert"
))
# fmt: on
_RECORD_ACTIONS = ("create", "delete", "get", "list", "put")
_MODEL_METHODS = re.compile(r"__|_|model_|build_|py_")


def camel(name: str) -> str:
    """The lexicon's spelling of a Python name: display_name is displayName."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


class Answer(dict[str, Any]):
    """A JSON object whose fields are attributes, too, in Python's spelling. A missing field is None.

    `items` is the field of lists, and when called, the method of dict. Read any other field that has the name of a dict
    method as `answer["values"]`.
    """

    @property
    def items(self) -> Any:
        """The field of this name if there is one, else the method."""
        method = super().items
        return _Items(method, self["items"]) if isinstance(self.get("items"), list) else method

    def __getattr__(self, name: str) -> Any:
        if _MODEL_METHODS.match(name):
            raise AttributeError(name)
        return answer(self.get(name, self.get(camel(name))))


class _Items(list[Any]):
    """A field called `items`. Calling it still works like the method `items` of dict."""

    def __init__(self, method: Callable[[], Any], values: Iterable[Any]) -> None:
        super().__init__(answer(value) for value in values)
        self._method = method

    def __call__(self) -> Any:
        """The pairs of the object."""
        return self._method()


def answer(value: Any) -> Any:
    """A JSON value with all objects in it as Answers."""
    if isinstance(value, dict):
        return value if isinstance(value, Answer) else Answer(value)
    if isinstance(value, list):
        return [answer(item) for item in value]
    return value


class UploadedBlob(Answer):
    """The blob object of an upload. `blob` is the same object, as in the SDK's response."""

    @property
    def blob(self) -> Answer:
        """The object itself."""
        return self


def plain(value: Any) -> Any:
    """Models of the SDK, and dicts with Python's spelling, as the JSON object that a lexicon describes."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, Mapping):
        return {camel(str(name)): plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def record_of(value: Any) -> Any:
    """A model of the SDK as the plain record that it stands for; anything else unchanged."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return value


def built_text(text: Any, facets: Sequence[Any] | None) -> tuple[str, Sequence[Any] | None]:
    """The text and facets of a text builder of the SDK, or those given."""
    if hasattr(text, "build_text"):
        return text.build_text(), text.build_facets() if facets is None else facets
    return text, facets


def reply_target(reply_to: Any) -> Any:
    """A reply reference (root and parent), or the at-uri of what it replies to."""
    given = record_of(reply_to)
    if isinstance(given, Mapping):
        return given if "root" in given else given.get("uri")
    return getattr(given, "uri", given)


def quote_target(quote: Any) -> Any:
    """A strong reference as it is, or the at-uri of what is quoted."""
    given = record_of(quote)
    if isinstance(given, Mapping):
        return given if "cid" in given else given.get("uri")
    return getattr(given, "uri", given)


class Caller(Protocol):
    """What calls XRPC methods: a `Client`."""

    def query(self, nsid: str, params: Any = None, **more: Any) -> dict[str, Any]:
        """Call a query."""
        ...

    def procedure(self, nsid: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Call a procedure."""
        ...


class Namespace:
    """A node in the tree of methods: `client.app.bsky.actor.get_profile({"actor": "alice.test"})`.

    A method takes one dict or model, or keywords. Under the name of a collection, `get`, `list`, `create`, `put` and
    `delete` work on its records.
    """

    def __init__(self, caller: Caller, path: str, headers: Mapping[str, str] | None = None) -> None:
        self._caller = caller
        self._path = path
        self._headers = dict(headers or {})

    def __repr__(self) -> str:
        return f"Namespace({self._path})"

    def __getattr__(self, name: str) -> Namespace:
        if name.startswith("__"):
            raise AttributeError(name)
        return Namespace(self._caller, f"{self._path}.{name}", self._headers)

    def __call__(self, *arguments: Any, **fields: Any) -> Any:
        parent, _, name = self._path.rpartition(".")
        if name in _RECORD_ACTIONS and (len(arguments) > 1 or isinstance(next(iter(arguments), None), str)):
            return _Records(self._caller, camel_path(parent)).act(name, *arguments, **fields)
        verb = name.partition("_")[0]
        given = plain(arguments[0]) if arguments else {}
        values = {**(given if isinstance(given, dict) else {}), **plain(fields)}
        more: dict[str, Any] = {"headers": self._headers} if self._headers else {}
        nsid = camel_path(self._path)
        if verb in _QUERY_VERBS:
            return answer(self._caller.query(nsid, values, **more))
        if verb in _PROCEDURE_VERBS:
            if isinstance(given, bytes):
                return answer(self._caller.procedure(nsid, given, content_type="*/*", **more))
            return answer(self._caller.procedure(nsid, values, **more))
        raise AttributeError(
            f"It is not clear whether {nsid} is a query or a procedure. Call client.query({nsid!r}, {{...}}) or "
            f"client.procedure({nsid!r}, {{...}})."
        )


def camel_path(path: str) -> str:
    """An NSID from attributes: app.bsky.actor.get_profile is app.bsky.actor.getProfile."""
    return ".".join(camel(part) for part in path.split("."))


class _Records(NamedTuple):
    """Records of one collection."""

    caller: Caller
    collection: str

    def act(self, action: str, repo: str, second: Any = None, third: Any = None, **more: Any) -> Any:
        """One of `create(repo, record, rkey)`, `put`, `get(repo, rkey)`, `list(repo)`, `delete(repo, rkey)`."""
        place = {"repo": repo, "collection": self.collection}
        if action in ("get", "delete"):
            call = self.caller.query if action == "get" else self.caller.procedure
            done = call(f"com.atproto.repo.{action}Record", {**place, "rkey": second, **plain(more)})
            return answer(done) if action == "get" else True
        if action == "list":
            return answer(self.caller.query("com.atproto.repo.listRecords", {**place, **plain(more)}))
        record = {"$type": self.collection, **plain(second)}
        body = {**place, "record": record, **({"rkey": third} if third else {}), **plain(more)}
        return answer(self.caller.procedure(f"com.atproto.repo.{action}Record", body))


class Short(NamedTuple):
    """A method of the SDK's client: the lexicon that it calls, and the names of its arguments in order."""

    nsid: str
    parameters: tuple[str, ...]
    is_query: bool = True


SHORT = {
    "get_author_feed": Short("app.bsky.feed.getAuthorFeed", ("actor", "cursor", "filter", "limit", "includePins")),
    "get_followers": Short("app.bsky.graph.getFollowers", ("actor", "cursor", "limit")),
    "get_follows": Short("app.bsky.graph.getFollows", ("actor", "cursor", "limit")),
    "get_likes": Short("app.bsky.feed.getLikes", ("uri", "cid", "cursor", "limit")),
    "get_post_thread": Short("app.bsky.feed.getPostThread", ("uri", "depth", "parentHeight")),
    "get_posts": Short("app.bsky.feed.getPosts", ("uris",)),
    "get_profile": Short("app.bsky.actor.getProfile", ("actor",)),
    "get_profiles": Short("app.bsky.actor.getProfiles", ("actors",)),
    "get_reposted_by": Short("app.bsky.feed.getRepostedBy", ("uri", "cid", "cursor", "limit")),
    "get_timeline": Short("app.bsky.feed.getTimeline", ("algorithm", "cursor", "limit")),
    "mute": Short("app.bsky.graph.muteActor", ("actor",), is_query=False),
    "unmute": Short("app.bsky.graph.unmuteActor", ("actor",), is_query=False),
}
CHAT_PROXY = {"atproto-proxy": "did:web:api.bsky.chat#bsky_chat"}
ROOTS = ("app", "chat", "com", "tools")


def attribute(caller: Caller, name: str) -> Any:
    """What a client has under a name from the SDK. Raises AttributeError, which says how to call anything else."""
    if name == "with_bsky_chat_proxy":
        # `client.chat` always goes through the chat service, so the client itself will do.
        return lambda: caller
    if name in ROOTS:
        return Namespace(caller, name, CHAT_PROXY if name == "chat" else None)
    if name in SHORT:
        return _short(caller, name, SHORT[name])
    raise AttributeError(
        f"Client has no {name!r}. Any method of the network can be called: client.query('app.bsky.feed.getTimeline', "
        "{...}) or client.procedure(...); see the page about moving from the atproto SDK."
    )


def _short(caller: Caller, name: str, short: Short) -> Callable[..., Any]:
    def call(*arguments: Any, **fields: Any) -> Any:
        if len(arguments) > len(short.parameters):
            raise TypeError(f"{name} takes up to {len(short.parameters)} arguments, not {len(arguments)}.")
        given = dict(zip(short.parameters, arguments, strict=False))
        values = plain({**given, **fields})
        if unknown := sorted(set(values) - set(short.parameters)):
            raise TypeError(f"{name} has no argument {unknown[0]!r}; it takes {', '.join(short.parameters)}.")
        if short.is_query:
            return answer(caller.query(short.nsid, values))
        caller.procedure(short.nsid, values)
        return True

    call.__name__ = name
    return call


class SessionEvent(Enum):
    """Why a session changed."""

    IMPORT = "import"
    CREATE = "create"
    REFRESH = "refresh"


class ChangedSession(NamedTuple):
    """A session for callbacks. `export()` is the text for `login(session_string=...)`; keep it secret."""

    handle: str
    did: str
    text: str

    def __repr__(self) -> str:
        return f"ChangedSession({self.handle}, {self.did})"

    def export(self) -> str:
        """The session as text."""
        return self.text


SessionCallback = Callable[[SessionEvent, ChangedSession], object]


class ReportingStore:
    """A session store that calls the callbacks after it has saved a session."""

    def __init__(self, store: SessionStore, callbacks: Iterable[SessionCallback]) -> None:
        self._store = store
        self._callbacks = callbacks

    def report(self, event: SessionEvent, session: Session) -> None:
        """Call every callback."""
        for callback in self._callbacks:
            callback(event, ChangedSession(session.handle, session.did, session.export_string()))

    def load(self, did: str) -> Session | None:
        return self._store.load(did)

    def save(self, session: Session) -> None:
        self._store.save(session)
        self.report(SessionEvent.REFRESH, session)

    def try_lease(self, did: str, seconds: float) -> bool:
        return self._store.try_lease(did, seconds)

    def release(self, did: str) -> None:
        self._store.release(did)
