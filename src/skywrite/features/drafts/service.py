"""Drafts of the official app become drafts here.

What lives here: fetching them, and finding out what is new, was changed on either side, or is gone. What does not: what
a draft of the app holds (`app_draft`). The account's server forwards the request to the AppView, where the app
keeps them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.nouns import checked, final
from skywrite.app.posts import Posts
from skywrite.app.reports import PulledDraft
from skywrite.core.errors import Do, NoAnswer, SkywriteError, StorageError
from skywrite.queue.base import StoreBase
from skywrite.queue.model import Account, Changes, Post

if TYPE_CHECKING:
    from skywrite.features.drafts.app_draft import AppDraft

SOURCE = "drafts"
PAGE_DRAFTS = 100
PAGES_MAX = 100


class PulledState(NamedTuple):
    """A draft's post here, and digests of the draft there and of the post here when both were last the same."""

    post_id: int
    remote_digest: str
    local_digest: str


class AppDrafts:
    """The pulled drafts of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def get(self, account_did: str, draft_id: str) -> PulledState | None:
        """What is known of a draft; None if it was never pulled."""
        with self._store.reading() as tx:
            row = tx.row("get_app_draft", account_did=account_did, id=draft_id)
        return None if row is None else PulledState(row["post_id"], row["remote_digest"], row["local_digest"])

    def put(self, account_did: str, draft_id: str, state: PulledState) -> None:
        """Record how both sides are now."""
        with self._store.writing(wake=False) as tx:
            tx.run("put_app_draft", account_did=account_did, id=draft_id, **state._asdict())


@checked("drafts")
class Drafts:
    """Drafts of the official app."""

    def __init__(self, ctx: Context, drafting: Drafting, posts: Posts) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._posts = posts

    @final(
        "the pull of drafts",
        "Cancel those that you do not want: ",
        Do("posts.list"),
        changed=lambda done: any(draft.action in ("pulled", "updated") for draft in done),
    )
    def pull(self, account: str | None = None) -> list[PulledDraft]:
        """Copy the drafts of the official app, the most recently changed first.

        Pulling again makes no duplicates. They are drafts here too: give one a time with `posts.move`. Raises
        SignInError, and what fetching them raises.
        """
        from skywrite.features.drafts.app_draft import read_app_draft

        owner = self._ctx.account(account)
        return [self._pull(owner, read_app_draft(view)) for view in self._app_drafts(owner)]

    def _app_drafts(self, account: Account) -> Iterator[Mapping[str, Any]]:
        """Each draft once: pages are split by the time of the last change, and the AppView repeats drafts there."""
        agent = self._ctx.agent(account)
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(PAGES_MAX):
            page = agent.query("app.bsky.draft.getDrafts", {"limit": PAGE_DRAFTS, "cursor": cursor})
            drafts = page.get("drafts")
            if not isinstance(drafts, list):
                raise NoAnswer("The server's response contains no drafts.")
            fresh = [one for one in drafts if isinstance(one, Mapping) and one.get("id") and str(one["id"]) not in seen]
            seen.update(str(one["id"]) for one in fresh)
            yield from fresh
            following = page.get("cursor")
            if not fresh or not isinstance(following, str) or following == cursor:
                return
            cursor = following

    def _pull(self, account: Account, draft: AppDraft) -> PulledDraft:
        text = str(draft.row.get("text", ""))
        if not draft.row:
            return PulledDraft(draft.id, "empty", notes=draft.notes)
        try:
            known = AppDrafts(self._ctx.store).get(account.did, draft.id)
            if known is not None and known.remote_digest == draft.digest:
                return PulledDraft(draft.id, "unchanged", text, known.post_id)
            if known is not None:
                return self._changed(account, draft, text, known)
            kept = self._posts.schedule(
                draft=True, account=account.did, key=f"draft:{draft.id}", source=SOURCE, **{"text": text, **draft.row}
            )
            post = self._ctx.store.posts.get(kept.post_id)
            if kept.existed and post.state != "draft":
                self._remember(account, draft, post)
                return PulledDraft(draft.id, "yours", text, post.id, draft.notes)
            if kept.existed:
                return self._update(account, draft, text, post)
        except StorageError:
            raise
        except SkywriteError as error:
            return PulledDraft(draft.id, "wrong", text, notes=draft.notes, error=error)
        self._remember(account, draft, post)
        return PulledDraft(draft.id, "pulled", text, post.id, draft.notes, kept.warnings)

    def _changed(self, account: Account, draft: AppDraft, text: str, known: PulledState) -> PulledDraft:
        """The draft was changed in the app since it was pulled: update it, unless it was changed here too."""
        post = self._ctx.store.posts.get(known.post_id)
        if post.state == "draft" and _digest(post) == known.local_digest:
            return self._update(account, draft, text, post)
        return PulledDraft(draft.id, "yours", text, post.id, draft.notes)

    def _update(self, account: Account, draft: AppDraft, text: str, post: Post) -> PulledDraft:
        ready = self._drafting.prepare(self._drafting.draft(account, draft.row), account)
        self._drafting.keep_media([ready])
        changes = Changes(
            draft=ready.draft.as_dict(),
            prepared=ready.prepared.to_dict(),
            media=tuple(blob.cid for blob in ready.prepared.blobs),
        )
        self._remember(account, draft, self._ctx.store.posts.edit(post.id, changes, version=post.version))
        return PulledDraft(draft.id, "updated", text, post.id, draft.notes, tuple(ready.warnings))

    def _remember(self, account: Account, draft: AppDraft, post: Post) -> None:
        """The state of both sides, so that later changes on either are noticed."""
        AppDrafts(self._ctx.store).put(account.did, draft.id, PulledState(post.id, draft.digest, _digest(post)))


def _digest(post: Post) -> str:
    return hashlib.sha256(json.dumps(post.draft, sort_keys=True).encode()).hexdigest()
