"""Names of worker processes, whether one is gone, and whether this computer runs one as a service.

What lives here: what a name means. What does not: freeing the leases of workers that are gone (`sending`).
"""

from __future__ import annotations

import os
from binascii import crc32
from contextlib import suppress
from pathlib import Path

from skywrite.core.clock import secret_bytes
from skywrite.core.digits import whole_number

SYSTEM_UNIT = Path("/etc/systemd/system/skywrite.service")
SYSTEM_HOME = Path("/var/lib/skywrite")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")


def host_name() -> str:
    """The name of this computer."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "here")


def worker_name() -> str:
    """A name for this process that is never used again: where it runs, its process id and start, and a nonce."""
    pid = os.getpid()
    return f"{_place()}/{pid}.{_started(pid)}/{secret_bytes(3).hex()}"


def is_gone(worker: str) -> bool:
    """Whether a worker was a process on this computer that no longer runs; False if that cannot be known."""
    place, _, rest = worker.partition("/")
    pid, _, started = rest.partition("/")[0].partition(".")
    number = whole_number(pid)
    if os.name != "posix" or place != _place() or number is None:
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    # The process id may have been reused.
    return bool(started) and started != _started(number)


def _place() -> str:
    """This computer, or rather its process namespace: containers may share a host name, but have their own process ids.
    Without that information, it is just the host name.
    """
    seen = b""
    with suppress(OSError):
        seen = BOOT_ID.read_bytes() + str(PROCESSES.stat().st_ino).encode()
    return f"{host_name()}.{crc32(seen):08x}" if seen else host_name()


def _started(pid: int) -> str:
    """When a process started, in ticks since boot; empty if the system does not say."""
    with suppress(OSError, IndexError):
        # The second field is a name in parentheses, which may hold anything.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return ""


def is_service_home(home: Path) -> bool:
    """Whether a folder belongs to the computer's service."""
    return home.is_relative_to(SYSTEM_HOME)


def computer_has_service(unit: Path = SYSTEM_UNIT) -> bool:
    """Whether this computer has a Skywrite service with a database of its own."""
    try:
        return unit.is_file()
    except OSError:
        return False
