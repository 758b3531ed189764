"""Passkeys in a browser with an authenticator of its own: added, used to sign in again, and removed."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.pages.conftest import Watched

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_authenticator(tab: Watched, page: Page) -> Any:
    """Give the page a device that makes passkeys without asking."""
    devices = tab.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return devices


def test_a_passkey_is_added_signs_in_and_is_removed(own_tab: Watched) -> None:
    """All of it by buttons; after it is removed it signs nobody in, and the page says why."""
    page = own_tab.visit("/settings")
    with_authenticator(own_tab, page)
    page.get_by_label("Name of the passkey").fill("This <b>laptop</b>")
    page.get_by_role("button", name="Add a passkey").click()
    row = page.get_by_role("row", name="This <b>laptop</b>")
    expect(row).to_contain_text("never")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Skywrite")
    page.goto(own_tab.url + "/settings")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    expect(row).not_to_contain_text("never")
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-said] .trouble")).to_contain_text("link")
    own_tab.complaints.clear()


def test_a_device_that_refuses_is_said(own_tab: Watched) -> None:
    """Nothing hangs and nothing is half done."""
    page = own_tab.visit("/settings")
    refusal = "throw new DOMException('no', 'NotAllowedError')"
    page.evaluate(f"() => {{ navigator.credentials.create = async () => {{ {refusal}; }}; }}")
    page.get_by_label("Name of the passkey").fill("Refused")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("[data-said] .trouble")).to_contain_text("No passkey was used")
