"""The inbox on the page and over HTTP: what others wrote, below our post, and what may be done with it by whom."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.security import Origin
from skywrite.features.answers.store import InboxItems, NewItem
from skywrite.queue.api_keys import ApiKeys
from skywrite.queue.people import People, Role
from tests.support.world import World

OPEN = "Lovely! Do you open on Sundays, too?"


@pytest.fixture
def sky(world: World) -> Skywrite:
    """A queue with two replies of bob in its inbox."""
    queue = world.process()
    for handle in ("alice.test", "bob.test"):
        queue.accounts.login(handle, world.box.account(handle).app_password, pds=world.box.url)
    sent = queue.post("We bake again", account="alice.test")
    for text in (OPEN, "The best rolls in town"):
        queue.post(text, account="bob.test", reply_to=sent.uri)
    queue.inbox.collect("alice.test")
    return queue


def client(sky: Skywrite, role: Role) -> TestClient:
    """The pages as somebody with this role gets them."""
    people = People(sky.context.store)
    secret = people.begin_session(people.add(f"A {role}", role).id)
    headers = {"cookie": f"{COOKIE}={secret}"}
    app = make_app(sky, Origin.of(None))
    return TestClient(app, base_url="http://127.0.0.1", headers=headers, follow_redirects=False)


def number(sky: Skywrite, text: str = OPEN) -> int:
    """The number of an item."""
    return next(item.id for item in sky.inbox.list() if item.text == text)


def test_a_reply_stands_below_our_post(sky: Skywrite) -> None:
    """With both texts, and nothing for who is not signed in."""
    page = client(sky, "owner")
    text = page.get("/inbox").text
    assert 0 < text.index("We bake again") < text.index("Do you open on Sundays")
    page.headers.clear()
    assert 401 == page.get("/inbox").status_code


def test_an_answer_goes_into_the_queue(sky: Skywrite) -> None:
    """It can be taken back for ten seconds, leaves the list, and stands below what it answers."""
    page, item = client(sky, "approver"), number(sky)
    answer = page.post(f"/inbox/{item}/answer", data={"text": "From 9:00!", "at": "", "back": "/inbox"})
    assert "The reply to @bob.test goes out" in unquote_plus(answer.headers["location"])
    assert f'action="/posts/{sky.inbox.get(item).answer_id}/take-back"' in page.get(answer.headers["location"]).text
    assert OPEN not in page.get("/inbox").text
    whole = page.get("/inbox?show=all").text
    assert whole.index("Do you open on Sundays") < whole.index("From 9:00!")


def test_what_is_not_accepted_keeps_its_text(sky: Skywrite) -> None:
    """With the reason beside it, and the item still waits."""
    page, item = client(sky, "approver"), number(sky)
    for form in ({"text": "From 9:00!", "at": "someday"}, {"text": " ", "at": "tomorrow 9:00"}):
        answer = page.post(f"/inbox/{item}/answer", data=form)
        assert (422, True) == (answer.status_code, form["text"].strip() in answer.text)
        assert ("new", None) == (sky.inbox.get(item).state, sky.inbox.get(item).answer_id)


def test_an_answer_to_an_answer_shows_the_whole_conversation(sky: Skywrite) -> None:
    """Our post, what was asked, what we answered, and what came then."""
    item = sky.inbox.get(number(sky))
    answer = sky.inbox.answer(item.id, "From 9:00!").post.id
    sky.run_once()
    author = (item.author_did, item.author_handle)
    uri, subject = "at://did:plc:x/app.bsky.feed.post/1", sky.posts.get(answer).post.uri
    again = NewItem(item.account_did, uri, "cid", "reply", *author, "Great", subject, item.indexed_at)
    InboxItems(sky.context.store).add([again])
    text = client(sky, "owner").get("/inbox").text
    text = text[text.index("Conversation 2") :]
    places = [text.index(part) for part in ("We bake again", "Do you open on Sundays", "From 9:00!", "Great")]
    assert sorted(places) == places


def test_done_and_later(sky: Skywrite) -> None:
    """One leaves the list, the other comes again; a time that cannot be read changes nothing."""
    page, item = client(sky, "approver"), number(sky)
    other = next(one.id for one in sky.inbox.list() if one.id != item)
    assert "is done" in unquote_plus(page.post(f"/inbox/{item}/done", data={}).headers["location"])
    assert 422 == page.post(f"/inbox/{other}/snooze", data={"until": "someday"}).status_code
    assert "Snoozed until" in unquote_plus(
        page.post(f"/inbox/{other}/snooze", data={"until": "in 2 days"}).headers["location"]
    )
    assert "Nothing waits for an answer" in page.get("/inbox").text
    assert 404 == page.post("/inbox/999/done", data={}).status_code


def test_roles(sky: Skywrite) -> None:
    """A viewer is offered nothing and may do nothing; what a writer answers is a draft, and the item stays."""
    item, viewer, writer = number(sky), client(sky, "viewer"), client(sky, "writer")
    assert ["/inbox"] == re.findall(r'action="(/inbox[^"]*)"', viewer.get("/inbox").text), (
        "only the choice of an account"
    )
    forms = {"answer": {"text": "No"}, "done": {}, "snooze": {"until": "tomorrow"}}
    for action, form in forms.items():
        assert "This needs the scope" in viewer.post(f"/inbox/{item}/{action}", data=form).text
    assert "This needs the scope" in writer.post(f"/inbox/{item}/done", data={}).text
    kept = writer.post(f"/inbox/{item}/answer", data={"text": "From 9:00!"})
    assert "is kept as a draft" in unquote_plus(kept.headers["location"])
    entry = sky.inbox.get(item)
    assert ("new", "draft") == (entry.state, sky.posts.get(entry.answer_id or 0).post.state)


def test_other_sites_change_nothing(sky: Skywrite) -> None:
    """A form that another page sends is refused."""
    page, item = client(sky, "owner"), number(sky)
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert 403 == page.post(f"/inbox/{item}/done", data={}, headers=headers).status_code
    assert "new" == sky.inbox.get(item).state


def test_the_api(sky: Skywrite) -> None:
    """It lists, answers once, snoozes and settles; a key for another account sees nothing of it."""
    keys, scopes, bob = ApiKeys(sky.context.store), ("read", "schedule"), sky.accounts.get("bob.test").did
    page = TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1")
    mine, other = (
        {"authorization": f"Bearer {keys.add(name, scopes, accounts=accounts)[1]}"}
        for name, accounts in (("all", None), ("bob", (bob,)))
    )
    item = number(sky)
    assert item in [one["id"] for one in page.get("/api/v1/inbox", headers=mine).json()["items"]]
    assert [] == page.get("/api/v1/inbox", headers=other).json()["items"]
    assert 404 == page.post(f"/api/v1/inbox/{item}/done", json={}, headers=other).status_code
    later = page.post(f"/api/v1/inbox/{item}/snooze", json={"until": "2031-01-01T09:00:00Z"}, headers=mine).json()
    assert "2031-01-01T09:00:00.000Z" == later["snoozed_until"]
    body = {"text": "From 9:00!", "at": "2031-01-01T09:00:00Z"}
    first, second = (page.post(f"/api/v1/inbox/{item}/answer", json=body, headers=mine).json() for _ in range(2))
    assert (first["id"], "scheduled") == (second["id"], first["state"])
    done = [one for one in page.get("/api/v1/inbox?done=true", headers=mine).json()["items"] if one["id"] == item]
    assert [("done", first["id"])] == [(one["state"], one["answer"]) for one in done]


def test_the_switch_of_a_bot(sky: Skywrite) -> None:
    """It says how the bot stands; who may schedule pauses it, and only who manages lets it go on without approval."""
    sky.accounts.set("alice.test", {"answers": "trial"})
    did = sky.accounts.get("alice.test").did
    owner, writer = client(sky, "owner"), client(sky, "writer")
    text = owner.get("/inbox").text
    assert ("is on trial" in text, "Go on without approval" in text, "@bob.test is on" in text) == (True, True, False)
    assert "Go on without approval" not in writer.get("/inbox").text
    assert "This needs the scope" in writer.post("/answers/resume", data={"account": did}).text
    assert "answers nothing" in unquote_plus(owner.post("/answers/pause", data={"account": did}).headers["location"])
    assert ("paused", True) == (sky.answers.list()[0].state, "it is paused" in owner.get("/inbox").text)
    owner.post("/answers/resume", data={"account": did})
    assert "on" == sky.answers.list()[0].state


def test_a_bot_is_labelled_on_the_page(sky: Skywrite) -> None:
    """With one button."""
    sky.accounts.set("alice.test", {"answers": "on"})
    owner = client(sky, "owner")
    answer = owner.post("/answers/label", data={"account": sky.accounts.get("alice.test").did})
    assert ("says that it is a bot" in unquote_plus(answer.headers["location"]), True) == (
        True,
        sky.bots.status("alice.test"),
    )


def test_a_key_pauses_bots_of_its_accounts(sky: Skywrite) -> None:
    """And of no others; it cannot let them go on."""
    for handle in ("alice.test", "bob.test"):
        sky.accounts.set(handle, {"answers": "on"})
    did = sky.accounts.get("alice.test").did
    secret = ApiKeys(sky.context.store).add("mine", ("read", "schedule"), accounts=(did,))[1]
    page = TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1")
    mine = {"authorization": f"Bearer {secret}"}
    assert ["alice.test"] == [bot["account"] for bot in page.get("/api/v1/answers", headers=mine).json()["bots"]]
    assert 200 == page.post("/api/v1/answers/pause", json={}, headers=mine).status_code
    assert {"alice.test": "paused", "bob.test": "on"} == {bot.account.handle: bot.state for bot in sky.answers.list()}
