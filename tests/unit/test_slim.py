"""What a plain install brings, and what works with it alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from script.size import MIB, MIB_MAX, PACKAGES_MAX, closure, size_of
from tests.support.processes import PATIENCE_SECONDS, ROOT

# Packages of optional parts, which tests have and a plain install has not.
WITHOUT = (
    *("cryptography", "psycopg", "imageio_ffmpeg", "pillow_heif", "py3langid", "keyring", "prometheus_client"),
    *("python_calamine", "resvg_py", "starlette", "uvicorn", "anyio", "h11", "webauthn", "mcp"),
)
PLAIN = f"""
import io, json, sys
sys.modules.update(dict.fromkeys({WITHOUT!r}))
from contextlib import redirect_stdout
from skywrite.faces.cli.main import main
from skywrite.sandbox import Sandbox

def run(*words, stdin=""):
    sys.stdin, out = io.TextIOWrapper(io.BytesIO(stdin.encode())), io.StringIO()
    try:
        with redirect_stdout(out):
            main(list(words))
    except SystemExit as ended:
        return ended.code, out.getvalue()

with Sandbox() as box:
    import os
    os.environ.update(SKYWRITE_PLC_URL=box.plc_url, SKYWRITE_VIDEO_SERVICE="")
    password = box.account("alice.test").app_password
    done = [run("login", "alice.test", "--pds", box.url, "--app-password-stdin", stdin=password)[0]]
    from PIL import Image
    Image.new("RGB", (8, 8)).save("red.png")
    done.append(run("post", "Hello #world ☀️", "--image", "red.png", "--alt", "red")[0])
    done.append(run("schedule", "Later", "--at", "in 3 days")[0])
    done.append(run("run", "--once")[0])
    done.append(run("list")[0])
    done.append(run("doctor")[0])
    code, told = run("login", "alice.test", "--oauth", "--pds", box.url, "--json")
    print(json.dumps([done, len(box.posts("alice.test")), code, json.loads(told)]))
"""


def test_a_plain_install_is_small() -> None:
    """So many packages and MiB at most; `script/size` shows what costs."""
    names = closure()
    total = sum(size_of(name).file_bytes for name in ("skywrite", *names))
    assert (True, True) == (len(names) + 1 <= PACKAGES_MAX, total <= MIB_MAX * MIB), (len(names), total / MIB)


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements-runtime.lock", ["server", "mcp", "tables"]),
        ("requirements-image.lock", ["postgres", "video", "langs", "server", "mcp"]),
    ],
)
def test_the_locks_have_what_is_declared_and_what_builds_it(lock: str, extras: list[str]) -> None:
    """A lock file holds the whole closure of what it is for, on this system."""
    pinned = {name.lower() for name in re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), re.MULTILINE)}
    assert set() == set(closure(extras)) - pinned


def test_a_plain_install_posts(tmp_path: Path) -> None:
    """Sign-in, a post with an image, the queue, the check-up and the sandbox work without any optional part;
    OAuth says what it needs.
    """
    environ = {**os.environ, "SKYWRITE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT / "src")}
    ended = subprocess.run(
        [sys.executable, "-c", PLAIN],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert 0 == ended.returncode, ended.stderr
    import json

    done, posts, code, told = json.loads(ended.stdout.splitlines()[-1])
    assert ([0] * 6, 1, 2, "extra.missing") == (done, posts, code, told["code"])
    assert "[oauth]" in told["hint"]
