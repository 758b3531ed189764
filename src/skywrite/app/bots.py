"""What a bot gets and gives: an item that somebody wrote, and the ways of answering it.

A way of answering (`Answerer`) is a function of a program, a command, a webhook, a text: whoever has one gets each item
in turn, and the first that answers wins. What lives here: these values, and calling one way. What does not: which items
may be answered at all (`features.answers`), how functions are registered (`listeners`), who else answers
(`Feature.answerers`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from skywrite.core.errors import SkywriteError
from skywrite.posting.compose.draft import Draft
from skywrite.posting.schedule.policy import parse_duration
from skywrite.posting.sources.functions import described, draft_of

Kind: TypeAlias = Literal["mention", "reply", "quote"]
KINDS: tuple[Kind, ...] = ("mention", "reply", "quote")
ABOVE_MAX = 10
ANSWER_SECONDS = 60.0
ANSWER_CHARACTERS = 100_000
# What an answer may not say: it goes to what it answers, from the account that was asked, once.
_FIXED = ("account", "reply_to", "key", "draft")
RULE = "Bluesky's rule: a bot may interact with people who tagged it; others must have opted in."


class Author(NamedTuple):
    """Who wrote an item. `labels`: what the account is said to be; `followed`: whether we follow it."""

    did: str
    handle: str
    display_name: str = ""
    labels: tuple[str, ...] = ()
    followed: bool = False

    @property
    def name(self) -> str:
        """What to call them: the name that they chose, or else their handle."""
        return self.display_name or self.handle


class Picture(NamedTuple):
    """An image of an item: its description, and where it is on Bluesky's image server."""

    alt: str
    url: str


class Above(NamedTuple):
    """A post above an item in its thread."""

    uri: str
    author: Author
    text: str


@dataclass(frozen=True)
class Item:
    """What somebody wrote to us.

    `reason`: why the network told us of it. `kinds`: all that it is: a post that tags us may be a reply to us, too.
    `asked`: whether its author spoke to us: they tagged us, or reply to one of our answers. `parent` is what it
    replies to directly, `root` the beginning of that conversation, `subject` our post that it is about. `id`: its
    number in the inbox; 0 if it is only tried.
    """

    text: str
    author: Author
    uri: str
    reason: Kind = "mention"
    kinds: frozenset[Kind] = frozenset({"mention"})
    asked: bool = True
    images: tuple[Picture, ...] = ()
    langs: tuple[str, ...] = ()
    subject: str | None = None
    parent: str | None = None
    root: str | None = None
    indexed_at: datetime | None = None
    account: str = ""
    account_did: str = ""
    id: int = 0
    look_above: Callable[[], tuple[Above, ...]] = field(default=tuple, repr=False, compare=False)

    @property
    def thread(self) -> tuple[Above, ...]:
        """The posts above it, the first one first, at most ten. Each look asks the network. Raises SkywriteError."""
        return self.look_above()


class Repost(NamedTuple):
    """The answer that reposts an item."""


class Like(NamedTuple):
    """The answer that likes an item."""


class Later(Exception):
    """Raised by a way of answering that wants the item again after a duration, such as `Later("2h")`."""

    def __init__(self, wait: str | timedelta) -> None:
        super().__init__(wait)
        self.wait = wait if isinstance(wait, timedelta) else timedelta(seconds=parse_duration(wait))


Answer: TypeAlias = str | Mapping[str, Any] | Draft | Repost | Like
Told: TypeAlias = Answer | Awaitable[Answer | None] | None


@dataclass(frozen=True)
class Answerer:
    """One way of answering. `name` identifies it for ever; `account` is a handle or DID, None for all.

    `unasked`: whether it also answers who did not speak to us, such as a quote or a reply to any post. `retract`:
    whether an answer is taken back when what it answers is deleted. Paths in what it returns are relative to `base`.
    `together`: it may be asked for several accounts at once, as no program expects. `agent`: the one that set it up,
    whose its answers are, too.
    """

    name: str
    call: Callable[[Item], Any]
    kinds: frozenset[Kind] = frozenset(KINDS)
    account: str | None = None
    unasked: bool = False
    retract: bool = False
    base: Path = Path()
    is_command: bool = False
    together: bool = False
    agent: str | None = None

    def is_for(self, handle: str, did: str) -> bool:
        """Whether it answers for an account."""
        return self.account is None or self.account.removeprefix("@").lower() in (handle, did)

    def why_not(self, item: Item) -> str | None:
        """Why it is not given an item; None if it is."""
        if not self.is_for(item.account, item.account_did):
            return f"{self.name} is for {self.account} only."
        if not self.kinds & item.kinds:
            return f"Nothing that answers is for a {item.reason}."
        if not (item.asked or self.unasked):
            return f"Its author did not tag us. {RULE} {self.name} answers it with unasked=True."
        return None

    def answer(self, item: Item) -> Draft | Mapping[str, Any] | Repost | Like | None:
        """What it answers, checked. Raises Later, SkywriteError."""
        answer = _in_time(self.name, lambda: self.call(item))
        if isinstance(answer, Repost | Like):
            return answer
        draft = draft_of(self.name, answer)
        if draft is not None:
            _check(self.name, draft)
        return draft


def _check(name: str, draft: Draft | Mapping[str, Any]) -> None:
    """Raise SkywriteError for an answer that goes somewhere else, or on and on."""
    row = draft._asdict() if isinstance(draft, Draft) else draft
    for fixed in _FIXED:
        if row.get(fixed) is not None:
            hint = f"Leave {fixed} out: an answer replies to its item, from the account that was asked."
            raise SkywriteError(f"The answer of {name} has {fixed}.", code="function.failed", hint=hint)
    text = row.get("text")
    if isinstance(text, str) and len(text) > ANSWER_CHARACTERS:
        hint = "A post has 300 characters; with split it becomes a thread."
        raise SkywriteError(f"{name} returned a text of {len(text):,} characters.", code="function.failed", hint=hint)


_busy: set[str] = set()


def _in_time(name: str, call: Callable[[], Any]) -> Any:
    """What a function returns, within a minute. One that hangs is left behind, and not called again until it ends."""
    if name in _busy:
        raise SkywriteError(f"{name} still works on another item.", code="function.failed", hint="See why it hangs.")
    values: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            value = call()
            values.append(asyncio.run(value) if isinstance(value, Coroutine) else value)
        except BaseException as error:  # The caller raises it, whatever it is.
            failed.append(error)
        finally:
            _busy.discard(name)

    _busy.add(name)
    thread = threading.Thread(target=run, name=f"answer {name}", daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    if failed:
        error = failed[0]
        if isinstance(error, SkywriteError | Later) or not isinstance(error, Exception):
            raise error
        what = f"{name} raised {described(error)}."
        raise SkywriteError(what, code="function.failed", hint="Fix the function.") from error
    if not values:
        hint = "Give its requests a time limit."
        raise SkywriteError(f"{name} took longer than {ANSWER_SECONDS:.0f} seconds.", code="function.failed", hint=hint)
    return values[0]
