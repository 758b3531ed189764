"""What a person does: write, look, schedule, move, publish; and what goes wrong on the way."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dateutil.relativedelta import SU, relativedelta
from PIL import Image
from playwright.sync_api import Page, expect

from tests.pages.conftest import YEAR, Watched
from tests.pages.test_pages import problems


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image to post, with a name in capitals."""
    path = tmp_path / "SUN.JPG"
    Image.new("RGB", (320, 200), "orange").save(path, "JPEG")
    return path


def write(page: Page, text: str) -> None:
    """Type a text and wait until the draft is saved."""
    page.fill("textarea[name=text]", text)
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")


def number(page: Page) -> int:
    """The number of the draft or post in the address."""
    match = re.search(r"draft=(\d+)|posts/(\d+)", page.url)
    assert match
    return int(match[1] or match[2])


def test_write_look_schedule_and_move(tab: Watched, image: Path) -> None:
    """The preview shows what will be posted, the plan has it, and keys move it."""
    page = tab.visit("/compose")
    page.fill("textarea[name=text]", "Fresh bread, see https://example.com/a/long/way/to/bread #bakery")
    page.set_input_files("#files", image)
    page.locator(".shots textarea").fill("A loaf of bread")
    shown = page.locator("[data-preview] .seen")
    expect(shown.locator("b")).to_have_text(["example.com/a/long/way/t...", "#bakery"])
    expect(shown.locator("img")).to_have_attribute("alt", "A loaf of bread")
    page.fill("[data-at]", "tomorrow 7:15")
    expect(page.locator("[data-at-said]")).to_contain_text("07:15 (Europe/Berlin)")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    post = number(page)
    tab.visit("/?view=agenda")
    item = page.locator(f"[data-post='{post}']")
    assert str(item.get_attribute("data-at")).endswith("T07:15")
    item.focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("[data-said]")).to_contain_text("07:30 (Europe/Berlin)")
    assert str(post) == page.evaluate("document.activeElement.dataset.post")


def test_five_quick_steps_are_one_move(tab: Watched) -> None:
    """However fast the keys come, the post is where they lead, and no error is on the way."""
    post = tab.api("POST", "/posts", {"text": "In steps", "at": "tomorrow 7:00", "account": "alice.test"})
    page = tab.visit("/?view=agenda")
    page.locator(f"[data-post='{post['id']}']").focus()
    for _ in range(5):
        page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("[data-said]")).to_contain_text("08:15 (Europe/Berlin)")


def test_what_is_posted_now_is_seen_to_go_out(tab: Watched) -> None:
    """The page of the post shows by itself when it is on the network."""
    tab.api("PATCH", "/accounts/bob.test", {"undo_seconds": 3600})
    page = tab.visit("/compose")
    page.select_option("#account", "bob.test")
    write(page, "On its way")
    page.fill("[data-at]", "in 2 hours")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    page.get_by_role("button", name="Post now").click()
    expect(page.get_by_role("button", name="Take it back")).to_be_visible()
    expect(page.get_by_role("button", name="Post now")).to_have_count(0)
    tab.api("POST", f"/posts/{number(page)}/move", {"at": "now"})
    expect(page.locator(".chip").first).to_have_text("published")
    expect(page.get_by_role("link", name="Open on Bluesky")).to_be_visible()
    tab.api("PATCH", "/accounts/bob.test", {"undo_seconds": None})


def test_a_drop_on_a_slot_gives_its_time(tab: Watched) -> None:
    """A post that is dragged to a free slot has that slot's time."""
    page = tab.visit("/compose")
    write(page, "To be dragged")
    page.fill("[data-at]", "tomorrow 6:00")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    post = number(page)
    tab.visit("/?view=agenda")
    # The first one may pass before the post is there.
    slot = page.locator("[data-slot]").nth(1)
    wanted = str(slot.get_attribute("data-slot"))
    page.locator(f"[data-post='{post}']").drag_to(slot)
    expect(page.locator("[data-said]")).to_contain_text(wanted.partition("T")[2])


def test_the_count_is_that_of_the_network(tab: Watched) -> None:
    """Graphemes, not characters: a family is one, and a link counts as it is shown."""
    # Both texts are too much for the server, which is asked when nobody types for a third of a second.
    tab.may_be_refused = True
    page = tab.visit("/compose")
    page.fill("textarea[name=text]", "👩‍👩‍👧‍👦" * 300)
    expect(page.locator("[data-count]")).to_have_text("300 of 300")
    page.fill("textarea[name=text]", "x" * 301)
    expect(page.locator("[data-count]")).to_have_class("over")
    page.locator("summary", has_text="More").click()
    page.check("input[name=split]")
    expect(page.locator("[data-count]")).to_contain_text("2 posts")
    expect(page.locator("[data-preview] .seen")).to_have_count(2)


