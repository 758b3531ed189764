"""The guides of folders and CI: their commands work, their files are right, and their tables are complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image

from skywrite.cli.main import main
from skywrite.sandbox import Sandbox
from skywrite.sources.check import check_folder
from skywrite.sources.folder import read_folder
from skywrite.sources.post_file import DRAFT_FIELDS, OPTIONS
from tests.docs.examples import Example, examples
from tests.sources.folders import config_for
from tests.support.processes import ROOT

PAGES = ("docs/guide/folders.md", "docs/guide/ci.md")
FOUND = examples(*PAGES)


def blocks(language: str, page: str = "") -> list[Example]:
    return [example for example in FOUND if example.language == language and example.page.endswith(page)]


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A folder `posts` with the files that the guide shows, and an account."""
    posts = tmp_path / "posts"
    posts.mkdir()
    for number, example in enumerate(blocks("markdown")):
        (posts / f"{number}.md").write_text(example.code)
    for name in ("sun.jpg", "chart.png"):
        Image.new("RGB", (32, 18), "yellow").save(posts / name)
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "first.md").write_text("---\nat: 2030-01-07 09:00\n---\nNews\n")
    monkeypatch.chdir(tmp_path)
    with Sandbox() as box:
        alice = box.account("alice.test")
        given = {"BLUESKY_HANDLE": "alice.test", "BLUESKY_APP_PASSWORD": alice.app_password}
        for name, value in config_for(tmp_path, box.url, **given).items():
            monkeypatch.setenv(name, value)
        yield box


def run(words: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_files_are_right(box: Sandbox) -> None:
    """The files that the guide shows can be posted as they are."""
    assert 2 == len(blocks("markdown"))
    assert [] == check_folder(read_folder(Path("posts")))


@pytest.mark.parametrize("page", PAGES)
def test_commands_work(box: Sandbox, page: str) -> None:
    """Typed in the order of the page, none of them fails, and files that wait are not published."""
    commands = [words for example in blocks("sh", page) for words in example.commands()]
    assert [0] * len(commands) == [run(words) for words in commands]
    assert [] == box.posts("alice.test")


def test_output_of_a_check(box: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """What the guide shows as the answer of --check is what it answers to such files."""
    Path("posts/0.md").unlink()
    Path("posts/1.md").unlink()
    Path("posts/harbour.md").write_text("---\nat: 2030-01-05 09:00\nimages:\n  - path: sun.jpeg\n---\nx")
    Path("posts/thread.md").write_text("---\nat: 2030-01-05 09:00\n---\n\n1\n\n---\n\n2\n\n---\n" + "x" * 312)
    assert 2 == run(["sync", "posts", "--check"])
    (shown,) = [match[1] for match in re.finditer(r"^```\n(posts/.*?)^```", (ROOT / PAGES[0]).read_text(), re.M | re.S)]
    assert shown == capsys.readouterr().out


def test_table_of_names() -> None:
    """Every name that a file may hold is in the guide, and no other."""
    table = re.findall(r"^\| (`.*?) \|", (ROOT / PAGES[0]).read_text(), re.M)
    named = {name for row in table for name in re.findall(r"`(\w+)`", row)}
    assert {*OPTIONS, *DRAFT_FIELDS} - {"tidy"} == named


def test_table_of_inputs() -> None:
    """Every input of the action is in the guide."""
    inputs = set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])
    page = (ROOT / PAGES[1]).read_text()
    assert inputs == {name for name in inputs if re.search(rf"`{name}(: true)?`", page)}
