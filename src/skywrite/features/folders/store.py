"""Which file of a synced folder each post came from.

What lives here: the transactions in which a post and the record of its file change together, so that concurrent or
killed syncs never duplicate a post. What does not: reading files (`sources`), deciding what to do (`app`).
"""

from datetime import datetime
from typing import NamedTuple

from skywrite.core.errors import Busy, InputError
from skywrite.queue.adding import add_posts
from skywrite.queue.base import StoreBase, locked, repeated
from skywrite.queue.changing import cancel_post, edit_post, get_locked, get_post
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.model import AddResult, Changes, NewPost, Post, State
from skywrite.queue.reading import readable, reads

STALE = ""
"""The digest of a file whose post may differ from the file."""


class SyncedFile(NamedTuple):
    """A file that became a post: `digest` is that of the file when its post was last updated."""

    folder: str
    path: str
    account_did: str
    key: str
    digest: str
    post_id: int = 0
    state: State = "scheduled"
    uri: str | None = None
    due_at: datetime | None = None


class SyncStore:
    """Operations on posts that came from files."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def synced_files(self, folder: str) -> list[SyncedFile]:
        """The files of a folder that became posts, with the posts' states, by path."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_folder_files", folder=folder), _file_of)

    def other_folders(self, folder: str) -> list[str]:
        """The names of all folders but this one."""
        with self._store.reading() as tx:
            return [str(row["folder"]) for row in tx.rows("list_other_folders", folder=folder)]

    @repeated
    def add_synced(self, file: SyncedFile, new: NewPost) -> AddResult:
        """Store a post and which file it came from. A known file, or a key that this folder has used before, adds
        nothing: then the post may differ from the file, and its digest is `STALE`.

        Raises InputError if the key belongs to a post from elsewhere.
        """
        with self._store.writing() as tx:
            locked(tx, file.account_did)
            known = tx.row("get_folder_file", folder=file.folder, path=file.path)
            if known is not None:
                return AddResult(int(known["post_id"]), True)
            result = add_posts(tx, self._store.clock, [new])[0]
            if result.existed:
                self._must_be_ours(tx, file, new, result.id)
            self._put(tx, file, result.id, STALE if result.existed else file.digest)
            return result

    def _must_be_ours(self, tx: Transaction, file: SyncedFile, new: NewPost, post_id: int) -> None:
        post = get_post(tx, post_id)
        other = tx.row("folder_file_of_post", post_id=post_id)
        if post.source == new.source and other is None:
            return
        whose = f"the file {other['path']} of {other['folder']}" if other else post.source or "a post made by hand"
        raise InputError(
            f"The key {file.key!r} was already used by post {post_id} ({whose}).",
            code="post_key.taken",
            hint="Give the file another one in its front matter: key: some-other-name.",
        )

    @repeated
    def edit_synced(self, file: SyncedFile, changes: Changes, seen: str, *, version: int | None = None) -> Post:
        """Update a post from its file, whose digest was `seen` before.

        Raises Conflict, ChangedMeanwhile, Busy.
        """
        with self._store.writing() as tx:
            post = edit_post(tx, file.post_id, changes, version, now=self._store.clock.now())
            self._note(tx, file, seen)
            return post

    @repeated
    def note_synced(self, file: SyncedFile, seen: str) -> None:
        """Store the file's digest; its post is left alone. Raises Busy."""
        with self._store.writing(wake=False) as tx:
            self._note(tx, file, seen)

    @repeated
    def move_synced(self, file: SyncedFile, folder: str, path: str) -> None:
        """Store a file's new folder and name. Raises Busy."""
        with self._store.writing(wake=False) as tx:
            taken = tx.row("get_folder_file", folder=folder, path=path)
            moved = taken is None and tx.run(
                "move_folder_file",
                folder=file.folder,
                path=file.path,
                new_folder=folder,
                new_path=path,
                now=self._store.clock.now(),
            )
            if not moved:
                raise _elsewhere(file.path)

    @repeated
    def replace_synced(self, old: SyncedFile, file: SyncedFile, new: NewPost) -> AddResult:
        """Cancel the post of a file permanently, and store another one instead: for another account or key.

        Raises Conflict, InputError, Busy.
        """
        with self._store.writing() as tx:
            for did in sorted({old.account_did, file.account_did}):
                locked(tx, did)
            self._drop(tx, old)
            result = add_posts(tx, self._store.clock, [new])[0]
            if result.existed:
                self._must_be_ours(tx, file, new, result.id)
            self._put(tx, file, result.id, STALE if result.existed else file.digest)
            return result

    @repeated
    def drop_synced(self, file: SyncedFile) -> None:
        """Remove the record of a file that is gone. Its post is cancelled permanently unless it is published; its key
        is free again.

        Raises Conflict if the post may be on the network, Busy.
        """
        with self._store.writing() as tx:
            self._drop(tx, file)

    def _drop(self, tx: Transaction, file: SyncedFile) -> None:
        post = get_locked(tx, file.post_id)
        gone = tx.run("delete_folder_file", folder=file.folder, path=file.path, post_id=file.post_id, seen=file.digest)
        if not gone:
            raise _elsewhere(file.path)
        if post.state != "published":
            cancel_post(tx, post, self._store.clock.now())
            tx.run("forget_key", id=post.id)

    def _note(self, tx: Transaction, file: SyncedFile, seen: str) -> None:
        values = {"folder": file.folder, "path": file.path, "post_id": file.post_id}
        if not tx.run("change_folder_file", digest=file.digest, seen=seen, now=self._store.clock.now(), **values):
            raise _elsewhere(file.path)

    def _put(self, tx: Transaction, file: SyncedFile, post_id: int, digest: str) -> None:
        tx.run(
            "put_folder_file",
            folder=file.folder,
            path=file.path,
            account_did=file.account_did,
            key=file.key,
            digest=digest,
            post_id=post_id,
            now=self._store.clock.now(),
        )


def _elsewhere(path: str) -> Busy:
    return Busy(f"{path} is being synced by another process.", code="folder.busy", hint="Sync again.")


@reads("folder_file", "path")
def _file_of(row: Row) -> SyncedFile:
    return SyncedFile(
        folder=row["folder"],
        path=row["path"],
        account_did=row["account_did"],
        key=row["key"],
        digest=row["digest"],
        post_id=row["post_id"],
        state=row["state"],
        uri=row["uri"],
        due_at=time_of(row["due_at"]),
    )
