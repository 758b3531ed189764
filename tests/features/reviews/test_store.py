"""Links at which somebody decides about a post: each is used once, ends, and comes back if its decision failed."""

from __future__ import annotations

import pytest

from skywrite.core.clock import FakeClock
from skywrite.features.reviews.store import ReviewLinks, prune
from skywrite.queue.people import People
from skywrite.queue.store import Store
from tests.support.errors import fails
from tests.support.stored import post

DAY_SECONDS = 86400


@pytest.fixture
def secret(store: Store) -> str:
    """The secret of a link for a week."""
    person = People(store).add("Anna", "approver")
    added = store.posts.add([post()])[0]
    return ReviewLinks(store).add(added.id, "d", due_at=None, person_id=person.id, reviewer="Clara", days=7)


def test_two_who_looked_before_cannot_both_decide(store: Store, secret: str) -> None:
    """The second is told that the link was used."""
    first, second = ReviewLinks(store).get(secret), ReviewLinks(store).get(secret)
    with ReviewLinks(store).using(first):
        pass
    with fails("review.unknown"), ReviewLinks(store).using(second):
        pass


def test_a_decision_that_failed_can_be_made_again(store: Store, secret: str) -> None:
    """Whatever was wrong, the link is not lost."""
    link = ReviewLinks(store).get(secret)
    with pytest.raises(RuntimeError), ReviewLinks(store).using(link):
        raise RuntimeError
    assert link == ReviewLinks(store).get(secret)


def test_a_link_ends(store: Store, clock: FakeClock, secret: str) -> None:
    """After its days it is as one that was never there, and a month later it is forgotten."""
    link = ReviewLinks(store).get(secret)
    clock.advance(7 * DAY_SECONDS)
    for use in (lambda: ReviewLinks(store).get(secret), lambda: ReviewLinks(store).using(link).__enter__()):
        with fails("review.unknown"):
            use()
    clock.advance(31 * DAY_SECONDS)
    prune(store, clock.now())
    with store.reading() as tx:
        assert tx.row("get_review_link", digest=link.digest) is None
