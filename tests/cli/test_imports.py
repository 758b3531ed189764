"""What `skywrite post "text"` loads: nothing heavy lies on its path, seen in a process that really posts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.shell import Shell

HEAVY = (
    *("PIL", "jinja2", "rich", "psycopg", "cryptography", "_hashlib", "regex", "dns", "asyncio", "email"),
    *("urllib.request", "http.client", "dateutil", "cronsim", "selectolax", "yaml", "keyring", "subprocess"),
    *(
        "skywrite.protocol.atproto.oauth",
        "skywrite.protocol.atproto.oauth_session",
        "skywrite.protocol.atproto.dpop",
        "skywrite.app.oauth.service",
    ),
    *(
        "importlib.metadata",
        "msgspec",
        "skywrite.features.feeds.service",
        "skywrite.app.occurrences",
        "skywrite.posting.schedule.times",
    ),
    *(
        "shutil",
        "zoneinfo",
        "dataclasses",
        "zlib",
        "unicodedata",
        "skywrite.posting.publish.hosts",
        "skywrite.faces.cli.preview",
    ),
    *("skywrite.queue.listing", "skywrite.features.feeds.store", "skywrite.queue.timers", "skywrite.queue.recurrences"),
    *("skywrite.protocol.atproto.identity", "skywrite.protocol.atproto.sign_in", "skywrite.protocol.fetch.web"),
    *(
        "skywrite.core.feature",
        "skywrite.models",
        "skywrite.sdk.answers",
        "skywrite.sdk.lexicons",
        "skywrite.app.options",
    ),
)
RUN = """
import re
import sys
from skywrite.faces.cli.main import main
try:
    main(sys.argv[1:])
finally:
    ours = [module for name, module in sys.modules.items() if name.startswith("skywrite.")]
    print(*sys.modules, file=sys.stderr)
    print("Patterns:", *(one.__name__ for one in ours if any(isinstance(x, re.Pattern) for x in vars(one).values())))
"""


def test_nothing_heavy_on_the_path_of_a_post(shell: Shell) -> None:
    """A signed-in post of plain text from another process loads none of the heavy modules, and it is posted.

    No module of ours compiles a pattern when it is loaded, either.
    """
    done = subprocess.run(
        [sys.executable, "-c", RUN, "post", "From the shell, with a #tag and https://example.com", "--no-card"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, ["From the shell, with a #tag and example.com"]) == (done.returncode, shell.posts()), done.stderr[-2000:]
    loaded = set(done.stderr.split())
    assert ([], "Patterns:") == ([name for name in HEAVY if name in loaded], done.stdout.splitlines()[-1])


def test_no_garbage_is_looked_for_while_a_post_is_sent(shell: Shell) -> None:
    """From the first module of the command line to the end of a post."""
    script = """
import gc, sys
from skywrite.__main__ import main
runs = []
gc.collect()
gc.callbacks.append(lambda phase, info: phase == "start" and runs.append(info["generation"]))
sys.argv = ["skywrite", "post", "Hello"]
try:
    main()
finally:
    print(runs)
"""
    assert ("[]", ["Hello"]) == (shell.python(script).out.splitlines()[-1], shell.posts())


ENDING = """
import atexit, sys, threading, types
from skywrite.__main__ import main

class Object:
    def __del__(self):
        print("taken apart")

def late():
    threading.main_thread().join()
    print("thread")

def command(words):
    threading.Thread(target=late).start()
    atexit.register(print, "handler")
    sys.exit(3)

kept = Object()
sys.modules["skywrite.faces.cli.main"] = types.SimpleNamespace(main=command)
main()
"""


def test_the_program_ends_at_once_when_everything_is_done(shell: Shell) -> None:
    """Threads end, handlers run and output arrives, but Python does not take every object apart."""
    told = shell.python(ENDING)
    assert (3, ["thread", "handler"]) == (told.code, told.out.split())


def test_the_http_client_takes_no_huge_pages(shell: Shell) -> None:
    """Where the system offers them, its allocator would fill a post's memory with them."""
    script = "import skywrite.core.http; skywrite.core.http.Http()._open(); print(open('/proc/self/smaps').read())"
    flags = [line.split()[1:] for line in shell.python(script).out.splitlines() if line.startswith("VmFlags")]
    assert [] == [flag for flag in flags if "hg" in flag]


@pytest.mark.parametrize("module", ["skywrite", "skywrite.sandbox", "skywrite.faces.cli.main"])
def test_nothing_heavy_by_an_import_alone(module: str) -> None:
    """Importing the package, its command line or its sandbox loads none of the heavy modules."""
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert [] == [name for name in HEAVY if name in done.stdout.split()]
