"""The package as a whole: what the README says is there, and what is installed is pinned."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import tomllib
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from skywrite.faces.cli.names import all_commands

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PINNED = {path.name: path.read_text() for path in ROOT.glob("requirements*.lock")}
IMAGE_EXTRAS = ("postgres", "video", "langs", "metrics", "server", "mcp")
# What the guide runs from a checkout, without installing more.
CHECKOUT_EXTRAS = ("server", "mcp", "tables")
# Pytest brings its own plug-in interface, and type checkers their own extensions of types; the standard library reads
# the time zones of Windows.
UNDECLARED = {"pytest", "typing-extensions"}
NEVER_IMPORTED = {"tzdata"}
NPM_LOCKS = [ROOT / "tests/pds" / name / "package-lock.json" for name in (".", "node", "network")]


def requirements() -> dict[str, list[str]]:
    """The lock files, and the names that pyproject.toml wants in each."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    extras = project["project"]["optional-dependencies"]
    groups = project["dependency-groups"]
    runtime = project["project"]["dependencies"] + groups["build"]
    everything = [*runtime, *groups["test"], *groups["lint"]]
    everything += [wanted for extra in extras.values() for wanted in extra if not wanted.startswith("skywrite[")]

    def with_extras(names: tuple[str, ...]) -> list[str]:
        wanted = [name for extra in names for name in extras[extra]]
        return [*runtime, *(name for name in wanted if not name.startswith("skywrite["))]

    return {
        "requirements-runtime.lock": with_extras(CHECKOUT_EXTRAS),
        "requirements-image.lock": with_extras(IMAGE_EXTRAS),
        "requirements-release.lock": [*groups["build"], *groups["release"]],
        "requirements.lock": everything,
    }


def pinned(lock: str) -> dict[str, str]:
    """The versions in a lock file, by name."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", PINNED[lock], re.MULTILINE))


def test_commands_in_the_readme_exist() -> None:
    """Every `skywrite COMMAND` of the README is a command."""
    named = set(re.findall(r"^skywrite ([a-z]+)", README, re.MULTILINE)) | set(
        re.findall(r"`skywrite ([a-z]+)", README)
    )
    assert "post" in named
    assert set() == named - set(all_commands())


def test_scripts_in_the_readme_can_be_run() -> None:
    """Every `script/NAME` of the README is a file that can be run."""
    named = set(re.findall(r"script/[a-z]+", README))
    assert "script/test" in named
    assert [] == [name for name in named if not os.access(ROOT / name, os.X_OK)]


@pytest.mark.parametrize("lock", sorted(PINNED))
def test_every_dependency_is_pinned(lock: str) -> None:
    """What pyproject.toml asks for is in the lock file; `script/lock` writes it."""
    names = {re.split(r"[\[<>=;~! ]", wanted)[0].lower().replace("_", "-") for wanted in requirements()[lock]}
    assert set() == names - set(pinned(lock))


@pytest.mark.parametrize("lock", ["requirements-runtime.lock", "requirements-image.lock"])
def test_lock_files_agree(lock: str) -> None:
    """A program and the container image run with the versions they are tested with."""
    tested = pinned("requirements.lock")
    assert {} == {name: version for name, version in pinned(lock).items() if tested[name] != version}


def test_the_image_is_made_of_what_is_locked() -> None:
    """Every package of the container image comes from its lock file; the notice that the GPL asks for goes along."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if "pip install" in line]
    assert ["--require-hashes -r /src/requirements-image.lock", "--no-deps"] == [
        next(part for part in ("--require-hashes -r /src/requirements-image.lock", "--no-deps") if part in line)
        for line in lines
    ]
    assert "/usr/share/doc/skywrite/THIRD-PARTY.md" in (ROOT / "Dockerfile").read_text()
    notice = (ROOT / "deploy" / "THIRD-PARTY.md").read_text()
    assert [] == [name for name in ("ffmpeg", "x264", "x265", "GPL", "pillow-heif") if name not in notice]


def test_actions_of_others_are_pinned_by_their_commit() -> None:
    """A tag can be moved, a commit cannot."""
    files = [*(ROOT / ".github" / "workflows").glob("*.yml"), ROOT / "docs" / "guide" / "example-workflow.yml"]
    used = {name for file in files for name in re.findall(r"uses: (\S+)", file.read_text())}
    loose = {name for name in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)}
    assert set() == {name for name in loose if not name.startswith("OWNER/")}


def test_the_base_image_is_pinned_by_its_digest() -> None:
    """The same image each time, until somebody changes it."""
    bases = re.findall(r"^FROM (.*)", (ROOT / "Dockerfile").read_text(), re.M)
    assert [True] == [bool(re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", base)) for base in bases]


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda path: path.parent.name)
def test_npm_locks_name_no_registry(lock: Path) -> None:
    """Packages from npm are pinned by their hashes and come from whatever registry the machine uses."""
    packages = {name: facts for name, facts in json.loads(lock.read_text())["packages"].items() if name}
    assert [] == [name for name, facts in packages.items() if "resolved" in facts or "integrity" not in facts]


@pytest.mark.parametrize("lock", sorted(PINNED))
def test_python_locks_name_no_registry(lock: str) -> None:
    """Packages for Python are pinned by their hashes and come from whatever index the machine uses."""
    assert "://" not in PINNED[lock]
    assert "index-url" not in PINNED[lock]


def normal(name: str) -> str:
    """A distribution's name without its extras and versions, as indexes compare it."""
    return re.split(r"[\[<>=;~! ]", name)[0].lower().replace("_", "-")


def imported() -> set[str]:
    """The top-level names that the package imports from elsewhere."""
    names: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"skywrite"}


def test_what_is_imported_is_declared() -> None:
    """Nothing is used that only a dependency of a dependency brings, and nothing is installed that nobody imports."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = [wanted for extra in project["optional-dependencies"].values() for wanted in extra]
    declared = {normal(name) for name in (*project["dependencies"], *extras)} - {"skywrite"}
    homes = packages_distributions()
    used = {normal(home) for name in imported() for home in homes.get(name, [name])}
    assert (set(), set()) == (used - declared - UNDECLARED, declared - used - NEVER_IMPORTED)


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("skywrite.schedule.times:parse_time", "skywrite.posting.schedule.times"),
        ("skywrite.schedule.times:format_time", "skywrite.posting.schedule.times"),
        ("skywrite.atproto.syntax:InvalidSyntax", "skywrite.protocol.atproto.syntax"),
        ("skywrite.atproto.cid:cid_for_record", "skywrite.protocol.atproto.cid"),
        ("skywrite.errors:SkywriteError", "skywrite.core.errors"),
        ("skywrite.errors:InputError", "skywrite.core.errors"),
    ],
)
def test_paths_that_others_import_stay(path: str, home: str) -> None:
    """What checks and users' programs import by a path is there until 0.2, whatever room it has moved to."""
    module, _, name = path.partition(":")
    assert getattr(import_module(home), name) is getattr(import_module(module), name)
