"""What the server answers on a queue that holds everything there can be: each operation, each of its fields, each page.

What lives here: the walk, from the table of operations and the menu. `python -m` this module writes down what it finds,
in `tests/vectors/answers.json`; `test_answers` compares. What does not: what there is (`rights_world`).

Of pages only what comes from data is kept, without the frame: addresses, forms with their values, and words with a
digit or a name of a thing in them. The other words are free, and so are those of errors.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec.inspect as info
from selectolax.lexbor import LexborHTMLParser, LexborNode
from starlette.testclient import TestClient

from skywrite.app.operations import OPERATIONS, Operation
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.pages.frame import navigation
from skywrite.queue.api_keys import SCOPES
from skywrite.queue.people import People
from tests.server.eventful import make_eventful
from tests.server.rights_world import ALL, AT, Row, World, ask, whole_world
from tests.server.test_rights import SECRETS, fields_of, made, names_things, usual
from tests.support.stored import fast_folder

FILE = Path(__file__).parent.parent / "vectors" / "answers.json"
EVERY = frozenset(SCOPES)
PAGES_MAX = 12
LONG = 40
VALUE_MAX = 100
# Columns that are made at random, or from what is.
UNSAID = ("digest", "prefix", "key_hash", "rkey", "root_rkey")
# What a field holds where its type says too little.
TEXTS: Mapping[str, str] = {
    "at": AT,
    "from": "2026-11-25",
    "to": "2026-12-31",
    "since": "2026-11-01",
    "before": "2026-12-01T00:00:00Z",
    "after": "2026-11-24T11:00:00Z",
    "until": "2027-01-01T10:00:00Z",
    "every": "0 8 * * *",
    "zone": "Asia/Tokyo",
    "late": "skip:1h",
    "text": "secret-of-alice",
    "state": "scheduled,draft",
    "langs": "de",
    "url": "https://receiver.example/",
    "message": '{"release": {"name": "One"}}',
    "undo_after": "24h",
    "now": "2026-11-24T12:00:00Z",
}


def told(world: World) -> dict[str, Any]:
    """All that is answered, by what was asked."""
    kept = world.database.with_suffix(".kept")
    cookie = f"{COOKIE}={session_of_owner(world)}"
    answers: dict[str, Any] = {}
    with (
        world.served() as client,
        closing(sqlite3.connect(world.database)) as live,
        closing(sqlite3.connect(kept)) as old,
    ):
        live.backup(old)
        before = world.rows()
        for name in sorted(OPERATIONS):
            secret = world.keys[ALL, EVERY]
            usually: list[Any] | None = None
            for request in requests(world, OPERATIONS[name]):
                asked = made(OPERATIONS[name], request, frozenset())
                status, _, body = ask(client, secret, asked, cookie if OPERATIONS[name].by_person else None)
                answer = [status, *_read(world, body)]
                # Whatever is as usual need not be said again.
                answers.setdefault(
                    f"{name} {_short(request)}", answer if usually is None else differing(usually, answer)
                )
                usually = answer if usually is None else usually
                if not OPERATIONS[name].read_only:
                    if answer is usually:
                        answers[f"{name} writes"] = written(world, before)
                    old.backup(live)
            answers |= turned(client, world, OPERATIONS[name], secret)
        owner = {"cookie": cookie, "accept": "text/html"}
        for path in paths(world):
            page = client.get(path, headers=owner)
            answers[path] = [page.status_code, *drawn(world, page.text)]
    return answers


def session_of_owner(world: World) -> str:
    """A session of the owner, on the page."""
    with world.opened() as sky:
        people = People(sky.context.store)
        return people.begin_session(people.owner().id)


def requests(world: World, operation: Operation) -> Iterator[Mapping[str, Any]]:
    """The usual request, one with each other field, and one for each thing that there is."""
    values, _ = usual(world, operation, ALL)
    values |= {name: TEXTS[name] for name in ("from", "to") if name in values}
    yield values
    struct = info.type_info(operation.input)
    assert isinstance(struct, info.StructType)
    types = {field.encode_name: field.type for field in struct.fields}
    for name, required in fields_of(operation):
        if not required and not names_things(operation, name):
            for value in values_of(types[name], name):
                yield {**values, name: value}
    for more in more_of(world).get(operation.name, ()):
        yield {**values, **more}
    noun = operation.path.split("/")[1]
    if operation.path_fields() == ["id"]:
        owners = world.things.get(noun, {}) if operation.read_only else ("alice", ALL)
        for number in (number for owner in owners for number in world.of(noun, owner)):
            yield {**values, "id": number}


def values_of(kind: info.Type, name: str) -> Iterator[Any]:
    """Values of a type: each choice, and the ends of what is allowed."""
    if isinstance(kind, info.UnionType):
        for one in kind.types:
            yield from values_of(one, name)
    elif isinstance(kind, info.Metadata):
        yield from values_of(kind.type, name)
    elif isinstance(kind, info.BoolType):
        yield from (True, False)
    elif isinstance(kind, info.LiteralType):
        yield from kind.values
    elif isinstance(kind, info.IntType):
        yield from (value for value in (kind.ge, 2, kind.le) if value is not None)
    elif isinstance(kind, info.StrType):
        yield TEXTS.get(name, "x")
    elif isinstance(kind, info.ListType):
        yield from ([value] for value in values_of(kind.item_type, name))


def turned(client: TestClient, world: World, operation: Operation, secret: str) -> dict[str, Any]:
    """A list page by page, one thing on each."""
    names = {name for name, _ in fields_of(operation)}
    if not {"limit", "cursor"} <= names:
        return {}
    values, _ = usual(world, operation, ALL)
    pages: list[Any] = []
    cursor = None
    while len(pages) < PAGES_MAX:
        request = made(operation, {**values, "limit": 1, "cursor": cursor}, frozenset())
        body = json.loads(ask(client, secret, request)[2])
        pages.append([[item.get("id") for item in value] for value in body.values() if isinstance(value, list)])
        cursor = body.get("cursor")
        if not cursor:
            break
    return {f"{operation.name} page by page": pages}


def paths(world: World) -> Iterator[str]:
    """The addresses of pages: the menu's, and one of each thing that has a page."""
    yield from (entry.address for entry in navigation())
    for state in ("draft", "scheduled", "held", "failed", "published"):
        yield f"/posts/{world.of(state, 'alice')[0]}"
    yield f"/compose?draft={world.of('draft', 'alice')[0]}"
    for query in ({"view": "month"}, {"view": "agenda"}, {"view": "week", "on": "2026-12-24"}, {"account": "bob.test"}):
        yield f"/?{urlencode(query)}"
    yield from ("/drafts", "/history?state=failed", "/history?text=alice", "/inbox?account=bob.test", "/nothing")


