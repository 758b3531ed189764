"""What a key or a person makes has never more than they have: scopes, accounts, an end; and no key approves."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS, Access, media
from skywrite.core.clock import to_iso
from skywrite.faces.server import uploads
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.rights import access_of_key
from skywrite.faces.server.security import Origin
from skywrite.queue.api_keys import SCOPES, ApiKeys
from skywrite.queue.people import People, Role
from tests.support.world import NOON, World

AT = "2032-05-06T07:00:00Z"
EVERYTHING = list(SCOPES)
TUS = {"tus-resumable": "1.0.0", "upload-length": "10"}
HOUR = NOON + timedelta(hours=1)
# The name of an import is that of its file, which is cleaned.
NAMING = [
    one.route for one in OPERATIONS.values() if "name" in one.input.__struct_fields__ and one.name != "imports.create"
]


class Caller:
    """Requests of somebody with a key or a session."""

    def __init__(self, client: TestClient, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers

    def send(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        """The status and the body of an answer."""
        options = {} if method in ("GET", "DELETE") else {"json": body}
        answer = self.client.request(method, f"/api/v1{path}", headers=self.headers, **options)
        return answer.status_code, answer.json()

    def child(self, *scopes: str, **more: Any) -> tuple[Caller, Any]:
        """A key that this caller makes."""
        status, key = self.send("POST", "/keys", name="child", scopes=list(scopes) or EVERYTHING, **more)
        assert 201 == status, key
        return Caller(self.client, {"authorization": f"Bearer {key['key']}"}), key


class House:
    """A server, and those who call it."""

    def __init__(self, queue: Skywrite) -> None:
        self.queue = queue
        self.people, self.keys = People(queue.context.store), ApiKeys(queue.context.store)
        self.client = TestClient(make_app(queue, Origin.of(None)), base_url="http://127.0.0.1")
        self.people.owner()

    def access(self, caller: Caller) -> Access:
        """The rights of a caller with a key, by which threads and streams are counted."""
        key = self.keys.check(caller.headers["authorization"].removeprefix("Bearer "))
        return access_of_key(self.queue, key)

    def person(self, role: Role) -> tuple[Caller, int]:
        """Somebody on the page, and their number."""
        person = self.people.add(f"A {role}", role)
        return Caller(self.client, {"cookie": f"{COOKIE}={self.people.begin_session(person.id)}"}), person.id

    def key(self, *scopes: str, **more: Any) -> tuple[Caller, int]:
        """A key that was made in the shell, and its number."""
        key, secret = self.keys.add("parent", scopes or EVERYTHING, **more)
        return Caller(self.client, {"authorization": f"Bearer {secret}"}), key.id


@pytest.fixture
def house(sky: Skywrite) -> House:
    """A server with alice's account."""
    return House(sky)


def test_a_child_ends_no_later(house: House, world: World) -> None:
    """A key that ends makes keys that end with it or before, and of one that would end later nothing is stored."""
    parent, _ = house.key(expires_at=HOUR)
    child, child_key = parent.child()
    _, short = parent.child(until=to_iso(NOON + timedelta(minutes=5)))
    later = parent.send("POST", "/keys", name="later", scopes=["read"], until=to_iso(HOUR + timedelta(minutes=1)))
    assert ("2026-11-24T13:00:00.000Z", "2026-11-24T12:05:00.000Z") == (child_key["expires_at"], short["expires_at"])
    assert (403, "access.denied") == (later[0], later[1]["code"])
    assert ["parent", "child", "child"] == [key["name"] for key in parent.send("GET", "/keys")[1]["keys"]]
    world.clock.advance(3600)
    assert [401, 401] == [one.send("GET", "/posts")[0] for one in (parent, child)]


def test_a_child_has_no_more_scopes_and_accounts(house: House, sky: Skywrite) -> None:
    """Of a key for one account without the scope `publish`, neither is passed on."""
    did = sky.context.account().did
    parent, number = house.key("read", "manage", accounts=[did])
    assert 403 == parent.send("POST", "/keys", name="more", scopes=["publish"])[0]
    assert 404 == parent.send("POST", "/keys", name="more", scopes=["read"], accounts=["bob.test"])[0]
    _, child_key = parent.child("read")
    assert ([did], number, None) == (child_key["accounts"], child_key["parent_id"], child_key["person_id"])


def test_no_accounts_are_not_all_accounts(house: House) -> None:
    """A list of accounts that somebody gave and left empty is refused, and no key is made of it."""
    parent, _ = house.key()
    refused = parent.send("POST", "/keys", name="none", scopes=["read"], accounts=[])
    assert 422 == refused[0]
    assert ["parent"] == [key["name"] for key in parent.send("GET", "/keys")[1]["keys"]]


