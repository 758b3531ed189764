"""Values of a wrong kind: every method of `Skywrite` names the argument, and nothing crashes inside."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
    for path, method, item, given in arguments(sky):
        for value in TRIED:
            try:
                found = method(**given, **{item.name: value})
                if isinstance(found, Iterator):
                    list(found)
            except SkywriteError:
                continue
            except Exception as error:
                crashed.append(f"{path}({item.name}={value!r}): {type(error).__name__}: {error}")
    assert [] == crashed


@pytest.mark.parametrize(
    ("call", "said"),
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
def test_the_error_names_the_argument(sky: Skywrite, call: Any, said: str) -> None:
    """And says what it must be, and what it was."""
    sky.schedule("Waits", at="in 1 day")
    with pytest.raises(InputError) as refused:
        call(sky)
    assert said == refused.value.message
