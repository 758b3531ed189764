"""What the client answers with: a published post, another record that was made, a handle that was looked up.

What does not live here: answers of the network (`answers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from skywrite.core.errors import Notice
from skywrite.sdk.answers import Answer, model


def _model(uri: str, cid: str) -> Answer:
    return model("app.bsky.feed.post#CreateRecordResponse")(uri=uri, cid=cid)


@dataclass(frozen=True, slots=True)
class Posted:
    """A post that `Client` published: its at-uri, the CID of its record, its link on bsky.app, and warnings.

    It has no number, because there is no queue (compare `app.results.Sent`).
    """

    uri: str
    cid: str
    url: str
    warnings: tuple[Notice, ...] = ()

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Its uri and cid as a dict, as in the SDK."""
        return _model(self.uri, self.cid).model_dump(**options)

    def model_dump_json(self, **options: Any) -> str:
        """The same as JSON text."""
        return _model(self.uri, self.cid).model_dump_json(**options)


class Created(NamedTuple):
    """A like, a repost or a follow that was made: its at-uri and the CID of its record."""

    uri: str
    cid: str

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Its uri and cid as a dict, as in the SDK."""
        return _model(self.uri, self.cid).model_dump(**options)

    def model_dump_json(self, **options: Any) -> str:
        """The same as JSON text."""
        return _model(self.uri, self.cid).model_dump_json(**options)


class ResolvedHandle(str):
    """The DID of a handle: the text itself, and as in the SDK its `did`."""

    __slots__ = ()

    @property
    def did(self) -> str:
        """The DID."""
        return str(self)
