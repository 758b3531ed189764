"""From an error while publishing to the outcome for the post and its account. Pure.

The rule: temporary problems are retried with growing delays; what needs the user is held; only what a server refused
permanently, with nothing written, has failed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from skywrite.core.errors import (
    SIGN_IN,
    Do,
    Hint,
    InputError,
    NeedsDecision,
    RateLimited,
    RejectedError,
    SignInError,
    SkywriteError,
    TemporaryError,
    Unexpected,
)
from skywrite.posting.publish.checks import REPLY_TARGET_GONE
from skywrite.posting.publish.meant import AnotherRecord
from skywrite.protocol.atproto.repo import Known
from skywrite.protocol.atproto.xrpc_errors import BlobNotFound, MissingRight
from skywrite.queue.accounts import NEEDS_LOGIN
from skywrite.queue.identities import FUNCTION_ANSWERS
from skywrite.queue.model import AccountChange, Claim, Failed, Held, Outcome, Post, Problem, Retry

# The session in use has ended, and there is a newer one, which is used at once.
SESSION_RENEWED = "session.renewed"
FIRST_RETRY_SECONDS = 5.0
RETRY_SECONDS_MAX = 900.0
GIVE_UP_SECONDS = 2 * 86_400
GIVE_UP_TRIES = 50
UNEXPECTED_TRIES = 5


def retry_seconds(attempts: int, jitter: float) -> float:
    """How long to wait after so many attempts: doubling from 5 s to 15 min, varied by up to a quarter.

    `jitter` is a random number in [0, 1).
    """
    base = min(FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 20), RETRY_SECONDS_MAX)
    return base * (0.75 + jitter / 2)


def with_records(outcome: Outcome, claim: Claim, known: Known, now: datetime, lease_seconds: float) -> Outcome:
    """The outcome, with the handling of the frozen records of a post that keeps waiting.

    If nothing was ever sent, they are discarded, so that the post can be edited and cancelled while it waits. If they
    were looked for and not found, that is possible once the lease has ended, and with it every request of this attempt.
    """
    if not isinstance(outcome, Retry | Held):
        return outcome
    if known == "absent":
        return outcome._replace(free_at=now + timedelta(seconds=lease_seconds))
    if known == "unsent":
        return outcome._replace(discard_frozen=claim.fresh, free_at=claim.post.free_at)
    return outcome


def outcome_of(error: Exception, post: Post, now: datetime, jitter: float) -> tuple[Outcome, AccountChange | None]:
    """What an error means for the post and its account."""
    if not isinstance(error, SkywriteError):
        return _unexpected(error, post, now, jitter), None
    problem = Problem.of(error)
    if error.code == REPLY_TARGET_GONE and str(post.key).startswith(FUNCTION_ANSWERS):
        # Nobody waits for it, and nobody needs to decide.
        return Failed(problem), None
    if isinstance(error, NeedsDecision | AnotherRecord):
        return Held(problem), None
    if isinstance(error, RateLimited):
        until = max(error.until, now + timedelta(seconds=1))
        return Retry(until, problem), AccountChange("paused", until, error.message)
    if isinstance(error, MissingRight):
        # The account goes on: other posts need fewer rights. A sign-in with this right releases this one.
        return Held(Problem(NEEDS_LOGIN, error.message, error.hint)), None
    if isinstance(error, SignInError):
        held = Problem(NEEDS_LOGIN, error.message, error.hint or SIGN_IN)
        return Held(held), AccountChange("needs_login", reason=error.message)
    if error.code == SESSION_RENEWED:
        return Retry(now, problem), None
    if isinstance(error, TemporaryError):
        return _later(post, problem, now, jitter), None
    if isinstance(error, BlobNotFound) and post.attempts < UNEXPECTED_TRIES:
        # Servers drop unused blobs within minutes; they are uploaded again.
        return _later(post, problem, now, jitter), None
    if isinstance(error, RejectedError | InputError):
        return Failed(problem), None
    return _later(post, problem, now, jitter), None


def _later(post: Post, problem: Problem, now: datetime, jitter: float) -> Outcome:
    began = post.due_at or post.created_at
    # Both, so that a post that was long overdue at its first attempt gets its two days, too.
    if now - began > timedelta(seconds=GIVE_UP_SECONDS) and post.attempts >= GIVE_UP_TRIES:
        hint = Hint("Try again: ", Do("posts.release", post.id))
        return Held(Problem(problem.code, f"Given up after two days of attempts: {problem.message}", hint))
    return Retry(now + timedelta(seconds=retry_seconds(post.attempts, jitter)), problem)


def _unexpected(error: Exception, post: Post, now: datetime, jitter: float) -> Outcome:
    message = f"Something went wrong inside Skywrite ({type(error).__name__})."
    problem = Problem(Unexpected.code, message, "Please report it, with the log of the worker.")
    if post.attempts >= UNEXPECTED_TRIES:
        return Held(problem)
    return Retry(now + timedelta(seconds=retry_seconds(post.attempts, jitter)), problem)
