"""The report for whoever helps with trouble: one text that says what is here, and gives nothing away.

What lives here: what goes into the report, and hiding. It takes nothing that is secret from anywhere; what errors and
logs repeat of secrets, names and addresses is hidden once more in the whole text. What does not: the checks
(`service`), and writing the file (`cli`).
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from skywrite.app import Skywrite
from skywrite.app.settings import SETTINGS
from skywrite.core.clock import to_iso
from skywrite.core.config import child_environment
from skywrite.core.errors import Unexpected
from skywrite.core.shown import printable, redacted
from skywrite.core.standard_webhooks import SECRET_START
from skywrite.features.checkup.service import check_all
from skywrite.queue.api_keys import KEY_START
from skywrite.queue.inspecting import Inspecting

HIDDEN = "[hidden]"
LAST = 20
LOG_LINES = 60
LOG_BYTES_MAX = 1_000_000
LOG_SECONDS = 10
SECRET_CHARACTERS_MIN = 6
# Variables that say how Skywrite runs; of all others the report does not even say that they are set.
VARIABLES = r"(SKYWRITE|BLUESKY)_\w+|SSL_CERT_(FILE|DIR)|(HTTPS?|ALL|NO)_PROXY|TZ|LANG|LC_ALL|LC_CTYPE|PYTHON\w+"
_SECRET_NAME = r"(?i)key|token|pass|secret|pwd|credential|auth"
# Variables with these names are shown: they hold a yes or no, a number of a kind, or a place of a file.
_PLAIN = r"(?i)SKYWRITE_(KEYRING|DEBUG|HOME|VIDEO_SERVICE|APPVIEW|PLC_URL)|TZ|LANG|LC_\w+|PYTHON\w+|SSL_CERT_\w+"
# In this order: an address first, because what is left of it may look like something else.
_PATTERNS = (
    (r"(?i)\b([a-z][a-z0-9+.-]*)://(?:[^\s/?#@]*@)?([^\s/?#\"']*)[^\s\"')\]]*?(?=[,.;:]?(?:[\s\"')\]]|$))", r"\1://\2"),
    (r"\bat:/*[^\s\"'),;]*", "at://..."),
    (r"\bdid:[a-z]+:[\w.:%-]+", "did:..."),
    (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "[mail address]"),
    (r"\beyJ[\w-]+\.[\w-]+\.[\w-]*", HIDDEN),
    (r"(?<![\w-])[a-z2-7]{4}(?:-[a-z2-7]{4}){3}(?![\w-])", HIDDEN),
    (r"(?i)\b(bearer|dpop|basic)\s+[^\s\"',;]+", rf"\1 {HIDDEN}"),
    (rf"\b({KEY_START}|{SECRET_START})[\w+/=-]+", HIDDEN),
    # Keys, tokens, digests: long, and of letters and digits; or of large and small letters in disorder.
    (r"(?<![\w+-])(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{16,}=*", HIDDEN),
    (r"(?<![\w+-])(?=[\w+-]{20})(?!\w*(?:Error|Exception)\b)(?:[a-z_+-]*[A-Z]+[a-z_+-]+){4,}[\w+-]*=*", HIDDEN),
)
_QUOTED = r"'[^'\n]*'"
_QUOTED_FACT = r"=\"(?:[^\"\\]|\\.)*\""


def report_text(
    account: str | None,
    *,
    with_texts: bool,
    render: Callable[[str], str] = str,
    environ: Mapping[str, str] = os.environ,
    open_queue: Callable[[], Skywrite] = Skywrite,
) -> str:
    """The whole report. `with_texts`: also what errors quote, and the names of accounts; `render` renders a hint.

    It is written whatever is broken: a part that cannot be told says why.
    """
    lines = [*_part("Skywrite", _program), *_part("Environment", lambda: _environment(environ))]
    hidden, names = secret_values(environ), list[str]()
    try:
        with open_queue() as sky:
            hidden += _stored_key(sky)
            names = _names(sky)
            lines += _queue_parts(sky, account, with_texts, render)
    except Exception as error:
        lines += ["## Configuration", Unexpected.of(error).message, ""]
    lines += [*_part("Log", lambda: _log(with_texts)), *_part("Packages", _packages)]
    return hide("\n".join(lines), hidden, () if with_texts else names)


def _queue_parts(sky: Skywrite, account: str | None, with_texts: bool, render: Callable[[str], str]) -> Iterator[str]:
    yield from _part("Configuration", lambda: _configuration(sky))
    yield from _part("Findings", lambda: _findings(sky, account, with_texts, render))
    yield from _part("Database", lambda: _database(sky))
    yield from _part("Last events", lambda: _events(sky))
    yield from _part("Last attempts that did not publish", lambda: _attempts(sky, with_texts))


def hide(text: str, values: Sequence[str] = (), names: Sequence[str] = ()) -> str:
    """The text without these values and whatever else could be a secret, with addresses cut to their servers, and with
    a number for each of the names.
    """
    for secret in sorted(values, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for number, name in enumerate(names, 1):
        text = re.sub(rf"(?i)(?<![\w.-]){re.escape(name)}(?![\w-])", f"account-{number}", text)
    for pattern, instead in _PATTERNS:
        text = re.sub(pattern, instead, text)
    return printable(text)


def secret_values(environ: Mapping[str, str]) -> list[str]:
    """What secrets the environment holds: variables that are called so, and passwords in addresses."""
    values = set()
    for name, value in environ.items():
        if re.search(_SECRET_NAME, name) and not re.fullmatch(_PLAIN, name):
            values.add(value)
        with suppress(ValueError):
            password = urlsplit(value).password or ""
            values |= {password, unquote(password)}
    return [value for value in values if len(value) >= SECRET_CHARACTERS_MIN]


def _stored_key(sky: Skywrite) -> list[str]:
    """The key in its file, which has no letters of its own that a pattern would find."""
    with suppress(OSError, ValueError):
        return [(sky.context.config.home / "key").read_text("ascii").strip()]
    return []


def _names(sky: Skywrite) -> list[str]:
    """What accounts are called here: handles and DIDs."""
    names = [sky.context.config.handle] if sky.context.config.handle else []
    with suppress(Exception):
        names += [account.handle for account in sky.accounts.list()]
    return list(dict.fromkeys(names))


def _part(title: str, lines: Callable[[], Iterator[str]]) -> Iterator[str]:
    yield f"## {title}"
    try:
        yield from lines()
    except Exception as error:
        yield f"This cannot be told: {Unexpected.of(error).message}"
    yield ""


def _program() -> Iterator[str]:
    yield f"skywrite {metadata.version('skywrite')}, {_origin()}"
    yield f"{platform.python_implementation()} {platform.python_version()}"
    yield f"{platform.system()} {platform.release()} {platform.machine()}"
    with suppress(OSError):
        yield platform.freedesktop_os_release()["PRETTY_NAME"]
    yield f"environment of its own: {'yes' if sys.prefix != sys.base_prefix else 'no'}"


def _origin() -> str:
    """How it was installed, without where."""
    if getattr(sys, "frozen", False):
        return "a program in one file"
    text = metadata.distribution("skywrite").read_text("direct_url.json") or ""
    if '"editable": true' in text:
        return "run from a clone"
    return "installed from a folder or a file" if text else "installed from a package index"


def _environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Variables by their names; their values only where these cannot be secret."""
    for name in sorted(environ):
        if not re.fullmatch(VARIABLES, name.upper()):
            continue
        shown = _short(environ[name]) if re.fullmatch(_PLAIN, name) else "(set)"
        yield f"{name}={shown}"
    yield f"encoding: {sys.stdout.encoding}, files {sys.getfilesystemencoding()}"


