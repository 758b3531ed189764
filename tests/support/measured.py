"""Commands run as real processes, with the most memory that each held.

What lives here: running and measuring. A process starts with the high-water mark of the one that it was forked from,
so a small process in between starts the command: else a small command would seem as large as the test run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

LAUNCH = """
import json, os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), usage.ru_maxrss], file)
"""


class Measured(NamedTuple):
    """How a command ended, what it printed on standard error, and the most memory that it held."""

    code: int
    err: str
    mebibytes: float


def measured(
    words: Sequence[str | Path],
    environ: Mapping[str, str],
    output: Path | None = None,
    *,
    timeout_seconds: float = 600.0,
) -> Measured:
    """Run `skywrite` with these words; its standard output goes to a file."""
    with TemporaryDirectory() as folder:
        told, printed = Path(folder, "told"), output or Path(folder, "output")
        command = [sys.executable, "-ISc", LAUNCH, told, sys.executable, "-m", "skywrite", *words]
        with printed.open("wb") as file:
            done = subprocess.run(
                command,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.PIPE,
                timeout=timeout_seconds,
                check=False,
            )
        code, kibibytes = json.loads(told.read_text())
        return Measured(code, done.stderr.decode(errors="replace"), kibibytes / 1024)
