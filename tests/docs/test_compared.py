"""What counts as what a page shows, and what is found on a page."""

from __future__ import annotations

import pytest

from tests.docs.blocks import blocks, pages
from tests.docs.compared import matches

DID = "did:plc:" + "a" * 24
CAME = f"Posted: https://bsky.app/profile/{DID}/post/3kznmn7xqxl22\nDigest: {'0f' * 32}\n  9:00  Hello\n2 posts\n"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (CAME, True),
        (CAME.replace("3kznmn7xqxl22", "3l2222222222z").replace(DID, "did:plc:" + "b" * 24), True),
        (CAME.replace("0f" * 32, "5f0c…"), True),
        ("Posted: ...\nDigest: 5f0c…\n  9:00  Hello\n2 posts\n", True),
        ("Posted: ...\n...\n2 posts\n", True),
        ("...\n  9:00  Hello\n...\n", True),
        ("...\n", True),
        (CAME.replace("9:00", "9:01"), False),
        (CAME.replace("2 posts", "3 posts"), False),
        (CAME.removesuffix("2 posts\n"), False),
        (CAME + "3 more\n", False),
        ("...\n  9:00  Hello\n", False),
        ("Posted: ...\n2 posts\n", False),
    ],
)
def test_what_a_page_shows_is_what_came(shown: str, expected: bool) -> None:
    """Numbers that nobody can know may differ, and what is left out is left out; every other character counts."""
    assert expected is matches(shown, CAME)


def test_indented_blocks_and_those_without_a_language_are_blocks() -> None:
    """The pages have both, and each is found with its line and without its indentation."""
    all_blocks = [block for page in pages() for block in blocks(page)]
    assert any("" == block.language for block in all_blocks)
    (check,) = [block for block in all_blocks if block.code == "skywrite accounts oauth check\n"]
    assert "docs/guide/sign-in.md" == check.page
