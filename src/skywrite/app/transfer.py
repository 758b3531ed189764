"""Transfer: rows of many posts in, the same rows out, and a copy of the whole database.

What lives here: that all rows go in, or none, and rows out. What does not: what a row means (`rows`), files of tables
(`sources.table`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skywrite.app.context import Context
from skywrite.app.drafting import SAME_TEXT, Drafting
from skywrite.app.occurrences import NewRule
from skywrite.app.results import Sent
from skywrite.app.rows import ROW_FIELDS, Batch, Rows, minute_of
from skywrite.app.sending import Sending
from skywrite.clock import to_iso
from skywrite.compose.draft import draft_from_dict
from skywrite.errors import Do, Hint, InputError, SkywriteError, TemporaryError
from skywrite.files import is_inside, private_file
from skywrite.queue.model import NewPost, Post, Recurrence
from skywrite.schedule.recurrence import parse_rule, pick

if TYPE_CHECKING:
    pass

TEXTS_AT_ONCE = 5000


Writer = Callable[[Mapping[str, Any]], str]


class ImportFailed(InputError):
    """Some rows of an import are wrong; nothing was imported."""


class FileOutside(InputError):
    """A row names a file outside of the folder that its files must be in."""


@dataclass(frozen=True, slots=True)
class RowReport:
    """What became of one row: its post's number and moment, what was `sent` at once, or what is wrong."""

    row: int
    id: int | None = None
    due_at: str | None = None
    existed: bool = False
    warnings: tuple[str, ...] = ()
    error: SkywriteError | None = None
    sent: Sent | None = None
    recurrence_id: int | None = None


