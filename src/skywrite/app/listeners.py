"""The functions of a program that answer: `@sky.on_mention`, `@sky.on_reply`, `@sky.on_quote` and `@sky.command`.

What lives here: registering them, in order of definition, and reading a command's words. What does not: calling them
(`bots`), and which items they get (`features.answers`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from skywrite.app.bots import Answerer, Item, Kind, Told
from skywrite.core.errors import InputError
from skywrite.posting.sources.functions import check_function, folder_of

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
        given = self._read(rest)
        return self.line if given is None else self.call(item, *given)

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
        found = list(self._answerers)
        if self._commands and not any(HELP in command.words for command in self._commands):
            last = max(place for place, one in enumerate(found) if one.is_command)
            found.insert(last + 1, Answerer(HELP, self._help, frozenset({"mention", "reply"})))
        return found

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
