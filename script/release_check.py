"""Walks through a release on an index of its own on this computer, which goes with the run.

What lives here: publishing to that index, and what people do with it: install, upgrade, roll back. Other packages come
from the index that pip is configured for. What does not: building (`release`). An attestation needs the index and the
workflow themselves, so it is not tried here.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from release import ROOT, build_twice, built, check_heading, tree, version, write_parts

BEFORE = "0.0.9"
NAMES = ("python3.11", "python3.12", "python3.13", "python3.14", "python3")
PATIENCE_SECONDS = 60
# An account of the sandbox posts now and later, by the program as it was installed.
TRIAL = """
import os, subprocess, sys
from skywrite.sandbox import Sandbox

program = os.path.join(os.path.dirname(sys.executable), "skywrite")
with Sandbox() as box:
    environ = {**os.environ, "SKYWRITE_PLC_URL": box.plc_url, "SKYWRITE_VIDEO_SERVICE": ""}
    password = box.account("alice.test").app_password
    for given, *words in (
        (password, "login", "alice.test", "--pds", box.url, "--app-password-stdin"),
        ("", "post", "Hello #world"),
        ("", "schedule", "Later", "--at", "in 3 days"),
    ):
        subprocess.run([program, *words], input=given, text=True, check=True, env=environ, stdout=subprocess.DEVNULL)
    assert ["Hello #world"] == [post.text for post in box.posts("alice.test")]
"""


def main() -> None:
    """Every step, each with a line that says that it is done."""
    check_heading()
    with tempfile.TemporaryDirectory(prefix="skywrite-release-") as passing:
        folder = Path(passing)
        files = build_twice(folder / "dist")
        done(f"built twice, the same: {', '.join(path.name for path in files)}")
        parts = json.loads(write_parts(folder).read_text("utf-8"))["components"]
        done(f"list of parts: {len(parts)} packages")
        before = build_before(folder)
        with index(folder / "index") as address:
            publish(address, [*before, *files])
            done(f"published {BEFORE} and {version()}")
            for python in pythons():
                install(python, address, folder / f"venv-{python.name}-{len(str(python))}")
            upgrade(pythons()[0], address, folder)


def build_before(folder: Path) -> list[Path]:
    """An earlier release: the last one that has a tag, or else this one under an older number."""
    tags = subprocess.run(
        ["git", "tag", "--list", "v*", "--sort=-v:refname"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    source = tree(folder / "before", next((tag for tag in tags if tag != f"v{version()}"), "HEAD"))
    project = source / "pyproject.toml"
    text = project.read_text("utf-8").replace(f'version = "{version(source)}"', f'version = "{BEFORE}"')
    project.write_text(text, "utf-8")
    return built(source, folder / "dist-before")


@contextmanager
def index(folder: Path) -> Iterator[str]:
    """A package index on 127.0.0.1 that takes whatever is uploaded."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port), "-P", ".", "-a", "."]
    server = subprocess.Popen([*command, "--disable-fallback", str(folder)], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                urlopen(f"{address}/simple/", timeout=5).close()
                break
            except OSError:
                if time.monotonic() > end or server.poll() is not None:
                    sys.exit("release-check: the index does not start")
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


def publish(address: str, files: Sequence[Path]) -> None:
    """Upload, as the workflow does."""
    run([sys.executable, "-m", "twine", "upload", "--repository-url", address, "-u", "x", "-p", "x", *map(str, files)])


def pythons() -> list[Path]:
    """One of each version that Skywrite supports, where it can make environments."""
    places = [Path(found) for name in NAMES if (found := shutil.which(name))]
    places += sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python"))
    found: dict[str, Path] = {}
    for place in places:
        ask = "import ensurepip, sys, venv; print(*sys.version_info[:2], sep='.') if sys.version_info >= (3, 11) else 1"
        asked = subprocess.run([place, "-I", "-c", ask], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and asked.stdout.strip():
            found.setdefault(asked.stdout.strip(), place)
    return list(found.values())


def install(python: Path, address: str, place: Path) -> None:
    """`pip install skywrite`, and a first hour with it."""
    venv = made(python, place)
    pip(venv, address, "skywrite")
    home = place / "home"
    trial(venv, home)
    python_version = subprocess.run(
        [venv / "python", "--version"], check=True, capture_output=True, text=True
    ).stdout.strip()
    done(f"installed on {python_version}: {shown(venv, home, '--version')}, which posts")


def upgrade(python: Path, address: str, folder: Path) -> None:
    """From the release before to this one with a full database, and back."""
    venv, home = made(python, folder / "venv-upgrade"), folder / "home"
    pip(venv, address, f"skywrite=={BEFORE}")
    trial(venv, home)
    shown(venv, home, "backup", str(folder / "backup.db"))
    pip(venv, address, "--upgrade", "skywrite")
    expect(version(), shown(venv, home, "--version"))
    expect("Later", shown(venv, home, "list", "--json"))
    done(f"upgraded from {BEFORE}: what waits is there")
    pip(venv, address, f"skywrite=={BEFORE}")
    listed = ask(venv, home, "list", "--json")
    if listed.returncode:
        expect("database.too_new", listed.stdout)
        for end in ("", "-wal", "-shm"):
            (home / f"skywrite.db{end}").unlink(missing_ok=True)
        shutil.copy(folder / "backup.db", home / "skywrite.db")
        done("rolled back: the older program refuses the newer database, and takes the backup")
    expect("Later", shown(venv, home, "list", "--json"))
    done(f"rolled back to {BEFORE}: what waits is there")


def made(python: Path, place: Path) -> Path:
    """A new environment; the folder of its programs."""
    run([str(python), "-I", "-m", "venv", str(place)])
    return place / "bin"


def pip(venv: Path, address: str, *words: str) -> None:
    """Install from our index, and from the configured one what we depend on."""
    command = [str(venv / "python"), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*command, "--extra-index-url", f"{address}/simple/", *words])


def trial(venv: Path, home: Path) -> None:
    """What a user does first."""
    run([str(venv / "python"), "-I", "-c", TRIAL], SKYWRITE_HOME=str(home))


def ask(venv: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the installed program says."""
    environ = {**os.environ, "SKYWRITE_HOME": str(home)}
    return subprocess.run([venv / "skywrite", *words], capture_output=True, text=True, env=environ, check=False)


def shown(venv: Path, home: Path, *words: str) -> str:
    """The same where it ends well. Exits otherwise."""
    asked = ask(venv, home, *words)
    if asked.returncode:
        sys.exit(
            f"release-check: skywrite {' '.join(words)} ended with {asked.returncode}\n{asked.stdout}{asked.stderr}"
        )
    return asked.stdout.strip()


def run(command: Sequence[str], **environ: str) -> None:
    """Run a step, whose output is shown only if it fails."""
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ}, check=False)
    if ended.returncode:
        sys.exit(f"release-check: {' '.join(command)[:300]} failed\n{ended.stdout}{ended.stderr}")


def expect(what: str, text: str) -> None:
    """Exit unless a text has it."""
    if what not in text:
        sys.exit(f"release-check: expected {what!r} in:\n{text}")


def done(line: str) -> None:
    print(f"ok  {line}", flush=True)


if __name__ == "__main__":
    main()
