"""Server-sent events, calendars, feeds and metrics: what others read."""

from __future__ import annotations

import json
import resource
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx
import icalendar
import pytest

from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import Api, Server, sign_in, start

LISTENERS = 1000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of its own: wrong addresses of calendars count as guesses, of which other tests make too many."""
    started = start("--demo", environ={"SKYWRITE_FETCH_ALLOW": "127.0.0.1"})
    with started.child:
        started.owner = sign_in(started)
        yield started


def events(lines: Iterator[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Events as (id, name, data)."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "data" in fields:
            yield fields.get("id", ""), fields.get("event", ""), json.loads(fields["data"])
            fields = {}


def cancelled(api: Api, text: str) -> int:
    """A post that was cancelled; its number."""
    number: int = api.post("/posts", {"text": text, "at": "2030-01-01T00:00:00Z"}).json()["id"]
    api.delete(f"/posts/{number}")
    return number


def test_listeners_hear_what_happens_and_what_they_missed(everything: Api, fresh_key: str) -> None:
    """A listener gets each event with its id; one that comes back with that id gets everything after it, once."""
    url = f"{everything.url}/api/v1/events"
    with httpx.stream("GET", url, headers=everything.headers, timeout=PATIENCE_SECONDS) as stream:
        lines = stream.iter_lines()
        assert "retry: 3000" == next(lines)
        first = cancelled(everything, f"first {fresh_key}")
        heard = events(lines)
        event = next(event for event in heard if event[1] == "post.cancelled" and event[2]["data"]["id"] == first)
    missed = [cancelled(everything, f"{number} {fresh_key}") for number in range(3)]
    headers = {**everything.headers, "last-event-id": event[0]}
    with httpx.stream("GET", url, headers=headers, timeout=PATIENCE_SECONDS) as stream:
        heard = (item for item in events(stream.iter_lines()) if item[1] == "post.cancelled")
        assert missed == [next(heard)[2]["data"]["id"] for _ in missed]


def test_listeners_hear_of_their_accounts_only(server: Server, everything: Api, fresh_key: str) -> None:
    """A key for one account hears nothing of another's posts."""
    bob = server.with_key("read", accounts=("bob.test",))
    with httpx.stream("GET", f"{server.url}/api/v1/events", headers=bob.headers, timeout=PATIENCE_SECONDS) as stream:
        lines = stream.iter_lines()
        next(lines)
        cancelled(everything, f"alice's {fresh_key}")
        mine = everything.post("/posts", {"text": f"{fresh_key}", "account": "bob.test", "at": "2030-01-01T00:00:00Z"})
        everything.delete(f"/posts/{mine.json()['id']}")
        event = next(event for event in events(lines) if event[1] == "post.cancelled")
        assert mine.json()["id"] == event[2]["data"]["id"]


def heard_until_it_ends(url: str, headers: dict[str, str], then: Callable[[], int]) -> list[int]:
    """The numbers of the posts that a listener hears of, once it listens and something was done, until the end.

    What is done returns the number of the last one; a stream that tells of it is read no further.
    """
    with httpx.stream("GET", f"{url}/api/v1/events", headers=headers, timeout=PATIENCE_SECONDS) as stream:
        lines = stream.iter_lines()
        assert "retry: 3000" == next(lines)
        last, heard = then(), list[int]()
        for _, kind, event in events(lines):
            if kind == "post.cancelled":
                heard.append(event["data"]["id"])
            if last in heard:
                break
        return heard


def test_a_stream_ends_with_its_key(server: Server, everything: Api, fresh_key: str) -> None:
    """What happens after a key was revoked is not told to who listens with it, and the stream is over."""
    owner = server.as_owner()
    key = owner.post("/keys", {"name": "short", "scopes": ["read"]}).json()
    before: list[int] = []

    def revoke() -> int:
        before.append(cancelled(everything, f"before {fresh_key}"))
        owner.delete(f"/keys/{key['id']}")
        return cancelled(everything, f"after {fresh_key}")

    heard = heard_until_it_ends(server.url, {"authorization": f"Bearer {key['key']}"}, revoke)
    assert [] == [number for number in heard if number not in before]


