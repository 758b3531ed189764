"""One post as a file: Markdown with front matter, read into a row, with the line of every error.

    ---
    at: 2027-01-05 09:00 Europe/Berlin
    images:
      - path: sun.jpg
        alt: The sun over the harbour
    ---
    Good morning, [readers](https://example.com)!

What lives here: what the names and lines of a file mean, and a digest to recognise unchanged files. What does not:
which files are posts (`folder`), whether one can be posted as it is (`check`), what happens to it (`app`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from skywrite.core.errors import InputError, SkywriteError
from skywrite.posting.compose.draft import FIELDS, Draft, draft_from_dict, fields_of
from skywrite.posting.compose.fields import Media
from skywrite.posting.compose.texts import shared_fields
from skywrite.posting.schedule.policy import parse_late
from skywrite.posting.schedule.timestamps import due_time, read_timestamp, read_zone
from skywrite.posting.sources.frontmatter import AS_TEXT, InvalidFrontMatter, find_head

FILE_BYTES_MAX = 200_000
OPTIONS = ("at", "zone", "key", "account", "late", "draft", "published")
DRAFT_FIELDS = tuple(name for name, field in FIELDS.items() if not field.is_record)
_FLAGS = (*fields_of("flag"), "draft")
_SPOKEN_FLAGS = {"yes": True, "on": True, "no": False, "off": False}
_MEDIA_NAMES = ("path", "url", "alt", "captions", "gif", "lang")
_CARD_NAMES = ("url", "title", "description")
_IMAGE_PLACE = re.compile(r'(?:<([^<>]+)>|(\S+?))(?:\s+"[^"]*")?\)')
_NAME = re.compile(r"([A-Za-z_]{2,20})\s*[:=](?:\s|\Z)")
HEAD_HINT = f"Front matter is at the top of the file, between two lines of ---. {AS_TEXT}"
_IMAGE = re.compile(r"!\[(?:[^\]!]|!(?!\[))*\]\((?:[^)!]|!(?!\[))*\)")

INVALID_FILE = "file.invalid"


@dataclass(frozen=True, slots=True)
class FileProblem:
    """What is wrong in a file of the folder; `path` is relative to it, `line` counts from 1."""

    path: str
    line: int
    message: str
    hint: str = ""
    code: str = INVALID_FILE

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Item:
    """One file: a post as its author wrote it. `row` has the fields of a draft, its media relative to `file`.

    `lines` are the lines of the fields, `part_lines` those where the posts of the thread begin. `key` and `account` are
    None if the file does not set them. `digest` changes with anything that changes the post.
    """

    path: str
    file: Path
    row: Mapping[str, Any]
    at: datetime | None = None
    zone: str | None = None
    key: str | None = None
    account: str | None = None
    late: str | None = None
    is_draft: bool = False
    published: str | None = None
    digest: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    part_lines: tuple[int, ...] = (1,)

    @property
    def own_key(self) -> str:
        """The key, under which it is posted at most once."""
        return self.key or f"file:{self.path}"

    @property
    def base(self) -> Path:
        """The folder that paths of media are relative to."""
        return self.file.parent

    def due_at(self, zone: str) -> datetime | None:
        """Its time in UTC; a time without a zone is in the file's `zone`, or in the given one."""
        return None if self.at is None else due_time(self.at, self.zone or zone)


class Problems(Exception):
    """Everything that is wrong with one file; `item` is what could still be read."""

    def __init__(self, problems: list[FileProblem], item: Item | None = None) -> None:
        super().__init__(str(problems[0]))
        self.problems = sorted(problems, key=lambda one: one.line)
        self.item = item


def read_file(folder: Path, name: str, root: Path) -> Item:
    """Read one file; `name` is relative to the folder. Raises Problems with everything that is wrong."""
    file = folder / PurePosixPath(name)
    text = _text_of(file, name, root)
    return _Reader(name, file, root).read(text)


