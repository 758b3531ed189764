"""What type checkers and editors see: every Python example of the documentation passes them, and they know the options.

What lives here: mypy and pyright over users' code. What does not: the types of the program itself (`script/lint`).
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from skywrite.app.functions import Functions
from skywrite.app.options import DraftFields, EditedFields, EveryOptions, PostOptions, ScheduleOptions
from skywrite.app.posts import Posts
from skywrite.posting.compose.draft import FIELDS
from tests.support.processes import ROOT

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What somebody may type, and the name that a checker has to complain about; None: it has nothing to say.
TYPED: dict[str, str | None] = {
    'sky.schedule("x", imges=["a.jpg"])': "imges",
    'sky.post("x", imges=["a.jpg"])': "imges",
    'sky.posts.schedule("x", imges=["a.jpg"])': "imges",
    'sky.posts.publish("x", imges=["a.jpg"])': "imges",
    'sky.posts.preview("x", imges=["a.jpg"])': "imges",
    'sky.posts.edit(1, imges=["a.jpg"])': "imges",
    'sky.every("0 9 * * *", zne="UTC")': "zne",
    'sky.schedule("x", at=9)': "schedule",
    "sky.on_mention(unasked=True)": "on_mention",
    "sky.on_reply(unaskd=True)": "on_reply",
    'sky.command("w", alias=["x"])': "alias",
    'sky.on_quote(unasked=True, account="a.test")(lambda item: item.author.name)': None,
    'sky.post("x", at="tomorrow 9:00")': "at",
    'sky.schedule("x", images=["a.jpg", ("b.jpg", "B"), {"path": "c.jpg"}], thread=["y", {"text": "z"}])': None,
    'sky.posts.move(sky.schedule("x").id, "tomorrow")': None,
    'sky.posts.move(sky.schedule("x", dry_run=True).id, "tomorrow")': "move",
    'client.login("a", "b").display_name': None,
    'client.send_post("x").frobnicate': "frobnicate",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples of each page as one file, the bot's as the two files that its page names, and a file of lines."""
    folder = tmp_path_factory.mktemp("typed")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        blocks = _BLOCK.findall(page.read_text("utf-8"))
        if page.name == "bots.md":
            (folder / "bot.py").write_text(blocks.pop(0))
        if blocks:
            (folder / f"page_{page.stem.replace('-', '_').lower()}.py").write_text("\n".join(blocks))
    begin = ["from skywrite import Client, Skywrite", "client, sky = Client(), Skywrite()"]
    (folder / "typed_lines.py").write_text("\n".join([*begin, *TYPED]) + "\n")
    return folder


def complaints(printed: str) -> dict[str, list[str]]:
    """The errors that a checker printed, by the names of the files, each with its line."""
    complaints: dict[str, list[str]] = {}
    for path, line, text in re.findall(r"^\s*(\S+?\.py):(\d+)(?::\d+)?(?: -|:) error: (.*)$", printed, re.MULTILINE):
        complaints.setdefault(Path(path).name, []).append(f"{line}: {text}")
    return complaints


def checked(name: str, folder: Path) -> dict[str, list[str]]:
    """What one of the two checkers says about the folder."""
    if name == "mypy":
        command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), "."]
    else:
        prepared = subprocess.run([ROOT / "tests/pds/prepare", "pages"], capture_output=True, text=True, check=True)
        pyright = ROOT / "tests" / "pages" / "node_modules" / "pyright" / "index.js"
        command = [prepared.stdout.strip(), str(pyright), "--pythonpath", sys.executable, "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert 1 == done.returncode, done.stdout + done.stderr
    return complaints(done.stdout)


# At night the other one, too, which reads the whole program first.
@pytest.mark.parametrize("name", [pytest.param("mypy", marks=pytest.mark.nightly), "pyright"])
def test_examples_pass_and_misspelt_options_are_found(name: str, folder: Path) -> None:
    """A strict checker says nothing about any example, and names what is wrong in each line that is."""
    errors = checked(name, folder)
    lines = errors.pop("typed_lines.py")
    wrong = {
        text: wanted
        for number, (text, wanted) in enumerate(TYPED.items(), 3)
        if any(line.startswith(f"{number}:") for line in lines) != (wanted is not None)
    }
    named = [wanted for wanted in TYPED.values() if wanted and not any(wanted in line for line in lines)]
    assert ({}, {}, []) == (errors, wrong, named)


def test_the_types_are_those_of_the_options() -> None:
    """Each option that a method takes has its type, and none has one that is not taken."""
    draft = set(FIELDS) - {"text"}

    def taken(method: object) -> set[str]:
        names = inspect.signature(method).parameters  # type: ignore[arg-type]
        return {name for name, one in names.items() if one.kind is inspect.Parameter.KEYWORD_ONLY}

    expected = {
        DraftFields: draft,
        EditedFields: draft | {"text", "late"},
        PostOptions: draft | taken(Posts.publish),
        ScheduleOptions: draft | taken(Posts.schedule) - {"dry_run"},
        EveryOptions: taken(Functions.every),
    }
    assert expected == {options: set(get_type_hints(options)) for options in expected}
