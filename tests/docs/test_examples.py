"""Every example of README and guide does what its page says, on the sandbox."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from skywrite import Skywrite
from skywrite.cli.main import main
from skywrite.sandbox import Sandbox
from tests.docs.examples import HANDLE, PASSWORD, Example, examples, fill_folder, fill_sandbox, put_post

PAGES = ("README.md", "docs/guide/first-post.md", "docs/guide/kinds-of-posts.md", "docs/guide/queue.md")
MOVE = "docs/guide/from-the-atproto-sdk.md"
FOUND = examples(*PAGES)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    fill_folder(folder)
    return folder


@pytest.fixture
def box(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The network of the examples: a sandbox in the place of bsky.social."""
    with Sandbox(accounts=(HANDLE,)) as box:
        environ = {
            "SKYWRITE_HOME": str(tmp_path / "home"),
            "SKYWRITE_PLC_URL": box.plc_url,
            "BLUESKY_PDS": box.url,
            "BLUESKY_APP_PASSWORD": PASSWORD,
            "BLUESKY_HANDLE": HANDLE,
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(files)
        fill_sandbox(box)
        yield box


def run(words: list[str]) -> None:
    """One command; `run` ends by itself here."""
    if words[0] == "run" and "--once" not in words:
        words = ["run", "--once"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code in (0, None), f"skywrite {' '.join(words)} ended with {ended.value.code}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works(page: str, box: Sandbox) -> None:
    """Typed in the order of the page, none of them fails."""
    put_post(box, HANDLE)
    run(["slots", "mon-fri 9:00,17:30"])
    run(["post", "Something to look at", "--at", "tomorrow 9:00"])
    ran = 0
    for example in FOUND:
        if example.page == page and example.language == "sh":
            for words in example.commands():
                run(words)
                ran += 1
    assert ran > 0


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(e.page == page and e.language == "python" for e in FOUND)]
)
def test_every_python_example_of_a_page_runs(page: str, box: Sandbox) -> None:
    """One after the other, as one script."""
    names: dict[str, Any] = {}
    # An example may leave it to the end of the program to close what it opened.
    with ExitStack() as opened:
        for example in FOUND:
            if example.page == page and example.language == "python":
                exec(compile(example.code, example.name, "exec"), names)
                if isinstance(sky := names.get("sky"), Skywrite):
                    opened.callback(sky.close)
    assert "client" in names or "sky" in names


def test_the_three_lines_post(box: Sandbox) -> None:
    """Make a client, log in, send a post."""
    from skywrite import Client

    client = Client()
    client.login(HANDLE, PASSWORD)
    client.send_post(text="Posting via API.")
    assert ["Posting via API."] == [post.text for post in box.posts(HANDLE)]


def test_a_script_of_the_atproto_sdk_needs_another_import_line_only(box: Sandbox) -> None:
    """The page on the move says so; this is the script that the SDK's tutorial begins with."""
    (example,) = [item for item in examples(MOVE) if item.language == "python"]
    exec(compile(example.code, example.name, "exec"), {})
    assert ["Posting from Python"] == [post.text for post in box.posts(HANDLE)]


def test_blocks_name_a_language_that_is_known() -> None:
    """A block that nobody runs is a block that rots."""
    assert {"sh", "python"} >= {example.language for example in FOUND}


def test_examples_are_found() -> None:
    """The finder sees what the pages hold."""
    assert any(isinstance(example, Example) and "Posting via API." in example.code for example in FOUND)