class Transfer:
    """Import, export, backup."""

    def __init__(self, ctx: Context, drafting: Drafting, sending: Sending) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._sending = sending
        self._rows = Rows(ctx, drafting)

    def import_rows(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        base: Path | None = None,
        account: str | None = None,
        partial: bool = False,
        dry_run: bool = False,
        now: bool = False,
        source: str = "import",
        progress: Callable[[int], None] = lambda done: None,
        root: Path | None = None,
    ) -> list[RowReport]:
        """Accept many posts, each row checked; the reports are in the order of the rows.

        All or nothing: a row that is wrong stops the import, and nothing is stored (the reports tell every row's
        error). With `partial` the good rows go in. Rows without `at` take the next free slots in order, or with `now`
        are due at once; those with `draft` are kept without a time. Rows with `every` are rules (see `schedule`). With
        `root`, for rows that others wrote, a file outside of that folder is an error of its row.
        """
        reports: list[RowReport] = []
        posts: list[tuple[int, NewPost]] = []
        rules: list[tuple[int, NewRule]] = []
        batch = Batch()
        for number, row in enumerate(rows, 1):
            try:
                if root is not None:
                    _check_files(row, base or Path(), root)
                if row.get("every"):
                    rule = self._rows.accept_rule(row, base=base, account=account, batch=batch, source=source)
                    new, warnings = rule.first, rule.warnings
                    if not dry_run:
                        self._drafting.keep_media(rule.readies)
                    rules.append((len(reports), rule))
                else:
                    new, warnings = self._rows.accept(
                        row, base=base, account=account, batch=batch, now=now, dry_run=dry_run, source=source
                    )
                    posts.append((len(reports), new))
                reports.append(self._accepted(number, new, warnings, batch, now=now))
            except SkywriteError as error:
                reports.append(RowReport(number, error=error))
            progress(number)
        self._warn_of_same_texts(reports, [*posts, *((place, rule.first) for place, rule in rules)])
        if not (dry_run or (not partial and any(report.error for report in reports))):
            self._store_rows(reports, posts, rules)
        return reports

    def _accepted(self, number: int, new: NewPost, warnings: tuple[str, ...], batch: Batch, *, now: bool) -> RowReport:
        text = str(new.draft.get("text", ""))
        # Those that are due now go out one after the other.
        due_at = None if now and new.occurrence is None else new.due_at
        clashes = batch.clashes(new.account_did, text, due_at, number)
        if due_at is not None and minute_of(due_at) in self._queued_minutes(new.account_did, batch):
            clashes += self._drafting.clashes(new.account_did, "", due_at)
        due = to_iso(new.due_at) if new.due_at else None
        return RowReport(number, due_at=due, warnings=(*warnings, *clashes))

    def _queued_minutes(self, did: str, batch: Batch) -> set[datetime]:
        """The minutes in which something is queued already, asked once, so that each row need not ask."""
        if did not in batch.queued:
            batch.queued[did] = {minute_of(at) for at in self._drafting.taken_slots(did)}
        return batch.queued[did]

    def _warn_of_same_texts(self, reports: list[RowReport], accepted: Iterable[tuple[int, NewPost]]) -> None:
        """Warn of posts with the same texts that are queued or were posted lately, asking for many at once."""
        places: dict[str, dict[str, list[int]]] = {}
        for place, new in accepted:
            if text := str(new.draft.get("text", "")):
                places.setdefault(new.account_did, {}).setdefault(text, []).append(place)
        since = self._ctx.clock.now() - SAME_TEXT
        for did, mine in places.items():
            texts = list(mine)
            for start in range(0, len(texts), TEXTS_AT_ONCE):
                asked = texts[start : start + TEXTS_AT_ONCE]
                for text, post in self._ctx.store.same_texts(did, asked, since).items():
                    warning = f"The same text is in post {post.id} ({post.state})."
                    for place in mine.get(text, ()):
                        reports[place] = replace(reports[place], warnings=(*reports[place].warnings, warning))

    def _store_rows(
        self, reports: list[RowReport], posts: list[tuple[int, NewPost]], rules: list[tuple[int, NewRule]]
    ) -> None:
        added, made = self._ctx.store.add_with_rules(
            [new for _, new in posts], [(rule.rule, rule.first) for _, rule in rules]
        )
        for (place, _), result in zip(posts, added, strict=True):
            known = () if result.existed else reports[place].warnings
            reports[place] = replace(reports[place], id=result.id, existed=result.existed, warnings=known)
        for (place, _), (number, result) in zip(rules, made, strict=True):
            reports[place] = replace(reports[place], id=result.id, recurrence_id=number)

    def post_rows(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        base: Path | None = None,
        account: str | None = None,
        key: str | None = None,
    ) -> list[RowReport]:
        """Accept many posts, all or none, and send those that are due: the ones without `at`.

        With `key` the rows that have none are known by it and their number. What cannot be sent now stays in the
        queue, and so do those behind it; their reports tell why.
        """
        keyed = [{"key": f"{key}:{number}", **row} if key else row for number, row in enumerate(rows, 1)]
        reports = self.import_rows(keyed, base=base, account=account, now=True, source="now")
        waiting: SkywriteError | None = None
        for place, report in enumerate(reports):
            if report.id is None or not self._is_due(report.id):
                continue
            try:
                if waiting is not None:
                    raise waiting
                reports[place] = replace(report, sent=self._sending.send(report.id))
            except SkywriteError as error:
                waiting = error if isinstance(error, TemporaryError) else waiting
                reports[place] = replace(report, error=error)
        return reports

    def _is_due(self, post_id: int) -> bool:
        due_at = self._ctx.store.get(post_id).due_at
        return due_at is not None and due_at <= self._ctx.clock.now()

    def export_rows(
        self, *, account: str | None = None, media_folder: Path | None = None, base: Path | None = None
    ) -> Iterator[dict[str, Any]]:
        """The posts that wait, as rows that `import_rows` takes; media are written into the folder and named there.

        Their paths count from `base`, the folder of the file that the rows are for; without it from where we are.

        Posts that are held, or overdue, become drafts: nothing goes out by surprise where they are imported. Posts
        that have been tried already are left out, because they may be on the network. A rule that comes again is a row,
        which stands for all of its posts but those that were moved from the past to a time to come.
        """
        did = self._ctx.account(account).did if account else None
        handles = {known.did: known.handle for known in self._ctx.store.accounts()}
        write = self._writer(media_folder, base or Path())
        now = self._ctx.clock.now()
        rules = [
            rule for rule in self._ctx.store.recurrences(did) if rule.state == "active" and _comes_again(rule, now)
        ]
        for rule in rules:
            yield _rule_row(rule, handles[rule.account_did], write)
        ruled = {rule.id for rule in rules}
        for post in self._ctx.store.all_posts(("draft", "scheduled", "held"), account_did=did):
            if post.frozen is None and (post.recurrence_id not in ruled or _is_behind_its_rule(post, now)):
                yield _post_row(post, handles[post.account_did], write, now)

    def _writer(self, folder: Path | None, base: Path) -> Writer:
        def write(stored: Mapping[str, Any]) -> str:
            if folder is None:
                raise InputError(
                    "The posts have media.", hint=Hint("Give a folder for them: ", Do("argument", "media"))
                )
            ending = str(stored["mime"]).rpartition("/")[2].replace("jpeg", "jpg")
            path = folder / f"{stored['cid']}.{ending}"
            if not path.exists():
                folder.mkdir(parents=True, exist_ok=True)
                with private_file(path) as file:
                    file.writelines(self._ctx.store.read_media(stored["cid"]))
            return os.path.relpath(path, base)

        return write

    def backup(self, path: Path) -> None:
        """A copy of the whole database, while it is used. The key of the secrets is not in it."""
        self._ctx.store.backup(path)


