"""`skywrite login --oauth` and `skywrite accounts oauth`, as a person at a terminal has them."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from skywrite.protocol.atproto.oauth_session import CONFIDENTIAL_DAYS
from tests.oauth.conftest import Process, SignIn
from tests.support.canaries import secrets_in
from tests.support.oauth import Browser, returned
from tests.support.pds import Pds, PdsAccount
from tests.support.processes import PATIENCE_SECONDS

ADDRESS = re.compile(r"http://\S+/oauth/authorize\S+")
HOST = "oauth.skywrite-tests.net"

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, pds: Pds) -> Iterator[Start]:
    """start(*words): a `skywrite` process whose input and output are pipes."""
    running: list[subprocess.Popen[str]] = []
    environ = {**os.environ, "SKYWRITE_HOME": str(tmp_path / "home"), "SKYWRITE_PLC_URL": pds.plc_url}
    environ |= {"BLUESKY_PDS": pds.url, "SKYWRITE_VIDEO_SERVICE": "", "BROWSER": "true", "PYTHONUNBUFFERED": "1"}

    def begin(*words: str, **more: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "skywrite.faces.cli.main", *words]
        running.append(
            subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env={**environ, **more})
        )
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def page_of(process: subprocess.Popen[str]) -> str:
    """The address that the command asks people to open."""
    assert process.stderr is not None
    for line in process.stderr:
        if match := ADDRESS.search(line):
            return match[0]
    raise AssertionError("no address was printed")


def visit(address: str) -> tuple[int, str]:
    """What the browser is shown at an address on this computer."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_sign_in_and_post(start: Start, account: PdsAccount, pds: Pds) -> None:
    """The browser comes back to the listener, the command says which rights it got, and a post goes out."""
    process = start("login", "--oauth", account.handle)
    came = Browser().accept(page_of(process), account.handle, account.password)
    forged = came.replace("state=", "state=x")
    assert (400, 200) == (visit(forged)[0], visit(came)[0])
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (0, True, True) == (process.returncode, f"Signed in as {account.handle}" in out, "posts:" in out), err
    assert [] == secrets_in(out + err)
    done = start("post", "From the shell", "--no-card")
    _, err = done.communicate(timeout=PATIENCE_SECONDS)
    assert (0, ["From the shell"]) == (done.returncode, [one["value"]["text"] for one in pds.records(account.did)]), err
    who = start("whoami", "--json")
    facts = json.loads(who.communicate(timeout=PATIENCE_SECONDS)[0])
    assert ["posts", "media", "video"] == facts["session"]["rights"]


def test_paste_over_ssh(start: Start, account: PdsAccount) -> None:
    """Over SSH the address of the page that cannot be reached is pasted, and a wrong one is an error."""
    process = start("login", "--oauth", account.handle, "--paste", "--json")
    came = Browser().accept(page_of(process), account.handle, account.password)
    out, _ = process.communicate(came + "\n", timeout=PATIENCE_SECONDS)
    assert (0, account.did) == (process.returncode, json.loads(out)["did"])
    process = start("login", "--oauth", account.handle, "--paste", "--json")
    page_of(process)
    out, _ = process.communicate(came + "\n", timeout=PATIENCE_SECONDS)
    assert (2, "input.invalid") == (process.returncode, json.loads(out)["code"])


def test_a_client_of_ones_own(start: Start, account: PdsAccount, pds: Pds) -> None:
    """Files are written for a static host, the sign-in ends on its page, which hands over to the listener here."""
    site = pds.data_dir / "web" / HOST / account.did[-8:]
    program = start(
        "oauth", "init", f"https://{HOST}/{site.name}", "--folder", str(site), "--name", "My posts", "--json"
    )
    out, err = program.communicate(timeout=PATIENCE_SECONDS)
    assert 0 == program.returncode, err
    assert ["callback.html", "client-metadata.json", "jwks.json"] == sorted(path.name for path in site.iterdir())
    assert "My posts" == json.loads((site / "client-metadata.json").read_text())["client_name"]
    begun = datetime.now(UTC)
    process = start("login", "--oauth", account.handle, "--json")
    came = Browser().accept(page_of(process), account.handle, account.password)
    assert came.startswith(f"https://{HOST}/{site.name}/callback.html?")
    port = returned(came)["state"].rpartition(".")[2]
    assert 200 == visit(f"http://127.0.0.1:{port}/callback?{urlsplit(came).query}")[0]
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    lasts = datetime.fromisoformat(json.loads(out)["session"]["ends_at"]) - begun
    assert (0, CONFIDENTIAL_DAYS) == (process.returncode, lasts.days), err
    assert [] == secrets_in(out)


def test_pages_hold_no_foreign_address(pds: Pds) -> None:
    """The callback page loads nothing, sends nothing, and runs only its own script."""
    from skywrite.app.oauth.files import callback_page

    page = callback_page()
    assert "default-src 'none'" in page and "no-referrer" in page
    assert ["http://127.0.0.1:"] == re.findall(r"https?://[^'\"\s]*", page)


MEASURED = """
import sys
from skywrite.faces.cli.main import main
try:
    main(sys.argv[1:])
finally:
    lines = open("/proc/self/status").read().splitlines()
    print("peak", next(line.split()[1] for line in lines if line.startswith("VmHWM")), file=sys.stderr)
    print("modules", *sys.modules, file=sys.stderr)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc, which Linux has")
def test_what_a_post_costs(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount, tmp_path: Path) -> None:
    """A post with OAuth takes 12 MiB more than one with an app password, which loads nothing of what OAuth needs."""
    environ = {**os.environ, "SKYWRITE_PLC_URL": pds.plc_url, "BLUESKY_PDS": pds.url, "SKYWRITE_VIDEO_SERVICE": ""}
    sign_in(process())
    elsewhere = process(SKYWRITE_HOME=str(tmp_path / "other"))
    elsewhere.accounts.login(account.handle, account.app_password, pds=pds.url)
    peaks, modules = dict[str, int](), dict[str, set[str]]()
    # The least of some is what it needs: what the system adds to that, up to 1.4 MiB, is chance.
    for folder, number in product(("home", "other"), range(4)):
        command = [sys.executable, "-c", MEASURED, "post", f"{number} from {folder}", "--no-card"]
        done = subprocess.run(
            command, env={**environ, "SKYWRITE_HOME": str(tmp_path / folder)}, capture_output=True, text=True
        )
        assert 0 == done.returncode, done.stderr
        words = {line.split()[0]: line.split()[1:] for line in done.stderr.splitlines() if line.strip()}
        peaks[folder] = min(int(words["peak"][0]), peaks.get(folder, sys.maxsize))
        modules[folder] = set(words["modules"])
    needed = {
        "cryptography",
        "skywrite.protocol.atproto.dpop",
        "skywrite.protocol.atproto.oauth",
        "skywrite.app.oauth.service",
    }
    assert (needed, set()) == (needed & modules["home"], needed & modules["other"])
    assert set() == {"skywrite.app.oauth.listener", "http.server"} & modules["home"]
    assert peaks["home"] - peaks["other"] <= 12 * 1024
