"""One import: many rows, all or none, each with its report.

What lives here: what the rows share (accounts, slots, keys, the order of days and months), and storing them. What does
not: what one row means (`rows`), files of tables (`sources.table`), how a plan is shown (`plan`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from skywrite.app.context import Context
from skywrite.app.drafting import SAME_TEXT, Drafting
from skywrite.app.occurrences import CheckedRecurrence
from skywrite.app.reports import RowReport
from skywrite.app.rows import Batch, Rows, minute_of
from skywrite.app.sending import key_used
from skywrite.core.errors import Do, Hint, InputError, Notice, SkywriteError, Unexpected
from skywrite.core.files import is_inside
from skywrite.features.tables.row_checks import CheckedRow, Terms, checked_apart, children_for
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.posting.compose.fields import ROW_OPTIONS
from skywrite.posting.schedule.time_errors import AmbiguousTime
from skywrite.posting.schedule.times import DateOrder, can_be_read
from skywrite.posting.sources.grammar import texts_in_turn
from skywrite.queue.adding import KnownKey
from skywrite.queue.identities import row_key
from skywrite.queue.model import Account, NewPost, Recurrence

TEXTS_AT_ONCE = 5000
_ORDERS: dict[DateOrder, str] = {"dmy": "the day first", "mdy": "the month first", "ymd": "the year first"}


class ImportOptions(NamedTuple):
    """How rows are imported: see `Transfer.import_rows`."""

    base: Path | None = None
    root: Path | None = None
    account: str | None = None
    partial: bool = False
    dry_run: bool = False
    now: bool = False
    source: str = "import"
    has_keys: bool = False
    dates: DateOrder | None = None
    zone: str | None = None
    wrong: Mapping[int, SkywriteError] = MappingProxyType({})


class Import:
    """One import of rows."""

    def __init__(self, ctx: Context, drafting: Drafting, options: ImportOptions) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._options = options
        self._rows = Rows(ctx, drafting)
        self._batch = Batch(dates=options.dates, zone=options.zone)
        self._reports: list[RowReport] = []
        self._posts: list[tuple[int, NewPost]] = []
        self._recurrences: list[tuple[int, CheckedRecurrence]] = []
        self._keys: dict[int, str] = {}
        self._known: dict[int, RowReport] = {}
        self._shown: dict[str, tuple[str, str]] = {}
        self._stored_recurrences: dict[str, list[Recurrence]] = {}

    def run(self, rows: Iterable[Mapping[str, Any]], progress: Callable[[int], None]) -> list[RowReport]:
        """Check every row and store the good ones, unless a wrong one stops the import. Returns one report per row."""
        all_rows = list(rows)
        if self._options.has_keys:
            self._keys = keys_of(all_rows, self._options.source)
            self._find_known(all_rows)
        self._plan_around(all_rows)
        for number, (row, checked) in enumerate(zip(all_rows, self._checked_apart(all_rows), strict=True), 1):
            known = None if number in self._options.wrong else self._known.get(number)
            self._reports.append(known or self._report(number, row, checked))
            progress(number)
        self._explain_dates(all_rows)
        self._warn_of_same_texts([*self._posts, *((place, new.first) for place, new in self._recurrences)])
        if not (self._options.dry_run or (not self._options.partial and any(one.error for one in self._reports))):
            self._store()
        return self._reports

    def _owner(self, row: Mapping[str, Any]) -> Account | None:
        """The account of a row, or None if the row is reported as wrong."""
        name = row.get("account")
        try:
            return self._rows.owner(name if isinstance(name, str) else self._options.account, self._batch)
        except SkywriteError:
            return None

    def _find_known(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The rows that an earlier import of the same file stored; a row whose post was cancelled may be imported
        again.
        """
        by_account: dict[str, list[int]] = {}
        for number in self._keys:
            owner = self._owner(rows[number - 1])
            if owner is not None:
                by_account.setdefault(owner.did, []).append(number)
        for did, asked in by_account.items():
            while asked:
                by_key = self._ctx.store.posts.known_keys(did, [self._keys[number] for number in asked])
                known = {number: by_key[self._keys[number]] for number in asked if self._keys[number] in by_key}
                asked = [number for number, post in known.items() if post.state == "cancelled"]
                for number, post in known.items():
                    if post.state == "cancelled":
                        self._keys[number] = f"{self._keys[number].partition('/')[0]}/{post.id}"
                    else:
                        self._known[number] = self._known_report(number, did, rows[number - 1], post)

    def _known_report(self, number: int, did: str, row: Mapping[str, Any], post: KnownKey) -> RowReport:
        report = RowReport(number, None if self._options.dry_run else post.id, post.due_at, existed=True)
        return self._described(report, did, {"text": row.get("text", "")})

    def _plan_around(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """If rows take slots, times that other rows of the file name count as taken."""
        options = self._options
        if options.now or not any(_takes_slot(row) for row in rows):
            return
        for number, row in enumerate(rows, 1):
            at = row.get("at")
            if not isinstance(at, str | datetime) or row.get("every") or number in self._known:
                continue
            owner = self._owner(row)
            try:
                if owner is not None:
                    due_at, _ = self._drafting.when_with_notes(owner, at, zone=options.zone, dates=options.dates)
                    self._batch.fixed.setdefault(owner.did, set()).add(due_at)
            except SkywriteError:
                continue

    def _checked_apart(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[CheckedRow | None]:
        """What is known of each row before its turn comes."""
        options, children = self._options, children_for(len(rows))
        if options.now or not children:
            return iter([None] * len(rows))
        names = {name if isinstance(name := row.get("account"), str) else self._options.account for row in rows}
        owners = [(name, owner) for name in names if (owner := self._owner({"account": name})) is not None]
        zones = {owner.did: self._ctx.zone(owner) for _, owner in owners}
        now = self._ctx.clock.now()
        return checked_apart(rows, Terms(owners, zones, options.account, now, options.dates, options.zone), children)

    def _report(self, number: int, row: Mapping[str, Any], checked: CheckedRow | None) -> RowReport:
        if number in self._options.wrong:
            return RowReport(number, error=self._options.wrong[number])
        try:
            if self._options.root is not None:
                _check_files(row, self._options.base or Path(), self._options.root)
            return self._recurrence(number, row) if row.get("every") else self._post(number, row, checked)
        except Exception as error:
            return RowReport(number, error=Unexpected.of(error))

    def _post(self, number: int, row: Mapping[str, Any], checked: CheckedRow | None) -> RowReport:
        options, key = self._options, self._keys.get(number)
        if checked is not None:
            new, warnings = checked.post(key, options.source), checked.notices()
        else:
            new, warnings = self._rows.accept(
                row,
                base=options.base,
                account=options.account,
                batch=self._batch,
                now=options.now,
                dry_run=options.dry_run,
                key=key,
                source=options.source,
            )
        self._batch.claim_key(new.account_did, row, number)
        self._posts.append((len(self._reports), new))
        return self._accepted(number, new, warnings)

    def _recurrence(self, number: int, row: Mapping[str, Any]) -> RowReport:
        options = self._options
        new = self._rows.accept_recurrence(
            row,
            base=options.base,
            account=options.account,
            batch=self._batch,
            source=options.source,
        )
        stored = self._same_recurrence(new) if options.has_keys else None
        if stored is not None:
            report = RowReport(number, existed=True, recurrence_id=stored.id, rule=stored.rule)
            return self._described(report, stored.account_did, new.first.draft)
        if not options.dry_run:
            self._drafting.keep_media(new.readies)
        self._recurrences.append((len(self._reports), new))
        return self._accepted(number, new.first, new.warnings)._replace(rule=new.recurrence.rule)

    def _same_recurrence(self, new: CheckedRecurrence) -> Recurrence | None:
        """The recurrence that an earlier import of the same row stored; each stands for one row."""
        did = new.recurrence.account_did
        if did not in self._stored_recurrences:
            mine = [one for one in self._ctx.store.recurrences.all(did) if one.source == self._options.source]
            self._stored_recurrences[did] = mine
        wanted = _plain(new.recurrence.draft), _plain(new.recurrence.pool), new.recurrence.rule, new.recurrence.zone
        for stored in self._stored_recurrences[did]:
            if wanted == (_plain(stored.draft), _plain(stored.pool), stored.rule, stored.zone):
                self._stored_recurrences[did].remove(stored)
                return stored
        return None

    def _accepted(self, number: int, new: NewPost, warnings: tuple[Notice, ...]) -> RowReport:
        text = str(new.draft.get("text", ""))
        # Posts that are due now go out one after the other.
        due_at = None if self._options.now and new.occurrence is None else new.due_at
        clashes = self._batch.clashes(new.account_did, text, due_at, number)
        if due_at is not None and minute_of(due_at) in self._queued_minutes(new.account_did):
            clashes += self._drafting.clashes(new.account_did, "", due_at)
        handle, zone = self._shown_as(new.account_did)
        return RowReport(
            number, due_at=new.due_at, warnings=(*warnings, *clashes), account=handle, zone=zone, draft=new.draft
        )

    def _described(self, report: RowReport, did: str, draft: Mapping[str, Any]) -> RowReport:
        """The report, with what a plan shows about the post."""
        handle, zone = self._shown_as(did)
        return report._replace(account=handle, zone=zone, draft=draft)

    def _shown_as(self, did: str) -> tuple[str, str]:
        """The handle of an account, and the zone in which its times are shown."""
        if did not in self._shown:
            account = next(known for known in self._batch.accounts.values() if known.did == did)
            self._shown[did] = (account.handle, self._ctx.zone(account))
        return self._shown[did]

    def _queued_minutes(self, did: str) -> set[datetime]:
        """The minutes in which posts are already queued, looked up once for all rows."""
        if did not in self._batch.queued:
            self._batch.queued[did] = {minute_of(at) for at in self._drafting.taken_slots(did)}
        return self._batch.queued[did]

    def _explain_dates(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """If a date is ambiguous, say which order of day and month fits all dates of the file."""
        wrong = [
            place
            for place, one in enumerate(self._reports)
            if isinstance(one.error, AmbiguousTime) and one.error.is_of_order
        ]
        if not wrong or self._options.dates is not None:
            return
        texts = {row["at"] for row in rows if isinstance(row.get("at"), str)}
        readable = [text for text in texts if any(can_be_read(text, order) for order in _ORDERS)]
        orders = [order for order in _ORDERS if all(can_be_read(text, order) for text in readable)]
        lead = "All dates of the file can be read " if len(orders) == 1 else "Say it once for all dates of the file: "
        possible = orders or list(_ORDERS)
        for place in wrong:
            error = self._reports[place].error
            if isinstance(error, AmbiguousTime):
                error.hint, error.orders = Hint(lead, *_choices(possible)), tuple(possible)

    def _warn_of_same_texts(self, accepted: Iterable[tuple[int, NewPost]]) -> None:
        """Warn about posts with the same text that are queued or were posted recently, looking up many at once."""
        places: dict[str, dict[str, list[int]]] = {}
        for place, new in accepted:
            if text := str(new.draft.get("text", "")).strip():
                places.setdefault(new.account_did, {}).setdefault(text, []).append(place)
        since = self._ctx.clock.now() - SAME_TEXT
        for did, mine in places.items():
            texts = list(mine)
            for start in range(0, len(texts), TEXTS_AT_ONCE):
                asked = texts[start : start + TEXTS_AT_ONCE]
                for text, post in self._ctx.store.posts.same_texts(did, asked, since).items():
                    warning = Notice("SameText", f"The same text is in post {post.id} ({post.state}).", post.id)
                    for place in mine.get(text, ()):
                        before = self._reports[place]
                        self._reports[place] = before._replace(warnings=(*before.warnings, warning))

    def _store(self) -> None:
        added, outcomes = self._ctx.store.recurrences.add_with_posts(
            [new for _, new in self._posts],
            [(new.recurrence, new.first) for _, new in self._recurrences],
            operation="import",
        )
        for (place, new), result in zip(self._posts, added, strict=True):
            before = self._reports[place]
            known = () if result.existed else before.warnings
            if result.other_draft:
                known = (key_used(new.key, result.id, other_draft=True),)
            self._reports[place] = before._replace(id=result.id, existed=result.existed, warnings=known)
        for (place, _), (number, result) in zip(self._recurrences, outcomes, strict=True):
            self._reports[place] = self._reports[place]._replace(id=result.id, recurrence_id=number)


def _check_files(row: Mapping[str, Any], base: Path, root: Path) -> None:
    """Raise InputError if a row, or a draft in its pool, names a file outside the folder."""
    pool = row.get("pool") or []
    grammar = row.get("grammar")
    file = grammar if isinstance(grammar, str) and grammar and not grammar.lstrip().startswith("{") else None
    if file is not None and not is_inside(base / Path(file).expanduser(), root):
        raise InputError(f"{file} is outside {root}.", code="file.outside", hint="Put it into that folder.")
    if grammar not in (None, ""):
        pool = [*pool, *(texts_in_turn(None, grammar, None, base) or ())]
    for item in (row, *(entry for entry in pool if isinstance(entry, Mapping))):
        draft = draft_from_dict(
            {"text": "", **{name: value for name, value in item.items() if name not in ROW_OPTIONS}}
        )
        for name in draft.files():
            if not is_inside(base / Path(name).expanduser(), root):
                raise InputError(f"{name} is outside {root}.", code="file.outside", hint="Put it into that folder.")


def _choices(orders: Sequence[DateOrder]) -> Iterator[str | Do]:
    """Orders of day and month, each with the argument that chooses it."""
    for number, order in enumerate(orders):
        yield f"{'; ' if number else ''}with {_ORDERS[order]}: "
        yield Do("argument", "dates")
        yield f" {order}"


def _takes_slot(row: Mapping[str, Any]) -> bool:
    return row.get("at") is None and not row.get("every") and not row.get("draft")


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def keys_of(rows: Sequence[Mapping[str, Any]], source: str) -> dict[int, str]:
    """Keys for rows without one (recurrences never have one), by row number from 1.

    A key is made from the file's name and the row's content; identical rows get different keys. So a file may be sorted
    differently and grow, and each row is queued once.
    """
    counts: Counter[str] = Counter()
    keys: dict[int, str] = {}
    for number, row in enumerate(rows, 1):
        if row.get("key") is not None or row.get("every"):
            continue
        plain = json.dumps(row, sort_keys=True, ensure_ascii=True, default=str)
        key = row_key(source, hashlib.sha256(plain.encode()).hexdigest())
        counts[key] += 1
        keys[number] = key + (f":{counts[key]}" if counts[key] > 1 else "")
    return keys
