"""Approving on the page and over HTTP: what an agent wrote goes out as it was shown, and not by its own approval."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from tests.support.serving import COOKIE, Api, Server

AT = "2031-05-06T07:00:00Z"


def drafted(server: Server, text: str, *scopes: str) -> tuple[Api, int]:
    """An agent's key, and the draft that it left."""
    agent = server.with_key(*(scopes or ("read", "draft")))
    response = agent.post("/posts", {"text": text, "at": AT, "draft": True})
    assert 201 == response.status_code, response.text
    return agent, response.json()["id"]


def page(server: Server, number: int) -> str:
    """The page of a post, for its owner."""
    answer = server.request("GET", f"/posts/{number}", headers={"cookie": f"{COOKIE}={server.owner}"})
    assert 200 == answer.status_code
    return answer.text


def send(server: Server, number: int, action: str, **form: str) -> str:
    """Send a form of the page; what is said about it."""
    headers = {"cookie": f"{COOKIE}={server.owner}", "origin": server.url}
    answer = server.request("POST", f"/posts/{number}/{action}", headers=headers, data=form)
    return unquote_plus(answer.headers.get("location", "")) or answer.text


def test_the_page_shows_the_digest_and_approves_it(quiet_server: Server) -> None:
    """The button sends the digest that was shown, and the draft is scheduled for the time that was asked for."""
    _, number = drafted(quiet_server, "Written by an agent")
    shown = page(quiet_server, number)
    (digest,) = re.findall(r'name="digest" value="([0-9a-f]{64})"', shown)
    (at,) = re.findall(r'name="at" value="([^"]+)"', shown)
    assert "Approved. It goes out" in send(quiet_server, number, "approve", digest=digest, at=at)
    post = quiet_server.as_owner().get(f"/posts/{number}").json()
    assert ("scheduled", "2031-05-06T07:00:00.000Z") == (post["state"], post["due_at"])


def test_what_was_changed_meanwhile_is_not_approved(quiet_server: Server) -> None:
    """The digest of the page that is still open in the browser approves nothing any more."""
    agent, number = drafted(quiet_server, "First words")
    (digest,) = re.findall(r'name="digest" value="([0-9a-f]{64})"', page(quiet_server, number))
    agent.patch(f"/posts/{number}", {"text": "Other words"})
    assert "Nothing was approved." in send(quiet_server, number, "approve", digest=digest, at=AT)
    assert "draft" == quiet_server.as_owner().get(f"/posts/{number}").json()["state"]


def test_a_rejection_with_a_note(quiet_server: Server) -> None:
    """The author reads it, and the changes since are shown to whoever looks next."""
    agent, number = drafted(quiet_server, "Too loud")
    assert "Rejected" in send(quiet_server, number, "reject", note="Calmer, please")
    (verdict,) = agent.get(f"/posts/{number}/approval").json()["verdicts"]
    assert ("rejected", "Calmer, please") == (verdict["verdict"], verdict["note"])
    agent.patch(f"/posts/{number}", {"text": "Calm"})
    shown = page(quiet_server, number)
    assert "<del>Too loud</del>" in shown and "<ins>Calm</ins>" in shown and "changed</small>" in shown


def test_people_approve_what_they_did_not_write(quiet_server: Server) -> None:
    """Over HTTP, too: not what is their own, and no key approves at all."""
    owner = quiet_server.as_owner()
    agent, number = drafted(quiet_server, "By an agent", "read", "draft", "schedule", "publish")
    body = {"digest": agent.get(f"/posts/{number}/approval").json()["digest"]}
    for key in (agent, quiet_server.with_key("read", "draft"), quiet_server.with_key("read", "publish")):
        assert (403, "access.denied") == (
            (refused := key.post(f"/posts/{number}/approve", body)).status_code,
            refused.json()["code"],
        )
    approved = owner.post(f"/posts/{number}/approve", body)
    assert (200, "scheduled") == (approved.status_code, approved.json()["state"])
    mine = owner.post("/posts", {"text": "Mine", "at": AT, "draft": True}).json()["id"]
    digest = owner.get(f"/posts/{mine}/approval").json()["digest"]
    own = owner.post(f"/posts/{mine}/approve", {"digest": digest})
    assert (403, "approval.own_post") == (own.status_code, own.json()["code"])


def test_a_recurrence_is_approved_as_a_whole(quiet_server: Server) -> None:
    """On its page and over HTTP: with the digest that was shown, and by no key."""
    agent = quiet_server.with_key("read", "schedule", "publish")
    recurrence = {"text": "Every day", "every": "0 9 * * *", "zone": "UTC", "starts": "2033-01-01T00:00:00Z"}
    number = agent.post("/recurrences", recurrence).json()["id"]
    asked = agent.get(f"/recurrences/{number}/approval").json()
    own = agent.post(f"/recurrences/{number}/approve", {"digest": asked["digest"]})
    assert (403, "access.denied") == (own.status_code, own.json()["code"])
    other = quiet_server.as_owner()
    stale = other.post(f"/recurrences/{number}/approve", {"digest": "0" * 64})
    assert "approval.stale" == stale.json()["code"]
    assert True is other.post(f"/recurrences/{number}/approve", {"digest": asked["digest"]}).json()["approved"]
    cookie = {"cookie": f"{COOKIE}={quiet_server.owner}"}
    assert "It is approved as it is" in quiet_server.request("GET", "/recurrences", headers=cookie).text
    form = {"headers": {**cookie, "origin": quiet_server.url}, "data": {"note": "No more"}}
    quiet_server.request("POST", f"/recurrences/{number}/reject", **form)
    assert asked["digest"] in quiet_server.request("GET", "/recurrences", headers=cookie).text
    form["data"] = {"digest": asked["digest"]}
    quiet_server.request("POST", f"/recurrences/{number}/approve", **form)
    assert True is other.get(f"/recurrences/{number}/approval").json()["approved"]
    agent.delete(f"/recurrences/{number}")
