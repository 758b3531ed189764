"""Imports over HTTP: tables of others, all or nothing, with nothing from the server's own disk."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.server.rights_world import picture
from tests.support.serving import Api, Server
from tests.support.sheets import xlsx

AT = "2060-03-04T09:30:00Z"


def table(name: str, *rows: str, **more: Any) -> dict[str, Any]:
    """A request with a table in CSV, whose texts are this test's own."""
    return {"name": f"{name}.csv", "text": "\n".join(rows), **more}


def test_a_table_of_another_program_comes_in(everything: Api, fresh_key: str) -> None:
    """The answer says whose table it is, what was left out, and what became of each row; again, it adds nothing."""
    body = table(fresh_key, "Text,Image URL,Tags,Posting Time", f"{fresh_key} one,,a,{AT}", f"{fresh_key} two,,,{AT}")
    response = everything.post("/imports", body)
    assert 200 == response.status_code, response.text
    value = response.json()
    assert ("Buffer", ["Tags"]) == (value["source"], value["left_out"])
    assert [f"{fresh_key} one", f"{fresh_key} two"] == [row["text"] for row in value["rows"]]
    assert AT == everything.get(f"/posts/{value['rows'][0]['id']}").json()["due_at"][:19] + "Z"
    assert [True, True] == [row["existed"] for row in everything.post("/imports", body).json()["rows"]]


def test_a_workbook_comes_in(everything: Api, fresh_key: str) -> None:
    """As base64, with the sheet and a map."""
    data = xlsx({"Plan": [["Message", "When"], [f"{fresh_key} sheet", AT]], "Ideas": [["x"], ["y"]]})
    body = {"name": "plan.xlsx", "workbook": b64encode(data).decode(), "sheet": "Plan", "dry_run": True}
    mapped = {**body, "map": {"Message": "text", "When": "at"}}
    (row,) = everything.post("/imports", mapped).json()["rows"]
    assert (f"{fresh_key} sheet", None, None) == (row["text"], row["id"], row["error"])


def test_foreign_columns_are_named_at_once(everything: Api, fresh_key: str) -> None:
    """The error suggests a map, as the field to send."""
    answer = everything.post("/imports", table(fresh_key, "Message,Post date", f"x,{AT}"))
    assert (422, "table.columns_unknown") == (answer.status_code, answer.json()["code"])
    assert "the field map: {'Message': 'text', 'Post date': 'at'}" in answer.json()["hint"]


def test_a_wrong_row_stops_all_others(everything: Api, fresh_key: str) -> None:
    """Nothing is stored, unless only the others are asked for; a dry run says what is wrong with each."""
    body = table(fresh_key, "text,at", f"{fresh_key} good,{AT}", f"{fresh_key} bad,yesterday at noon")
    assert (422, "import.failed") == ((answer := everything.post("/imports", body)).status_code, answer.json()["code"])
    errors = [row["error"] for row in everything.post("/imports", {**body, "dry_run": True}).json()["rows"]]
    assert [True, False] == [error is None for error in errors]
    rows = everything.post("/imports", {**body, "partial": True}).json()["rows"]
    assert [True, False] == [row["id"] is not None for row in rows]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"images": [{"path": "/etc/passwd", "alt": "x"}]}, "file.outside"),
        ({"images": ["/etc/passwd"]}, "file.outside"),
        ({"video": "/etc/passwd"}, "file.outside"),
        ({"images": [{"cid": "bafkreia", "mime": "image/png", "size": 1}]}, "draft.invalid"),
        ({"thread": [{"text": "x", "images": [{"path": "/etc/passwd"}]}]}, "draft.invalid"),
        ({"embed": {"$type": "app.bsky.embed.record"}}, "draft.invalid"),
        ({"every": "daily 9:00", "pool": [{"text": "x", "images": ["/etc/passwd"]}]}, "draft.invalid"),
        ({"every": "daily 9:00", "grammar": "/etc/passwd", "at": None}, "file.outside"),
        ({"every": "daily 9:00", "grammar": {"origin": "x {img /etc/passwd}"}}, "grammar.invalid"),
        ({"every": "daily 9:00", "grammar": {"origin": "x"}, "distinct": 2}, "grammar.invalid"),
        ({"images": [{"media": "bafkreinothing"}]}, "media.unknown"),
        ({"account": "nobody.test"}, "account.unknown"),
        ({"nonsense": 1}, "draft.invalid"),
    ],
)
def test_rows_from_outside_name_nothing_here(everything: Api, fresh_key: str, row: dict[str, Any], error: str) -> None:
    """No file of the server, no media of others, no parts of records, in no place of a row."""
    body = {"name": f"{fresh_key}.json", "text": json.dumps([{"text": "x", "at": AT, **row}]), "dry_run": True}
    (told,) = everything.post("/imports", body).json()["rows"]
    assert error == told["error"]["code"], told


