"""`script/compare`: record what a version does, and show what differs between two recordings."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
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
    first, second = parser.parse_args().words
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Whoever reads only the beginning of the difference ends it there.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if first == "record":
        _record(None, Path(second).resolve())
        return 0
    if first == "against":
        with tempfile.TemporaryDirectory(prefix="compare-") as folder:
            before, after = Path(folder, "before"), Path(folder, "after")
            _record(second, before)
            _record(None, after)
            return _show(before, after)
    return _show(Path(first), Path(second))


def _show(before: Path, after: Path) -> int:
    for folder in (before, after):
        if not folder.is_dir():
            sys.exit(f"compare: there is no folder {folder}")
    lines = 0
    for line in differences(before, after):
        print(line)
        lines += 1
    return int(lines > 0)


def _record(commit: str | None, folder: Path) -> None:
    """Record a commit (None: the code at hand) from a copy, since the checkout may change meanwhile."""
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"compare: {folder} holds something already: name a new folder")
    with tempfile.TemporaryDirectory(prefix="compare-source-") as place:
        copy = Path(place)
        if commit is None:
            shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy(ROOT / "pyproject.toml", copy)
        else:
            _check_out(commit, copy)
        # In a process of its own, which imports the program from there and this package from here.
        environ = {**os.environ, "PYTHONPATH": f"{copy / 'src'}{os.pathsep}{ROOT}"}
        words = [sys.executable, "-m", "compare.recording", str(folder), str(copy / "src")]
        with subprocess.Popen(words, env=environ) as process:
            try:
                code = process.wait()
            finally:
                # It takes its servers and folders with it.
                process.terminate()
        if code:
            sys.exit(f"compare: {commit or 'the code at hand'} was not recorded")


def _check_out(commit: str, folder: Path) -> None:
    """The files of a commit, without anything of git's."""
    words = ["git", "archive", commit, "src", "pyproject.toml"]
    archive = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        sys.exit(f"compare: {archive.stderr.decode().strip()}")
    subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, check=True)


if __name__ == "__main__":
    sys.exit(main())
