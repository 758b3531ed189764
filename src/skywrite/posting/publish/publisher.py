"""Publishing one claimed post: freeze it if necessary, upload, write, and report the outcome.

What lives here: the steps between claim and settle, and the fence between them (the lease is renewed during a long
upload, and losing it stops everything). What does not: choosing the post (`decide`, `queue`), waiting (`worker`).
"""

import threading
from collections.abc import Callable, Container
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from skywrite.core.clock import Clock
from skywrite.core.errors import ENDED, InputError, SignInError, SkywriteError, StorageError, TemporaryError
from skywrite.posting.compose.build import Prepared
from skywrite.posting.compose.freeze import Frozen, mention_handles
from skywrite.posting.publish.agents import Agents
from skywrite.posting.publish.checks import check_drift, check_reply_target, is_worth_asking, moved
from skywrite.posting.publish.decide import Decider
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.meant import AnotherRecord, check_meant
from skywrite.posting.publish.outcome import SESSION_RENEWED, outcome_of, with_records
from skywrite.posting.publish.sender import Sending, VideoUpload, upload, write
from skywrite.posting.publish.tombstones import deleted_by_hand
from skywrite.protocol.atproto.repo import (
    Known,
    Record,
    RecordConflict,
    Repo,
    StoredOtherwise,
    Unwritten,
    upload_seconds,
)
from skywrite.protocol.atproto.xrpc_errors import BlobNotFound, RecordNotFound
from skywrite.queue.model import AccountChange, Claim, LeaseLost, Outcome, Post, Published
from skywrite.queue.reading import Unreadable, UnreadableRow
from skywrite.queue.store import Store
from skywrite.queue.vault import WrongKey

if TYPE_CHECKING:
    from skywrite.protocol.atproto.identity import Resolver

LEASE_SECONDS = 120.0
MENTION_TRIES = 3
MENTION_PATIENCE = timedelta(hours=1)
STORAGE_PAUSE_SECONDS = 2.0
STOPPABLE_BYTES = 16_000_000


class Result(NamedTuple):
    """The result of one attempt: for the post, for its account, the error behind it, and what is known of the write."""

    outcome: Outcome
    account: AccountChange | None = None
    error: Exception | None = None
    known: Known = "unknown"


def waits_for_mentions(post: Post, now: datetime) -> bool:
    """Whether a post whose mentions cannot be looked up waits: for an hour, and for three attempts.

    Both, so that a post that was overdue at its first attempt gets its attempts, too.
    """
    return post.attempts < MENTION_TRIES or now < (post.due_at or post.created_at) + MENTION_PATIENCE


