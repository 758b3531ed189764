"""The page of all that waits for an approval, and links at which somebody without an account decides, once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote_plus

import httpx
import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.security import Origin
from skywrite.features.reviews.store import ReviewLinks
from skywrite.queue.people import People
from tests.server.forms import fields
from tests.server.rights_world import picture
from tests.server.test_approvals import AT, drafted
from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import COOKIE, Api, Server


def shown(server: Server) -> str:
    """The page, for the owner."""
    answer = server.request("GET", "/approvals", headers={"cookie": f"{COOKIE}={server.owner}"})
    assert 200 == answer.status_code, answer.text
    return answer.text


def sent(server: Server, path: str, form: dict[str, str]) -> httpx.Response:
    """A form of the page."""
    headers = {"cookie": f"{COOKIE}={server.owner}", "origin": server.url}
    return server.request("POST", path, headers=headers, data=form)


def state(server: Server, number: int) -> str:
    """The state of a post."""
    return str(server.as_owner().get(f"/posts/{number}").json()["state"])


def linked(server: Server, number: int, **form: str) -> str:
    """The path of a new link for a post."""
    values = {**fields(shown(server), f"/approvals/{number}/link"), "reviewer": "Clara", **form}
    response = sent(server, f"/approvals/{number}/link", values)
    assert 303 == response.status_code, response.text
    page = server.request("GET", response.headers["location"], headers={"cookie": f"{COOKIE}={server.owner}"}).text
    (path,) = re.findall(r"/review/\w{32}", page)
    return str(path)


def opened(server: Server, path: str) -> httpx.Response:
    """What somebody sees who has nothing but the link."""
    return server.request("GET", path)


def decided(server: Server, path: str, decision: str, note: str = "") -> httpx.Response:
    """What they are told when they press a button."""
    form = {"decision": decision, "note": note}
    return httpx.post(server.url + path, data=form, headers={"origin": server.url}, timeout=PATIENCE_SECONDS)


@pytest.fixture
def draft(quiet_server: Server) -> tuple[Api, int]:
    """An agent's key, and the draft that it left."""
    return drafted(quiet_server, "Written for a review")


def test_everything_that_waits_is_on_one_page(quiet_server: Server, draft: tuple[Api, int]) -> None:
    """Each post as it would go out, by whom it is, with its buttons; a decision leads back to the page."""
    _, number = draft
    page = shown(quiet_server)
    assert "by an agent" in page and "Written for a review" in page
    answer = sent(quiet_server, f"/approvals/{number}/approve", fields(page, f"/approvals/{number}/approve"))
    assert "/approvals?done=Approved. It goes out" in unquote_plus(answer.headers["location"])
    assert ("scheduled", False) == (state(quiet_server, number), f"/approvals/{number}/approve" in shown(quiet_server))


def test_what_is_ones_own_has_no_buttons(quiet_server: Server) -> None:
    """What the person changed is for somebody else, and so is its link."""
    agent, number = drafted(quiet_server, "Mine, partly")
    quiet_server.as_owner().patch(f"/posts/{number}", {"text": "Mine"})
    page = shown(quiet_server)
    assert f"/approvals/{number}/approve" not in page and "You wrote or changed this post" in page
    form = {"reviewer": "Clara", "digest": agent.get(f"/posts/{number}/approval").json()["digest"]}
    assert 403 == sent(quiet_server, f"/approvals/{number}/link", form).status_code


def test_a_link_approves_once(quiet_server: Server, draft: tuple[Api, int]) -> None:
    """Looking uses nothing up; of many who press at once one approves, and the name is kept with the approval."""
    _, number = draft
    path = linked(quiet_server, number)
    assert [200, 200] == [opened(quiet_server, path).status_code for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: decided(quiet_server, path, "approve").status_code, range(8)))
    assert ([200] + [404] * 7, "scheduled") == (sorted(answers), state(quiet_server, number))
    assert "Clara (by a link)" == quiet_server.as_owner().get(f"/posts/{number}").json()["approved_by"]
    assert 404 == opened(quiet_server, path).status_code


