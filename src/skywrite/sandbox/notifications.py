"""app.bsky.notification.*: who is notified of what, as the AppView does it, with what surprises a program.

A post notifies each person once: as a mention, else as a quote, else as a reply. Replies notify the authors of several
posts above, so two strangers who talk below a post notify its author. `indexedAt` is the time by which the list is
sorted, and a post with an old `createdAt` is far down. Reasons are looked at after a page was read, so a page may be
empty and have a cursor. Who set priority notifications sees only those of people they follow, unless asked otherwise.

Nobody is told of those whom they muted, or where one of the two blocked the other.

What does not live here: posts and profiles (`appview`), and gates.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from skywrite.core.http import Response
from skywrite.sandbox.accounts import Account
from skywrite.sandbox.appview import (
    FOLLOW,
    POST,
    caller,
    everything,
    is_silenced,
    locate,
    parent_of,
    quoted_by,
    seen_actor,
    self_labels,
    sort_at,
)
from skywrite.sandbox.pds import Call, Method, Pds
from skywrite.sandbox.repo import Record
from skywrite.sandbox.wire import XrpcFailure, empty_answer, json_answer

REPLY_LEVELS = 4
# So many inner pages are read for one page, whatever of them fits the reasons.
INNER_PAGES = 10
_ABOUT = {"app.bsky.feed.like": "like", "app.bsky.feed.repost": "repost"}


class _Notice(NamedTuple):
    """Something that happened, and which of the reader's posts it is about."""

    account: Account
    record: Record
    reason: str
    subject: str | None

    @property
    def place(self) -> str:
        """Where it stands in the list: by its time, those of the same time by address."""
        return f"{sort_at(self.record)}::{self.record.uri}"


def list_notifications(pds: Pds, call: Call) -> Response:
    """What concerns the caller, newest first."""
    if "seenAt" in call.params:
        raise XrpcFailure(400, "The seenAt parameter is unsupported")
    reader = caller(pds, call)
    notices = sorted(_notices(pds, reader), key=lambda one: one.place, reverse=True)
    silent = {one.account.did for one in notices if is_silenced(pds, reader, one.account)}
    notices = [one for one in notices if one.account.did not in silent]
    if call.params.get("priority", reader.priority_notifications):
        follows = {record.value["subject"] for record in reader.repo.records(FOLLOW)}
        notices = [one for one in notices if one.account.did in follows]
    page, cursor = _page(notices, call)
    views = [_view(pds, one, reader) for one in page]
    more = {"cursor": cursor} if cursor else {}
    seen = {"seenAt": reader.seen_at} if reader.seen_at else {}
    return json_answer({"notifications": views, **seen, **more})


def get_unread_count(pds: Pds, call: Call) -> Response:
    """How many of them are new to the caller."""
    reader = caller(pds, call)
    return json_answer({"count": sum(not _is_read(one, reader.seen_at) for one in _notices(pds, reader))})


def _page(notices: list[_Notice], call: Call) -> tuple[list[_Notice], str | None]:
    limit, reasons = call.params["limit"], call.params.get("reasons")
    cursor, page = call.params.get("cursor"), list[_Notice]()
    for _ in range(INNER_PAGES):
        rest = [one for one in notices if cursor is None or one.place < cursor]
        inner = rest[: limit - len(page)]
        page += [one for one in inner if not reasons or one.reason in reasons]
        if len(rest) == len(inner):
            return page, None
        cursor = inner[-1].place
        if len(page) >= limit:
            break
    return page, cursor


def update_seen(pds: Pds, call: Call) -> Response:
    """Mark the notifications up to a time as read."""
    caller(pds, call).seen_at = call.body["seenAt"]
    return empty_answer()


def _notices(pds: Pds, reader: Account) -> Iterator[_Notice]:
    for account, record in everything(pds, POST):
        if account is not reader and (named := _reason(pds, record, reader.did)) is not None:
            yield _Notice(account, record, *named)
    for collection, reason in _ABOUT.items():
        for account, record in everything(pds, collection):
            subject = str(record.value["subject"]["uri"])
            if account is not reader and subject.startswith(f"at://{reader.did}/"):
                yield _Notice(account, record, reason, subject)
    for account, record in everything(pds, FOLLOW):
        if account is not reader and record.value["subject"] == reader.did:
            yield _Notice(account, record, "follow", None)


def _reason(pds: Pds, record: Record, did: str) -> tuple[str, str | None] | None:
    """Why somebody is notified of a post, and which of their posts it is about."""
    features = [feature for facet in record.value.get("facets", ()) for feature in facet.get("features", ())]
    if any(feature.get("did") == did for feature in features):
        return "mention", None
    quoted = quoted_by(record)
    if quoted is not None and quoted.startswith(f"at://{did}/"):
        return "quote", quoted
    ours = next((uri for uri in _above(pds, record) if uri.startswith(f"at://{did}/")), None)
    return None if ours is None else ("reply", ours)


def _above(pds: Pds, record: Record) -> Iterator[str]:
    """The posts above one, the nearest first, as far as their authors are notified."""
    above = parent_of(record)
    for _ in range(REPLY_LEVELS):
        if above is None:
            return
        yield above
        location = locate(pds, above, POST)
        above = None if location is None else parent_of(location[1])


def _view(pds: Pds, notice: _Notice, reader: Account) -> dict[str, Any]:
    record = notice.record
    about = {} if notice.subject is None else {"reasonSubject": notice.subject}
    author = seen_actor(pds, notice.account, reader.did)
    view = {"uri": record.uri, "cid": record.cid, "author": author, "record": record.value}
    state = {"reason": notice.reason, "isRead": _is_read(notice, reader.seen_at), "indexedAt": sort_at(record)}
    return {**view, **about, **state, "labels": self_labels(notice.account, record)}


def _is_read(notice: _Notice, seen_at: str) -> bool:
    return bool(seen_at) and datetime.fromisoformat(sort_at(notice.record)) <= datetime.fromisoformat(seen_at)


METHODS = {
    "app.bsky.notification.getUnreadCount": Method(get_unread_count, "access"),
    "app.bsky.notification.listNotifications": Method(list_notifications, "access"),
    "app.bsky.notification.updateSeen": Method(update_seen, "access"),
}
