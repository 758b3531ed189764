"""The inbox: what others wrote about our posts, each item once, until it is done.

What lives here: the ledger, how far each account's notifications were read, and claiming items for a program's
function. What does not: fetching them (`collecting`), which of them a function may answer (`answering`).
"""

from __future__ import annotations

import builtins
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from skywrite.core.clock import to_iso
from skywrite.core.errors import Do, Hint, NotFound
from skywrite.core.shown import named
from skywrite.queue import identities
from skywrite.queue.actions import act_on
from skywrite.queue.adding import add_posts
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.events import note_event
from skywrite.queue.model import NewPost
from skywrite.queue.reading import SET_ASIDE, UnreadableRow, json_of, readable, reads
from skywrite.queue.rows import dump_json

KEPT = timedelta(days=365)

REASONS = ("reply", "mention", "quote")
HANDLE_SECONDS = 300.0
HANDLE_TRIES = 3
LOOKED_AT_MAX = 500
LOOKED_AT_ONCE = 20
COUNT_MAX = 1000
SEEN_BEFORE = "It was there before the function."
NOTHING_TO_SAY = "What answers had nothing to say."


def unknown_item(item_id: int) -> NotFound:
    """The error about a number that nothing in the inbox has."""
    return NotFound(
        f"There is nothing with the number {named(item_id)} in the inbox.",
        code="inbox.item_unknown",
        hint=Hint("See: ", Do("inbox.list")),
    )


