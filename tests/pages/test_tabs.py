"""Many tabs of one browser: they share one event stream, since browsers keep only six connections to a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.pages.conftest import Watched
from tests.pages.test_editing import schedule

TABS = 8
SEEN = """seen => {
  Object.defineProperty(document, "visibilityState", { value: seen, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def is_stream(request: Request) -> bool:
    """Whether it asks for the event stream."""
    return request.url.endswith("/api/v1/events")


class Streams:
    """The event streams that are open."""

    def __init__(self, context: BrowserContext) -> None:
        self.open: set[Request] = set()
        context.on("request", lambda request: self.open.add(request) if is_stream(request) else None)
        context.on("requestfailed", lambda request: self.open.discard(request))
        context.on("requestfinished", lambda request: self.open.discard(request))


@pytest.fixture
def streams(tab: Watched) -> Iterator[Streams]:
    """Those of all tabs."""
    yield Streams(tab.context)


def tabs_of(tab: Watched, post: int) -> list[Page]:
    """The page of a post in many tabs; each has loaded, and what it asked for is answered."""
    pages = [tab.page, *(tab.open() for _ in range(TABS - 1))]
    for page in pages:
        with page.expect_response(f"**/api/v1/posts/{post}"):
            page.goto(f"{tab.url}/posts/{post}")
    return pages


def test_the_seventh_tab_loads_and_all_see_what_happens(tab: Watched, streams: Streams) -> None:
    """One of them listens; each shows that the post went out."""
    post = schedule(tab, "Watched by many", "in 3 hours", "bob.test")["id"]
    pages = tabs_of(tab, post)
    assert 1 == len(streams.open)
    tab.api("POST", f"/posts/{post}/move", {"at": "now"})
    for page in pages:
        expect(page.locator(".chip").first).to_have_text("published")


def test_another_tab_listens_when_the_first_one_goes(tab: Watched, streams: Streams) -> None:
    """Closed or hidden: what happens then is still seen by those who look."""
    post = schedule(tab, "Watched in turn", "in 3 hours", "bob.test")["id"]
    first, hidden, *others = tabs_of(tab, post)
    for end in (lambda: first.goto(f"{tab.url}/media"), lambda: hidden.evaluate(SEEN, "hidden")):
        with tab.context.expect_event("request", is_stream), tab.context.expect_event("requestfailed", is_stream):
            end()
    assert 1 == len(streams.open)
    tab.api("POST", f"/posts/{post}/move", {"at": "now"})
    for page in others:
        expect(page.locator(".chip").first).to_have_text("published")
    expect(hidden.locator(".chip").first).to_have_text("scheduled")
    hidden.evaluate(SEEN, "visible")
    expect(hidden.locator(".chip").first).to_have_text("published")
