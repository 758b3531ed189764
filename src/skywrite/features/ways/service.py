"""Ways of answering without a program: adding, listing, pausing and removing them.

What does not live here: asking them (`calling`), what is stored (`store`).
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from skywrite.app.bots import KINDS, RULE
from skywrite.app.context import Context
from skywrite.app.nouns import checked, final
from skywrite.app.operations.grammars import texts_given
from skywrite.core.errors import Do, InputError
from skywrite.core.standard_webhooks import new_secret
from skywrite.features.ways.store import SHOWN, Answered, Doing, Way, WayStore
from skywrite.posting.sources.grammar import Grammar
from skywrite.queue.authors import current_agent

COMMAND_CHARACTERS_MAX = 4000
TIMEOUT_SECONDS = 20.0
# A grammar says so many different texts before one comes again, or as many as it has.
DISTINCT = 20
# So many of its texts are shown.
SAMPLES = 3
# A bot that takes longer is left behind by the worker.
TIMEOUT_SECONDS_MAX = 50.0


class AddedWay(NamedTuple):
    """A new way of answering; `secret` signs what an address gets, and is never shown again."""

    way: Way
    secret: str | None = None


@checked("ways")
class Ways:
    """The ways of answering that are no program's."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @property
    def _stored(self) -> WayStore:
        return WayStore(self._ctx.store)

    @final("the new way of answering {done.way.id}", "Remove it: ", Do("ways.remove", "{done.way.id}"))
    def add_command(
        self, command: str, *, folder: Path | None = None, timeout_seconds: float = TIMEOUT_SECONDS, **options: Any
    ) -> AddedWay:
        """Answer with what a command prints. It gets the item as JSON on standard input, and runs in `folder`.

        Options: `account`; `word`, with which an item must begin after the mention; `only`, kinds of items; `unasked`,
        which also answers who did not tag us; `retract`; `thread`, which also gives it the posts above the item. Raises
        InputError.
        """
        if not command.strip() or "\0" in command or len(command) > COMMAND_CHARACTERS_MAX:
            raise InputError("The command is empty, or too long.", hint="Put a long command into a script.")
        place = str((folder or Path()).resolve())
        doing = Doing("command", command, command, "", place, _seconds(timeout_seconds))
        return self._add(doing, **options)

    @final("the new way of answering {done.way.id}", "Remove it: ", Do("ways.remove", "{done.way.id}"))
    def add_webhook(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, **options: Any) -> AddedWay:
        """Answer with what an address responds. It gets the item as a signed message. Options: as above."""
        from skywrite.core.http import parse_url

        target = parse_url(url)
        if target.scheme not in ("https", "http") or target.has_userinfo or not target.host:
            raise InputError(f"{url} cannot be asked.", hint="Give an https:// address without a password.")
        secret = new_secret()
        doing = Doing("webhook", url, url, "", "", _seconds(timeout_seconds), secret=secret)
        return self._add(doing, **options)._replace(secret=secret)

    @final("the new way of answering {done.way.id}", "Remove it: ", Do("ways.remove", "{done.way.id}"))
    def add_text(self, grammar: Path | Mapping[str, Any], *, distinct: int | None = None, **options: Any) -> AddedWay:
        """Answer with texts of a grammar in Tracery's format: a file, which is read now, or the grammar itself.

        `distinct`: so many different texts are said before one comes again (20, or as many as there are). Other
        options: as above.
        """
        if options.get("thread"):
            raise InputError("A grammar does not read the thread above.", hint="Leave thread out.")
        if isinstance(grammar, Mapping):
            text, rows = json.dumps(grammar), texts_given(None, grammar, distinct) or ()
            name, folder = "a grammar", ""
        else:
            read = Grammar.read(grammar)
            rows = read.rows(DISTINCT) if distinct is None else read.different(distinct)
            text = grammar.read_text(encoding="utf-8-sig", errors="replace")
            name, folder = str(grammar), str(read.folder or "")
        count = min(len(rows), DISTINCT) if distinct is None else distinct
        samples = tuple(str(row["text"]) for row in rows[:SAMPLES])
        return self._add(Doing("text", text, name, "", folder, distinct=count, samples=samples), **options)

    def list(self) -> builtins.list[Way]:
        """All of them, in the order in which they are asked."""
        return self._stored.all()

    def get(self, way_id: int) -> Way:
        """One of them. Raises NotFound."""
        return self._stored.get(way_id)

    @final("the pause of way of answering {way_id}", "Let it go on: ", Do("ways.resume", "{way_id}"))
    def pause(self, way_id: int) -> Way:
        """Ask it no more. Raises NotFound."""
        return self._stored.set_state(way_id, "paused")

    @final("the end of the pause of way of answering {way_id}", "Pause it: ", Do("ways.pause", "{way_id}"))
    def resume(self, way_id: int) -> Way:
        """Ask it again, from now on. Raises NotFound."""
        return self._stored.set_state(way_id, "active")

    @final("the end of way of answering {done.id}", "What is left: ", Do("ways.list"))
    def remove(self, way_id: int) -> Way:
        """Remove it; what it answered stays. Raises NotFound."""
        way = self._stored.get(way_id)
        self._stored.remove(way_id)
        return way

    def answered(self, account: str | None = None, limit: int = SHOWN) -> builtins.list[Answered]:
        """What was answered by itself, the latest first."""
        return self._stored.answered(self._ctx.did(account), limit)

    def _add(
        self,
        doing: Doing,
        *,
        account: str | None = None,
        word: str = "",
        only: Sequence[str] = (),
        unasked: bool = False,
        retract: bool = False,
        thread: bool = False,
    ) -> AddedWay:
        wrong = [kind for kind in only if kind not in KINDS]
        if wrong:
            raise InputError(f"Nothing in the inbox is a {wrong[0]!r}.", hint=f"Choose from: {', '.join(KINDS)}.")
        if len(word.split()) > 1 or word.startswith("@"):
            raise InputError(f"{word!r} is not one word.", hint="Give one word, such as weather.")
        if "quote" in only and not unasked:
            raise InputError("A quote of your post does not tag you.", hint=f"{RULE} To answer even so, give unasked.")
        owner = self._ctx.account(account)
        whole = doing._replace(
            account_did=owner.did,
            word=word.lower(),
            kinds=tuple(only) or doing.kinds,
            unasked=unasked,
            retract=retract,
            thread=thread,
            agent=current_agent(),
        )
        return AddedWay(self._stored.add(whole))


def _seconds(timeout_seconds: float) -> float:
    if not 0 < timeout_seconds <= TIMEOUT_SECONDS_MAX:
        longest = f"{TIMEOUT_SECONDS_MAX:.0f}"
        raise InputError(
            f"An answer cannot take {timeout_seconds:g} seconds.",
            hint=f"Give more than 0 and at most {longest} seconds, such as 20.",
        )
    return float(timeout_seconds)
