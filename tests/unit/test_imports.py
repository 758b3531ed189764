"""What `skywrite post "text"` imports: start-up is most of its time, so nothing heavy may slip into its path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skywrite.sandbox import Sandbox

HEAVY = {
    *("PIL", "feedparser", "jinja2", "rich", "dateparser", "psycopg", "cryptography.x509"),
    *("regex", "selectolax", "yaml", "dns", "dateutil", "cronsim", "keyring", "asyncio", "urllib.request"),
}
RUN = """
import sys
from skywrite.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


def modules_after(environ: dict[str, str], *arguments: str) -> set[str]:
    """The modules that a process has loaded at the end of a command that succeeded."""
    command = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr[-2000:]
    return set(done.stderr.split())


def test_nothing_heavy_on_the_path_of_a_post(skywrite_sandbox: Sandbox, tmp_path: Path) -> None:
    """A signed-in post of plain text loads none of the heavy libraries, and it is posted."""
    alice = skywrite_sandbox.account("alice.test")
    environ = {"SKYWRITE_HOME": str(tmp_path), "SKYWRITE_PLC_URL": skywrite_sandbox.plc_url}
    environ |= {"BLUESKY_HANDLE": "alice.test", "BLUESKY_APP_PASSWORD": alice.app_password}
    modules_after({**environ, "BLUESKY_PDS": skywrite_sandbox.url}, "login")
    environ |= {"BLUESKY_HANDLE": "", "BLUESKY_APP_PASSWORD": ""}
    loaded = modules_after(environ, "post", "Posting from the shell.")
    assert ["Posting from the shell."] == [post.text for post in skywrite_sandbox.posts("alice.test")]
    assert set() == {name for name in HEAVY if name in loaded}


@pytest.mark.parametrize("module", ["skywrite", "skywrite.sandbox", "skywrite.cli.main"])
def test_nothing_heavy_by_an_import_alone(module: str) -> None:
    """Importing the package, its command line or its sandbox loads none of the heavy libraries."""
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set() == HEAVY & set(done.stdout.split())