def test_a_link_rejects_with_a_note(quiet_server: Server, draft: tuple[Api, int]) -> None:
    """The author reads why."""
    agent, number = draft
    answer = decided(quiet_server, linked(quiet_server, number), "reject", "Not like this")
    (verdict,) = agent.get(f"/posts/{number}/approval").json()["verdicts"]
    assert (200, "Not like this", "draft") == (answer.status_code, verdict["note"], state(quiet_server, number))


def test_a_link_is_for_the_post_as_it_was(quiet_server: Server, draft: tuple[Api, int]) -> None:
    """After a change it says so and decides nothing; it can still be used, should the change be taken back."""
    agent, number = draft
    path = linked(quiet_server, number)
    agent.patch(f"/posts/{number}", {"text": "Other words"})
    page = opened(quiet_server, path).text
    assert "It was changed since" in page and 'value="approve"' not in page
    answers = [decided(quiet_server, path, decision).status_code for decision in ("approve", "reject")]
    assert ([409, 409], "draft") == (answers, state(quiet_server, number))
    assert [] == agent.get(f"/posts/{number}/approval").json()["verdicts"]
    agent.patch(f"/posts/{number}", {"text": "Written for a review"})
    assert (200, "scheduled") == (decided(quiet_server, path, "approve").status_code, state(quiet_server, number))


def test_a_link_shows_the_images_of_its_post_alone(quiet_server: Server) -> None:
    """Nothing else can be looked at with it, and nothing is done by looking."""
    agent = quiet_server.with_key("read", "draft")
    cids = [
        agent.send("POST", "/media?name=a.png", content=picture(colour)).json()["media"] for colour in ("red", "blue")
    ]
    images = [{"media": cids[0], "alt": "Red"}]
    number = agent.post("/posts", {"text": "Look", "at": AT, "draft": True, "images": images}).json()["id"]
    path = linked(quiet_server, number)
    answers = [opened(quiet_server, f"{path}/image/{cid}").status_code for cid in (*cids, "nothing")]
    assert [200, 404, 404] == answers
    assert f'src="{path}/image/{cids[0]}"' in opened(quiet_server, path).text


@pytest.mark.parametrize(
    "form",
    [{"reviewer": ""}, {"reviewer": "a\u202eb"}, {"days": "0"}, {"days": "31"}, {"days": "x"}, {"digest": "0" * 64}],
    ids=str,
)
def test_a_wrong_link_is_not_made(quiet_server: Server, draft: tuple[Api, int], form: dict[str, str]) -> None:
    """Without a name, for too long, or for another post than was looked at."""
    _, number = draft
    values = {**fields(shown(quiet_server), f"/approvals/{number}/link"), "reviewer": "Clara", **form}
    status = 409 if "digest" in form else 422
    assert status == sent(quiet_server, f"/approvals/{number}/link", values).status_code


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("writer", 403), ("approver", 303)])
def test_who_may_hand_on_a_decision(quiet_server: Server, draft: tuple[Api, int], role: str, status: int) -> None:
    """Only who may decide: nobody hands on more than they have."""
    _, number = draft
    form = {**fields(shown(quiet_server), f"/approvals/{number}/link"), "reviewer": "Clara"}
    invited = quiet_server.as_owner().post("/people", {"name": role, "role": role}).json()["sign_in"]
    begun = quiet_server.request("GET", invited[invited.index("/sign-in") :])
    cookie = begun.headers["set-cookie"].partition(";")[0]
    headers = {"cookie": cookie, "origin": quiet_server.url}
    answer = quiet_server.request("POST", f"/approvals/{number}/link", headers=headers, data=form)
    assert status == answer.status_code


