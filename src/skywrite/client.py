"""`Client`: talk to Bluesky now, as one account; nothing is stored.

What lives here: signing in, one method for each thing that a script does, and the names that scripts for the atproto
SDK use. What does not: the queue (`app`), how a post is made (`compose`) and sent (`publish.sender`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from skywrite.atproto.identity import Resolver
from skywrite.atproto.ref import Ref
from skywrite.atproto.repo import Record, Repo, Write
from skywrite.atproto.service import at_own_server, service_for
from skywrite.atproto.session import Agent, MemorySessionStore, Session, create_session
from skywrite.atproto.session_data import MAIN_PASSWORD_WARNING
from skywrite.atproto.tid import TidClock
from skywrite.atproto.xrpc import Param
from skywrite.bsky.limits import POST
from skywrite.clock import SYSTEM_CLOCK, Clock, to_iso
from skywrite.compose.build import Prepared, build
from skywrite.compose.draft import Draft, draft_from_dict
from skywrite.compose.freeze import freeze, mention_handles
from skywrite.compose.references import app_link, parse_reference
from skywrite.compose.resolve import MENTION_PENDING, UNKNOWN_MENTION, ResolvedDraft, resolve_draft
from skywrite.config import load_config
from skywrite.errors import InputError, Notice, SignInError, TemporaryError
from skywrite.http import Http, Transport
from skywrite.publish.network import Network
from skywrite.publish.sender import Sending, send
from skywrite.sdk import ReportingStore, SessionCallback, SessionEvent, UploadedBlob, answer, attribute

_LIKE = "app.bsky.feed.like"
_REPOST = "app.bsky.feed.repost"
_FOLLOW = "app.bsky.graph.follow"
_GATES = ("app.bsky.feed.threadgate", "app.bsky.feed.postgate")


class NotSignedInYet(SignInError):
    """A method was called before `login`."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A post that `Client` put on the network; there is no queue, so it has no number (see `app.results.Sent`)."""

    uri: str
    cid: str
    url: str
    warnings: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Me:
    """The account that is signed in."""

    did: str
    handle: str
    pds_url: str


