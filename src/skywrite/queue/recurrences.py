"""Recurrences, weekly slots and settings. `schedule` interprets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from skywrite.core.errors import Conflict, Do, Hint, NotFound
from skywrite.core.shown import named
from skywrite.queue.adding import add_posts
from skywrite.queue.authors import note_recurrence_author
from skywrite.queue.base import StoreBase, locked, repeated, update_ready
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.journal import note_added, note_final
from skywrite.queue.media import require_media
from skywrite.queue.model import AddResult, NewPost, NewRecurrence, Recurrence, Slot
from skywrite.queue.reading import readable, reads
from skywrite.queue.rows import dump_json, recurrence_of

# What two requests for the same have in common. How its pictures were made ready may differ.
_SAID = (
    "account_did",
    "rule",
    "zone",
    "draft",
    "pool",
    "starts_at",
    "until",
    "jitter_seconds",
    "late_policy",
    "late_seconds",
)


class Recurrences:
    """Operations on recurrences, slots and settings."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(
        self, new: NewRecurrence, first: NewPost | None = None, *, operation: str | None = None, once: bool = False
    ) -> AddResult:
        """Store a recurrence and the post of its first occurrence (with its `recurrence_id`).

        With `once`, an active one that says the same stands for it: a request may come twice. With an `operation`, this
        can be undone.
        """
        with self._store.writing() as tx:
            locked(tx, new.account_did)
            rows = tx.rows("list_account_recurrences", did=new.account_did) if once else []
            for known in readable(rows, recurrence_of):
                if known.state == "active" and all(getattr(known, name) == getattr(new, name) for name in _SAID):
                    return AddResult(known.id, existed=True)
            recurrence_id = self._add_recurrence(tx, new)
            posts = [] if first is None else [first._replace(recurrence_id=recurrence_id)]
            results = add_posts(tx, self._store.clock, posts)
            if operation is not None:
                note_added(tx, operation, self._store.clock.now(), results, [recurrence_id])
            return AddResult(recurrence_id, existed=False)

    @repeated
    def add_with_posts(
        self,
        posts: Sequence[NewPost],
        recurrences: Sequence[tuple[NewRecurrence, NewPost]],
        *,
        operation: str | None = None,
    ) -> tuple[list[AddResult], list[tuple[int, AddResult]]]:
        """`add` posts, and recurrences with the posts of their first occurrences, in one transaction: all or nothing.

        Returns the results of the posts, and for each recurrence its number and the result of its post.
        """
        with self._store.accepting() as tx:
            for did in sorted({post.account_did for post in posts} | {new.account_did for new, _ in recurrences}):
                locked(tx, did)
            numbers = [self._add_recurrence(tx, new) for new, _ in recurrences]
            firsts = [
                first._replace(recurrence_id=number) for number, (_, first) in zip(numbers, recurrences, strict=True)
            ]
            results = add_posts(tx, self._store.clock, [*posts, *firsts])
            if operation is not None:
                note_added(tx, operation, self._store.clock.now(), results, numbers)
            return results[: len(posts)], list(zip(numbers, results[len(posts) :], strict=True))

    def _add_recurrence(self, tx: Transaction, new: NewRecurrence) -> int:
        row = tx.row(
            "insert_recurrence",
            account_did=new.account_did,
            rule=new.rule,
            zone=new.zone,
            draft=dump_json(new.draft),
            pool=dump_json(list(new.pool)),
            prepared=dump_json(new.prepared),
            starts_at=new.starts_at,
            until=new.until,
            exceptions=dump_json(new.exceptions),
            jitter_seconds=new.jitter_seconds,
            late_policy=new.late_policy,
            late_seconds=new.late_seconds,
            source=new.source,
            now=self._store.clock.now(),
        )
        assert row is not None
        recurrence_id = int(row["id"])
        note_recurrence_author(tx, recurrence_id)
        require_media(tx, set(new.media))
        tx.run_many("insert_recurrence_media", ({"recurrence_id": recurrence_id, "cid": cid} for cid in new.media))
        return recurrence_id

    @repeated
    def add_occurrence(self, recurrence: Recurrence, post: NewPost) -> bool:
        """Store the post of an occurrence.

        Returns False if there is nothing to store: because the occurrence already has a post, or because the recurrence
        was changed or removed since it was read.
        """
        with self._store.writing() as tx:
            locked(tx, recurrence.account_did)
            row = tx.row("get_recurrence", id=recurrence.id)
            if row is None or recurrence_of(row).updated_at != recurrence.updated_at:
                return False
            return not add_posts(tx, self._store.clock, [post._replace(recurrence_id=recurrence.id)])[0].existed

    def get(self, recurrence_id: int) -> Recurrence:
        """One recurrence; raises NotFound."""
        with self._store.reading() as tx:
            row = tx.row("get_recurrence", id=recurrence_id)
        if row is None:
            raise unknown_recurrence(recurrence_id)
        return recurrence_of(row)

    def all(self, account_did: str | None = None) -> list[Recurrence]:
        """All recurrences, or those of one account."""
        with self._store.reading() as tx:
            if account_did is None:
                rows = tx.rows("list_recurrences")
            else:
                rows = tx.rows("list_account_recurrences", did=account_did)
        return readable(rows, recurrence_of)

    def idle(self, recurrence_id: int | None = None) -> list[tuple[Recurrence, datetime]]:
        """Active recurrences without a waiting post, each with the time up to which its occurrences are finished.

        That is the last occurrence with a post, or later if that post went out late, because it also stands for those
        that were missed meanwhile. A post that was moved to later no longer counts as waiting once its original time
        has come. With a number, only that recurrence is checked.
        """
        values: dict[str, Any] = {"now": self._store.clock.now()}
        parts = ["ORDER BY recurrence.id"]
        if recurrence_id is not None:
            parts.insert(0, "AND recurrence.id = :recurrence_id")
            values["recurrence_id"] = recurrence_id
        query = self._store.database.compose("idle_recurrences", *parts)
        with self._store.reading() as tx:
            rows = tx.select(query, values)
        return readable(rows, _idle_of)

    @repeated
    def update(self, recurrence: Recurrence) -> Recurrence:
        """Store a changed copy of a recurrence that was read before (`_replace`); its position stays.

        Raises Conflict if somebody else has changed it since. The post of its next occurrence is left alone.
        """
        with self._store.writing() as tx:
            locked(tx, recurrence.account_did)
            self._update(tx, recurrence, recurrence, self._store.clock.now())
            row = tx.row("get_recurrence", id=recurrence.id)
            assert row is not None
            return recurrence_of(row)

    def _update(self, tx: Transaction, old: Recurrence, new: NewRecurrence | Recurrence, now: datetime) -> None:
        values = {
            "id": old.id,
            "seen": old.updated_at,
            "state": new.state if isinstance(new, Recurrence) else "active",
            "rule": new.rule,
            "zone": new.zone,
            "draft": dump_json(new.draft),
            "pool": dump_json(list(new.pool)),
            "prepared": dump_json(new.prepared),
            "until": new.until,
            "exceptions": dump_json(new.exceptions),
            "jitter_seconds": new.jitter_seconds,
            "late_policy": new.late_policy,
            "late_seconds": new.late_seconds,
            "now": now,
        }
        if tx.run("update_recurrence", **values) != 1:
            raise Conflict(
                f"Recurrence {old.id} was changed or removed meanwhile.",
                code="post.wrong_state",
                hint="Look at it again.",
            )

    @repeated
    def replace(self, old: Recurrence, new: NewRecurrence, first: NewPost) -> Recurrence:
        """Replace a recurrence that was read before; its number and its turn in the pool stay.

        Its waiting posts are cancelled and replaced by `first`. Raises Conflict if somebody else has changed it
        since.
        """
        now = self._store.clock.now()
        with self._store.writing() as tx:
            locked(tx, old.account_did)
            self._update(tx, old, new, now)
            note_recurrence_author(tx, old.id)
            tx.run("forget_recurrence_media", id=old.id)
            require_media(tx, set(new.media))
            tx.run_many("insert_recurrence_media", ({"recurrence_id": old.id, "cid": cid} for cid in new.media))
            if tx.run("withdraw_occurrences", id=old.id, now=now):
                tx.run("give_turn_back", id=old.id)
            add_posts(tx, self._store.clock, [first._replace(recurrence_id=old.id)])
            note_final(
                tx, f"an edit of recurrence {old.id}", now, Hint("Edit it again: ", Do("recurrences.get", old.id))
            )
            update_ready(tx, old.account_did)
            row = tx.row("get_recurrence", id=old.id)
            assert row is not None
            return recurrence_of(row)

    @repeated
    def remove(self, recurrence_id: int) -> int:
        """Remove a recurrence and cancel its waiting posts. Returns how many were cancelled. A post being published
        goes out.
        """
        did = self.get(recurrence_id).account_did
        with self._store.writing() as tx:
            locked(tx, did)
            cancelled = tx.run("cancel_occurrences", id=recurrence_id, now=self._store.clock.now())
            tx.run("delete_recurrence", id=recurrence_id)
            way_back = Hint("Its posts, and their text: ", Do("posts.history"))
            note_final(tx, f"the end of recurrence {recurrence_id}", self._store.clock.now(), way_back)
            update_ready(tx, did)
            return cancelled

    @repeated
    def set_slots(self, account_did: str, slots: Iterable[Slot]) -> None:
        """Replace the weekly slots of an account."""
        with self._store.writing(wake=False) as tx:
            locked(tx, account_did)
            tx.run("delete_slots", did=account_did)
            values = sorted({(slot.weekday, slot.minute): slot for slot in slots}.values())
            tx.run_many(
                "insert_slot",
                ({"did": account_did, "weekday": s.weekday, "minute": s.minute, "zone": s.zone} for s in values),
            )

    def slots(self, account_did: str) -> list[Slot]:
        """The weekly slots of an account, from Monday on."""
        with self._store.reading() as tx:
            rows = tx.rows("list_slots", did=account_did)
        return [Slot(row["weekday"], row["minute"], row["zone"]) for row in rows]


def unknown_recurrence(recurrence_id: int) -> NotFound:
    """The error about a number that no recurrence has."""
    return NotFound(
        f"There is no recurrence {named(recurrence_id)}.",
        code="recurrence.unknown",
        hint=Hint("See: ", Do("recurrences.list")),
    )


@reads("recurrence")
def _idle_of(row: Row) -> tuple[Recurrence, datetime]:
    recurrence = recurrence_of(row)
    return recurrence, _done_until(row) or recurrence.created_at


def _done_until(row: Row) -> datetime | None:
    last, due_at, published_at = (time_of(row[f"last_{name}"]) for name in ("occurrence", "due_at", "published_at"))
    if last is None or due_at is None or published_at is None:
        return last
    return last + max(published_at - due_at, timedelta())
