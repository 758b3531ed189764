"""Which items of the inbox a bot may answer: what is new, young, and meant for us, within limits.

A bot that answers is welcome where it was spoken to; one that answers its own kind, or somebody again and again, is a
nuisance, and two of them never stop. What is passed over stays in the inbox for people.

What lives here: that decision, and an item as a bot gets it. What does not: claiming items (`store`), calling what
answers (`service`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from skywrite.app.bots import ABOVE_MAX, KINDS, RULE, Above, Answerer, Author, Item, Kind, Picture
from skywrite.app.context import Context
from skywrite.app.settings import read_setting
from skywrite.core.errors import InputError
from skywrite.features.answers.store import SEEN_BEFORE, Given, InboxItem, InboxItems
from skywrite.posting.compose.gated import NOBODY
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.schedule.policy import parse_duration
from skywrite.queue.approval_rules import ANSWERS, TRIAL
from skywrite.queue.model import Account

BOT = "bot"
PAUSED = "paused"
TRIAL_ANSWERS = 10
MINUTE = timedelta(minutes=1)
_KINDS: Mapping[str, Kind] = {kind: kind for kind in KINDS}
DAY = timedelta(days=1)
# A person who presses twice gets one answer.
SAME_WORDS = timedelta(hours=1)
# After so many answers in a row to the same author, who wrote nothing but answers to them, people go on.
IN_TURN_MAX = 3


class Limits(NamedTuple):
    """How old what is answered may be, and how many answers there are for one person and one conversation in a day, and
    in all in a minute and in a day. The names are those of the settings.
    """

    answer_within: timedelta = DAY
    answers_per_person: int = 10
    answers_per_thread: int = 100
    answers_per_minute: int = 10
    answers_per_day: int = 500

    @classmethod
    def of(cls, account: Account) -> Limits:
        """Those of an account; of a setting that cannot be read, the default."""
        settings = {name: _readable(name, account.settings.get(name)) for name in cls._fields}
        values = {name: value for name, value in settings.items() if value is not None}
        if "answer_within" in values:
            values["answer_within"] = timedelta(seconds=parse_duration(values["answer_within"]))
        return cls(**values)


class Answering:
    """Decides for the items of one account."""

    def __init__(self, ctx: Context, account: Account, answerers: Sequence[Answerer], log: Log = silent) -> None:
        self._ctx = ctx
        self._account = account
        self._answerers = answerers
        self._log = log
        self._limits = Limits.of(account)
        self._items = InboxItems(ctx.store)
        self._started = self._items.started(account.did)
        self._day: Given | None = None
        self.state = account.settings.get(ANSWERS)

    def why_wait(self) -> str | None:
        """Why nothing is answered now, whatever came; None if something may be. What waits is answered later."""
        if self.state == PAUSED:
            return "The bot is paused."
        if self.state == TRIAL and self._items.answered_ever(self._account.did, TRIAL_ANSWERS) >= TRIAL_ANSWERS:
            return f"It has written its first {TRIAL_ANSWERS} answers, and waits for your word to go on."
        minute = self._items.given(self._account.did, self._ctx.clock.now() - MINUTE).to.total()
        if minute >= self._limits.answers_per_minute:
            return f"It gave {minute} answers within a minute."
        if (day := self._given().to.total()) >= self._limits.answers_per_day:
            return f"It gave {day} answers within a day."
        return None

    def answered(self) -> None:
        """Note that something was answered."""
        self._day = None

    def _given(self) -> Given:
        if self._day is None:
            self._day = self._items.given(self._account.did, self._ctx.clock.now() - DAY)
        return self._day

    def why_not(self, item: InboxItem) -> str | None:
        """Why nothing that answers gets an item; None if something does."""
        why = self._why_not(item)
        if why is not None:
            self._log("answer_passed", item=item.id, why=why)
        return why

    def those_for(self, item: Item) -> list[Answerer]:
        """What answers an item, in order, each once."""
        by_name: dict[str, Answerer] = {}
        for one in self._answerers:
            if one.why_not(item) is None and item.id > self._started.get(one.name, item.id):
                by_name.setdefault(one.name, one)
        return list(by_name.values())

    def item(self, stored: InboxItem) -> Item:
        """An item as a bot gets it."""
        return item_of(
            self._account, stored, partial(look_above, self._ctx, self._account, stored), self._is_asked(stored)
        )

    def _is_asked(self, stored: InboxItem) -> bool:
        """Whether its author spoke to us: they tagged us, or reply to one of our answers."""
        if stored.reason == "mention":
            return True
        ours = self._ctx.store.posts.published_as(stored.account_did, stored.parent) if stored.parent else None
        return ours is not None and self._items.answered_by(ours.id) is not None

    def unwanted(self, stored: InboxItem) -> str | None:
        """Why none of those that answer is for an item."""
        item = self.item(stored)
        if self.those_for(item):
            return None
        reasons = [why for one in self._answerers if (why := one.why_not(item)) is not None]
        if len(reasons) < len(self._answerers):
            return SEEN_BEFORE
        return next((why for why in reasons if RULE in why), reasons[0])

    def _why_not(self, item: InboxItem) -> str | None:
        now = self._ctx.clock.now()
        return (
            not_for_us(item, self._ours(item))
            or self.unwanted(item)
            or too_old(item, now, self._limits)
            or too_many(item, self._given(), self._limits)
            or self._is_repeated(item, now)
            or self._is_in_turn(item)
        )

    def _ours(self, item: InboxItem) -> set[str]:
        """Its author, if that is an account of the queue. Nothing is looked up where nothing came."""
        return {account.did for account in self._ctx.store.accounts.with_dids([item.author_did])}

    def _is_repeated(self, item: InboxItem, now: datetime) -> str | None:
        if item.text.strip() and self._items.said_before(item, now - SAME_WORDS):
            return "Its author wrote the same words before, and was answered."
        return None

    def _is_in_turn(self, item: InboxItem) -> str | None:
        """Two programs that answer each other never stop by themselves."""
        current: InboxItem | None = item
        for _ in range(IN_TURN_MAX):
            ours = (
                self._ctx.store.posts.published_as(item.account_did, current.parent)
                if current and current.parent
                else None
            )
            current = None if ours is None else self._items.answered_by(ours.id)
            if current is None or current.answered_at is None or current.author_did != item.author_did:
                return None
        return f"It and {IN_TURN_MAX} items before it answer nothing but answers of this program."


def item_of(account: Account, stored: InboxItem, above: Callable[[], tuple[Above, ...]], asked: bool) -> Item:
    """An item of the inbox as a bot gets it."""
    more = stored.more
    is_kind = {
        "mention": stored.reason == "mention",
        "reply": (stored.parent or "").startswith(f"at://{account.did}/"),
        "quote": stored.reason == "quote" or more.quotes_us,
    }
    return Item(
        text=stored.text,
        author=Author(stored.author_did, stored.author_handle, more.name, stored.labels, more.followed),
        uri=stored.uri,
        reason=_KINDS[stored.reason],
        kinds=frozenset(kind for kind in KINDS if is_kind[kind]),
        asked=asked,
        images=tuple(Picture(*image) for image in more.images),
        langs=more.langs,
        subject=stored.subject,
        parent=stored.parent,
        root=stored.root,
        indexed_at=stored.indexed_at,
        account=account.handle,
        account_did=account.did,
        id=stored.id,
        look_above=above,
    )


def look_above(ctx: Context, account: Account, stored: InboxItem) -> tuple[Above, ...]:
    """The posts above an item, the first one first, as far as the account may see them. Raises SkywriteError."""
    parameters: dict[str, Any] = {"uri": stored.uri, "depth": 0, "parentHeight": ABOVE_MAX}
    view = ctx.agent(account).query("app.bsky.feed.getPostThread", parameters).get("thread")
    ancestors: list[Above] = []
    while isinstance(view, Mapping) and isinstance(view := view.get("parent"), Mapping) and len(ancestors) < ABOVE_MAX:
        try:
            post, author = view["post"], view["post"]["author"]
            labels = tuple(str(label["val"]) for label in author.get("labels") or ())
            followed = bool((author.get("viewer") or {}).get("following"))
            name = str(author.get("displayName") or "")
            by = Author(str(author["did"]), str(author["handle"]), name, labels, followed)
            ancestors.append(Above(str(post["uri"]), by, str(post["record"].get("text", ""))))
        except (KeyError, TypeError, AttributeError):
            break
    return tuple(reversed(ancestors))


def _readable(name: str, value: Any) -> Any:
    try:
        return read_setting(name, value)
    except InputError:
        return None


def not_for_us(item: InboxItem, ours: Collection[str]) -> str | None:
    """Whether somebody else is meant, or no person wrote it."""
    if item.author_did in ours:
        return "Its author is an account of this queue."
    if BOT in item.labels:
        return "Its author is labelled as a bot."
    if item.reason == "reply" and not (item.parent or "").startswith(f"at://{item.account_did}/"):
        return "It replies to another account, further down below our post."
    return None


def hidden(view: Mapping[str, Any]) -> str | None:
    """Why an answer to a post would reach nobody or the wrong one, by how the network shows the post to us now."""
    author, viewer = _part(view.get("author")), _part(view.get("viewer"))
    between = _part(author.get("viewer"))
    if any(between.get(name) for name in ("blocking", "blockedBy", "blockingByList")):
        return "Its author and this account do not see each other: one of them blocked the other."
    if between.get("muted") or between.get("mutedByList"):
        return "Its author is muted by this account."
    if any(_part(label).get("val") == BOT for label in author.get("labels") or ()):
        return "Its author is labelled as a bot."
    return NOBODY if viewer.get("replyDisabled") else None


def _part(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def too_old(item: InboxItem, now: datetime, limits: Limits) -> str | None:
    """Whether nobody waits for an answer any more."""
    return "It is too old to be answered." if now - (item.again_at or item.indexed_at) > limits.answer_within else None


def too_many(item: InboxItem, counts: Given, limits: Limits) -> str | None:
    """Whether its author, or its conversation, got enough answers today."""
    if counts.to[item.author_did] >= limits.answers_per_person:
        return f"Its author got {limits.answers_per_person} answers within a day."
    if counts.below[item.root or item.uri] >= limits.answers_per_thread:
        return f"Its conversation got {limits.answers_per_thread} answers within a day."
    return None