class Client:
    """One account on the network. Safe to share between threads after `login`.

        client = Client()
        client.login("alice.bsky.social", "xxxx-xxxx-xxxx-xxxx")
        client.send_post(text="Posting via API.")

    `base_url` is the server to sign in at; without it the account's own server is found. Every method raises
    SkywriteErrors (see `skywrite.errors`).
    """

    def __init__(
        self, base_url: str | None = None, *, transport: Transport | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._config = load_config()
        self._base_url = base_url
        self._transport = transport or Http()
        self._clock = clock
        self._network = Network(self._config, self._transport, clock)
        self._tids = TidClock(clock)
        self._agent: Agent | None = None
        self._session_callbacks: list[SessionCallback] = []

    def __getattr__(self, name: str) -> Any:
        """The names of the atproto SDK: `client.app.bsky...`, `client.get_timeline()` (see `sdk`)."""
        return attribute(self, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the session lives on at the server."""
        if isinstance(self._transport, Http):
            self._transport.close()

    # Signing in

    def login(
        self,
        handle: str | None = None,
        password: str | None = None,
        auth_factor_token: str | None = None,
        *,
        session_string: str | None = None,
        login: str | None = None,
    ) -> Me:
        """Sign in with a handle (with or without @), DID or e-mail address and an app password, or with a session.

        `session_string` is one of `export_session_string` or of the atproto SDK. `login` is another name for `handle`.
        Raises WrongPassword, AuthFactorRequired, AccountUnavailable, RateLimited, InvalidSession.
        """
        name = handle or login
        if session_string:
            session = Session.from_string(session_string)
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
        self._agent = Agent(self._transport, session, store=store, clock=self._clock)
        store.report(SessionEvent.IMPORT if session_string else SessionEvent.CREATE, session)
        return self.me

    @property
    def agent(self) -> Agent:
        """The authenticated agent, for what this class has no method for."""
        if self._agent is None:
            raise NotSignedInYet("Nobody is signed in.", hint="Call client.login(handle, app_password) first.")
        return self._agent

    @property
    def me(self) -> Me:
        """The account that is signed in."""
        session = self.agent.session
        return Me(session.did, session.handle, session.pds_url)

    def export_session_string(self) -> str:
        """The session as a text for `login(session_string=...)`. It is a secret: who has it can post."""
        return self.agent.session.export_string()

    def on_session_change(self, callback: SessionCallback) -> None:
        """Call `callback(event, session)` after each sign-in and refresh; `session.export()` is the text to keep."""
        self._session_callbacks.append(callback)

    def logout(self) -> None:
        """End the session at the server."""
        self.agent.delete_session()
        self._agent = None

    # Every other method of the network

    def query(self, nsid: str, params: Mapping[str, Param] | None = None, **more: Any) -> dict[str, Any]:
        """Call any XRPC query: `client.query("app.bsky.actor.getProfile", {"actor": "alice.test"})`."""
        return self._answer(self.agent.query(nsid, params, **more))

    def procedure(self, nsid: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Call any XRPC procedure. It is not repeated after doubt: a create may have been carried out."""
        return self._answer(self.agent.procedure(nsid, body, **more))

    def _answer(self, value: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = answer(value)
        return found

    def get_current_time_iso(self) -> str:
        """Now, as records have it."""
        return to_iso(self._clock.now())

    def resolve_handle(self, handle: str) -> str:
        """The DID of a handle. Raises UnknownHandle."""
        service = self._agent.session.pds_url if self._agent else None
        return self._resolver(service).resolve_handle(handle.removeprefix("@"))

    def _resolver(self, service: str | None = None) -> Resolver:
        return self._network.resolver(service or self._base_url)

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
        """Send one post. The text stays exactly as it is; facets are added only where none are given.

        `text` is a str or a text builder of the atproto SDK. `reply_to` is the at-uri or link of a post, what
        `send_post` returned, or a reply reference {root, parent}. `images`: paths, bytes, (path, alt) pairs or
        {"path": ..., "alt": ...}. `card`: an address, or "auto" for the page of the first link. `quote`: at-uri or
        link. `replies`: who may answer (nobody, mentioned, followers, following, a list); `quotes`: whether others may
        quote it.
        """
        self._check_identity(profile_identify)
        return self.send(
            _draft(
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

    def send_thread(self, posts: Iterable[Any], *, reply_to: Any = None, **first: Any) -> list[Posted]:
        """Send a thread in one commit: it appears whole or not at all.

        Each post is a text or a dict with the names of `send_post`'s arguments; `first` holds more of them for the
        first post, such as `replies` and `quotes`.
        """
        rows = [dict(post) if isinstance(post, Mapping) else {"text": post} for post in posts]
        if not rows:
            raise InputError("The thread has no posts.", hint="Pass at least one text.")
        if reply_to is not None:
            first["reply_to"] = reply_to
        return self.send(_draft(**{**rows[0], **first}, thread=[_draft(**row) for row in rows[1:]]))

    def send(self, draft: Draft) -> list[Posted]:
        """Send a draft and the rest of its thread; one Posted for each post, warnings with the first."""
        resolved = resolve_draft(draft, self._network.draft_context(self.me.pds_url, lambda: self.agent))
        prepared = build(resolved.draft, resolved.dids)
        dids = self._late_mentions(prepared, resolved)
        rkeys = [self._tids.next() for _ in prepared.records]
        frozen = freeze(prepared, did=self.me.did, rkeys=rkeys, created_at=self._clock.now(), dids=dids)
        video = self._network.video_upload(self.agent)
        frozen = send(Repo(self.agent), frozen, Sending(lambda cid: resolved.media[cid](), video), self._clock)
        return [
            Posted(uri, item.cid, app_link(uri, self.me.handle), tuple(resolved.warnings) if index == 0 else ())
            for index, item in enumerate(frozen.posts)
            for uri in (f"at://{frozen.did}/{POST}/{item.rkey}",)
        ]

    def _late_mentions(self, prepared: Prepared, resolved: ResolvedDraft) -> dict[str, str | None]:
        """The mentions that nobody could look up, asked for once more; nothing is sent later, so nothing is sent now.

        Raises TemporaryError.
        """
        dids: dict[str, str | None] = {}
        for handle in mention_handles(prepared):
            stale = (MENTION_PENDING, handle)
            resolved.warnings[:] = [one for one in resolved.warnings if (one.name, one.about) != stale]
            try:
                dids[handle] = self.resolve_handle(handle)
            except InputError:
                text = f"@{handle} does not exist: it stays plain text."
                resolved.warnings.append(Notice(UNKNOWN_MENTION, text, handle))
            except TemporaryError as error:
                raise TemporaryError(
                    f"@{handle} could not be looked up, so nothing was sent: {error.message}",
                    hint="Try again, or write it without the @.",
                ) from None
        return dids

    # The next three take the arguments of the atproto SDK's methods in their order; shapes are measured here.

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
        """Send a post with one image (bytes or path) and its alt text."""
        images = [{**_media(image), "alt": image_alt}]
        return self.send_post(text, profile_identify, reply_to, None, langs, facets, images=images, **more)

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
        """Send a post with up to ten images (bytes or paths) and their alt texts."""
        alts = list(image_alts or ()) + [""] * len(images)
        items = [{**_media(image), "alt": alt} for image, alt in zip(images, alts, strict=False)]
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
        """Send a post with one video (bytes or path) and its alt text."""
        video = {**_media(video), "alt": video_alt or ""}
        return self.send_post(text, profile_identify, reply_to, None, langs, facets, video=video, **more)

    def get_post(self, uri: str, profile_identify: str | None = None) -> Record:
        """A post (or any record) by at-uri or bsky.app link, or by record key of an account: uri, cid, value."""
        if "/" not in uri:
            uri = f"at://{profile_identify or self.me.did}/{POST}/{uri}"
        authority, collection, rkey = parse_reference(uri)
        record = Repo(self.agent).get(collection, rkey, repo=authority)
        return record._replace(value=answer(record.value))

    def delete_post(self, uri: str) -> bool:
        """Delete a post of this account, with its gates. One that is not there is not an error."""
        authority, collection, rkey = parse_reference(uri)
        self._check_identity(authority)
        repo = Repo(self.agent)
        repo.delete(collection, rkey)
        for gate in _GATES:
            repo.delete(gate, rkey)
        return True

    def upload_blob(self, data: bytes | str | Path, mime: str = "application/octet-stream") -> dict[str, Any]:
        """Upload bytes or a file, and return the blob object for a record. Unused blobs go within minutes."""
        content = data if isinstance(data, bytes) else Path(data).read_bytes()
        return UploadedBlob(Repo(self.agent).upload_blob(content, mime))

    # Likes, reposts, follows

    def like(self, uri: str, cid: str | None = None) -> Ref:
        """Like a post."""
        return self._create(_LIKE, {"subject": self._subject(uri, cid)})

    def repost(self, uri: str, cid: str | None = None) -> Ref:
        """Repost a post."""
        return self._create(_REPOST, {"subject": self._subject(uri, cid)})

    def follow(self, account: str) -> Ref:
        """Follow an account (handle or DID)."""
        did = account if account.startswith("did:") else self.resolve_handle(account)
        return self._create(_FOLLOW, {"subject": did})

    def delete(self, uri: str) -> bool:
        """Delete any record of this account by its at-uri: a like, a repost, a follow."""
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

    def _create(self, collection: str, value: Mapping[str, Any]) -> Ref:
        record = {"$type": collection, **value, "createdAt": to_iso(self._clock.now())}
        return Repo(self.agent).create_all([Write.of(collection, self._tids.next(), record)]).refs[0]

    def _check_identity(self, identity: str | None) -> None:
        if identity is not None and identity.removeprefix("@").lower() not in (self.me.did, self.me.handle):
            raise InputError(
                f"{identity} is not the account that is signed in ({self.me.handle}).",
                hint="A client writes to its own repository only.",
            )


_AS_GIVEN = {"markdown": False, "shorten": False, "tidy": False, "card": "none"}


def _draft(*, thread: Sequence[Draft] = (), **row: Any) -> Draft:
    """A draft from arguments of `send_post`, some of which may be models of the atproto SDK."""
    row["text"], facets = _built(row.get("text", ""), row.get("facets"))
    row["facets"] = None if facets is None else [_plain(facet) for facet in facets]
    row["reply_to"] = _reply(row.get("reply_to"))
    row["embed"] = _plain(row.get("embed"))
    row["quote"] = _quote(row.get("quote"))
    return draft_from_dict({**_AS_GIVEN, **row, "thread": thread})


def _plain(value: Any) -> Any:
    """Models of the atproto SDK as the plain records that they stand for."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return value


def _built(text: Any, facets: Sequence[Any] | None) -> tuple[str, Sequence[Any] | None]:
    if hasattr(text, "build_text"):
        return text.build_text(), text.build_facets() if facets is None else facets
    return text, facets


def _reply(reply_to: Any) -> Any:
    """A reply reference (root and parent), or the at-uri of what it replies to."""
    plain = _plain(reply_to)
    if isinstance(plain, Mapping):
        return plain if "root" in plain else plain.get("uri")
    return getattr(plain, "uri", plain)


def _quote(quote: Any) -> Any:
    """A strong reference as it is, or the at-uri of what is quoted."""
    plain = _plain(quote)
    if isinstance(plain, Mapping):
        return plain if "cid" in plain else plain.get("uri")
    return getattr(plain, "uri", plain)


def _media(value: Any) -> dict[str, Any]:
    return {"data": value} if isinstance(value, bytes) else {"path": value}
