"""What a newcomer does with `skywrite serve --demo`, in a browser: compose, drag, publish, approve an agent's draft.

The server is this test's own: what others publish and set does not change when its posts go out.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.features.webhooks.test_webhooks import Receiver, receiver
from tests.pages.conftest import NAME, Watched
from tests.pages.test_composing import number, write
from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import start

__all__ = ["receiver"]


@pytest.fixture
def newcomer(browser: Browser) -> Iterator[Watched]:
    """A tab of who has just started the demo, and opened the link that it printed."""
    server = start("--demo", environ={"SKYWRITE_FETCH_ALLOW": "127.0.0.1"})
    with server.child:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        watched = Watched(context, server.url.replace("127.0.0.1", NAME))
        watched.page.goto(server.sign_in_url.replace("127.0.0.1", NAME))
        yield watched
        context.close()
    assert [] == watched.complaints


def test_the_first_hour(newcomer: Watched, receiver: Receiver) -> None:
    """They compose, drag, publish and see the webhook arrive; an agent drafts a post, and they approve it."""
    # Nothing waits for the gap between posts, nor for the seconds in which a post can be taken back.
    newcomer.api("PATCH", "/accounts/alice.test", {"gap_seconds": 0, "undo_seconds": 0})
    key = _set_up(newcomer, receiver)

    page = newcomer.visit("/compose")
    write(page, "My first post")
    page.fill("[data-at]", "in 3 days")
    page.click("[data-send]")
    page.wait_for_url("**/posts/**")
    post = number(page)
    newcomer.visit("/?view=agenda")
    # The first one may pass before the post is there.
    slot = page.locator("[data-slot]").nth(1)
    time = str(slot.get_attribute("data-slot")).partition("T")[2]
    page.locator(f"[data-post='{post}']").drag_to(slot)
    expect(page.locator("[data-said]")).to_contain_text(time)
    newcomer.visit(f"/posts/{post}")
    page.get_by_role("button", name="Post now").click()
    _published(page)
    assert post == _heard(receiver, "post.published", post)

    _run(_draft(newcomer.url.replace(NAME, "127.0.0.1"), key))
    draft = _heard(receiver, "approval.requested")
    newcomer.visit(f"/posts/{draft}")
    expect(page.locator("main")).to_contain_text("An agent wrote this")
    page.get_by_role("button", name="Approve").click()
    _published(page)
    for kind in ("approval.given", "post.published"):
        assert draft == _heard(receiver, kind, draft)


def _set_up(newcomer: Watched, receiver: Receiver) -> str:
    """On the settings page: a webhook for the receiver, and a key for an agent, which is returned."""
    page = newcomer.visit("/settings")
    page.get_by_text("Add a webhook").click()
    page.fill("#hook-url", receiver.url)
    page.get_by_role("button", name="Add it").click()
    expect(page.locator(".secret")).to_contain_text("whsec_")
    page.get_by_text("Make a key").click()
    page.fill("#key-name", "My agent")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".secret")).to_contain_text("skw_")
    return page.locator(".secret").inner_text()


def _published(page: Page) -> None:
    expect(page.locator(".chip").first).to_have_text("published")


def _heard(receiver: Receiver, kind: str, post: int | None = None) -> int:
    """Wait for a message of this kind, about this post: its number. Posts of the demo's week may go out meanwhile."""

    def found() -> list[int]:
        messages = [json.loads(body) for _, body in receiver.got]
        ids = [message["data"]["id"] for message in messages if message["type"] == kind]
        return [number for number in ids if post in (None, number)]

    with receiver.news:
        assert receiver.news.wait_for(found, PATIENCE_SECONDS), f"no {kind} came"
        return found()[0]


async def _draft(url: str, key: str) -> None:
    """What the agent does, with the official client."""
    import httpx2
    from mcp.client import Client
    from mcp.client.streamable_http import streamable_http_client

    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_SECONDS) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        arguments = {"text": "An agent wrote this", "key": "first", "account": "alice.test"}
        assert not (await client.call_tool("preview_post", {"text": arguments["text"]})).is_error
        assert "draft" == json.loads((await client.call_tool("draft_post", arguments)).content[0].text)["state"]


def _run(work: Any) -> None:
    """Run it in a thread: the browser's loop lives in this one."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
