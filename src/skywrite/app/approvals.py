"""Approving posts, and recurrences as a whole: see exactly what goes out, with its digest, and approve or reject it.

What does not live here: the digest and the claim that demands it (`queue`), and how it is shown (`cli`, `server`).
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.entries import entries, entry_of
from skywrite.app.nouns import checked, final
from skywrite.app.results import Entry
from skywrite.core.errors import Do, Hint, InputError, SkywriteError, TemporaryError
from skywrite.core.shown import check_name
from skywrite.posting.compose.build import PendingMention, Prepared
from skywrite.posting.compose.freeze import mention_facets, mention_handles
from skywrite.posting.publish.checks import mentions_of
from skywrite.posting.publish.compared import Row, base_of, changed, parts, rows, text_rows, with_handle
from skywrite.queue.approval_rules import content_of, digest_of, has_drifted, texts_of
from skywrite.queue.approvals import Approval, Approvals, TemplateApprovals, as_approved
from skywrite.queue.authors import written_by_nobody
from skywrite.queue.model import Account, Changes, Post, Recurrence, State
from skywrite.queue.requests import Requests
from skywrite.queue.templates import template_content, template_digest

APPROVER_MAX = 200
OPEN_STATES: tuple[State, ...] = ("scheduled", "held", "draft")


class Asked(NamedTuple):
    """What is to be approved: the post as it will go out, its digest, and the verdicts so far.

    `wanted`: whether it still needs an approval, because its account requires one or because an agent drafted it.
    """

    post: Post
    account: Account
    digest: str
    verdicts: tuple[Approval, ...]
    wanted: bool
    zone: str = "UTC"

    @property
    def texts(self) -> list[str]:
        """Its texts, as they will be published."""
        return texts_of(self.post)

    @property
    def base(self) -> Approval | None:
        """The verdict to compare with: the last approval, else the last rejection."""
        return base_of(self.verdicts)

    def rows(self) -> list[Row]:
        """What was approved last beside what would go out now; empty where nothing changed."""
        if self.base is not None and self.base.content is None:
            return changed(text_rows(self.base.texts, self.texts))
        return _since(self.base, content_of(self.post), self.account, self.zone)

    def diff(self) -> list[str]:
        """What changed in the texts since then, line by line, as `diff -u` shows it."""
        if self.base is None or list(self.base.texts) == self.texts:
            return []
        from difflib import unified_diff

        old, new = ("\n---\n".join(texts).split("\n") for texts in (self.base.texts, self.texts))
        return list(unified_diff(old, new, "before", "now", lineterm=""))


class AskedTemplate(NamedTuple):
    """A recurrence that is to be approved: its template, the digest of that, and the verdicts so far.

    `wanted`: its account asks for approvals of such posts, and the template has none. `is_approved`: it has one.
    """

    recurrence: Recurrence
    account: Account
    digest: str
    verdicts: tuple[Approval, ...]
    wanted: bool
    is_approved: bool

    @property
    def content(self) -> dict[str, Any]:
        """What an approval would cover."""
        return template_content(self.recurrence)

    @property
    def base(self) -> Approval | None:
        """The verdict to compare with: the last approval, else the last rejection."""
        return base_of(self.verdicts)

    def rows(self) -> list[Row]:
        """What was approved last beside what it is now; empty where nothing changed."""
        return _since(self.base, self.content, self.account, self.recurrence.zone)

    def parts(self) -> dict[str, str]:
        """What an approval would cover, by name, in words."""
        return parts(with_handle(self.content, self.account), self.recurrence.zone)


def _since(base: Approval | None, content: Mapping[str, Any], account: Account, zone: str) -> list[Row]:
    if base is None or base.content is None:
        return []
    return changed(rows(with_handle(base.content, account), with_handle(content, account), zone))


@checked("approvals")
class Approving:
    """Approvals of the posts in a queue."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    def look(self, post_id: int, *, at: str | datetime | None = None) -> Asked:
        """What would be approved. `at`: the time of a draft; by default the one that its author asked for.

        Mentions that could not be looked up before are looked up now, so that they are shown. Raises NotFound.
        """
        post = self._ctx.store.posts.get(post_id)
        if self._is_wanted(post):
            post = self._looked_up(post)
        account = self._ctx.store.accounts.get(post.account_did)
        approvals = Approvals(self._ctx.store)
        planned = as_approved(post, self._ctx.clock.now(), self._time(post, account, at))
        verdicts = tuple(approvals.of(post_id))
        zone = self._ctx.zone(account)
        return Asked(planned, account, digest_of(planned), verdicts, self._is_wanted(post), zone)

    def approve(
        self,
        post_id: int,
        digest: str,
        by: str,
        *,
        at: str | datetime | None = None,
        note: str = "",
        who: str | None = None,
    ) -> Entry:
        """Approve what has this digest, as `look` showed it, and nothing else: any change to the post voids it.

        A draft is scheduled, and a post that was held because it had no approval is released. `by`: the name to record.
        Raises Conflict, NotAllowed, NotFound.
        """
        check_approver(by)
        post = self._ctx.store.posts.get(post_id)
        time = self._time(post, self._ctx.store.accounts.get(post.account_did), at)
        Approvals(self._ctx.store).approve(post_id, digest, by, at=time, note=note, who=who)
        return self._entry(post_id)

    @final("the rejection of post {post_id}", "Approve it: ", Do("approvals.approve", "{post_id}"))
    def reject(self, post_id: int, by: str, *, note: str = "") -> Entry:
        """Reject it, with a note: a scheduled post is held, a draft stays a draft. Raises Conflict, NotFound."""
        check_approver(by)
        Approvals(self._ctx.store).reject(post_id, by, note=note)
        return self._entry(post_id)

    def look_at_recurrence(self, recurrence_id: int) -> AskedTemplate:
        """What an approval of a whole recurrence would cover. Raises NotFound."""
        return look_at_template(self._ctx, recurrence_id)

    @final(
        "the approval of recurrence {recurrence_id}",
        "Take it back: ",
        Do("approvals.reject_recurrence", "{recurrence_id}"),
    )
    def approve_recurrence(
        self, recurrence_id: int, digest: str, by: str, *, note: str = "", who: str | None = None
    ) -> AskedTemplate:
        """Approve the template that has this digest: every post made from exactly it goes out without another approval.

        Any change of the recurrence voids that. Raises Conflict, NotAllowed, NotFound.
        """
        check_approver(by)
        TemplateApprovals(self._ctx.store).approve(recurrence_id, digest, by, note=note, who=who)
        return self.look_at_recurrence(recurrence_id)

    @final("the rejection of recurrence {recurrence_id}", "Approve it: ", Do("recurrences.approve", "{recurrence_id}"))
    def reject_recurrence(self, recurrence_id: int, by: str, *, note: str = "") -> AskedTemplate:
        """Say no to a whole recurrence: what was approved of it is withdrawn, and its scheduled posts are held."""
        check_approver(by)
        TemplateApprovals(self._ctx.store).reject(recurrence_id, by, note=note)
        return self.look_at_recurrence(recurrence_id)

    def list(self, *, account: str | None = None, source: str | None = None) -> builtins.list[Entry]:
        """The posts that wait for an approval, in due order; agents' drafts too. `source`: only those from there."""
        did = self._ctx.did(account)
        posts = self._ctx.store.listing.all_posts(OPEN_STATES, account_did=did, source=source)
        return [entry for entry in entries(self._ctx, posts) if entry.standing.wanted]

    def is_wanted(self, post_id: int) -> bool:
        """Whether a post waits for an approval. Raises NotFound."""
        return self._is_wanted(self._ctx.store.posts.get(post_id))

    def _is_wanted(self, post: Post) -> bool:
        return Approvals(self._ctx.store).standing(post).wanted

    def _entry(self, post_id: int) -> Entry:
        return entry_of(self._ctx, post_id)

    def _time(self, post: Post, account: Account, at: str | datetime | None) -> datetime | None:
        """The time of a draft; approving does not change the time of any other post."""
        if post.state != "draft":
            if at is not None:
                raise InputError(f"Post {post.id} has a time.", hint=Hint("Change it: ", Do("posts.move", post.id)))
            return None
        if at is not None:
            return self._drafting.when(account, at)
        wanted = Requests(self._ctx.store).wanted_at(post.id)
        # The requested time may have passed: then the approver gives another.
        with suppress(InputError):
            return None if wanted is None else self._drafting.when(account, wanted)
        return None

    def _looked_up(self, post: Post) -> Post:
        """The post with its mentions, including those that could not be looked up when it was accepted."""
        prepared = Prepared.from_dict(post.prepared)
        drifted = has_drifted(post)
        if drifted:
            # What its mentions mean now is what somebody is to approve.
            prepared = _unresolved(prepared)
        if not prepared.pending or post.state not in ("draft", "scheduled", "held"):
            return post
        resolver = self._ctx.network.resolver(self._ctx.store.accounts.get(post.account_did).pds_url)
        dids: dict[str, str] = {}
        for handle in mention_handles(prepared):
            try:
                dids[handle] = resolver.resolve_handle(handle)
            except SkywriteError as error:
                if drifted and isinstance(error, TemporaryError):
                    return post
        with_mentions = _with_mentions(prepared, dids).to_dict()
        if with_mentions == post.prepared:
            return post
        with written_by_nobody():
            return self._ctx.store.posts.edit(post.id, Changes(prepared=with_mentions), version=post.version)


