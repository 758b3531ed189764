"""Syncing: a folder of files determines what is in the queue.

What lives here: what happens to each file, and to posts whose file is gone. What does not: reading the files
(`sources.folder`), the transactions (`store`), publishing without a database (`skywrite.stateless`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.nouns import checked, final
from skywrite.app.reports import CHANGES, FileAction, FileReport
from skywrite.app.results import Ready
from skywrite.core.errors import Busy, Conflict, Do, InputError, Notice, StorageError, Unexpected
from skywrite.core.shown import check_name
from skywrite.features.folders.store import SyncedFile, SyncStore
from skywrite.posting.schedule.policy import verdict
from skywrite.queue import identities
from skywrite.queue.model import Account, AddResult, Changes, NewPost, Post

if TYPE_CHECKING:
    from skywrite.posting.schedule.slots import FreeSlots
    from skywrite.posting.sources.folder import Folder
    from skywrite.posting.sources.post_file import FileProblem, Item

# Whoever moves a folder may give its old path.
NAME_MAX = 1000


@checked("folders")
class Folders:
    """Folders of posts."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    @final(
        "the sync of {folder}",
        "Change its files, and sync again. Its posts: ",
        Do("posts.list"),
        changed=lambda done: any(report.action in ("scheduled", "edited", "cancelled") for report in done),
    )
    def sync(
        self,
        folder: str | Path,
        *,
        account: str | None = None,
        name: str | None = None,
        prune: bool = True,
        mark: bool = False,
    ) -> list[FileReport]:
        """Make the queue match the folder, as often as you like.

        New files are scheduled, posts of changed files are edited while that is possible, and those of removed files
        are cancelled (unless `prune` is False). Published posts are left alone; with `mark`, that is noted in the file.
        A wrong file is reported, and its post stays as it is; the other files are not affected. `account` is for files
        that do not name one. `name` identifies the folder; by default its path does. Raises InputError,
        SignInError, StorageError.
        """
        from skywrite.posting.sources.folder import read_folder

        # Python takes an empty path for the current folder.
        if not str(folder).strip():
            raise InputError("The folder is empty.", hint="Name one, such as posts, or . for this one.")
        if name is not None:
            check_name(name, "A folder", longest=NAME_MAX)
        content = read_folder(Path(folder))
        self._ctx.account(account)
        if name is None:
            name = str(Path(folder).resolve())
            self._refuse_overlap(name)
        return _Sync(self._ctx, self._drafting, content, name, account, prune, mark).run()

    def _refuse_overlap(self, name: str) -> None:
        """Raise InputError for a new folder in a synced one, or around one: files of both would be posted twice."""
        stored = SyncStore(self._ctx.store)
        if stored.synced_files(name):
            return
        for other in map(Path, stored.other_folders(name)):
            if other.is_absolute() and other.is_dir() and (other in Path(name).parents or Path(name) in other.parents):
                raise InputError(
                    f"{name} and {other}, which is synced already, have files in common, and each would be posted "
                    "twice. Nothing was done.",
                    hint=f"Sync {other} as a whole, or move these files out of it.",
                )