def _check_files(row: Mapping[str, Any], base: Path, root: Path) -> None:
    """Raise FileOutside for a file that a row, or one of its pool, names outside of a folder."""
    pool = row.get("pool") or []
    for item in (row, *(entry for entry in pool if isinstance(entry, Mapping))):
        draft = draft_from_dict({"text": "", **{name: value for name, value in item.items() if name not in ROW_FIELDS}})
        for name in draft.files():
            if not is_inside(base / Path(name).expanduser(), root):
                raise FileOutside(f"{name} is outside of {root}.", hint="Put it into that folder.")


def _post_row(post: Post, handle: str, write: Writer, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {**_with_files(post.draft, write), "account": handle}
    if post.state == "scheduled" and post.due_at and post.due_at > now:
        row["at"] = post.due_at.isoformat()
    else:
        row["draft"] = True
    if post.key:
        row["key"] = post.key
    row["late"] = _late_text(post)
    return row


def _comes_again(rule: Recurrence, now: datetime) -> bool:
    """Whether there is anything to come; one that cannot be followed is not known to be over."""
    try:
        read = parse_rule(rule.rule, zone=rule.zone, start=rule.starts_at)
        return read.next_after(now, until=rule.until, exceptions=rule.exceptions) is not None
    except SkywriteError:
        return True


def _is_behind_its_rule(post: Post, now: datetime) -> bool:
    """Whether a post still waits though its rule has come since: where the rule begins anew, it makes no such post."""
    moment, due_at = post.occurrence, post.due_at
    return post.state == "scheduled" and moment is not None and due_at is not None and moment <= now < due_at


def _rule_row(rule: Recurrence, handle: str, write: Writer) -> dict[str, Any]:
    drafts = [_with_files(item["draft"], write) for item in rule.pool] or [_with_files(rule.draft, write)]
    row: dict[str, Any] = {**drafts[0], "account": handle, "every": rule.rule, "zone": rule.zone}
    if len(drafts) > 1:
        # Each of a pool says all that it has; nothing is shared. The one that waits for its turn comes first.
        turn = pick(len(drafts), max(rule.position - 1, 0))
        pool = [*drafts[turn:], *drafts[:turn]]
        row = {"account": handle, "every": rule.rule, "zone": rule.zone, "pool": pool}
    for name, moment in (("at", rule.starts_at), ("until", rule.until)):
        if moment is not None:
            row[name] = moment.isoformat()
    if rule.exceptions:
        row["exceptions"] = rule.exceptions
    if rule.jitter_seconds:
        row["jitter"] = f"{rule.jitter_seconds}s"
    row["late"] = _late_text(rule)
    return row


def _late_text(item: Post | Recurrence) -> str:
    has_grace = item.late_seconds is not None and item.late_policy != "publish"
    return item.late_policy + (f":{item.late_seconds}s" if has_grace else "")


def _with_files(value: Any, write: Writer) -> Any:
    """A draft with stored media as files."""
    if isinstance(value, Mapping):
        if "cid" in value and "mime" in value:
            kept = {
                name: _with_files(item, write)
                for name, item in value.items()
                if name in ("alt", "captions", "gif", "lang", "name")
            }
            return {"path": write(value), **kept}
        return {name: _with_files(item, write) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_files(item, write) for item in value]
    return value


def check_reports(reports: list[RowReport]) -> None:
    """Raise ImportFailed where a row is wrong."""
    wrong = [report for report in reports if report.error]
    if wrong:
        error = wrong[0].error
        assert error is not None
        raise ImportFailed(
            f"{len(wrong)} of {len(reports)} rows are wrong, so nothing was imported. "
            f"Row {wrong[0].row}: {error.message}",
            hint=error.hint or Hint("Correct them, or import the others alone: ", Do("argument", "partial")),
        )
