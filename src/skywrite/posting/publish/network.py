"""All network access for posts: creates resolvers, fetchers, draft contexts and video uploads.

What lives here: creating them from a configuration, for the queue, for `Client`, and without a database. What does not:
what each of them does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from skywrite.core.clock import Clock
from skywrite.core.config import Config
from skywrite.core.ending import Ending
from skywrite.core.errors import TemporaryError
from skywrite.core.http import Http, Transport
from skywrite.posting.compose.references import parse_reference
from skywrite.posting.compose.resolve import DraftContext
from skywrite.posting.publish.sender import VideoUpload
from skywrite.posting.publish.videos import through_service, video_upload
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.atproto.session import Agent

if TYPE_CHECKING:
    from skywrite.protocol.atproto.identity import Resolver
    from skywrite.protocol.fetch.fetch import Fetcher
    from skywrite.protocol.fetch.guard import Target


class Network:
    """The network as one process sees it. Safe to share between threads. What waits for it ends when `ending` comes."""

    def __init__(self, config: Config, transport: Transport, clock: Clock, ending: Ending | None = None) -> None:
        self.transport = transport
        self._config = config
        self._clock = clock
        self._ending = ending
        self._lock = threading.RLock()
        self._resolvers: dict[str | None, Resolver] = {}
        self._fetcher: Fetcher | None = None

    def resolver(self, service: str | None = None) -> Resolver:
        """Looks up handles, asking `service` (an account's own server) first."""
        with self._lock:
            if service not in self._resolvers:
                self._resolvers[service] = self._new_resolver(service)
            return self._resolvers[service]

    def _new_resolver(self, service: str | None) -> Resolver:
        from skywrite.protocol.atproto.identity import Resolver
        from skywrite.protocol.fetch.web import LOCAL_HOSTS, GuardedWeb

        return Resolver(
            self.transport,
            self._config.plc_url,
            service=service,
            web=GuardedWeb(self.fetcher),
            clock=self._clock,
            allow_local=urlsplit(service or "").hostname in LOCAL_HOSTS,
            service_first=True,
            check=lambda url: self.fetcher().check(url),
        )

    def fetcher(self) -> Fetcher:
        """Opens untrusted addresses, behind its guard."""
        with self._lock:
            if self._fetcher is None:
                from skywrite.protocol.fetch.fetch import Fetcher

                self._fetcher = Fetcher(self._config.fetch_allow, ending=self._ending)
            return self._fetcher

    def checked_transport(self) -> Transport:
        """Carries requests to servers that others name, such as those of a sign-in, to public addresses only."""
        from skywrite.protocol.fetch.web import CheckedTransport

        def connect(target: Target, address: str) -> Transport:
            return self.fetcher().connect(target, address)

        # A transport that the program brought dials nothing that could be pinned.
        pinned = connect if isinstance(self.transport, Http) else None
        return CheckedTransport(self.transport, lambda url: self.fetcher().check(url), pinned)

    def draft_context(
        self,
        pds_url: str,
        agent: Callable[[], Agent],
        *,
        base: Path = Path(),
        langs: Sequence[str] = (),
        require_alt: bool = False,
        own_did: str = "",
    ) -> DraftContext:
        """What a draft of an account may look up. `agent` is called only if its server is needed."""

        def get_record(uri: str) -> dict[str, Any]:
            authority, collection, rkey = parse_reference(uri)
            record = Repo(agent()).get(collection, rkey, repo=authority)
            return {"uri": record.uri, "cid": record.cid, "value": record.value}

        def blob_limit() -> int | None:
            try:
                return agent().blob_upload_limit()
            except TemporaryError:
                return None

        return DraftContext(
            resolve_handle=lambda handle: str(self.resolver(pds_url).resolve_handle(handle)),
            get_record=get_record,
            fetcher=self.fetcher,
            blob_limit=blob_limit,
            base=base,
            langs=tuple(langs),
            require_alt=require_alt,
            own_did=own_did,
            videos_as_blobs=not through_service(pds_url, self._config.video_service),
        )

    def video_upload(self, agent: Agent, *, stopping: threading.Event | None = None) -> VideoUpload | None:
        """The upload through the video service, or None if it is not used. `stopping` ends it at once."""
        return video_upload(agent, self.transport, self._config.video_service, self._clock, stopping=stopping)
