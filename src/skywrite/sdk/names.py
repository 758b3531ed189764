"""The methods of the network as attributes: `client.app.bsky.*`, `client.com.atproto.*` and short methods.

What lives here: the tree of names, records of collections, short methods such as `get_timeline`. What does not: the
other names of the SDK's client (`client_names`), the client itself (`client`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from skywrite.core.errors import InputError
from skywrite.sdk.answers import answer, camel, plain, snake
from skywrite.sdk.lexicons import Method, is_record, method

_QUERY_VERBS = frozenset(("check", "describe", "export", "get", "list", "query", "resolve", "search"))
# fmt: off
_PROCEDURE_VERBS = frozenset((
    "accept", "activate", "add", "apply", "approve", "block", "cancel", "confirm", "create", "deactivate",
    "delete", "disable", "enable", "import", "leave", "lock", "log", "mute", "put", "read", "refresh",
    "register", "remove", "request", "reserve", "reset", "revoke", "send", "set", "sign", "submit",
    "unblock", "unlock", "unmute", "unregister", "update", "upload", "upsert"
))
# fmt: on
_RECORD_ACTIONS = {
    "create": ("repo", "record", "rkey", "swap_commit", "validate"),
    "put": ("repo", "record", "rkey", "swap_commit", "swap_record", "validate"),
    "get": ("repo", "rkey", "cid"),
    "list": ("repo", "cursor", "limit", "reverse"),
    "delete": ("repo", "rkey", "swap_commit", "swap_record"),
}


class Caller(Protocol):
    """What calls XRPC methods: a `Client`."""

    def query(self, nsid: str, params: Any = None, **more: Any) -> dict[str, Any]:
        """Call a query."""
        ...

    def procedure(self, nsid: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Call a procedure."""
        ...

    def download(self, nsid: str, params: Any = None, **more: Any) -> bytes:
        """Call a query that returns bytes."""
        ...


