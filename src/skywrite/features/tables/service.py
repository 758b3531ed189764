"""Transfer: importing and exporting many posts as rows, and copying the whole database.

What lives here: exporting, and rows that are sent at once. What does not: importing (`importing`, `rows`), files of
tables (`sources.table`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.entries import entries
from skywrite.app.nouns import checked
from skywrite.app.reports import RowReport
from skywrite.app.sending import Sending
from skywrite.core.errors import Do, Hint, InputError, SkywriteError, TemporaryError
from skywrite.core.files import private_file
from skywrite.features.tables.importing import Import, ImportOptions
from skywrite.posting.schedule.localtime import zone_of
from skywrite.posting.schedule.policy import late_text
from skywrite.posting.schedule.recurrence import parse_rule, pick
from skywrite.posting.schedule.times import DateOrder
from skywrite.queue.identities import is_row_key
from skywrite.queue.model import Post, Recurrence

if TYPE_CHECKING:
    from skywrite.posting.sources.table import Table

Writer = Callable[[Mapping[str, Any]], str]
TableMap = Mapping[str, str]
NO_MAP: TableMap = {}
MAPS_SCOPE = "column_maps"


@checked("transfer")
class Transfer:
    """Import, export, backup."""

    def __init__(self, ctx: Context, drafting: Drafting, sending: Sending) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._sending = sending

    def read_table(
        self,
        source: str | Path | bytes,
        *,
        name: str | None = None,
        sheet: str | None = None,
        map: TableMap = NO_MAP,
        remembered: bool = True,
    ) -> Table:
        """The rows of a table, for `import_rows`: a file, or the bytes of one with this `name`.

        Its columns have names of ours, or are those of a program that is known, or are in `map`: the field for each
        column, "" for one that is left out. `remember` keeps a map for the next file with the same header, which counts
        if `remembered`. Raises UnknownColumns, which names all columns that nobody knows.
        """
        from skywrite.posting.sources.column_maps import Maps, checked_map
        from skywrite.posting.sources.table import OURS, read_table, table_from

        maps = Maps(checked_map(map, list(OURS)), self._ctx.store.settings.all(MAPS_SCOPE) if remembered else {})
        if isinstance(source, bytes):
            return table_from(source, "table.csv" if name is None else name, sheet=sheet, maps=maps)
        return read_table(Path(source), sheet=sheet, maps=maps)

    def remember(self, table: Table) -> None:
        """Read the next file with this table's header as this one, if a map was given for it."""
        if table.reading.kept:
            self._ctx.store.settings.put(MAPS_SCOPE, table.reading.fingerprint, dict(table.reading.kept))

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
        name: str | None = None,
        again: bool = False,
        dates: DateOrder | None = None,
        zone: str | None = None,
        wrong: Mapping[int, SkywriteError] | None = None,
    ) -> list[RowReport]:
        """Accept many posts, checking each row.

        Returns one report per row, in the same order. All or nothing: a wrong row stops the import, and nothing is
        stored (the reports have the error of each row). With `partial` the good rows are stored. Rows without `at` take
        the next free slots in order, around the times of the others, or with `now` are due at once; those with `draft`
        are kept without a time. Rows with `every` are recurrences (see `schedule`).

        With `root`, for rows that others wrote, a file outside that folder is an error of its row. With the `name` of
        their file, rows that an earlier import of it stored are not queued again, unless `again` is true. `dates`
        ("dmy", "mdy", "ymd") is the order of day and month in numeric dates. `zone`: for times that name none, instead
        of the account's. `wrong`: rows that the caller has refused, by their numbers.
        """
        options = ImportOptions(
            base=base,
            root=root,
            account=account,
            partial=partial,
            dry_run=dry_run,
            now=now,
            source=source if name is None else f"{source}:{_printable(name)}",
            has_keys=name is not None and not again,
            dates=_checked_order(dates),
            zone=None if zone is None else zone_of(zone).key,
            wrong=wrong or {},
        )
        return Import(self._ctx, self._drafting, options).run(rows, progress)

    def post_rows(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        base: Path | None = None,
        account: str | None = None,
        key: str | None = None,
    ) -> list[RowReport]:
        """Accept many posts, all or none, and send those that are due: the ones without `at`.

        With `key`, rows that have no key get one from it and their number. What cannot be sent now stays in the queue,
        and so do the rows after it; their reports say why.
        """
        keyed = [row if key is None else {"key": f"{key}:{number}", **row} for number, row in enumerate(rows, 1)]
        reports = self.import_rows(keyed, base=base, account=account, now=True, source="now")
        waiting: SkywriteError | None = None
        for place, report in enumerate(reports):
            if report.id is None or not self._is_due(report.id):
                continue
            try:
                if waiting is not None:
                    raise waiting
                reports[place] = report._replace(sent=self._sending.send(report.id))
            except SkywriteError as error:
                waiting = error if isinstance(error, TemporaryError) else waiting
                reports[place] = report._replace(error=error)
        return reports

    def _is_due(self, post_id: int) -> bool:
        due_at = self._ctx.store.posts.get(post_id).due_at
        return due_at is not None and due_at <= self._ctx.clock.now()

    def export_rows(
        self, *, account: str | None = None, media_folder: Path | None = None, base: Path | None = None
    ) -> Iterator[dict[str, Any]]:
        """The waiting posts, as rows for `import_rows`; media are written into the folder. Their paths are relative to
        `base`, the folder of the file that the rows are for; by default to the current folder.

        Held and overdue posts, and those that wait for an approval, become drafts, so that nothing goes out by surprise
        when they are imported. Posts that were already attempted are left out, because they may be on the network. A
        recurrence is one row, which stands for all of its posts except those that were moved from the past into the
        future; one that waits for an approval is only its next post, as a draft.
        """
        did = self._ctx.did(account)
        handles = {known.did: known.handle for known in self._ctx.store.accounts.all()}
        write = self._writer(media_folder, base or Path())
        now = self._ctx.clock.now()
        recurrences = [
            one for one in self._ctx.store.recurrences.all(did) if one.state == "active" and _comes_again(one, now)
        ]
        if recurrences:
            unapproved = self._unapproved(did)
            recurrences = [one for one in recurrences if one.id not in unapproved]
        for one in recurrences:
            yield _recurrence_row(one, handles[one.account_did], write)
        active_ids = {one.id for one in recurrences}
        waiting = self._ctx.store.listing.all_posts(("draft", "scheduled", "held"), account_did=did)
        for entry in entries(self._ctx, waiting):
            post = entry.post
            if post.frozen is None and (post.recurrence_id not in active_ids or _is_behind(post, now)):
                yield _post_row(post, entry.account.handle, write, now, is_draft=entry.standing.wanted)

    def _unapproved(self, did: str | None) -> set[int | None]:
        """The recurrences of which a post waits for an approval."""
        waiting = self._ctx.store.listing.all_posts(("scheduled", "held"), account_did=did)
        coming = (post for post in waiting if post.recurrence_id is not None)
        return {entry.post.recurrence_id for entry in entries(self._ctx, coming) if entry.standing.wanted}

    def _writer(self, folder: Path | None, base: Path) -> Writer:
        def write(stored: Mapping[str, Any]) -> str:
            if folder is None:
                raise InputError(
                    "The posts have media.", hint=Hint("Choose a folder for them: ", Do("argument", "media"))
                )
            ending = str(stored["mime"]).rpartition("/")[2].replace("jpeg", "jpg")
            path = folder / f"{stored['cid']}.{ending}"
            if not path.exists():
                folder.mkdir(parents=True, exist_ok=True)
                with private_file(path) as file:
                    file.writelines(self._ctx.store.media.read(stored["cid"]))
            return os.path.relpath(path, base)

        return write

    def backup(self, path: Path) -> None:
        """Copy the whole database, even while it is in use. The copy does not contain the key to the secrets."""
        self._ctx.store.backup(path)


