"""The rights walk: every operation of the table, by keys of one account, of another and of all, on whatever there is.

A key for some accounts gets, to the last byte, the answers of a server on which nothing else was ever there, and
changes nothing else. The walk is made from the table: an operation that is added takes part, or the test says that it
does not know what one of its fields holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations, product
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from skywrite.app.operations import OPERATIONS, Access, Operation
from skywrite.app.operations.shapes import DraftInput
from skywrite.core.errors import SkywriteError
from skywrite.queue.api_keys import SCOPES, Scope
from tests.server.rights_world import ALL, AT, BOTH, CALLERS, DIDS, NEVER, OTHER, Request, World, ask, whole_world
from tests.support.stored import fast_folder

EVERY = frozenset(SCOPES)
# What a key can do at all.
KEYED = sorted(name for name, operation in OPERATIONS.items() if not operation.by_person)
# Who the people are is for keys for all accounts.
OF_ALL = ("people.list",)
NOBODY = frozenset({"nobody"})
# What a field holds that says nothing about whose it is.
SAMPLES: Mapping[str, Any] = {
    "text": "Hello",
    "at": AT,
    "by": "1d",
    "every": "0 9 * * *",
    "digest": "0" * 64,
    "name": "a name",
    "role": "viewer",
    "when": "50 likes",
    "reply": "Thank you!",
    "from": "2026-11-24",
    "to": "2027-01-10",
    "occurrence": "2026-11-25T09:00:00Z",
    "until": "2027-01-01 10:00",
    "slots": [{"weekday": 1, "minute": 60, "zone": "UTC"}],
    "url": "https://receiver.example/",
    "posts": [{"text": "Hello", "at": AT}],
    "kind": "secret",
    "message": "{}",
    "template": "Hello",
    "state": "paused",
}
# Fields that are given although they need not be, so that the operation has something to do.
GIVEN: Mapping[str, Mapping[str, Any]] = {
    "hooks.edit": {"template": "Hello"},
    "bulk.copy": {"by": "1d"},
    "follow_ups.add": {"reply": "Thank you!"},
    "groups.add": {"text": "Hello", "at": AT},
    "hooks.add": {"name": "anew"},
    "snippets.add": {"name": "anew", "text": "Hello"},
    "imports.create": {"name": "plan.csv", "text": "text,at\nHello,2026-12-24T09:00:00Z"},
    "posts.create": {"text": "Hello", "at": AT},
    "posts.preview": {"text": "Hello"},
    "recurrences.add": {"text": "Hello"},
    "ways.add": {"url": "https://receiver.example/"},
}
# Fields that name what belongs to somebody, and the noun; those in the path are named by its first part.
NAMING = {
    "account": "account",
    "accounts": "accounts",
    "post": "published",
    "target": "published",
    "key": "post keys",
    "copy_of": "posts",
}
# Fields that name nothing of anybody's; uploads in videos and threads are looked up where those of images are.
NEUTRAL = """
    after again backfill before by campaign card catch_up_gap_seconds cursor dates distinct done draft dry_run exclude
    gap_seconds grammar include jitter kinds labels langs late limit map markdown max_per_day mentions most note now
    numbering only partial pool publish quote quote_links quotes replies reply_to repost require_alt retract scopes
    secret sheet shorten signature since skip spacing split starts state tags template thread unasked undo_after
    undo_seconds variants version video word workbook zone
