"""What `skywrite run` prints on a terminal: a line for each post, and what comes next when nothing is due.

What does not live here: logs for machines (`logs`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from skywrite.core.errors import SkywriteError
from skywrite.faces.cli.terminal import columns, cut, is_terminal, width

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.queue.model import Post

TEXT_MIN = 24
# Steps that are only logged.
_SILENT = ("claimed", "session_refreshed", "found_on_network", "stored_otherwise", "nothing", "same", "posted", "feed")
_OUTCOMES = {
    "retry": ("not yet", "yellow"),
    "failed": ("refused", "red"),
    "held": ("held", "yellow"),
    "skipped": ("skipped", "yellow"),
}


class Narration:
    """A `log(event, **facts)` for people. Threads share it."""

    def __init__(self, sky: Skywrite, *, once: bool = False, write: Callable[[str], Any] = click.echo) -> None:
        self._sky, self._once, self._write = sky, once, write
        self._lock = threading.Lock()
        self._last = ""

    def __call__(self, event: str, **facts: Any) -> None:
        """Print what happened, if it is of interest."""
        with suppress(SkywriteError, OSError, ValueError):
            line = self._line(event, facts)
            with self._lock:
                if line and line != self._last:
                    self._write(line)
                    self._last = line

    def _line(self, event: str, facts: dict[str, Any]) -> str:
        if event in _SILENT:
            return ""
        if event == "started":
            return "" if self._once else "Running: posts go out at their times. Stop with Ctrl-C."
        if event == "stopping":
            return "" if self._once else "Stopping: what is being sent is finished first."
        if event == "stopped":
            return f"Stopped. {facts.get('published', 0)} published."
        if event == "idle":
            return "" if self._once else self._idle()
        if event == "published" and "post" in facts:
            return self._post(facts, "", "green")
        if event in _OUTCOMES and "post" in facts:
            return self._post(facts, *_OUTCOMES[event])
        return self._other(event, facts)

    def _post(self, facts: dict[str, Any], outcome: str, colour: str) -> str:
        entry = self._sky.posts.get(int(facts["post"]))
        zone = ZoneInfo(self._sky.context.zone(entry.account))
        what = f"{outcome}: {facts.get('message') or ''}" if outcome else entry.url or ""
        start = f"{self._now().astimezone(zone):%H:%M:%S}  {entry.account.handle}  "
        room = columns() - width(start) - width(what) - 4
        ending = click.style(what, fg=colour)
        if room >= TEXT_MIN or not is_terminal():
            return f'{start}"{cut(entry.post.text, max(room, TEXT_MIN))}"  {ending}'
        return f'{start}"{cut(entry.post.text, columns() - width(start) - 2)}"\n  {ending}'

    def _idle(self) -> str:
        """Print what comes next; nothing while something is due or in flight."""
        store, now = self._sky.context.store, self._now()
        coming = store.listing.posts(("scheduled", "publishing"), limit=1)
        if not coming:
            return click.style("Nothing is scheduled. New posts go out at their times.", dim=True)
        post = coming[0]
        if post.state == "publishing" or post.due_at is None:
            return ""
        if post.due_at <= now:
            return self._waits(post)
        return click.style(f"Nothing is due. Next: {self._when(post)}", dim=True)

    def _waits(self, post: Post) -> str:
        """Until when a due post waits for its account's pace, and why; empty if it does not."""
        push = self._sky.posts.forecast(self._sky.posts.get(post.id)).push
        if push is None:
            return ""
        return click.style(f"Next: {self._when(post, push.at)}, because of {push.reason}", dim=True)

    def _when(self, post: Post, pushed_to: datetime | None = None) -> str:
        account = self._sky.accounts.get(post.account_did)
        due_at = pushed_to or post.due_at
        assert due_at is not None
        at = due_at.astimezone(ZoneInfo(self._sky.context.zone(account)))
        today = at.date() == self._now().astimezone(at.tzinfo).date()
        clock = f"{at:%H:%M:%S}" if pushed_to else f"{at:%H:%M}"
        when = clock if today else f"{at:%a} {at.day} {at:%b} {clock}"
        return f'{when}  {account.handle}  "{cut(post.text, TEXT_MIN)}"'

    def _other(self, event: str, facts: dict[str, Any]) -> str:
        """Anything else that is worth a line, as in the log."""
        message = facts.get("message") or facts.get("error") or ""
        subjects = [f"{name} {facts[name]}" for name in ("feed", "timer", "post", "account") if facts.get(name)]
        about = ", ".join(subjects)
        words = event.replace("_", " ")
        detail = f"{about}: {message}" if about and message else str(message or about)
        return f"{self._now().astimezone():%H:%M:%S}  {click.style(words, fg='yellow')}{': ' if detail else ''}{detail}"

    def _now(self) -> datetime:
        return self._sky.context.clock.now()
