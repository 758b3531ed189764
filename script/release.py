"""Builds what a release consists of: sdist and wheel, the list of parts (SBOM), and their sums.

What lives here: builds of the last commit that are the same each time, whoever runs them. What does not: publishing
(`.github/workflows/release.yml`), and trying it (`release_check`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from hashlib import sha256
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What a build may depend on, and must not: clocks, rights of new files, languages.
ODD = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
SUMS = "SHA256SUMS"


def version(source: Path = ROOT) -> str:
    """The version that pyproject.toml says."""
    number: str = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return number


def tree(folder: Path, commit: str = "HEAD") -> Path:
    """The files of a commit, without what lies around."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def built(source: Path, folder: Path, umask: int = 0o022, **environ: str) -> list[Path]:
    """The sdist, and the wheel that is made of it. Their times are those of the last commit."""
    time = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    environ = {**os.environ, **environ, "SOURCE_DATE_EPOCH": time.stdout.strip()}
    ended = subprocess.run(command, capture_output=True, text=True, umask=umask, env=environ, check=False)
    if ended.returncode:
        sys.exit(f"release: the build failed\n{ended.stdout}{ended.stderr}")
    return sorted(folder.glob("skywrite-*"))


def build_twice(folder: Path) -> list[Path]:
    """What two builds agree on. Exits where they differ."""
    with tempfile.TemporaryDirectory() as passing:
        one, other = Path(passing, "one"), Path(passing, "other")
        files = built(tree(one), folder)
        again = built(tree(other), Path(passing, "again"), umask=0o077, **ODD)
        if [sum_of(path) for path in files] != [sum_of(path) for path in again]:
            sys.exit("release: two builds of the same commit differ")
    check = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *map(str, files)]
    subprocess.run(check, check=True, stdout=sys.stderr)
    return files


def write_parts(folder: Path) -> Path:
    """The list of all packages that the container image holds, with their sums, as CycloneDX."""
    path = folder / f"skywrite-{version()}.cdx.json"
    subprocess.run(
        [
            *(
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "cyclonedx_py",
                "requirements",
                str(ROOT / "requirements-image.lock"),
            ),
            *("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON", "-o", str(path)),
        ],
        check=True,
    )
    return path


def sum_of(path: Path) -> str:
    """The SHA-256 of a file."""
    return sha256(path.read_bytes()).hexdigest()


def check_heading() -> None:
    """The changelog's first version is the one that is built. Exits otherwise."""
    heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    if heading is None or heading[1] != version():
        sys.exit(f"release: pyproject.toml says {version()}, CHANGELOG.md {heading and heading[1]}")


def main() -> None:
    """Write everything into the folder that was named."""
    folder = Path(sys.argv[1])
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"release: {folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    check_heading()
    files = [*build_twice(folder), write_parts(folder)]
    lines = [f"{sum_of(path)}  {path.name}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), "utf-8")
    print("".join(lines), end="")


if __name__ == "__main__":
    main()
