"""The worker's work of the inbox: collecting for accounts, and letting their bots answer.

What lives here: whose turn it is, and giving items to what answers. What does not: reading notifications
(`collecting`), what a bot may answer (`bot.answering`), replying (`service`).
"""

from __future__ import annotations

import builtins
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from skywrite.app.bots import Answerer, Later
from skywrite.app.context import Context
from skywrite.app.work import Periodic, WorkParts
from skywrite.core.errors import ENDED, InputError, SkywriteError, Unexpected
from skywrite.features.answers.bot.answering import Answering
from skywrite.features.answers.collecting import QUIET, TALKING, Pace
from skywrite.features.answers.service import SETTING, Inbox, all_answerers
from skywrite.features.answers.store import HANDLE_TRIES, NOTHING_TO_SAY, InboxItem, InboxItems
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.rounds import Turn
from skywrite.posting.publish.worker import in_turn
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.bsky.bot_label import is_bot
from skywrite.queue.approval_rules import ANSWERS, TRIAL
from skywrite.queue.database import is_about_one
from skywrite.queue.model import Account

HANDED_PER_MINUTE = 100
# Accounts that are due within so long begin at the same time.
TOGETHER = timedelta(seconds=0.1)


@dataclass
class InboxTask(Periodic):
    """The worker's work (`publish.rounds.Work`) of collecting, and of letting a bot answer. Only for accounts with
    `inbox=yes`, or if there is something that answers: once a minute, and every few seconds while somebody talks.
    """

    every = TALKING
    ctx: Context
    inbox: Inbox
    answerers: Callable[[], Sequence[Answerer]]
    log: Log = silent
    kind: str = field(default="inbox", init=False)
    _collected: deque[tuple[Account, bool]] = field(default_factory=deque, init=False)
    _calling: threading.Lock = field(default_factory=threading.Lock, init=False)
    _handed: dict[str, deque[datetime]] = field(default_factory=dict, init=False)
    # Why accounts wait: it is said once.
    _waiting: dict[str, str] = field(default_factory=dict, init=False)
    _pace: Pace = field(default_factory=Pace, init=False)
    _accounts: dict[str, Account] = field(default_factory=dict, init=False)
    _servers: dict[str, str] = field(default_factory=dict, init=False)
    _read_at: datetime | None = field(default=None, init=False)
    _looked_at: datetime | None = field(default=None, init=False)

    def next_at(self) -> datetime:
        """When the next account is due, and in a few seconds at the latest; where nobody takes part, in a minute."""
        now, first = self.ctx.clock.now(), self._pace.next_at()
        latest = in_turn(self._next_at, now, self.every if self._accounts else QUIET)
        if first is None or self._looked_at is None:
            return latest
        return min(latest, max(first, self._looked_at + TOGETHER))

    def due(self) -> builtins.list[Turn]:
        """The accounts whose turn it is. Which there are is looked up once a minute."""
        now = self.ctx.clock.now()
        if in_turn(self._read_at, now, QUIET) <= now:
            self._accounts, self._read_at = {account.did: account for account in self._wanted()}, now + QUIET
            self._servers = {account.did: account.pds_url for account in self._accounts.values()}
        self._next_at, self._looked_at = now + (self.every if self._accounts else QUIET), now
        turns = self._pace.due(self._servers, now)
        return [Turn(did, self._accounts[did].pds_url, self._accounts[did]) for did in turns]

    def take(self, turn: Turn) -> SkywriteError | None:
        """Collect for an account, then call the functions; a problem with one item does not stop the others."""
        error = self._collect(turn.what)
        answerers = self.answerers()
        if answerers and all(one.together for one in answerers if one.is_for(turn.what.handle, turn.what.did)):
            # Its bulkhead is that of its account: what hangs holds up no other account's answers.
            self._answer_for(turn.what, error is None, answerers)
        elif answerers:
            self._collected.append((turn.what, error is None))
            self._answer_all(answerers)
        return error

    def _answer_all(self, answerers: Sequence[Answerer]) -> None:
        """Answer for the accounts whose turn it was, in one thread at a time: a program expects no others.

        Nobody waits for a function: whoever calls one goes on with what was collected meanwhile.
        """
        while self._collected and self._calling.acquire(blocking=False):
            try:
                while self._collected:
                    account, collected = self._collected.popleft()
                    self._answer_for(account, collected, answerers)
            finally:
                self._calling.release()

    def _answer_for(self, account: Account, collected: bool, answerers: Sequence[Answerer]) -> None:
        """Answer for one account."""
        if self._has_started(account, answerers, collected):
            current = self._on_trial(account)
            self._answer(account, Answering(self.ctx, current, answerers, self.log))
            self._tidy(current)

    def _has_started(self, account: Account, answerers: Sequence[Answerer], collected: bool) -> bool:
        """Whether an account is answered. What answers begins once what was there before is known."""
        items = InboxItems(self.ctx.store)
        started = items.started(account.did)
        new = [one.name for one in answerers if one.name not in started]
        if new and collected and not items.place(account.did).gaps:
            items.start(account.did, new, first=len(new) == len(answerers))
            self.log(
                "answers_start", account=account.handle, functions=", ".join(new), message=self._suggestion(account)
            )
            return True
        return len(new) < len(answerers)

    def _on_trial(self, account: Account) -> Account:
        """The account as it is now: where nobody has let its bot go on, it is on trial."""
        current = self.ctx.store.accounts.get(account.did)
        if current.settings.get(ANSWERS) is not None:
            return current
        self.ctx.store.accounts.set_settings(account.did, {ANSWERS: TRIAL})
        return self.ctx.store.accounts.get(account.did)

    def _suggestion(self, account: Account) -> str:
        """What an account that begins to answer may still want to do."""
        try:
            if is_bot(Repo(self.ctx.agent(account))):
                return ""
        except SkywriteError:
            return ""
        return "Its profile does not say yet that it is a bot."

    def _answer(self, account: Account, answering: Answering) -> None:
        """Answer what came for an account."""
        items = InboxItems(self.ctx.store)
        while (why := answering.why_wait() or self._why_rest(account)) is None:
            item = items.claim(account.did, answering.why_not, worker=self.ctx.worker_name)
            if item is None:
                return
            self._hand_out(answering, item)
            answering.answered()
            self._waiting.pop(account.did, None)
        if self._waiting.get(account.did) != why:
            self._waiting[account.did] = why
            self.log("answers_wait", account=account.handle, message=why)

    def _tidy(self, account: Account) -> None:
        """Take back what goes with what was deleted, and drop what nobody waits for."""
        for what, step in (("answers_taken_back", self.inbox.take_back), ("answers_dropped", self.inbox.drop_stale)):
            try:
                count = step(account.did)
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
        self._pace.looked(account.did, self.ctx.clock.now(), added)
        if added:
            self.log("inbox", account=account.handle, added=added)
        return None

    def _why_rest(self, account: Account) -> str | None:
        """Each item costs requests, whether it is answered or not: so many a minute at most, else None."""
        now = self.ctx.clock.now()
        handed = self._handed.setdefault(account.did, deque(maxlen=HANDED_PER_MINUTE))
        if len(handed) == HANDED_PER_MINUTE and abs(now - handed[0]) < QUIET:
            return f"It looked at {HANDED_PER_MINUTE} items within a minute."
        handed.append(now)
        return None

    def _hand_out(self, answering: Answering, stored: InboxItem) -> None:
        """Give an item to each way of answering in turn, until one answers; one item's problem stops no other."""
        items = InboxItems(self.ctx.store)
        try:
            if (why := self.inbox.hidden(stored)) is not None:
                items.pass_over(stored, why)
                return
            item = answering.item(stored)
            for answerer in answering.those_for(item):
                if self.inbox.answer_by(answerer, item, stored):
                    return
            items.pass_over(stored, NOTHING_TO_SAY)
        except Later as later:
            # Never in this turn, which would have no end.
            items.postpone(stored, self.ctx.clock.now() + max(later.wait, self.every))
        except Exception as exception:
            if not is_about_one(exception):
                raise
            error = Unexpected.of(exception)
            self.log("answer_failed", item=stored.id, **error.facts)
            given_up = isinstance(error, InputError) or stored.tries >= HANDLE_TRIES
            if given_up and not isinstance(error, ENDED):
                items.pass_over(stored, error.message)


def works(parts: WorkParts) -> InboxTask:
    """The work of a worker."""
    return InboxTask(parts.context, Inbox(parts.context, parts.drafting), lambda: all_answerers(parts), parts.log)
