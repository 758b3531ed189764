"""The pytest plug-in that comes with Skywrite: the fixtures `skywrite_sandbox` and `bot`.

Every pytest run in an environment with Skywrite loads it, so it imports the sandbox only if a test uses a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from skywrite.sandbox.core import Sandbox


class Bot(Protocol):
    """A program whose functions answer, on a network of its own: the account bot.test, to which others write."""

    def load(self, program: str | Path) -> None:
        """Load a program, relative to the file of the test, and start it."""
        ...

    @property
    def answers(self) -> list[str]:
        """What it answered so far, in order."""
        ...

    def mention(self, text: str, *, by: str = "somebody.test") -> str | None:
        """Let somebody tag it: its first word with an @ is the mention. Returns what it answers; None for nothing."""
        ...

    def reply(self, text: str, *, by: str = "somebody.test") -> str | None:
        """Let somebody reply to its latest post. Returns what it answers."""
        ...


@pytest.fixture
def skywrite_sandbox() -> Iterator[Sandbox]:
    """A running sandbox with the accounts alice.test and bob.test; it ends with the test."""
    from skywrite.sandbox.core import Sandbox

    with Sandbox() as box:
        yield box


@pytest.fixture
def bot(
    skywrite_sandbox: Sandbox, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bot]:
    """A bot to load a program into; nothing of it leaves this process."""
    for name in ("SKYWRITE_DATABASE", "BLUESKY_HANDLE", "BLUESKY_APP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SKYWRITE_HOME", str(tmp_path / "skywrite"))
    monkeypatch.setenv("SKYWRITE_PLC_URL", skywrite_sandbox.plc_url)
    monkeypatch.setenv("SKYWRITE_VIDEO_SERVICE", "")
    # By its name, as all of a feature is: the sandbox stands below what is tried on it.
    tried: Bot = import_module("skywrite.features.bots.trying").TriedBot(skywrite_sandbox, request.path.parent)
    yield tried
    tried.close()  # type: ignore[attr-defined]
