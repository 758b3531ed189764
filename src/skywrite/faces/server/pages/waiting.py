"""How long "now" waits on the page, so that it can be undone: a setting of the account.

What does not live here: undoing it (`posts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skywrite.faces.server.pages.frame import Visit
from skywrite.queue.model import Post

UNDO_SECONDS = 10


def undo_seconds(settings: Mapping[str, Any]) -> int:
    """For how many seconds a post can be undone after "now"; 0 means not at all."""
    return int(settings.get("undo_seconds", UNDO_SECONDS))


def now_as_time(settings: Mapping[str, Any]) -> str:
    """The time that "now" stands for."""
    seconds = undo_seconds(settings)
    return f"in {seconds} seconds" if seconds else "now"


def undo_left(visit: Visit, post: Post) -> float | None:
    """For how long a post can still be undone before it goes out; None if it is not waiting for that."""
    if post.state != "scheduled" or post.due_at is None or "schedule" not in visit.access.scopes:
        return None
    left = (post.due_at - visit.sky.context.clock.now()).total_seconds()
    settings = visit.sky.accounts.get(post.account_did).settings
    return left if 0 < left <= undo_seconds(settings) else None
