"""Snippets in the composer: by typing, by the menu, and signatures, which follow the account.

What does not live here: what may be kept (`tests/features/snippets`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Watched
from tests.pages.test_pages import problems


@pytest.fixture
def kept(tab: Watched) -> Iterator[Watched]:
    """A browser of somebody who keeps two texts and a signature."""
    made = [
        tab.api("POST", "/snippets", {"name": "hours", "text": "Open daily from 9 to 6."}),
        tab.api("POST", "/snippets", {"name": "site", "text": "https://shop.example", "account": "bob.test"}),
        tab.api("POST", "/snippets", {"name": "bob", "text": "— Bob", "account": "bob.test", "signature": True}),
    ]
    yield tab
    for one in made:
        tab.api("DELETE", f"/snippets/{one['id']}")
    # A draft that changes its account is another post: what still asks for the old one may hear that it is gone.
    tab.complaints[:] = [complaint for complaint in tab.complaints if "status of 404" not in complaint]


def test_a_semicolon_and_some_letters_insert_a_snippet(kept: Watched) -> None:
    """It is found by its name, chosen with Enter, and counted as part of the text."""
    page = kept.visit("/compose?account=alice.test")
    page.locator("#text").press_sequentially("We are here. ;ho")
    expect(page.get_by_role("listbox", name="Snippets").get_by_role("option")).to_contain_text(["hours"])
    page.keyboard.press("Enter")
    expect(page.locator("#text")).to_have_value("We are here. Open daily from 9 to 6. ")
    expect(page.locator("[data-count]")).to_have_text("36 of 300")


def test_the_menu_shows_what_the_account_has(kept: Watched) -> None:
    """A press of the button is enough; what is of another account is not offered."""
    page = kept.visit("/compose?account=alice.test")
    page.get_by_role("button", name="Snippets").click()
    option = page.get_by_role("listbox", name="Snippets").get_by_role("option")
    expect(option).to_have_count(1)
    assert [] == problems(page)
    option.click()
    expect(page.locator("#text")).to_have_value("Open daily from 9 to 6. ")


def test_a_signature_stands_below_a_new_post_and_follows_the_account(kept: Watched) -> None:
    """One sees it before it is posted; it alone is no draft, and another account takes it away."""
    page = kept.visit("/compose?account=bob.test")
    text = page.locator("#text")
    expect(text).to_have_value("\n\n— Bob")
    page.keyboard.press("Escape")
    page.wait_for_url("**/")
    kept.visit("/compose?account=bob.test")
    expect(page.locator("[data-count]")).to_have_text("5 of 300")
    text.press_sequentially("Hello")
    expect(text).to_have_value("Hello\n\n— Bob")
    page.select_option("#account", "alice.test")
    expect(text).to_have_value("Hello")
    page.select_option("#account", "bob.test")
    expect(text).to_have_value("Hello\n\n— Bob")
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")
    page.reload()
    expect(text).to_have_value("Hello\n\n— Bob")


def test_snippets_are_kept_and_removed_in_the_settings(tab: Watched) -> None:
    """Without an address of the API, and with a name that says how to insert it."""
    page = tab.visit("/settings")
    page.get_by_text("Add a snippet").click()
    page.fill("#snippet-name", "thanks")
    page.fill("#snippet-text", "Thank you for reading!")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("[data-said]")).to_contain_text(";thanks inserts it")
    assert [] == problems(page)
    page.get_by_role("button", name="Remove thanks").click()
    expect(page.locator("[data-said]")).to_contain_text("The snippet is removed.")
