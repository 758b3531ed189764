"""Values of a wrong kind: every method of `Skywrite` names the argument, and nothing crashes inside."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from skywrite import Skywrite
from skywrite.core.errors import InputError, SkywriteError
from tests.app.test_public_names import NOUNS
from tests.support.world import World

# What arguments that must be there are, where another one is tried.
SAMPLES: dict[str, Any] = {
    "accounts": ["alice.test"],
    "action_id": 1,
    "body": b"{}",
    "by": "Berta",
    "channel_id": 1,
    "command": "true",
    "command_id": 1,
    "digest": "0" * 64,
    "digests": {1: "0" * 64},
    "posts": [1],
    "every": "daily 9:00",
    "folder": ".",
    "follow_up_id": 1,
    "handle": "alice.test",
    "headers": {},
    "hook_id": 1,
    "kind": "github",
    "template": "{{ name }}",
    "item_id": 1,
    "message": {},
    "name": "1",
    "grammar": {"origin": ["Hello", "Hi"]},
    "occurrence": "tomorrow 9:00",
    "password": "x",
    "path": "x.opml",
    "post_id": 1,
    "recurrence_id": 1,
    "rows": [{"text": "Hi"}],
    "rule": "daily 9:00",
    "sender": "a@x.example",
    "server": "localhost:1",
    "settings": {"zone": "UTC"},
    "slots": [],
    "source": b"text\nHi\n",
    "target": 1,
    "text": "@bot hello",
    "to": "in 3 days",
    "until": "in 2 days",
    "url": "https://feed.test/",
    "when": "50 likes",
    "which": "1",
    "at": "in 1 day",
}
# Where the sample is another thing elsewhere, or one of several must be there.
ALSO: dict[str, dict[str, Any]] = {"bulk.shift": {"by": "1d"}, "follow_ups.add": {"reply": "Thanks"}}
LARGE = (2**63, -(2**63) - 1, 10**400)
TRIED = (7, 3.5, None, ["x"], {"a": 1}, b"x", True, datetime(2070, 1, 1, tzinfo=UTC), timedelta(hours=1), object(), "x")
# What other methods return is passed on as it is, and what is called for each step is the caller's own.
PASSED_ON = {
    "believed",
    "entry",
    "answerer",
    "stored",
    "recurrence",
    "table",
    "item",
    "items",
    "call",
    "progress",
    "log",
    "covers",
}
# A backup writes where it is told to.
LEFT_OUT = {"posts.undo", "transfer.backup"}


def arguments(sky: Skywrite) -> Iterator[tuple[str, Any, inspect.Parameter, dict[str, Any]]]:
    """Each argument of each method, with what the method needs besides."""
    methods = [f"{noun}.{name}" for noun, names in NOUNS.items() for name in names.split()]
    for path in [name for name in (*methods, "call", "run_once", "schedule", "post") if name not in LEFT_OUT]:
        method: Any = sky
        for name in path.split("."):
            method = getattr(method, name)
        named = [item for item in inspect.signature(method).parameters.values() if item.kind is not item.VAR_KEYWORD]
        needed = {item.name for item in named if item.default is item.empty}
        for item in named:
            if item.name not in PASSED_ON and not (needed - {item.name}) & PASSED_ON:
                yield path, method, item, {name: SAMPLES[name] for name in needed - {item.name}}


def test_a_value_of_a_wrong_kind_is_refused_by_name(
    world: World, sky: Skywrite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is passed, a method does what it says or raises an error of ours."""
    monkeypatch.chdir(tmp_path)
    sky.schedule("Waits", at="in 1 day")
    sky.post("There")
    sky.schedule("Again", every="daily 9:00")
    crashed = []
    for path, method, item, samples in arguments(sky):
        for value in TRIED:
            try:
                answer = method(**samples, **{item.name: value})
                if isinstance(answer, Iterator):
                    list(answer)
            except SkywriteError:
                continue
            except Exception as error:
                crashed.append(f"{path}({item.name}={value!r}): {type(error).__name__}: {error}")
    assert [] == crashed


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_number_that_no_column_holds_is_a_number_that_nothing_has(
    world: World, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """As a number of a post, a recurrence and so on it is unknown, and as anything else an error of ours."""
    monkeypatch.chdir(tmp_path)
    address = None if database == "sqlite" else request.getfixturevalue("postgres_url")
    wrong = []
    with closing(world.process(address)) as sky:
        sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
        numbers = [one for one in arguments(sky) if "int" in str(one[2].annotation)]
        for (path, method, item, given), number in product(numbers, LARGE):
            of_one, of_some, of_each = item.name.endswith("_id"), item.name == "posts", item.name == "digests"
            value: Any = [number] if of_some else {number: "0" * 64} if of_each else number
            try:
                found = method(**{**given, **ALSO.get(path, {}), item.name: value})
                said = str([*found] if isinstance(found, Iterator) else "done")
            except SkywriteError as error:
                said = error.code
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
            if "Error: " in said or ((of_one or of_some or of_each) and not said.endswith("unknown")):
                wrong.append(f"{path}({item.name}={str(number)[:20]}): {said}")
    assert [] == wrong


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda sky: sky.posts.move("12", "in 1 day"), "posts.move: post_id must be a whole number, not str."),
        (lambda sky: sky.posts.move(1, 9), "posts.move: at must be a text or a datetime, not int."),
        (lambda sky: sky.posts.cancel(None), "posts.cancel: post_id must be a whole number, not None."),
        (lambda sky: sky.posts.cancel(True), "posts.cancel: post_id must be a whole number, not bool."),
        (
            lambda sky: sky.commands.add("x", every="daily 9:00", folder="."),
            "commands.add: folder must be a Path, not str.",
        ),
        (lambda sky: sky.feeds.add("x", include="news"), "feeds.add: include must be a list of texts, not str."),
        (
            lambda sky: sky.transfer.import_rows(["x"]),
            "transfer.import_rows: rows must be a list of dicts, not list of str.",
        ),
        (lambda sky: sky.accounts.login(1, "x"), "accounts.login: handle must be a text, not int."),
        (lambda sky: sky.run_once(threads="many"), "run_once: threads must be a whole number, not str."),
    ],
)
def test_the_error_names_the_argument(sky: Skywrite, call: Any, message: str) -> None:
    """And says what it must be, and what it was."""
    sky.schedule("Waits", at="in 1 day")
    with pytest.raises(InputError) as refused:
        call(sky)
    assert message == refused.value.message
