"""What was approved beside what would go out now, on a screen and on a phone, and without scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, expect

from tests.pages.conftest import Watched
from tests.pages.test_pages import problems


def changed_post(tab: Watched, text: str) -> int:
    """A post that a program drafted, a person approved, and the program changed after that."""
    ask = as_a_program(tab, text)
    draft = {"text": f"{text} of October", "at": "2031-05-06 9:00", "draft": True}
    post = ask("POST", "/posts", draft)["id"]
    asked = tab.api("GET", f"/posts/{post}/approval")
    tab.api("POST", f"/posts/{post}/approve", {"digest": asked["digest"]})
    ask("PATCH", f"/posts/{post}", {"text": f"{text} of November https://news.example/numbers"})
    return int(post)


def as_a_program(tab: Watched, name: str) -> Callable[[str, str, Any], Any]:
    """Asks with a key that drafts and schedules."""
    key = tab.api("POST", "/keys", {"name": name, "scopes": ["read", "draft", "schedule"]})

    def ask(method: str, path: str, body: Any) -> Any:
        script = """async ([key, method, path, body]) => {
          const headers = {"content-type": "application/json", authorization: "Bearer " + key};
          return await (await fetch("/api/v1" + path, {method, headers, body: JSON.stringify(body)})).json();
        }"""
        return tab.page.evaluate(script, [key["key"], method, path, body])

    tab.visit("/media")
    return ask


def test_what_changed_is_readable_everywhere(browser: Browser, tab: Watched, signed_in: Any) -> None:
    """In words beside the parts, with nothing out of reach at 360 pixels, and with scripts turned off."""
    post = changed_post(tab, "Our numbers")
    page = tab.visit(f"/posts/{post}")
    assert [] == problems(page)
    assert "Text\nchanged" in page.locator(".beside tbody tr").first.inner_text()
    for width, script in ((360, True), (360, False)):
        size: Any = {"width": width, "height": 800}
        context = browser.new_context(storage_state=signed_in, viewport=size, java_script_enabled=script)
        small = context.new_page()
        small.goto(tab.url + f"/posts/{post}")
        row = small.locator(".beside tbody tr").first.inner_text()
        assert ("October" in row, "November" in row) == (True, True)
        assert not script or small.evaluate("document.documentElement.scrollWidth") <= width
        context.close()


def test_posts_are_approved_by_keys(tab: Watched) -> None:
    """`j` goes to the next post and `a` approves it; before a post has the focus, no key decides anything."""
    draft = {"text": "By keys", "at": "2031-05-06 9:00", "draft": True}
    post = as_a_program(tab, "keys")("POST", "/posts", draft)["id"]
    page = tab.visit("/approvals")
    assert [] == problems(page)
    page.keyboard.press("a")
    for _ in range(page.locator("[data-review]").count()):
        page.keyboard.press("j")
        if page.locator(f"#p{post}:focus").count():
            break
    page.keyboard.press("r")
    page.keyboard.type("ja")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator("[data-said]")).to_contain_text("Approved. It goes out")
    (verdict, *_) = tab.api("GET", f"/posts/{post}/approval")["verdicts"]
    assert ("approved", "ja") == (verdict["verdict"], verdict["note"])
