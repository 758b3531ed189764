"""A Redis server on loopback, which the reference network wants. Nothing of ours talks to it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import FAST_FOLDER, Child, ServerUnavailable, free_port


@contextmanager
def redis_server() -> Iterator[str]:
    """The `host:port` of an empty server that keeps nothing. Raises ServerUnavailable where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        raise ServerUnavailable(
            "Redis is missing, and the network tests need it (Debian: apt-get install redis-server)."
        )
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="skywrite-redis-", dir=FAST_FOLDER))
    options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "", "--appendonly", "no"]
    try:
        with Child([program, *options], dies_with_starter=True) as child:
            child.wait_for_line("Ready to accept connections")
            yield f"127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
