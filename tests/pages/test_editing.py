"""Posts that are changed: what has a time changes by the button alone, and nothing is lost or made twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.pages.conftest import Watched
from tests.pages.test_composing import number, write
from tests.pages.test_pages import problems


def schedule(tab: Watched, text: str, at: str = "tomorrow 9:00:30", account: str = "alice.test") -> dict[str, Any]:
    """A post that waits for its time."""
    return tab.api("POST", "/posts", {"text": text, "at": at, "account": account})


def stored(tab: Watched, post: int) -> dict[str, Any]:
    """A post as it is stored."""
    return tab.api("GET", f"/posts/{post}")


def test_typing_never_changes_what_goes_out(tab: Watched) -> None:
    """A scheduled post is saved by its button alone, and keeps its time, to the second, unless that is changed."""
    before = schedule(tab, "As it was approved")
    page = tab.visit(f"/compose?draft={before['id']}")
    expect(page.locator("[data-at]")).to_have_value(re.compile(r"^\d{4}-\d\d-\d\d 09:00$"))
    page.fill("textarea[name=text]", "Half a chan")
    expect(page.locator("[data-saved]")).to_have_text("Changes are not saved yet")
    assert ("As it was approved", before["version"]) == tuple(stored(tab, before["id"])[k] for k in ("text", "version"))
    page.fill("textarea[name=text]", "A whole change")
    expect(page.locator("[data-send]")).to_have_text("Save the changes")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    after = stored(tab, before["id"])
    assert ("A whole change", before["due_at"], "scheduled") == (after["text"], after["due_at"], after["state"])


def test_another_time_of_a_scheduled_post_is_taken(tab: Watched) -> None:
    """The post stays the same one, at its new time."""
    before = schedule(tab, "Later, please")
    page = tab.visit(f"/compose?draft={before['id']}")
    page.fill("[data-at]", "tomorrow 11:05")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    assert (before["id"], True) == (number(page), "11:05" in page.locator(".facts").first.inner_text())


def test_without_a_script_a_scheduled_post_is_edited_not_doubled(browser: Any, tab: Watched, signed_in: Any) -> None:
    """The form names the post and its version, so it is changed where it stands; a stale form changes nothing."""
    before = schedule(tab, "No script before")
    context = browser.new_context(storage_state=signed_in, java_script_enabled=False)
    page, stale = context.new_page(), context.new_page()
    for each in (page, stale):
        each.goto(f"{tab.url}/compose?draft={before['id']}")
        each.fill("textarea[name=text]", "No script after")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    after = stored(tab, before["id"])
    assert (before["id"], "No script after", before["due_at"]) == (number(page), after["text"], after["due_at"])
    stale.click("[data-send]")
    expect(stale.locator("[role=alert]")).to_contain_text("changed in another window")
    context.close()


def test_a_click_while_a_draft_is_about_to_be_saved_leaves_no_second_post(tab: Watched) -> None:
    """On a slow line, too: what is being sent is not saved as a draft beside it."""
    page = tab.visit("/compose")
    page.evaluate(
        """() => { const fetched = window.fetch;
        window.fetch = async (...given) => {
          const answer = await fetched(...given);
          if (given[1]?.method === "POST" && given[0].endsWith("/posts")) await new Promise(go => setTimeout(go, 1500));
          return answer;
        }; }"""
    )
    page.fill("textarea[name=text]", "Quickly sent")
    page.fill("[data-at]", "tomorrow 10:40")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    answer = tab.api("GET", "/posts?text=Quickly%20sent&state=draft,scheduled")
    assert ["scheduled"] == [item["state"] for item in answer["posts"]]


def lose_one_answer(page: Page, method: str, holding: str) -> None:
    """The connection breaks once, after the server has done what a request of this method asked for."""
    page.evaluate(
        """([method, holding]) => { const fetched = window.fetch;
        const isMeant = (path, { method: used, body } = {}) =>
          /\\/posts(\\/\\d+)?$/.test(path) && used === method && body.includes(holding);
        window.fetch = async (...given) => {
          const answer = await fetched(...given);
          if (isMeant(...given) && !document.body.dataset.lost) {
            document.body.dataset.lost = "yes";
            throw new TypeError("lost");
          }
          return answer;
        }; }""",
        [method, holding],
    )


def made_of(tab: Watched, text: str) -> list[tuple[str, str]]:
    """The texts and states of what was made of a text."""
    answer = tab.api("GET", f"/posts?text={text}&state=draft,scheduled")
    return [(item["text"], item["state"]) for item in answer["posts"]]


@pytest.mark.parametrize(
    ("mode", "method", "holding"), [("at", "POST", "text"), ("at", "PATCH", "at"), ("slot", "POST", "copy_of")]
)
def test_a_lost_answer_and_a_second_click_post_once(tab: Watched, mode: str, method: str, holding: str) -> None:
    """The connection breaks after the server has stored the post: the same click again finds it."""
    text = f"The answer was lost {mode} {method}"
    page = tab.visit("/compose")
    if method == "PATCH" or mode == "slot":
        write(page, text)
    lose_one_answer(page, method, f'"{holding}":')
    page.check(f"input[name=mode][value={mode}]")
    if mode == "at":
        page.fill("[data-at]", "tomorrow 10:45")
    page.fill("#text", text)
    page.click("[data-send]")
    expect(page.locator("body")).to_have_attribute("data-lost", "yes")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    assert [(text, "scheduled")] == made_of(tab, text)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_lost_answer_of_an_autosaved_draft_loses_nothing(tab: Watched, method: str) -> None:
    """Whoever types on has one draft, with all of the text."""
    page = tab.visit("/compose")
    if method == "PATCH":
        write(page, f"Begun {method}")
    lose_one_answer(page, method, "Lost")
    page.fill("#text", f"Lost {method}")
    expect(page.locator("body")).to_have_attribute("data-lost", "yes")
    write(page, f"Lost {method}, and found")
    assert [(f"Lost {method}, and found", "draft")] == made_of(tab, f"Lost {method}")


def test_a_lost_answer_hides_no_change_of_another_window(tab: Watched) -> None:
    """What somebody else wrote meanwhile is not overwritten."""
    page = tab.visit("/compose")
    write(page, "One window")
    page.route(
        "**/api/v1/posts/*", lambda route: route.abort() if route.request.method == "PATCH" else route.continue_()
    )
    page.fill("#text", "One window writes")
    expect(page.locator("[data-said]")).to_contain_text("does not answer")
    tab.api("PATCH", f"/posts/{number(page)}", {"text": "The other window"})
    page.unroute_all()
    page.fill("#text", "One window goes on")
    expect(page.locator("[data-said]")).to_contain_text("changed in another window")
    assert "The other window" == stored(tab, number(page))["text"]
    tab.complaints.clear()


def test_an_emptied_text_is_not_called_saved(tab: Watched) -> None:
    """The draft keeps what it had, and the page says that this is not saved."""
    page = tab.visit("/compose")
    write(page, "Soon gone")
    page.fill("#text", "")
    expect(page.locator("[data-saved]")).to_have_text("Not saved: it is empty")
    assert "Soon gone" == stored(tab, number(page))["text"]


def test_a_session_that_is_over_is_said_in_words(own_tab: Watched) -> None:
    """Nobody is told to send an API key, and the text is still there."""
    page = own_tab.visit("/compose")
    own_tab.context.clear_cookies()
    page.fill("#text", "Written too late")
    expect(page.locator("[data-said]")).to_contain_text("You are signed out")
    expect(page.locator("#text")).to_have_value("Written too late")
    own_tab.complaints.clear()


def test_another_account_takes_the_draft_along(tab: Watched) -> None:
    """A draft that was saved for one account is posted by the one that is chosen last, and is there once."""
    page = tab.visit("/compose")
    write(page, "Whose is it?")
    page.select_option("#account", "bob.test")
    page.fill("[data-at]", "tomorrow 10:50")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    answer = tab.api("GET", "/posts?text=Whose&state=draft,scheduled")
    assert [("bob.test", "scheduled")] == [(item["account"], item["state"]) for item in answer["posts"]]


def test_what_is_published_is_not_opened_for_editing(tab: Watched) -> None:
    """The composer says so, in place of a form that fails."""
    page = tab.visit("/compose?draft=1")
    expect(page.locator("[role=alert]")).to_contain_text("published")
    tab.complaints.clear()


@pytest.fixture
def strict(tab: Watched) -> Any:
    """Bob posts no images without a description."""
    tab.api("PATCH", "/accounts/bob.test", {"require_alt": True})
    yield
    tab.api("PATCH", "/accounts/bob.test", {"require_alt": None})


def test_a_description_is_asked_for_before_anything_is_sent(tab: Watched, strict: Any, tmp_path: Path) -> None:
    """Where the account requires one: the empty field is shown and focused, and nothing is refused by the server."""
    Image.new("RGB", (320, 200), "teal").save(tmp_path / "sea.png")
    page = tab.visit("/compose")
    page.select_option("#account", "bob.test")
    page.fill("textarea[name=text]", "The sea")
    page.set_input_files("#files", tmp_path / "sea.png")
    expect(page.locator(".shots textarea")).to_be_visible()
    page.fill("[data-at]", "tomorrow 12:20")
    page.click("[data-send]")
    expect(page.locator("[data-said] .trouble")).to_contain_text("Describe")
    expect(page.locator(".shots textarea")).to_be_focused()
    page.locator(".shots textarea").fill("The sea at noon")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    tab.complaints.clear()


def type_handle(page: Page, text: str) -> None:
    """Type into the text, and wait for people."""
    page.locator("textarea[name=text]").press_sequentially(text)
    expect(page.get_by_role("listbox", name="People")).to_be_visible()


def test_a_mention_is_completed_from_the_network(tab: Watched) -> None:
    """Arrows choose, Enter takes, and the text keeps the focus; Escape closes."""
    page = tab.visit("/compose")
    type_handle(page, "Thank you @bo")
    option = page.get_by_role("listbox", name="People").get_by_role("option", name="bob.test")
    expect(option).to_have_attribute("aria-selected", "true")
    assert [] == problems(page)
    assert option.get_attribute("id") == page.locator("#text").get_attribute("aria-activedescendant")
    page.keyboard.press("Enter")
    expect(page.locator("#text")).to_have_value("Thank you @bob.test ")
    expect(page.locator("#text")).to_be_focused()
    type_handle(page, "and @al")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox", name="People")).to_be_hidden()
    type_handle(page, "i")
    page.get_by_role("listbox", name="People").get_by_role("option", name="alice.test").click()
    expect(page.locator("#text")).to_have_value("Thank you @bob.test and @alice.test ")


def test_without_the_network_a_mention_is_typed_as_ever(tab: Watched) -> None:
    """Nothing is shown, and nothing is in the way."""
    page = tab.visit("/compose")
    page.route("**/compose/people*", lambda route: route.fulfill(status=503, body="no"))
    with page.expect_response("**/compose/people*"):
        page.locator("textarea[name=text]").press_sequentially("Hello @bob.test")
    expect(page.get_by_role("listbox", name="People")).to_be_hidden()
    page.locator("textarea[name=text]").press_sequentially(", how are you?")
    expect(page.locator("#text")).to_have_value("Hello @bob.test, how are you?")
    tab.complaints.clear()


@pytest.mark.parametrize("mode", ["slot", "every"])
def test_a_copy_takes_no_place_of_what_another_window_changed(tab: Watched, mode: str) -> None:
    """A draft that was changed in another window is neither copied nor deleted by this one."""
    text = f"Two windows {mode}"
    page = tab.visit("/compose")
    write(page, text)
    tab.api("PATCH", f"/posts/{number(page)}", {"text": f"{text}, and the other"})
    page.check(f"input[name=mode][value={mode}]")
    if mode == "every":
        page.fill("input[name=every]", "weekdays 9:20")
    page.click("[data-send]")
    expect(page.locator("[data-said]")).to_contain_text("changed in another window")
    assert [(f"{text}, and the other", "draft")] == made_of(tab, text)
