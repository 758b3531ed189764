"""Follow-ups over HTTP and on the page of a post."""

from __future__ import annotations

from urllib.parse import unquote_plus

from tests.support.serving import COOKIE, Server

AT = "2032-05-06T07:00:00Z"


def test_a_follow_up_is_added_listed_and_cancelled(quiet_server: Server) -> None:
    """With the scope `schedule`; a repost needs `publish`, and what is wrong is said at once."""
    author = quiet_server.with_key("read", "draft", "schedule")
    number = author.post("/posts", {"text": "Read me", "at": AT}).json()["id"]
    path = f"/posts/{number}/follow-ups"
    response = author.post(path, {"when": "50 likes", "reply": "Thank you"})
    assert (200, "waiting", 50, "likes") == (
        response.status_code,
        *(response.json()[name] for name in ("state", "threshold", "metric")),
    )
    assert 403 == author.post(path, {"when": "50 likes", "repost": True}).status_code
    assert 422 == author.post(path, {"when": "50 views", "reply": "Thank you"}).status_code
    listed = author.get("/follow-ups", params={"post": number}).json()["follow_ups"]
    assert [response.json()] == listed
    cancelled = author.delete(f"/follow-ups/{response.json()['id']}")
    assert (200, "cancelled") == (cancelled.status_code, cancelled.json()["state"])
    assert 404 == author.delete("/follow-ups/999999").status_code


def test_the_page_of_a_post_has_its_follow_ups(quiet_server: Server) -> None:
    """They are added and cancelled there, without a script."""
    number = quiet_server.as_owner().post("/posts", {"text": "Read me, too", "at": AT}).json()["id"]
    cookie = {"cookie": f"{COOKIE}={quiet_server.owner}"}

    def send(action: str, **form: str) -> str:
        headers = {**cookie, "origin": quiet_server.url}
        answer = quiet_server.request("POST", f"/posts/{number}/{action}", headers=headers, data=form)
        return unquote_plus(answer.headers.get("location", "")) or answer.text

    assert "It waits until the post has 5 replies" in send("follow", when="5 replies", reply="", repost="yes")
    assert "Write it like: 50 likes" in send("follow", when="many likes", reply="Thank you")
    page = quiet_server.request("GET", f"/posts/{number}", headers=cookie).text
    (known,) = quiet_server.as_owner().get("/follow-ups", params={"post": number}).json()["follow_ups"]
    assert "Repost it at 5 replies" in page and f'name="follow_up" value="{known["id"]}"' in page
    assert "The follow-up is cancelled" in send("unfollow", follow_up=str(known["id"]))
    assert "no such follow-up" in send("unfollow", follow_up="999999")
