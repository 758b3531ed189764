"""Sending a post now: everything is checked and stored before anything is sent, and a worker finishes it if necessary.

What does not live here: the checks (`drafting`), what a worker does (`runner`), one attempt (`publish.publisher`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from skywrite.app.context import Context
from skywrite.app.drafting import SAME_TEXT, Drafting
from skywrite.app.results import Sent
from skywrite.core.errors import (
    SIGN_IN,
    Conflict,
    Do,
    Hint,
    InputError,
    Notice,
    RejectedError,
    SignInError,
    SkywriteError,
    TemporaryError,
    TimedOut,
    sign_in_as,
)
from skywrite.posting.compose.references import app_link
from skywrite.posting.publish.decide import Decider
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.processes import is_gone
from skywrite.posting.publish.publisher import LEASE_SECONDS, Publisher, Result
from skywrite.posting.publish.sender import VideoUpload
from skywrite.protocol.atproto.xrpc_errors import RATE_LIMIT_SECONDS_MAX
from skywrite.queue.accounts import NEEDS_LOGIN
from skywrite.queue.leases import recover_clock_skew
from skywrite.queue.model import Account, Claim, NewPost, Post, Published, Retry

NOW_SOURCE = "now"
NOW_TRIES = 3
NOW_WAIT_SECONDS_MAX = 12.0
NOW_BUSY_SECONDS_MAX = 20.0
NOW_POLL_SECONDS = 0.1
_LATER = ((("until", "pool", "grammar", "distinct"), "a rule", "every"), (("zone", "late", "jitter"), "a time", "at"))

Progress = Callable[[Post, str, int, int], None]


def check_now(fields: Mapping[str, Any]) -> None:
    """Raise InputError for options that only scheduled posts have."""
    for names, needed, argument in _LATER:
        for name in names:
            if fields.get(name):
                raise InputError(f"{name} needs {needed}.", hint=Hint("Give one: ", Do("argument", argument)))


class Sending:
    """Publishing from this process, without waiting for a worker."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    def publish_now(
        self,
        text: str = "",
        *,
        account: str | None = None,
        key: str | None = None,
        base: Path | None = None,
        progress: Progress | None = None,
        **draft: Any,
    ) -> Sent:
        """Post now. The post is stored first, then sent: if the process is killed in between, the next `run` finishes
        it, once.

        If the key was used before, this returns that post with a warning. Posting the same again after that
        sends the waiting post. Raises InputError and SignInError before anything is stored, TemporaryError
        (`post.still_queued`) if the post could not be sent yet, and the server's error if it was refused.
        """
        owner = self._ctx.account(account)
        if owner.state == "needs_login":
            raise SignInError(
                f"You are not signed in as {owner.handle}.", code="account.signed_out", hint=sign_in_as(owner.handle)
            )
        ready = self._drafting.prepare(self._drafting.draft(owner, {"text": text, **draft}), owner, base=base)
        # A session that cannot be opened is an error before anything is stored.
        self._ctx.agent(owner)
        self._drafting.keep_media([ready])
        new = self._drafting.new_post(ready, due_at=self._ctx.clock.now(), key=key, source=NOW_SOURCE)
        publisher = self.publisher(progress=progress)
        unsent, lately = self._same_text(new)
        if unsent is None:
            result, claim = self._ctx.store.claims.add_and_claim(
                new, self._ctx.worker_name, publisher.lease_seconds, publisher.decider
            )
            post_id = result.id
            if result.existed:
                ready.warnings.append(key_used(key, post_id))
            elif lately is not None:
                text = f"The same text is in post {lately.id} ({lately.state})."
                ready.warnings.append(Notice("SameText", text, lately.id))
        else:
            post_id, claim = unsent.id, None
            with suppress(Conflict):
                self._ctx.store.posts.make_due_now(post_id)
            text = f"The same text was waiting as post {post_id}: that one was sent."
            ready.warnings.append(Notice("SentTheWaiting", text, post_id))
        uri, cid = self._send_now(post_id, claim, publisher)
        return Sent(post_id, uri, cid, app_link(uri, owner.handle), tuple(ready.warnings))

    def send(self, post_id: int) -> Sent:
        """Send a due post of the queue, trying for some seconds. Raises what `post` raises."""
        post = self._ctx.store.posts.get(post_id)
        account = self._ctx.store.accounts.get(post.account_did)
        if post.due_at is not None and post.due_at <= self._ctx.clock.now():
            with suppress(Conflict):
                self._ctx.store.posts.make_due_now(post_id)
        uri, cid = self._send_now(post_id, None, self.publisher())
        return Sent(post_id, uri, cid, app_link(uri, account.handle))

    def _same_text(self, new: NewPost) -> tuple[Post | None, Post | None]:
        """The same post, if an earlier call left it unsent: it is finished instead of posted twice. Otherwise a post
        with the same text that is queued or was posted recently.
        """
        now = self._ctx.clock.now()
        text = str(new.draft.get("text", ""))
        if text:
            same = self._ctx.store.posts.same_text(new.account_did, text, now - SAME_TEXT)
        else:
            # Posts without text are not compared by it: only an unfinished one is looked for.
            same = self._ctx.store.posts.waiting_with_text(new.account_did, text, NOW_SOURCE)
        for post in same:
            unsent = post.source == NOW_SOURCE and _is_left_over(post, now)
            if unsent and post.key == new.key and _content(post.draft) == _content(new.draft):
                return post, None
        return None, same[0] if same and text else None

    def _send_now(self, post_id: int, claim: Claim | None, publisher: Publisher) -> tuple[str, str]:
        """Publish one post, retrying for some seconds. Other unfinished posts of its account are settled first."""
        tries = 0
        deadline = self._ctx.clock.monotonic() + NOW_BUSY_SECONDS_MAX
        if claim is None:
            self.recover_clock_skew()
        while True:
            if claim is None:
                post = self._ctx.store.posts.get(post_id)
                if post.state == "published":
                    return post.uri or "", post.cid or ""
                _raise_if_over(post)
                claim = self._ctx.store.claims.claim_post(
                    post_id, self._ctx.worker_name, publisher.lease_seconds, publisher.decider
                )
            if claim is None:
                if not self.free_dead_leases():
                    self._raise_if_long(post_id, deadline - self._ctx.clock.monotonic())
                    self._ctx.clock.wait(threading.Event(), NOW_POLL_SECONDS)
                continue
            result = publisher.publish_and_settle(claim)
            if result is not None and claim.post.id == post_id:
                if isinstance(result.outcome, Published):
                    return result.outcome.uri, result.outcome.cid
                tries = NOW_TRIES if self._ctx.clock.monotonic() > deadline else tries + 1
                self._wait_or_raise(post_id, result, tries)
            claim = None

    def free_dead_leases(self) -> int:
        """End the leases of workers on this computer whose processes are gone. Returns how many."""
        leased = self._ctx.store.accounts.leased(self._ctx.worker_name)
        dead = [account for account in leased if account.lease_owner and is_gone(account.lease_owner)]
        return sum(self._ctx.store.claims.expire_lease(item.did, item.lease_owner or "") for item in dead)

    def recover_clock_skew(self) -> int:
        """Free the accounts that wait for a time which only a clock that ran ahead can have set. Returns how many."""
        return recover_clock_skew(self._ctx.store, lease_seconds=LEASE_SECONDS, pause_seconds=RATE_LIMIT_SECONDS_MAX)

    def _wait_or_raise(self, post_id: int, result: Result, tries: int) -> None:
        outcome, error = result.outcome, result.error
        if isinstance(outcome, Retry) and isinstance(error, SkywriteError):
            wait = (outcome.attempt_at - self._ctx.clock.now()).total_seconds()
            # A hanging server would take as long again: report it now, and leave the rest to a worker.
            over = tries >= NOW_TRIES or isinstance(error, TimedOut)
            if over or wait > NOW_WAIT_SECONDS_MAX or result.account is not None:
                raise _still_queued(post_id, error.message, in_doubt=not outcome.discard_frozen) from None
            self._ctx.clock.wait(threading.Event(), max(wait, 0.0))
            return
        if isinstance(error, SkywriteError):
            raise error.about(f"Post {post_id}") from None
        raise _still_queued(post_id, "something went wrong inside Skywrite.")

    def _raise_if_long(self, post_id: int, seconds_left: float) -> None:
        """Raise TemporaryError with the reason why a post cannot be claimed, unless waiting a little helps."""
        post = self._ctx.store.posts.get(post_id)
        _raise_if_over(post)
        account = self._ctx.store.accounts.get(post.account_did)
        now = self._ctx.clock.now()
        if account.state == "needs_login":
            raise SignInError(
                f"Post {post_id} is not sent yet: you are not signed in as {account.handle}.",
                code="account.signed_out",
                hint=Hint("Sign in to send it: ", Do("accounts.login"), ". Drop it: ", Do("posts.cancel", post_id)),
            )
        if account.lease_until is not None and account.lease_until > now:
            if seconds_left <= 0:
                raise _still_queued(post_id, "its account is busy with another post.")
            return
        free_at, why = _waits_until(post, account)
        if free_at > now + timedelta(seconds=max(seconds_left, 0.0)):
            raise _still_queued(post_id, f"it waits until {free_at:%Y-%m-%d %H:%M:%S} UTC: {why}")
        if seconds_left <= 0 and post.state == "scheduled":
            raise _still_queued(post_id, "its account is busy or waiting.")

    def publisher(self, *, log: Log = silent, progress: Progress | None = None) -> Publisher:
        """The publisher of this process; its `stopping` interrupts long uploads."""
        ctx, stopping = self._ctx, threading.Event()

        def videos(did: str) -> VideoUpload | None:
            return ctx.network.video_upload(ctx.agents.get(did), stopping=stopping)

        return Publisher(
            store=ctx.store,
            agents=ctx.agents,
            resolver=ctx.network.resolver,
            decider=Decider(),
            clock=ctx.clock,
            videos=videos,
            progress=progress,
            log=log,
            stopping=stopping,
            deleted=ctx.tombstones,
        )


