"""Webhooks on the settings page: what each hears of is chosen in words.

What does not live here: what is sent (`tests/features/webhooks`).
"""

from __future__ import annotations

from playwright.sync_api import expect

from skywrite.features.webhooks.page import KINDS
from skywrite.queue.events import EVENT_KINDS
from tests.pages.conftest import Watched
from tests.pages.test_pages import problems


def test_every_event_has_its_words() -> None:
    """What can be heard of can be chosen on the page."""
    assert EVENT_KINDS == tuple(KINDS)


def test_a_webhook_hears_of_what_was_chosen(tab: Watched) -> None:
    """Two events are ticked, and nothing else is sent; the page says which they are."""
    page = tab.visit("/settings")
    page.get_by_text("Add a webhook").click()
    page.fill("#hook-url", "https://receiver.example/chosen")
    page.get_by_label("A post failed").check()
    page.get_by_label("An account needs a sign-in").check()
    assert [] == problems(page)
    page.locator("form[action='/settings/webhooks'] button").click()
    expect(page.get_by_text("Hears of a post failed; an account needs a sign-in.")).to_be_visible()
    [hook] = [one for one in tab.api("GET", "/webhooks")["webhooks"] if one["url"].endswith("/chosen")]
    tab.api("DELETE", f"/webhooks/{hook['id']}")
    assert ["post.failed", "account.needs_login"] == hook["kinds"]
