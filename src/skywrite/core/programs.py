"""What services that keep a program running need to know: where `skywrite` is, and how systemd reads a word.

What does not live here: the services (`features.service`, `features.bots`).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def own_program() -> Path | None:
    """The absolute path of the running `skywrite`: services do not search where shells do. None if it has none."""
    path = shutil.which(sys.argv[0]) or shutil.which("skywrite")
    return None if path is None else Path(path).absolute()


def own_command() -> list[str]:
    """How a service starts `skywrite`: by its path, or as a module of this Python where it has none."""
    program = own_program()
    return [sys.executable, "-m", "skywrite"] if program is None else [str(program)]


def systemd_word(word: str) -> str:
    """A word of a command in a unit, quoted: `%` and `$` are special there, and blanks separate words."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if plain != word or any(mark in word for mark in " ;'") else plain
