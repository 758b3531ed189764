"""The key that seals sessions and secrets: replacing it, and the seals of commands, so that whoever can write to the
database can add none.

What lives here: the steps of a rotation; the process may be killed after each of them. What does not: encryption
(`queue.vault`), what is sealed (`queue.rekey`). Keys of the HTTP interface are something else
(`features.keys`).
"""

from __future__ import annotations

import base64
import json
import os
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from skywrite.app.chores import HEARTBEAT_SECONDS
from skywrite.app.context import Context
from skywrite.core.config import Config
from skywrite.core.errors import Do, Hint, InputError, StorageError
from skywrite.posting.sources.command import CommandFailed
from skywrite.queue.rekey import Resealed, opens, reseal
from skywrite.queue.timers import NewTimer, Timer
from skywrite.queue.vault import Vault, WrongKey, finish_key, next_key
from skywrite.queue.workers import Workers


def rotate_key(ctx: Context, new_key: str | None = None, *, force: bool = False) -> Resealed:
    """Seal everything with a new key. If SKYWRITE_KEY holds the old one, `new_key` is the new one; otherwise it is
    created.

    The next rotation finishes one that was interrupted. Raises StorageError (unless `force`) and WrongKey.
    """
    if not force:
        _check_workers(ctx)
    if ctx.vault.is_given:
        if new_key is None:
            hint = Hint("Give the new one: ", Do("argument", "new_key_stdin"), ". Set SKYWRITE_KEY to it afterwards.")
            raise InputError("The key is in SKYWRITE_KEY, which Skywrite cannot change.", hint=hint)
        return _reseal(ctx, Vault(ctx.config.home, new_key))
    if new_key is not None:
        raise InputError(f"The key is in {ctx.vault.source}, and the new one is made there.", hint="Give none.")
    new = next_key(ctx.config)
    # If the next key already opens everything, the last rotation was interrupted between its commit and the step below.
    resealed = Resealed(0, 0, 0, 0) if opens(ctx.store, new) else _reseal(ctx, new)
    finish_key(ctx.config)
    ctx.vault.forget()
    return resealed


def _reseal(ctx: Context, new: Vault) -> Resealed:
    return reseal(ctx.store, ctx.vault, new, _commands(ctx, new))


def _check_workers(ctx: Context) -> None:
    if living := len(Workers(ctx.store).living(timedelta(seconds=4 * HEARTBEAT_SECONDS))):
        raise StorageError(
            f"{living} of your workers still use the old key.",
            code="worker.running",
            hint="Stop them, rotate, and start them again.",
        )


def _commands(ctx: Context, new: Vault) -> list[tuple[int, dict[str, Any]]]:
    """The commands sealed with the new key; a command without a valid seal gets none."""
    commands = []
    for timer in ctx.store.timers.all():
        if timer.kind == "command":
            try:
                check_seal(timer, ctx.vault)
            except CommandFailed:
                continue
            words = NewTimer(**{name: getattr(timer, name) for name in NewTimer._fields})
            commands.append((timer.id, dict(sealed(words, new).settings)))
    return commands


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
