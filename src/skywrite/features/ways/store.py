"""Ways of answering as they are stored. What each does is sealed, so that write access to the database adds none.

What does not live here: asking them (`calling`), adding them (`service`).
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from skywrite.core.errors import Do, Hint, NotFound
from skywrite.core.shown import named
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.model import Problem
from skywrite.queue.reading import json_of, readable, reads
from skywrite.queue.rows import dump_json, problem_of, problem_values
from skywrite.queue.store import Store
from skywrite.queue.vault import WrongKey

SECRETS = "way"
SHOWN = 50

WayKind = Literal["command", "webhook", "text"]
WayState = Literal["active", "paused"]
WayOutcome = Literal["answered", "nothing", "failed"]


class Doing(NamedTuple):
    """What a way does. `what`: a command line, an address, or a grammar; `name`: what to show of it.

    `word`: it answers only what begins with it, after the mention. `secret`: signs what an address gets.
    `thread`: it gets the posts above an item. `distinct`: so many different texts of a grammar come before
    one comes again; `samples`: some of them. Without a `folder`, a grammar came from outside. `agent`: the one that
    added it, whose its answers are, too.
    """

    kind: WayKind
    what: str
    name: str
    account_did: str
    folder: str = ""
    timeout_seconds: float = 20.0
    word: str = ""
    kinds: tuple[str, ...] = ("mention", "reply", "quote")
    unasked: bool = False
    retract: bool = False
    secret: str = ""
    thread: bool = False
    distinct: int = 0
    samples: tuple[str, ...] = ()
    agent: str | None = None

    @property
    def base(self) -> Path:
        """The folder in which a command runs, and whose files a grammar names."""
        return Path(self.folder)


class Way(NamedTuple):
    """A way of answering. `doing` is None if it was not added with our key: then it answers nothing."""

    id: int
    account_did: str
    state: WayState
    asked_at: datetime | None
    outcome: WayOutcome | None
    problem: Problem | None
    created_at: datetime
    doing: Doing | None = None

    @property
    def called(self) -> str:
        """What to call it in messages; identifies it for ever."""
        return f"{self.doing.kind if self.doing else 'way'} {self.id}"


class Answered(NamedTuple):
    """Something that was answered by itself, and the post that answers it, if there is one: a like needs none."""

    item_id: int
    account_did: str
    uri: str
    author_handle: str
    asked: str
    answered_at: datetime
    post_id: int | None
    state: str | None
    answer: str


class WayStore:
    """The ways of answering of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, doing: Doing) -> Way:
        """Store a way, and seal what it does."""
        return self._store.at_once(lambda: self._added(doing))

    def _added(self, doing: Doing) -> Way:
        with self._store.writing(wake=False) as tx:
            row = tx.row("insert_way", account_did=doing.account_did, now=self._store.clock.now())
            assert row is not None
        self._store.secrets.put(SECRETS, str(row["id"]), dump_json(doing._asdict()))
        return _way_of(row)._replace(doing=doing)

    def all(self) -> list[Way]:
        """All of them, in the order in which they are asked."""
        with self._store.reading() as tx:
            ways = readable(tx.rows("list_ways"), _way_of)
        return [self._opened(way) for way in ways]

    def get(self, way_id: int) -> Way:
        """One of them. Raises NotFound."""
        with self._store.reading() as tx:
            return self._opened(_get(tx, way_id))

    def set_state(self, way_id: int, state: WayState) -> Way:
        """Pause it, or let it go on. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            _get(tx, way_id)
            tx.run("set_way_state", id=way_id, state=state)
        return self.get(way_id)

    def remove(self, way_id: int) -> None:
        """Forget it. Raises NotFound."""
        self._store.at_once(lambda: self._removed(way_id))

    def _removed(self, way_id: int) -> None:
        with self._store.writing(wake=False) as tx:
            if tx.run("delete_way", id=way_id) != 1:
                raise unknown_way(way_id)
        self._store.secrets.put(SECRETS, str(way_id), None)

    def note(self, way_id: int, outcome: WayOutcome, problem: Problem | None = None) -> None:
        """Note what became of the last item that it got."""
        values = {"outcome": outcome, "now": self._store.clock.now(), **problem_values(problem)}
        with self._store.writing(wake=False) as tx:
            tx.run("note_way", id=way_id, **values)

    def answered(self, account_did: str | None = None, limit: int = SHOWN) -> list[Answered]:
        """What was answered last, by whatever way, the latest first."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_answered", account_did=account_did or "", limit=limit), _answered_of)

    def _opened(self, way: Way) -> Way:
        try:
            sealed = self._store.secrets.get(SECRETS, str(way.id))
            doing = None if sealed is None else _doing_of(json.loads(sealed))
        except (WrongKey, ValueError, TypeError):
            return way
        return way._replace(doing=doing) if doing and doing.account_did == way.account_did else way


def unknown_way(way_id: int) -> NotFound:
    """The error about a number that no way of answering has."""
    return NotFound(
        f"There is no way of answering {named(way_id)}.", code="way.unknown", hint=Hint("See them: ", Do("ways.list"))
    )


def _get(tx: Transaction, way_id: int) -> Way:
    row = tx.row("get_way", id=way_id)
    if row is None:
        raise unknown_way(way_id)
    return _way_of(row)


@reads("inbox")
def _answered_of(row: Row) -> Answered:
    answered_at = time_of(row["answered_at"])
    assert answered_at is not None
    draft = {} if row["draft"] is None else json_of(row["draft"], dict)
    return Answered(
        row["id"],
        row["account_did"],
        row["uri"],
        row["author_handle"],
        row["text"],
        answered_at,
        row["answer_id"],
        row["state"],
        str(draft.get("text") or ""),
    )


def _doing_of(values: dict[str, Any]) -> Doing:
    return Doing(**{**values, **{name: tuple(values[name]) for name in ("kinds", "samples")}})


@reads("way")
def _way_of(row: Row) -> Way:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return Way(
        id=row["id"],
        account_did=row["account_did"],
        state=row["state"],
        asked_at=time_of(row["asked_at"]),
        outcome=row["outcome"],
        problem=problem_of(row),
        created_at=created_at,
    )
