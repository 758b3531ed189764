"""`script/compare`: record what a version does, and show what differs between two recordings."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compare.difference import differences

ROOT = Path(__file__).resolve().parent.parent
ABOUT = """
script/compare record FOLDER       records the code at hand into a new folder
script/compare FOLDER FOLDER       shows what differs between two recordings
script/compare against COMMIT      records a commit and the code at hand, and shows what differs

It ends with 1 if anything differs.
"""


def main() -> int:
    """Do as asked; the exit code."""
    parser = argparse.ArgumentParser(
        prog="script/compare",
        description="Everything that a version shows (each command, operation, page, name, schema), against another.",
        usage=ABOUT,
    )
    parser.add_argument("words", nargs=2, metavar="record FOLDER | FOLDER FOLDER | against COMMIT")
    parser.add_argument("--source", type=Path, default=ROOT / "src", help=argparse.SUPPRESS)
    given = parser.parse_args()
    first, second = given.words
    if first == "record":
        from compare.recording import record

        record(Path(second), given.source.resolve())
        return 0
    if first == "against":
        return _against(second)
    return _shown(Path(first), Path(second))


def _shown(before: Path, after: Path) -> int:
    for folder in (before, after):
        if not folder.is_dir():
            sys.exit(f"compare: there is no folder {folder}")
    different = False
    for line in differences(before, after):
        print(line)
        different = True
    return int(different)


def _against(commit: str) -> int:
    with tempfile.TemporaryDirectory(prefix="compare-") as folder, _checked_out(commit, Path(folder)) as old:
        before, after = Path(folder, "before"), Path(folder, "after")
        for source, recording in ((old / "src", before), (ROOT / "src", after)):
            _recorded(source, recording)
        return _shown(before, after)


@contextmanager
def _checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """A commit in a folder of its own, without anything of git's."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        sys.exit(f"compare: {archive.stderr.decode().strip()}")
    old = folder / "old"
    old.mkdir()
    subprocess.run(["tar", "-x"], cwd=old, input=archive.stdout, check=True)
    try:
        yield old
    finally:
        shutil.rmtree(old)


def _recorded(source: Path, folder: Path) -> None:
    """A recording in a process of its own, which imports the program from there, and this module from here."""
    environ = {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{ROOT}"}
    words = [sys.executable, "-m", "compare", "record", str(folder), "--source", str(source)]
    subprocess.run(words, env=environ, check=True)


if __name__ == "__main__":
    sys.exit(main())
