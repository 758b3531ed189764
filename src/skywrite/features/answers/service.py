"""Replies, mentions and quotes of our posts: collected, answered through the queue, and passed to a program's function.

What lives here: replying, and taking answers back. What does not: reading notifications (`collecting`), what a bot may
answer (`bot.answering`), the ledger (`store`), the worker's work (`task`).
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from skywrite.app.bots import Answerer, Author, Item, Later, Like, Repost
from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.entries import entries, entry_of
from skywrite.app.nouns import checked, final
from skywrite.app.published import NotThere, delete
from skywrite.app.results import Entry
from skywrite.app.rows import Rows
from skywrite.app.work import WorkParts
from skywrite.core.errors import Conflict, Do, SkywriteError
from skywrite.features import homes
from skywrite.features.answers.bot.answering import DAY, PAUSED, TRIAL_ANSWERS, Answering, Limits, hidden, not_for_us
from skywrite.features.answers.collecting import collect
from skywrite.features.answers.store import InboxItem, InboxItems
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.gated import NOBODY
from skywrite.posting.compose.references import parse_reference
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.atproto.xrpc_errors import RecordNotFound
from skywrite.queue.approval_rules import ANSWER_SOURCE, ANSWERS, NOT_APPROVED, TRIAL, wants_approvals
from skywrite.queue.authors import written_for
from skywrite.queue.identities import FUNCTION_ANSWERS
from skywrite.queue.model import Account

SETTING = "inbox"
GONE = "It was deleted before it could be answered."
NO_DEEDS = "A bot on trial only replies; it does not like or repost yet."
# Answers that go with what they answer: how often to look, how many at once, and for how long.
LOOK_EVERY = timedelta(minutes=5)
LOOK_AT_ONCE = 25
LOOKED_AT_FOR = timedelta(days=7)
ABOVE_MAX = 5


def is_collected(account: Account) -> bool:
    """Whether a worker collects for an account: it was asked to, or a bot has begun to answer there."""
    wanted = account.settings.get(SETTING)
    return bool(wanted) or (wanted is None and ANSWERS in account.settings)


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
        fields = {"card": "none", **row, "reply_to": item.uri}
        ready = self._drafting.prepare(self._drafting.draft(account, fields), account)
        self._drafting.keep_media([ready])
        digest = sha256(str(row["text"]).encode()).hexdigest()[:32]
        key = f"{'inbox' if due_at else 'inbox draft'}:{item.uri}:{digest}"[:500]
        new = self._drafting.new_post(ready, due_at=due_at, key=key, source="inbox")
        return entry_of(self._ctx, self._stored.answer(item.id, new))

    def answer_by(self, answerer: Answerer, item: Item, stored: InboxItem) -> bool:
        """Give a claimed item to one way of answering, and post what it returns: once, however often it is called.

        Returns whether it answered.
        """
        answer = answerer.answer(item)
        if answer is None:
            return False
        account = self._ctx.store.accounts.get(stored.account_did)
        look_at = self._ctx.clock.now() + LOOK_EVERY if answerer.retract else None
        if isinstance(answer, Repost | Like):
            if account.settings.get(ANSWERS) == TRIAL:
                self._stored.pass_over(stored, NO_DEEDS)
            else:
                self._stored.answer_claimed(stored, "like" if isinstance(answer, Like) else "repost")
            return True
        row = answer._replace(reply_to=item.uri) if isinstance(answer, Draft) else {**answer, "reply_to": item.uri}
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
        trial = TRIAL_ANSWERS if account.settings.get(ANSWERS) == TRIAL else 0
        with written_for(answerer.agent):
            self._stored.answer_claimed(
                stored, new._replace(late_policy="skip", late_seconds=late), look_at, trial=trial
            )
        self._stored.handled(stored)
        return True

    def take_back(self, account: str | None = None) -> int:
        """Take back answers whose items were deleted, where that was asked for. Returns how many."""
        return self._take_back(self._ctx.account(account))

    def _take_back(self, account: Account) -> int:
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

    def drop_stale(self, account: str | None = None) -> int:
        """Cancel answers that waited for an approval for too long: nobody waits for them. Returns how many."""
        return self._drop_stale(self._ctx.account(account))

    def _drop_stale(self, account: Account) -> int:
        if not wants_approvals(account.settings):
            return 0
        before, dropped = self._ctx.clock.now() - Limits.of(account).answer_within, 0
        for post in self._ctx.store.listing.all_posts(("held",), account_did=account.did, source=ANSWER_SOURCE):
            if post.problem is not None and post.problem.code == NOT_APPROVED and (post.due_at or before) < before:
                with suppress(Conflict):
                    self._ctx.store.posts.cancel(post.id)
                    dropped += 1
        return dropped

    def hidden(self, item: InboxItem) -> str | None:
        """Why an answer would reach nobody, by how the network shows an item now; None if it cannot be asked."""
        account = self._ctx.store.accounts.get(item.account_did)
        try:
            views = self._views(account, [item.uri])
            if item.uri in views:
                return hidden(views[item.uri])
            return self._blocked(account, item) if self._is_there(account, item) else GONE
        except SkywriteError:
            return None

    def _blocked(self, account: Account, item: InboxItem) -> str | None:
        """Who blocked whom, if that is why the network does not show an item; its thread has a word in its place."""
        parameters: dict[str, Any] = {"uri": item.uri, "depth": 0, "parentHeight": 0}
        view = self._ctx.agent(account).query("app.bsky.feed.getPostThread", parameters).get("thread")
        return hidden(view) if isinstance(view, Mapping) else None

    def _views(self, account: Account, uris: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """How the network shows posts to an account; without those that it does not show."""
        posts = self._ctx.agent(account).query("app.bsky.feed.getPosts", {"uris": builtins.list(uris)}).get("posts")
        views = (view for view in posts if isinstance(view, Mapping)) if isinstance(posts, builtins.list) else ()
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


class Bot(NamedTuple):
    """What answers for an account. `state`: on, trial or paused; `why`: why it answers nothing now.

    `today`: how many answers it gave within a day; `waiting`: how many of them wait for an approval.
    """

    account: Account
    state: str
    today: int
    waiting: int
    why: str | None


class Tried(NamedTuple):
    """What one way of answering says to an item: an answer, nothing, or what went wrong."""

    name: str
    answer: str | None = None
    problem: SkywriteError | None = None


class Rehearsed(NamedTuple):
    """What would be said to an item of the inbox, or why nothing is asked."""

    item: InboxItem
    tried: tuple[Tried, ...]
    why: str | None


@checked("answers")
class Answers:
    """The bots: what answers by itself, watched over by people."""

    def __init__(
        self, ctx: Context, drafting: Drafting, listeners: Callable[[], Sequence[Answerer]] = lambda: ()
    ) -> None:
        self._ctx = ctx
        self._parts = WorkParts(ctx, drafting)
        self._listeners = listeners

    def list(self, *, account: str | None = None) -> builtins.list[Bot]:
        """The accounts for which something answers, or did."""
        return [self._bot(one) for one in self._accounts(account) if one.settings.get(ANSWERS)]

    @final("the pause of the bots", "Let them go on: ", Do("answers.resume"))
    def pause(self, account: str | None = None) -> builtins.list[Bot]:
        """Let nothing be answered any more, for one account or all; what comes stays in the inbox."""
        return self._set(PAUSED, self._accounts(account))

    @final("the end of the pause", "Pause again: ", Do("answers.pause"))
    def resume(self, account: str | None = None) -> builtins.list[Bot]:
        """Let bots answer without approval, for one account or for all that have one."""
        known = self._accounts(account)
        return self._set("on", known if account is not None else [one for one in known if one.settings.get(ANSWERS)])

    def try_text(
        self, text: str, *, author: str = "somebody.example", account: str | None = None
    ) -> builtins.list[Tried]:
        """What would be answered to a mention with this text, by each way of answering in order. Posts nothing."""
        known = self._accounts(account) if account is not None else self._ctx.store.accounts.all()[:1]
        handle, did = (known[0].handle, known[0].did) if known else ("", "")
        uri = "at://did:plc:somebody/app.bsky.feed.post/3kaaaaaaaaa22"
        item = Item(text, Author("did:plc:somebody", author), uri, account=handle, account_did=did)
        return _tried([one for one in self._answerers() if one.why_not(item) is None], item)

    def rehearse(self, *, account: str | None = None, limit: int = 20) -> builtins.list[Rehearsed]:
        """What would be answered to the latest items of the inbox, answered or not. Posts and marks nothing."""
        answerers, rehearsals = self._answerers(), builtins.list[Rehearsed]()
        accounts = {one.did: one for one in self._accounts(account)}
        did = next(iter(accounts)) if account is not None else None
        for stored in InboxItems(self._ctx.store).list(everything=True, account_did=did, limit=limit):
            answering = Answering(self._ctx, accounts[stored.account_did], answerers)
            item = answering.item(stored)
            able = [one for one in answerers if one.why_not(item) is None]
            why = not_for_us(stored, accounts.keys()) or (None if able else answering.unwanted(stored))
            rehearsals.append(Rehearsed(stored, () if why else tuple(_tried(able, item)), why))
        return rehearsals

    def _answerers(self) -> builtins.list[Answerer]:
        return all_answerers(self._parts._replace(answers=self._listeners()))

    def _accounts(self, account: str | None) -> builtins.list[Account]:
        return self._ctx.store.accounts.all() if account is None else [self._ctx.account(account)]

    def _set(self, state: str, accounts: Sequence[Account]) -> builtins.list[Bot]:
        for one in accounts:
            self._ctx.store.accounts.set_settings(one.did, {ANSWERS: state})
        return [self._bot(self._ctx.store.accounts.get(one.did)) for one in accounts]

    def _bot(self, account: Account) -> Bot:
        items, now = InboxItems(self._ctx.store), self._ctx.clock.now()
        why = Answering(self._ctx, account, ()).why_wait()
        held = self._ctx.store.listing.all_posts(("held",), account_did=account.did, source=ANSWER_SOURCE)
        waiting = sum(post.problem is not None and post.problem.code == NOT_APPROVED for post in held)
        return Bot(
            account, str(account.settings[ANSWERS]), items.given(account.did, now - DAY).to.total(), waiting, why
        )


def _tried(answerers: Sequence[Answerer], item: Item) -> builtins.list[Tried]:
    """What ways of answering say, until one answers."""
    attempts = builtins.list[Tried]()
    for one in answerers:
        try:
            answer = one.answer(item)
        except Later as later:
            answer = {"text": f"(asks again in {later.wait})"}
        except SkywriteError as error:
            attempts.append(Tried(one.name, problem=error))
            break
        attempts.append(Tried(one.name, None if answer is None else _shown(answer)))
        if answer is not None:
            break
    return attempts


def _shown(answer: Draft | Mapping[str, Any] | Repost | Like) -> str:
    if isinstance(answer, Repost | Like):
        return f"({type(answer).__name__.lower()})"
    row = answer._asdict() if isinstance(answer, Draft) else answer
    return str(row.get("text") or "(no text)")


def all_answerers(parts: WorkParts) -> builtins.list[Answerer]:
    """What answers: a program's functions in order of definition, and then what features bring."""
    return [*parts.answers, *(one for brought in homes("answerers") for one in brought(parts))]