def test_a_link_ends_with_the_rights_of_who_made_it(quiet_server: Server, draft: tuple[Api, int]) -> None:
    """An approver who becomes a viewer has handed on nothing."""
    _, number = draft
    person = quiet_server.as_owner().post("/people", {"name": "Dora", "role": "approver"}).json()
    begun = quiet_server.request("GET", person["sign_in"][person["sign_in"].index("/sign-in") :])
    dora = Server(
        quiet_server.child, quiet_server.url, "", owner=begun.headers["set-cookie"].partition(";")[0].partition("=")[2]
    )
    path = linked(dora, number)
    assert 200 == opened(quiet_server, path).status_code
    quiet_server.as_owner().patch(f"/people/{person['id']}", {"role": "viewer"})
    assert [404, 404] == [opened(quiet_server, path).status_code, decided(quiet_server, path, "approve").status_code]
    assert "draft" == state(quiet_server, number)


def test_a_form_of_another_site_decides_nothing(quiet_server: Server, draft: tuple[Api, int]) -> None:
    """Whoever knows the link may decide, but not by somebody else's browser."""
    _, number = draft
    path = linked(quiet_server, number)
    headers = {"origin": "https://evil.example"}
    answer = httpx.post(
        quiet_server.url + path, data={"decision": "approve"}, headers=headers, timeout=PATIENCE_SECONDS
    )
    assert (403, "draft") == (answer.status_code, state(quiet_server, number))


def test_a_restored_backup_brings_no_used_link_back(sky: Skywrite, tmp_path: Path) -> None:
    """It works once, whatever the database remembers."""
    store, person = sky.context.store, People(sky.context.store).owner()
    number = sky.schedule("Asked about", at="in 5 days").post_id
    digest = sky.approvals.look(number).digest
    secret = ReviewLinks(store).add(number, digest, due_at=None, person_id=person.id, reviewer="Clara", days=7)
    store.backup(tmp_path / "backup.db")
    browser = TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1")
    form = {"data": {"decision": "reject", "note": "No"}, "headers": {"origin": "http://127.0.0.1"}}
    first = browser.post(f"/review/{secret}", **form).status_code
    (tmp_path / "backup.db").replace(store.place)
    answers = [browser.get(f"/review/{secret}").status_code, browser.post(f"/review/{secret}", **form).status_code]
    assert (200, [404, 404]) == (first, answers)


def test_a_link_does_not_overrule_who_said_no(quiet_server: Server, draft: tuple[Api, int]) -> None:
    """Another link, or a person, has rejected it: nothing is approved, and it can still be rejected once more."""
    _, number = draft
    first, second = linked(quiet_server, number), linked(quiet_server, number, reviewer="Dora")
    assert 200 == decided(quiet_server, first, "reject", "Not like this").status_code
    assert "was rejected since" in opened(quiet_server, second).text
    assert 409 == decided(quiet_server, second, "approve").status_code
    assert ("draft", 200) == (state(quiet_server, number), decided(quiet_server, second, "reject").status_code)


def test_a_link_made_after_a_no_decides(quiet_server: Server, draft: tuple[Api, int]) -> None:
    """Whoever hands on what was rejected has seen that."""
    _, number = draft
    decided(quiet_server, linked(quiet_server, number), "reject", "Not like this")
    assert 200 == decided(quiet_server, linked(quiet_server, number, reviewer="Dora"), "approve").status_code
    assert "scheduled" == state(quiet_server, number)


@pytest.mark.parametrize("turn", range(6))
def test_of_two_links_at_once_a_no_stands(quiet_server: Server, turn: int) -> None:
    """However the two decisions meet, nothing goes out that one of the two has rejected."""
    _, number = drafted(quiet_server, f"Decided twice {turn}")
    links = [(linked(quiet_server, number, reviewer=name), name) for name in ("approve", "reject")]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda link: decided(quiet_server, *link).status_code, links))
    assert (answers[1], True) == (200, state(quiet_server, number) in ("draft", "held"))


def test_a_note_is_a_text(quiet_server: Server, draft: tuple[Api, int]) -> None:
    """What cannot be stored everywhere is refused, and the link still works."""
    path = linked(quiet_server, draft[1])
    assert [422, 200] == [decided(quiet_server, path, "reject", note).status_code for note in ("a\x00b", "a b")]
