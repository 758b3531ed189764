"""Unknown keys: a misspelt alt text is an error at every door and every depth, and is never left out silently."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec.inspect
import pytest

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS, Access
from skywrite.client import Client
from skywrite.core.errors import InputError
from skywrite.features.agents.tools import find_tool
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.posting.sources.folder import read_folder
from tests.support.world import NOON, World

REF = {"uri": "at://did:web:example.com/app.bsky.feed.post/3kabcdefghij2", "cid": "bafyreib"}
STORED = {"cid": "bafkreib", "mime": "image/png", "size": 1}
# Each has one key too many, at another depth.
SHAPES: tuple[dict[str, Any], ...] = (
    {"imagez": []},
    {"images": [{"path": "red.png", "altt": "x"}]},
    {"images": [{"url": "https://example.com/a.png", "alttext": "x"}]},
    {"images": [{**STORED, "alt_": "x"}]},
    {"images": [[{"path": "red.png", "nam": "x"}, "An alt text"]]},
    {"video": {"path": "talk.mp4", "captionz": []}},
    {"video": {"path": "talk.mp4", "altt": "x"}},
    {"video": {"path": "talk.mp4", "captions": [{"lang": "en", "path": "talk.vtt", "langs": "x"}]}},
    {"card": {"url": "https://example.com/", "titel": "x"}},
    {"card": {"url": "https://example.com/", "thumb": {"path": "red.png", "alt": "x"}}},
    {"card": {"url": "https://example.com/", "associated": [{**REF, "url": "x"}]}},
    {"quote": {**REF, "ur": "x"}},
    {"reply_to": {"root": REF, "parent": REF, "parnt": REF}},
    {"reply_to": {"root": REF, "parent": {**REF, "pid": "x"}}},
    {"thread": [{"text": "Second", "imagez": []}]},
    {"thread": [{"text": "Second", "images": [{"path": "red.png", "altt": "x"}]}]},
)
Door = Callable[[Skywrite, World, dict[str, Any]], object]
LATER = NOON + timedelta(hours=1)


def _edit(sky: Skywrite, world: World, shape: dict[str, Any]) -> object:
    post = sky.schedule("First", at=LATER)
    return sky.posts.edit(post.post_id, **shape)


def _edit_recurrence(sky: Skywrite, world: World, shape: dict[str, Any]) -> object:
    scheduled = sky.schedule("First", every="daily 9:00")
    return sky.recurrences.edit(scheduled.recurrence_id or 0, pool=[{"text": "One"}, {"text": "Two", **shape}])


def _client(sky: Skywrite, world: World, shape: dict[str, Any]) -> object:
    client = Client(world.box.url, transport=world.transport)
    client.login("alice.test", world.box.account("alice.test").app_password)
    return client.send_post("First", **shape)


DOORS: dict[str, Door] = {
    "a draft": lambda sky, world, shape: draft_from_dict({"text": "First", **shape}),
    "schedule": lambda sky, world, shape: sky.schedule("First", at=LATER, **shape),
    "every": lambda sky, world, shape: sky.schedule("First", every="daily 9:00", **shape),
    "a pool": lambda sky, world, shape: sky.schedule("", every="daily 9:00", pool=["One", {"text": "Two", **shape}]),
    "post": lambda sky, world, shape: sky.post("First", **shape),
    "preview": lambda sky, world, shape: sky.posts.preview("First", **shape),
    "edit": _edit,
    "edit a recurrence": _edit_recurrence,
    "import": lambda sky, world, shape: _raised(sky.transfer.import_rows([{"text": "First", **shape}], partial=True)),
    "post rows": lambda sky, world, shape: _raised(sky.transfer.post_rows([{"text": "First", **shape}])),
    "a command": lambda sky, world, shape: sky.commands.add("date", every="daily 9:00", folder=world.home, draft=shape),
    "Client": _client,
}


def _raised(reports: Any) -> None:
    for report in reports:
        if report.error is not None:
            raise report.error


@pytest.mark.parametrize("door", DOORS)
def test_no_door_takes_an_unknown_key(sky: Skywrite, world: World, door: str) -> None:
    """Whatever the shape, the error names the key that it does not know, and nothing is added or sent."""
    for shape in SHAPES:
        with pytest.raises((InputError, TypeError), match=r"has no field|unexpected keyword"):
            DOORS[door](sky, world, shape)
    assert [] == world.texts()


@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_front_matter_takes_no_unknown_key(tmp_path: Path, shape: dict[str, Any]) -> None:
    """A Markdown file in a folder names the key."""
    lines = [f"{name}: {json.dumps(value)}" for name, value in shape.items()]
    (tmp_path / "a.md").write_text("\n".join(["---", "at: 2026-11-25 09:00", *lines, "---", "First", ""]))
    assert re.search("(has|is) no field", " ".join(problem.message for problem in read_folder(tmp_path).problems))


def _structs(kind: Any, seen: set[type]) -> Iterator[tuple[type, bool]]:
    """Every struct in a type, and whether it refuses unknown fields."""
    if isinstance(kind, msgspec.inspect.StructType):
        if kind.cls in seen:
            return
        seen.add(kind.cls)
        yield kind.cls, kind.forbid_unknown_fields
        for field in kind.fields:
            yield from _structs(field.type, seen)
    for name in ("types", "item_type", "item_types", "value_type", "type"):
        inner = getattr(kind, name, ())
        for other in inner if isinstance(inner, tuple) else (inner,):
            yield from _structs(other, seen)


def test_no_operation_takes_an_unknown_field() -> None:
    """Every shape that HTTP and MCP read, at every depth, refuses what it does not know."""
    seen: set[type] = set()
    structs = [pair for one in OPERATIONS.values() for pair in _structs(msgspec.inspect.type_info(one.input), seen)]
    assert [] == [cls.__name__ for cls, refuses in structs if not refuses]
    assert {"ImageInput", "CaptionInput", "VideoInput", "PartInput"} < {cls.__name__ for cls, _ in structs}


def test_no_tool_takes_an_unknown_key(sky: Skywrite) -> None:
    """A misspelt alt text in a call of an agent is an error, at every depth."""
    access = Access(sky, frozenset({"read", "draft", "schedule", "publish"}), source="mcp")
    tool = find_tool("draft_post")
    shapes: tuple[dict[str, Any], ...] = (
        {"imagez": []},
        {"images": [{"url": "https://example.com/a.png", "altt": "x"}]},
        {"video": {"url": "https://example.com/a.mp4", "captionz": []}},
        {"thread": [{"text": "Second", "images": [{"url": "https://example.com/a.png", "altt": "x"}]}]},
    )
    for shape in shapes:
        with pytest.raises(InputError, match="unknown field"):
            tool.call(access, {"text": "First", "key": "one", **shape})
