"""Verbs that accept posts, and sending one now: everything is checked and stored before anything is sent.

What does not live here: the checks (`preparing`), what a worker does (`running`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from skywrite.app.base import is_gone
from skywrite.app.preparing import KEY_MAX, SAME_TEXT, SLOT_HORIZON, Preparing, Ready
from skywrite.atproto.xrpc_errors import RATE_LIMIT_SECONDS_MAX
from skywrite.compose.references import app_link
from skywrite.errors import InputError, RejectedError, SkywriteError, TemporaryError
from skywrite.publish.agents import NotLoggedIn
from skywrite.publish.publisher import LeaseLost, Publisher, Result
from skywrite.publish.sender import VideoUpload
from skywrite.publish.videos import video_upload
from skywrite.queue.accounts import NEEDS_LOGIN
from skywrite.queue.model import (
    Account,
    AddResult,
    Claim,
    NewPost,
    Post,
    Published,
    Retry,
    SlotTaken,
    State,
    WrongState,
)

__all__ = [
    "KEY_MAX",
    "SAME_TEXT",
    "SLOT_HORIZON",
    "Log",
    "PostFailed",
    "Posting",
    "Ready",
    "Scheduled",
    "Sent",
    "StillQueued",
    "silent",
]

NOW_SOURCE = "now"
NOW_TRIES = 3
NOW_WAIT_SECONDS_MAX = 12.0
NOW_BUSY_SECONDS_MAX = 20.0
NOW_POLL_SECONDS = 0.1
LEASE_SECONDS = 120.0
SLOT_TRIES = 20
_SIGN_IN = "Sign in with: skywrite login"


Log = Callable[..., None]


def silent(event: str, **facts: Any) -> None:
    """The default log: nothing."""


class StillQueued(TemporaryError):
    """The post could not be sent yet; it is kept in the queue and must not be posted again."""


class PostFailed(RejectedError):
    """The post was refused for good when a worker sent it."""


class Sent(NamedTuple):
    """A post that is on the network, with its number in the queue."""

    id: int
    uri: str
    cid: str
    url: str
    warnings: tuple[str, ...] = ()


class Scheduled(NamedTuple):
    """A post that is in the queue. `due_at` is UTC, None for a draft; `zone` is the one to show it in.

    `existed` says that a post with this key was there before, so nothing was added; `state` is that post's then. The
    number is 0 where nothing was to be stored.
    """

    id: int
    account: str
    due_at: datetime | None
    zone: str
    existed: bool = False
    warnings: tuple[str, ...] = ()
    recurrence_id: int | None = None
    state: State = "scheduled"


class Posting(Preparing):
    """Posting now, and scheduling."""

    progress: Callable[[Post, str, int, int], None] | None = None

    def post(
        self,
        text: str = "",
        *,
        account: str | None = None,
        key: str | None = None,
        base: Path | None = None,
        **draft: Any,
    ) -> Sent:
        """Post now. It is stored first, then sent: killed in between, the next `run` finishes it, once.

        A key that was used before gives the post that has it, with a warning. The same post again after StillQueued
        sends the one that waits. Raises InputError and SignInError before anything is stored; StillQueued when it could
        not be sent yet; what the server said when it was refused.
        """
        found = self.account(account)
        if found.state == "needs_login":
            raise NotLoggedIn(f"Nobody is signed in as {found.handle}.", hint=_SIGN_IN)
        ready = self.prepare(self.draft(found, {"text": text, **draft}), found, base=base)
        # A session that cannot be opened is told before anything is stored.
        self.agent(found)
        self.keep_media([ready])
        new = self.new_post(ready, due_at=self.clock.now(), key=key, source=NOW_SOURCE)
        publisher = self.publisher()
        unsent, lately = self._same_text(new)
        if unsent is None:
            result, claim = self.store.add_and_claim(new, self.worker_name, LEASE_SECONDS, publisher.decider)
            post_id = result.id
            if result.existed:
                ready.warnings.append(f"The key {key!r} was used before, by post {post_id}: nothing was added.")
            elif lately is not None:
                ready.warnings.append(f"The same text is in post {lately.id} ({lately.state}).")
        else:
            post_id, claim = unsent.id, None
            with suppress(WrongState):
                self.store.make_due_now(post_id)
            ready.warnings.append(f"The same text was waiting as post {post_id}: that one was sent.")
        uri, cid = self._send_now(post_id, claim, publisher)
        return Sent(post_id, uri, cid, app_link(uri, found.handle), tuple(ready.warnings))

    def send(self, post_id: int) -> Sent:
        """Send a post of the queue that is due, trying for some seconds. Raises what `post` raises."""
        post = self.store.get(post_id)
        account = self.store.account(post.account_did)
        if post.due_at is not None and post.due_at <= self.clock.now():
            with suppress(WrongState):
                self.store.make_due_now(post_id)
        uri, cid = self._send_now(post_id, None, self.publisher())
        return Sent(post_id, uri, cid, app_link(uri, account.handle))

    def _same_text(self, new: NewPost) -> tuple[Post | None, Post | None]:
        """The same post, left unsent by an earlier call and to be finished instead of posted twice; else one with the
        same text that is queued or was posted lately."""
        now = self.clock.now()
        text = str(new.draft.get("text", ""))
        if text:
            same = self.store.same_text(new.account_did, text, now - SAME_TEXT)
        else:
            # Images without a text have none in common: only one that is to be finished is looked for.
            same = self.store.waiting_with_text(new.account_did, text, NOW_SOURCE)
        for post in same:
            unsent = post.source == NOW_SOURCE and _is_left_over(post, now)
            if unsent and post.key == new.key and _content(post.draft) == _content(new.draft):
                return post, None
        return None, same[0] if same and text else None

    def _send_now(self, post_id: int, claim: Claim | None, publisher: Publisher) -> tuple[str, str]:
        """Publish one post, trying again for some seconds. Other unfinished posts of its account are settled first."""
        tries = 0
        deadline = self.clock.monotonic() + NOW_BUSY_SECONDS_MAX
        if claim is None:
            self.recover_clock_skew()
        while True:
            if claim is None:
                post = self.store.get(post_id)
                if post.state == "published":
                    return post.uri or "", post.cid or ""
                _raise_if_over(post)
                claim = self.store.claim_post(post_id, self.worker_name, LEASE_SECONDS, publisher.decider)
            if claim is None:
                if not self.free_dead_leases():
                    self._raise_if_long(post_id, deadline - self.clock.monotonic())
                    self.clock.wait(threading.Event(), NOW_POLL_SECONDS)
                continue
            result = self._publish_claim(claim, publisher)
            if result is not None and claim.post.id == post_id:
                if isinstance(result.outcome, Published):
                    return result.outcome.uri, result.outcome.cid
                tries = NOW_TRIES if self.clock.monotonic() > deadline else tries + 1
                self._wait_or_raise(post_id, result, tries)
            claim = None

    def free_dead_leases(self) -> int:
        """End the leases of workers of this computer whose processes are gone; how many."""
        mine = [item for item in self.store.accounts() if item.lease_owner and item.lease_owner != self.worker_name]
        dead = [item for item in mine if item.lease_owner and is_gone(item.lease_owner)]
        return sum(self.store.expire_lease(item.did, item.lease_owner or "") for item in dead)

    def recover_clock_skew(self) -> int:
        """Free the accounts that wait for a moment which only a clock that ran ahead can have set; how many."""
        return self.store.recover_clock_skew(lease_seconds=LEASE_SECONDS, pause_seconds=RATE_LIMIT_SECONDS_MAX)

    def _publish_claim(self, claim: Claim, publisher: Publisher) -> Result | None:
        """What a try came to; None where another worker has taken the post over."""
        settled = False
        try:
            result = publisher.publish(claim)
            settled = self.store.settle(claim, result.outcome, account=result.account)
            return result if settled else None
        except LeaseLost:
            return None
        finally:
            if not settled:
                self.store.release_claim(claim)

    def _wait_or_raise(self, post_id: int, result: Result, tries: int) -> None:
        outcome, error = result.outcome, result.error
        if isinstance(outcome, Retry) and isinstance(error, SkywriteError):
            wait = (outcome.attempt_at - self.clock.now()).total_seconds()
            if tries >= NOW_TRIES or wait > NOW_WAIT_SECONDS_MAX or result.account is not None:
                raise _still_queued(post_id, error.message, in_doubt=not outcome.discard_frozen) from None
            self.clock.wait(threading.Event(), max(wait, 0.0))
            return
        if isinstance(error, SkywriteError):
            raise error.about(f"Post {post_id}") from None
        raise _still_queued(post_id, "something went wrong inside Skywrite.")

    def _raise_if_long(self, post_id: int, seconds_left: float) -> None:
        """Say why a post cannot be claimed, unless it is worth waiting for."""
        post = self.store.get(post_id)
        account = self.store.account(post.account_did)
        now = self.clock.now()
        if account.state == "needs_login":
            raise NotLoggedIn(
                f"Post {post_id} is not sent yet: nobody is signed in as {account.handle}.",
                hint=f"{_SIGN_IN}; it goes out then. Drop it with: skywrite cancel {post_id}",
            )
        if account.lease_until is not None and account.lease_until > now:
            if seconds_left <= 0:
                raise _still_queued(post_id, "its account is busy with another post.")
            return
        moment, why = _waits_until(post, account)
        if moment > now + timedelta(seconds=max(seconds_left, 0.0)):
            raise _still_queued(post_id, f"it waits until {moment:%Y-%m-%d %H:%M:%S} UTC: {why}")
        if seconds_left <= 0 and post.state == "scheduled":
            raise _still_queued(post_id, "its account is busy or waiting.")

    def schedule(
        self,
        text: str = "",
        *,
        at: str | datetime | None = None,
        every: str | None = None,
        account: str | None = None,
        key: str | None = None,
        late: str | None = None,
        jitter: str | None = None,
        until: str | datetime | None = None,
        pool: Sequence[Any] = (),
        zone: str | None = None,
        hold: bool = False,
        dry_run: bool = False,
        base: Path | None = None,
        source: str | None = None,
        **draft: Any,
    ) -> Scheduled:
        """Accept a post for later: at a moment, again and again (`every`), or at the next free slot.

        `at`: an aware datetime, ISO 8601, or spoken ("tomorrow 9:00", "fri 17:00 Europe/Berlin"). `every`: cron, RRULE
        or spoken. `late`: see `schedule.policy.parse_late`. `jitter`: a duration; a random part of it is added.
        `pool`: texts or drafts used in turn by `every`; `zone`: that of `every`, in place of the account's. `hold`:
        keep it as a draft without a time. `dry_run`: check everything, and store nothing.
        """
        _check_together(every=every, at=at, key=key, until=until, pool=pool, zone=zone, hold=hold)
        found = self.account(account)
        row = {"text": text, **draft}
        if every is not None:
            from skywrite.app.recurring import Recurring, Repeat

            repeat = Repeat(every, at, until, pool, late, jitter, source, zone)
            return Recurring(self).schedule(found, row, repeat, base, dry_run=dry_run)
        ready = self.prepare(self.draft(found, row), found, base=base)
        due_at, notes = (None, []) if hold else self.time_with_notes(found, at, jitter)
        by_slot = at is None and not (hold or jitter)
        new = self.new_post(ready, due_at=due_at, key=key, late=late, source=source, exclusive_slot=by_slot)
        clashes = [*_sign_in_notes(found), *self.clashes(found.did, text, due_at)]
        state: State = "draft" if hold else "scheduled"
        if dry_run:
            warnings = (*notes, *ready.warnings, *clashes)
            return Scheduled(0, found.handle, due_at, self.zone(found), warnings=warnings, state=state)
        self.keep_media([ready])
        results, stored = self.store_in_slots([new], lambda posts: self.store.add(posts))
        result, due_at = results[0], stored[0].due_at
        if result.existed:
            there = self.store.get(result.id)
            due_at, state = there.due_at, there.state
            notes, clashes = [f"The key {key!r} was used before, by post {result.id}: nothing was added."], []
        warnings = (*notes, *ready.warnings, *clashes)
        return Scheduled(result.id, found.handle, due_at, self.zone(found), result.existed, warnings, state=state)

    def store_in_slots(
        self, posts: list[NewPost], store: Callable[[list[NewPost]], list[AddResult]]
    ) -> tuple[list[AddResult], list[NewPost]]:
        """What `store` makes of the posts, and the posts as they are stored.

        Posts with an `exclusive_slot` move to their next slot, and it is called again, when another process took one.
        """
        for tries_left in range(SLOT_TRIES - 1, -1, -1):
            try:
                return store(posts), posts
            except SlotTaken:
                if not tries_left:
                    raise
                posts = [
                    post._replace(due_at=self._another_slot(post)) if post.exclusive_slot else post for post in posts
                ]
        raise AssertionError("unreachable")

    def _another_slot(self, post: NewPost) -> datetime:
        return self.moment(self.store.account(post.account_did), None)

    def publisher(self, *, stopping: threading.Event | None = None, log: Log = silent) -> Publisher:
        """What publishes claims in this process; `stopping` ends long uploads."""

        def videos(did: str) -> VideoUpload | None:
            return video_upload(
                self.agents.get(did), self.transport, self.config.video_service, self.clock, stopping=stopping
            )

        return Publisher(
            store=self.store,
            agents=self.agents,
            resolver=self.resolver,
            decider=self.decider(),
            clock=self.clock,
            lease_seconds=LEASE_SECONDS,
            videos=videos,
            progress=self.progress,
            log=log,
            stopping=stopping,
        )


def _check_together(
    *, every: str | None, at: object, key: str | None, until: object, pool: Sequence[Any], zone: object, hold: bool
) -> None:
    """Raise for options that have no effect together, rather than pass over one."""
    if every is not None and not every.strip():
        raise InputError("The rule is empty.", hint="Give one, such as weekdays 9:00.")
    if every and key:
        raise InputError("A key does not go with a rule: each of its posts is another one.", hint="Leave the key out.")
    if every and hold:
        raise InputError("A rule cannot be kept as a draft.", hint="Give its start with at, or leave hold out.")
    if not every and (until is not None or pool or zone):
        what = "A pool" if pool else "A zone" if zone else "An end"
        raise InputError(f"{what} needs a rule.", hint="Give one with every.")
    if hold and at is not None:
        raise InputError("A draft has no time.", hint="Leave the time out, or leave hold out.")


def _content(draft: Mapping[str, Any]) -> dict[str, Any]:
    """A stored draft without its cards: a page may say something else each time that it is fetched."""
    bare = {name: value for name, value in draft.items() if name != "card"}
    if "thread" in bare:
        bare["thread"] = [_content(part) for part in bare["thread"]]
    return bare


def _is_left_over(post: Post, now: datetime) -> bool:
    """Whether a post has begun to go out, or should have by now; one whose time is still to come waits for it."""
    return post.state == "publishing" or (post.state == "scheduled" and post.due_at is not None and post.due_at <= now)


def _raise_if_over(post: Post) -> None:
    """Raise for a post that will not go out by itself."""
    why = post.problem.message if post.problem else ""
    hint = post.problem.hint if post.problem else ""
    if post.state == "failed":
        raise PostFailed(f"Post {post.id} was refused: {why}", hint=hint or f"See: skywrite show {post.id}")
    if post.state == "held" and post.problem and post.problem.name == NEEDS_LOGIN:
        raise NotLoggedIn(f"Post {post.id} is held: {why}", hint=hint or _SIGN_IN)
    if post.state == "held":
        raise StillQueued(f"Post {post.id} is held: {why}", hint=hint or f"skywrite release {post.id}")
    if post.state == "cancelled":
        raise WrongState(f"Post {post.id} was cancelled.{' ' if why else ''}{why}", hint="Post it under another key.")
    if post.state == "draft":
        raise WrongState(f"Post {post.id} is a draft.", hint=f"Give it a time: skywrite move {post.id} now")


def _waits_until(post: Post, account: Account) -> tuple[datetime, str]:
    """When a post may be tried that is not being tried, and why not before."""
    moment, why = post.attempt_at or post.due_at or post.created_at, "that is its time."
    if post.attempt_at and post.problem:
        why = post.problem.message
    if account.paused_until is not None and account.paused_until > moment:
        moment, why = account.paused_until, account.pause_reason or "its account is paused."
    elif account.state == "ok" and account.ready_at is not None and account.ready_at > moment:
        moment, why = account.ready_at, "the account's spacing, daily limit or write points."
    return moment, why


def _still_queued(post_id: int, why: str, *, in_doubt: bool = False) -> StillQueued:
    drop = "" if in_doubt else f", drop it with `skywrite cancel {post_id}`"
    return StillQueued(
        f"Post {post_id} is not sent yet: {why}",
        hint=f"It is kept: send it with `skywrite run --once`{drop}. Posting the same text again sends this one.",
    )


def _sign_in_notes(account: Account) -> list[str]:
    """What is to be done before a post of the account can go out."""
    if account.signed_in and account.state != "needs_login":
        return []
    return [f"Nobody is signed in as {account.handle}: it goes out only after skywrite login."]