def key_used(key: str | None, post_id: int, *, other_draft: bool = False) -> Notice:
    """A warning: a post with this key already exists."""
    other = " for another draft" if other_draft else ""
    return Notice("KeyUsed", f"The key {key!r} was already used by post {post_id}{other}: nothing was added.", post_id)


def _content(draft: Mapping[str, Any]) -> dict[str, Any]:
    """A stored draft without its cards: a page may change each time it is fetched."""
    bare = {name: value for name, value in draft.items() if name != "card"}
    if "thread" in bare:
        bare["thread"] = [_content(part) for part in bare["thread"]]
    return bare


def _is_left_over(post: Post, now: datetime) -> bool:
    """Whether a post has started to go out, or is due."""
    return post.state == "publishing" or (post.state == "scheduled" and post.due_at is not None and post.due_at <= now)


def _raise_if_over(post: Post) -> None:
    """Raise an error if a post will not go out by itself."""
    why = post.problem.message if post.problem else ""
    hint = post.problem.hint if post.problem else ""
    if post.state == "failed":
        raise RejectedError(
            f"Post {post.id} was refused: {why}",
            code="post.refused",
            hint=hint or Hint("See: ", Do("posts.get", post.id)),
        )
    if post.state == "held" and post.problem and post.problem.code == NEEDS_LOGIN:
        raise SignInError(f"Post {post.id} is held: {why}", code="account.signed_out", hint=hint or SIGN_IN)
    if post.state == "held":
        raise TemporaryError(
            f"Post {post.id} is held: {why}",
            code="post.still_queued",
            hint=hint or Hint("Release it: ", Do("posts.release", post.id)),
        )
    if post.state == "cancelled":
        raise Conflict(
            f"Post {post.id} was cancelled.{' ' if why else ''}{why}",
            code="post.wrong_state",
            hint="Post it under another key.",
        )
    if post.state == "draft":
        raise Conflict(
            f"Post {post.id} is a draft.",
            code="post.wrong_state",
            hint=Hint("Give it a time: ", Do("posts.move", post.id)),
        )


def _waits_until(post: Post, account: Account) -> tuple[datetime, str]:
    """When a waiting post may be tried, and why not before."""
    free_at, why = post.attempt_at or post.due_at or post.created_at, "that is its time."
    if post.attempt_at and post.problem:
        why = post.problem.message
    if account.paused_until is not None and account.paused_until > free_at:
        free_at, why = account.paused_until, account.pause_reason or "its account is paused."
    elif account.state == "ok" and account.ready_at is not None and account.ready_at > free_at:
        free_at, why = account.ready_at, "the account's spacing, daily limit or write points."
    return free_at, why


def _still_queued(post_id: int, why: str, *, in_doubt: bool = False) -> TemporaryError:
    drop = () if in_doubt else (". Drop it: ", Do("posts.cancel", post_id))
    hint = Hint("It is kept. Posting the same text again sends this one, and so does ", Do("run_once"), *drop)
    return TemporaryError(f"Post {post_id} is not sent yet: {why}", code="post.still_queued", hint=hint)
