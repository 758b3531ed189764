"""Posts as files: what a file means, which files are posts, and every error with its line."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.errors import InputError
from skywrite.posting.schedule.localtime import UnknownZone
from skywrite.posting.schedule.time_errors import InvalidTime
from skywrite.posting.schedule.timestamps import due_time, read_timestamp
from skywrite.posting.sources import check, post_file
from skywrite.posting.sources.check import check_folder
from skywrite.posting.sources.folder import media_root, read_folder
from skywrite.posting.sources.frontmatter import HEAD_BYTES_MAX, InvalidFrontMatter, read_front_matter
from skywrite.posting.sources.marking import mark_published, with_mark
from skywrite.posting.sources.post_file import FILE_BYTES_MAX, Item
from tests.support.errors import fails


def head(text: str) -> dict[str, Any]:
    return read_front_matter(text)[0]


def read(folder: Path, text: str | bytes, name: str = "a.md") -> Item:
    """The only post of a folder, which must be right."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    content = read_folder(folder)
    assert () == content.problems
    (item,) = content.items
    return item


def wrong(folder: Path, text: str | bytes) -> list[str]:
    """What is wrong with a file, as `line: message`."""
    (folder / "a.md").write_bytes(text if isinstance(text, bytes) else text.encode())
    return [f"{problem.line}: {problem.message}" for problem in check_folder(read_folder(folder))]


# The front matter


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("17:00", "17:00"),
        ("2030-01-05 09:00", "2030-01-05 09:00"),
        ("1e3", "1e3"),
        ("0x10", "0x10"),
        ("007", "007"),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("'true'", "true"),
        ('""', ""),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("[a, 1, true]", ["a", "1", True]),
        ("{b: c}", {"b": "c"}),
    ],
)
def test_scalars_stay_what_they_look_like(text: str, value: Any) -> None:
    """Words and numbers are texts; only true, false and nothing are more."""
    assert {"x": value} == head(f"x: {text}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\na: 2", 2),
        ("a:\n  - {b: 1, b: 2}", 2),
        ("a: &x 1\nb: *x", 1),
        ("a: *x", 1),
        ("a: !!python/object:os.system x", 1),
        ("a: !tag x", 1),
        ("a: b: c", 1),
        ("x: 1\na: [1, 2", 2),
        ("a: 'open", 1),
        ("a: @b", 1),
        ("[a, b]: 1", 1),
        ("- a", 1),
        ("just a text", 1),
        ("a: 1\n...\nb: 2", 3),
        ("a: " + "[" * 50 + "]" * 50, 1),
        ("a: \u0000", 1),
        ("x" * (HEAD_BYTES_MAX + 1), 1),
    ],
)
def test_broken_heads(text: str, line: int) -> None:
    """Doubles, anchors, tags, deep nesting and bad YAML are refused, at their line."""
    with pytest.raises(InvalidFrontMatter) as caught:
        read_front_matter(text)
    assert line == caught.value.line


def test_bomb() -> None:
    """A text that unfolds without end ends at its first anchor."""
    bomb = "a: &a [x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(InvalidFrontMatter):
        read_front_matter(bomb)


@given(st.text(max_size=80))
def test_any_head(text: str) -> None:
    """A head is read or refused with a line inside it."""
    try:
        read_front_matter(text, 2)
    except InvalidFrontMatter as error:
        assert 2 <= error.line <= 2 + len(text.splitlines()) + 1


PLAIN = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=5), PLAIN, max_size=4))
def test_round_trip(values: dict[str, Any]) -> None:
    """What a YAML writer writes with quotes is read back as it was."""
    import yaml

    assert values == head(
        yaml.safe_dump(values, default_style='"', allow_unicode=True)
        .replace('!!bool "true"', "true")
        .replace('!!bool "false"', "false")
        .replace('!!null "null"', "null")
    )