def _post_row(post: Post, handle: str, write: Writer, now: datetime, *, is_draft: bool) -> dict[str, Any]:
    row: dict[str, Any] = {**_with_files(post.draft, write), "account": handle}
    if post.state == "scheduled" and post.due_at and post.due_at > now and not is_draft:
        row["at"] = post.due_at.isoformat()
    else:
        row["draft"] = True
    if post.key and not is_row_key(post.key, post.source):
        row["key"] = post.key
    row["late"] = late_text(post.late_policy, post.late_seconds)
    return row


def _comes_again(recurrence: Recurrence, now: datetime) -> bool:
    """Whether a recurrence has future occurrences; one that cannot be read counts as not ended."""
    try:
        read = parse_rule(recurrence.rule, zone=recurrence.zone, start=recurrence.starts_at)
        return read.next_after(now, until=recurrence.until, exceptions=recurrence.exceptions) is not None
    except SkywriteError:
        return True


def _is_behind(post: Post, now: datetime) -> bool:
    """Whether a post is still waiting although a later occurrence is due: a fresh import of its recurrence would not
    make it.
    """
    occurrence, due_at = post.occurrence, post.due_at
    return post.state == "scheduled" and occurrence is not None and due_at is not None and occurrence <= now < due_at


def _recurrence_row(recurrence: Recurrence, handle: str, write: Writer) -> dict[str, Any]:
    drafts = [_with_files(item["draft"], write) for item in recurrence.pool] or [_with_files(recurrence.draft, write)]
    row: dict[str, Any] = {**drafts[0], "account": handle, "every": recurrence.rule, "zone": recurrence.zone}
    if len(drafts) > 1:
        # Each draft of a pool is complete; nothing is shared. The one whose turn is next comes first.
        turn = pick(len(drafts), max(recurrence.position - 1, 0))
        pool = [*drafts[turn:], *drafts[:turn]]
        row = {"account": handle, "every": recurrence.rule, "zone": recurrence.zone, "pool": pool}
    for name, at in (("at", recurrence.starts_at), ("until", recurrence.until)):
        if at is not None:
            row[name] = at.isoformat()
    if recurrence.exceptions:
        row["exceptions"] = recurrence.exceptions
    if recurrence.jitter_seconds:
        row["jitter"] = f"{recurrence.jitter_seconds}s"
    row["late"] = late_text(recurrence.late_policy, recurrence.late_seconds)
    return row