def test_a_draft_survives_reload_a_second_tab_and_clicking_away(tab: Watched) -> None:
    """It is saved as one types; a second tab that would overwrite it is stopped and says so."""
    page = tab.visit("/compose")
    write(page, "Half a thought")
    address = page.url
    page.reload()
    expect(page.locator("textarea[name=text]")).to_have_value("Half a thought")
    other = tab.open()
    other.goto(address)
    expect(other.locator("textarea[name=text]")).to_have_value("Half a thought")
    write(other, "A whole thought")
    page.fill("textarea[name=text]", "A clash")
    expect(page.locator("[data-said]")).to_contain_text("changed in another window")
    other.reload()
    expect(other.locator("textarea[name=text]")).to_have_value("A whole thought")
    tab.complaints.clear()


def test_the_back_button_leads_back(tab: Watched) -> None:
    """From a post to the plan, with what it showed."""
    page = tab.visit("/?view=agenda")
    page.locator("[data-post]").first.click()
    page.wait_for_url("**/posts/**")
    page.go_back()
    expect(page.locator(".agenda")).to_be_visible()


def test_offline_says_so_and_keeps_the_text(tab: Watched) -> None:
    """What was written stays in the form, and nothing pretends that it was saved."""
    page = tab.visit("/compose")
    tab.context.set_offline(True)
    page.fill("textarea[name=text]", "Written in a tunnel")
    page.fill("[data-at]", "tomorrow 9:00")
    page.click("[data-send]")
    expect(page.locator("[data-said] .trouble")).to_be_visible()
    tab.context.set_offline(False)
    expect(page.locator("textarea[name=text]")).to_have_value("Written in a tunnel")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    tab.complaints.clear()


def sunday(which: int, month: int) -> date:
    """A Sunday of a month of next year: the first, the second, or the last (-1)."""
    return date(YEAR, 1, 1) + relativedelta(month=month, day=31 if which < 0 else 1, weekday=SU(which))


SAID = (
    ("tonight", "Which hour"),
    (f"04/03/{YEAR} 9:00", f"{YEAR}-03-04"),
    (f"{sunday(-1, 3)} 02:30 Europe/Berlin", "does not exist"),
    (f"{sunday(-1, 10)} 02:30 Europe/Berlin", "twice"),
    (f"{sunday(2, 3)} 02:30 America/New_York", "does not exist"),
    (f"{sunday(1, 4)} 02:30 Australia/Sydney", "twice"),
    ("yesterday 9:00", "passed"),
)


def test_a_time_means_one_thing_or_is_asked_about(tab: Watched) -> None:
    """As one types: what was understood, what is odd about it, or why it is refused."""
    page = tab.visit("/compose")
    for at, words in SAID:
        page.fill("[data-at]", "")
        expect(page.locator("[data-at-said]")).to_have_text("")
        page.fill("[data-at]", at)
        expect(page.locator("[data-at-said]")).to_contain_text(re.compile(re.escape(words), re.IGNORECASE))


def test_now_can_be_taken_back(tab: Watched) -> None:
    """The post waits for a while; taken back, it is cancelled, and what it said is a draft again."""
    tab.api("PATCH", "/accounts/alice.test", {"undo_seconds": 3600})
    page = tab.visit("/compose")
    write(page, "Too fast")
    page.check("input[name=mode][value=now]")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    expect(page.locator("[data-left]")).to_have_text(re.compile(r"^\d+$"))
    post = number(page)
    page.get_by_role("button", name="Take it back").click()
    page.wait_for_url("**/compose?**")
    expect(page.locator("textarea[name=text]")).to_have_value("Too fast")
    assert post != number(page)
    tab.visit(f"/posts/{post}")
    expect(page.locator(".chip").first).to_have_text("cancelled")
    tab.api("PATCH", "/accounts/alice.test", {"undo_seconds": None})


def test_now_need_not_wait(tab: Watched) -> None:
    """An account may turn the wait off: then a post goes out at once, and nothing counts down."""
    tab.api("PATCH", "/accounts/bob.test", {"undo_seconds": 0})
    page = tab.visit("/compose?account=bob.test")
    write(page, "At once")
    page.check("input[name=mode][value=now]")
    # In the request, since the page loads itself again as soon as the post is out.
    with page.expect_request("**/posts/*done=It+goes+out+now.*"):
        page.click("[data-send]")
    page.wait_for_url("**/posts/**", wait_until="commit")
    expect(page.locator("[data-left]")).to_have_count(0)
    tab.api("PATCH", "/accounts/bob.test", {"undo_seconds": None})