# Moments


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-05T09:00:00Z", datetime(2030, 1, 5, 9, tzinfo=UTC)),
        ("2030-01-05 09:00 UTC", datetime(2030, 1, 5, 9, tzinfo=UTC)),
        ("2030-01-05 09:00 Europe/Berlin", datetime(2030, 1, 5, 8, tzinfo=UTC)),
        ("2030-07-05T9:00+02:00", datetime(2030, 7, 5, 7, tzinfo=UTC)),
        ("2030-07-05 09:00:30.5-0330", datetime(2030, 7, 5, 12, 30, 30, 500_000, tzinfo=UTC)),
        ("2030-01-05 09:00 America/Argentina/Buenos_Aires", datetime(2030, 1, 5, 12, tzinfo=UTC)),
        ("2030-01-05 09:00", datetime(2030, 1, 5, 9)),
    ],
)
def test_times_are_read(text: str, moment: datetime) -> None:
    """A date and a time of day, with or without a zone."""
    assert moment == read_timestamp(text)


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow 9:00",
        "in 2 hours",
        "2030-01-05",
        "2030-02-30 09:00",
        "2030-01-05 25:00",
        "1969-01-01 09:00",
        "2030-01-05 09:00+25:00",
        "",
        "9:00",
    ],
)
def test_times_that_are_none(text: str) -> None:
    """What means another moment each day, or none, is refused."""
    with pytest.raises(InvalidTime):
        read_timestamp(text)


def test_unknown_zone() -> None:
    """A zone that does not exist is refused."""
    with pytest.raises(UnknownZone):
        read_timestamp("2030-01-05 09:00 Europe/Berlinn")
    with pytest.raises(UnknownZone):
        read_timestamp("2030-01-05 09:00 CET")


def test_local_time_that_does_not_exist() -> None:
    """A time that the clocks skip moves forward with them."""
    assert datetime(2030, 3, 31, 1, 30, tzinfo=UTC) == due_time(datetime(2030, 3, 31, 2, 30), "Europe/Berlin")


# Files


def test_parts(tmp_path: Path) -> None:
    """Lines of --- part the posts; empty parts and blank lines around them are none, and lines are known."""
    item = read(tmp_path, "---\nlangs: [en]\n---\n\n\none\n\nstill one\n---\n\n---\n  ---  \ntwo\r\n---\nthree")
    assert ("one\n\nstill one", [{"langs": ["en"], "text": "two"}, {"langs": ["en"], "text": "three"}]) == (
        item.row["text"],
        item.row["thread"],
    )
    assert (6, 13, 15) == item.part_lines


def test_without_a_head(tmp_path: Path) -> None:
    """A file may be a text and nothing else, with a byte order mark and old line ends too."""
    item = read(tmp_path, b"\xef\xbb\xbfHello\r\nyou\r")
    assert ({"text": "Hello\nyou"}, None, "file:a.md") == (dict(item.row), item.at, item.own_key)


def test_images_in_the_text(tmp_path: Path) -> None:
    """An image on a line of its own belongs to its post of the thread."""
    (tmp_path / "my sun.png").write_bytes(b"png")
    item = read(
        tmp_path,
        'one\n\n---\n![The [big] sun](my%20sun.png)\ntwo\n![x](<my sun.png> "title")\n![](https://example.com/a.png)',
    )
    (part,) = item.row["thread"]
    assert "two" == part["text"]
    assert [
        {"path": "my sun.png", "alt": "The [big] sun"},
        {"path": "my sun.png", "alt": "x"},
        {"url": "https://example.com/a.png", "alt": ""},
    ] == part["images"]


