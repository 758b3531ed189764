"""Compares what was approved with the network now: a post is held if a mention has come to mean somebody else.

What lives here: that comparison. What does not: the approval itself (`queue.approvals`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from skywrite.core.errors import ENDED, Do, Hint, InputError, NeedsDecision, TemporaryError
from skywrite.posting.compose.build import Prepared
from skywrite.queue.approval_rules import DRIFTED

MENTION = "app.bsky.richtext.facet#mention"


def approved_mentions(prepared: Prepared) -> Iterator[tuple[str, str | None]]:
    """The handles in the texts, with the approved DIDs; None if the handle was to stay plain text."""
    for record in prepared.records:
        for facet in record.get("facets", ()):
            yield from mentions_of(str(record.get("text", "")), facet)
    for item in prepared.pending:
        yield item.handle, None


def mentions_of(text: str, facet: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The handle that a facet of a text mentions, with its DID; nothing if it shows something else."""
    shown = text.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode("utf-8", "replace")
    for feature in facet.get("features", ()):
        if feature.get("$type") == MENTION and shown.startswith("@") and "." in shown:
            yield shown[1:].lower(), str(feature["did"])


def check_drift(post_id: int, prepared: Prepared, resolve: Callable[[str], str]) -> None:
    """Raise NeedsDecision if a handle means another account than the approved one.

    What cannot be looked up now is published as approved.
    """
    for handle, approved in approved_mentions(prepared):
        try:
            now: str | None = resolve(handle)
        except InputError:
            now = None
        except TemporaryError as error:
            if isinstance(error, ENDED):
                raise
            continue
        if now != approved:
            raise NeedsDecision(
                f"@{handle} was approved as {approved or 'plain text'}, and is {now or 'nobody'} now.",
                code=DRIFTED,
                hint=Hint("See it and approve it again: ", Do("posts.approve", post_id)),
            )
