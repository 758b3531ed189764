"""Copies what Skywrite depends on from an environment into the folder of a Debian package.

What lives here: which packages these are: the closure of the parts that the package has. What does not: the package
(`deb`).
"""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

PARTS = ("postgres", "server", "mcp", "langs")


def normal(name: str) -> str:
    """A name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(packages: dict[str, Distribution], first: Distribution) -> set[str]:
    """The names of all that it needs here, with its parts. What is not installed is for another system."""
    names: set[str] = set()
    waiting = [(first, {*PARTS})]
    while waiting:
        one, extras = waiting.pop()
        for text in one.requires or ():
            head, _, marker = text.partition(";")
            asked = set(re.findall(r"extra == ['\"]([\w-]+)['\"]", marker))
            match = re.match(r"([\w.-]+)(?:\[([^\]]*)\])?", head.strip())
            if match is None or (asked and not asked & extras):
                continue
            name, more = normal(match[1]), {part.strip() for part in (match[2] or "").split(",")} - {""}
            if name == "skywrite":
                if not more <= extras:
                    waiting.append((first, extras | more))
            elif name in packages and name not in names:
                names.add(name)
                waiting.append((packages[name], more))
    return names


def main() -> None:
    """Copy the files of each, without programs and bytecode."""
    environment, lib = Path(sys.argv[1]), Path(sys.argv[2])
    [site] = environment.glob("lib/python3.*/site-packages")
    packages = {normal(one.metadata["Name"]): one for one in distributions(path=[str(site)])}
    [first] = distributions(path=[str(lib)])
    for name in sorted(wanted(packages, first)):
        for file in packages[name].files or ():
            source = site / file
            if ".." not in file.parts and source.is_file() and source.suffix != ".pyc":
                target = lib / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)


if __name__ == "__main__":
    main()