def test_images_are_left_alone_without_markdown(tmp_path: Path) -> None:
    """Where Markdown is off, a line is a line."""
    assert "![x](y)" == read(tmp_path, "---\nmarkdown: no\n---\n![x](y)").row["text"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\nat: 2030-01-05\n---\nx", ["2: The time '2030-01-05' has no time of day."]),
        ("---\nx\n", ["1: The front matter has no end."]),
        ("---\ntitle: x\nlangs: en\n---\nx", ["2: There is no field 'title'."]),
        ("---\nquotes: perhaps\n---\nx", ["2: quotes must be true or false, not 'perhaps'."]),
        (
            "---\nlate: never\ndraft: perhaps\n---\nx",
            ["2: 'never' does not say what to do with a missed post.", "3: draft must be yes or no, not 'perhaps'."],
        ),
        ("---\ntext: x\n---\nx", ["2: 'text' is in the front matter and below it."]),
        ("---\nembed: {$type: x}\n---\nx", ["2: There is no field 'embed'."]),
        ("---\nimages:\n  - {data: x}\n---\nx", ["2: images has no field 'data'."]),
        ("---\nthread:\n  - {facets: []}\n---\nx", ["2: There is no field 'facets'."]),
        ("---\nzone: Nowhere/At_All\n---\nx", ["2: There is no time zone 'Nowhere/At_All'."]),
        ("one\n---\nsee ![x](y) here", ["3: An image needs a line of its own."]),
        ("---\nimages: [a.png]\n---\nx", ["2: There is no file a.png."]),
        ("\n\n![x](a.png)", ["3: There is no file a.png."]),
        ("---\nimages: [/etc/hostname]\n---\nx", ["2: /etc/hostname is not a path relative to the file."]),
        ("---\nimages: [~/x.png]\n---\nx", ["2: ~/x.png is not a path relative to the file."]),
        (b"one\ntwo\xff", ["2: It is not UTF-8 text."]),
        ("x" * (FILE_BYTES_MAX + 1), ["1: It is larger than 200 KB."]),
        ("", ["1: The post is empty."]),
        (
            "---\nat: 2030-01-05 09:00\n---\n\n\n" + "x" * 301,
            ["6: The text has 301 characters (graphemes); the maximum is 300."],
        ),
        ("a\0b", ["1: The text contains a NUL character, which no post may."]),
    ],
)
def test_wrong_files(tmp_path: Path, text: str | bytes, expected: list[str]) -> None:
    """Each mistake is told at its line."""
    told = wrong(tmp_path, text)
    assert [line.split(":")[0] for line in expected] == [line.split(":")[0] for line in told]
    if "NUL" not in expected[0]:
        assert expected == told


HEADS = [
    "---\nat: 2030-01-05 09:00 UTC\n---\n",
    "\n  \n---\nat: 2030-01-05 09:00 UTC\n---\n",
    "\ufeff\n---\nat: 2030-01-05 09:00 UTC\n---\n",
    "<!-- who wrote it\nand when -->\n---\nat: 2030-01-05 09:00 UTC\n---\n",
    "----\nat: 2030-01-05 09:00 UTC\n----\n",
    "---yaml\nat: 2030-01-05 09:00 UTC\n---\n",
    "+++\nat = 2030-01-05T09:00:00Z\n+++\n",
    "---toml\nat = 2030-01-05T09:00:00+00:00\n---\n",
    '{\n  "at": "2030-01-05 09:00 UTC"\n}\n',
    '{"at": "2030-01-05 09:00 UTC"}\n\n',
]


