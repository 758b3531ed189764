"""What people without Python install: the Debian package and the compose file say what the program does."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.processes import ROOT

SCRIPTS = sorted((ROOT / "deploy" / "debian").iterdir())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yml").read_text("utf-8"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_of_the_package_are_shell(script: Path) -> None:
    """Each ends at its first error, and is read by Debian's shell."""
    assert "set -e\n" in script.read_text("utf-8")
    subprocess.run(["sh", "-n", script], check=True)


def test_the_compose_file_names_what_is_there() -> None:
    """Volumes and services are declared, variables are the program's, and nothing is open to the network by itself."""
    services = COMPOSE["services"]
    named = {volume.partition(":")[0] for service in services.values() for volume in service["volumes"]}
    assert set(COMPOSE["volumes"]) == named
    assert set() == set(services["skywrite"]["depends_on"]) - set(services)
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    variables = [name for name in services["skywrite"]["environment"] if name.startswith("SKYWRITE_")]
    assert [] == [name for name in variables if f'"{name}"' not in source]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert [True] == [port.startswith("127.0.0.1:") for port in ports]


def test_the_compose_file_refuses_to_start_without_secrets() -> None:
    """No password stands in it, and none is made up."""
    text = (ROOT / "deploy" / "compose.yml").read_text("utf-8")
    assert {"POSTGRES_PASSWORD", "SKYWRITE_KEY", "SKYWRITE_PUBLIC_URL"} == set(re.findall(r"\$\{(\w+):\?\}", text))


def test_the_container_gets_the_time_that_its_unit_has() -> None:
    """Uploads in flight may end in either."""
    unit = (ROOT / "deploy" / "skywrite-serve.service").read_text("utf-8")
    seconds = re.search(r"TimeoutStopSec=(\d+)", unit)
    assert COMPOSE["services"]["skywrite"]["stop_grace_period"] == f"{seconds and seconds[1]}s"