"""
DRAFT, SCHEDULED = {"id": "draft"}, {"id": "scheduled"}
# What needs more than the operation's own scope, by the fields that are given, and those that name a post in a state.
MORE: Mapping[str, list[tuple[dict[str, Any], dict[str, str], set[Scope]]]] = {
    "posts.create": [({"now": True, "at": None}, {}, {"publish"}), ({}, {"copy_of": "scheduled"}, {"read"})],
    "posts.edit": [({"at": AT}, DRAFT, {"schedule"}), ({}, SCHEDULED, {"schedule"}), ({}, DRAFT, set())],
    "posts.cancel": [({}, SCHEDULED, {"schedule"}), ({}, DRAFT, set())],
    "groups.add": [({}, {"copy_of": "scheduled"}, {"read"})],
    "bulk.copy": [({}, {}, {"read"})],
    "recurrences.add": [({}, {}, set()), ({}, {"copy_of": "scheduled"}, {"read"})],
    "follow_ups.add": [({"repost": True, "reply": None}, {"id": "published"}, {"publish"})],
    "ways.add": [({}, {}, {"publish"})],
    "feeds.add": [({}, {}, {"publish"})],
    "feeds.edit": [({}, {}, {"publish"})],
    "keys.add": [({"scopes": ["publish", "draft"]}, {}, {"publish", "draft"})],
}
# What needs a network to succeed, or the name of a change, which only its own answer says.
UNREACHED = {"drafts.pull", "inbox.answer", "posts.unpublish", "changes.undo"}
# Made anew for each answer.
SECRETS = re.compile(
    rb'together:[0-9a-f]+|skw_\w+|whsec_[^"]+|(?<="secret":")[0-9a-f]{64}|(?<="change":")\w+|/(?:calendar|rss|sign-in)/\w+'
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Everything there can be, of each account and of both."""
    with fast_folder() as folder, whole_world(folder / "whole") as world:
        yield world


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for copies of the world."""
    with fast_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def refusing(world: World) -> Iterator[TestClient]:
    """A server that all those share whom it refuses everything; nothing in it changes by that."""
    with fast_folder() as folder:
        copy = world.copy(folder / "refusing")
        before = copy.rows()
        with copy.served() as client:
            yield client
        assert before == copy.rows()


def candidates(world: World, operation: Operation, name: str) -> list[tuple[Any, frozenset[str]]]:
    """What a field that names something may hold, and whose that is."""
    noun = (
        operation.path.split("/")[1] if name == "id" else NAMING.get(name, {"delivery": "deliveries"}.get(name, name))
    )
    owners = (*DIDS, BOTH, ALL, *(f"key of {caller}" for caller in CALLERS))
    if noun == "accounts" and name == "accounts":
        groups = [[owner] for owner in DIDS] + [[*DIDS]]
        return [([f"{one}.test" for one in group], frozenset(group)) for group in groups]
    if noun == "accounts" or name == "account":
        known = [(text, frozenset({owner})) for owner in DIDS for text in (f"{owner}.test", DIDS[owner])]
        return [*known, ("nobody.test", NOBODY)]
    if noun == "post keys":
        return [(f"secret-of-{owner} draft", frozenset()) for owner in DIDS]
    if noun == "posts" and name == "posts":
        more = {"digest": "0" * 64} if operation.name == "bulk.approve" else {}
        known = [(thing, frozenset({owner})) for owner in DIDS for thing in world.of("scheduled", owner)]
        several = [([thing for thing, _ in known], frozenset(DIDS)), ([NEVER], NOBODY)]
        groups = [*(([thing], whose) for thing, whose in known), *several]
        return [([{"id": number, **more} for number in numbers], whose) for numbers, whose in groups]
    if noun == "images":
        known = candidates(world, operation, "media")
        return [([{"media": cid, "alt": "a picture"}], whose) for cid, whose in known]
    if noun == "url":
        things = [(f"{world.feeds_url}/new?token=secret-of-new", frozenset[str]())]
        things += [(thing, frozenset({owner})) for owner in owners for thing in world.of("addresses", owner)]
        numbers = [(str(thing), frozenset({owner})) for owner in owners for thing in world.of("feeds", owner)]
        return [*things, *(numbers if operation.name == "feeds.preview" else ()), (str(NEVER), NOBODY)]
    things = [(thing, frozenset({owner})) for owner in owners for thing in world.of(noun, owner)]
    if name == "target":
        # A post of somebody who has no account here.
        things.append(("at://did:plc:carol/app.bsky.feed.post/3kabc", frozenset()))
    return [*things, (NEVER if name != "media" else "bafkreinothing", NOBODY)]


def names_things(operation: Operation, name: str) -> bool:
    """Whether a field names something that may be somebody's."""
    is_feed = name == "url" and operation.name.startswith("feeds.")
    is_media = name == "images" and issubclass(operation.input, DraftInput)
    is_bulk = name == "posts" and operation.name.startswith("bulk.")
    return name in operation.path_fields() or name in NAMING or is_feed or is_media or is_bulk


