"""Every fenced block of the documentation is run, or on a list with the reason why not; what it shows is what comes.

What lives here: the walk. What a page needs is in `pages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import elsewhere
from tests.docs.blocks import blocks, pages
from tests.docs.pages import PAGES, Page, how, is_named
from tests.docs.readers import PARSED, well
from tests.docs.world import fill_folder, world
from tests.support.processes import zygote

BLOCKS = [block for page in pages() for block in blocks(page)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that pages name."""
    folder = tmp_path_factory.mktemp("files")
    fill_folder(folder)
    return folder


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the process listens that becomes each `skywrite`."""
    with zygote(tmp_path_factory.mktemp("zygote") / "socket", module="tests.docs.zygote") as path:
        yield path


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS}))
def test_the_blocks_of_a_page(
    page: str, tmp_path: Path, address: Path, files: Path, request: pytest.FixtureRequest
) -> None:
    """In the order of the page, each of them works, and shows what comes."""
    entry = PAGES.get(page, Page())
    more = request.getfixturevalue
    with world(tmp_path, address, files, more, now=entry.now, handles=entry.handles) as page_world:
        for need in entry.needs:
            if isinstance(need, str):
                well(f"before {page}: {need}", page_world.bash(need))
            else:
                need(page_world)
        for block in blocks(page):
            way = how(block)
            assert way is not None, f"{block.name}: nobody runs this block, and no list says why"
            way.read(page_world, block)
        elsewhere.check(tmp_path / "elsewhere")


def test_every_block_is_run_or_has_a_reason() -> None:
    """Nobody forgot one; and whoever is excused is excused by one sentence."""
    ways = {block.name: how(block) for block in BLOCKS}
    assert [] == [name for name, way in ways.items() if way is None]
    excused = {name: way.reason for name, way in ways.items() if way is not None and way.kind == PARSED}
    assert {} == {name: reason for name, reason in excused.items() if not reason.endswith(".")}


def test_the_table_names_only_what_there_is() -> None:
    """No page, block or program on the lists is one that is not needed any more."""
    starts = [(page, start) for page, entry in PAGES.items() for start in entry.blocks]
    gone = [
        (page, start)
        for page, start in starts
        if not any(block.page == page and is_named(block, start) for block in BLOCKS)
    ]
    assert ([], set()) == (gone, set(PAGES) - {block.page for block in BLOCKS})
    shell = [block for block in BLOCKS if block.language in ("sh", "bash", "text")]
    named = {name for name in elsewhere.PROGRAMS if any(f"\n{name} " in f"\n{block.code}" for block in shell)}
    assert set(elsewhere.PROGRAMS) == named
