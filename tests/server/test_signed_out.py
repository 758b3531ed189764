"""Every page says whose posts wait because nobody is signed in as them."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.operations.table import Access
from skywrite.app.operations.texts import CheckText, check_text
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.pages.frame import navigation
from skywrite.faces.server.security import Origin
from skywrite.queue.api_keys import SCOPES
from skywrite.queue.people import People
from tests.support.errors import fails
from tests.support.world import World

SAID = "1 post of alice.test waits, and does not go out: you are not signed in as alice.test."


@pytest.fixture
def page(sky: Skywrite) -> TestClient:
    """The pages as the owner gets them; a post is scheduled."""
    sky.schedule("Later", at="in 1 hour")
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}"}
    return TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers)


def test_each_page_says_that_posts_wait_for_a_sign_in(sky: Skywrite, page: TestClient) -> None:
    """Also those where something is wrong; and none does while somebody is signed in."""
    addresses = [entry.address for entry in navigation()] + ["/posts/1", "/drafts", "/?on=never"]
    assert [] == [address for address in addresses if SAID in page.get(address).text]
    assert "with 1 waiting" in page.get("/accounts").text
    sky.accounts.logout()
    assert [] == [address for address in addresses if SAID not in page.get(address).text]


def test_a_text_is_checked_before_anybody_signs_in(world: World) -> None:
    """The composer counts from the first keystroke; an account that somebody names is one that is there."""
    access = Access(world.process(), frozenset(SCOPES), who="key 1")
    assert [5] == [post.graphemes for post in check_text(access, CheckText(text="Hello")).posts]
    with fails("account.unknown"):
        check_text(access, CheckText(text="Hello", account="nobody.test"))


@pytest.mark.parametrize(("handle", "named"), [("", "''"), (" ", "' '"), ("nobody.test", "nobody.test")])
def test_an_account_that_is_not_there_is_named(sky: Skywrite, handle: str, named: str) -> None:
    """An empty name, too; and the hint says which are there, of those that the caller may know of."""
    access = Access(sky, frozenset(SCOPES), who="key 1", accounts=frozenset({sky.accounts.get("alice.test").did}))
    with fails("account.unknown", match=f"The account {named} is not known here") as caught:
        check_text(access, CheckText(text="Hello", account=handle))
    assert "Known here: alice.test." == caught.value.hint


def test_the_menu_has_every_page_in_its_place() -> None:
    """Pages of features stand among those of the frame."""
    names = [
        "Plan",
        "Compose",
        "Approve",
        "Inbox",
        "Answers",
        "History",
        "Stats",
        "Feeds",
        "Recurrences",
        "Media",
        "Accounts",
        "Settings",
    ]
    assert [*names, "Status"] == [entry.name for entry in navigation()]