def _short(path: str) -> str:
    """A place without the name of the user whose folder it is in."""
    home = str(Path.home())
    return f"~{path[len(home) :]}" if path == home or path.startswith(f"{home}{os.sep}") else redacted(path)


def _configuration(sky: Skywrite) -> Iterator[str]:
    config = sky.context.config
    yield f"home: {_short(str(config.home))}"
    yield f"database: {'PostgreSQL' if '://' in config.database else _short(config.database)}"
    yield f"key from: {'SKYWRITE_KEY' if config.key else 'the keyring' if config.use_keyring else 'a file'}"
    for name in ("plc_url", "service", "video_service", "appview"):
        yield f"{name}: {redacted(getattr(config, name)) or '(none)'}"
    yield f"fetch_allow: {len(config.fetch_allow)} entries; command_env: {len(config.command_env)} names"
    for number, account in enumerate(sky.accounts.list(), 1):
        state = "signed in" if account.signed_in else "signed out"
        names = [name for name in SETTINGS if name in account.settings]
        yield f"account {number}: {account.state}, {state}, settings: {', '.join(names) or 'none'}"


def _findings(sky: Skywrite, account: str | None, with_texts: bool, render: Callable[[str], str]) -> Iterator[str]:
    """What the check-up says. What is in quotes there was read, and may be anybody's words."""
    for finding in check_all(sky, account):
        for line in (f"{finding.level}: {finding.what}: {finding.message}", f"  {render(finding.hint)}"):
            if line.strip():
                plain = line.replace(str(Path.home()), "~")
                yield plain if with_texts else re.sub(_QUOTED, "'...'", plain)


