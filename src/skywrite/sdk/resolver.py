"""The SDK's `IdResolver`, over our own resolver.

What lives here: its two halves, for handles and for DIDs. What does not: resolving (`atproto.identity`).
"""

from __future__ import annotations

from typing import NamedTuple

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.core.config import load_config
from skywrite.core.errors import InputError
from skywrite.core.http import Http, Transport
from skywrite.posting.publish.network import Network
from skywrite.protocol.atproto.identity import Resolver
from skywrite.sdk.answers import Answer


class HandleResolver(NamedTuple):
    """Handles to DIDs."""

    resolver: Resolver

    def resolve(self, handle: str) -> str | None:
        """The DID of a handle; None if there is none."""
        try:
            return self.ensure_resolve(handle)
        except InputError:
            return None

    def ensure_resolve(self, handle: str) -> str:
        """The DID of a handle. Raises UnknownHandle."""
        return str(self.resolver.resolve_handle(handle.removeprefix("@")))


class DidResolver(NamedTuple):
    """DIDs to their documents."""

    resolver: Resolver

    def resolve(self, did: str) -> Answer | None:
        """The document of a DID; None if there is none."""
        try:
            return self.ensure_resolve(did)
        except InputError:
            return None

    def ensure_resolve(self, did: str) -> Answer:
        """The document of a DID. Raises InputError."""
        return Answer(self.resolver.document(did))


class IdResolver:
    """Looks up handles and DIDs: `IdResolver().handle.resolve("alice.bsky.social")`.

    Raises InputError for a cache or name servers of one's own.
    """

    def __init__(
        self,
        plc_url: str | None = None,
        timeout: float | None = None,
        cache: None = None,
        backup_nameservers: None = None,
        *,
        transport: Transport | None = None,
    ) -> None:
        if cache is not None:
            raise InputError("IdResolver keeps what it has looked up by itself.", hint="Leave cache out.")
        if backup_nameservers is not None:
            raise InputError("IdResolver asks the name servers of the computer.", hint="Leave backup_nameservers out.")
        config = load_config()
        config = config if plc_url is None else config._replace(plc_url=plc_url)
        http = transport or (Http() if timeout is None else Http(timeout_seconds=timeout))
        resolver = Network(config, http, SYSTEM_CLOCK).resolver(config.service)
        self.handle = HandleResolver(resolver)
        self.did = DidResolver(resolver)