def fields_of(operation: Operation) -> Iterator[tuple[str, bool]]:
    """The fields of an operation as they are sent, and whether they must be."""
    for one in msgspec.structs.fields(operation.input):
        yield one.encode_name, one.required


def made(operation: Operation, values: Mapping[str, Any], owners: frozenset[str]) -> Request:
    """A request with these values."""
    fields = {name: value for name, value in values.items() if value is not None}
    path, rest = operation.path, dict(fields)
    for name in operation.path_fields():
        path = path.replace(f"{{{name}}}", str(rest.pop(name)))
    return Request(operation, path, rest, owners, fields)


def usual(world: World, operation: Operation, caller: str) -> tuple[dict[str, Any], frozenset[str]]:
    """The values of a plain request for what is the caller's own."""
    mine, owners = caller if caller != ALL else "alice", frozenset[str]()
    values: dict[str, Any] = dict(GIVEN.get(operation.name, {}))
    for name, required in fields_of(operation):
        if names_things(operation, name) and required:
            known = candidates(world, operation, name)
            values[name], whose = next((one for one in known if one[1] in ({mine}, {f"key of {caller}"})), known[0])
            owners |= whose
        elif required:
            values.setdefault(name, SAMPLES[name])
    return values, owners


def one_of_each(known: list[tuple[Any, frozenset[str]]]) -> list[tuple[Any, frozenset[str]]]:
    """One thing of each owner."""
    return [(value, whose) for whose, value in {whose: value for value, whose in known[::-1]}.items()]


def requests_of(world: World, operation: Operation, caller: str) -> list[Request]:
    """Every request of the walk for an operation: the usual one, and each with another's thing in one field or two."""
    values, owners = usual(world, operation, caller)
    requests = [made(operation, values, owners)]
    naming = [name for name, _ in fields_of(operation) if names_things(operation, name)]
    for name in naming:
        others = owners if len(naming) > 1 else frozenset[str]()
        for value, whose in candidates(world, operation, name):
            requests.append(made(operation, {**values, name: value}, whose | others))
    for name, other in combinations(naming, 2):
        pairs = product(*(one_of_each(candidates(world, operation, one)) for one in (name, other)))
        for (value, whose), (second, whose_second) in pairs:
            requests.append(made(operation, {**values, name: value, other: second}, whose | whose_second))
    return requests