@pytest.mark.parametrize("head", HEADS)
def test_forms_of_heads(tmp_path: Path, head: str) -> None:
    """YAML, TOML and JSON are read, also after blank lines, a comment or a byte order mark; the mark goes inside."""
    item = read(tmp_path, f"{head}Good morning\n")
    assert (datetime(2030, 1, 5, 9, tzinfo=UTC), "Good morning", None) == (item.at, item.row["text"], item.published)
    again = read(tmp_path, with_mark(f"{head}Good morning\n", "at://x/y/z"))
    assert (item.at, item.row, "at://x/y/z") == (again.at, again.row, again.published)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---yml2\nat: x\n---\nx", "1: '---yml2' starts like front matter but is not."),
        ("----- Sale -----\nx", "1: '----- Sale -----' starts like front matter but is not."),
        ("+++\nat = 2030-01-05T09:00:00Z\nx", "1: The front matter has no end."),
        ("+++\nkey = 'a'\nat = \n+++\nx", "3: The front matter cannot be read: Invalid value."),
        ('{\n"at": 2030-01-05\n}\nx', "2: The file begins like JSON front matter and is none: Expecting"),
        ('{"key": "a", "key": "b"}\nx', "1: 'key' is given twice."),
        ('{"key": "a"} x', "1: The text must start on a new line after the }."),
        ('{"x": ' + "[" * 50_000, "1: The file begins like JSON front matter and is none: it is nested too deeply."),
        ("+++\nx = " + "[" * 5000 + "\n+++\nx", "2: The front matter cannot be read: too deep."),
        ("# by Ann\n---\nat: 2030-01-05 09:00\n---\nx", "3: 'at: 2030-01-05 09:00' looks like front matter"),
        ("at: 2030-01-05 09:00\n\nx", "1: 'at: 2030-01-05 09:00' looks like front matter"),
        ("at = 2030-01-05 09:00\nx", "1: 'at = 2030-01-05 09:00' looks like front matter"),
        (" ---\nkey: a\n---\nx", "2: 'key: a' looks like front matter"),
    ],
)
def test_lost_heads(tmp_path: Path, text: str, expected: str) -> None:
    """What begins like front matter and cannot be read is an error, and never the text of a post."""
    assert [expected] == [one[: len(expected)] for one in wrong(tmp_path, text)]


@pytest.mark.parametrize("text", ["{smile} at", "at noon: lunch", "+1 for that", "- one\n- two", "---\n---\nat: noon"])
def test_texts_that_are_no_heads(tmp_path: Path, text: str) -> None:
    """A text that only resembles front matter stays a text; an empty head makes any text one."""
    assert text.removeprefix("---\n---\n") == read(tmp_path, text).row["text"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("images: [{path: [sun.png]}]", "2: images: path must be text, not list."),
        ("reply_to: {root: x}", "2: A reference to a record must have uri and cid; it is str."),
        ("thread: [[x]]", "2: A post of a thread must be a text or a draft, not list."),
        ("langs: [[en]]", "2: langs must be text, not list."),
    ],
)
def test_one_typo_stops_no_other_file(tmp_path: Path, head: str, expected: str) -> None:
    """A value of the wrong kind is a problem of its file; the others are read."""
    (tmp_path / "b.md").write_text("good")
    assert [expected] == wrong(tmp_path, f"---\n{head}\n---\nx")[:1]
    assert ["b.md"] == [item.path for item in read_folder(tmp_path).items]


