"""Every page in a real browser: nothing complains, everyone can use it, and it fits the screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.pages.conftest import AXE, Watched, opened, phone_of, tab_of
from tests.support.chance import NIGHTLY

PATHS = (
    "/",
    "/?view=month",
    "/?view=agenda&rehearse=1",
    "/?choose=on",
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
# What may be right in light and wrong in dark: all else that axe looks at is the same there.
COLOURS = ("color-contrast", "link-in-text-block")


@pytest.fixture(scope="module")
def window(browser: Any, site: Any, signed_in: dict[str, Any]) -> Iterator[Watched]:
    """A tab for all pages, which only look: a new one takes longer than a page."""
    yield from opened(tab_of(browser, signed_in), site.url)


@pytest.fixture(scope="module")
def small_window(browser: Any, site: Any, signed_in: dict[str, Any]) -> Iterator[Watched]:
    """The same on a small screen."""
    yield from opened(phone_of(browser, signed_in), site.url)


def problems(page: Any, *rules: str) -> list[str]:
    """What axe finds, a line each; by all of its rules, or by these."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    report = page.evaluate("options => axe.run(document, options)", options)
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in report["violations"]]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_and_runs_nothing_of_others(window: Watched, path: str) -> None:
    """axe finds nothing in light and in dark; no frame, no foreign script, nothing kept by caches."""
    answer = window.page.goto(window.url + path)
    assert answer is not None
    for scheme, rules in (("light", ()), ("dark", COLOURS)):
        # Without transitions: colours on their way from light to dark are nobody's to read.
        window.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert (scheme, []) == (scheme, problems(window.page, *rules))
    policy = answer.headers["content-security-policy"]
    wanted = ("default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'")
    assert ([], "no-store") == ([part for part in wanted if part not in policy], answer.headers["cache-control"])
    assert "unsafe" not in policy
    assert [] == [complaint for complaint in window.taken_complaints() if path not in FAILING]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_a_small_phone(small_window: Watched, path: str) -> None:
    """At 360 pixels nothing scrolls sideways, and axe finds nothing (at night, and on a push for the composer)."""
    page = small_window.visit(path)
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert (False, []) == (wide, problems(page) if NIGHTLY or path == "/compose" else [])
    assert [] == [complaint for complaint in small_window.taken_complaints() if path not in FAILING]


def test_nobody_sees_anything_without_signing_in(browser: Any, site: Any) -> None:
    """Every page says how to sign in, and no more."""
    context = browser.new_context()
    page = context.new_page()
    for path in PATHS:
        answer = page.goto(site.url + path)
        assert (401, True) == (answer.status, "Sign in to Skywrite" in page.inner_text("h1"))
    assert [] == problems(page)
    context.close()
