"""Identities: what makes a post or repost that Skywrite makes by itself the same one, wherever and whenever it is made.

An identity is a name and a time from which the record key follows (`record_keys`), so that a retry, a restored backup
and a second computer all meet the same key. Both consist of what never changes: never of the present, of a text that is
made anew each time, or of a number that a restored database gives again.

What lives here: all of them, one function each, and the keys that they take. What does not: the keys of posts that
people make (`record_keys`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from skywrite.core.errors import InputError
from skywrite.protocol.atproto.syntax import InvalidSyntax
from skywrite.protocol.atproto.tid import keyed_tid, tid_micros

Identity = tuple[str, datetime]

# What the keys of the posts begin with that a program's function answers with.
FUNCTION_ANSWERS = "on_reply:"
# What the keys begin with of posts that Skywrite makes by itself, or of what a person answers. Whoever could use one of
# them first would keep such a post from being made.
MADE_KEYS = (FUNCTION_ANSWERS, "inbox:", "inbox draft:", "feed:", "hook:", "follow-up:", "draft:", "together:")
# For names that have no time of their own.
ANY_TIME = datetime(2023, 1, 1, tzinfo=UTC)
# A record key of somebody else may say anything: only such a time is taken from it.
TRIGGERS_FROM = datetime(2022, 11, 1, tzinfo=UTC)
TRIGGERS_UNTIL = datetime(2100, 1, 1, tzinfo=UTC)
_ROW_DIGITS = 24
_YEAR_SECONDS = 365 * 24 * 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def of_occurrence(recurrence_id: int, created_at: datetime | None, occurrence: datetime) -> Identity:
    """An occurrence of a recurrence. A restored database gives numbers again; the time tells such recurrences apart."""
    return f"recurrence {recurrence_id} {created_at} {occurrence}", occurrence


def of_feed_item(url: str, item: str) -> Identity:
    """An item of a feed, by its hash; `url` is the address that the feed was added with, for it may move.

    Its date is not part of it: feeds date an item anew when its author edits it.
    """
    name = f"feed {url} {item}"
    return name, _any_time(name)


def of_function(name: str, occurrence: datetime, number: int) -> Identity:
    """One of the posts of a function at an occurrence, by their order."""
    return f"function {name} {occurrence} {number}", occurrence


def of_command(command_id: int, created_at: datetime | None, occurrence: datetime, number: int) -> Identity:
    """One of the posts of a command at an occurrence, by their order. Its number may be given again, as above."""
    return f"command {command_id} {created_at} {occurrence} {number}", occurrence


def of_key(key: str) -> Identity:
    """A post that is known by its key alone, because its time is only when it happened to be made."""
    return f"key {key}", ANY_TIME


def of_hook(account_did: str, hook: str, delivery: str) -> Identity:
    """A post that a program elsewhere asked for by a hook. A delivery has no time that never changes."""
    name = f"hook {account_did} {hook} {delivery}"
    return name, _any_time(name)


def of_answer(account_did: str, uri: str, number: int = 1) -> Identity:
    """An answer of an account to somebody's post: one for both, whoever writes it. A person may write a second one.

    It depends on the two names alone: everything else about a post may change, or be set by its author.
    """
    name = f"answer {account_did} {uri}" + (f"#{number}" if number > 1 else "")
    return name, _time_in(uri.rpartition("/")[2])


def of_follow_up(uri: str, kind: str, goal: str, text: str, created_at: datetime) -> Identity:
    """The reply or repost of a follow-up of the post at `uri`, by what it waits for."""
    return f"follow-up {uri} {kind} {goal} {created_at} {text}", created_at


def of_repost(account_did: str, uri: str, occurrence: datetime) -> Identity:
    """An occurrence of a repeated repost: one for each post and time, because the network shows only one."""
    return f"repost {account_did} {uri} {occurrence}", occurrence


def check_own(key: object) -> None:
    """Raise InputError for a key that is none of the caller's own: Skywrite gives it to what it makes by itself."""
    if isinstance(key, str) and (start := next((one for one in MADE_KEYS if key.startswith(one)), None)):
        raise InputError(
            f"Keys that begin with {start!r} are those of posts that Skywrite makes by itself. Nothing was stored.",
            code="post_key.reserved",
            hint="Choose another key.",
        )


def row_key(source: str, digest: str) -> str:
    """The key of a row of an import, by the import's name and the row's content."""
    return f"{source}:{digest[:_ROW_DIGITS]}"


def is_row_key(key: str, source: str | None) -> bool:
    """Whether an import made a key, and not a person, who may use any words: of a second such row, and again, too."""
    pattern = rf"{re.escape(source or '')}:[0-9a-f]{{{_ROW_DIGITS}}}(:[0-9]+)?(/[0-9]+)?"
    return source is not None and re.fullmatch(pattern, key) is not None


def key_of(identity: Identity) -> str:
    """The record key of something that is one record."""
    name, at = identity
    return keyed_tid(at, name)


def _any_time(name: str) -> datetime:
    """A second that follows from a name. There may be very many of them, and a second has room for few."""
    # Imported here, because most posts need none of it.
    from hashlib import sha256

    return ANY_TIME + timedelta(seconds=int.from_bytes(sha256(name.encode()).digest()[:4], "big") % _YEAR_SECONDS)


def _time_in(rkey: str) -> datetime:
    try:
        at = _EPOCH + timedelta(microseconds=tid_micros(rkey))
    except InvalidSyntax:
        return ANY_TIME
    return at if TRIGGERS_FROM <= at < TRIGGERS_UNTIL else ANY_TIME
