"""The OpenAPI document, as the linters that people run over such documents see it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tests" / "openapi"
DOCUMENT = ROOT / "docs" / "openapi.json"
# Neither asks the network for anything: the one for a newer version of itself, the other with figures about its use.
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
COMMANDS = {
    "spectral": ("@stoplight/spectral-cli/dist/index.js", "lint", "--ruleset", str(TOOLS / "spectral.json")),
    "redocly": ("@redocly/cli/bin/cli.js", "lint"),
}


def lint(name: str, document: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the linters over a document; warnings are no errors."""
    prepared = subprocess.run([ROOT / "tests/pds/prepare", "openapi"], capture_output=True, text=True, check=True)
    script, *words = COMMANDS[name]
    command = [prepared.stdout.strip(), str(TOOLS / "node_modules" / script), *words, str(document)]
    return subprocess.run(
        command, cwd=document.parent, env={**os.environ, **QUIET}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_document_has_no_errors(name: str) -> None:
    """Neither linter finds an error in the document that is committed."""
    done = lint(name, DOCUMENT)
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.nightly
@pytest.mark.parametrize("name", COMMANDS)
def test_an_error_is_found(name: str, tmp_path: Path) -> None:
    """A parameter of the path that nobody declares, and a reference to nothing."""
    document: dict[str, Any] = json.loads(DOCUMENT.read_text("utf-8"))
    operation = document["paths"]["/api/v1/posts"]["post"]
    operation["responses"]["201"]["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Nothing"}
    document["paths"]["/api/v1/odd/{thing}"] = {"get": operation | {"operationId": "odd.things"}}
    (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
    assert 1 == lint(name, tmp_path / "openapi.json").returncode
