"""Keeping the worker or the server alive: a systemd unit, a launchd agent, or a task of the Windows Task Scheduler.

What lives here: the text of each, pure, and `Service`, which installs, removes and queries one. What does not:
the worker (`runner`), and printing.

Sources: systemd.service(5), systemd.exec(5), launchd.plist(5), Task Scheduler schema 1.2.
"""

from __future__ import annotations

import os
import plistlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from skywrite.core.errors import InputError, SkywriteError
from skywrite.core.programs import systemd_word
from skywrite.posting.publish.processes import SYSTEM_HOME, SYSTEM_UNIT

NAME = "skywrite"
WORKER = ("run", "--log", "text")
SERVER = ("serve", "--log", "text")
LABEL = "app.skywrite.worker"
STOP_SECONDS = 180
COMMAND_SECONDS = 60

# What a service of the computer may do: write into its folder, and talk to the network. /proc stays whole, because
# workers look there whether others still run; memory that is written and then executed stays allowed, because commands
# that people schedule may be programs that compile themselves.
_HARDENED = (
    "User=skywrite",
    "StateDirectory=skywrite",
    "UMask=0077",
    "CapabilityBoundingSet=",
    "LockPersonality=yes",
    "PrivateDevices=yes",
    "PrivateIPC=yes",
    "PrivateTmp=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHome=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectSystem=strict",
    "RemoveIPC=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged",
)

Runner = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


class ServiceStatus(NamedTuple):
    """What the system reports: whether it is installed and running, its file, and the manager's own message."""

    installed: bool
    running: bool
    path: Path
    detail: str = ""

    def as_dict(self) -> dict[str, object]:
        """The object of `service status --json`."""
        return {
            "installed": self.installed,
            "running": self.running,
            "path": str(self.path),
            "detail": self.detail,
        }


class Settings(NamedTuple):
    """What a service consists of: the program, its arguments, and its environment variables."""

    program: Path
    arguments: tuple[str, ...] = WORKER
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def command(self) -> list[str]:
        """The whole command line."""
        return [str(self.program), *self.arguments]


def systemd_unit(settings: Settings, *, system: bool) -> str:
    """The unit of a user's service, or of the computer's, which has its own user and directory."""
    command = " ".join(systemd_word(word) for word in settings.command)
    variables = [f"Environment={systemd_word(f'{name}={value}')}" for name, value in settings.environment]
    lines = [
        "[Unit]",
        "Description=Skywrite, posts to Bluesky on time",
        "Documentation=https://skywrite-py.github.io/skywrite/operations/",
        *(["Wants=network-online.target", "After=network-online.target"] if system else []),
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        f"ExecStart={command}",
        *variables,
        *(_HARDENED if system else ()),
        "NoNewPrivileges=yes",
        "Restart=always",
        "RestartSec=5",
        f"TimeoutStopSec={STOP_SECONDS}",
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if system else 'default.target'}",
    ]
    return "\n".join(lines) + "\n"


def launchd_plist(settings: Settings, log: Path) -> bytes:
    """A launch agent: it starts when the user signs in, and again when it ends."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": settings.command,
            "EnvironmentVariables": dict(settings.environment),
            "RunAtLoad": True,
            "KeepAlive": True,
            "ThrottleInterval": 10,
            "ExitTimeOut": STOP_SECONDS,
            "ProcessType": "Background",
            "StandardErrorPath": str(log),
            "StandardOutPath": str(log),
        }
    )


def task_xml(settings: Settings, user: str) -> str:
    """A task that starts at sign-in, has no time limit, runs on battery, and starts again when it fails.

    255 is the most restarts that the schema allows.
    """
    arguments = subprocess.list2cmdline(settings.arguments)
    return f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Skywrite, posts to Bluesky on time</Description></RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled><UserId>{escape(user)}</UserId></LogonTrigger></Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{escape(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RestartOnFailure><Interval>PT1M</Interval><Count>255</Count></RestartOnFailure>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec><Command>{escape(str(settings.program))}</Command><Arguments>{escape(arguments)}</Arguments></Exec>
  </Actions>
</Task>
"""


