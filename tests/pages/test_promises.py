"""What other planners are blamed for, promised not to happen here; and what each role sees.

What lives here: promises that take a browser. The API, MCP and webhooks have theirs in `tests/server`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from dateutil.relativedelta import SU, relativedelta
from playwright.sync_api import Browser, expect

from tests.pages.conftest import YEAR, Watched, wednesday
from tests.pages.test_composing import number, write
from tests.pages.test_pages import FAILING, PATHS


@pytest.mark.parametrize(
    ("zone", "day", "wanted"),
    [
        ("Asia/Kolkata", f"{YEAR}-07-01", f"{YEAR}-07-01T07:00:00.000Z"),
        ("America/New_York", f"{YEAR}-01-04", f"{YEAR}-01-04T08:00:00.000Z"),
    ],
)
def test_a_time_stays_what_was_typed(
    browser: Browser, tab: Watched, signed_in: Any, zone: str, day: str, wanted: str
) -> None:
    """In the account's zone, wherever the browser is: stored, shown on the plan, and saved again without a shift."""
    context = browser.new_context(storage_state=signed_in, timezone_id=zone)
    page = Watched(context, tab.url).page
    page.goto(tab.url + "/compose")
    page.fill("textarea[name=text]", f"Nine in Berlin, typed in {zone}")
    page.fill("[data-at]", f"{day} 9:00")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    post = number(page)
    page.goto(f"{tab.url}/?view=week&on={day}")
    assert f"{day}T09:00" == page.locator(f"[data-post='{post}']").get_attribute("data-at")
    page.goto(f"{tab.url}/compose?draft={post}")
    expect(page.locator("[data-at]")).to_have_value(f"{day} 09:00")
    page.fill("textarea[name=text]", "Saved again")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    context.close()
    assert wanted == tab.api("GET", f"/posts/{post}")["due_at"]


def test_a_recurrence_keeps_its_hour_when_the_clocks_change(tab: Watched) -> None:
    """The plan shows every Friday of March and April at 14:00."""
    summer = date(YEAR, 3, 31) + relativedelta(weekday=SU(-1))
    page = tab.visit(f"/?view=agenda&on={summer - timedelta(days=20)}")
    fridays = page.locator(".coming").filter(has_text="It is Friday")
    assert ["14:00"] * 4 == [text.split()[-1] for text in fridays.locator("time").all_inner_texts()]


def test_every_view_shows_the_same_posts(tab: Watched) -> None:
    """What stands in the month stands in the week and in the list."""
    on, seen = wednesday(2, 5), []
    tab.api("POST", "/posts", {"text": "Seen in each view", "at": f"{on} 00:00", "account": "alice.test"})
    tab.api("POST", "/posts", {"text": "At the edge of a day", "at": f"{on} 23:59", "account": "alice.test"})
    for view in ("week", "month", "agenda"):
        page = tab.visit(f"/?view={view}&on={on}")
        day = page.locator(f"[data-day='{on}'] [data-post]")
        seen.append([item.get_attribute("data-at") for item in day.all()])
    assert [[f"{on}T00:00", f"{on}T23:59"]] * 3 == seen


def test_the_same_text_again_is_noticed(tab: Watched) -> None:
    """Whoever schedules a text twice reads so at once."""
    for at in (f"{YEAR}-06-01 9:00", f"{YEAR}-06-02 9:00"):
        page = tab.visit("/compose")
        page.fill("textarea[name=text]", "Word for word the same")
        page.fill("[data-at]", at)
        page.click("[data-send]")
        page.wait_for_url("**/posts/**")
    expect(page.locator("[data-said]")).to_contain_text("same text")


def test_a_phone_is_enough(phone: Watched) -> None:
    """At 360 pixels somebody writes, schedules and finds the post again, and nothing is out of reach."""
    page = phone.visit("/compose")
    write(page, "Written on a phone")
    page.fill("[data-at]", f"{YEAR}-06-03 9:00")
    page.tap("[data-send]")
    page.wait_for_url("**/posts/**")
    post = number(page)
    page = phone.visit(f"/?on={YEAR}-06-03")
    page.tap(f"[data-post='{post}']")
    page.wait_for_url(f"**/posts/{post}")
    box = page.get_by_role("button", name="Cancel").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 360


def test_after_signing_out_the_back_button_shows_nothing(own_tab: Watched) -> None:
    """Neither the page before nor its copy in the browser."""
    page = own_tab.visit("/posts/3")
    text = page.locator(".seen .body").first.inner_text()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Skywrite")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Skywrite")
    assert text not in page.content()
    own_tab.complaints.clear()


def test_a_viewer_is_offered_nothing_that_fails(viewer_tab: Watched) -> None:
    """No form that changes anything but their own passkeys, and no link to where they may not go."""
    shown = [path for path in PATHS if path not in ("/compose", *FAILING)]
    offered: set[str] = set()
    for path in shown:
        page = viewer_tab.visit(path)
        assert page.get_by_role("alert").count() == 0, path
        offered |= set(
            page.evaluate("[...document.forms].filter(f => f.method === 'post').map(f => new URL(f.action).pathname)")
        )
        offered |= set(page.evaluate("[...document.querySelectorAll('main a, nav a')].map(a => a.pathname)")) & {
            "/compose"
        }
        assert 0 == page.locator("[draggable=true]").count()
    assert {"/sign-out"} == offered


def test_a_writer_hands_a_draft_on(browser: Browser, tab: Watched) -> None:
    """Who may not schedule is offered no times, and what they write is a draft for somebody who may."""
    from tests.pages.conftest import new_link

    link = new_link(tab, "writer")
    context = browser.new_context()
    page = Watched(context, tab.url).page
    page.goto(link)
    page.goto(tab.url + "/compose")
    assert ["draft"] == [item.get_attribute("value") for item in page.locator("input[name=mode]").all()]
    write(page, "For somebody who may schedule")
    page.click("[data-send]")
    expect(page.locator("[data-said]")).to_contain_text("draft is kept")
    context.close()
