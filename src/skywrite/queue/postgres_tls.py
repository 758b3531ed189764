"""TLS between us and a PostgreSQL server: what is wrong with it, and how well it protects.

What does not live here: the connection itself (`postgres`); libpq makes it as `sslmode` in the address says.
"""

from __future__ import annotations

from typing import Any

from skywrite.queue.database import DatabaseUnavailable, Protection

# Parts of libpq's messages, all of them from before the password is sent.
_HINTS = {
    "certificate verify failed": "The certificate of the server has expired, or nobody whom you trust signed it. Renew "
    "it, or name the file of its authority with sslrootcert (sslrootcert=system: those that your computer trusts).",
    "does not match host name": "Write the host in SKYWRITE_DATABASE as its certificate names it, or have the "
    "certificate fixed.",
    "root certificate file": "Name the file of the server's authority with sslrootcert in SKYWRITE_DATABASE "
    "(sslrootcert=system: those that your computer trusts).",
    "does not support SSL": "Turn on TLS at the server (ssl = on in postgresql.conf).",
    "weak sslmode": "Write sslmode=verify-full in SKYWRITE_DATABASE.",
}
_LOCAL = ("localhost", "127.", "::1", "/")


def untrusted(where: str, said: str) -> DatabaseUnavailable | None:
    """The error for what libpq said, if it refused to talk to the server."""
    hint = next((hint for part, hint in _HINTS.items() if part in said), None)
    if hint is None:
        return None
    return DatabaseUnavailable(
        f"The connection to {where} is not safe, so nothing was sent: {said}", code="database.untrusted", hint=hint
    )


def protection_of(connection: Any) -> Protection:
    """How a psycopg connection is protected."""
    encrypted = bool(connection.pgconn.ssl_in_use)
    mode = connection.info.get_parameters().get("sslmode")
    host = connection.info.hostaddr or connection.info.host
    return Protection(encrypted, encrypted and mode == "verify-full", host.startswith(_LOCAL))
