"""Steps that change one post, inside a given transaction."""

from __future__ import annotations

from datetime import datetime

from skywrite.core.errors import Conflict, Do, Hint, NotFound
from skywrite.core.shown import named
from skywrite.queue.authors import note_author
from skywrite.queue.base import locked, update_ready
from skywrite.queue.database import Transaction
from skywrite.queue.events import note_post_event
from skywrite.queue.media import require_media
from skywrite.queue.model import ChangedMeanwhile, Changes, Post, State, Unset
from skywrite.queue.rows import dump_json, post_of, problem_values, text_hash

DELETED = "post.deleted"
EDITABLE_STATES: tuple[State, ...] = ("draft", "scheduled", "held", "failed")


def get_post(tx: Transaction, post_id: int) -> Post:
    """One post. Raises NotFound."""
    row = tx.row("get_post", id=post_id)
    if row is None:
        raise unknown_post(post_id)
    return post_of(row)


def unknown_post(post_id: int) -> NotFound:
    """The error about a number that no post has."""
    return NotFound(
        f"There is no post {named(post_id)}.", code="post.unknown", hint=Hint("See the numbers: ", Do("posts.list"))
    )


def get_locked(tx: Transaction, post_id: int) -> Post:
    """The post, with its account locked: nobody else changes it until the transaction ends."""
    locked(tx, get_post(tx, post_id).account_did)
    return get_post(tx, post_id)


def changed(tx: Transaction, post: Post) -> Post:
    """The post after a change; also updates its account."""
    update_ready(tx, post.account_did)
    return get_post(tx, post.id)


def edit_post(tx: Transaction, post_id: int, changes: Changes, version: int | None = None, *, now: datetime) -> Post:
    """Change a post that is certainly not on the network: see `Store.edit`."""
    post = get_locked(tx, post_id)
    if post.state not in EDITABLE_STATES or (post.state != "failed" and not post.is_free(now)):
        raise Conflict(f"Post {post_id} is {why_fixed(post)}.", code="post.not_editable", hint=way_out(post))
    check_version(post, version)
    draft = post.draft if isinstance(changes.draft, Unset) else changes.draft
    moved = not isinstance(changes.due_at, Unset)
    policy, seconds = changes.late_policy, changes.late_seconds
    tx.run(
        "update_post",
        id=post_id,
        was=post.state,
        state="scheduled" if moved else post.state,
        due_at=post.due_at if isinstance(changes.due_at, Unset) else changes.due_at,
        draft=dump_json(draft),
        text_hash=text_hash(draft),
        prepared=dump_json(post.prepared if isinstance(changes.prepared, Unset) else changes.prepared),
        late_policy=post.late_policy if isinstance(policy, Unset) else policy,
        late_seconds=post.late_seconds if isinstance(seconds, Unset) else seconds,
        now=now,
        **problem_values(None if moved else post.problem),
    )
    note_author(tx, [post_id])
    if not isinstance(changes.media, Unset):
        tx.run("forget_post_media", post_id=post_id)
        require_media(tx, set(changes.media))
        tx.run_many("insert_post_media", ({"post_id": post_id, "cid": cid} for cid in changes.media))
    return changed(tx, post)


def cancel_post(tx: Transaction, post: Post, now: datetime) -> Post:
    """Cancel a post: see `Store.cancel`."""
    if post.state == "cancelled":
        return post
    if tx.run("cancel_post", id=post.id, now=now) != 1:
        raise Conflict(
            f"Post {post.id} is {why_fixed(post)}, so it cannot be cancelled.",
            code="post.not_cancellable",
            hint=way_out(post),
        )
    note_post_event(tx, "post.cancelled", now, post)
    return changed(tx, post)


def check_version(post: Post, version: int | None) -> None:
    """Raise ChangedMeanwhile if the change is based on another version."""
    if version is not None and post.version != version:
        raise ChangedMeanwhile(
            f"Post {post.id} was changed meanwhile; it is {post.state} now. Nothing was changed.",
            hint=Hint("Check it and try again: ", Do("posts.get", post.id)),
        )


def why_fixed(post: Post) -> str:
    """Why a post cannot be changed, as the end of a sentence."""
    if _is_deleted(post):
        return "deleted from the network"
    if post.state in ("scheduled", "held") and post.frozen is not None:
        return f"{post.state} with records that may be on the network already"
    return {"publishing": "being published right now", "draft": "a draft"}.get(post.state, post.state)


def way_out(post: Post) -> str:
    """What to do about a post that cannot be changed."""
    if post.state == "published" and not _is_deleted(post):
        return Hint("Take it off the network: ", Do("posts.delete", post.id))
    if post.free_at is not None and post.frozen is not None:
        return f"Nothing of it was found there. It may be changed after {post.free_at:%Y-%m-%d %H:%M:%S} UTC."
    if post.state == "held" and post.frozen is not None:
        return Hint("Release it, and Skywrite checks whether it is on the network: ", Do("posts.release", post.id))
    if post.state in ("scheduled", "publishing"):
        return Hint("The next attempt settles it; see: ", Do("posts.get", post.id))
    return Hint("See: ", Do("posts.get", post.id))


def _is_deleted(post: Post) -> bool:
    return post.problem is not None and post.problem.code == DELETED