def test_a_family_of_keys_has_one_share(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that makes others gets no more requests, streams and uploads by that, and none of anybody else's."""
    parent, number = house.key()
    child, _ = parent.child()
    grandchild, _ = child.child()
    other, _ = house.key()
    monkeypatch.setattr(uploads, "OPEN_UPLOADS_EACH", 2)
    begun = [one.client.post("/api/v1/media/uploads", headers=one.headers | TUS) for one in (child, grandchild, parent)]
    assert [201, 201, 429] == [answer.status_code for answer in begun]
    assert 201 == other.client.post("/api/v1/media/uploads", headers=other.headers | TUS).status_code
    left = [one.client.get("/api/v1/status", headers=one.headers).headers["ratelimit"] for one in (parent, grandchild)]
    assert ['"default";r=594;t=1', '"default";r=593;t=1'] == left
    assert f"key {number}" == house.access(grandchild).share


def test_a_family_of_keys_fills_no_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads that no post needs have an end for a key and all that came from it, and none for others by that."""
    parent, _ = house.key()
    child, _ = parent.child()
    other, _ = house.key()
    with io.BytesIO() as data:
        Image.new("RGB", (12, 8)).save(data, "PNG")
        image = data.getvalue()

    def upload(caller: Caller) -> tuple[int, dict[str, Any]]:
        answer = caller.client.post("/api/v1/media", content=image, headers=caller.headers)
        return answer.status_code, answer.json()

    monkeypatch.setattr(media, "UNNEEDED_BYTES_MAX", 10)
    (status, document), refused = upload(child), upload(parent)
    assert (201, 409, "upload.share_used") == (status, refused[0], refused[1]["code"])
    assert 201 == upload(other)[0]
    for caller in (child, other):
        caller.send("DELETE", f"/media/{document['media']}")
    assert 201 == upload(parent)[0]


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "\u202egnp.exe"])
@pytest.mark.parametrize("route", NAMING)
def test_a_name_is_what_it_shows(house: House, route: str, name: str) -> None:
    """Whatever is named over the API gets no name that cannot be shown, and the error says so."""
    caller, _ = house.person("owner") if "/people" in route else house.key()
    needed = {
        "/keys": {"scopes": ["read"]},
        "/people": {"role": "viewer"},
        "/webhooks": {"url": "https://example.com/"},
        "/snippets": {"text": "Hello"},
        "/hooks": {"kind": "github", "template": "{{ a }}"},
    }
    method, _, path = route.partition(" ")
    if "{id}" in path:
        path = path.replace("{id}", str(caller.send("POST", "/webhooks", **needed["/webhooks"])[1]["id"]))
    status, answer = caller.send(method, path, name=name, **needed.get(path, {}))
    assert (422, "name.invalid") == (status, answer["code"])


def test_the_family_of_a_key_ends_with_it(house: House) -> None:
    """Whoever revokes a key also ends the keys that it made, those that they made, and their calendars."""
    parent, number = house.key()
    child, _ = parent.child()
    grandchild, _ = child.child()
    address = grandchild.send("POST", "/calendars", name="plan")[1]["calendar"]
    other, _ = house.key()
    assert 200 == house.client.get(address).status_code
    assert 200 == other.send("DELETE", f"/keys/{number}")[0]
    assert [401, 401, 401, 200] == [one.send("GET", "/posts")[0] for one in (parent, child, grandchild, other)]
    assert (404, []) == (house.client.get(address).status_code, other.send("GET", "/calendars")[1]["calendars"])


def test_a_calendar_ends_with_its_key(house: House, world: World) -> None:
    """A key that ends makes no address that does not."""
    parent, _ = house.key(expires_at=HOUR)
    address = parent.send("POST", "/calendars", name="plan")[1]["calendar"]
    assert 200 == house.client.get(address).status_code
    world.clock.advance(3600)
    assert 404 == house.client.get(address).status_code


def test_what_a_person_made_goes_with_them(house: House) -> None:
    """Their keys have what they have now, and end with them, like their calendars and the keys of their keys."""
    owner, number = house.person("owner")
    child, child_key = owner.child()
    grandchild, _ = child.child()
    address = owner.send("POST", "/calendars", name="plan")[1]["calendar"]
    assert number == child_key["person_id"]
    house.people.change_role(number, "viewer")
    assert [(403, 200)] * 2 == [
        (one.send("GET", "/keys")[0], one.send("GET", "/posts")[0]) for one in (child, grandchild)
    ]
    house.people.remove(number)
    assert [401, 401] == [one.send("GET", "/posts")[0] for one in (child, grandchild)]
    assert 404 == house.client.get(address).status_code


def test_no_key_approves(house: House) -> None:
    """Neither the author's nor a second one that the author made, nor any other; a person does, and any key rejects."""
    author, _ = house.key()
    second, _ = author.child()
    other, _ = house.key()
    person, _ = house.person("approver")
    _, post = author.send("POST", "/posts", text="My own", at=AT, draft=True)
    _, again = author.send("POST", "/recurrences", text="Again", every="0 9 * * *", zone="UTC")
    for path in (f"/posts/{post['id']}", f"/recurrences/{again['id']}"):
        _, asked = author.send("GET", f"{path}/approval")
        answers = [one.send("POST", f"{path}/approve", digest=asked["digest"]) for one in (author, second, other)]
        assert [(403, "access.denied")] * 3 == [(status, answer["code"]) for status, answer in answers]
        assert 200 == person.send("POST", f"{path}/approve", digest=asked["digest"])[0]
        assert 200 == other.send("POST", f"{path}/reject", note="No")[0]


def test_no_key_invites(house: House) -> None:
    """A person has no end, and approves: no key makes one, changes one or removes one, whatever its scopes."""
    key, _ = house.key()
    owner, _ = house.person("owner")
    _, guest = owner.send("POST", "/people", name="Guest", role="writer")
    path = f"/people/{guest['id']}"
    answers = [
        key.send("POST", "/people", name="Friend", role="approver"),
        key.send("PATCH", path, role="approver"),
        key.send("DELETE", path),
    ]
    assert [(403, "access.denied")] * 3 == [(status, answer["code"]) for status, answer in answers]
    assert 200 == owner.send("PATCH", path, role="approver")[0]
    assert "approver" == house.people.get(guest["id"]).role