def _database(sky: Skywrite) -> Iterator[str]:
    inspecting = Inspecting(sky.context.store)
    yield f"{inspecting.engine()}, schema version {sky.context.store.schema_version()}"
    with suppress(OSError):
        yield f"size of the file: {Path(sky.context.config.database).stat().st_size:,} bytes"
    counts = {state: count for state, count in sky.posts.count().items() if count}
    yield f"posts by state: {', '.join(f'{count} {state}' for state, count in counts.items()) or 'none'}"
    for table, count in inspecting.rows().items():
        if count:
            yield f"{table}: {count:,}"


def _events(sky: Skywrite) -> Iterator[str]:
    for one in Inspecting(sky.context.store).events(LAST):
        yield f"{_time(one.at)} {_word(one.what)}{'' if one.subject is None else f' {one.subject}'}"


def _attempts(sky: Skywrite, with_texts: bool) -> Iterator[str]:
    for one in Inspecting(sky.context.store).attempts(LAST):
        message = f": {one.message}" if with_texts and one.message else ""
        yield f"{_time(one.at)} post {one.post}, attempt {one.number}: {one.outcome} {_word(one.code)}{message}"


def _word(code: str) -> str:
    """A name of ours. Whatever else stands in its place may be anybody's words."""
    return code if re.fullmatch(r"[a-z_.]{0,50}", code) else "(unreadable)"


def _time(at: datetime | None) -> str:
    return "(no time)" if at is None else to_iso(at)


def _log(with_texts: bool) -> Iterator[str]:
    """The end of the service's log, where the system keeps one. What is in quotes there may be anybody's words."""
    lines = _service_log()
    if not lines:
        yield "none found; if you keep one, add its last lines"
    for line in lines[-LOG_LINES:]:
        yield line if with_texts else re.sub(_QUOTED_FACT, '="..."', line)


def _service_log() -> list[str]:
    """The last lines that a service wrote here: of the system's journal, or of the file that launchd writes."""
    import subprocess

    file = Path.home() / "Library" / "Logs" / "skywrite.log"
    if sys.platform == "darwin" and file.is_file():
        with file.open("rb") as log:
            log.seek(max(0, file.stat().st_size - LOG_BYTES_MAX))
            return log.read().decode(errors="replace").splitlines()
    if sys.platform != "linux":
        return []
    ask = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={LOG_LINES}"]
    ask += ["--unit=skywrite", "--user-unit=skywrite"]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ask,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LOG_SECONDS,
            check=False,
            env=child_environment(),
        )
        return done.stdout.splitlines() if done.returncode == 0 else []
    return []


def _packages() -> Iterator[str]:
    facts = (one.metadata for one in metadata.distributions())
    versions = {(fact["Name"] or "?").lower(): fact["Version"] for fact in facts}
    yield from (f"{name} {versions[name]}" for name in sorted(versions))