class More(NamedTuple):
    """What a bot may ask for besides: the author's name and whether we follow them, languages, images (each with its
    description and address), and whether the item quotes a post of ours.
    """

    name: str = ""
    followed: bool = False
    langs: tuple[str, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    quotes_us: bool = False

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> More:
        """As it is stored. Raises ValueError."""
        more = cls(**stored)
        images = tuple((alt, url) for alt, url in more.images)
        texts = [more.name, *more.langs, *(text for image in images for text in image)]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("not texts")
        return more._replace(langs=tuple(more.langs), images=images)


class NewItem(NamedTuple):
    """Something that others wrote. `subject` is our post that it is about, `parent` what it replies to directly, `root`
    where its conversation begins (itself, if it is no reply), `labels` what its author is said to be.
    """

    account_did: str
    uri: str
    cid: str
    reason: str
    author_did: str
    author_handle: str
    text: str
    subject: str | None
    indexed_at: datetime
    parent: str | None = None
    root: str | None = None
    labels: tuple[str, ...] = ()
    more: More = More()


class InboxItem(NamedTuple):
    """An item of the inbox. `answer_id` is the post that replies to it, and `answers` how many there are.

    `answered_at`: when a function answered it. `passed`: why no function gets it. `again_at`: when one wants it again.
    """

    id: int
    account_did: str
    uri: str
    cid: str
    reason: str
    author_did: str
    author_handle: str
    text: str
    subject: str | None
    indexed_at: datetime
    state: str
    snoozed_until: datetime | None
    answer_id: int | None
    tries: int
    parent: str | None
    root: str | None
    labels: tuple[str, ...]
    passed: str | None
    answered_at: datetime | None
    answers: int
    again_at: datetime | None
    more: More


class Place(NamedTuple):
    """How far an account's notifications were read: everything until `until`, but for what is below the `gaps`, the
    newest first.
    """

    gaps: tuple[str, ...] = ()
    until: datetime | None = None


class Given(NamedTuple):
    """How many answers the functions of an account gave in some time: to each person, and in each conversation."""

    to: Counter[str]
    below: Counter[str]


class _DealtWith(Exception):
    """Somebody has dealt with the item meanwhile: the transaction must be rolled back."""


class InboxItems:
    """The inbox of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(self, items: Sequence[NewItem], place: Place | None = None, before: Place | None = None) -> int:
        """Store the new items, and in the same transaction how far they were read. Returns how many were new.

        `before`: how far they were read when this reader began or noted it last.
        """
        fresh = self.unknown(items)
        if not fresh and place is None:
            return 0
        with self._store.writing(wake=False) as tx:
            # Lists come newest first; who wrote first is answered first.
            added = 0
            for item in reversed(fresh):
                if tx.run("insert_inbox", **_values(item)) == 1:
                    added += 1
                    # What was there at the first look is no news.
                    if before is not None and before.until is not None:
                        _tell(tx, self._store.clock.now(), item)
            if place is not None and items:
                _put_place(tx, items[0].account_did, place, before or Place())
            return added

    def unknown(self, items: Sequence[NewItem]) -> builtins.list[NewItem]:
        """Those of the items that were not added before."""
        with self._store.reading() as tx:
            return [item for item in items if tx.row("known_inbox", account_did=item.account_did, uri=item.uri) is None]

    def list(
        self, *, everything: bool = False, account_did: str | None = None, limit: int = 100
    ) -> builtins.list[InboxItem]:
        """What waits for an answer, the oldest first; or everything, the latest first."""
        values = {"account_did": account_did or "", "limit": limit}
        with self._store.reading() as tx:
            if everything:
                return readable(tx.rows("list_whole_inbox", **values), _item_of)
            return readable(tx.rows("list_inbox", now=self._store.clock.now(), **values), _item_of)

    def waiting(self, account_did: str | None = None) -> int:
        """How many items wait for an answer; more than 1,000 are not counted."""
        values = {"account_did": account_did or "", "limit": COUNT_MAX}
        with self._store.reading() as tx:
            row = tx.row("count_inbox", now=self._store.clock.now(), **values)
        return 0 if row is None else int(row["waiting"])

    def answered_by(self, post_id: int) -> InboxItem | None:
        """What a post of ours answers."""
        with self._store.reading() as tx:
            row = tx.row("answered_by", post_id=post_id)
        return None if row is None else _item_of(row)

    def get(self, item_id: int) -> InboxItem:
        """One item. Raises NotFound."""
        with self._store.reading() as tx:
            return _get(tx, item_id)

    def settle(self, item_id: int, state: str, *, snoozed_until: datetime | None = None) -> InboxItem:
        """Mark it as done, or to be shown again later. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            _get(tx, item_id)
            values = {"state": state, "snoozed_until": snoozed_until, "now": self._store.clock.now()}
            tx.run("settle_inbox", id=item_id, **values)
            return _get(tx, item_id)

    def answer(self, item_id: int, post: NewPost) -> int:
        """Store a person's reply; a draft leaves the item in the inbox. Returns the post's number.

        The first one has the identity of the answer that a function would give, so that there is one of the two; a
        person may write more. Raises NotFound.
        """
        with self._store.writing() as tx:
            item = _get(tx, item_id)
            number = item.answers + 1
            identity = identities.of_answer(item.account_did, item.uri, number)
            (added,) = add_posts(tx, self._store.clock, [post._replace(identity=identity)])
            state, answers = "new" if post.due_at is None else "done", item.answers if added.existed else number
            values = {"state": state, "answer_id": added.id, "answers": answers, "now": self._store.clock.now()}
            tx.run("answer_inbox", id=item_id, **values)
            return added.id

    def answer_claimed(
        self, item: InboxItem, answer: NewPost | str, look_at: datetime | None = None, *, trial: int = 0
    ) -> bool:
        """Store a bot's answer to an item that was claimed for it: a reply, or `repost` or `like`.

        The answer and what is noted of it are in one transaction. Returns False if somebody has dealt with the item
        meanwhile. `look_at`: when to see whether it is still there. `trial`: with so many answers the account's trial
        ends; 0 where it is not on trial.
        """
        now = self._store.clock.now()
        identity = identities.of_answer(item.account_did, item.uri)
        values = {"id": item.id, "was": item.tries, "now": now, "look_at": look_at, "answer_id": None}
        try:
            with self._store.writing() as tx:
                if isinstance(answer, str):
                    act_on(tx, item.account_did, answer, item.uri, item.cid, identities.key_of(identity), now)
                else:
                    (added,) = add_posts(tx, self._store.clock, [answer._replace(identity=identity)])
                    values["answer_id"] = added.id
                if tx.run("answer_inbox_by_function", **values) != 1:
                    raise _DealtWith
                if trial and _answered_ever(tx, item.account_did, trial + 1) == trial:
                    note_event(tx, "answers.trial_ended", now, {"answers": trial}, account_did=item.account_did)
        except _DealtWith:
            return False
        return True

    def answered_ever(self, account_did: str, limit: int) -> int:
        """How many items of an account a bot answered at all, up to a limit."""
        with self._store.reading() as tx:
            return _answered_ever(tx, account_did, limit)

    def to_look_at(self, account_did: str, limit: int) -> builtins.list[InboxItem]:
        """The answered items of which it is time to see whether they are still there."""
        with self._store.reading() as tx:
            values = {"account_did": account_did, "now": self._store.clock.now(), "limit": limit}
            return readable(tx.rows("inbox_to_look_at", **values), _item_of)

    def look_again(self, item: InboxItem, at: datetime | None) -> None:
        """Note when to look again whether an item is still there; None is never."""
        with self._store.writing(wake=False) as tx:
            tx.run("look_at_inbox", id=item.id, look_at=at)

    def claim(
        self, account_did: str, why_not: Callable[[InboxItem], str | None], *, worker: str = ""
    ) -> InboxItem | None:
        """Claim the next item that no function has handled, for five minutes; after three tries it is left alone.

        An item for which `why_not` gives a reason is passed over for good; after many of them, the rest is for another
        time. A flood is noted in one transaction, so that it delays no post and no other account.
        """
        now = self._store.clock.now()
        passed, unreadable, row = builtins.list[tuple[InboxItem, str]](), builtins.list[int](), None
        for row in self._unhandled(account_did, now):
            try:
                item = _item_of(row)
            except UnreadableRow:
                unreadable.append(row["id"])
                continue
            why = why_not(item)
            if why is None:
                break
            passed.append((item, why))
        else:
            row = None
        if row is None and not passed and not unreadable:
            return None
        with self._store.writing(wake=False) as tx:
            for number in unreadable:
                tx.run("set_aside_inbox", id=number, until=now + SET_ASIDE)
            for item, why in passed:
                tx.run("pass_inbox", id=item.id, why=why, now=now)
            if row is None:
                return None
            until = now + timedelta(seconds=HANDLE_SECONDS)
            taken = tx.row("lease_unhandled", id=row["id"], was=row["tries"], until=until, worker=worker)
        return None if taken is None else _item_of(taken)

    def _unhandled(self, account_did: str, now: datetime) -> Iterator[Row]:
        """The items of an account for functions, in order, up to a number."""
        values = {"account_did": account_did, "now": now, "tries": HANDLE_TRIES}
        after, left = 0, LOOKED_AT_MAX
        while left:
            with self._store.reading() as tx:
                rows = tx.rows("next_unhandled", after=after, limit=min(left, LOOKED_AT_ONCE), **values)
            yield from rows
            if len(rows) < LOOKED_AT_ONCE:
                return
            after, left = rows[-1]["id"], left - len(rows)

    def pass_over(self, item: InboxItem, why: str) -> None:
        """Record that a function gets an item no more, and why."""
        with self._store.writing(wake=False) as tx:
            tx.run("pass_inbox", id=item.id, why=why, now=self._store.clock.now())

    def handled(self, item: InboxItem) -> None:
        """Record that a function has handled it."""
        with self._store.writing(wake=False) as tx:
            tx.run("handled_inbox", id=item.id, was=item.tries, now=self._store.clock.now())

    def given(self, account_did: str, since: datetime) -> Given:
        """What functions answer now, and have answered since a time."""
        with self._store.reading() as tx:
            rows = tx.rows("answers_since", account_did=account_did, since=since, now=self._store.clock.now())
        return Given(Counter(row["author_did"] for row in rows), Counter(row["root"] for row in rows))

    def said_before(self, item: InboxItem, since: datetime) -> bool:
        """Whether its author wrote the same words and was answered by a function since a time."""
        values = {"account_did": item.account_did, "author_did": item.author_did, "text": item.text, "since": since}
        with self._store.reading() as tx:
            return tx.row("same_words_answered", **values) is not None

    def prune(self, before: datetime) -> int:
        """Forget items from before a time; they are not read again. Returns how many."""
        with self._store.writing(wake=False) as tx:
            return tx.run("forget_inbox", before=before)

    def place(self, account_did: str) -> Place:
        """How far an account's notifications were read."""
        with self._store.reading() as tx:
            return _place(tx, account_did)

    def put_place(self, account_did: str, place: Place, before: Place) -> None:
        """Note how far they were read, as `add` does."""
        with self._store.writing(wake=False) as tx:
            _put_place(tx, account_did, place, before)

    def started(self, account_did: str) -> dict[str, int]:
        """What answers an account, and the number of the item after which each began."""
        with self._store.reading() as tx:
            rows = tx.rows("list_inbox_functions", account_did=account_did)
        return {row["name"]: row["after_id"] for row in rows}

    def start(self, account_did: str, names: Collection[str], *, first: bool) -> None:
        """From now on, these answer what comes to an account. If they are the first, what is there was seen before."""
        now = self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            if first:
                tx.run("pass_whole_inbox", account_did=account_did, why=SEEN_BEFORE, now=now)
            last = tx.row("last_inbox", account_did=account_did)
            assert last is not None
            for name in names:
                tx.run("put_inbox_function", account_did=account_did, name=name, now=now, after_id=last["id"])

    def postpone(self, item: InboxItem, until: datetime) -> None:
        """Leave a claimed item alone until a time; then it is as new."""
        with self._store.writing(wake=False) as tx:
            tx.run("postpone_inbox", id=item.id, was=item.tries, until=until)


def _tell(tx: Transaction, now: datetime, item: NewItem) -> None:
    """The event about a new item: the whole of it but for whose it is, which every event says."""
    row = tx.row("known_inbox", account_did=item.account_did, uri=item.uri)
    assert row is not None
    data = {"id": row["id"], **item._asdict(), "labels": list(item.labels), "indexed_at": to_iso(item.indexed_at)}
    del data["account_did"]
    note_event(tx, "inbox.received", now, data, account_did=item.account_did, subject_id=row["id"])


def _answered_ever(tx: Transaction, account_did: str, limit: int) -> int:
    row = tx.row("count_answers", account_did=account_did, limit=limit)
    return 0 if row is None else int(row["answers"])


def _get(tx: Transaction, item_id: int) -> InboxItem:
    row = tx.row("get_inbox", id=item_id)
    if row is None:
        raise unknown_item(item_id)
    return _item_of(row)


def _place(tx: Transaction, account_did: str) -> Place:
    row = tx.row("get_inbox_place", account_did=account_did)
    return Place() if row is None else Place(tuple(json_of(row["gaps"], list)), time_of(row["until"]))


def _put_place(tx: Transaction, account_did: str, place: Place, before: Place) -> None:
    """Another reader may have noted something meanwhile: its gaps stay, and so does how far both have come."""
    current = _place(tx, account_did)
    if current != before:
        theirs = tuple(gap for gap in current.gaps if gap not in place.gaps and gap not in before.gaps)
        place = Place((*place.gaps, *theirs), current.until)
    tx.run("put_inbox_place", account_did=account_did, gaps=dump_json(list(place.gaps)), until=place.until)


def _values(item: NewItem) -> dict[str, Any]:
    return {**item._asdict(), "labels": dump_json(item.labels), "more": dump_json(item.more._asdict())}


@reads("inbox")
def _item_of(row: Row) -> InboxItem:
    indexed_at = time_of(row["indexed_at"])
    assert indexed_at is not None
    read: dict[str, Any] = {
        "indexed_at": indexed_at,
        "snoozed_until": time_of(row["snoozed_until"]),
        "labels": tuple(json.loads(row["labels"])),
        "answered_at": time_of(row["answered_at"]),
        "again_at": time_of(row["again_at"]),
        "more": More.read(json_of(row["more"], dict)),
    }
    return InboxItem(**{name: row[name] for name in InboxItem._fields if name not in read}, **read)


def prune(store: StoreBase, now: datetime) -> None:
    """Drop items that were settled long ago."""
    InboxItems(store).prune(now - KEPT)
