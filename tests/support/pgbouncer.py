"""A PgBouncer in front of a PostgreSQL server, for tests; the program comes from the distribution."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import PostgresServer, server_user
from tests.support.processes import FAST_FOLDER, Child, ServerUnavailable, free_port

READY = "process up"


@contextmanager
def pgbouncer(server: PostgresServer, mode: str = "transaction", **settings: str) -> Iterator[str]:
    """The address of the server's database `postgres` through a pooler in this mode. Raises ServerUnavailable."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/sbin")
    if program is None:
        raise ServerUnavailable("PgBouncer is missing, and tests start one (Debian: apt-get install pgbouncer).")
    folder = Path(tempfile.mkdtemp(prefix="skywrite-pgbouncer-", dir=FAST_FOLDER))
    user, port = server_user(), free_port()
    lines = [
        "[databases]",
        f"postgres = host=127.0.0.1 port={server.port} user=postgres",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = any",
        "auth_file =",
        f"pool_mode = {mode}",
        "default_pool_size = 4",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    try:
        (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
        if user:
            shutil.chown(folder, user, user)
        child = Child([program, folder / "pgbouncer.ini"], folder=folder, user=user, dies_with_starter=True)
        try:
            child.wait_for_line(READY)
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            child.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
