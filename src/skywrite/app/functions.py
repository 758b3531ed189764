"""Functions that return posts: `@sky.every("0 9 * * *")` over one that returns a draft or None.

What lives here: registering them, which does not need the database, and storing their times when a worker starts. What
does not: when they run (`timers`), functions that answer (`listeners`), loading a program's file (`sources.functions`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.listeners import Listeners
from skywrite.app.results import Sent
from skywrite.app.rows import Rows
from skywrite.app.sending import Sending
from skywrite.app.timers import Given, Run, late_seconds
from skywrite.core.errors import InputError
from skywrite.posting.schedule.recurrence import parse_rule
from skywrite.posting.sources.functions import Function, check_function
from skywrite.queue.reading import UnreadableRow
from skywrite.queue.timers import NewTimer, Timer

Giver = TypeVar("Giver", bound=Callable[[], Any])


class Functions:
    """The functions of a program, by name."""

    def __init__(self, ctx: Context, drafting: Drafting, sending: Sending) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._sending = sending
        self._rows = Rows(ctx, drafting)
        self._registered: dict[str, Function] = {}
        self.listeners = Listeners()

    def names(self) -> list[str]:
        """The functions that are registered here."""
        return list(self._registered)

    def adopt(self, other: Functions) -> None:
        """Register the functions of another program too."""
        self._registered.update(other._registered)
        self.listeners.adopt(other.listeners)

    def every(
        self,
        rule: str,
        *,
        zone: str | None = None,
        account: str | None = None,
        late: str | None = None,
        name: str | None = None,
    ) -> Callable[[Giver], Giver]:
        """Let a worker call the function at the times of a rule, and post what it returns; None posts nothing.

        `rule`: cron, RRULE or plain English, in `zone` (by default the account's). The function returns a text, a dict
        with the fields of a draft, or a Draft. Its name (or `name`) identifies its posts, so that each occurrence is
        posted once. `late`: after downtime, the latest occurrence is made up for if it is at most a day old (`skip:2h`:
        two hours; `publish`: any age); the others are skipped. Raises UnknownRule and similar errors.
        """
        parse_rule(rule, zone="UTC" if zone is None else zone)
        late_seconds(late)

        def register(call: Giver) -> Giver:
            known = check_function(call, name)
            if known in self._registered:
                raise InputError(
                    f"Two functions are called {known}.",
                    code="program.invalid",
                    hint='Give one another name: every(..., name="evening")',
                )
            self._registered[known] = Function(known, call, rule, zone, account, late)
            return call

        return register

    def call(self, name: str) -> Sent | None:
        """Call a function now, and post what it returns; None if it returns nothing.

        Its schedule does not change. Raises InputError, SkywriteError, and what `post` raises.
        """
        function = self._registered.get(name)
        if function is None:
            known = ", ".join(self._registered) or "none"
            raise InputError(
                f"There is no function {name!r}.", code="function.unknown", hint=f"Registered functions: {known}."
            )
        draft = function.draft()
        if draft is None:
            return None
        new, warnings = self._rows.accept(
            draft, base=function.folder, account=function.account, now=True, source="function"
        )
        sent = self._sending.send(self._ctx.store.posts.add([new])[0].id)
        return sent._replace(warnings=warnings)

    def store_times(self) -> list[Timer]:
        """Store the times of the functions; known functions keep theirs."""
        stored = []
        for function in self._registered.values():
            with suppress(UnreadableRow):
                stored.append(self._ctx.store.timers.add(self._new(function)))
        return stored

    def _new(self, function: Function) -> NewTimer:
        account = self._ctx.account(function.account)
        zone = self._ctx.zone(account) if function.zone is None else function.zone
        first = parse_rule(function.rule, zone=zone).next_after(self._ctx.clock.now())
        if first is None:
            raise InputError(
                f"{function.rule!r} of {function.name} has no further occurrences.", hint="Check the recurrence."
            )
        did = account.did if function.account else None
        seconds = late_seconds(function.late)
        return NewTimer("function", function.name, did, function.rule, zone, seconds, first.occurrence)

    def runner_of(self, timer: Timer) -> Run | None:
        """What runs a function, in workers of the program that has it."""
        function = self._registered.get(timer.name)
        return partial(_given, function) if function is not None else None


def _given(function: Function) -> Given:
    draft = function.draft()
    return Given([] if draft is None else [draft], function.folder)