def _text_of(file: Path, name: str, root: Path) -> str:
    try:
        if not file.resolve().is_relative_to(root):
            raise Problems([FileProblem(name, 1, "It is a link to a file outside the folder.")])
        if not file.is_file():
            raise Problems([FileProblem(name, 1, "It is not a file.")])
        with file.open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Problems([FileProblem(name, 1, f"It cannot be read: {error.strerror}.")]) from None
    if len(data) > FILE_BYTES_MAX:
        raise Problems([FileProblem(name, 1, f"It is larger than {FILE_BYTES_MAX // 1000} KB.")])
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Problems([FileProblem(name, line, "It is not UTF-8 text.", "Save it as UTF-8.")]) from None


class _Reader:
    """Turns one file into an Item, and collects everything that is wrong."""

    def __init__(self, name: str, file: Path, root: Path) -> None:
        self._name = name
        self._file = file
        self._root = root
        self._problems: list[FileProblem] = []
        self._lines: dict[str, int] = {}
        self._media: list[str] = []

    def _wrong(self, line: int, message: str, hint: str = "", code: str = INVALID_FILE) -> None:
        self._problems.append(FileProblem(self._name, line, message, hint, code))

    def _caught(self, line: int, error: SkywriteError) -> None:
        self._wrong(line, error.message, error.hint, error.code)

    def read(self, text: str) -> Item:
        lines = text.split("\n")
        values, body_line = self._head(lines)
        options = {name: values.pop(name, None) for name in OPTIONS}
        row = self._fields(values)
        part_lines = self._body(lines, body_line, row)
        item = self._item(row, options, part_lines)
        if self._problems:
            raise Problems(self._problems, item)
        return item

    def _head(self, lines: list[str]) -> tuple[dict[str, Any], int]:
        """The values of the front matter, and its number of lines."""
        try:
            head = find_head(lines)
        except InvalidFrontMatter as error:
            self._caught(error.line, error)
            raise Problems(self._problems) from None
        if head is None:
            self._refuse_lost_heads(lines)
            return {}, 0
        try:
            values, self._lines = head.read()
        except InvalidFrontMatter as error:
            self._caught(error.line, error)
            values = {}
        return values, head.body

    def _refuse_lost_heads(self, lines: list[str]) -> None:
        """A post that begins with `at: ...` has front matter that was not recognised; it is not meant as text."""
        for line, part in _parts(lines, 0):
            name = _NAME.match(part[0]) if part else None
            if name and name[1].lower() in OPTIONS + DRAFT_FIELDS:
                self._wrong(line, f"{part[0][:40]!r} looks like front matter, but stands in the text.", HEAD_HINT)

    def _fields(self, values: dict[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, value in values.items():
            line = self._lines.get(name, 1)
            if name not in DRAFT_FIELDS:
                self._wrong(line, unknown_field(name), _nearest(name, OPTIONS + DRAFT_FIELDS))
            elif value is not None:
                self._field(row, name, value, line)
        return row

    def _field(self, row: dict[str, Any], name: str, value: Any, line: int) -> None:
        try:
            value = _flags(name, value)
            _check_names(name, value)
            draft = draft_from_dict({name: value})
        except SkywriteError as error:
            return self._caught(line, error)
        checks = [self._take_media(media, line) for media, line in self._media_of(name, draft, line)]
        if all(checks):
            row[name] = value
        return None

    def _media_of(self, name: str, draft: Draft, line: int) -> Iterator[tuple[Media, int]]:
        for part in draft.parts():
            for number, image in enumerate(part.images):
                yield image.media, self._lines.get(f"{name}.{number}", line) if name == "images" else line
            if part.video:
                yield part.video.media, line
                yield from ((caption.media, line) for caption in part.video.captions)

    def _take_media(self, media: Media, line: int) -> bool:
        """A file that a post names must exist inside the checkout, and is part of the digest."""
        if media.path is None:
            return True
        path = self._file.parent / media.path
        before = len(self._problems)
        try:
            if media.path.startswith("~") or Path(media.path).is_absolute():
                self._wrong(line, f"{media.path} is not a path relative to the file.", "Write it relative to the file.")
            elif not path.resolve().is_relative_to(self._root):
                self._wrong(line, f"{media.path} is outside {self._root.name or self._root}.")
            elif not path.is_file():
                hint = "Paths count from the file's own folder."
                self._wrong(line, f"There is no file {media.path}.", hint, "file.missing")
            else:
                self._media.append(f"{media.path}={_file_digest(path)}")
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or "it is not a name of a file"
            self._wrong(line, f"{media.path[:80]} cannot be read: {reason}.")
        return len(self._problems) == before

    def _body(self, lines: list[str], start: int, row: dict[str, Any]) -> tuple[int, ...]:
        """Add the texts to the row. Returns the first line of each post."""
        parts = list(_parts(lines, start))
        written = [part for part in parts if part[1]]
        with_images = row.get("markdown") is not False
        posts = [self._part(line, part, with_images) for line, part in written]
        for name in ("text", "thread"):
            if name in row and len(posts) > (name == "thread"):
                self._wrong(self._lines.get(name, 1), f"{name!r} is in the front matter and below it.", "Keep one.")
        if posts:
            if "images" in posts[0] and "images" in row:
                self._wrong(written[0][0], "Images are in the front matter and in the text.", "Keep one way.")
            row.update(posts[0])
        if len(posts) > 1:
            row["thread"] = [{**shared_fields(row), **part} for part in posts[1:]]
        return tuple(line for line, _ in written) or (start + 1,)

    def _part(self, line: int, lines: list[str], with_images: bool) -> dict[str, Any]:
        texts: list[str] = []
        images: list[dict[str, str]] = []
        for number, text in enumerate(lines, line):
            image = _image_line(text.strip()) if with_images else None
            if image:
                alt, place = image
                kind = "url" if place.startswith(("https://", "http://")) else "path"
                if kind == "url" or self._take_media(Media(path=place), number):
                    images.append({kind: place, "alt": alt})
                continue
            if with_images and _IMAGE.search(text):
                self._wrong(number, "An image needs a line of its own.")
            texts.append(text)
        text = "\n".join(texts).strip("\n")
        return {"text": text, **({"images": images} if images else {})}

    def _item(self, row: dict[str, Any], options: dict[str, Any], part_lines: tuple[int, ...]) -> Item:
        values = {name: self._option(name, options[name]) for name in OPTIONS}
        item = Item(
            path=self._name,
            file=self._file,
            row=row,
            at=values["at"],
            zone=values["zone"],
            key=values["key"],
            account=values["account"],
            late=values["late"],
            is_draft=bool(values["draft"]),
            published=values["published"],
            digest=_digest(row, values, self._media),
            lines=self._lines,
            part_lines=part_lines,
        )
        if item.at is not None and item.at.tzinfo is None and item.zone:
            try:
                item.due_at("UTC")
            except SkywriteError as error:
                self._caught(self._lines.get("at", 1), error)
        return item

    def _option(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        try:
            return _OPTION_READERS[name](name, value)
        except SkywriteError as error:
            self._caught(self._lines.get(name, 1), error)
        return None


def _image_line(line: str) -> tuple[str, str] | None:
    """The alt text and the place of an image that has a line of its own, as in `![alt](place "title")`."""
    alt, sign, rest = line.rpartition("](")
    match = _IMAGE_PLACE.fullmatch(rest) if sign and alt.startswith("![") else None
    return None if match is None else (alt[2:], match[1] or unquote(match[2]))


def _parts(lines: list[str], start: int) -> Iterator[tuple[int, list[str]]]:
    """The posts of a body, separated by lines of `---`: the number of the first line with text, and the lines.

    A part without text has no lines.
    """
    part: list[tuple[int, str]] = []
    for number, line in [*enumerate(lines[start:], start + 1), (len(lines) + 1, "---")]:
        if line.strip() == "---":
            while part and not part[0][1].strip():
                part.pop(0)
            while part and not part[-1][1].strip():
                part.pop()
            yield (part[0][0], [text for _, text in part]) if part else (number, [])
            part = []
        else:
            part.append((number, line))


def _flags(name: str, value: Any) -> Any:
    """Convert `yes` and `no` of flags, also within a thread and a video."""
    if name in _FLAGS and isinstance(value, str):
        return _SPOKEN_FLAGS.get(value.lower(), value)
    if name == "thread" and isinstance(value, list):
        return [
            {inner: _flags(inner, one) for inner, one in part.items()} if isinstance(part, dict) else part
            for part in value
        ]
    if name == "video" and isinstance(value, dict) and isinstance(value.get("gif"), str):
        return {**value, "gif": _SPOKEN_FLAGS.get(value["gif"].lower(), value["gif"])}
    return value


# What blogs and tables call an image and its description.
_OF_AN_IMAGE = ("image", "alt", "alts", "alt_text", "cover", "photo", "picture", "featured_image", "thumbnail")

# What they call its time, for comparing.
_OF_TIMES = ("date", "datetime", "when", "time", "publishat", "publishdate", "pubdate", "scheduled", "scheduledat")


def unknown_field(name: str) -> str:
    """The message about a name in the front matter that means nothing here."""
    return f"There is no field {name!r}."


def _nearest(name: str, names: tuple[str, ...]) -> str:
    if re.sub(r"[\W_]", "", str(name)).lower() in _OF_TIMES and "at" in names:
        return "The time of a post is 'at'."
    if str(name).lower() in _OF_AN_IMAGE and "images" in names:
        return "Images and their descriptions are a list: images: [{path: sun.jpg, alt: The sun}]"
    near = get_close_matches(str(name).lower(), names, 1, 0.7)
    return f"Did you mean {near[0]!r}?" if near else f"The fields are: {', '.join(names)}."


def _check_names(name: str, value: Any) -> None:
    """Only fields that authors may use: no bytes, no stored media, no ready-made records."""
    if name == "thread" and isinstance(value, list):
        for part in value:
            for inner, one in part.items() if isinstance(part, dict) else ():
                if inner not in DRAFT_FIELDS:
                    raise InputError(unknown_field(inner), hint=_nearest(inner, DRAFT_FIELDS))
                _check_names(inner, one)
        return
    known = {"images": _MEDIA_NAMES, "video": _MEDIA_NAMES, "captions": _MEDIA_NAMES, "card": _CARD_NAMES}.get(name)
    for one in value if isinstance(value, list) else [value]:
        for inner, deeper in one.items() if known and isinstance(one, dict) else ():
            if known and inner not in known:
                raise InputError(f"{name} has no field {inner!r}.", hint=f"The fields are: {', '.join(known)}.")
            _check_names(inner, deeper)


def _text(name: str, value: Any) -> str:
    if isinstance(value, list | dict):
        raise InputError(f"{name} takes one value, not several.", hint="Write a file for each.")
    if isinstance(value, str) and not value.strip():
        raise InputError(f"{name} is empty.", hint="Set a value, or leave it out.")
    if not isinstance(value, str) or len(value) > 500:
        raise InputError(f"{name} must be a text of at most 500 characters.")
    return value.strip()


def _published(name: str, value: Any) -> str:
    """Where it was published. Blogs say yes or no there, and mean a draft."""
    if isinstance(value, bool) or str(value).lower() in (*_SPOKEN_FLAGS, "true", "false"):
        hint = "A file that waits has draft: yes. What is published already does not belong in the folder."
        raise InputError(f"{name} is the address of a published post, not yes or no.", hint=hint)
    return _text(name, value)


def _late(name: str, value: Any) -> str:
    parse_late(_text(name, value))
    return _text(name, value)


def _account(name: str, value: Any) -> str:
    return _text(name, value).removeprefix("@").lower()


def _draft(name: str, value: Any) -> bool:
    value = _flags(name, value)
    if not isinstance(value, bool):
        raise InputError(f"{name} must be yes or no, not {value!r}.")
    return value


_OPTION_READERS: dict[str, Any] = {
    "at": lambda name, value: read_timestamp(_text(name, value)),
    "zone": lambda name, value: read_zone(_text(name, value)),
    "key": _text,
    "account": _account,
    "late": _late,
    "draft": _draft,
    "published": _published,
}


def _digest(row: Mapping[str, Any], options: Mapping[str, Any], media: list[str]) -> str:
    kept = {name: str(value) for name, value in options.items() if value is not None and name != "published"}
    plain = json.dumps([row, kept, media], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
