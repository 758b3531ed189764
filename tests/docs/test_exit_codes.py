"""The page of exit codes has all of them."""

from __future__ import annotations

import re

from skywrite.core.errors import SkywriteError
from skywrite.faces.cli.main import EXIT_INTERRUPTED
from tests.support.processes import ROOT


def _codes(kind: type[SkywriteError]) -> set[int]:
    return {kind.exit_code}.union(*(_codes(inner) for inner in kind.__subclasses__()))


def test_the_page_lists_every_exit_code() -> None:
    """Those of all errors, of success, and of Ctrl-C; and no other."""
    page = (ROOT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert _codes(SkywriteError) | {0, EXIT_INTERRUPTED} == listed