def masked(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
    """An answer without what is random in it."""
    status, headers, body = answer
    return status, {name: text for name, text in headers.items() if name != "content-length"}, SECRETS.sub(b"*", body)


def answers(client: TestClient, secret: str, requests: list[Request]) -> dict[str, tuple[int, dict[str, str], bytes]]:
    """What is answered to each request, one after the other."""
    return {f"{number} {one}": masked(ask(client, secret, one)) for number, one in enumerate(requests)}


def test_every_field_is_known() -> None:
    """Of each field that is added somebody says whether it names something, and what it holds."""
    fields = {
        (row.name, name) for row in OPERATIONS.values() for name, _ in fields_of(row) if not names_things(row, name)
    }
    assert [] == sorted(
        f"{operation} {name}" for operation, name in fields if name not in {*SAMPLES, *NEUTRAL.split(), "images"}
    )


# The two are alike but for whose things were made first.
@pytest.mark.parametrize("caller", ["alice", pytest.param("bob", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_what_is_not_ones_own_was_never_there(world: World, folder: Path, name: str, caller: str) -> None:
    """A key for one account is answered as if there were no other; what it changes and makes touches no other."""
    operation, secret = OPERATIONS[name], world.keys[caller, EVERY]
    requests = requests_of(world, operation, caller)
    whole, alone = world.copy(folder / "whole"), world.copy(folder / "alone", without=OTHER[caller])
    before = whole.rows()
    foreign = before - alone.rows()
    with alone.served() as client:
        expected = answers(client, secret, requests)
    with whole.served() as client:
        actual = answers(client, secret, requests)
    assert expected == actual
    assert [] == [request for request, (status, _, _) in actual.items() if status == 500]
    after = whole.rows()
    assert (set(), []) == (foreign - after, [row for row in after - before if not row.touches_only(DIDS[caller])])


@pytest.mark.parametrize("name", KEYED)
def test_what_is_ones_own_is_there(world: World, folder: Path, name: str) -> None:
    """The requests of the walk reach what is the caller's own, and with a key for all accounts whatever there is."""
    operation, reached = OPERATIONS[name], 0
    for caller in (ALL,) if name in OF_ALL else ("alice", ALL):
        mine = {f"key of {caller}", *((*DIDS, BOTH, ALL) if caller == ALL else (caller,))}
        requests = [one for one in requests_of(world, operation, caller) if one.owners <= mine]
        if "delivery" in operation.path_fields():
            requests = [one for one in requests if len(one.owners) == 1]
        once = [[one] for one in requests] if operation.destructive else [requests]
        for number, some in enumerate(once):
            with world.copy(folder / f"{caller} {number}").served() as client:
                told = answers(client, world.keys[caller, EVERY], some)
            assert [] == [entry for entry in told.items() if entry[1][0] in (403, 404)]
            reached += sum(status < 300 for status, _, _ in told.values())
    assert reached or name in UNREACHED


def scope_cases(world: World, operation: Operation, caller: str) -> Iterator[tuple[Request, set[Scope]]]:
    """Requests for what is the caller's own, each with all the scopes that it needs."""
    for fields, posts, more in MORE.get(operation.name, [({}, {}, set())]):
        values, owners = usual(world, operation, caller)
        named = {name: world.of(state, caller)[0] for name, state in posts.items()}
        yield made(operation, {**values, **fields, **named}, owners), {operation.scope, *more}


@pytest.mark.parametrize("name", KEYED)
def test_each_scope_is_asked_for(world: World, folder: Path, name: str) -> None:
    """A request is refused without any of the scopes that it needs, and with no others it is not."""
    caller = ALL if name in OF_ALL else "alice"
    for number, (request, needed) in enumerate(scope_cases(world, OPERATIONS[name], caller)):
        with world.copy(folder / str(number)).served() as client:
            for scope in needed:
                assert 403 == ask(client, world.keys[caller, EVERY - {scope}], request)[0], (scope, request)
            headers = {"authorization": f"Bearer {world.keys[caller, EVERY]}"}
            exact = client.post("/api/v1/keys", json={"name": "exact", "scopes": sorted(needed)}, headers=headers)
            assert 403 != ask(client, exact.json()["key"], request)[0], request


@pytest.mark.parametrize("name", sorted({*OPERATIONS} - {*KEYED}))
def test_what_people_do_no_key_does(world: World, refusing: TestClient, name: str) -> None:
    """A key with every scope is refused in the same words, whatever it names."""
    for caller in CALLERS:
        refused = answers(refusing, world.keys[caller, EVERY], requests_of(world, OPERATIONS[name], caller))
        refusals = {(status, body) for status, _, body in refused.values()}
        assert [403] == [status for status, _ in refusals]


@pytest.mark.parametrize("name", sorted({*OPERATIONS} - {*KEYED}))
def test_a_person_for_some_accounts_would_see_no_others(world: World, folder: Path, name: str) -> None:
    """What only people do asks whose it is, too, although nobody who is signed in has rights for some accounts only."""
    operation = OPERATIONS[name]
    requests = requests_of(world, operation, "alice")
    whole, alone = world.copy(folder / "whole"), world.copy(folder / "alone", without="bob")
    assert outcomes(alone, operation, requests) == outcomes(whole, operation, requests)


def outcomes(world: World, operation: Operation, requests: list[Request]) -> list[str]:
    """What comes of requests by somebody on the page who has rights for alice's account only."""
    outcomes = []
    with world.opened() as sky:
        access = Access(sky, EVERY, frozenset({DIDS["alice"]}), who="person 9", source="page")
        for request in requests:
            try:
                outcomes.append(repr(operation.run(access, msgspec.convert(request.values, operation.input))))
            except SkywriteError as error:
                outcomes.append(f"{error.name} {error.message} {error.hint}")
    return outcomes


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_without_the_scope_all_is_refused_alike(world: World, refusing: TestClient, name: str) -> None:
    """Whoever lacks the scope of an operation learns nothing of what there is."""
    secret = world.keys["alice", EVERY - {OPERATIONS[name].scope}]
    refused = answers(refusing, secret, requests_of(world, OPERATIONS[name], "alice"))
    refusals = {(status, body) for status, _, body in refused.values()}
    assert [403] == [status for status, _ in refusals]