def _with_files(draft: Mapping[str, Any], write: Writer) -> dict[str, Any]:
    """A draft with its stored media as files; everything else stays as it is."""
    row = dict(draft)
    if draft.get("images"):
        row["images"] = [_file(image, write) for image in draft["images"]]
    if draft.get("video"):
        row["video"] = _file(draft["video"], write)
    card = draft.get("card")
    if isinstance(card, Mapping) and card.get("thumb"):
        row["card"] = {**card, "thumb": _file(card["thumb"], write)}
    if draft.get("thread"):
        row["thread"] = [_with_files(part, write) if isinstance(part, Mapping) else part for part in draft["thread"]]
    return row


def _file(media: Any, write: Writer) -> Any:
    """A medium as a path, with its description; if it is not stored, it stays as it is."""
    if not isinstance(media, Mapping):
        return media
    kept = {name: media[name] for name in ("alt", "gif", "lang", "name") if name in media}
    if media.get("captions"):
        kept["captions"] = [_file(caption, write) for caption in media["captions"]]
    return {"path": write(media), **kept} if "cid" in media else {**media, **kept}


def _printable(name: str) -> str:
    """A file name as part of a key, whatever bytes the system allows in it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _checked_order(dates: str | None) -> DateOrder | None:
    if dates in (None, "dmy", "mdy", "ymd"):
        return cast("DateOrder | None", dates)
    raise InputError(f"dates cannot be {dates!r}.", hint="It is one of: dmy, mdy, ymd.")
