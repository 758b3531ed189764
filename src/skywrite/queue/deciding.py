"""What comes of a due post inside a claim: it is published, it waits, or it is given up.

What lives here: asking the worker's decision and for an approval, and what becomes of a post about which nothing can be
decided. What does not: the claim itself (`claims`), the decision of a worker (`publish.decide`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from skywrite.core.errors import Do, Hint, SkywriteError, Unexpected
from skywrite.queue.approval_rules import demanded_digest, is_approved, not_approved
from skywrite.queue.database import Transaction
from skywrite.queue.model import AccountView, Decide, Defer, Miss, Post, Problem, Take
from skywrite.queue.reading import SET_ASIDE
from skywrite.queue.templates import template_of

UNDECIDED = timedelta(minutes=1)


class Approved(NamedTuple):
    """A decision to publish, with the digest that must have been approved ("" if no approval is required), and the
    template of its recurrence, whose approval covers it as well.
    """

    take: Take
    digest: str
    template: str


def decided(tx: Transaction, post: Post, view: AccountView, decide: Decide, now: datetime) -> Approved | Defer | Miss:
    if post.unreadable and post.problem is not None:
        return Miss("held", post.problem) if _may_miss(post, now) else Defer(now + SET_ASIDE, post.problem.message)
    try:
        decision = decide(post, view, now)
        if not isinstance(decision, Take):
            return decision
        digest = demanded_digest(tx, view.account.settings, post, now)
        if digest and not is_approved(tx, post, digest):
            return Miss("held", not_approved(post))
        return Approved(decision, digest, template_of(tx, post) if digest else "")
    except Exception as error:
        # Whatever is wrong with one post must not keep the others from going out.
        return _undecided(post, error, now)


def _may_miss(post: Post, now: datetime) -> bool:
    """Whether a post that cannot be read is certainly not on the network."""
    return post.frozen is None or ("free_at" not in post.unreadable and post.is_free(now))


def _undecided(post: Post, error: Exception, now: datetime) -> Defer | Miss:
    """The outcome if the decision about a post failed: it is held for its user."""
    if post.frozen is not None:
        return Defer(now + UNDECIDED, "what to do with its next post could not be decided")
    if isinstance(error, SkywriteError):
        return Miss("held", Problem.of(error))
    message = f"It cannot be published: something went wrong inside Skywrite ({type(error).__name__})."
    hint = Hint("Please report it. Change the post: ", Do("posts.edit", post.id))
    return Miss("held", Problem(Unexpected.code, message, hint))