class Namespace:
    """A node in the tree of methods: `client.app.bsky.actor.get_profile({"actor": "alice.test"})`.

    A method takes one dict or model, `params=` or `data=`, or its fields as keywords, and `headers=`. Under the name of
    a collection, `get`, `list`, `create`, `put` and `delete` work on its records.
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

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        parent, _, name = self._path.rpartition(".")
        collection = camel_path(parent)
        first_is_text = isinstance(next(iter(arguments), None), str)
        if name in _RECORD_ACTIONS and (is_record(collection) or first_is_text or len(arguments) > 1):
            return _Records(self._caller, collection).act(name, *arguments, **keywords)
        nsid = camel_path(self._path)
        known = method(nsid) or _by_verb(nsid, name)
        if len(arguments) > 1:
            raise TypeError(f"{nsid} takes one dict or model, or keywords, not {len(arguments)} values.")
        call = _Call.of(known, arguments, keywords)
        headers = {**self._headers, **call.headers}
        more: dict[str, Any] = {"headers": headers} if headers else {}
        if known.is_query:
            if known.is_binary:
                return self._caller.download(nsid, call.params, **more)
            return answer(self._caller.query(nsid, call.params, **more), known.response or "*")
        if call.params:
            more["params"] = call.params
        if isinstance(call.data, bytes):
            more["content_type"] = "*/*"
        done = self._caller.procedure(nsid, call.data, **more)
        return True if known.response is None else answer(done, known.response)


class _Call(NamedTuple):
    """What a call of a method sends."""

    params: dict[str, Any]
    data: Any
    headers: Mapping[str, str]

    @classmethod
    def of(cls, known: Method, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> _Call:
        """What was given, each in its place: one value, `params`, `data`, `headers`, and fields as keywords."""
        own = known.params | known.data
        apart: dict[str, Any] = {
            name: keywords.pop(name) for name in ("params", "data", "headers") if name in keywords and name not in own
        }
        if arguments:
            place = "params" if known.is_query or not known.has_data else "data"
            apart.setdefault(place, arguments[0])
        fields = plain(keywords)
        if own and (unknown := sorted(set(fields) - own)):
            names = ", ".join(sorted(map(snake, own)))
            raise TypeError(f"{known.nsid} has no argument {snake(unknown[0])!r}; it takes {names}.")
        params, data = plain(apart.get("params") or {}), apart.get("data")
        if not isinstance(params, dict):
            raise InputError(f"{known.nsid} takes a dict or a model.", hint="Pass its fields by name.")
        in_params = {name: value for name, value in fields.items() if known.is_query or name in known.params}
        if isinstance(data, bytes):
            return cls({**params, **in_params}, data, apart.get("headers") or {})
        body = {**(plain(data) or {}), **{name: value for name, value in fields.items() if name not in in_params}}
        return cls({**params, **in_params}, body if body or known.has_data else None, apart.get("headers") or {})


def _by_verb(nsid: str, name: str) -> Method:
    """A method that no lexicon here knows: its verb says what it is."""
    verb = name.partition("_")[0]
    if verb not in _QUERY_VERBS and verb not in _PROCEDURE_VERBS:
        raise AttributeError(
            f"It is not clear whether {nsid} is a query or a procedure. Call client.query({nsid!r}, {{...}}) or "
            f"client.procedure({nsid!r}, {{...}})."
        )
    return Method(nsid, verb in _QUERY_VERBS, frozenset(), frozenset(), True, "*", False)


def camel_path(path: str) -> str:
    """An NSID from attributes: app.bsky.actor.get_profile is app.bsky.actor.getProfile."""
    return ".".join(camel(part) for part in path.split("."))


class _Records(NamedTuple):
    """Records of one collection."""

    caller: Caller
    collection: str

    def act(self, action: str, *arguments: Any, **more: Any) -> Any:
        """One of `create(repo, record, rkey)`, `put`, `get(repo, rkey)`, `list(repo)`, `delete(repo, rkey)`."""
        names = _RECORD_ACTIONS[action]
        if len(arguments) > len(names):
            raise TypeError(f"{action} takes up to {len(names)} arguments, not {len(arguments)}.")
        headers = {"headers": more.pop("headers")} if "headers" in more else {}
        values = {**dict(zip(names, arguments, strict=False)), **more}
        record = values.pop("record", None)
        place = {"collection": self.collection, **plain(values)}
        if action == "list":
            return self._listed(self.caller.query("com.atproto.repo.listRecords", place, **headers))
        if action == "get":
            kind = self._kind("GetRecordResponse")
            return answer(self.caller.query("com.atproto.repo.getRecord", place, **headers), kind)
        if action == "delete":
            self.caller.procedure("com.atproto.repo.deleteRecord", place, **headers)
            return True
        body = {**place, "record": {"$type": self.collection, **plain(record)}}
        done = self.caller.procedure(f"com.atproto.repo.{action}Record", body, **headers)
        return answer(done, self._kind("CreateRecordResponse" if action == "create" else "PutRecordResponse"))

    def _listed(self, response: dict[str, Any]) -> Any:
        """The records by their at-uris, as in the SDK."""
        records = {item["uri"]: item["value"] for item in response.get("records", ())}
        page = {"records": records, **({"cursor": response["cursor"]} if "cursor" in response else {})}
        return answer(page, self._kind("ListRecordsResponse"))

    def _kind(self, name: str) -> str:
        return f"{self.collection}#{name}" if is_record(self.collection) else "*"


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
    "update_handle": Short("com.atproto.identity.updateHandle", ("handle",), is_query=False),
}


def short(caller: Caller, name: str) -> Callable[..., Any]:
    """The short method of a name in `SHORT`."""
    nsid, parameters, is_query = SHORT[name]

    def call(*arguments: Any, **keywords: Any) -> Any:
        if len(arguments) > len(parameters):
            raise TypeError(f"{name} takes up to {len(parameters)} arguments, not {len(arguments)}.")
        whole = plain(keywords.pop("params", None) or {})
        values = {**whole, **plain({**dict(zip(parameters, arguments, strict=False)), **keywords})}
        if unknown := sorted(set(values) - set(parameters)):
            names = ", ".join(map(snake, parameters))
            raise TypeError(f"{name} has no argument {snake(unknown[0])!r}; it takes {names}.")
        if is_query:
            known = method(nsid)
            return answer(caller.query(nsid, values), (known and known.response) or "*")
        caller.procedure(nsid, values)
        return True

    call.__name__ = name
    return call
