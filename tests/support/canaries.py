"""Secrets that must never be seen again: passwords and tokens of test accounts, looked for in all that is left behind.

What lives here: the list, and the search. `tests/conftest.py` searches the output and the log of every test that
passes, and at the end of a run the databases, logs and pages in its temporary folders. A test that shows more
(a backup, a page of HTML) asks `secrets_in` itself.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

MARK = "canary"
SEARCHED_SUFFIXES = {".db", ".db-wal", ".sqlite", ".backup", ".log", ".html", ".csv", ".jsonl"}

_JWT = re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+")
_MARKED = re.compile(rb"canary-[0-9a-f]{16}")
# What follows the first letters: a pattern that begins with a certain character is found many times as fast.
_OAUTH_REST = re.compile(rb"-[0-9a-f]{64}\b")
_APP_PASSWORD_REST = re.compile(rb"-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}(?![\w-])")
_app_passwords: set[bytes] = set()


def canary() -> str:
    """A new secret, fit for a password or a key."""
    return f"{MARK}-{secrets.token_hex(8)}"


def guard_app_password(password: str) -> str:
    """Look for this app password from now on."""
    _app_passwords.add(password.encode())
    return password


def secrets_in(data: bytes | str | Path) -> list[str]:
    """The secrets found in a text, bytes, a file, or all files of a folder, cut short so that a report keeps them."""
    if isinstance(data, Path):
        files = [data] if data.is_file() else [path for path in data.rglob("*") if path.is_file()]
        return [f"{secret} in {path}" for path in files for secret in secrets_in(path.read_bytes())]
    content = data.encode(errors="replace") if isinstance(data, str) else data
    return [secret[:12].decode() + "..." for secret in _found(content)]


def _found(content: bytes) -> Iterator[bytes]:
    app_passwords = (secret for secret in _whole(_APP_PASSWORD_REST, 4, content) if secret in _app_passwords)
    oauth = (secret for secret in _whole(_OAUTH_REST, 3, content) if secret[:3] in (b"ref", b"cod"))
    return itertools.chain(_MARKED.findall(content), _JWT.findall(content), oauth, app_passwords)


def _whole(rest: re.Pattern[bytes], first: int, content: bytes) -> Iterator[bytes]:
    """What the pattern finds, each with so many bytes before it."""
    return (content[max(0, match.start() - first) : match.end()] for match in rest.finditer(content))


def left_behind(folder: Path) -> list[str]:
    """The secrets in what the program writes (databases, logs, pages, exports) anywhere under a folder."""
    files = (path for path in folder.rglob("*") if path.suffix in SEARCHED_SUFFIXES and path.is_file())
    return [line for path in files for line in secrets_in(path)]
