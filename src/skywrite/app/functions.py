"""The functions of a program: those that return posts (`@sky.every("0 9 * * *")` over one that returns a draft or
None), and those that answer (`@sky.on_mention`, `@sky.on_reply`, `@sky.on_quote` and `@sky.command`).

What lives here: registering them, which does not need the database, in order of definition; reading a command's words;
and storing the times of functions when a worker starts. What does not: when they run (`timers`), calling those that
answer (`bots`), which items these get (`features.answers`), and loading a program's file (`sources.functions`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from skywrite.app.bots import Answerer, Item, Kind, Told
from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.results import Sent
from skywrite.app.rows import Rows
from skywrite.app.sending import Sending
from skywrite.app.timers import Given, Run, late_seconds
from skywrite.core.errors import InputError
from skywrite.posting.schedule.recurrence import parse_rule
from skywrite.posting.sources.functions import Function, check_function, folder_of
from skywrite.queue.reading import UnreadableRow
from skywrite.queue.timers import NewTimer, Timer

Listener = TypeVar("Listener", bound=Callable[[Item], Told])
Commander = TypeVar("Commander", bound=Callable[..., Told])
HELP = "help"
_WORD = re.compile(r"[^\s@#]\S*")
_NUMBERS: dict[Any, type[int] | type[float]] = {int: int, "int": int, float: float, "float": float}


class Command:
    """A function that is called by a word after the mention, with the words that follow."""

    def __init__(self, words: tuple[str, ...], call: Callable[..., Told], account: str | None) -> None:
        self.words, self.call, self.account = words, call, account
        self._parameters = list(inspect.signature(call).parameters.values())[1:]

    @property
    def line(self) -> str:
        """How to use it, and what it is for: the first line of its docstring."""
        names = [p.name.upper() if p.default is p.empty else f"[{p.name.upper()}]" for p in self._parameters]
        about = (inspect.getdoc(self.call) or "").partition("\n")[0]
        return " ".join([self.words[0], *names]) + (f": {about}" if about else "")

    def answer(self, item: Item) -> Told:
        """What the function says; how to use it, if the words do not fit; None if the item is for another one."""
        word, rest = words_of(item)
        if word not in self.words:
            return None
        arguments = self._read(rest)
        return self.line if arguments is None else self.call(item, *arguments)

    def _read(self, words: list[str]) -> list[Any] | None:
        """The arguments; the last parameter takes all that is left."""
        wanted = self._parameters
        if any(one.kind is one.VAR_POSITIONAL for one in wanted):
            return list(words)
        if len(words) > len(wanted) > 0:
            words = [*words[: len(wanted) - 1], " ".join(words[len(wanted) - 1 :])]
        if len(words) > len(wanted) or len(words) < sum(one.default is one.empty for one in wanted):
            return None
        try:
            return [_NUMBERS.get(one.annotation, str)(word) for one, word in zip(wanted, words, strict=False)]
        except ValueError:
            return None


def words_of(item: Item) -> tuple[str, list[str]]:
    """The word after the mention of us, in small letters, and the words after it; without a mention, the first word.

    Several names in a row count as one mention, as in replies that keep the names of all who talk.
    """
    words = item.text.split()
    is_name = [word.startswith("@") for word in words]
    ours = [
        place for place, word in enumerate(words) if word.lower().strip("@.,:;!?") == item.account and is_name[place]
    ]
    place = ours[0] if ours else is_name.index(True) if True in is_name else -1
    words = words[place + 1 :]
    while words and words[0].startswith("@"):
        words = words[1:]
    return (words[0].lower().strip(".,:;!?"), words[1:]) if words else ("", [])


class Listeners:
    """The ways of answering that a program has, in order of definition."""

    def __init__(self) -> None:
        self._answerers: list[Answerer] = []
        self._commands: list[Command] = []

    def all(self) -> list[Answerer]:
        """Each of them; where there are commands, `help` follows the last one and lists them."""
        answerers = list(self._answerers)
        if self._commands and not any(HELP in command.words for command in self._commands):
            last = max(place for place, one in enumerate(answerers) if one.is_command)
            answerers.insert(last + 1, Answerer(HELP, self._help, frozenset({"mention", "reply"})))
        return answerers

    def adopt(self, other: Listeners) -> None:
        """Take those of another program, too."""
        for answerer in other._answerers:
            self._add(answerer)
        self._commands += other._commands

    def on(
        self, kind: Kind, call: Listener | None, account: str | None, unasked: bool, retract: bool
    ) -> Listener | Callable[[Listener], Listener]:
        """Register a function for one kind of item; without the function, what registers it."""
        if call is None:
            return partial(self._on, kind, account, unasked, retract)
        return self._on(kind, account, unasked, retract, call)

    def _on(self, kind: Kind, account: str | None, unasked: bool, retract: bool, call: Listener) -> Listener:
        name = check_function(call, None, may_wait=True)
        self._add(Answerer(name, call, frozenset({kind}), account, unasked, retract, folder_of(call)))
        return call

    def command(
        self, word: str, aliases: tuple[str, ...], account: str | None, retract: bool
    ) -> Callable[[Commander], Commander]:
        """Register a function for a word after the mention."""
        words = tuple(one.lower() for one in (word, *aliases))
        for one in words:
            if not _WORD.fullmatch(one):
                raise _invalid(f"{one!r} cannot be a command.", "A command is one word, such as weather.")
            taken = next((known for known in self._commands if one in known.words and known.account == account), None)
            if taken is not None:
                raise _invalid(f"Two commands are called {one}.", "Give one of them another word.")

        def register(call: Commander) -> Commander:
            name = check_function(call, None, may_wait=True)
            command = Command(words, call, account)
            kinds: frozenset[Kind] = frozenset({"mention", "reply"})
            self._add(Answerer(name, command.answer, kinds, account, False, retract, folder_of(call), True))
            self._commands.append(command)
            return call

        return register

    def _help(self, item: Item) -> dict[str, Any] | None:
        if words_of(item)[0] != HELP:
            return None
        lines = [one.line for one in self._commands if one.account in (None, item.account, item.account_did)]
        return {"text": "\n".join(lines), "split": True} if lines else None

    def _add(self, answerer: Answerer) -> None:
        """Add one. A function may be for several kinds, each with its own options; it is asked once for an item."""
        if any(one.name == answerer.name and one.call is not answerer.call for one in self._answerers):
            raise _invalid(f"Two functions that answer are called {answerer.name}.", "Give one another name.")
        self._answerers.append(answerer)


def _invalid(what: str, hint: str) -> InputError:
    return InputError(what, code="program.invalid", hint=hint)


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