def test_a_surprise_in_one_file_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any error while one file is read or checked is a problem of that file."""
    (tmp_path / "a.md").write_text("---\nlangs: en\n---\nx")
    (tmp_path / "b.md").write_text("good")

    def surprise(*_: Any) -> Any:
        raise TypeError("x")

    monkeypatch.setattr(post_file, "draft_from_dict", surprise)
    content = read_folder(tmp_path)
    assert (["b.md"], ["skywrite.bug"]) == (
        [i.path for i in content.items],
        [problem.code for problem in content.problems],
    )
    monkeypatch.setattr(check, "draft_from_dict", surprise)
    assert [("a.md", "skywrite.bug"), ("b.md", "skywrite.bug")] == [
        (one.path, one.code) for one in check_folder(content)
    ]


def test_the_nearest_field_is_named(tmp_path: Path) -> None:
    """A field that does not exist comes with the one that is meant, as far as it can be guessed."""
    (tmp_path / "a.md").write_text("---\nimags: sun.png\ntitle: x\nthread: [{langz: en}]\n---\nx")
    hints = [problem.hint for problem in read_folder(tmp_path).problems]
    assert ["Did you mean 'images'?", "The fields are: at, zone", "Did you mean 'langs'?"] == [
        hint[: len("The fields are: at, zone")] for hint in hints
    ]


@pytest.mark.parametrize("name", ["image", "alt", "alts", "cover"])
def test_an_image_of_a_blog_is_shown_as_ours(tmp_path: Path, name: str) -> None:
    """`alt:` beside an image is its description, and no time: the list that is meant is shown, and can be read."""
    (tmp_path / "sun.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "a.md").write_text(f"---\n{name}: sun.jpg\n---\nx")
    (problem,) = read_folder(tmp_path).problems
    shown = str(problem.hint).partition(": ")[2]
    (tmp_path / "a.md").write_text(f"---\nat: 2030-01-05 09:00\n{shown}\n---\nx")
    assert ("images: [{path: sun.jpg, alt: The sun}]", ()) == (shown, tuple(read_folder(tmp_path).problems))


def test_outside(tmp_path: Path) -> None:
    """Media and files that are links lie inside the checkout, or are refused."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    posts = tmp_path / "repo" / "posts"
    posts.mkdir(parents=True)
    (posts / "link.png").symlink_to(secret)
    (posts / "b.md").symlink_to(tmp_path / "secret.md")
    (tmp_path / "secret.md").write_text("secret")
    told = wrong(posts, "---\nimages: [../../secret.png, link.png]\n---\nx")
    assert [
        "2: ../../secret.png is outside posts.",
        "2: link.png is outside posts.",
        "1: It is a link to a file outside the folder.",
    ] == told
    (tmp_path / "repo" / ".git").mkdir()
    assert (tmp_path / "repo").resolve() == media_root(posts)
    (tmp_path / "repo" / "sun.png").write_bytes(b"sun")
    (posts / "b.md").unlink()
    assert ["../sun.png"] == read(posts, "---\nimages: [../sun.png]\n---\nx").row["images"]


def test_not_a_file(tmp_path: Path) -> None:
    """A pipe is no file, and is not waited for."""
    os.mkfifo(tmp_path / "a.md")
    os.mkfifo(tmp_path / "x.png")
    (tmp_path / "b.md").write_text("---\nimages: [x.png]\n---\nx")
    assert ["a.md:1: It is not a file.", "b.md:2: There is no file x.png."] == [
        str(one) for one in read_folder(tmp_path).problems
    ]


