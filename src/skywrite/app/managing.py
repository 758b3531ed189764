"""Verbs on posts that are in the queue, or were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from skywrite.app.posting import Posting
from skywrite.app.recurring import Recurring
from skywrite.atproto.repo import Repo
from skywrite.clock import to_iso
from skywrite.compose.freeze import Frozen
from skywrite.compose.references import app_link, parse_reference
from skywrite.errors import InputError, SkywriteError
from skywrite.queue.model import FINAL_STATES, WAITING_STATES, Account, Attempt, Changes, Post, Recurrence, State

_GATES = ("app.bsky.feed.threadgate", "app.bsky.feed.postgate")


@dataclass(frozen=True, slots=True)
class Entry:
    """A post of the queue as the faces show it; `warnings` are about the change that was just made."""

    post: Post
    account: Account
    attempts: tuple[Attempt, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def url(self) -> str | None:
        """Its page on bsky.app."""
        return app_link(self.post.uri, self.account.handle) if self.post.uri else None

    def as_dict(self) -> dict[str, Any]:
        """The object of `queue --json`: moments in UTC, ISO 8601."""
        post = self.post
        return {
            "id": post.id,
            "state": post.state,
            "account": self.account.handle,
            "due_at": to_iso(post.due_at) if post.due_at else None,
            "text": post.text,
            "uri": post.uri,
            "url": self.url,
            "attempts": post.attempts,
            "error": None
            if post.problem is None
            else {"error": post.problem.name, "message": post.problem.message, "hint": post.problem.hint},
            "key": post.key,
            "source": post.source,
            "attempt_at": to_iso(post.attempt_at) if post.attempt_at else None,
            "published_at": to_iso(post.published_at) if post.published_at else None,
            "recurrence": post.recurrence_id,
        }


class Managing(Posting):
    """Looking at posts, and changing what may be changed."""

    def queue(
        self, *, account: str | None = None, states: Sequence[State] = WAITING_STATES, limit: int = 100
    ) -> list[Entry]:
        """Posts that wait, in due order."""
        did = self.account(account).did if account else None
        return self._entries(self.store.posts(states, account_did=did, limit=limit))

    def history(
        self, *, account: str | None = None, states: Sequence[State] = FINAL_STATES, limit: int = 100
    ) -> list[Entry]:
        """Posts that are done with, the latest first."""
        did = self.account(account).did if account else None
        return self._entries(self.store.history(states, account_did=did, limit=limit))

    def show(self, post_id: int) -> Entry:
        """One post with every attempt. Raises UnknownPost."""
        post = self.store.get(post_id)
        return Entry(post, self.store.account(post.account_did), tuple(self.store.attempts(post_id)))

    def _entries(self, posts: Sequence[Post]) -> list[Entry]:
        accounts = {account.did: account for account in self.store.accounts()}
        return [Entry(post, accounts[post.account_did]) for post in posts]

    def edit(
        self, post_id: int, *, at: str | datetime | None = None, base: Path | None = None, **changes: Any
    ) -> Entry:
        """Change a draft, or a post that was not tried yet; everything is checked again. Raises NotEditable.

        `changes`: fields of a draft, each replacing what was there; `at`: another time; `late`: another policy. With
        another text the card is looked for anew, unless it was one that the text did not name.
        """
        post = self.store.get(post_id)
        account = self.store.account(post.account_did)
        due_at, warnings = self.time_with_notes(account, at) if at is not None else (post.due_at, [])
        late = changes.pop("late", None)
        policy, seconds = self.late(account, late) if late else (post.late_policy, post.late_seconds)
        if not changes:
            values = Changes(late_policy=policy, late_seconds=seconds)
        else:
            ready = self.prepare(self.draft(account, _edited(post, changes)), account, base=base)
            self.keep_media([ready])
            warnings += ready.warnings
            values = Changes(
                draft=ready.draft.as_dict(),
                prepared=ready.prepared.to_dict(),
                media=tuple(item.cid for item in ready.prepared.blobs),
                late_policy=policy,
                late_seconds=seconds,
            )
        if due_at is not None and (at is not None or post.state == "scheduled"):
            values = values._replace(due_at=due_at)
        changed = self.store.edit(post_id, values, version=post.version)
        return self._told_change(changed, warnings, texts="text" in changes, times=at is not None)

    def move(self, post_id: int, at: str | datetime) -> Entry:
        """Give a post another time. Raises NotEditable."""
        account = self.store.account(self.store.get(post_id).account_did)
        due_at, notes = self.time_with_notes(account, at)
        return self._told_change(self.store.move(post_id, due_at), notes, times=True)

    def _told_change(self, post: Post, warnings: Iterable[str], *, texts: bool = False, times: bool = False) -> Entry:
        due_at = post.due_at if times else None
        clashes = self.clashes(post.account_did, post.text if texts else "", due_at, own_id=post.id)
        return replace(self.show(post.id), warnings=(*warnings, *clashes))

    def cancel(self, post_id: int) -> Entry:
        """Cancel a post: when this returns, it will never be published. Raises NotCancellable."""
        post = self.store.cancel(post_id)
        if post.recurrence_id is not None:
            # The post is cancelled whatever becomes of the next one: a worker makes it too.
            with suppress(SkywriteError):
                Recurring(self).sweep(post.recurrence_id)
        return self.show(post_id)

    def retry(self, post_id: int) -> Entry:
        """Try a failed post again. Raises WrongState."""
        self.store.retry(post_id)
        return self.show(post_id)

    def release(self, post_id: int) -> Entry:
        """Let a held post go out: at its time, or now where that has passed. Raises WrongState."""
        self.store.release_post(post_id)
        return self.show(post_id)

    def hold(self, post_id: int) -> Entry:
        """Keep a post from going out until it is released. Raises WrongState."""
        self.store.hold(post_id)
        return self.show(post_id)

    def recurrences(self, account: str | None = None) -> list[Recurrence]:
        """The rules that make posts again and again."""
        return self.store.recurrences(self.account(account).did if account else None)

    def stop_recurrence(self, recurrence_id: int) -> int:
        """Forget a rule and cancel its posts that wait; how many were cancelled."""
        return self.store.remove_recurrence(recurrence_id)

    def change_occurrence(
        self, recurrence_id: int, occurrence: str | datetime, to: str | datetime | None
    ) -> Recurrence:
        """Move one occurrence of a rule to another time, or skip it (None). Raises NoOccurrence."""
        account = self.store.account(self.store.recurrence(recurrence_id).account_did)
        original = self.moment(account, occurrence)
        return Recurring(self).change(recurrence_id, original, None if to is None else self.moment(account, to))

    def delete(self, target: str | int, *, account: str | None = None) -> str:
        """Delete a published post from the network, by its number here, at-uri or link; returns its at-uri.

        A thread is deleted whole when it is named by its number. Raises InputError for posts of other accounts.
        """
        if isinstance(target, int) or target.isdigit():
            post = self.store.get(int(target))
            if post.frozen is None or post.uri is None:
                raise InputError(f"Post {post.id} is {post.state}, not published.", hint="Use `skywrite cancel`.")
            owner = self.store.account(post.account_did)
            repo = Repo(self.agent(owner))
            for write in reversed(Frozen.from_json(post.frozen).writes):
                repo.delete(write.collection, write.rkey)
            return post.uri
        owner = self.account(account)
        authority, collection, rkey = parse_reference(target)
        if authority != owner.did and authority.lower() != owner.handle:
            raise InputError(f"{target} is not a post of {owner.handle}.", hint="Name its account with --account.")
        repo = Repo(self.agent(owner))
        for name in (collection, *_GATES):
            repo.delete(name, rkey)
        return f"at://{owner.did}/{collection}/{rkey}"


def _edited(post: Post, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A stored draft with changes; a card that was found in what changes is left to be found again."""
    row = {**post.draft, **changes}
    if "card" in changes or not isinstance(row.get("card"), Mapping):
        return row
    named = any(
        feature.get("$type") == "app.bsky.richtext.facet#link"
        for record in post.prepared.get("records", ())[:1]
        for facet in record.get("facets", ())
        for feature in facet.get("features", ())
    )
    if ("text" in changes and named) or "images" in changes or "video" in changes:
        del row["card"]
    return row
