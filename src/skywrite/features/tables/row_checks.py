"""Rows of a large import are checked in child processes, one for each processor.

What lives here: which rows can be checked there, their check as a pure function, and handing out the work. What does
not: what a row means (`rows`), and all rows that need the network, files or the database, which their import checks
itself (`importing`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

from skywrite.app.drafting import Drafting
from skywrite.app.rows import Batch, Rows
from skywrite.core.clock import FakeClock
from skywrite.core.contained import Contained
from skywrite.core.ending import Ending
from skywrite.core.errors import Notice, TemporaryError
from skywrite.posting.compose.draft import FIELDS
from skywrite.posting.compose.fields import OPTIONS
from skywrite.posting.compose.resolve import DraftContext
from skywrite.posting.schedule.policy import LatePolicy
from skywrite.posting.schedule.tokens import DateOrder
from skywrite.queue.model import Account, NewPost
from skywrite.queue.rows import Written, dump_json

if TYPE_CHECKING:
    from skywrite.app.context import Context

CHUNK_ROWS = 500
# With fewer rows, starting a child takes longer than it saves.
ROWS_EACH_MIN = 3_000
CHILDREN_MAX = 4
# A jitter is drawn by the import.
_OPTIONS = {*OPTIONS, "draft"} - {"jitter"}
_FIELDS = _OPTIONS.union(name for name, field in FIELDS.items() if not field.needs_lookup)

Row = Mapping[str, Any]


class Terms(NamedTuple):
    """What all rows are checked with: their accounts by the name that a row gives, zones by DID, and the present."""

    accounts: list[tuple[str | None, Account]]
    zones: dict[str, str]
    account: str | None
    now: datetime
    dates: DateOrder | None
    zone: str | None = None


class CheckedRow(NamedTuple):
    """A row's post, as far as the row alone says what it is.

    `prepared` is JSON, and `warnings` are names, texts and what they are about.
    """

    account_did: str
    draft: dict[str, Any]
    prepared: str
    due_at: datetime | None
    key: str | None
    late_policy: LatePolicy
    late_seconds: int | None
    warnings: list[tuple[str, str, str | int | None]]

    def post(self, key: str | None, source: str) -> NewPost:
        """What is to be stored; `key` is for a row without one."""
        return NewPost(
            self.account_did,
            self.draft,
            Written(self.prepared),
            self.due_at,
            self.key or key,
            self.late_policy,
            self.late_seconds,
            source,
        )

    def notices(self) -> tuple[Notice, ...]:
        """The warnings."""
        return tuple(Notice(*warning) for warning in self.warnings)


def children_for(rows: int) -> int:
    """How many children so many rows are worth; 0 if the import had better check them itself."""
    count = min(os.cpu_count() or 1, CHILDREN_MAX, rows // ROWS_EACH_MIN)
    return count if count > 1 else 0


def checked_apart(rows: Sequence[Row], terms: Terms, children: int) -> Iterator[CheckedRow | None]:
    """One result for each row, in order: None where the import has to check the row itself."""
    chunks = [rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS)]
    idle: SimpleQueue[Contained] = SimpleQueue()

    def check(chunk: Sequence[Row]) -> list[CheckedRow | None]:
        child = idle.get()
        try:
            return _checked_by(child, chunk, terms)
        finally:
            idle.put(child)

    with ExitStack() as stack:
        for _ in range(children):
            child = Contained()
            stack.callback(child.close)
            idle.put(child)
        pool = ThreadPoolExecutor(children)
        stack.callback(pool.shutdown, cancel_futures=True)
        for checked in pool.map(check, chunks):
            yield from checked


def check_rows(rows: list[dict[str, Any]], terms: Terms) -> list[CheckedRow | None]:
    """Check rows in a process that has nothing but them; None for a row that is wrong, or that needs anything else."""
    apart, batch = _Apart(terms), Batch(accounts=dict(terms.accounts), dates=terms.dates, zone=terms.zone)
    context = cast("Context", apart)
    reader = Rows(context, Drafting(context))
    checked: list[CheckedRow | None] = []
    for row in rows:
        apart.was_asked = False
        try:
            new, warnings = reader.accept(row, account=terms.account, batch=batch)
        except Exception:
            checked.append(None)
        else:
            checked.append(None if apart.was_asked else _plain(new, warnings))
    return checked


def _checked_by(child: Contained, rows: Sequence[Row], terms: Terms) -> list[CheckedRow | None]:
    places = [place for place, row in enumerate(rows) if _is_plain(row)]
    done: list[CheckedRow | None] = [None] * len(rows)
    try:
        checks = child.call(check_rows, [dict(rows[place]) for place in places], terms)
    except Exception:
        # Whatever is wrong with a row, or with the child, is told when the import comes to the row.
        return done
    for place, checked in zip(places, checks, strict=True):
        done[place] = checked
    return done


def _is_plain(row: Row) -> bool:
    """Whether a row says all by itself, in values that reach a child as they are."""
    return row.keys() <= _FIELDS and all(
        all(map(_is_text, value)) if type(value) is list else value is None or type(value) is bool or _is_text(value)
        for value in row.values()
    )


def _is_text(value: object) -> bool:
    """Whether it is text without lone surrogates, which no encoding has a place for."""
    if type(value) is not str:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(new: NewPost, warnings: Sequence[Notice]) -> CheckedRow:
    about = [(one.name, str(one), one.about) for one in warnings]
    draft, prepared = dict(new.draft), dump_json(new.prepared)
    return CheckedRow(new.account_did, draft, prepared, new.due_at, new.key, new.late_policy, new.late_seconds, about)


class _Apart:
    """What stands for `Context` in a child: it notes when it is asked for the network or the database."""

    def __init__(self, terms: Terms) -> None:
        self._zones = terms.zones
        self.clock = FakeClock(terms.now)
        self.ending = Ending()
        self.was_asked = False

    def zone(self, account: Account) -> str:
        """The zone of an account."""
        return self._zones[account.did]

    @property
    def network(self) -> _Apart:
        """Itself, which makes contexts for drafts."""
        return self

    def draft_context(self, pds_url: str, agent: object, **known: Any) -> DraftContext:
        """What a draft knows without a network."""
        return DraftContext(resolve_handle=self.ask, get_record=self.ask, fetcher=self.ask, **known)

    @property
    def store(self) -> NoReturn:
        """There is none."""
        self.ask()

    def account(self, name: str | None) -> NoReturn:
        """The import knows all accounts that rows name."""
        self.ask()

    def ask(self, *about: object) -> NoReturn:
        """Note the question."""
        self.was_asked = True
        raise TemporaryError("Only the import itself can answer this.", code="import.elsewhere")