def test_which_files(tmp_path: Path) -> None:
    """Hidden files, those that begin with an underscore, README files and other endings are no posts."""
    names = [
        "a.md",
        "sub/b.markdown",
        "sub/deep/C.MD",
        ".hidden.md",
        "_template.md",
        "README.md",
        "sub/readme.md",
        "x.txt",
        ".git/d.md",
        "_drafts/e.md",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert ["a.md", "sub/b.markdown", "sub/deep/C.MD"] == [item.path for item in read_folder(tmp_path).items]


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there, or is a file, is an error."""
    (tmp_path / "x").write_text("")
    for name in ("nowhere", "x"):
        with fails("folder.unreadable"):
            read_folder(tmp_path / name)


def test_digest(tmp_path: Path) -> None:
    """The digest changes with what is posted, and not with how the file is written."""
    (tmp_path / "sun.png").write_bytes(b"one")
    first = read(tmp_path, "---\nat: 2030-01-05 09:00 UTC\nimages: [sun.png]\n---\nHello").digest
    same = read(
        tmp_path, "---\nimages:\n- sun.png\nat: 2030-01-05T09:00Z  # morning\npublished: at://x\n---\n\nHello\n"
    ).digest
    assert first == same
    for text in (
        "---\nat: 2030-01-05 10:00 UTC\nimages: [sun.png]\n---\nHello",
        "---\nat: 2030-01-05 09:00 UTC\nimages: [sun.png]\nlate: skip\n---\nHello",
    ):
        assert first != read(tmp_path, text).digest
    (tmp_path / "sun.png").write_bytes(b"two")
    assert first != read(tmp_path, "---\nat: 2030-01-05 09:00 UTC\nimages: [sun.png]\n---\nHello").digest


# Marks


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Hello\n", "---\npublished: at://x\n---\nHello\n"),
        ("---\nat: x\n---\nHello", "---\npublished: at://x\nat: x\n---\nHello"),
        ("---\r\nat: x\r\n---\r\nHello", "---\r\npublished: at://x\r\nat: x\r\n---\r\nHello"),
        ("\ufeff--- \nat: x\n---\nHello", "\ufeff--- \npublished: at://x\nat: x\n---\nHello"),
        ("\ufeffHello", "---\npublished: at://x\n---\nHello"),
        ("one\n---\ntwo", "---\npublished: at://x\n---\none\n---\ntwo"),
    ],
)
def test_mark(text: str, marked: str) -> None:
    """The mark stands at the head of the front matter, and nothing else changes."""
    assert marked == with_mark(text, "at://x")


def test_mark_file(tmp_path: Path) -> None:
    """A marked file keeps its rights and its digest, and says where it was published."""
    before = read(tmp_path, "---\nat: 2030-01-05 09:00 UTC\n---\nHello")
    before.file.chmod(0o640)
    mark_published(before.file, "at://x")
    (after,) = read_folder(tmp_path).items
    assert ("at://x", before.digest, 0o640) == (after.published, after.digest, after.file.stat().st_mode & 0o777)
    assert ["a.md"] == [path.name for path in tmp_path.iterdir()]


def test_mark_follows_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link under the name of the file that is written first, as a repository may hold one, is not written through."""
    monkeypatch.setattr("skywrite.posting.sources.marking.secret_bytes", lambda size: b"\0" * size)
    item = read(tmp_path, "---\nat: 2030-01-05 09:00 UTC\n---\nHello")
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    (tmp_path / f".a.md.{'00' * 8}").symlink_to(outside)
    with pytest.raises(FileExistsError):
        mark_published(item.file, "at://x")
    assert ("mine", None) == (outside.read_text(), read_folder(tmp_path).items[0].published)


@given(
    st.binary(max_size=120)
    | st.text(max_size=120).map(lambda text: f"---\n{text}\n---\n{text}".encode("utf-8", "replace"))
)
def test_any_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever a file holds: it is a post, or is told with a line; nothing else happens."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.md").write_bytes(data)
    content = read_folder(folder)
    assert 1 == len({*(item.path for item in content.items), *content.broken})
    for problem in check_folder(content):
        assert 1 <= problem.line <= data.count(b"\n") + data.count(b"\r") + 2


def test_errors_are_input_errors() -> None:
    """All of it is the writer's to mend."""
    assert issubclass(InvalidFrontMatter, InputError) and issubclass(InputError, InputError)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("published: false", "2: published is the address of a published post, not yes or no."),
        ("published: yes", "2: published is the address of a published post, not yes or no."),
        ("at: ''", "2: at is empty."),
        ("at: [2070-05-05 09:00, 2070-05-06 09:00]", "2: at takes one value, not several."),
        ("account: [alice.test, bob.test]", "2: account takes one value, not several."),
    ],
)
def test_values_that_a_blog_has_elsewhere(tmp_path: Path, line: str, message: str) -> None:
    """What blogs write is no post that counts as published, and no text that is too long."""
    assert [message] == wrong(tmp_path, f"---\n{line}\n---\nHello\n")


@pytest.mark.parametrize("name", ["date", "publishDate", "pub_date", "when", "Scheduled"])
def test_what_blogs_call_the_time(tmp_path: Path, name: str) -> None:
    """The field for it is named, and not one that merely looks alike."""
    (tmp_path / "a.md").write_text(f"---\n{name}: 2070-05-05 09:00\n---\nHello\n")
    (problem,) = check_folder(read_folder(tmp_path))
    assert (f"There is no field {name!r}.", "The time of a post is 'at'.") == (problem.message, problem.hint)
