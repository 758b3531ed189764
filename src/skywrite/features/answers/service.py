"""Replies, mentions and quotes of our posts: collected, answered through the queue, and passed to a program's function.

What lives here: replying, and the worker's task. What does not: reading notifications (`collecting`), what a bot may
answer (`answering`), the ledger (`store`), registering a function (`app.listeners`).
"""

from __future__ import annotations

import builtins
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from skywrite.app.bots import Answerer, Item, Later, Like, Repost
from skywrite.app.context import Context
from skywrite.app.deleting import NotThere, delete
from skywrite.app.drafting import Drafting
from skywrite.app.entries import entries, entry_of
from skywrite.app.kinds import checked
from skywrite.app.results import Entry
from skywrite.app.rows import Rows
from skywrite.app.undoing import final
from skywrite.app.work import Periodic, WorkParts
from skywrite.core.errors import ENDED, Conflict, Do, InputError, SkywriteError, Unexpected
from skywrite.features import homes
from skywrite.features.answers.answering import Answering, Limits, hidden
from skywrite.features.answers.collecting import collect
from skywrite.features.answers.store import HANDLE_TRIES, NOTHING_TO_SAY, InboxItem, InboxItems
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.gated import NOBODY
from skywrite.posting.compose.references import parse_reference
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.rounds import Turn
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.atproto.xrpc_errors import RecordNotFound
from skywrite.queue.approval_rules import ANSWER_SOURCE, ANSWERS, NOT_APPROVED, TRIAL, wants_approvals
from skywrite.queue.database import is_about_one
from skywrite.queue.identities import FUNCTION_ANSWERS
from skywrite.queue.model import Account

SETTING = "inbox"
NO_DEEDS = "A bot on trial only replies; it does not like or repost yet."
# Answers that go with what they answer: how often to look, how many at once, and for how long.
LOOK_EVERY = timedelta(minutes=5)
LOOK_AT_ONCE = 25
LOOKED_AT_FOR = timedelta(days=7)
ABOVE_MAX = 5


class Talk(NamedTuple):
    """A conversation. `above` is what it is about, the oldest first; each item has the post that answers it."""

    account: Account
    subject: str | None
    above: tuple[InboxItem | Entry, ...]
    items: tuple[tuple[InboxItem, Entry | None], ...]


