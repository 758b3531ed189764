"""Watches: commands that run at times; what one prints is posted.

What lives here: adding, listing, removing and trying them. What does not: when they run (`timers`),
and how (`sources.command`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from skywrite.app.posting import Ready
from skywrite.app.timers import Given, Log, Timers
from skywrite.clock import to_iso
from skywrite.compose.draft import draft_from_dict
from skywrite.errors import InputError, SkywriteError
from skywrite.queue.timers import NewTimer, Timer, TimerResult
from skywrite.schedule.recurrence import parse_rule
from skywrite.sources.command import COMMAND_SECONDS, COMMAND_SECONDS_MAX, OUTPUT_BYTES_MAX, run_command

COMMAND_CHARACTERS_MAX = 4000


class WatchFailed(SkywriteError):
    """A watched command failed, or what it printed cannot be posted."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A command that was run for a try: what it printed, and what would be posted."""

    printed: str
    posts: tuple[Ready, ...]


class Watches(Timers):
    """Verbs about watched commands."""

    def add_watch(
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
        """Run a command line at the times of a rule (cron, RRULE or spoken) and post what it prints.

        `jsonl`: it prints rows of `skywrite import`, one a line. `repeat`: the same output as the last one is posted
        again. `draft`: fields that all its posts share. `folder`: where it runs. `late`: `skip:DURATION` is how late
        it may still run, `publish` however late.
        """
        _check_command(command, timeout_seconds, max_bytes)
        found = self.account(account)
        shared = dict(draft or {})
        draft_from_dict({"text": "x", **shared})
        place = zone or self.zone(found)
        first = parse_rule(every, zone=place).next_after(self.clock.now())
        if first is None:
            raise InputError(f"{every!r} does not come again.", hint="Check the rule.")
        settings = {
            "folder": str((folder or Path()).resolve()),
            "timeout_seconds": timeout_seconds,
            "max_bytes": max_bytes,
            "jsonl": jsonl,
            "repeat": repeat,
            "draft": shared,
        }
        seconds = self.timer_late(late)
        return self.store.add_timer(
            NewTimer("command", command, found.did, every, place, seconds, first.occurrence, settings)
        )

    def watches(self) -> list[Timer]:
        """Watched commands, and the functions of programs, with what their last runs came to."""
        return self.store.timers()

    def remove_watch(self, watch_id: int) -> Timer:
        """Forget one; its posts stay. Raises UnknownTimer."""
        return self.store.remove_timer(watch_id)

    def try_watch(self, watch_id: int) -> Tried:
        """Run a command now and check what it prints; nothing is stored and nothing is sent."""
        timer = self._command(watch_id)
        printed = _run(timer)
        rows = printed.rows(jsonl=timer.settings["jsonl"])
        account = self.account(timer.account_did)
        base = Path(timer.settings["folder"])
        posts = [self.prepare(self._shared_draft(timer, row), account, base=base) for row in rows]
        return Tried(printed.text, tuple(posts))

    def _shared_draft(self, timer: Timer, row: Mapping[str, Any]) -> Any:
        from skywrite.app.moving import ROW_FIELDS

        fields = {name: value for name, value in row.items() if name not in ROW_FIELDS}
        return self.draft(self.account(timer.account_did), {**timer.settings["draft"], **fields})

    def run_watch(self, watch_id: int, log: Log = lambda event, **facts: None) -> tuple[TimerResult, list[int]]:
        """Run a command now, out of turn, and queue what it prints to be sent at once; the numbers of its posts.

        Its times stay as they are. An output like the last one is not posted, unless it may repeat.
        """
        timer = self._command(watch_id)
        result = self.timer_result(timer, f"watch:{timer.id}:{to_iso(self.clock.now())}", log)
        return result, [item.id for item in self.store.note_timer(timer.id, result)]

    def _command(self, watch_id: int) -> Timer:
        timer = self.store.timer(watch_id)
        if timer.kind != "command":
            raise InputError(f"{timer.name} is a function of a program.", hint="Call it in Python to try it.")
        return timer

    def timer_runner(self, timer: Timer) -> Callable[[], Given] | None:
        """Commands are run by every worker."""
        if timer.kind == "command":
            return partial(_given, timer)
        return super().timer_runner(timer)


def _check_command(command: str, timeout_seconds: float, max_bytes: int) -> None:
    if not command.strip() or "\0" in command or len(command) > COMMAND_CHARACTERS_MAX:
        raise InputError("The command is empty, or too long.", hint="Put long ones into a script.")
    try:
        os.fsencode(command).decode()
    except UnicodeError:
        raise InputError("The command is not UTF-8 text.", hint="Put it into a script.") from None
    if not 0 < timeout_seconds <= COMMAND_SECONDS_MAX:
        raise InputError(f"A command may run for up to {COMMAND_SECONDS_MAX} seconds.", hint="Give less.")
    if not 0 < max_bytes <= OUTPUT_BYTES_MAX:
        raise InputError(f"A command may print up to {OUTPUT_BYTES_MAX:,} bytes.", hint="Give less.")


def _run(timer: Timer) -> Any:
    settings = timer.settings
    return run_command(
        timer.name,
        folder=Path(settings["folder"]),
        timeout_seconds=settings["timeout_seconds"],
        max_bytes=settings["max_bytes"],
    )


def _given(timer: Timer) -> Given:
    printed = _run(timer)
    settings = timer.settings
    rows = [{**settings["draft"], **row} for row in printed.rows(jsonl=settings["jsonl"])]
    same = bool(rows) and not settings["repeat"] and printed.hash == timer.printed_hash
    return Given(rows, Path(settings["folder"]), printed.hash, same)
