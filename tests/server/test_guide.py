"""The examples of the guide's server pages do what the pages say, against a live server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from skywrite.publish.webhooks import signed_headers
from skywrite.queue.webhooks import SECRET_START
from tests.docs.examples import Example, examples
from tests.server.conftest import Server
from tests.support.processes import PATIENCE_SECONDS, ROOT

API = examples("docs/guide/http-api.md")
HOOKS = examples("docs/guide/webhooks.md")
SECRET = SECRET_START + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"post.failed"}'


def of(found: list[Example], language: str) -> list[Example]:
    """The examples in one language."""
    return [example for example in found if example.language == language]


@pytest.fixture
def folder(server: Server, tmp_path: Path) -> Path:
    """A folder with the file that the examples upload."""
    Image.new("RGB", (64, 48), "yellow").save(tmp_path / "sun.jpg")
    return tmp_path


@pytest.fixture
def environ(server: Server) -> dict[str, str]:
    """What readers of the pages put into the environment."""
    key = server.with_key("read", "draft", "schedule", "publish", "manage").headers["authorization"].split()[1]
    return {**os.environ, "SKYWRITE_URL": server.url, "SKYWRITE_API_KEY": key}


def run(words: list[str], environ: dict[str, str], folder: Path) -> str:
    """What a program prints; it must not fail."""
    done = subprocess.run(
        words, env=environ, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("example", [*of(API, "bash"), *of(HOOKS, "bash")], ids=lambda example: example.name)
def test_curl(example: Example, environ: dict[str, str], folder: Path) -> None:
    """Each curl command is answered with what it asked for."""
    assert json.loads(run(["bash", "-c", example.code], environ, folder))


@pytest.mark.parametrize("example", of(API, "python"), ids=lambda example: example.name)
def test_python(example: Example, environ: dict[str, str], folder: Path) -> None:
    """The Python example schedules and moves its post."""
    assert "2030-01-07T10:00:00Z\n" == run([sys.executable, "-c", example.code], environ, folder)


@pytest.mark.parametrize("example", of(API, "javascript"), ids=lambda example: example.name)
def test_javascript(example: Example, environ: dict[str, str], folder: Path) -> None:
    """The JavaScript example shows what would be published."""
    (folder / "example.mjs").write_text(example.code)
    assert "Look at example.com []" == run(["node", "example.mjs"], environ, folder).splitlines()[0]


def cases() -> list[tuple[dict[str, str], bytes, bool]]:
    """Messages, and whether they are to be believed: right, by a second secret, changed, old, by another secret."""
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    other = SECRET_START + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    return [
        (signed_headers([SECRET], "msg_1", now, BODY), BODY, True),
        (signed_headers([other, SECRET], "msg_1", now, BODY), BODY, True),
        (signed_headers([SECRET], "msg_1", now, BODY), BODY + b" ", False),
        (signed_headers([SECRET], "msg_1", now - timedelta(minutes=6), BODY), BODY, False),
        (signed_headers([other], "msg_1", now, BODY), BODY, False),
    ]


def test_verifying_in_python() -> None:
    """The Python receiver believes what is signed and fresh, and nothing else."""
    space: dict[str, object] = {}
    exec(of(HOOKS, "python")[0].code, space)
    verify = space["verify"]
    assert callable(verify)
    assert [good for _, _, good in cases()] == [verify(SECRET, headers, body) for headers, body, _ in cases()]


def test_verifying_in_javascript(tmp_path: Path) -> None:
    """The JavaScript receiver believes what is signed and fresh, and nothing else."""
    shown = [[headers, body.decode()] for headers, body, _ in cases()]
    code = of(HOOKS, "javascript")[0].code
    code += f"console.log(JSON.stringify({json.dumps(shown)}.map(([h, b]) => verify({json.dumps(SECRET)}, h, b))));\n"
    (tmp_path / "verify.mjs").write_text(code)
    assert [good for _, _, good in cases()] == json.loads(run(["node", "verify.mjs"], dict(os.environ), tmp_path))


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed, and nothing else here needs it")
def test_verifying_in_php(tmp_path: Path) -> None:
    """The PHP receiver believes what is signed and fresh, and nothing else."""
    shown = json.dumps([[headers, body.decode()] for headers, body, _ in cases()])
    code = of(HOOKS, "php")[0].code + f"\n$all = json_decode('{shown}', true);\n"
    code += f"echo json_encode(array_map(fn($c) => verify('{SECRET}', $c[0], $c[1]), $all));"
    (tmp_path / "verify.php").write_text(code)
    assert [good for _, _, good in cases()] == json.loads(run(["php", "verify.php"], dict(os.environ), tmp_path))


def test_deployed_files_name_metrics_that_there_are(server: Server) -> None:
    """The dashboard and the alert rules use only metrics that the server has, and there are four rules."""
    metrics = server.request("GET", "/metrics").text
    alerts = yaml.safe_load((ROOT / "deploy/alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((ROOT / "deploy/grafana.json").read_text())["panels"]
    shown = [rule["expr"] for rule in alerts] + [target["expr"] for panel in panels for target in panel["targets"]]
    names = {name for expression in shown for name in re.findall(r"skywrite_\w+", expression)}
    known = set(re.findall(r"^# TYPE (skywrite_\w+)", metrics, re.MULTILINE))
    assert set() == names - known - {f"{name}_total" for name in known}
    assert 4 == len(alerts)


def test_json_of_the_guide_is_json() -> None:
    """What the pages show as JSON can be pasted."""
    for page in ("http-api", "webhooks", "mcp"):
        for example in of(examples(f"docs/guide/{page}.md"), "json"):
            assert json.loads(example.code)
