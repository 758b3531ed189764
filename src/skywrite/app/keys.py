"""The key that seals sessions and secrets: replacing it.

What lives here: the steps of a rotation; the process may be killed after each of them. What does not:
sealing (`queue.vault`), what is sealed (`queue.rekey`). Keys of the HTTP interface are something else
(`features.keys`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from skywrite.app.chores import HEARTBEAT_SECONDS
from skywrite.app.context import Context
from skywrite.app.sealing import check_seal, sealed
from skywrite.core.errors import Do, Hint, InputError, StorageError
from skywrite.posting.sources.command import CommandFailed
from skywrite.queue.rekey import Resealed, opens, reseal
from skywrite.queue.timers import NewTimer
from skywrite.queue.vault import Vault, finish_key, next_key
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
    found = []
    for timer in ctx.store.timers():
        if timer.kind == "command":
            try:
                check_seal(timer, ctx.vault)
            except CommandFailed:
                continue
            words = NewTimer(**{name: getattr(timer, name) for name in NewTimer._fields})
            found.append((timer.id, dict(sealed(words, new).settings)))
    return found