def drawn(world: World, page: str) -> list[str]:
    """What of a page comes from data."""
    tree = LexborHTMLParser(page)
    lines = []
    for node in tree.css("main *") or tree.css("body *"):
        if node.tag in ("script", "style", "svg"):
            continue
        lines += [_masked(world, line) for line in (" ".join(node.text(deep=False).split()), *_attributes(node))]
    return [line for line in lines if re.search(r"\d|secret|alice|bob|carol|=|\*", line)]


def _attributes(node: LexborNode) -> list[str]:
    kept = ("href", "action", "name", "value", "datetime", "hidden", "checked", "selected", "disabled", "open")
    attributes = [
        f"{name}={value}" for name, value in node.attributes.items() if name in kept or name.startswith("data-")
    ]
    return [f"{node.tag} {' '.join(attributes)}"] if attributes else []


def written(world: World, before: set[Row]) -> list[str]:
    """The rows that are new or changed: their texts, numbers and times."""
    rows = []
    for row in world.rows() - before:
        pairs = ((name, value) for name, value in row.values if name not in UNSAID and value not in (None, ""))
        values = {name: value for name, value in pairs if not isinstance(value, bytes)}
        rows.append(f"{row.table} " + " ".join(f"{name}={_cut(value)}" for name, value in values.items()))
    return sorted(re.sub(r"\b(?:[0-9a-f]{16}){1,2}\b", "*", _masked(world, row)) for row in rows)


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= VALUE_MAX else f"{len(text)} characters"


def _read(world: World, body: bytes) -> list[Any]:
    text = _masked(world, body.decode("utf-8", "replace"))
    try:
        answer = json.loads(text)
    except ValueError:
        return text.splitlines()
    # What an error says is in words, and free.
    is_error = isinstance(answer, dict) and str(answer.get("type")).startswith("urn:")
    return [answer["code"] if is_error else brief(answer)]


def brief(answer: Any) -> Any:
    """An answer with long lists by their length and ends."""
    if isinstance(answer, dict):
        return {name: brief(value) for name, value in answer.items()}
    if isinstance(answer, list) and len(answer) > LONG:
        return [len(answer), answer[0], answer[-1]]
    return answer


def differing(usual: Any, answer: Any) -> Any:
    """What of an answer is not as usual: of an object the fields that differ (null: it has none), else all of it."""
    if isinstance(usual, dict) and isinstance(answer, dict):
        names = [name for name in {**usual, **answer} if usual.get(name) != answer.get(name)]
        return {name: differing(usual.get(name), answer.get(name)) for name in names}
    if isinstance(usual, list) and isinstance(answer, list) and len(usual) == len(answer):
        return ["=" if one == other else differing(one, other) for one, other in zip(usual, answer, strict=True)]
    if isinstance(usual, list) and isinstance(answer, list):
        known = {one["id"]: one for one in usual if isinstance(one, dict) and "id" in one}
        same = [isinstance(one, dict) and one == known.get(one.get("id")) for one in answer]
        return [f"= {one['id']}" if is_same else one for one, is_same in zip(answer, same, strict=True)]
    return answer


