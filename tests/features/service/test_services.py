"""The worker as a service: the three kinds of files, and what the system's manager is asked."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from skywrite.features.service.service import (
    LABEL,
    SERVER,
    WORKER,
    Service,
    Settings,
    launchd_plist,
    systemd_unit,
    task_xml,
)
from tests.support.errors import fails
from tests.support.processes import ROOT, free_port, python_child

PROGRAM = Path("/usr/bin/true")
AWKWARD = Settings(
    PROGRAM, environment=(("SKYWRITE_HOME", '/home/a b/100%/"x" $HOME'), ("SKYWRITE_FETCH_ALLOW", "a.test b.test"))
)


class Manager:
    """A service manager that keeps what it is asked, and answers as told."""

    def __init__(self, codes: dict[str, int] | None = None) -> None:
        self.asked: list[str] = []
        self.codes = codes or {}

    def __call__(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        line = " ".join(command)
        self.asked.append(line)
        code = next((code for part, code in self.codes.items() if part in line), 0)
        return subprocess.CompletedProcess(list(command), code, "active\n" if code == 0 else "", "No such thing\n")


@pytest.mark.parametrize("system", [False, True])
@pytest.mark.parametrize("settings", [Settings(PROGRAM), AWKWARD])
def test_systemd_accepts_the_unit(tmp_path: Path, system: bool, settings: Settings) -> None:
    """`systemd-analyze verify` finds nothing to say, for a user and for the computer, whatever the paths hold."""
    unit = tmp_path / "skywrite.service"
    unit.write_text(systemd_unit(settings, system=system))
    assert shutil.which("systemd-analyze"), "systemd is missing; script/test installs it"
    command = ["systemd-analyze", "verify", "--man=no", *([] if system else ["--user"]), str(unit)]
    # Without such a folder, it says so and looks at no unit.
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "Unknown user" not in line]
    assert [] == complaints


@pytest.mark.parametrize("arguments", [WORKER, SERVER])
def test_what_starts_without_its_database_says_so_and_is_started_again(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """An address that was typed wrong does not wait for ever; where the database is only late, the unit tries again."""
    environ = {"SKYWRITE_HOME": str(tmp_path), "SKYWRITE_DATABASE": f"postgresql://me@127.0.0.1:{free_port()}/queue"}
    with python_child("-m", "skywrite", *arguments, environ=environ) as child:
        assert 1 == child.wait()
    output = "\n".join(child.lines)
    assert (True, False) == ("Error: Cannot use the database" in output, "Traceback" in output)
    unit = systemd_unit(Settings(PROGRAM, arguments), system=True).splitlines()
    assert {"Restart=always", "RestartSec=5", "StartLimitIntervalSec=0"} <= set(unit)


UNITS = {"skywrite.service": WORKER, "skywrite-serve.service": SERVER}


@pytest.mark.parametrize(("name", "arguments"), UNITS.items())
def test_the_unit_in_the_repository_is_the_one_that_is_installed(name: str, arguments: tuple[str, ...]) -> None:
    """The files in deploy/ and `service install --system`, with `--serve` or without, say the same."""
    expected = systemd_unit(Settings(Path("/usr/local/bin/skywrite"), arguments), system=True)
    assert expected == (ROOT / "deploy" / name).read_text()


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_of_the_computer_is_hardened(name: str) -> None:
    """`systemd-analyze security` gives it an exposure of at most 2.5 of 10."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(ROOT / "deploy" / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    match = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert match is not None, done.stderr
    assert float(match[1]) <= 2.5, done.stdout


def test_a_user_service_starts_now_and_at_boot(tmp_path: Path) -> None:
    """It is written, enabled, started, and lingers when nobody is signed in."""
    manager = Manager()
    status = Service(Settings(PROGRAM), home=tmp_path, platform="linux", run=manager).install()
    expected = ["daemon-reload", "enable skywrite", "restart skywrite"]
    assert [*(f"systemctl --user {word}" for word in expected), "loginctl enable-linger"] == manager.asked[:4]
    assert (True, True, tmp_path / ".config/systemd/user/skywrite.service") == status[:3]


def test_removing_stops_it_and_keeps_nothing(tmp_path: Path) -> None:
    """The file is gone, and the manager forgets it."""
    manager = Manager({"is-active": 3})
    service = Service(Settings(PROGRAM), home=tmp_path, platform="linux", run=manager)
    service.install()
    assert (False, False) == service.remove()[:2]
    assert "systemctl --user disable --now skywrite" in manager.asked


def test_a_manager_that_refuses_is_named(tmp_path: Path) -> None:
    """With the command and its words."""
    service = Service(Settings(PROGRAM), home=tmp_path, platform="linux", run=Manager({"enable skywrite": 1}))
    with fails("service.failed", match="systemctl --user enable skywrite failed: No such thing"):
        service.install()