def check_approver(by: str) -> None:
    """Raise InputError where nobody is named, or by something that cannot be shown."""
    if not by.strip():
        raise InputError("The approver has no name.", hint=Hint("Name them: ", Do("argument", "by")))
    check_name(by, "An approver", longest=APPROVER_MAX)


def _unresolved(prepared: Prepared) -> Prepared:
    """Prepared records whose mentions are all to be looked up again."""
    pending = list(prepared.pending)
    records = []
    for index, record in enumerate(prepared.records):
        kept = []
        for facet in record.get("facets", ()):
            start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
            handles = [handle for handle, _ in mentions_of(str(record.get("text", "")), facet)]
            pending += [PendingMention(index, start, end, handle) for handle in handles]
            kept += [] if handles else [facet]
        bare = {name: value for name, value in record.items() if name != "facets"}
        records.append({**bare, "facets": kept} if kept else bare)
    return prepared._replace(records=tuple(records), pending=tuple(pending))


def _with_mentions(prepared: Prepared, dids: Mapping[str, str]) -> Prepared:
    """Prepared records with the mentions that are known now."""
    records = tuple(
        {**record, **mention_facets(record, index, prepared, dids)} for index, record in enumerate(prepared.records)
    )
    return prepared._replace(
        records=records, pending=tuple(item for item in prepared.pending if item.handle not in dids)
    )


def look_at_template(ctx: Context, recurrence_id: int) -> AskedTemplate:
    """What an approval of a recurrence would cover. Raises NotFound."""
    recurrence = ctx.store.recurrences.get(recurrence_id)
    approvals = TemplateApprovals(ctx.store)
    return AskedTemplate(
        recurrence,
        ctx.store.accounts.get(recurrence.account_did),
        template_digest(recurrence),
        tuple(approvals.of(recurrence_id)),
        approvals.is_wanted(recurrence),
        approvals.is_approved(recurrence),
    )
