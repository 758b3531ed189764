"""A real Chromium in front of a live server with a filled week.

The browser sees the server as http://skywrite.localhost, as a person would: there, other ports cannot read the cookies.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from dateutil.relativedelta import WE, relativedelta
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.serving import Server, start

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
NAME = "skywrite.localhost"
# Long, since a slow computer is no defect: only a test that fails waits for all of it.
PATIENCE_MS = 120_000
YEAR = datetime.now(UTC).year + 1
expect.set_options(timeout=PATIENCE_MS)
# A list of ours replaces that of Playwright. With RenderDocument, a page that is closed while it navigates never closes
# (playwright#42068, crbug.com/536385539); a spare renderer is a process for nothing; the others keep http as it is, as
# Playwright has it.
DISABLED = (
    *("RenderDocument", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "PaintHolding", "MediaRouter"),
    "SpareRendererForSitePerProcess",
)
ARGUMENTS = (
    f"--disable-features={','.join(DISABLED)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # All tabs show one site: one process draws them, which takes a third less processor time.
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
    "--in-process-gpu",
    f"--host-resolver-rules=MAP {NAME} 127.0.0.1",
)


def wednesday(which: int, month: int) -> date:
    """The second, third or fourth Wednesday of a month of next year: the middle of a week that is in that month."""
    return date(YEAR, 1, 1) + relativedelta(month=month, weekday=WE(which))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, which script/test installs: the one without windows, which takes half the time, or the whole one."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert path, "chromium is missing; script/test installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        make_patient(browser)
        yield browser
        browser.close()


def make_patient(browser: Browser) -> None:
    """Let every page wait for long."""
    new_context = browser.new_context

    def patient(**options: Any) -> BrowserContext:
        context = new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        return context

    browser.new_context = patient  # type: ignore[method-assign]


@pytest.fixture(scope="package")
def site() -> Iterator[Server]:
    """A server with a filled week and a worker."""
    server = start("--demo", environ={"SKYWRITE_FETCH_ALLOW": "127.0.0.1"})
    with server.child:
        server.url = server.url.replace("127.0.0.1", NAME)
        yield server


@pytest.fixture(scope="package")
def signed_in(browser: Browser, site: Server) -> dict[str, Any]:
    """The storage of a browser that is signed in as the owner."""
    context = browser.new_context()
    context.new_page().goto(site.sign_in_url.replace("127.0.0.1", NAME))
    state: Any = context.storage_state()
    context.close()
    return dict(state)


class Watched:
    """A page, and what its console and its policy complained about."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.complaints: list[str] = []
        self.may_be_refused = False
        self._asking: Page | None = None
        self.page = self.open()

    def open(self) -> Page:
        """One more tab."""
        page = self.context.new_page()
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _note(self, kind: str, text: str) -> None:
        refused = self.may_be_refused and "status of 422" in text
        if kind in ("error", "warning") and not refused:
            self.complaints.append(text)

    def visit(self, path: str) -> Page:
        """Go to a page of the server."""
        self.page.goto(self.url + path)
        return self.page

    def api(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A request to the API as the signed-in person, from its own page."""
        script = """async ([method, path, body]) => {
          const headers = body ? {"content-type": "application/json"} : {};
          const answer = await fetch("/api/v1" + path, {method, headers, body: body && JSON.stringify(body)});
          return [answer.status, await answer.json()];
        }"""
        if self._asking is None:
            self._asking = self.context.new_page()
            self._asking.goto(self.url + "/media")
        status, answer = self._asking.evaluate(script, [method, path, body])
        assert status < 300, answer
        return dict(answer)

    def taken_complaints(self) -> list[str]:
        """What was complained about since this was asked before."""
        taken, self.complaints[:] = [*self.complaints], []
        return taken

    def said(self) -> str:
        """What the page said about the last action."""
        return self.page.locator("[data-said]").inner_text()


def tab_of(browser: Browser, state: Any) -> BrowserContext:
    """A browser on a desk that is signed in like this."""
    return browser.new_context(storage_state=state, viewport={"width": 1280, "height": 900})


def phone_of(browser: Browser, state: Any) -> BrowserContext:
    """A phone that is signed in like this."""
    return browser.new_context(storage_state=state, viewport={"width": 360, "height": 740}, has_touch=True)


def opened(context: BrowserContext, url: str) -> Iterator[Watched]:
    """A tab, which must not log any complaint."""
    watched = Watched(context, url)
    yield watched
    context.close()
    assert [] == watched.complaints


@pytest.fixture
def tab(browser: Browser, site: Server, signed_in: dict[str, Any]) -> Iterator[Watched]:
    """A tab of the owner's browser, which must not log any complaint."""
    yield from opened(tab_of(browser, signed_in), site.url)


def new_link(owner: Watched, role: str) -> str:
    """A link that signs a new person in, made by the owner on the page."""
    page = owner.visit("/settings")
    page.get_by_text("Invite a person").click()
    page.fill("#person-name", f"A {role}")
    page.select_option("#role", role)
    page.get_by_role("button", name="Make an invitation").click()
    return page.locator(".secret").inner_text()


@pytest.fixture
def own_tab(browser: Browser, tab: Watched) -> Iterator[Watched]:
    """A tab of another owner, with its own session, which may end."""
    yield from _tab_of(browser, tab, "owner")


@pytest.fixture
def viewer_tab(browser: Browser, tab: Watched) -> Iterator[Watched]:
    """A tab of somebody who may only look."""
    yield from _tab_of(browser, tab, "viewer")


def _tab_of(browser: Browser, owner: Watched, role: str) -> Iterator[Watched]:
    link = new_link(owner, role)
    for watched in opened(tab_of(browser, None), owner.url):
        watched.page.goto(link)
        yield watched


@pytest.fixture
def phone(browser: Browser, site: Server, signed_in: dict[str, Any]) -> Iterator[Watched]:
    """The same on a small screen."""
    yield from opened(phone_of(browser, signed_in), site.url)
