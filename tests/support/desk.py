"""What the tests of folders share: a sandbox with a clock, a queue on it, and files written in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from skywrite.app import Skywrite
from skywrite.app.reports import FileReport
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.sandbox import Sandbox, SandboxTransport

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)


def post_text(text: str, at: datetime | None = LATER, **fields: str) -> str:
    """A file: a text, its time, and plain fields of the front matter."""
    lines = [f"at: {at:%Y-%m-%d %H:%M} UTC"] if at else []
    lines += [f"{name}: {value}" for name, value in fields.items()]
    head = "---\n" + "".join(line + "\n" for line in lines) + "---\n" if lines else ""
    return f"{head}{text}\n"


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files, making the folders above them."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def config_for(folder: Path, url: str, **more: str) -> dict[str, str]:
    """The environment of a process that works with a server under `folder`."""
    return {
        "SKYWRITE_HOME": str(folder / "home"),
        "SKYWRITE_KEY": "A" * 43 + "=",
        "SKYWRITE_PLC_URL": url,
        "SKYWRITE_VIDEO_SERVICE": "",
        "BLUESKY_PDS": url,
        **more,
    }


@dataclass
class Desk:
    """A queue with alice.test signed in, a folder of posts beside it, and a clock that stands at noon."""

    base: Path
    clock: Any = field(default_factory=lambda: FakeClock(NOON))

    def __post_init__(self) -> None:
        self.box = Sandbox(clock=self.clock)
        self.folder = self.base / "posts"
        self.folder.mkdir()
        self.sky = self.another()
        alice = self.box.account("alice.test")
        self.sky.accounts.login(alice.handle, alice.app_password, pds=self.box.url)

    def another(self) -> Skywrite:
        """Another process on the same database."""
        config = load_config(config_for(self.base, self.box.url))
        return Skywrite(config=config, transport=SandboxTransport(self.box), clock=self.clock)

    def write(self, **files: str) -> None:
        """Write files; `name` is `name.md`."""
        write_files(self.folder, {f"{name}.md": text for name, text in files.items()})

    def sync(self, **options: object) -> dict[str, FileReport]:
        """Sync, and the reports by path without its ending."""
        reports = self.sky.folders.sync(self.folder, **options)  # type: ignore[arg-type]
        return {report.path.removesuffix(".md"): report for report in reports}

    def actions(self, **options: object) -> dict[str, str]:
        """Sync, and what became of each file."""
        return {path: report.action for path, report in self.sync(**options).items()}

    def waiting(self) -> list[str]:
        """The texts that are scheduled, in due order."""
        return [entry.post.text for entry in self.sky.posts.list(states=("scheduled",))]

    def published(self) -> list[str]:
        """The texts in the repository, the oldest record key first."""
        return [post.text for post in self.box.posts("alice.test")]

    def close(self) -> None:
        self.sky.close()