@dataclass
class _Sync:
    """One sync of one folder."""

    ctx: Context
    drafting: Drafting
    folder: Folder
    name: str
    default_account: str | None
    prune: bool
    mark: bool
    slots: dict[str, FreeSlots] = field(default_factory=dict)
    accounts: dict[str | None, Account] = field(default_factory=dict)
    moved_keys: set[str] = field(default_factory=set)

    def run(self) -> list[FileReport]:
        known = {file.path: file for file in self._stored.synced_files(self.name)}
        reports = [_wrong(problem) for problem in self.folder.problems]
        active = [item for item in self.folder.items if not item.is_draft and not item.published]
        reports += [_passive(item) for item in self.folder.items if item.is_draft or item.published]
        self._follow_names(known, active)
        own = {item.path: item.own_key for item in self.folder.items}
        self.moved_keys = {file.key for path, file in known.items() if file.key != own.get(path)}
        present = {item.path for item in active} | self.folder.broken
        for file in [file for path, file in known.items() if path not in present]:
            reports.append(self._report(file.path, partial(self._gone, file)))
        for item in active:
            reports.append(self._report(item.path, partial(self._one, item, known.get(item.path))))
        reports = _one_a_file(reports)
        if self.mark:
            reports = self._marked(reports, active)
        return reports

    def _report(self, path: str, act: Callable[[], FileReport]) -> FileReport:
        """What `act` did, or why it could not."""
        try:
            return act()
        except (Conflict, Busy) as error:
            return FileReport(path, "busy", warnings=(Notice(error.code, error.message, path),))
        except StorageError:
            raise
        except Exception as error:
            return FileReport(path, "wrong", error=Unexpected.of(error))

    def _follow_names(self, known: dict[str, SyncedFile], items: Iterable[Item]) -> None:
        """Renamed files keep their posts: they are recognised by their own key, or by their content.

        So do those of a renamed folder, which is one that is no longer there.
        """
        here = {item.path for item in items} | self.folder.broken
        gone = [file for path, file in known.items() if path not in here]
        new = [item for item in items if item.path not in known]
        if new:
            gone += self._of_folders_that_are_gone()
        for item in new:
            old = next((file for file in gone if _has_key(file, item)), None)
            old = old or next((file for file in gone if file.digest == item.digest), None)
            if old is None:
                continue
            gone.remove(old)
            try:
                self._stored.move_synced(old, self.name, item.path)
            except Busy:
                continue
            if old.folder == self.name:
                del known[old.path]
            known[item.path] = old._replace(folder=self.name, path=item.path)

    def _of_folders_that_are_gone(self) -> list[SyncedFile]:
        """The files of folders whose names are paths at which nothing is."""
        names = [Path(name) for name in self._stored.other_folders(self.name)]
        gone = [os.fspath(path) for path in names if path.is_absolute() and not path.exists()]
        return [file for name in gone for file in self._stored.synced_files(name)]

    def _gone(self, file: SyncedFile) -> FileReport:
        if file.state == "published":
            self._stored.drop_synced(file)
            return FileReport(file.path, "published", file.post_id, uri=file.uri)
        if not self.prune:
            return FileReport(file.path, "kept", file.post_id, file.due_at)
        self._stored.drop_synced(file)
        return FileReport(file.path, "cancelled", file.post_id, file.due_at)

    def _one(self, item: Item, file: SyncedFile | None) -> FileReport:
        if file is not None and file.digest == item.digest:
            action: FileAction = "published" if file.state == "published" else "unchanged"
            return FileReport(item.path, action, file.post_id, file.due_at, file.uri)
        if file is not None and file.state == "published":
            self._stored.note_synced(file._replace(digest=item.digest), file.digest)
            note = Notice(
                "ChangedAfterwards",
                "The file was changed after its post was published; the post stays as it is.",
                item.path,
            )
            return FileReport(item.path, "published", file.post_id, file.due_at, file.uri, (note,))
        account = self._account(item)
        now = SyncedFile(self.name, item.path, account.did, self._key(item, file), item.digest)
        if file is None:
            return self._add(item, account, now)
        if file.state == "cancelled" or (file.account_did, file.key) != (now.account_did, now.key):
            return self._replace(item, account, now, file)
        return self._edit(item, account, now._replace(post_id=file.post_id), file.digest)

    def _account(self, item: Item) -> Account:
        name = item.account or self.default_account
        if name not in self.accounts:
            self.accounts[name] = self.ctx.account(name)
        return self.accounts[name]

    def _key(self, item: Item, file: SyncedFile | None) -> str:
        """A renamed file keeps the key under which it was first stored."""
        if item.key is None and file is not None and file.key.startswith("file:"):
            return file.key
        if item.key is None and item.own_key in self.moved_keys:
            # This file has the old path of a file that was renamed, and that file has the key.
            return f"{item.own_key} {item.digest[:12]}"
        return item.own_key

    def _add(self, item: Item, account: Account, now: SyncedFile) -> FileReport:
        due_at = item.due_at(self.ctx.zone(account))
        if due_at is not None and self._is_missed(item, account, due_at):
            note = Notice(
                "MissedTime",
                "Its time had passed when Skywrite first saw it; give it another time, or `late: publish`.",
                item.path,
            )
            return FileReport(item.path, "missed", due_at=due_at, warnings=(note,))
        new, warnings = self._new(item, account, now, due_at)
        result, due_at = self._store(new, lambda new: self._stored.add_synced(now, new))
        if not result.existed:
            return FileReport(item.path, "scheduled", result.id, due_at, None, warnings)
        return self._one_that_existed(item, account, now)

    def _one_that_existed(self, item: Item, account: Account, now: SyncedFile) -> FileReport:
        """Another sync was faster, or an earlier one stored the post and its record is gone."""
        file = next(file for file in self._stored.synced_files(self.name) if file.path == item.path)
        if file.digest == item.digest or file.state == "published":
            return self._one(item, file)
        if file.state == "cancelled":
            return self._replace(item, account, now, file)
        return self._edit(item, account, now._replace(post_id=file.post_id), file.digest)

    def _replace(self, item: Item, account: Account, now: SyncedFile, old: SyncedFile) -> FileReport:
        due_at = item.due_at(self.ctx.zone(account))
        if due_at is not None and self._is_missed(item, account, due_at):
            self._stored.note_synced(old._replace(digest=item.digest), old.digest)
            return FileReport(item.path, "missed", old.post_id, due_at)
        new, warnings = self._new(item, account, now, due_at)
        result, due_at = self._store(new, lambda new: self._stored.replace_synced(old, now, new))
        return FileReport(item.path, "scheduled", result.id, due_at, None, warnings)

    def _store(self, new: NewPost, store: Callable[[NewPost], AddResult]) -> tuple[AddResult, datetime | None]:
        """The result for a post, and its time: another slot if the intended one was taken meanwhile."""
        results, stored = self.drafting.store_in_slots([new], lambda posts: [store(posts[0])])
        if stored[0].due_at != new.due_at:
            self.slots.pop(new.account_did, None)
        return results[0], stored[0].due_at

    def _edit(self, item: Item, account: Account, now: SyncedFile, seen: str) -> FileReport:
        post = self.ctx.store.posts.get(now.post_id)
        ready = self.drafting.prepare(self.drafting.draft(account, item.row), account, base=item.base)
        self.drafting.keep_media([ready])
        policy, seconds = self.drafting.late(account, item.late)
        changes = Changes(
            draft=ready.draft.as_dict(),
            prepared=ready.prepared.to_dict(),
            media=tuple(blob.cid for blob in ready.prepared.blobs),
            late_policy=policy,
            late_seconds=seconds,
        )
        due_at = self._new_time(item, account, post)
        if due_at is not None:
            changes = changes._replace(due_at=due_at)
        edited = self._stored.edit_synced(now, changes, seen, version=post.version)
        return FileReport(item.path, "edited", edited.id, edited.due_at, None, _notes(item, ready))

    def _new_time(self, item: Item, account: Account, post: Post) -> datetime | None:
        """The new time of a post that is edited, or None if it keeps its time. A failed post is tried again."""
        due_at = item.due_at(self.ctx.zone(account)) or post.due_at
        return due_at if due_at != post.due_at or post.state == "failed" else None

    def _is_missed(self, item: Item, account: Account, due_at: datetime) -> bool:
        policy, seconds = self.drafting.late(account, item.late)
        return verdict(due_at, self.ctx.clock.now(), policy, seconds) != "publish"

    def _new(
        self, item: Item, account: Account, now: SyncedFile, due_at: datetime | None
    ) -> tuple[NewPost, tuple[Notice, ...]]:
        ready = self.drafting.prepare(self.drafting.draft(account, item.row), account, base=item.base)
        self.drafting.keep_media([ready])
        by_slot = due_at is None
        due_at = due_at or self._free_slot(account)
        source = f"folder:{self.name}"
        new = self.drafting.new_post(
            ready, due_at=due_at, key=now.key, late=item.late, source=source, exclusive_slot=by_slot
        )
        # Another sync would take another slot.
        return new._replace(identity=identities.of_key(now.key) if by_slot else None), _notes(item, ready)

    def _free_slot(self, account: Account) -> datetime:
        if account.did not in self.slots:
            self.slots[account.did] = self.drafting.free_slots(account)
        return self.slots[account.did].take()

    def _marked(self, reports: Iterable[FileReport], items: Iterable[Item]) -> list[FileReport]:
        from skywrite.posting.sources.marking import try_to_mark

        files = {item.path: item.file for item in items}
        done = []
        for report in reports:
            if report.action == "published" and report.uri and report.path in files:
                warnings = try_to_mark(files[report.path], report.uri, report.path)
                report = replace(report, warnings=(*report.warnings, *warnings))
            done.append(report)
        return done

    @property
    def _stored(self) -> SyncStore:
        return SyncStore(self.ctx.store)


def _wrong(problem: FileProblem) -> FileReport:
    error = InputError(problem.message, hint=problem.hint)
    return FileReport(problem.path, "wrong", error=error, line=problem.line)


def _has_key(file: SyncedFile, item: Item) -> bool:
    """Whether a file that is gone has the key of this one: its own one, or that of the same path elsewhere."""
    return file.key == item.key if item.key is not None else (file.path, file.key) == (item.path, item.own_key)


def _passive(item: Item) -> FileReport:
    return FileReport(item.path, "published" if item.published else "draft", uri=item.published)


def _notes(item: Item, ready: Ready) -> tuple[Notice, ...]:
    """What the author should know about a file that was accepted."""
    from skywrite.posting.sources.check import marks_notes

    return (*ready.warnings, *marks_notes(item))


def _one_a_file(reports: list[FileReport]) -> list[FileReport]:
    """Sorted by path; a file that was removed from the queue is reported once."""
    by_place: dict[tuple[str, int | None], FileReport] = {}
    for report in reports:
        before = by_place.get((report.path, report.line))
        if before is None or report.action in CHANGES:
            by_place[report.path, report.line] = report
    return sorted(by_place.values(), key=lambda report: (report.path, report.line or 0))