class Publisher(NamedTuple):
    """Publishes claims. Safe to share between threads. `log(event, **facts)` reports each step.

    `resolver(pds_url)` looks up handles for accounts of that server. `stopping` ends the upload of large files: the
    next worker tries their posts again. `deleted` holds the addresses of posts that were deleted on purpose.
    """

    store: Store
    agents: Agents
    resolver: "Callable[[str], Resolver]"
    decider: Decider
    clock: Clock
    stopping: threading.Event
    lease_seconds: float = LEASE_SECONDS
    videos: Callable[[str], VideoUpload | None] | None = None
    progress: Callable[[Post, str, int, int], None] | None = None
    log: Log = silent
    settle: Callable[..., bool] | None = None
    check_target: Callable[[Post, Prepared, Repo], None] | None = check_reply_target
    deleted: Container[str] = ()

    def publish_and_settle(
        self, claim: Claim, tried: Callable[[Result], object] = lambda result: None
    ) -> Result | None:
        """Try once, and settle the outcome. Returns None if another worker has taken over the post.

        `tried` is called in between, with what came of it.
        """
        held = True
        try:
            result = self.publish(claim)
            tried(result)
            held = not self._settled(claim, result)
        except LeaseLost as error:
            held = False
            self.log("lease_lost", post=claim.post.id, message=error.message)
            return None
        finally:
            if held:
                self._release(claim)
        if held:
            self.log("lease_lost", post=claim.post.id, message="settled by another worker")
            return None
        return result

    def _settled(self, claim: Claim, result: Result) -> bool:
        """Settle, retrying while the database is unavailable and the lease lasts, so that the outcome is not lost."""
        ends = self.clock.monotonic() + self.lease_seconds
        while True:
            try:
                settle = self.settle or self.store.claims.settle
                return settle(claim, result.outcome, account=result.account)
            except StorageError as error:
                if self.clock.monotonic() >= ends or self.clock.wait(self.stopping, STORAGE_PAUSE_SECONDS):
                    raise
                self.log("storage", post=claim.post.id, message=error.message)

    def _release(self, claim: Claim) -> None:
        """Release a claim that could not be settled; if the database is unavailable, the lease expires instead."""
        try:
            self.store.claims.release(claim)
        except StorageError as error:
            self.log("storage", message=error.message)

    def publish(self, claim: Claim) -> Result:
        """Try once. Never raises for problems of the network or the account; raises LeaseLost and StorageError."""
        try:
            repo, frozen = self._ready(claim)
        except WrongKey as error:
            # The key opens other sessions, or the worker would not have started: it is the session that is damaged.
            return self._not_now(claim, error, "unsent")
        except (LeaseLost, StorageError):
            raise
        except KeyboardInterrupt:
            # Nothing was written yet; the queue must know, so that the post can be cancelled.
            stopped = TemporaryError(
                "You stopped it before it was sent.", code="upload.interrupted", hint="It is sent by the next run."
            )
            self._settled(claim, self._not_now(claim, stopped, "unsent"))
            raise
        except Exception as error:
            return self._not_now(claim, error, "unsent")
        try:
            written = self._written(claim, repo, frozen)
        except (LeaseLost, StorageError):
            raise
        except Exception as error:
            return self._not_now(claim, error, "unknown")
        if isinstance(written, Unwritten):
            return self._not_now(claim, written.error, written.known)
        return Result(written)

    def _not_now(self, claim: Claim, error: Exception, known: Known) -> Result:
        if not isinstance(error, SkywriteError):
            self.log("unexpected", post=claim.post.id, error=error)
        if isinstance(error, SignInError) and self.agents.has_newer(claim.post.account_did):
            error = TemporaryError(
                f"{claim.account.handle} has signed in again in the meantime.",
                code=SESSION_RENEWED,
                hint="Skywrite tries again.",
            )
        elif is_worth_asking(error, claim.post.attempts):
            error = self._moved(claim) or error
        now = self.clock.now()
        outcome, change = outcome_of(error, claim.post, now, self.clock.random())
        return Result(with_records(outcome, claim, known, now, self.lease_seconds), change, error, known)

    def _moved(self, claim: Claim) -> SignInError | None:
        try:
            session = self.agents.get(claim.post.account_did, claim.account.handle).session
        except SkywriteError:
            return None
        return moved(session, self.resolver(session.pds_url))

    def _ready(self, claim: Claim) -> tuple[Repo, Frozen]:
        """The repository and the final records, with their media uploaded; nothing is written yet."""
        post = claim.post
        repo = Repo(self.agents.get(post.account_did, claim.account.handle, sealed=claim.sealed))
        frozen = _frozen(post, post.frozen) if post.frozen else self._freeze(claim, repo)
        if frozen.uri in self.deleted and _at_key(repo, frozen) is None:
            raise deleted_by_hand(post)
        if frozen.blobs and not frozen.uploaded:
            frozen = self._upload(claim, repo, frozen)
        return repo, frozen

    def _written(self, claim: Claim, repo: Repo, frozen: Frozen) -> Published | Unwritten:
        post = claim.post
        rkeys = tuple(item.rkey for item in frozen.posts)
        try:
            unwritten = write(repo, frozen)
        except StoredOtherwise as error:
            self.log("stored_otherwise", post=post.id, message=error.message)
            return Published(error.root.uri, error.root.cid, rkeys)
        except RecordConflict as conflict:
            try:
                return self._found(post, repo, frozen, conflict)
            except AnotherRecord as error:
                return Unwritten(error, "absent")
        if unwritten is not None:
            if isinstance(unwritten.error, BlobNotFound):
                # Servers drop unused blobs within minutes; the next attempt uploads them again.
                self._store_frozen(claim, frozen._replace(uploaded=False))
            return unwritten
        return Published(frozen.uri, frozen.cid, rkeys)

    def _freeze(self, claim: Claim, repo: Repo) -> Frozen:
        """Look up pending mentions, fix the records, and store them before anything is written.

        A mention that cannot be looked up for an hour does not hold up a post: it stays plain text.
        """
        prepared = Prepared.from_dict(claim.post.prepared)
        if self.check_target:
            self.check_target(claim.post, prepared, repo)
        dids: dict[str, str | None] = {}
        resolver = self.resolver(claim.account.pds_url)
        if claim.approval:
            # What could not be looked up before the approval stays plain text, because that was approved.
            check_drift(claim.post.id, prepared, resolver.resolve_handle)
            prepared = prepared._replace(pending=())
        renewed_at = self.clock.monotonic()
        for handle in mention_handles(prepared):
            try:
                dids[handle] = resolver.resolve_handle(handle)
            except InputError:
                dids[handle] = None
            except TemporaryError as error:
                if isinstance(error, ENDED) or waits_for_mentions(claim.post, self.clock.now()):
                    raise
                dids[handle] = None
            if dids[handle] is None:
                self.log("mention_left", post=claim.post.id, handle=handle)
            renewed_at = self._renew_in_time(claim, renewed_at)
        frozen = self.decider.frozen(claim.post, prepared, self.clock.now(), dids)
        self._store_frozen(claim, frozen)
        return frozen

    def _store_frozen(self, claim: Claim, frozen: Frozen) -> None:
        if not self.store.claims.freeze(claim, frozen.to_json()):
            raise LeaseLost(f"Post {claim.post.id} was taken over by another worker.", code="post.lease_lost")

    def _upload(self, claim: Claim, repo: Repo, frozen: Frozen) -> Frozen:
        renewed_at = self.clock.monotonic()

        def progress(cid: str, done: int, size: int) -> None:
            nonlocal renewed_at
            if size >= STOPPABLE_BYTES and self.stopping.is_set():
                raise TemporaryError(
                    "The upload stopped because the program ended.",
                    code="upload.interrupted",
                    hint="It starts over next time.",
                )
            if self.progress:
                self.progress(claim.post, cid, done, size)
            renewed_at = self._renew_in_time(claim, renewed_at)
            if done >= size:
                # There is no progress until the response arrives.
                self._renew(claim, upload_seconds(size))

        video = self.videos(claim.post.account_did) if self.videos else None
        sent = upload(repo, frozen, Sending(self.store.media.read, video, progress))
        self._renew(claim)
        sent = sent._replace(uploaded=True)
        self._store_frozen(claim, sent)
        return sent

    def _renew_in_time(self, claim: Claim, renewed_at: float) -> float:
        """Renew the lease when a third of it is over. Returns when it was last renewed."""
        now = self.clock.monotonic()
        if now - renewed_at <= self.lease_seconds / 3:
            return renewed_at
        self._renew(claim)
        return now

    def _renew(self, claim: Claim, more_seconds: float = 0.0) -> None:
        if not self.store.claims.renew(claim, self.lease_seconds + more_seconds):
            raise LeaseLost(f"Post {claim.post.id} was taken over by another worker.", code="post.lease_lost")

    def _found(self, post: Post, repo: Repo, frozen: Frozen, conflict: RecordConflict) -> Published:
        """The post went out under its key before, without this database knowing: the repository is the ledger.

        Raises AnotherRecord if what is there is not the post.
        """
        record = _at_key(repo, frozen)
        if record is None:
            raise conflict from None
        check_meant(post, frozen.writes[0].value, record)
        self.log("found_on_network", post=frozen.uri)
        return Published(record.uri, record.cid, (frozen.writes[0].rkey,), found=True)


def _frozen(post: Post, text: str) -> Frozen:
    """The records that were frozen. Raises UnreadableRow."""
    try:
        return Frozen.from_json(text)
    except Exception as error:
        raise UnreadableRow(Unreadable("post", post.id, ("frozen",))) from error


def _at_key(repo: Repo, frozen: Frozen) -> Record | None:
    """The record at the key of a post; None if there is none."""
    root = frozen.writes[0]
    try:
        return repo.get(root.collection, root.rkey)
    except RecordNotFound:
        return None
