"""A folder of posts: which of its files are posts, their content, and what is wrong with the others.

What does not live here: reading one file (`post_file`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skywrite.core.errors import InputError, Unexpected
from skywrite.posting.sources.post_file import FileProblem, Item, Problems, read_file

FILES_MAX = 10_000
ENDINGS = (".md", ".markdown")


@dataclass(frozen=True, slots=True)
class Folder:
    """The content of a folder: its posts sorted by path, the problems in other files, and what could still be read of
    those.
    """

    path: Path
    items: tuple[Item, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    partial: tuple[Item, ...] = ()

    @property
    def broken(self) -> frozenset[str]:
        """The files that could not be read; their posts stay as they are."""
        return frozenset(problem.path for problem in self.problems)


def read_folder(path: Path) -> Folder:
    """Read all posts of a folder and its subfolders.

    Ignored: names that begin with `.` or `_`, README files, and anything that is not Markdown. Raises InputError.
    """
    if not path.is_dir():
        raise InputError(f"There is no folder {path}.", code="folder.unreadable", hint="Check the name.")
    root = media_root(path)
    items: list[Item] = []
    partial: list[Item] = []
    problems: list[FileProblem] = []
    for name in _files(path):
        try:
            items.append(read_file(path, name, root))
        except Problems as exception:
            problems.extend(exception.problems)
            partial += [exception.item] if exception.item else []
        except Exception as surprise:
            error = Unexpected.of(surprise)
            problems.append(FileProblem(name, 1, error.message, error.hint, error.code))
    items, twice = _without_doubles(items)
    problems = sorted([*problems, *twice], key=lambda one: (one.path, one.line))
    return Folder(path, tuple(items), tuple(problems), tuple(partial))


def media_root(folder: Path) -> Path:
    """The folder that must contain the media: the git checkout that the folder belongs to, or the folder itself."""
    resolved = folder.resolve()
    for parent in (resolved, *resolved.parents):
        if (parent / ".git").exists():
            return parent
    return resolved


def _files(folder: Path) -> Iterator[str]:
    """The relative paths of the posts, sorted."""

    def refuse(error: OSError) -> None:
        raise InputError(
            f"{error.filename} cannot be read: {error.strerror}.",
            code="folder.unreadable",
            hint="Check its permissions.",
        )

    paths: list[str] = []
    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if name.lower().endswith(ENDINGS) and not name.startswith((".", "_")) and name.lower()[:7] != "readme.":
                paths.append((Path(where) / name).relative_to(folder).as_posix())
        if len(paths) > FILES_MAX:
            raise InputError(
                f"{folder} holds more than {FILES_MAX} posts.", code="folder.unreadable", hint="Split the folder."
            )
    return iter(sorted(paths))


def _without_doubles(items: list[Item]) -> tuple[list[Item], list[FileProblem]]:
    """Two files with the same key would be one post: the second one is wrong."""
    seen: dict[tuple[str | None, str], str] = {}
    kept, problems = [], []
    for item in items:
        first = seen.setdefault((item.account, item.own_key), item.path)
        if first == item.path:
            kept.append(item)
        else:
            line = item.lines.get("key", 1)
            problems.append(FileProblem(item.path, line, f"The key {item.own_key!r} is already that of {first}."))
    return kept, problems