@checked("inbox")
class Inbox:
    """What others wrote about our posts."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    @property
    def _stored(self) -> InboxItems:
        return InboxItems(self._ctx.store)

    def collect(self, account: str | None = None) -> int:
        """Fetch what is new. Returns how many items are."""
        return collect(self._ctx, self._ctx.account(account))

    def list(
        self, *, everything: bool = False, account: str | None = None, limit: int = 100
    ) -> builtins.list[InboxItem]:
        """What waits for an answer, the oldest first; with `everything` also what is done with, the latest first."""
        did = self._ctx.did(account)
        return self._stored.list(everything=everything, account_did=did, limit=limit)

    def waiting(self, account: str | None = None) -> int:
        """How many items wait for an answer; of very many, 1,000."""
        return self._stored.waiting(self._ctx.did(account))

    def talks(self, items: Sequence[InboxItem]) -> builtins.list[Talk]:
        """The items by what they are about, with what stands above them, as far as the queue knows it."""
        accounts = {account.did: account for account in self._ctx.store.accounts.all()}
        together: dict[tuple[str, str], builtins.list[InboxItem]] = {}
        for item in items:
            together.setdefault((item.account_did, item.subject or item.uri), []).append(item)
        return [
            Talk(
                accounts[did],
                group[0].subject,
                self._above(accounts[did], group[0].subject, ABOVE_MAX),
                tuple((item, self._answer_to(item)) for item in group),
            )
            for (did, _), group in together.items()
        ]

    def _above(self, account: Account, uri: str | None, left: int) -> tuple[InboxItem | Entry, ...]:
        post = self._ctx.store.posts.published_as(account.did, uri) if uri and left > 0 else None
        if post is None:
            return ()
        asked = self._stored.answered_by(post.id)
        before = () if asked is None else (*self._above(account, asked.subject, left - 1), asked)
        return (*before, *entries(self._ctx, [post]))

    def _answer_to(self, item: InboxItem) -> Entry | None:
        return None if item.answer_id is None else entry_of(self._ctx, item.answer_id)

    def get(self, item_id: int) -> InboxItem:
        """One item. Raises NotFound."""
        return self._stored.get(item_id)

    @final("the answer to item {item_id} of the inbox", "Cancel it: ", Do("posts.cancel", "{done.post.id}"))
    def answer(
        self, item_id: int, text: str = "", *, at: str | datetime | None = None, as_draft: bool = False, **draft: Any
    ) -> Entry:
        """Reply through the queue, now or at a time; the same reply again adds nothing, and the item is done.

        With `as_draft` the reply waits for somebody who schedules it, and the item stays in the inbox until then.
        """
        item = self._stored.get(item_id)
        account = self._ctx.store.accounts.get(item.account_did)
        due_at = None if as_draft else self._drafting.when(account, self._ctx.clock.now() if at is None else at)
        return self._add(item, account, {"text": text, **draft}, due_at)

    @final("the end of item {item_id} of the inbox", "What still waits: ", Do("inbox.list"))
    def done(self, item_id: int) -> InboxItem:
        """Mark it as done: it needs no reply. Raises NotFound."""
        return self._stored.settle(item_id, "done")

    @final("the wait of item {item_id} of the inbox", "See: ", Do("inbox.list"))
    def snooze(self, item_id: int, until: str | datetime) -> InboxItem:
        """Show it again later. Raises NotFound, InvalidTime."""
        item = self._stored.get(item_id)
        at = self._drafting.when(self._ctx.store.accounts.get(item.account_did), until)
        return self._stored.settle(item_id, "new", snoozed_until=at)

    def _add(self, item: InboxItem, account: Account, row: Mapping[str, Any], due_at: datetime | None) -> Entry:
        given = {"card": "none", **row, "reply_to": item.uri}
        ready = self._drafting.prepare(self._drafting.draft(account, given), account)
        self._drafting.keep_media([ready])
        digest = sha256(str(row["text"]).encode()).hexdigest()[:32]
        key = f"{'inbox' if due_at else 'inbox draft'}:{item.uri}:{digest}"[:500]
        new = self._drafting.new_post(ready, due_at=due_at, key=key, source="inbox")
        return entry_of(self._ctx, self._stored.answer(item.id, new))

    def answer_by(self, answerer: Answerer, item: Item, stored: InboxItem) -> bool:
        """Give a claimed item to one way of answering, and post what it returns: once, however often it is called.

        Returns whether it answered.
        """
        given = answerer.answer(item)
        if given is None:
            return False
        account = self._ctx.store.accounts.get(stored.account_did)
        look_at = self._ctx.clock.now() + LOOK_EVERY if answerer.retract else None
        if isinstance(given, Repost | Like):
            if account.settings.get(ANSWERS) == TRIAL:
                self._stored.pass_over(stored, NO_DEEDS)
            else:
                self._stored.answer_claimed(stored, "like" if isinstance(given, Like) else "repost")
            return True
        row = given._replace(reply_to=item.uri) if isinstance(given, Draft) else {**given, "reply_to": item.uri}
        key = f"{FUNCTION_ANSWERS}{item.uri}"[:500]
        rows = Rows(self._ctx, self._drafting)
        new, notices = rows.accept(
            row, base=answerer.base, account=stored.account_did, now=True, key=key, source=ANSWER_SOURCE
        )
        if NOBODY in notices:
            self._stored.pass_over(stored, NOBODY)
            return True
        # An answer that waited for somebody for too long is for nobody.
        late = int(Limits.of(account).answer_within.total_seconds())
        self._stored.answer_claimed(stored, new._replace(late_policy="skip", late_seconds=late), look_at)
        self._stored.handled(stored)
        return True

    def take_back(self, account: Account) -> int:
        """Take back answers whose items were deleted, where that was asked for. Returns how many."""
        items = self._stored.to_look_at(account.did, LOOK_AT_ONCE)
        there = set(self._views(account, [item.uri for item in items])) if items else set()
        now, taken = self._ctx.clock.now(), 0
        for item in items:
            if item.uri in there or self._is_there(account, item):
                age = now - (item.answered_at or now)
                self._stored.look_again(item, None if age > LOOKED_AT_FOR else now + max(LOOK_EVERY, age / 4))
                continue
            if self._is_over(item):
                self._stored.look_again(item, None)
                taken += 1
        return taken

    def drop_stale(self, account: Account) -> int:
        """Cancel answers that waited for an approval for too long: nobody waits for them. Returns how many."""
        if not wants_approvals(account.settings):
            return 0
        before, dropped = self._ctx.clock.now() - Limits.of(account).answer_within, 0
        for post in self._ctx.store.listing.all_posts(("held",), account_did=account.did, source=ANSWER_SOURCE):
            if post.problem is not None and post.problem.code == NOT_APPROVED and (post.due_at or before) < before:
                with suppress(Conflict):
                    self._ctx.store.posts.cancel(post.id)
                    dropped += 1
        return dropped

    def hidden(self, account: Account, item: InboxItem) -> str | None:
        """Why an answer would reach nobody, by how the network shows an item now; None if it cannot be asked."""
        try:
            views = self._views(account, [item.uri])
        except SkywriteError:
            return None
        return hidden(views[item.uri]) if item.uri in views else None

    def _views(self, account: Account, uris: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """How the network shows posts to an account; without those that it does not show."""
        found = self._ctx.agent(account).query("app.bsky.feed.getPosts", {"uris": builtins.list(uris)}).get("posts")
        views = (view for view in found if isinstance(view, Mapping)) if isinstance(found, builtins.list) else ()
        return {str(view.get("uri")): view for view in views}

    def _is_there(self, account: Account, item: InboxItem) -> bool:
        """Whether an item that the network does not show is in the repository of its author."""
        authority, collection, rkey = parse_reference(item.uri)
        try:
            Repo(self._ctx.agent(account)).get(collection, rkey, repo=authority)
        except RecordNotFound:
            return False
        return True

    def _is_over(self, item: InboxItem) -> bool:
        """Take an answer back. Returns False if it is just being sent: another look will do it."""
        post = None if item.answer_id is None else self._ctx.store.posts.get(item.answer_id)
        if post is None or post.state in ("cancelled", "failed"):
            return True
        try:
            if post.state == "published":
                delete(self._ctx, post.id, item.account_did)
            else:
                self._ctx.store.posts.cancel(post.id)
        except NotThere:
            return True
        except Conflict:
            return False
        return True


@dataclass
class InboxTask(Periodic):
    """The worker's work (`publish.rounds.Work`) of collecting, once a minute, and of letting a bot answer. Only for
    accounts with `inbox=yes`, or if there is something that answers.
    """

    every = timedelta(minutes=1)
    ctx: Context
    inbox: Inbox
    answerers: Callable[[], Sequence[Answerer]]
    log: Log = silent
    kind: str = field(default="inbox", init=False)
    _collected: deque[tuple[Account, bool]] = field(default_factory=deque, init=False)
    _calling: threading.Lock = field(default_factory=threading.Lock, init=False)

    def due(self) -> builtins.list[Turn]:
        """The accounts."""
        self.begin()
        return [Turn(account.did, account.pds_url, account) for account in self._wanted()]

    def take(self, turn: Turn) -> SkywriteError | None:
        """Collect for an account, then call the functions; a problem with one item does not stop the others."""
        error = self._collect(turn.what)
        if answerers := self.answerers():
            self._collected.append((turn.what, error is None))
            self._answer_all(answerers)
        return error

    def _answer_all(self, answerers: Sequence[Answerer]) -> None:
        """Answer for the accounts whose turn it was, in one thread at a time: a program expects no others.

        Nobody waits for a function: whoever calls one goes on with what was collected meanwhile.
        """
        while self._collected and self._calling.acquire(blocking=False):
            try:
                ours = {account.did for account in self.ctx.store.accounts.all()}
                while self._collected:
                    account, collected = self._collected.popleft()
                    if self._has_started(account, answerers, collected):
                        current = self.ctx.store.accounts.get(account.did)
                        self._answer(account, Answering(self.ctx, current, ours, answerers, self.log))
                        self._tidy(current)
            finally:
                self._calling.release()

    def _has_started(self, account: Account, answerers: Sequence[Answerer], collected: bool) -> bool:
        """Whether an account is answered. What answers begins once what was there before is known."""
        items = InboxItems(self.ctx.store)
        started = items.started(account.did)
        new = [one.name for one in answerers if one.name not in started]
        if new and collected and not items.place(account.did).gaps:
            if account.settings.get(ANSWERS) is None:
                self.ctx.store.accounts.set_settings(account.did, {ANSWERS: TRIAL})
            items.start(account.did, new, first=len(new) == len(answerers))
            self.log("answers_start", account=account.handle, functions=", ".join(new))
            return True
        return len(new) < len(answerers)

    def _answer(self, account: Account, answering: Answering) -> None:
        """Answer what came for an account."""
        items = InboxItems(self.ctx.store)
        while (why := answering.why_wait()) is None:
            item = items.claim(account.did, answering.why_not, worker=self.ctx.worker_name)
            if item is None:
                return
            self._hand_out(account, answering, item)
            answering.answered()
        self.log("answers_wait", account=account.handle, why=why)

    def _tidy(self, account: Account) -> None:
        """Take back what goes with what was deleted, and drop what nobody waits for."""
        for what, step in (("answers_taken_back", self.inbox.take_back), ("answers_dropped", self.inbox.drop_stale)):
            try:
                count = step(account)
            except SkywriteError as error:
                self.log("inbox_failed", account=account.handle, **error.facts)
            else:
                if count:
                    self.log(what, account=account.handle, count=count)

    def _wanted(self) -> list[Account]:
        """The accounts that ask for it; where something answers, all that do not refuse."""
        store = self.ctx.store
        if not self.answerers():
            return [account for account in store.accounts.with_setting(SETTING) if account.settings[SETTING]]
        able = (account for account in store.accounts.all() if account.signed_in and account.state == "ok")
        return [account for account in able if account.settings.get(SETTING) is not False]

    def _collect(self, account: Account) -> SkywriteError | None:
        try:
            added = self.inbox.collect(account.did)
        except SkywriteError as error:
            self.log("inbox_failed", account=account.handle, **error.facts)
            return error
        if added:
            self.log("inbox", account=account.handle, added=added)
        return None

    def _hand_out(self, account: Account, answering: Answering, stored: InboxItem) -> None:
        """Give an item to each way of answering in turn, until one answers; one item's problem stops no other."""
        items = InboxItems(self.ctx.store)
        try:
            if (why := self.inbox.hidden(account, stored)) is not None:
                items.pass_over(stored, why)
                return
            item = answering.item(stored)
            for answerer in answering.those_for(item):
                if self.inbox.answer_by(answerer, item, stored):
                    return
            items.pass_over(stored, NOTHING_TO_SAY)
        except Later as later:
            items.postpone(stored, self.ctx.clock.now() + later.wait)
        except Exception as found:
            if not is_about_one(found):
                raise
            error = Unexpected.of(found)
            self.log("answer_failed", item=stored.id, **error.facts)
            given_up = isinstance(error, InputError) or stored.tries >= HANDLE_TRIES
            if given_up and not isinstance(error, ENDED):
                items.pass_over(stored, error.message)


def works(parts: WorkParts) -> InboxTask:
    """The work of a worker: what a program answers, and then what others bring."""

    def answerers() -> list[Answerer]:
        return [*parts.answers, *(one for brought in homes("answerers") for one in brought(parts))]

    return InboxTask(parts.context, Inbox(parts.context, parts.drafting), answerers, parts.log)
