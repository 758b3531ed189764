"""The files with which a bot begins: a program, its test and a service. The command is in `cli`."""

from __future__ import annotations

import re
from pathlib import Path

from skywrite.core.errors import InputError
from skywrite.core.programs import own_command, systemd_word

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
PROGRAM = '''\
"""The bot {name}. Run it with `skywrite run --app bot.py`."""

from skywrite import Item, Skywrite

sky = Skywrite()


@sky.command("{name}")
def {name}(item: Item, what: str = "you") -> str:
    """Say something about what a person asks for."""
    return f"{{item.author.name}}, you asked for {name}: {{what}}"
'''
TEST = """\
from skywrite.sandbox import Bot


def test_{name}(bot: Bot) -> None:
    bot.load("bot.py")
    bot.mention("@bot {name} Berlin")
    assert ["somebody.test, you asked for {name}: Berlin"] == bot.answers
"""
UNIT = """\
# For systemd, as a user: copy it to ~/.config/systemd/user/, then: systemctl --user enable --now {name}
[Unit]
Description=The bot {name}

[Service]
WorkingDirectory={folder}
ExecStart={program} run --app bot.py
Restart=on-failure

[Install]
WantedBy=default.target
"""


def begin(name: str, folder: Path) -> list[Path]:
    """Write a program, its test and its service into a folder of this name. Raises InputError; overwrites nothing."""
    if not _NAME.fullmatch(name):
        hint = "A name has small letters, digits and _, such as weather."
        raise InputError(f"{name!r} cannot be the name of a bot.", hint=hint)
    home = folder / name
    files = {home / "bot.py": PROGRAM, home / "test_bot.py": TEST, home / f"{name}.service": UNIT}
    for path in files:
        if path.exists():
            raise InputError(f"{path} is there already, so nothing was written.", hint="Choose another name.")
    program = " ".join(map(systemd_word, own_command()))
    # systemd takes the rest of this line as it is, but for its own marks.
    place = str(home.resolve()).replace("%", "%%")
    home.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text.format(name=name, folder=place, program=program), encoding="utf-8")
    return list(files)
