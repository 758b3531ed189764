"""What is deployed beside the server fits to it."""

from __future__ import annotations

import json
import re

import yaml

from tests.support.processes import ROOT
from tests.support.serving import Server


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
