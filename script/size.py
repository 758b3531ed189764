"""What `pip install skywrite` brings: its packages with the room that they take, as they are installed here.

What lives here: the closure of the declared dependencies, and adding up files. Bytecode is told apart: pip writes it,
and no package contains it.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGES_MAX = 25
MIB_MAX = 60
MIB = 1 << 20
ROOT = Path(__file__).resolve().parents[1]


class Size(NamedTuple):
    """A package: its files, and the bytecode that pip makes of them."""

    name: str
    version: str
    file_bytes: int
    bytecode_bytes: int


def closure(extras: Iterable[str] = ()) -> list[str]:
    """The names of all packages that come with Skywrite here, itself left out; `extras`: with these optional parts."""
    packages: dict[str, set[str]] = {}
    waiting = [("skywrite", set(extras))]
    while waiting:
        name, wanted = waiting.pop()
        if name in packages and wanted <= packages[name]:
            continue
        packages.setdefault(name, set()).update(wanted)
        for text in declared() if name == "skywrite" else metadata.requires(name) or ():
            one = Requirement(text)
            environments = [{"extra": extra} for extra in ("", *packages[name])]
            if one.marker is None or any(one.marker.evaluate(environment) for environment in environments):
                waiting.append((canonicalize_name(one.name), set(one.extras)))
    return sorted(set(packages) - {"skywrite"})


def declared() -> list[str]:
    """What pyproject.toml asks for, optional parts with their marker; what is installed may be older."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = project["optional-dependencies"].items()
    return project["dependencies"] + [f"{one} ; extra == '{extra}'" for extra, ones in optional for one in ones]


def size_of(name: str) -> Size:
    """The room that an installed package takes; Skywrite itself is counted in this checkout."""
    one = metadata.distribution(name)
    files = [Path(str(file.locate())) for file in one.files or ()]
    if name == "skywrite":
        files = [path for path in (ROOT / "src").rglob("*") if path.is_file()]
    sizes = [(file.suffix == ".pyc", file.stat().st_size) for file in files if file.is_file()]
    plain = sum(size for is_bytecode, size in sizes if not is_bytecode)
    return Size(name, one.version, plain, sum(size for is_bytecode, size in sizes if is_bytecode))


def main() -> None:
    """Print it, the largest first."""
    extras = sys.argv[1:]
    sizes = sorted((size_of(name) for name in ("skywrite", *closure(extras))), key=lambda one: -one.file_bytes)
    for one in sizes:
        print(f"{one.file_bytes / MIB:7.2f} MiB  {one.name} {one.version}")
    total, bytecode = sum(one.file_bytes for one in sizes), sum(one.bytecode_bytes for one in sizes)
    what = f"skywrite[{','.join(extras)}]" if extras else "skywrite"
    print(f"{total / MIB:7.2f} MiB in {len(sizes)} packages: {what}; and {bytecode / MIB:.1f} MiB of bytecode")
    if not extras:
        print(f"{MIB_MAX:7.2f} MiB and {PACKAGES_MAX} packages are allowed")


if __name__ == "__main__":
    main()
