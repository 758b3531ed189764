"""Which items of the inbox a program's function may answer: what is new, young, and meant for us, within limits.

A bot that answers is welcome where it was spoken to; one that answers its own kind, or somebody again and again, is a
nuisance, and two of them never stop. What is passed over stays in the inbox for people.

What lives here: that decision. What does not: claiming items (`store`), calling the function (`service`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from skywrite.app.context import Context
from skywrite.app.settings import read_setting
from skywrite.core.errors import InputError
from skywrite.features.answers.store import Given, InboxItem, InboxItems
from skywrite.posting.schedule.policy import parse_duration
from skywrite.queue.model import Account

BOT = "bot"
DAY = timedelta(days=1)
# A person who presses twice gets one answer.
SAME_WORDS = timedelta(hours=1)
# After so many answers in a row to the same author, who wrote nothing but answers to them, people go on.
IN_TURN_MAX = 3


class Limits(NamedTuple):
    """How old what is answered may be, and how many answers one person and one conversation get in a day."""

    within: timedelta = DAY
    per_person: int = 10
    per_thread: int = 100

    @classmethod
    def of(cls, account: Account) -> Limits:
        """Those of an account; of a setting that cannot be read, the default."""
        names = ("answer_within", "answers_per_person", "answers_per_thread")
        within, person, thread = (_readable(name, account.settings.get(name)) for name in names)
        return cls(
            cls().within if within is None else timedelta(seconds=parse_duration(within)),
            cls().per_person if person is None else person,
            cls().per_thread if thread is None else thread,
        )


class Answering:
    """Decides for the items of one account."""

    def __init__(self, ctx: Context, account: Account, ours: Collection[str]) -> None:
        self._ctx = ctx
        self._account = account
        self._ours = ours
        self._limits = Limits.of(account)
        self._items = InboxItems(ctx.store)

    def why_not(self, item: InboxItem) -> str | None:
        """Why no function gets an item; None if one does."""
        now = self._ctx.clock.now()
        return (
            not_for_us(item, self._ours)
            or too_old(item, now, self._limits)
            or too_many(item, self._items.given(item.account_did, now - DAY), self._limits)
            or self._is_repeated(item, now)
            or self._is_in_turn(item)
        )

    def _is_repeated(self, item: InboxItem, now: datetime) -> str | None:
        if item.text.strip() and self._items.said_before(item, now - SAME_WORDS):
            return "Its author wrote the same words before, and was answered."
        return None

    def _is_in_turn(self, item: InboxItem) -> str | None:
        """Two programs that answer each other never stop by themselves."""
        current: InboxItem | None = item
        for _ in range(IN_TURN_MAX):
            ours = (
                self._ctx.store.published_as(item.account_did, current.parent) if current and current.parent else None
            )
            current = None if ours is None else self._items.answered_by(ours.id)
            if current is None or current.answered_at is None or current.author_did != item.author_did:
                return None
        return f"It and {IN_TURN_MAX} items before it answer nothing but answers of this program."


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
        return "It replies to somebody else, further down below our post."
    return None


def too_old(item: InboxItem, now: datetime, limits: Limits) -> str | None:
    """Whether nobody waits for an answer any more."""
    return "It is too old to be answered." if now - item.indexed_at > limits.within else None


def too_many(item: InboxItem, given: Given, limits: Limits) -> str | None:
    """Whether its author, or its conversation, got enough answers today."""
    if given.to[item.author_did] >= limits.per_person:
        return f"Its author got {limits.per_person} answers within a day."
    if given.below[item.root or item.uri] >= limits.per_thread:
        return f"Its conversation got {limits.per_thread} answers within a day."
    return None
