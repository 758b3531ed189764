"""The account that is signed in, with its profile.

What lives here: `Me`, and what clones share. What does not: how a profile is read (`client`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skywrite.protocol.atproto.session import Agent
from skywrite.sdk.answers import Answer, model

PROFILE = "app.bsky.actor.defs#profileViewDetailed"


class Me:
    """The account that is signed in: its DID, handle, and the address of its server (PDS).

    Everything else is a field of its profile, such as `display_name` and `followers_count`, which is fetched when the
    first of them is read; that may raise a `SkywriteError`.
    """

    def __init__(self, did: str, handle: str, pds_url: str, fetch: Callable[[], Answer]) -> None:
        self.did = did
        self.handle = handle
        self.pds_url = pds_url
        self._fetch = fetch
        self._profile: Answer | None = None

    # A script may ask whether it is the profile that the SDK's login answers with; the class is made only then.
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return model(PROFILE)

    @property
    def profile(self) -> Answer:
        """The whole profile, fetched once."""
        if self._profile is None:
            self._profile = self._fetch()
        return self._profile

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.profile, name)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name) if name in ("did", "handle") else self.profile[name]

    def __eq__(self, other: object) -> bool:
        same = type(other) is Me and (self.did, self.handle, self.pds_url)
        return bool(same) and same == (other.did, other.handle, other.pds_url)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.did, self.handle))

    def __repr__(self) -> str:
        return f"Me(did={self.did!r}, handle={self.handle!r}, pds_url={self.pds_url!r})"


class SignedIn:
    """Who is signed in; a client shares it with its clones."""

    def __init__(self) -> None:
        self.agent: Agent | None = None
        self.me: Me | None = None
