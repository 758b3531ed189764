"""Every page in a real browser: nothing complains, everyone can use it, and it fits the screen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pages.conftest import AXE, Watched
from tests.support.chance import NIGHTLY

PATHS = (
    "/",
    "/?view=month",
    "/?view=agenda&rehearse=1",
    "/?choose=1",
    "/search?text=bakery",
    "/compose",
    "/posts/3",
    "/inbox",
    "/history",
    "/feeds",
    "/recurrences",
    "/media",
    "/accounts",
    "/settings",
    "/status",
    "/ways",
    "/posts/99999",
)
FAILING = ("/posts/99999",)


def problems(page: Any) -> list[str]:
    """What axe finds, a line each."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found["violations"]]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_and_runs_nothing_of_others(tab: Watched, path: str) -> None:
    """axe finds nothing in light and in dark; no frame, no foreign script, nothing kept by caches."""
    answer = tab.page.goto(tab.url + path)
    assert answer is not None
    for scheme in ("light", "dark"):
        # Without transitions: colours on their way from light to dark are nobody's to read.
        tab.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert (scheme, []) == (scheme, problems(tab.page))
    policy = answer.headers["content-security-policy"]
    wanted = ("default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'")
    assert ([], "no-store") == ([part for part in wanted if part not in policy], answer.headers["cache-control"])
    assert "unsafe" not in policy
    if path in FAILING:
        tab.complaints.clear()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_a_small_phone(phone: Watched, path: str) -> None:
    """At 360 pixels nothing scrolls sideways, and axe finds nothing (at night, and on a push for the composer)."""
    page = phone.visit(path)
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert (False, []) == (wide, problems(page) if NIGHTLY or path == "/compose" else [])
    if path in FAILING:
        phone.complaints.clear()


def test_nobody_sees_anything_without_signing_in(browser: Any, site: Any) -> None:
    """Every page says how to sign in, and no more."""
    context = browser.new_context()
    page = context.new_page()
    for path in PATHS:
        answer = page.goto(site.url + path)
        assert (401, True) == (answer.status, "Sign in to Skywrite" in page.inner_text("h1"))
    assert [] == problems(page)
    context.close()
