"""Files that rows name: what is no regular file is refused at once, and nothing is read for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skywrite.core.errors import InputError
from skywrite.core.files import is_inside, local_name, read_regular
from skywrite.posting.compose.fields import Media
from skywrite.posting.compose.images import Collector
from skywrite.posting.sources.table import read_table
from tests.support.errors import fails


def test_an_address_of_a_file_is_its_name() -> None:
    """As file managers copy it; that of another computer is none."""
    addresses = ("file:///home/ana/the%20sun.png", "file://localhost/sun.png", "sun.png", "file://nas/sun.png")
    assert ["/home/ana/the sun.png", "/sun.png", "sun.png", "file://nas/sun.png"] == list(map(local_name, addresses))


def test_a_regular_file_is_read_to_its_limit(tmp_path: Path) -> None:
    """What is larger is not read, also where the file system says that it has no bytes at all."""
    (tmp_path / "a").write_bytes(b"12345")
    assert (b"12345", None) == (read_regular(tmp_path / "a", 5), read_regular(tmp_path / "a", 4))
    assert read_regular(Path("/proc/self/maps"), 100) is None


@pytest.mark.parametrize("kind", ["/dev/zero", "/dev/stdin", "fifo", "folder"])
def test_an_image_that_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """A device without an end and a pipe that nobody writes to hold nobody up."""
    path = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with fails("file.unreadable", match=r"device or a pipe|directory"):
        Collector(None).read(Media(path=str(path)), 1_000)


def test_an_endless_link_is_refused(tmp_path: Path) -> None:
    """A link with the name of an image leads to no device either."""
    (tmp_path / "sun.jpg").symlink_to("/dev/zero")
    with fails("file.unreadable"):
        Collector(None).read(Media(path=str(tmp_path / "sun.jpg")), 1_000)


def test_a_table_that_is_no_file_is_refused(tmp_path: Path) -> None:
    """`import` waits for no pipe and reads no device to its end."""
    os.mkfifo(tmp_path / "plan.csv")
    (tmp_path / "plan.jsonl").symlink_to("/dev/zero")
    for name in ("plan.csv", "plan.jsonl"):
        with fails("table.unreadable"):
            read_table(tmp_path / name)


@pytest.mark.parametrize(
    "text", ['{"text": ' + "[" * 100_000, '{"text": "x", "gap": ' + "9" * 5_000 + "}", "[" * 99_999]
)
def test_hostile_json_is_an_error_of_its_line(tmp_path: Path, text: str) -> None:
    """Nesting without end and numbers of thousands of digits are refused in a sentence."""
    (tmp_path / "plan.jsonl").write_text(text)
    with pytest.raises(InputError):
        read_table(tmp_path / "plan.jsonl")


def test_links_are_followed_to_see_where_a_file_is(tmp_path: Path) -> None:
    """A path that leads out of a folder, by dots or by a link, is outside."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    inside = [is_inside(root / name, root) for name in ("a.jpg", "../a.jpg", "out/a.jpg", "b/../a.jpg")]
    assert [True, False, False, True] == inside
