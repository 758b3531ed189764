"""The only names of the program's inside that a comparison needs: if one moves, this is the place to say where to.

What does not live here: everything that can be reached by the command line, over HTTP, or by public names.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import Any

# Where the one clock is that reads the computer's, in all versions that are compared.
CLOCKS = ("skywrite.clock", "skywrite.core.clock")
# Modules that do something when they are imported.
PROGRAMS = ("__main__", "contained_main", "pytest_plugin")
# Names of another library, which say when they are imported that they are not here.
ABSENT = ("firehose", "xrpc_client")


class Moved(Exception):
    """An inner name is where nobody looked for it."""


def load_everything() -> None:
    """Import the whole program, so that each child that is forked off has it."""
    import skywrite

    for module in pkgutil.walk_packages(skywrite.__path__, "skywrite."):
        if module.name.rpartition(".")[2] not in (*PROGRAMS, *ABSENT):
            import_module(module.name)


def set_clock(now: Callable[[], datetime]) -> None:
    """Let the program read this clock, and draw the same number each time. Raises Moved."""
    modules = [module for module in CLOCKS if module in sys.modules and hasattr(sys.modules[module], "SystemClock")]
    if not modules:
        raise Moved(f"SystemClock is in none of {', '.join(CLOCKS)}: name its new module in {__name__}.CLOCKS.")
    clock: Any = sys.modules[modules[0]].SystemClock
    clock.now = lambda self: now()
    clock.random = lambda self: 0.5
