"""skywrite new bot: a program, its test and a service, which work as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from skywrite.core.programs import own_command
from skywrite.sandbox import Bot
from tests.support.shell import Shell


@pytest.fixture
def begun(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a new bot."""
    monkeypatch.chdir(tmp_path)
    told = shell("new", "bot", "weather", "--json").json
    assert ["weather/bot.py", "weather/test_bot.py", "weather/weather.service"] == told["written"]
    return tmp_path / "weather"


def test_it_answers_at_once(begun: Path, bot: Bot) -> None:
    """Its program answers a mention and a reply, and nothing else."""
    bot.load(begun / "bot.py")
    answer = "somebody.test, you asked for weather: Berlin"
    assert (answer, None) == (bot.mention("@bot weather Berlin"), bot.mention("@bot hello"))
    assert "weather [WHAT]: Say something about what a person asks for." == bot.mention("@bot help", by="other.test")
    assert ([answer], 2) == (bot.answers[:1], len(bot.answers))


def test_its_test_and_its_service_say_its_name(begun: Path) -> None:
    """And where it and the program are: systemd does not search where a shell does."""
    assert "@bot weather Berlin" in (begun / "test_bot.py").read_text()
    lines = (begun / "weather.service").read_text().splitlines()
    (command,) = (line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart="))
    assert (True, [*own_command(), "run", "--app", "bot.py"]) == (f"WorkingDirectory={begun}" in lines, command.split())
    assert Path(command.split()[0]).is_absolute()


def test_nothing_is_overwritten(begun: Path, shell: Shell) -> None:
    """A second bot of that name, and a name that no function can have, are refused."""
    assert "is there already" in shell("new", "bot", "weather", "--json", code=2).json["message"]
    assert "cannot be the name" in shell("new", "bot", "My Bot", "--json", code=2).json["message"]


def test_what_would_be_answered(begun: Path, shell: Shell) -> None:
    """Without an account and a network."""
    told = shell("answers", "try", "@bot weather Berlin", "--app", str(begun / "bot.py")).out
    assert "weather answers:\n   > somebody.example, you asked for weather: Berlin\n" == told