def test_a_key_imports_for_its_own_accounts(server: Server, fresh_key: str) -> None:
    """A row for another account is as one for an account that was never there."""
    alice = server.with_key("schedule", accounts=("alice.test",))
    errors = []
    for handle in ("bob.test", "nobody.test"):
        body = table(fresh_key, "text,at,account", f"{fresh_key} x,{AT},{handle}", dry_run=True)
        (row,) = alice.post("/imports", body).json()["rows"]
        errors.append({**row["error"], "message": row["error"]["message"].replace(handle, "HANDLE")})
    assert errors[0] == errors[1]
    (row,) = alice.post("/imports", table(fresh_key, "text,at", f"{fresh_key} y,{AT}")).json()["rows"]
    assert "alice.test" == row["account"]


def test_many_posts_at_once(everything: Api, fresh_key: str) -> None:
    """Each post of a list is stored once, however often the list is sent; a wrong one stops all, and is named."""
    posts = [{"text": f"{fresh_key} {number}", "at": AT, "key": f"{fresh_key}-{number}"} for number in range(200)]
    first, second = (everything.post("/posts/batch", {"posts": posts}).json()["posts"] for _ in range(2))
    assert [one["id"] for one in first] == [one["id"] for one in second]
    assert ({False}, {True}) == ({one["existed"] for one in first}, {one["existed"] for one in second})
    bad = [{"text": f"{fresh_key} x", "draft": True}, {"text": "y" * 301, "at": AT}, {"text": "z", "quote": "nothing"}]
    answer = everything.post("/posts/batch", {"posts": bad})
    assert (422, "import.failed", "2 of 3") == (answer.status_code, answer.json()["code"], answer.json()["detail"][:6])
    kept = everything.post("/posts/batch", {"posts": bad, "partial": True}).json()["posts"]
    assert [True, False, False] == [one["id"] is not None for one in kept]
    assert "draft" == everything.get(f"/posts/{kept[0]['id']}").json()["state"]


def test_many_posts_of_others(server: Server, fresh_key: str) -> None:
    """In a list, another's account or upload is as one that was never there, for each post by itself."""
    alice, owner = server.with_key("schedule", "draft", accounts=("alice.test",)), server.as_owner()
    upload = owner.send("POST", "/media?name=a.png", content=picture("red")).json()["media"]
    for field, theirs, nobodys in (("account", "bob.test", "nobody.test"), ("media", upload, upload[:-4] + "aaaa")):
        errors = []
        for value in (theirs, nobodys):
            fields = {"account": value} if field == "account" else {"images": [{"media": value, "alt": "x"}]}
            posts = [{"text": f"{fresh_key} {value}", "at": AT, **fields}, {"text": fresh_key, "at": AT}]
            one, other = alice.post("/posts/batch", {"posts": posts, "dry_run": True}).json()["posts"]
            errors.append({**one["error"], "message": one["error"]["message"].replace(value, "IT")})
            assert other["error"] is None
        assert errors[0] == errors[1]


@pytest.mark.parametrize("body", [{}, {"text": "text\nx", "workbook": "eA=="}, {"workbook": "?"}, {"text": "text\n"}])
def test_requests_that_hold_no_table(everything: Api, body: dict[str, str]) -> None:
    """They are refused with what a table is."""
    assert 422 == everything.post("/imports", {"name": "plan.csv", **body}).status_code