def test_a_program_in_a_home_directory_cannot_serve_the_computer(tmp_path: Path) -> None:
    """ProtectHome hides it; the error says how to install it for everyone, and nothing is written."""
    manager = Manager()
    service = Service(Settings(Path("/root/.local/bin/skywrite")), system=True, platform="linux", run=manager)
    with fails("service.unsupported", match="home directory") as refused:
        service.install()
    assert ("sudo pipx install --global skywrite" in refused.value.hint, []) == (True, manager.asked)


def test_launchd_starts_it_at_sign_in_and_again_when_it_ends(tmp_path: Path) -> None:
    """The agent is a valid property list, with the program and its variables."""
    manager = Manager()
    service = Service(AWKWARD, home=tmp_path, platform="darwin", run=manager)
    service.install()
    agent = plistlib.loads(service.path.read_bytes())
    assert (LABEL, ["/usr/bin/true", "run", "--log", "text"], True) == (
        agent["Label"],
        agent["ProgramArguments"],
        agent["KeepAlive"],
    )
    assert dict(AWKWARD.environment) == agent["EnvironmentVariables"]
    assert manager.asked[0].startswith("launchctl bootstrap gui/")


def test_windows_runs_it_without_a_time_limit() -> None:
    """The task starts at sign-in, on battery too, and is never ended; names with markup stay names."""
    task = ElementTree.fromstring(
        task_xml(Settings(Path("C:/Program Files/skywrite.exe")), "A & <B>").partition("?>")[2]
    )
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    values = [
        task.findtext(f".//t:{name}", namespaces=space)
        for name in ("Command", "Arguments", "ExecutionTimeLimit", "DisallowStartIfOnBatteries", "UserId")
    ]
    assert ["C:/Program Files/skywrite.exe", "run --log text", "PT0S", "false", "A & <B>"] == values


# What the Task Scheduler schema 1.2 allows: the children of each element, and the values of those with a choice.
TASK_CHILDREN = {
    "Task": {"RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"},
    "RegistrationInfo": {"Description"},
    "Triggers": {"LogonTrigger"},
    "LogonTrigger": {"Enabled", "UserId"},
    "Principals": {"Principal"},
    "Principal": {"UserId", "LogonType", "RunLevel"},
    "Settings": {
        "MultipleInstancesPolicy",
        "DisallowStartIfOnBatteries",
        "StopIfGoingOnBatteries",
        "StartWhenAvailable",
        "RestartOnFailure",
        "ExecutionTimeLimit",
    },
    "RestartOnFailure": {"Interval", "Count"},
    "Actions": {"Exec"},
    "Exec": {"Command", "Arguments"},
}
BOOLEAN = {"true", "false"}
TASK_VALUES = {
    "Enabled": BOOLEAN,
    "DisallowStartIfOnBatteries": BOOLEAN,
    "StopIfGoingOnBatteries": BOOLEAN,
    "StartWhenAvailable": BOOLEAN,
    "LogonType": {"InteractiveToken", "S4U", "Password"},
    "RunLevel": {"LeastPrivilege", "HighestAvailable"},
    "MultipleInstancesPolicy": {"Parallel", "Queue", "IgnoreNew", "StopExisting"},
    "Count": {str(number) for number in range(1, 256)},
    "Interval": {"PT1M"},
    "ExecutionTimeLimit": {"PT0S"},
}


def test_the_task_keeps_the_rules_of_its_schema() -> None:
    """Known elements, each once, with allowed values; its actions run as the principal that it names."""
    xml = task_xml(AWKWARD, "A & <B>").partition("?>")[2]
    task = ElementTree.fromstring(xml)

    def name(element: ElementTree.Element) -> str:
        return element.tag.rpartition("}")[2]

    for element in task.iter():
        children = [name(child) for child in element]
        assert len(set(children)) == len(children)
        assert set(children) <= TASK_CHILDREN.get(name(element), set())
        assert name(element) not in TASK_VALUES or element.text in TASK_VALUES[name(element)]
    ids = {element.get("id") for element in task.iter() if name(element) == "Principal"}
    assert ids == {element.get("Context") for element in task.iter() if name(element) == "Actions"}


def test_the_agent_has_the_types_that_launchd_expects(tmp_path: Path) -> None:
    """Texts, truths and whole numbers, as launchd.plist(5) lists them."""
    agent = plistlib.loads(launchd_plist(AWKWARD, tmp_path / "skywrite.log"))
    types = {
        "Label": str,
        "ProgramArguments": list,
        "EnvironmentVariables": dict,
        "RunAtLoad": bool,
        "KeepAlive": bool,
        "ThrottleInterval": int,
        "ExitTimeOut": int,
        "ProcessType": str,
        "StandardErrorPath": str,
        "StandardOutPath": str,
    }
    assert types == {name: type(value) for name, value in agent.items()}
    texts = [*agent["ProgramArguments"], *agent["EnvironmentVariables"].values()]
    assert all(isinstance(text, str) for text in texts)
    assert "Background" == agent["ProcessType"]


def test_only_linux_has_a_service_of_the_computer() -> None:
    """Elsewhere the error says what to do instead."""
    with fails("service.unsupported", match="on Linux"):
        Service(Settings(PROGRAM), system=True, platform="darwin")
