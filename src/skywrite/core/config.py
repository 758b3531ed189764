"""What the environment says: where things are kept, which servers are asked, which addresses are let through.

What lives here: reading of environment variables, once, into plain values. What users set permanently (languages,
slots, spacing) lives in the database, as settings of an account.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from skywrite.core.errors import InputError
from skywrite.core.shown import redacted

DEFAULT_PLC_URL = "https://plc.directory"
DEFAULT_SERVICE = "https://bsky.social"
# What a program needs to run, and nothing that it could give away.
ENVIRONMENT = frozenset(
    (
        *("HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME", "LOGNAME", "PATH", "SHELL"),
        *("TERM", "TMPDIR", "TZ", "USER", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
        *("APPDATA", "COMSPEC", "LOCALAPPDATA", "PATHEXT", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERPROFILE"),
        "WINDIR",
    )
)
DEFAULT_VIDEO_SERVICE = "https://video.bsky.app"
DEFAULT_APPVIEW = "https://public.api.bsky.app"
# How many posts a worker sends at once.
DEFAULT_THREADS = 96


def default_home(environ: Mapping[str, str]) -> Path:
    """The user's data directory, as each platform has it (XDG base directories on Linux)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "skywrite"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA", str(Path.home()))) / "skywrite"
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "skywrite"


class Config(NamedTuple):
    """The settings of one process.

    `database` is a path or a `postgresql://` address; `key` is None where the key comes from the keyring
    (`use_keyring`) or a file; `video_service` is empty where videos are uploaded as plain blobs; `command_env` are the
    variables that scheduled commands get beside the usual ones.
    """

    home: Path
    database: str
    key: str | None
    plc_url: str
    service: str
    video_service: str
    fetch_allow: tuple[str, ...]
    handle: str | None
    app_password: str | None
    use_keyring: bool = False
    command_env: tuple[str, ...] = ()
    appview: str = DEFAULT_APPVIEW

    def __repr__(self) -> str:
        return f"Config(home={str(self.home)!r}, database={self.shown_database!r}, handle={self.handle!r})"

    @property
    def shown_database(self) -> str:
        """The database's address without a password, for messages."""
        return redacted(self.database)


def child_environment(environ: Mapping[str, str] | None = None, more: Iterable[str] = ()) -> dict[str, str]:
    """The environment for programs that we start: what any program needs and the names in `more`, and no secret."""
    variables = os.environ if environ is None else environ
    names = ENVIRONMENT.union(more)
    return {name: value for name, value in variables.items() if name in names or name.upper() in ENVIRONMENT}


def database_address(address: str) -> str:
    """Where a database is: a path, or a `postgresql://` address. `sqlite:///` before a path is taken away.

    Raises InputError for the address of anything else, which would otherwise be the name of a file.
    """
    scheme, colon, rest = address.partition(":")
    if scheme in ("postgresql", "postgres") and rest.startswith("//"):
        return address
    if scheme == "sqlite" and rest.startswith("///") and rest.strip("/") not in ("", ":memory:"):
        return rest.removeprefix("///")
    # One letter is a drive of Windows.
    if colon and len(scheme) > 1 and ("//" in rest[:2] or scheme in ("sqlite", "file", "memory")):
        hint = "Give the path of a SQLite file (or sqlite:////path), or postgresql://user@host/name."
        raise InputError(f"{redacted(address)} is not the address of a database that Skywrite can use.", hint=hint)
    if address == ":memory:":
        raise InputError("A database in memory is gone with its process.", hint="Give the path of a file.")
    return address


def _server(name: str, value: str) -> str:
    """The address of a server, without a slash at its end; a name alone is at https."""
    url = value.strip()
    scheme, _, host = (url if "://" in url else f"https://{url}").partition("://")
    host = host.rstrip("/")
    if scheme not in ("http", "https") or not host.strip("./:@") or not host.isprintable() or " " in host:
        hint = "Write it like https://pds.example.com, or leave the variable out."
        raise InputError(f"{name} is {redacted(value)!r}, which is not the address of a server.", hint=hint)
    return f"{scheme}://{host}"


def _switch(name: str, value: str) -> bool:
    """A yes or a no; empty is no."""
    word = value.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("", "0", "false", "no", "off"):
        return False
    raise InputError(f"{name} is {value!r}, which is neither yes nor no.", hint=f"Write {name}=1, or leave it out.")


def load_config(environ: Mapping[str, str] | None = None) -> Config:
    """Read the environment (`os.environ` unless another mapping is given)."""
    env = os.environ if environ is None else environ
    home = Path(env["SKYWRITE_HOME"]) if env.get("SKYWRITE_HOME") else default_home(env)
    video = env.get("SKYWRITE_VIDEO_SERVICE", DEFAULT_VIDEO_SERVICE).strip()
    return Config(
        home=home,
        database=database_address(env.get("SKYWRITE_DATABASE") or str(home / "skywrite.db")),
        key=env.get("SKYWRITE_KEY") or None,
        plc_url=_server("SKYWRITE_PLC_URL", env.get("SKYWRITE_PLC_URL") or DEFAULT_PLC_URL),
        service=_server("BLUESKY_PDS", env.get("BLUESKY_PDS") or DEFAULT_SERVICE),
        video_service=_server("SKYWRITE_VIDEO_SERVICE", video) if video else "",
        fetch_allow=tuple(env.get("SKYWRITE_FETCH_ALLOW", "").replace(",", " ").split()),
        appview=_server("SKYWRITE_APPVIEW", env.get("SKYWRITE_APPVIEW") or DEFAULT_APPVIEW),
        handle=env.get("BLUESKY_HANDLE") or None,
        app_password=env.get("BLUESKY_APP_PASSWORD") or None,
        use_keyring=_switch("SKYWRITE_KEYRING", env.get("SKYWRITE_KEYRING", "")),
        command_env=tuple(env.get("SKYWRITE_COMMAND_ENV", "").replace(",", " ").split()),
    )
