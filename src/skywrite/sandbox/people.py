"""app.bsky.*: who follows an account, and who likes or reposts a post, from the sandbox's own repositories.

What does not live here: what is shown of an account (`appview`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from skywrite.core.http import Response
from skywrite.sandbox.accounts import Account
from skywrite.sandbox.appview import FOLLOW, actor, everything, seen_actor
from skywrite.sandbox.pds import Call, Method, Pds
from skywrite.sandbox.repo import Record
from skywrite.sandbox.wire import json_answer


def get_follows(pds: Pds, call: Call) -> Response:
    """The accounts that an account follows, latest first."""
    account = actor(pds, call.params["actor"])
    follows = ((record, pds.accounts.find(record.value["subject"])) for record in account.repo.records(FOLLOW))
    return _people(pds, call, "follows", follows, subject=seen_actor(pds, account, call.did))


def get_followers(pds: Pds, call: Call) -> Response:
    """The followers of an account, latest first."""
    account = actor(pds, call.params["actor"])
    followers = ((record, other) for other, record in everything(pds, FOLLOW) if record.value["subject"] == account.did)
    return _people(pds, call, "followers", followers, subject=seen_actor(pds, account, call.did))


def get_reposted_by(pds: Pds, call: Call) -> Response:
    """The accounts that reposted a post, latest first."""
    uri = call.params["uri"]
    return _people(pds, call, "repostedBy", _about(pds, "app.bsky.feed.repost", uri), uri=uri)


def get_likes(pds: Pds, call: Call) -> Response:
    """The accounts that like a post, and since when, latest first."""
    uri = call.params["uri"]

    def view(record: Record, account: Account) -> dict[str, Any]:
        times = {"indexedAt": record.indexed_at, "createdAt": record.value["createdAt"]}
        return {**times, "actor": seen_actor(pds, account, call.did)}

    return _people(pds, call, "likes", _about(pds, "app.bsky.feed.like", uri), view, uri=uri)


def _about(pds: Pds, collection: str, uri: str) -> Iterator[tuple[Record, Account]]:
    return (
        (record, account) for account, record in everything(pds, collection) if record.value["subject"]["uri"] == uri
    )


def _people(
    pds: Pds,
    call: Call,
    name: str,
    people: Iterable[tuple[Record, Account | None]],
    view: Callable[[Record, Account], dict[str, Any]] | None = None,
    **more: Any,
) -> Response:
    """A page of accounts, latest record first, without accounts that no longer exist."""
    rows = [(record, account) for record, account in people if account is not None and account.status == "active"]
    rows.sort(key=lambda row: (row[0].indexed_at, row[0].uri), reverse=True)
    start, limit = int(call.params.get("cursor", "0")), call.params["limit"]
    seen = view if view is not None else lambda _, account: seen_actor(pds, account, call.did)
    page = [seen(*row) for row in rows[start : start + limit]]
    cursor = {"cursor": str(start + limit)} if start + limit < len(rows) else {}
    return json_answer({**more, name: page, **cursor})


METHODS = {
    "app.bsky.feed.getLikes": Method(get_likes, "optional"),
    "app.bsky.feed.getRepostedBy": Method(get_reposted_by, "optional"),
    "app.bsky.graph.getFollows": Method(get_follows, "optional"),
    "app.bsky.graph.getFollowers": Method(get_followers, "optional"),
}
