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
    tab.api("POST", "/ways", {"url": f"https://example.com/{'a' * 80}", "account": "alice.test"})
    hook = {"name": "a" * 40, "kind": "woocommerce", "template": "{{ " + "a" * 90 + " }}", "account": "alice.test"}
    tab.api("POST", "/hooks", hook)
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


RENAME = """name => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());)
    node.data = node.data.replaceAll("alice.test", name).replaceAll("Owner", name);
}"""
SMALL = """least => [...document.querySelectorAll("a, button, summary, input, select")].filter(one => {
  if (one.matches(".skip, [type=file]")) return false;
  const { width, height } = one.getBoundingClientRect(), said = one.closest("p, li, td, dd, .zone");
  const isInText = one.tagName === "A" && said && said.textContent.trim() !== one.textContent.trim();
  return width > 1 && height > 1 && !isInText && (width < least || height < least) && !one.closest("label");
}).map(one => `${one.className} ${one.textContent.trim().slice(0, 30)}`)"""

LYING = """() => {
  const seen = [...document.querySelectorAll(`main :is(a, button, select, input:not([type=file])), h1, .zone, .who *`)]
    .filter(one => one.getClientRects().length && !one.closest("details:not([open])"));
  const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const box = one => one.getBoundingClientRect(), apart = (one, two) => !one.contains(two) && !two.contains(one);
  return seen.flatMap((one, place) => seen.slice(place + 1)
    .filter(two => apart(one, two) && over(box(one), box(two)))
    .map(two => `${one.outerHTML.slice(0, 80)} lies over ${two.outerHTML.slice(0, 80)}`));
}"""


def test_a_finger_meets_what_it_wants(phone: Watched) -> None:
    """Everything that can be pressed is at least 24 pixels wide and high, or stands in a sentence."""
    targets = {}
    for path in ("/?view=month", "/?view=agenda", "/", "/compose", "/posts/3"):
        page = phone.visit(path)
        targets[path] = page.evaluate(SMALL, 24)
    assert {} == {path: small for path, small in targets.items() if small}


def test_a_long_name_lies_over_nothing(browser: Browser, tab: Watched, signed_in: Any) -> None:
    """The plan, the composer and a post of an account whose name is as long as names are, at five widths."""
    handle = f"{'a-long-name' * 5}.test"
    overlaps = {}
    for width in (320, 390, 768, 1024, 1280):
        context = browser.new_context(storage_state=signed_in, viewport={"width": width, "height": 800})
        page = context.new_page()
        for path in ("/", "/compose", "/posts/3"):
            page.goto(tab.url + path)
            page.evaluate(RENAME, handle)
            overlaps[width, path] = page.evaluate(LYING)
        context.close()
    assert {} == {place: lying for place, lying in overlaps.items() if lying}


def test_colours_of_the_system_show_what_is_chosen(tab: Watched) -> None:
    """In forced colours, the view that is shown looks other than the ones that are not."""
    page = tab.visit("/?view=month")
    page.emulate_media(forced_colors="active")
    colours = page.evaluate(
        "[...document.querySelectorAll('.switch a')].map(one => getComputedStyle(one).backgroundColor)"
    )
    assert (2, True) == (len(set(colours)), colours[1] != colours[0])
