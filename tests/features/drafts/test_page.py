"""The page of drafts: each of them is reachable, and the newest are on the plan."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.pages.plan import DRAFTS_MAX
from skywrite.faces.server.pages.posts import HISTORY_POSTS
from skywrite.faces.server.security import Origin
from skywrite.queue.people import People

COUNT = 2 * HISTORY_POSTS + 2


@pytest.fixture
def page(sky: Skywrite) -> TestClient:
    """The pages as the owner gets them, with more drafts than two pages hold."""
    for number in range(COUNT):
        sky.schedule(f"Idea {number}.", draft=True)
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}"}
    return TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers)


def ideas(text: str) -> list[int]:
    """The numbers of the drafts on a page."""
    return [int(number) for number in re.findall(r"Idea (\d+)\.", text)]


def test_all_drafts_are_reachable_from_the_plan(page: TestClient) -> None:
    """The plan has the newest ones and leads to all, page by page."""
    plan = page.get("/").text
    assert ([*range(COUNT)][: -DRAFTS_MAX - 1 : -1], True) == (ideas(plan), 'href="/drafts"' in plan)
    numbers, address = list[int](), "/drafts"
    while address:
        shown = page.get(address).text
        numbers += ideas(shown)
        following = re.search(r'rel="next" href="([^"]+)"', shown)
        address = following[1].replace("&amp;", "&") if following else ""
    assert [*reversed(range(COUNT))] == numbers


def test_drafts_are_searched(page: TestClient) -> None:
    """By their words."""
    assert [77] == ideas(page.get("/drafts?text=idea+77").text)
    assert "Nothing fits" in page.get("/drafts?text=nowhere").text
