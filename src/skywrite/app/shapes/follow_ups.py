"""How follow-ups look: a reply or a repost once a post has enough likes."""

from __future__ import annotations

from datetime import datetime

from skywrite.app.shapes.base import Output, shaped
from skywrite.queue.follow_ups import FollowUp


class FollowUpShape(Output):
    """A follow-up. `note` says what was counted, or why nothing comes of it; `made_id` is the reply's post.

    `who` added it, where that is known; `agent`: an agent did.
    """

    id: int
    post_id: int
    metric: str
    threshold: int
    kind: str
    text: str
    undo_seconds: int | None
    state: str
    note: str | None
    made_id: int | None
    who: str | None
    agent: bool
    created_at: datetime


def follow_up_shape(item: FollowUp) -> FollowUpShape:
    """A follow-up as JSON."""
    return shaped(FollowUpShape, item._asdict())
