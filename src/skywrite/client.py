"""`Client`: one account, no queue, nothing stored.

What lives here: signing in, one method for each thing that a script does, and the names that scripts for the atproto
SDK use. What does not: the queue (`app`), how a post is built (`compose`) and sent (`publish.sender`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from skywrite.core.clock import SYSTEM_CLOCK, Clock, to_iso
from skywrite.core.config import load_config
from skywrite.core.errors import InputError, SignInError
from skywrite.core.http import Transport
from skywrite.posting.compose.build import build
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.freeze import freeze, mention_handles
from skywrite.posting.compose.references import app_link, parse_reference
from skywrite.posting.compose.resolve import late_mentions, resolve_draft
from skywrite.posting.publish.network import Network
from skywrite.posting.publish.sender import Sending, send
from skywrite.protocol.atproto.identity import Resolver
from skywrite.protocol.atproto.repo import Record, Repo, Write
from skywrite.protocol.atproto.session import Agent, MemorySessionStore, Session
from skywrite.protocol.atproto.session_data import MAIN_PASSWORD_WARNING
from skywrite.protocol.atproto.sign_in import at_own_server, create_session, service_for
from skywrite.protocol.atproto.tid import TidClock
from skywrite.protocol.atproto.xrpc import Param, Xrpc
from skywrite.protocol.bsky.limits import POST
from skywrite.sdk.answers import Answer, UploadedBlob, answer
from skywrite.sdk.arguments import TEXT, also_named, draft_of, media_of, takes
from skywrite.sdk.client_names import NAMES, attribute
from skywrite.sdk.lexicons import method
from skywrite.sdk.me import PROFILE, Me, SignedIn
from skywrite.sdk.request import Request
from skywrite.sdk.results import Created, Posted, ResolvedHandle
from skywrite.sdk.sessions import (
    SIGN_IN,
    ReportingStore,
    SessionCallback,
    SessionEvent,
    session_text,
    signing_in_by_client,
)

_LIKE = "app.bsky.feed.like"
_REPOST = "app.bsky.feed.repost"
_FOLLOW = "app.bsky.graph.follow"
_GATES = ("app.bsky.feed.threadgate", "app.bsky.feed.postgate")


class Client:
    """Post as one account, now. Safe to share between threads after `login`.

        client = Client()
        client.login("alice.bsky.social", "xxxx-xxxx-xxxx-xxxx")
        client.send_post(text="Posting via API.")

    `base_url` is the server to sign in at, such as "https://pds.example.com". Without it, `login` looks up the
    account's own server. Every method may raise a `SkywriteError`; use the client in a `with` statement, or call
    `close`.
    """

    def __init__(
        self,
        base_url: str | None = None,
        request: Request | None = None,
        *,
        transport: Transport | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._config = load_config()
        self._base_url = base_url and base_url.removesuffix("/xrpc")
        self._request = request or Request(transport=transport)
        self._transport = self._request.transport
        self._clock = clock
        self._network = Network(self._config, self._transport, clock)
        self._tids = TidClock(clock)
        self._signed_in = SignedIn()
        self._session_callbacks: list[SessionCallback] = []

    def __getattr__(self, name: str) -> Any:
        """The names of the atproto SDK: `client.app.bsky...`, `client.get_timeline()` (see `sdk`)."""
        return attribute(self, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *NAMES})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. The session at the server stays valid."""
        self._request.close()

    @property
    def request(self) -> Request:
        """How this client sends: its limit, and headers that its requests carry besides the tokens."""
        return self._request

    @property
    def extra_headers(self) -> dict[str, str]:
        """Headers that every call of a method of the network carries, such as `atproto-proxy`."""
        return self._request.headers

    def clone(self) -> Self:
        """Another client of the same session and the same connections, with headers of its own."""
        clone = copy(self)
        clone._request = self._request.clone()
        return clone

    def update_base_url(self, base_url: str | None = None) -> None:
        """The server to sign in at from now on; None for the account's own."""
        self._base_url = base_url and base_url.removesuffix("/xrpc")

    # Signing in

    def login(
        self,
        handle: str | None = None,
        password: str | None = None,
        auth_factor_token: str | None = None,
        *,
        session_string: str | None = None,
        login: str | None = None,
        fetch_bsky_profile: bool = True,
    ) -> Me:
        """Sign in with an app password, or with a stored session; returns the account.

        Fields of its profile, such as `display_name`, are fetched when the first of them is read.

        `handle` is a handle (with or without @), a DID or an e-mail address; `login` is another name for it.
        `auth_factor_token` is the code that the server sent by e-mail, if it asks for one. `session_string` comes from
        `export_session_string`, or from the atproto SDK. Raises WrongPassword, AuthFactorRequired, AccountUnavailable,
        RateLimited, InputError if the arguments are incomplete.
        """
        del fetch_bsky_profile  # Nothing is fetched before it is needed.
        name = login if handle is None else handle
        if name is None and password is None and session_string is None:
            session_string = auth_factor_token  # Where the SDK has the session, by position.
        if session_string is not None:
            session = Session.from_string(session_text(session_string))
        elif name and password:
            service = self._base_url or service_for(name, self._resolver(), self._config.service)
            session = create_session(self._transport, service, name, password, auth_factor_token, clock=self._clock)
            session = at_own_server(session, self._resolver())
            if session.uses_main_password:
                warnings.warn(MAIN_PASSWORD_WARNING, stacklevel=2)
        else:
            raise InputError(
                "login needs a handle and an app password, or a session string.",
                hint="Make an app password in the settings of the app.",
            )
        store = ReportingStore(MemorySessionStore(self._clock), self._session_callbacks)
        self._signed_in.agent = Agent(self._transport, session, store=store, clock=self._clock)
        self._signed_in.me = None
        store.report(SessionEvent.CREATE if session_string is None else SessionEvent.IMPORT, session)
        return self.me

    @property
    def agent(self) -> Agent:
        """The authenticated agent, for requests that this class has no method for. Raises SignInError."""
        if self._signed_in.agent is None:
            raise SignInError("You are not signed in.", code="session.missing", hint=SIGN_IN)
        return self._signed_in.agent

    @property
    def me(self) -> Me:
        """The account that is signed in, with its profile. Raises SignInError."""
        session = self.agent.session
        if self._signed_in.me is None:
            self._signed_in.me = Me(session.did, session.handle, session.pds_url, self._own_profile)
        return self._signed_in.me

    def _own_profile(self) -> Answer:
        nsid = "app.bsky.actor.getProfile"
        profile: Answer = answer(self.agent.query(nsid, {"actor": self.agent.did}), PROFILE)
        return profile

    def export_session_string(self) -> str:
        """The session as a string for `login(session_string=...)`. Keep it secret: anyone who has it can post."""
        return self.agent.session.export_string()

    def on_session_change(self, callback: SessionCallback) -> None:
        """Call `callback(event, session)` after each sign-in and refresh; store the string `session.export()`."""
        self._session_callbacks.append(callback)

    def logout(self) -> None:
        """End the session at the server; the client needs a new `login` afterwards."""
        self.agent.delete_session()
        self._signed_in.agent = self._signed_in.me = None

    # Every other method of the network

    @takes(nsid=TEXT)
    def query(self, nsid: str, params: Mapping[str, Param] | None = None, **more: Any) -> dict[str, Any]:
        """Call any XRPC query: `client.query("app.bsky.actor.getProfile", {"actor": "alice.test"})`.

        Returns the JSON object of the response; its fields are attributes, too.
        """
        with signing_in_by_client():
            return self._answer(nsid, self._reader.query(nsid, params, headers=self._headers(more), **more))

    @takes(nsid=TEXT)
    def procedure(self, nsid: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Call any XRPC procedure, and return the JSON object of the response.

        It is not repeated automatically: after NoAnswer, the server may have carried it out.
        """
        with signing_in_by_client():
            return self._answer(nsid, self.agent.procedure(nsid, body, headers=self._headers(more), **more))

    @takes(nsid=TEXT)
    def download(self, nsid: str, params: Mapping[str, Param] | None = None, **more: Any) -> bytes:
        """Call a query that answers with bytes, such as com.atproto.sync.getBlob."""
        with signing_in_by_client():
            return self._reader.query_bytes(nsid, params, headers=self._headers(more), **more)

    @property
    def _reader(self) -> Agent | Xrpc:
        """What sends queries: the account, or nobody at a server that was named."""
        if self._signed_in.agent is None and self._base_url:
            return Xrpc(self._transport, self._base_url, clock=self._clock)
        return self.agent

    def _headers(self, more: dict[str, Any]) -> dict[str, str]:
        return self._request.get_headers(more.pop("headers", None))

    def _answer(self, nsid: str, value: dict[str, Any]) -> dict[str, Any]:
        known = method(nsid)
        response: dict[str, Any] = answer(value, (known and known.response) or "*")
        return response

    def get_current_time_iso(self) -> str:
        """The current time as records contain it: "2030-01-05T09:00:00.000Z"."""
        return to_iso(self._clock.now())

    @takes(handle=TEXT)
    def resolve_handle(self, handle: str) -> ResolvedHandle:
        """The DID of a handle, with or without @, and its own `did`. Raises UnknownHandle, IdentityUnavailable."""
        agent = self._signed_in.agent
        service = agent.session.pds_url if agent else None
        return ResolvedHandle(self._resolver(service).resolve_handle(handle.removeprefix("@")))

    def _resolver(self, service: str | None = None) -> Resolver:
        return self._network.resolver(self._base_url if service is None else service)

    # Posts

    def send_post(
        self,
        text: Any = "",
        profile_identify: str | None = None,
        reply_to: Any = None,
        embed: Any = None,
        langs: Sequence[str] | None = None,
        facets: Sequence[Any] | None = None,
        *,
        images: Any = (),
        video: Any = None,
        card: Any = "none",
        quote: Any = None,
        replies: Sequence[str] | None = None,
        quotes: bool = True,
        labels: Sequence[str] = (),
        tags: Sequence[str] = (),
    ) -> Posted:
        """Publish one post. The text stays exactly as it is; links, mentions and hashtags get facets if you pass none.

        - `text`: a string of up to 300 characters (graphemes), or a text builder of the atproto SDK.
        - `reply_to`: the at-uri or link of a post, a result of `send_post`, or a reply reference {root, parent}.
        - `images`: up to ten paths, bytes, (path, alt) pairs or {"path": ..., "alt": ...}.
        - `video`: a path, or {"path": ..., "alt": ..., "captions": [{"lang": "en", "path": ...}]}.
        - `card`: the address of a page, or "auto" for the page of the first link.
        - `quote`: the at-uri or link of a post, feed, list or starter pack.
        - `replies`: who may reply, such as ["mentioned", "followers"], ["nobody"] or the link of a list.
        - `quotes`: whether others may quote the post.
        - `langs`, `labels`, `tags`: language tags, content labels, and hashtags outside the text.

        Raises InputError for a post that is not valid, and SignInError, TemporaryError or RejectedError if it was not
        sent. A lost response is settled by reading back; only if that fails, too, you get NoAnswer.
        """
        self._check_identity(profile_identify)
        return self.send(
            draft_of(
                text=text,
                reply_to=reply_to,
                embed=embed,
                langs=langs,
                facets=facets,
                images=images,
                video=video,
                card=card,
                quote=quote,
                replies=replies,
                quotes=quotes,
                labels=labels,
                tags=tags,
            )
        )[0]

    @takes(posts=("a list of posts", (list, tuple, Iterator)))
    def send_thread(self, posts: Iterable[Any], *, reply_to: Any = None, **first: Any) -> list[Posted]:
        """Publish a thread in one commit: it appears whole or not at all. Returns its posts in order.

        Each post is a string, or a dict with the names of `send_post`'s arguments. `first` are more arguments for the
        first post, such as `replies` and `quotes`.
        """
        rows = [dict(post) if isinstance(post, Mapping) else {"text": post} for post in posts]
        if not rows:
            raise InputError("The thread has no posts.", hint="Pass at least one text.")
        if reply_to is not None:
            first["reply_to"] = reply_to
        return self.send(draft_of(**{**rows[0], **first}, thread=[draft_of(**row) for row in rows[1:]]))

    @signing_in_by_client()
    @takes(draft=("a draft", Draft))
    def send(self, draft: Draft) -> list[Posted]:
        """Publish a draft with its thread; returns one `Posted` for each post. The first one has the warnings."""
        resolved = resolve_draft(draft, self._network.draft_context(self.me.pds_url, lambda: self.agent))
        prepared = build(resolved.draft, resolved.dids)
        dids = late_mentions(mention_handles(prepared), resolved, self.resolve_handle)
        rkeys = [self._tids.next() for _ in prepared.records]
        frozen = freeze(prepared, did=self.me.did, rkeys=rkeys, created_at=self._clock.now(), dids=dids)
        video = self._network.video_upload(self.agent)
        frozen = send(Repo(self.agent), frozen, Sending(lambda cid: resolved.media[cid](), video), self._clock).frozen
        return [
            Posted(uri, item.cid, app_link(uri, self.me.handle), tuple(resolved.warnings) if index == 0 else ())
            for index, item in enumerate(frozen.posts)
            for uri in (f"at://{frozen.did}/{POST}/{item.rkey}",)
        ]

    # The next three take the arguments of the atproto SDK's methods in their order. Aspect ratios are measured here.

    def send_image(
        self,
        text: Any,
        image: Any,
        image_alt: str,
        profile_identify: str | None = None,
        reply_to: Any = None,
        langs: Sequence[str] | None = None,
        facets: Sequence[Any] | None = None,
        image_aspect_ratio: object = None,
        **more: Any,
    ) -> Posted:
        """Publish a post with one image (bytes or path) and its alt text. See `send_post`."""
        images = [{**media_of(image), "alt": image_alt}]
        return self.send_post(text, profile_identify, reply_to, None, langs, facets, images=images, **more)

    @takes(images=("a list", (list, tuple)))
    def send_images(
        self,
        text: Any,
        images: Sequence[Any],
        image_alts: Sequence[str] | None = None,
        profile_identify: str | None = None,
        reply_to: Any = None,
        langs: Sequence[str] | None = None,
        facets: Sequence[Any] | None = None,
        image_aspect_ratios: object = None,
        **more: Any,
    ) -> Posted:
        """Publish a post with up to ten images (bytes or paths) and their alt texts. See `send_post`."""
        if not images:
            raise InputError("images is empty.", hint="Give one image at least, or use send_post.")
        if image_alts is not None and len(image_alts) > len(images):
            raise InputError(
                f"There are more alt texts ({len(image_alts)}) than images ({len(images)}).", hint="Give one for each."
            )
        alts = list(image_alts or ()) + [""] * len(images)
        items = [{**media_of(image), "alt": alt} for image, alt in zip(images, alts, strict=False)]
        return self.send_post(text, profile_identify, reply_to, None, langs, facets, images=items, **more)

    def send_video(
        self,
        text: Any,
        video: Any,
        video_alt: str | None = None,
        profile_identify: str | None = None,
        reply_to: Any = None,
        langs: Sequence[str] | None = None,
        facets: Sequence[Any] | None = None,
        video_aspect_ratio: object = None,
        **more: Any,
    ) -> Posted:
        """Publish a post with one video (bytes or path) and its alt text. See `send_post`."""
        video = {**media_of(video), "alt": video_alt or ""}
        return self.send_post(text, profile_identify, reply_to, None, langs, facets, video=video, **more)

    @signing_in_by_client()
    @also_named(post_rkey="uri")
    @takes(uri=TEXT)
    def get_post(self, uri: str, profile_identify: str | None = None, cid: str | None = None) -> Record:
        """A post (or any record) with its `uri`, `cid` and `value`.

        `uri` is an at-uri, a bsky.app link, or a record key of this account or of `profile_identify`. With `cid`, it is
        that version.
        """
        if "/" not in uri:
            owner = self.me.did if profile_identify is None else profile_identify
            uri = f"at://{owner}/{POST}/{uri}"
        authority, collection, rkey = parse_reference(uri)
        record = Repo(self.agent).get(collection, rkey, repo=authority, cid=cid)
        return record._replace(value=answer(record.value))

    @signing_in_by_client()
    @also_named(post_uri="uri")
    @takes(uri=TEXT)
    def delete_post(self, uri: str) -> bool:
        """Delete a post of this account, with its gates. It is not an error if the post does not exist."""
        authority, collection, rkey = parse_reference(uri)
        self._check_identity(authority)
        repo = Repo(self.agent)
        repo.delete(collection, rkey)
        for gate in _GATES:
            repo.delete(gate, rkey)
        return True

    @signing_in_by_client()
    @takes(data=("bytes or a path", (bytes, str, PathLike)))
    def upload_blob(self, data: bytes | str | Path, mime: str = "application/octet-stream") -> dict[str, Any]:
        """Upload bytes or a file, and return the blob object for a record.

        The server deletes unused blobs after a while.
        """
        content = data if isinstance(data, bytes) else Path(data).read_bytes()
        return UploadedBlob(Repo(self.agent).upload_blob(content, mime))

    # Likes, reposts, follows

    @takes(uri=TEXT)
    def like(self, uri: str, cid: str | None = None) -> Created:
        """Like a post, by at-uri or link. Returns the like; pass its `uri` to `unlike`."""
        return self._create(_LIKE, {"subject": self._subject(uri, cid)})

    @takes(uri=TEXT)
    def repost(self, uri: str, cid: str | None = None) -> Created:
        """Repost a post, by at-uri or link. Returns the repost; pass its `uri` to `unrepost`."""
        return self._create(_REPOST, {"subject": self._subject(uri, cid)})

    @also_named(subject="account")
    @takes(account=TEXT)
    def follow(self, account: str) -> Created:
        """Follow an account, by handle or DID. Returns the follow; pass its `uri` to `unfollow`."""
        did = account if account.startswith("did:") else self.resolve_handle(account)
        return self._create(_FOLLOW, {"subject": did})

    @signing_in_by_client()
    @also_named(like_uri="uri", repost_uri="uri", follow_uri="uri")
    @takes(uri=TEXT)
    def delete(self, uri: str) -> bool:
        """Delete any record of this account by its at-uri: a like, a repost, a follow.

        It is not an error if the record does not exist.
        """
        authority, collection, rkey = parse_reference(uri)
        self._check_identity(authority)
        Repo(self.agent).delete(collection, rkey)
        return True

    unlike = unrepost = unfollow = delete

    def _subject(self, uri: str, cid: str | None) -> dict[str, str]:
        if cid and uri.startswith("at://did:"):
            return {"uri": uri, "cid": cid}
        record = self.get_post(uri)
        return {"uri": record.uri, "cid": record.cid}

    @signing_in_by_client()
    def _create(self, collection: str, value: Mapping[str, Any]) -> Created:
        record = {"$type": collection, **value, "createdAt": to_iso(self._clock.now())}
        ref = Repo(self.agent).create_all([Write.of(collection, self._tids.next(), record)]).refs[0]
        return Created(ref.uri, ref.cid)

    def _check_identity(self, identity: str | None) -> None:
        if identity is not None and identity.removeprefix("@").lower() not in (self.me.did, self.me.handle):
            raise InputError(
                f"{identity} is not the account that is signed in ({self.me.handle}).",
                hint="A client writes only to its own repository.",
            )
