"""Scheduled commands, whose output is posted.

What lives here: adding, listing, removing and trying them. What does not: when they run (`timers`),
and how (`sources.command`).
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.keys import check_seal, sealed
from skywrite.app.nouns import checked, final
from skywrite.app.reports import CommandRun, TriedCommand
from skywrite.app.rows import Rows
from skywrite.app.timers import Given, Run, Timers, last_printed, late_seconds, note_printed
from skywrite.core.clock import to_iso
from skywrite.core.errors import Do, InputError, SignInError, TemporaryError
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.posting.compose.fields import ROW_OPTIONS
from skywrite.posting.compose.texts import with_quoted_link
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.schedule.recurrence import parse_rule
from skywrite.posting.sources.command import COMMAND_SECONDS, COMMAND_SECONDS_MAX, OUTPUT_BYTES_MAX, run_command
from skywrite.queue.model import Account
from skywrite.queue.timers import NewTimer, Timer

COMMAND_CHARACTERS_MAX = 4000


@checked("commands")
class Commands:
    """The scheduled commands of a queue."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    @final("the new command {done.id}", "Remove it: ", Do("commands.remove", "{done.id}"))
    def add(
        self,
        command: str,
        *,
        every: str,
        zone: str | None = None,
        account: str | None = None,
        folder: Path | None = None,
        timeout_seconds: float = COMMAND_SECONDS,
        max_bytes: int = OUTPUT_BYTES_MAX,
        jsonl: bool = False,
        repeat: bool = False,
        late: str | None = None,
        draft: Mapping[str, Any] | None = None,
    ) -> Timer:
        """Run a command line at the times of a rule (cron, RRULE or plain English), and post what it prints.

        `jsonl`: it prints rows of `skywrite import`, one per line. `repeat`: post the output even if it is the same as
        last time. `draft`: fields that all its posts share. `folder`: where it runs. `late`: how late it may still run:
        `skip:DURATION`, or `publish` for any delay.
        """
        _check_command(command, timeout_seconds, max_bytes)
        owner = self._ctx.account(account)
        shared = dict(draft or {})
        self._check_shared(owner, shared)
        place = self._ctx.zone(owner) if zone is None else zone
        first = parse_rule(every, zone=place).next_after(self._ctx.clock.now())
        if first is None:
            raise InputError(f"{every!r} has no further occurrences.", hint="Check the recurrence.")
        settings = {
            "folder": str((folder or Path()).resolve()),
            "timeout_seconds": timeout_seconds,
            "max_bytes": max_bytes,
            "jsonl": jsonl,
            "repeat": repeat,
            "draft": shared,
        }
        new = NewTimer("command", command, owner.did, every, place, late_seconds(late), first.occurrence, settings)
        return self._ctx.store.timers.add(sealed(new, self._ctx.vault))

    def _check_shared(self, account: Account, shared: Mapping[str, Any]) -> None:
        """Refuse now what every post would be refused for. The command itself may make the files, later."""
        sample = {"text": "x", **shared}
        draft_from_dict(with_quoted_link(sample))
        rest = {name: value for name, value in sample.items() if name not in ("images", "video")}
        # What the network alone can say is found out when the command runs.
        with suppress(TemporaryError, SignInError):
            self._drafting.prepare(self._drafting.draft(account, rest), account)

    def list(self) -> builtins.list[Timer]:
        """Scheduled commands, and the functions of programs, with the results of their last runs."""
        return self._ctx.store.timers.all()

    @final("the end of command {command_id}", "What is left: ", Do("commands.list"))
    def remove(self, command_id: int) -> Timer:
        """Remove one; its posts stay. Raises NotFound."""
        return self._ctx.store.timers.remove(command_id)

    def try_run(self, command_id: int) -> TriedCommand:
        """Run a command now and check what it prints; nothing is stored and nothing is sent."""
        timer = self._command(command_id)
        printed = _run(self._ctx, timer)
        rows = printed.rows(jsonl=timer.settings["jsonl"])
        account = self._ctx.account(timer.account_did)
        base = Path(timer.settings["folder"])
        posts = [self._drafting.prepare(self._shared_draft(timer, row), account, base=base) for row in rows]
        return TriedCommand(printed.text, tuple(posts))

    def _shared_draft(self, timer: Timer, row: Mapping[str, Any]) -> Any:
        fields = {name: value for name, value in row.items() if name not in ROW_OPTIONS}
        return self._drafting.draft(self._ctx.account(timer.account_did), {**timer.settings["draft"], **fields})

    @final(
        "the run of command {command_id}", "Cancel its posts: ", Do("posts.list"), changed=lambda done: done.post_ids
    )
    def run(self, command_id: int, log: Log = silent) -> CommandRun:
        """Run a command now, and queue what it prints to be sent at once.

        Its schedule does not change. Output that is the same as last time is not posted, unless the command may repeat.
        """
        timer = self._command(command_id)
        timers = Timers(self._ctx, Rows(self._ctx, self._drafting), {"command": partial(runner_of, self._ctx)})
        result = timers.result(timer, f"watch:{timer.id}:{to_iso(self._ctx.clock.now())}", log)
        before = self._ctx.clock.now()
        added = self._ctx.store.timers.note(timer.id, result)
        note_printed(self._ctx, timer, result, before)
        return CommandRun(result, [item.id for item in added])

    def _command(self, command_id: int) -> Timer:
        timer = self._ctx.store.timers.get(command_id)
        if timer.kind != "command":
            raise InputError(f"{timer.name} is a function of a program.", hint="To try it, call it in Python.")
        return timer


def runner_of(ctx: Context, timer: Timer, is_stopping: Callable[[], bool] = lambda: False) -> Run:
    """What runs a command, in any worker that may run commands."""
    return partial(_given, ctx, timer, is_stopping)


def _check_command(command: str, timeout_seconds: float, max_bytes: int) -> None:
    if not command.strip() or "\0" in command or len(command) > COMMAND_CHARACTERS_MAX:
        raise InputError("The command is empty, or too long.", hint="Put a long command into a script.")
    try:
        os.fsencode(command).decode()
    except UnicodeError:
        raise InputError("The command is not UTF-8 text.", hint="Put it into a script.") from None
    if not 0 < timeout_seconds <= COMMAND_SECONDS_MAX:
        raise InputError(f"A command may run for up to {COMMAND_SECONDS_MAX} seconds.", hint="Give less.")
    if not 0 < max_bytes <= OUTPUT_BYTES_MAX:
        raise InputError(f"A command may print up to {OUTPUT_BYTES_MAX:,} bytes.", hint="Give less.")


def _run(ctx: Context, timer: Timer, is_stopping: Callable[[], bool] = lambda: False) -> Any:
    check_seal(timer, ctx.vault)
    settings = timer.settings
    return run_command(
        timer.name,
        folder=Path(settings["folder"]),
        timeout_seconds=settings["timeout_seconds"],
        max_bytes=settings["max_bytes"],
        pass_on=ctx.config.command_env,
        is_stopping=is_stopping,
    )


def _given(ctx: Context, timer: Timer, is_stopping: Callable[[], bool]) -> Given:
    printed = _run(ctx, timer, is_stopping)
    settings = timer.settings
    rows = [{**settings["draft"], **row} for row in printed.rows(jsonl=settings["jsonl"])]
    same = bool(rows) and not settings["repeat"] and printed.hash == last_printed(ctx, timer)
    return Given(rows, Path(settings["folder"]), printed.hash, same)
