"""What needs a person, at the top of every page, and counted in the menu.

What lives here: asking the features, and what belongs to none of them: sign-ins, and posts that failed or are held.
What does not: the pages where it is mended.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from skywrite.app import Skywrite
from skywrite.app.operations import Access
from skywrite.app.overview import needs_login, stranded, stuck
from skywrite.core.feature import Need
from skywrite.features import homes

COUNTED_MAX = 100

log = logging.getLogger("skywrite.server")


def needs_of(sky: Skywrite, access: Access) -> list[Need]:
    """What needs a person with these rights. What cannot be read now is left out: the page is shown all the same."""
    needs: list[Need] = []
    for ask in (_signed_out, _failed, _held, *homes("needs")):
        try:
            needs += ask(sky, access)
        except Exception:
            log.exception("what needs a person cannot be read")
    return [need for need in needs if need.items]


def counts_of(needs: Iterable[Need]) -> dict[str, str]:
    """How much waits at each page of the menu, by its address."""
    counts: dict[str, int] = {}
    for need in needs:
        path = need.address.partition("?")[0]
        counts[path] = counts.get(path, 0) + need.items
    return {path: shown_count(count) for path, count in counts.items()}


def shown_count(count: int) -> str:
    """A count as people see it: nobody counts on after ninety-nine."""
    return str(count) if count < COUNTED_MAX else f"{COUNTED_MAX - 1}+"


def _signed_out(sky: Skywrite, access: Access) -> Iterator[Need]:
    words = {one.account.did: str(one) for one in stranded(sky.context)}
    for account in sky.accounts.list():
        if needs_login(account) and access.covers([account.did]):
            yield Need("/accounts", 1, words.get(account.did, ""))


def _failed(sky: Skywrite, access: Access) -> Iterator[Need]:
    posts = stuck(sky.context, "failed", access.covers, COUNTED_MAX)
    words = "1 post failed." if len(posts) == 1 else f"{shown_count(len(posts))} posts failed."
    yield Need("/history?state=failed", len(posts), words)


def _held(sky: Skywrite, access: Access) -> Iterator[Need]:
    posts = stuck(sky.context, "held", access.covers, COUNTED_MAX)
    if posts:
        words = "1 held post waits" if len(posts) == 1 else f"{shown_count(len(posts))} held posts wait"
        yield Need(f"/posts/{posts[0].id}", len(posts), f"{words} for you to decide.")
