"""Whoever imports this module has imported all of the program, and what it imports on first use.

What lives here: the list of modules, which is walked, so that none of them is forgotten. Processes that fork for a test
load it once, and what they fork costs its own work only.
"""

from __future__ import annotations

import importlib
import pkgutil

import skywrite

# They run when they are imported, or are looked for by a name that says so.
PROGRAMS = frozenset({"__main__", "contained_main"})
# What the program imports in its functions, where it is used.
LATE = (
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "anyio._backends._asyncio",
    "concurrent.futures.thread",
    "hashlib",
    "python_multipart",
    "nacl.bindings",
    "psycopg",
    "tzlocal",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
)
# Names of the atproto SDK that are not here: importing one of them says so.
ABSENT = ("firehose", "xrpc_client")


def modules() -> list[str]:
    """All modules of the program, by their names."""
    walked = pkgutil.walk_packages(skywrite.__path__, "skywrite.")
    return [module.name for module in walked if module.name.rpartition(".")[2] not in (*PROGRAMS, *ABSENT)]


for name in (*modules(), *LATE):
    importlib.import_module(name)