def test_files_that_cannot_be_posted_are_refused_with_a_reason(tab: Watched, tmp_path: Path) -> None:
    """An SVG, a page and a text: a sentence, and the composer goes on."""
    page = tab.visit("/compose")
    for name, content in (
        ("a.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("b.html", "<p>x"),
    ):
        (tmp_path / name).write_text(content)
        page.set_input_files("#files", tmp_path / name)
        expect(page.locator("[data-said] .trouble")).to_contain_text(name)
    tab.complaints.clear()


def test_markup_in_a_text_is_text(tab: Watched) -> None:
    """In the composer, the preview, the plan, the post's page and the history."""
    markup = "<img src=x onerror=alert(1)> <script>alert(1)</script> {{ 7*7 }} javascript:alert(1)"
    page = tab.visit("/compose")
    dialogs: list[Any] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    write(page, markup)
    expect(page.locator("[data-preview] .body")).to_have_text(markup)
    post = number(page)
    for path in (f"/posts/{post}", "/", "/history", f"/compose?draft={post}"):
        tab.visit(path)
    tab.visit(f"/posts/{post}")
    expect(page.locator(".seen .body")).to_have_text(markup)
    assert [] == dialogs


def test_everything_works_with_the_keyboard_alone(tab: Watched) -> None:
    """From the address bar to a scheduled post; focus is always on something that can be seen."""
    page = tab.visit("/compose")
    page.keyboard.type("Typed only")
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()")
        if focused == "at":
            page.keyboard.type("tomorrow 8:00")
        if focused.startswith("Schedule"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/posts/**")


def test_without_a_script_the_form_works_too(browser: Any, site: Any, signed_in: Any, image: Path) -> None:
    """Text, image, time: all of it in one form."""
    context = browser.new_context(storage_state=signed_in, java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url + "/compose")
    page.fill("textarea[name=text]", "No script at all")
    page.set_input_files("#files", image)
    page.fill("[data-at]", "tomorrow 9:45")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    assert ("scheduled", True) == (page.locator(".chip").first.inner_text(), "No script at all" in page.content())
    page.goto(site.url + "/compose")
    page.fill("textarea[name=text]", "A time that is none")
    page.fill("[data-at]", "noonish")
    page.click("[data-send]")
    expect(page.locator("[role=alert]")).to_be_visible()
    assert "A time that is none" == page.input_value("textarea[name=text]")
    context.close()


def test_a_link_shared_from_a_phone_lands_in_the_composer(phone: Watched) -> None:
    """Title and address, each once."""
    page = phone.visit("/compose?title=News&text=News&url=https%3A%2F%2Fexample.com%2Fnews")
    expect(page.locator("textarea[name=text]")).to_have_value("News\nhttps://example.com/news")


def test_clicking_twice_posts_once(tab: Watched) -> None:
    """The button is off while the first click is under way."""
    page = tab.visit("/compose")
    write(page, "Only once")
    page.fill("[data-at]", "tomorrow 10:10")
    page.evaluate("(b => { b.click(); b.click(); b.form.requestSubmit(); })(document.querySelector('[data-send]'))")
    page.wait_for_url("**/posts/**")
    page.goto(f"{tab.url}/?view=agenda&on={tab.api('GET', f'/posts/{number(page)}')['due_at'][:10]}")
    assert 1 == page.locator("[data-post]", has_text="Only once").count()


def test_a_campaign_is_given_changed_and_taken_away(tab: Watched) -> None:
    """Those that were used before are offered, and what is emptied is gone."""
    tab.api("POST", "/posts", {"text": "Of before", "draft": True, "campaign": "Used before"})
    page = tab.visit("/compose")
    page.get_by_text("More: reply").click()
    page.locator("#campaign").focus()
    expect(page.locator("#campaigns option", has_text="Used before")).to_have_count(1)
    page.fill("#campaign", "Spring")
    write(page, "Of a campaign")
    post = number(page)
    assert "Spring" == tab.api("GET", f"/posts/{post}")["draft"]["campaign"]
    page = tab.visit(f"/compose?draft={post}")
    expect(page.locator("#campaign")).to_have_value("Spring")
    expect(page.get_by_text("Stays as it is")).to_have_count(0)
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        page.fill("#campaign", "")
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")
    assert "campaign" not in tab.api("GET", f"/posts/{post}")["draft"]


def test_a_recurrence_leaves_days_out(tab: Watched) -> None:
    """What the editor is told is stored, and a day on which nothing comes is refused in the composer."""
    page = tab.visit("/compose")
    page.fill("textarea[name=text]", "Open as always")
    page.get_by_label("Repeat", exact=True).check(force=True)
    page.get_by_role("button", name="Edit…").click()
    page.get_by_label("How often").last.select_option("daily")
    page.get_by_label("Except on these days").fill(f"{YEAR}-12-25 {YEAR}-12-26")
    assert [] == problems(page)
    page.get_by_role("button", name="Take it").click()
    page.click("[data-send]")
    page.wait_for_url("**/recurrences**")
    found = [one for one in tab.api("GET", "/recurrences")["recurrences"] if "Open as always" in str(one)]
    tab.api("DELETE", f"/recurrences/{found[0]['id']}")
    assert ([f"{YEAR}-12-25", f"{YEAR}-12-26"], 1) == ([key[:10] for key in found[0]["exceptions"]], len(found))
