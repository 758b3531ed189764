"""The smallest screens: no page is wider than 320 pixels."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser

from skywrite.faces.server.pages.frame import navigation
from tests.pages.conftest import Watched

LONG = "A name that somebody gave without any thought for small screens"
WIDTH = 320


def test_no_page_is_wider_than_the_screen(browser: Browser, tab: Watched, signed_in: Any) -> None:
    """With long names and addresses in all of its lists."""
    tab.api("POST", "/keys", {"name": LONG, "scopes": ["read", "draft", "schedule", "publish", "manage"]})
    tab.api("POST", "/webhooks", {"url": f"https://example.com/{'a' * 80}", "name": LONG})
    tab.api("POST", "/people", {"name": LONG, "role": "approver"})
    post = tab.api(
        "POST", "/posts", {"text": "https://example.com/" + "b" * 90, "draft": True, "account": "alice.test"}
    )
    context = browser.new_context(storage_state=signed_in, viewport={"width": WIDTH, "height": 640})
    page, wide = context.new_page(), {}
    for path in (
        *(entry.address for entry in navigation()),
        "/drafts",
        f"/posts/{post['id']}",
        f"/compose?draft={post['id']}",
    ):
        page.goto(tab.url + path)
        wide[path] = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert {} == {path: width for path, width in wide.items() if width > WIDTH}
