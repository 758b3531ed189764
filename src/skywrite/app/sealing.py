"""Seals of commands: whoever can write to the database can add no command, and a worker runs only its own user's.

What does not live here: adding commands and running them (the feature `commands`).
"""

from __future__ import annotations

import base64
import json
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from skywrite.core.config import Config
from skywrite.core.errors import Do, Hint
from skywrite.posting.sources.command import CommandFailed
from skywrite.queue.timers import NewTimer, Timer
from skywrite.queue.vault import Vault, WrongKey


def run_by_default(config: Config) -> bool:
    """Whether workers run commands by default: only with a SQLite file of this user, as whom the commands run anyway.

    Other people may be able to write to a database on a server, or to somebody else's file.
    """
    if "://" in config.database:
        return False
    with suppress(OSError):
        return not hasattr(os, "getuid") or Path(config.database).stat().st_uid == os.getuid()
    return True


def sealed(new: NewTimer, vault: Vault) -> NewTimer:
    """A command sealed with our key: write access to the database is not enough to add one."""
    seal = base64.b64encode(vault.seal(b"", _sealed_words(new))).decode()
    return new._replace(settings={**new.settings, "seal": seal})


def check_seal(timer: Timer, vault: Vault) -> None:
    """Raise CommandFailed unless the command is, word for word, one that was added with our key."""
    try:
        vault.unseal(base64.b64decode(str(timer.settings.get("seal", "")), validate=True), _sealed_words(timer))
    except (WrongKey, ValueError):
        raise CommandFailed(
            f"Command {timer.id} was not added with the key from {vault.source}, so it is not run.",
            code="command.unsealed",
            hint=Hint("Look at what it runs. If it is yours, remove it and add it again: ", Do("commands.list")),
        ) from None


def _sealed_words(timer: NewTimer | Timer) -> str:
    """Everything that defines what a command does, in one text."""
    settings = {name: value for name, value in timer.settings.items() if name != "seal"}
    words = [timer.kind, timer.name, timer.account_did, timer.rule, timer.zone, timer.late_seconds, settings]
    return "command/" + sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()
