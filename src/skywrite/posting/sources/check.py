"""Whether a file of a folder can be posted as it is, without an account and without the network.

What lives here: the check of `skywrite sync --check`, for pull requests: texts, images, videos, settings. What only the
network knows (whether a handle, a quoted post or a page exists) is assumed to be right, and checked when the post is
accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from skywrite.core.errors import Notice, SkywriteError, Unexpected
from skywrite.posting.compose.build import build
from skywrite.posting.compose.draft import FIELDS, draft_from_dict
from skywrite.posting.compose.resolve import DraftContext, resolve_draft
from skywrite.posting.sources.folder import Folder
from skywrite.posting.sources.post_file import FileProblem, Item
from skywrite.protocol.atproto.syntax import Did
from skywrite.protocol.bsky.marks import marks_in

_SOMEBODY = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
_CID = "bafyreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
_STAND_IN = {"cid": _CID, "mime": "image/png", "size": 1, "width": 1, "height": 1}
_WITH_TEXT = tuple(name for name, field in FIELDS.items() if field.scope == "reading")


def check_folder(folder: Folder) -> list[FileProblem]:
    """Everything that is wrong in a folder, by file and line."""
    known = {(problem.path, problem.line) for problem in folder.problems}
    problems = [*folder.problems]
    for item in (*folder.partial, *folder.items):
        for problem in check_item(item):
            # The readable rest of a broken file may be empty.
            if (problem.path, problem.line) not in known and (item in folder.items or problem.code != "post.empty"):
                problems.append(problem)
    return sorted(problems, key=lambda problem: (problem.path, problem.line))


def marks_notes(item: Item) -> tuple[Notice, ...]:
    """What a file says in Markdown that goes out as it is written; nothing if the file says what to do with that."""
    if "markdown" in item.row:
        return ()
    parts = [part if isinstance(part, Mapping) else {"text": part} for part in (item.row, *item.row.get("thread", ()))]
    marks = dict.fromkeys(mark for part in parts for mark in marks_in(str(part.get("text") or "")))
    if not marks:
        return ()
    how = "`markdown: strip` in the front matter renders them, `markdown: no` leaves this note out."
    return (Notice("MarksLeft", f"These marks go out as they stand: {', '.join(marks)}. {how}", item.path),)


def check_item(item: Item) -> list[FileProblem]:
    """What is wrong with one file: each field and each post of the thread separately, then the whole."""
    try:
        problems = [_problem(item, line, error) for line, error in _by_part(item)]
        if not problems:
            error = _error_of({**_without_media(item.row), "card": "none"}, item.base)
            problems += [_problem(item, item.part_lines[0], error)] if error else []
    except Exception as surprise:
        return [_problem(item, item.part_lines[0], Unexpected.of(surprise))]
    return problems


def _problem(item: Item, line: int, error: SkywriteError) -> FileProblem:
    return FileProblem(item.path, line, error.message, error.hint, error.code)


def _by_part(item: Item) -> Iterator[tuple[int, SkywriteError]]:
    row = item.row
    for name, value in row.items():
        if name in ("text", "thread", *_WITH_TEXT):
            continue
        for line, one in _single(item, name, value):
            error = _error_of({"text": "text", name: one}, item.base)
            if error:
                yield line, error
    parts = [row, *row.get("thread", ())]
    for number, part in enumerate(parts):
        plain = part if isinstance(part, Mapping) else {"text": part}
        line = item.part_lines[min(number, len(item.part_lines) - 1)]
        if number:
            for image in plain.get("images", ()):
                error = _error_of({"text": "text", "images": [image]}, item.base)
                if error:
                    yield line, error
        error = _error_of(_only_text(plain), item.base)
        if error:
            yield line, error


def _single(item: Item, name: str, value: Any) -> Iterator[tuple[int, Any]]:
    """A field with its line; the images of a list one by one."""
    if name == "images" and isinstance(value, list):
        for number, image in enumerate(value):
            yield item.lines.get(f"{name}.{number}", item.part_lines[0]), [image]
    else:
        yield item.lines.get(name, item.part_lines[0]), value


def _only_text(part: Mapping[str, Any]) -> dict[str, Any]:
    """The text with the fields that affect it, and a stand-in for what is allowed without text."""
    row = {name: part[name] for name in ("text", *_WITH_TEXT) if name in part}
    if any(part.get(name) for name in ("images", "video", "quote")) or part.get("card", "auto") not in ("auto", "none"):
        row["images"] = [_STAND_IN]
    return row


def _without_media(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with stand-ins for its images and videos, which were checked one by one."""
    plain = dict(row)
    if plain.get("images"):
        images = plain["images"] if isinstance(plain["images"], list) else [plain["images"]]
        plain["images"] = [_STAND_IN] * len(images)
    if plain.get("video"):
        plain["video"] = {**_STAND_IN, "mime": "video/mp4"}
    if plain.get("thread"):
        plain["thread"] = [_without_media(part) if isinstance(part, Mapping) else part for part in plain["thread"]]
    return plain


def _error_of(row: Mapping[str, Any], base: Path) -> SkywriteError | None:
    try:
        resolved = resolve_draft(draft_from_dict(_without_addresses(row)), _nobody(base))
        build(resolved.draft, resolved.dids)
    except SkywriteError as error:
        return error
    return None


def _without_addresses(row: Mapping[str, Any]) -> dict[str, Any]:
    """Images and videos of the web are not checked here."""
    plain = dict(row)
    if isinstance(plain.get("images"), list):
        plain["images"] = [_STAND_IN if _is_address(image) else image for image in plain["images"]]
    if _is_address(plain.get("video")):
        plain["video"] = {**_STAND_IN, "mime": "video/mp4"}
    return plain


def _is_address(media: Any) -> bool:
    if isinstance(media, Mapping):
        media = media.get("url") or media.get("path")
    elif isinstance(media, list) and media:
        media = media[0]
    return isinstance(media, str) and media.startswith(("https://", "http://"))


def _nobody(base: Path) -> DraftContext:
    """A context in which everybody and everything exists."""

    def record(uri: str) -> dict[str, Any]:
        return {"uri": uri, "cid": _CID, "value": {}}

    return DraftContext(resolve_handle=lambda handle: str(Did(_SOMEBODY)), get_record=record, base=base)