@pytest.mark.parametrize("leaves", ["removed", "signed out"])
def test_a_stream_ends_with_its_person(server: Server, everything: Api, fresh_key: str, leaves: str) -> None:
    """What happens after somebody was removed, or has signed out, is not told to their open page."""
    owner = server.as_owner()
    ann = owner.post("/people", {"name": "Ann", "role": "viewer"}).json()
    session = {"cookie": server.request("GET", ann["sign_in"]).headers["set-cookie"].partition(";")[0]}

    def leave() -> int:
        if leaves == "removed":
            owner.delete(f"/people/{ann['id']}")
        else:
            server.request("POST", "/sign-out", headers={**session, "origin": server.url})
        return cancelled(everything, f"after {fresh_key}")

    assert [] == heard_until_it_ends(server.url, session, leave)


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30])
def test_wrong_event_ids_are_refused(everything: Api, number: str) -> None:
    """Last-Event-ID is the number of an event."""
    assert 400 == everything.get("/events", headers={"last-event-id": number}).status_code


def test_many_listeners_leave_room_for_others(server: Server, everything: Api) -> None:
    """A thousand open streams of ten programs cost no thread each: requests are answered as before."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * LISTENERS), most))
    place = urlsplit(everything.url)
    keys = [server.with_key("read").headers["authorization"] for _ in range(10)]
    head = f"GET /api/v1/events HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: "
    streams = [socket.create_connection((place.hostname or "", place.port or 0)) for _ in range(LISTENERS)]
    try:
        for number, stream in enumerate(streams):
            stream.sendall(f"{head}{keys[number % 10]}\r\n\r\n".encode())
        for stream in streams:
            assert b"200 OK" in stream.recv(100)
        assert 200 == everything.get("/posts").status_code
    finally:
        for stream in streams:
            stream.close()


def test_the_plan_is_a_calendar(everything: Api, fresh_key: str) -> None:
    """The plan is read by the icalendar library; a post that moves keeps its UID, and its SEQUENCE grows."""
    text = f"Comma, semicolon; back\\slash {fresh_key} 🥐\nsecond line" + " ä" * 60
    post = everything.post("/posts", {"text": text, "at": "2030-05-01T10:00:00Z"}).json()
    calendar = everything.post("/calendars", {"name": "My plan"}).json()
    before = _event(everything, calendar["calendar"], post["id"])
    everything.post(f"/posts/{post['id']}/move", {"at": "2030-05-02T11:00:00Z"})
    after = _event(everything, calendar["calendar"], post["id"])
    assert f"@alice.test, scheduled: {text}" == str(before["description"])
    assert "2030-05-02T11:00:00+00:00" == after["dtstart"].dt.isoformat()
    assert before["uid"] == after["uid"] and int(before["sequence"]) < int(after["sequence"])
    everything.delete(f"/calendars/{calendar['id']}")
    assert 404 == httpx.get(everything.url + calendar["calendar"], timeout=PATIENCE_SECONDS).status_code


def test_who_reads_a_calendar_again_gets_only_what_changed(everything: Api) -> None:
    """The same plan has the same bytes and ETag, and is not sent twice; so has the feed of what was published."""
    calendar = everything.post("/calendars", {"name": "Again"}).json()
    for path in (calendar["calendar"], calendar["rss"]):
        first, second = (httpx.get(everything.url + path, timeout=PATIENCE_SECONDS) for _ in range(2))
        assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])
        known = {"if-none-match": f'"other", W/{first.headers["etag"]}'}
        again = httpx.get(everything.url + path, headers=known, timeout=PATIENCE_SECONDS)
        assert (304, b"", first.headers["etag"]) == (again.status_code, again.content, again.headers["etag"])


def test_what_was_published_is_a_feed(everything: Api) -> None:
    """What was published is an RSS feed, its markup escaped."""
    calendar = everything.post("/calendars", {"name": "<b>Feed</b>"}).json()
    answer = httpx.get(everything.url + calendar["rss"], timeout=PATIENCE_SECONDS)
    channel = ElementTree.fromstring(answer.text).find("channel")
    assert channel is not None
    assert ("application/rss+xml; charset=utf-8", "<b>Feed</b>") == (
        answer.headers["content-type"],
        channel.findtext("title"),
    )
    assert [] != channel.findall("item")


def test_metrics_and_health_name_nobody(server: Server) -> None:
    """Anyone may read whether the server is well and how many posts there are, and nothing about whose."""
    metrics, health = server.request("GET", "/metrics"), server.request("GET", "/healthz")
    assert {"status": "ok"} == health.json()
    assert 'skywrite_posts{state="scheduled"}' in metrics.text
    assert "alice" not in metrics.text + health.text


def _event(api: Api, path: str, number: int) -> Any:
    calendar = icalendar.Calendar.from_ical(httpx.get(api.url + path, timeout=PATIENCE_SECONDS).content)
    return next(event for event in calendar.walk("VEVENT") if str(event["uid"]).startswith(f"post-{number}-"))