def run_command(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the service manager. Raises InputError if there is none."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    except FileNotFoundError:
        raise InputError(
            f"{command[0]} is not on this computer.",
            code="service.unsupported",
            hint="Use cron or a container instead; see the operations page.",
        ) from None
    except subprocess.TimeoutExpired:
        raise SkywriteError(
            f"{shlex.join(command)} did not end within {COMMAND_SECONDS} seconds.", code="service.failed"
        ) from None


class Service:
    """The service of this user, or of this computer (`system`); `run` and `platform` can be replaced for tests."""

    def __init__(
        self,
        settings: Settings,
        *,
        system: bool = False,
        home: Path | None = None,
        platform: str = sys.platform,
        run: Runner = run_command,
    ) -> None:
        self._settings = settings
        self._system = system
        self._home = home or Path.home()
        self._platform = platform
        self._run = run
        if system and platform != "linux":
            raise InputError(
                "System-wide services are only available on Linux.",
                code="service.unsupported",
                hint="Install it for your own user.",
            )

    @property
    def path(self) -> Path:
        """Where the service's file is."""
        if self._platform == "darwin":
            return self._home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
        if self._platform == "win32":
            return self._home / "AppData" / "Local" / NAME / "task.xml"
        return SYSTEM_UNIT if self._system else self._home / ".config" / "systemd" / "user" / f"{NAME}.service"

    def text(self) -> str:
        """The service's file."""
        if self._platform == "darwin":
            return launchd_plist(self._settings, self._home / "Library" / "Logs" / "skywrite.log").decode()
        if self._platform == "win32":
            return task_xml(self._settings, os.environ.get("USERNAME", ""))
        return systemd_unit(self._settings, system=self._system)

    def install(self) -> ServiceStatus:
        """Write the file, and have the system start the service now and at each boot or sign-in. Installing again
        replaces it.
        """
        if self._system:
            self._check_program()
            self._make_user()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        encoding = "utf-16" if self._platform == "win32" else "utf-8"
        self.path.write_text(self.text(), encoding=encoding)
        for command in self._start_commands():
            self._do(command)
        return self.status()

    def remove(self) -> ServiceStatus:
        """Stop and remove it; the database stays."""
        for command in self._stop_commands():
            self._run(command)
        self.path.unlink(missing_ok=True)
        if self._platform == "linux":
            self._run([*self._systemctl, "daemon-reload"])
        return self.status()

    def status(self) -> ServiceStatus:
        """What the system reports about it."""
        done = self._run(self._status_command())
        detail = (done.stdout or done.stderr).strip().partition("\n")[0]
        running = done.returncode == 0 and (self._platform != "win32" or "Running" in done.stdout)
        return ServiceStatus(self.path.exists(), running, self.path, detail)

    def _check_program(self) -> None:
        """A unit with ProtectHome cannot see home directories, where pipx puts programs."""
        place = self._settings.program.resolve()
        if any(parent in (Path("/home"), Path("/root")) for parent in place.parents):
            raise InputError(
                f"{place} is in a home directory, where a system service cannot reach it.",
                code="service.unsupported",
                hint="Install Skywrite for all users: sudo pipx install --global skywrite",
            )

    def _make_user(self) -> None:
        if self._run(["id", "-u", NAME]).returncode != 0:
            home = ["--home-dir", str(SYSTEM_HOME), "--no-create-home", "--shell", "/usr/sbin/nologin"]
            self._do(["useradd", "--system", "--user-group", *home, NAME])

    @property
    def _systemctl(self) -> list[str]:
        return ["systemctl"] if self._system else ["systemctl", "--user"]

    def _start_commands(self) -> list[list[str]]:
        if self._platform == "darwin":
            return [["launchctl", "bootstrap", f"gui/{_user_id()}", str(self.path)]]
        if self._platform == "win32":
            create = ["schtasks", "/Create", "/TN", NAME, "/XML", str(self.path), "/F"]
            return [create, ["schtasks", "/Run", "/TN", NAME]]
        enable = [
            [*self._systemctl, "daemon-reload"],
            [*self._systemctl, "enable", NAME],
            [*self._systemctl, "restart", NAME],
        ]
        return enable if self._system else [*enable, ["loginctl", "enable-linger"]]

    def _stop_commands(self) -> list[list[str]]:
        if self._platform == "darwin":
            return [["launchctl", "bootout", f"gui/{_user_id()}/{LABEL}"]]
        if self._platform == "win32":
            return [["schtasks", "/End", "/TN", NAME], ["schtasks", "/Delete", "/TN", NAME, "/F"]]
        return [[*self._systemctl, "disable", "--now", NAME]]

    def _status_command(self) -> list[str]:
        if self._platform == "darwin":
            return ["launchctl", "print", f"gui/{_user_id()}/{LABEL}"]
        if self._platform == "win32":
            return ["schtasks", "/Query", "/TN", NAME, "/FO", "LIST"]
        return [*self._systemctl, "is-active", NAME]

    def _do(self, command: list[str]) -> None:
        done = self._run(command)
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip().partition("\n")[0]
            raise SkywriteError(
                f"{shlex.join(command)} failed: {reason}",
                code="service.failed",
                hint="The service file is written; run the command by hand.",
            )


def _user_id() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
