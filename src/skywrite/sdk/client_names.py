"""The other names of the SDK's client: clones that speak to another service, the clock, requests, undoing.

What lives here: `attribute`, which finds a name that `Client` itself does not have. What does not: the tree of the
network's methods (`names`), what the client does itself (`client`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Any, Protocol, Self

from skywrite.core.errors import InputError
from skywrite.sdk.names import SHORT, Caller, Namespace, short

CHAT_DID = "did:web:api.bsky.chat"
LABELER_DID = "did:plc:ar7c4by46qjdydhdevvrndac"
CHAT_PROXY = {"atproto-proxy": f"{CHAT_DID}#bsky_chat"}
ROOTS = ("app", "chat", "com", "internal", "network", "place", "site", "social", "tools")


class AtprotoServiceType(Enum):
    """Kinds of services that a server passes requests on to."""

    ATPROTO_LABELER = "atproto_labeler"
    BSKY_CHAT = "bsky_chat"


class SdkClient(Caller, Protocol):
    """What these names need of a client."""

    @property
    def extra_headers(self) -> dict[str, str]:
        """Headers that each request of a client carries, besides its own."""
        ...

    def clone(self) -> Self:
        """Another client of the same session, with headers of its own."""
        ...

    def resolve_handle(self, handle: str) -> str:
        """The DID of a handle."""
        ...

    def get_current_time_iso(self) -> str:
        """The current time as records contain it."""
        ...


def configure_proxy_header(client: SdkClient, service_type: AtprotoServiceType | str, did: str) -> None:
    """Let the server pass the requests of this client on to a service."""
    if not did.startswith("did:"):
        raise InputError(f"{did} is not a DID.", hint="A DID looks like did:web:api.bsky.chat.")
    kind = service_type.value if isinstance(service_type, Enum) else service_type
    client.extra_headers["atproto-proxy"] = f"{did}#{kind}"


def configure_labelers_header(client: SdkClient, labeler_dids: Sequence[str]) -> None:
    """Ask for the labels of these labelers."""
    wanted = [f"{did};redact" for did in labeler_dids if did.startswith("did:")]
    client.extra_headers["atproto-accept-labelers"] = ",".join(wanted)


def with_proxy(client: SdkClient, service_type: AtprotoServiceType | str, did: str) -> SdkClient:
    """A clone whose requests the server passes on to a service."""
    clone = client.clone()
    configure_proxy_header(clone, service_type, did)
    return clone


def with_labelers(client: SdkClient, labeler_dids: Sequence[str]) -> SdkClient:
    """A clone that asks for the labels of these labelers."""
    clone = client.clone()
    configure_labelers_header(clone, labeler_dids)
    return clone


def with_bsky_chat_proxy(client: SdkClient) -> SdkClient:
    """A clone for chats. `client.chat` goes through the chat service anyway."""
    return with_proxy(client, AtprotoServiceType.BSKY_CHAT, CHAT_DID)


def with_bsky_labeler(client: SdkClient) -> SdkClient:
    """A clone that asks for the labels of Bluesky's own labeler."""
    return with_labelers(client, [LABELER_DID])


def get_current_time(client: SdkClient) -> datetime:
    """The current time in UTC."""
    return datetime.fromisoformat(client.get_current_time_iso())


def get_time_from_timestamp(client: SdkClient, timestamp: int) -> datetime:
    """A number of seconds since 1970 as a time in UTC."""
    del client
    return datetime.fromtimestamp(timestamp, tz=UTC)


def detect_facets(client: SdkClient, text: str) -> list[Any]:
    """The links, mentions and hashtags of a text. Mentions are looked up; those that do not exist are left out."""
    from skywrite.sdk.text import facets_of

    return facets_of(text, client.resolve_handle)


def invoke_query(client: SdkClient, nsid: str, params: Any = None, **more: Any) -> Any:
    """Call a query by its NSID."""
    from skywrite.sdk.answers import plain

    return client.query(nsid, plain(params), **more)


def invoke_procedure(client: SdkClient, nsid: str, params: Any = None, data: Any = None, **more: Any) -> Any:
    """Call a procedure by its NSID."""
    from skywrite.sdk.answers import plain

    return client.procedure(nsid, plain(data), **({"params": plain(params)} if params else {}), **more)


_METHODS: Mapping[str, Callable[..., Any]] = {
    "configure_labelers_header": configure_labelers_header,
    "configure_proxy_header": configure_proxy_header,
    "detect_facets": detect_facets,
    "get_current_time": get_current_time,
    "get_time_from_timestamp": get_time_from_timestamp,
    "invoke_procedure": invoke_procedure,
    "invoke_query": invoke_query,
    "with_bsky_chat_proxy": with_bsky_chat_proxy,
    "with_bsky_labeler": with_bsky_labeler,
    "with_labelers": with_labelers,
    "with_proxy": with_proxy,
}
_SAME = {
    "delete_follow": "unfollow",
    "delete_like": "unlike",
    "delete_repost": "unrepost",
    "post": "send_post",
    "unsend": "delete_post",
}
_VALUES = {"AtprotoServiceType": AtprotoServiceType, "BSKY_CHAT_DID": CHAT_DID, "BSKY_LABELER_DID": LABELER_DID}
NAMES = (*ROOTS, *SHORT, *_METHODS, *_SAME, *_VALUES)


def attribute(client: Any, name: str) -> Any:
    """What a client has under a name from the SDK. Raises AttributeError, which says how to call anything else."""
    if name in ROOTS:
        return Namespace(client, name, CHAT_PROXY if name == "chat" else None)
    if name in SHORT:
        return short(client, name)
    if name in _METHODS:
        return partial(_METHODS[name], client)
    if name in _SAME:
        return getattr(client, _SAME[name])
    if name in _VALUES:
        return _VALUES[name]
    raise AttributeError(
        f"Client has no {name!r}. Any method of the network can be called: client.query('app.bsky.feed.getTimeline', "
        "{...}) or client.procedure(...); see the page about moving from the atproto SDK."
    )