def _masked(world: World, text: str) -> str:
    text = SECRETS.sub(b"*", text.encode()).decode()
    text = text.replace(world.feeds_url, "http://feeds.example").replace(str(world.home), "<home>")
    return re.sub(r"(?<=[/\"])[2-7a-z]{13}(?=[\"#?]|$)|(?<=csrf value=)\S+", "*", text)


def _short(values: Mapping[str, Any]) -> str:
    text = json.dumps({name: value for name, value in values.items() if value is not None}, ensure_ascii=False)
    return re.sub(r"http://127\.0\.0\.1:\d+", "http://feeds.example", text)


def all_told() -> dict[str, Any]:
    """What is answered on a world of its own."""
    with fast_folder() as folder, whole_world(folder / "whole") as world:
        make_eventful(world)
        return dict(json.loads(json.dumps(told(world))))


def more_of(world: World) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Requests that types say nothing of: combinations, and the ends of what is looked at later."""
    (thread,), (image,), (kept,) = (
        world.of("thread", "alice"),
        world.of("media", f"key of {ALL}")[:1],
        world.of("cid", "alice"),
    )
    draft, scheduled = world.of("draft", "alice")[0], world.of("scheduled", "alice")[0]
    images: tuple[Any, ...] = (
        [{"media": kept, "alt": "Another"}],
        [{"media": image}],
        [{}],
        [{"media": image, "url": "https://a.example/"}],
    )
    images += (
        [{"url": "ftp://a.example/"}],
        [{"url": "http://a.example/x.png", "alt": "An address"}],
        [{"media": "none"}],
    )
    threads: tuple[Any, ...] = (
        ["second"],
        [{"copy_of": 1}],
        [{"copy_of": 2, "text": "x"}, {"copy_of": 3}],
        [{"copy_of": 4}],
    )
    threads += (
        [{"text": "x", "images": images[0]}],
        [{"copy_of": 2, "video": None, "tags": ["x"]}],
        [{"images": images[2]}],
    )
    videos: tuple[Any, ...] = (
        None,
        {"media": image},
        {"url": "https://a.example/v.mp4", "alt": "Moves", "gif": True},
        {},
    )
    videos += ({"url": "https://a.example/v.mp4", "captions": [{"lang": "en", "url": "https://a.example/en.vtt"}]},)
    contents: list[Any] = [{"images": each} for each in images] + [{"thread": each} for each in threads]
    contents += [{"video": each, "images": []} for each in videos]
    plans = [
        ("2026-11-25", "2026-11-25"),
        ("2026-11-25", "2027-01-26"),
        ("2026-11-25", "2027-01-27"),
        ("x", "2026-12-01"),
    ]
    plans += [
        ("2026-11-25", "2027-01-14"),
        ("2026-11-25", "2027-01-15"),
        ("9000-12-30", "9000-12-31"),
        ("9000-12-31", "9001-01-01"),
    ]
    plans += [
        ("2026-11-25", "2026-12-24T09:00:00Z"),
        ("2026-12-24T09:00:00Z", "2026-12-25T09:00:00Z"),
        ("2026-11-26", "2026-11-25"),
    ]
    return {
        "plan.show": [{"from": start, "to": end} for start, end in plans],
        "posts.edit": [{"id": thread, **content} for content in contents],
        "posts.preview": [{"copy_of": thread, **content} for content in contents],
        "posts.create": [
            {"draft": True, "now": True},
            {"now": True, "at": AT},
            {"copy_of": thread},
            {"copy_of": scheduled, "at": "tomorrow 9:00"},
            {"at": "03/04/2027"},
            {"key": "secret-of-alice draft", "text": "Another"},
        ],
        "posts.move": [
            {"id": draft, "at": "tomorrow 9:00"},
            {"id": scheduled, "at": "noonish"},
            {"id": scheduled, "version": 9},
        ],
        "posts.list": [
            {"from": "2026-12-24T13:00:00+05:00"},
            {"from": "2026-12-24T15:00:00+05:00"},
            {"state": "none"},
            {"state": ""},
            {"cursor": "x"},
            {"from": AT, "to": AT},
            {"text": "OFTEN"},
        ],
        "history.list": [{"state": "scheduled"}, {"cursor": "x"}, {"before": "x"}],
        "inbox.list": [{"cursor": "x"}],
        "ways.add": [{"url": None, "grammar": {"origin": ["Hello", "Hi"]}, "distinct": 2}],
        "slots.set": [{"slots": [{"weekday": 0, "minute": 0}, {"weekday": 6, "minute": 1439, "zone": "Asia/Tokyo"}]}],
    }


def main() -> None:
    """Write it down."""
    pairs = ((json.dumps(part, ensure_ascii=False) for part in item) for item in all_told().items())
    lines = (f"{asked}: {answer}" for asked, answer in pairs)
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
