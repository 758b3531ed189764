"""Feeds: their items become posts, each once. What does not live here: polling them (`task`)."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skywrite.app.context import Context, listed
from skywrite.app.drafting import Drafting
from skywrite.app.nouns import checked, final
from skywrite.core.digits import row_number
from skywrite.core.errors import Busy, Do, InputError
from skywrite.core.files import read_regular
from skywrite.features.feeds.model import (
    AddedFeed,
    Feed,
    FeedCheck,
    FeedItem,
    FeedPreview,
    FeedStatus,
    ItemState,
    NewFeed,
)
from skywrite.features.feeds.store import FeedStore, everything, unknown_feed
from skywrite.features.feeds.task import FEED_LEASE_SECONDS, MOST_PER_CHECK, FeedChecks, FeedTask
from skywrite.posting.publish.processes import is_gone
from skywrite.posting.publish.rounds import Rounds
from skywrite.queue.leases import Leases
from skywrite.queue.model import Account, Problem

if TYPE_CHECKING:
    from skywrite.features.feeds.reading.opml import Subscription
    from skywrite.features.feeds.reading.poll import ShownEntry

MOST_PER_CHECK_MAX = 100
BACKFILL_MAX = 1_000
SPACINGS = ("gap", "slots")
EDITABLE_OPTIONS = {
    "template",
    "include",
    "exclude",
    "most",
    "spacing",
    "every",
    "images",
    "langs",
    "labels",
    "mentions",
}


@checked("feeds")
class Feeds:
    """The feeds of a queue."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._checks = FeedChecks(ctx, drafting)

    @final("the new feed {done.status.feed.id}", "Remove it: ", Do("feeds.remove", "{done.status.feed.id}"))
    def add(
        self,
        url: str,
        *,
        accounts: str | Sequence[str] | None = None,
        template: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        backfill: int = 0,
        most: int = MOST_PER_CHECK,
        spacing: str = "gap",
        every: str | None = None,
        images: str = "auto",
        langs: Sequence[str] = (),
        labels: Sequence[str] = (),
        mentions: bool | None = None,
        covers: Callable[[Sequence[str]], bool] = everything,
    ) -> AddedFeed:
        """Post a feed's new items from now on; `url` is its address, or that of a page that links to it.

        Its current items are not posted, except for the latest `backfill`. `accounts`: handles; by default the default
        account. `most`: posts per poll. `spacing`: "gap" (the account's least gap, or a minute) or "slots". `every`:
        how often to poll, at least 5m. `images`: "auto" (those with a description, else the page's card), "all", "card"
        or "none"; an item's video is used rather than its images. `mentions`: an `@handle` in an item notifies its
        owner. `covers`: whether the caller may know of a feed with these accounts. Raises Conflict, InputError.
        """
        from skywrite.features.feeds.reading.poll import feed_settings, find_feed

        names = (None,) if accounts is None else listed("accounts", accounts)
        owners = [self._ctx.account(name) for name in names]
        settings = feed_settings(
            template=template,
            include=list(include),
            exclude=list(exclude),
            backfill=_within("backfill", backfill, 0, BACKFILL_MAX),
            most=_within("most", most, 1, MOST_PER_CHECK_MAX),
            spacing=_one_of("spacing", spacing, SPACINGS),
            every=every,
            images=images,
            langs=list(langs),
            labels=list(labels),
            mentions=mentions,
        )
        if spacing == "slots":
            for account in owners:
                self._drafting.when(account, None)
        feed_url, answer = find_feed(self._ctx.network.fetcher(), url)
        title = answer.document.title if answer.document else ""
        new = NewFeed(feed_url, tuple(account.did for account in owners), title, settings)
        claim = self._stored.add_feed(new, self._ctx.worker_name, FEED_LEASE_SECONDS, covers)
        return AddedFeed(self.get(claim.feed.id), self._checks.take_in(claim, answer))

    def list(self) -> builtins.list[FeedStatus]:
        """All feeds."""
        counts = self._stored.count_items()
        handles = {account.did: account.handle for account in self._ctx.store.accounts.all()}
        return [self._status(feed, handles, counts.get(feed.id, {})) for feed in self._stored.feeds()]

    def get(self, name: int | str) -> FeedStatus:
        """One feed, by its number or address. Raises NotFound."""
        feed = self._stored.feed(name)
        handles = {account.did: account.handle for account in self._ctx.store.accounts.all()}
        return self._status(feed, handles, self._stored.count_items(feed.id).get(feed.id, {}))

    def _status(self, feed: Feed, handles: Mapping[str, str], counts: Mapping[ItemState, int]) -> FeedStatus:
        return FeedStatus(feed, tuple(handles.get(did, did) for did in feed.account_dids), counts)

    def items(self, name: int | str, limit: int = 20) -> builtins.list[FeedItem]:
        """The ledger of a feed, the latest items first."""
        return self._stored.feed_items(self._stored.feed(name).id, limit)

    def read_opml(self, path: str | Path) -> builtins.list[Subscription]:
        """The feeds that a list of subscriptions names. Nothing is fetched or added: preview each, then add it."""
        from skywrite.core.errors import InputError
        from skywrite.features.feeds.reading.opml import OPML_BYTES_MAX, read_opml

        try:
            data = read_regular(Path(path), OPML_BYTES_MAX)
        except OSError as error:
            raise InputError(
                f"{path} cannot be read: {error.strerror}.", code="opml.unreadable", hint="Check the name."
            ) from None
        if data is None:
            raise InputError(
                f"{path} is larger than {OPML_BYTES_MAX // 1_000_000} MB.", code="opml.unreadable", hint="Split it."
            )
        try:
            return read_opml(data)
        except InputError as error:
            raise error.about(str(path)) from None

    def opml(self) -> str:
        """All feeds as a list of subscriptions, which feed readers and `read_opml` read."""
        from skywrite.features.feeds.reading.opml import Subscription, opml_of

        return opml_of(Subscription(feed.url, feed.title) for feed in self._stored.feeds())

    @final("an edit of feed {done.feed.id}", "See: ", Do("feeds.list"))
    def edit(self, name: int | str, *, accounts: str | Sequence[str] | None = None, **options: Any) -> FeedStatus:
        """Change a feed's accounts, or any option of `add` except `backfill`, from its next poll on.

        What is not given stays; an empty value ("" or an empty list) resets an option to its default. Items that were
        posted stay posted; those that could not be posted are tried again. Raises NotFound and what `add` raises for
        the options.
        """
        from skywrite.features.feeds.reading.poll import feed_settings

        feed = self._stored.feed(name)
        changes = {option: value for option, value in options.items() if value is not None}
        unknown = sorted(set(changes) - EDITABLE_OPTIONS)
        if unknown:
            raise InputError(f"A feed has no option {unknown[0]!r} that can be changed.")
        if "most" in changes:
            _within("most", changes["most"], 1, MOST_PER_CHECK_MAX)
        kept = {option: value for option, value in feed.settings.items() if option not in changes}
        settings = {**kept, **feed_settings(**changes)}
        dids = list(feed.account_dids)
        if accounts is not None:
            dids = [self._ctx.account(handle).did for handle in listed("accounts", accounts)]
        if _one_of("spacing", settings.get("spacing", "gap"), SPACINGS) == "slots":
            for did in dids:
                self._drafting.when(self._ctx.store.accounts.get(did), None)
        self._stored.edit_feed(feed.id, dids, settings)
        return self.get(feed.id)

    @final("the end of feed {done.id}", "Add it again: ", Do("feeds.add", "{done.url}"))
    def remove(self, name: int | str) -> Feed:
        """Remove a feed and its ledger; the posts that it made stay. Raises NotFound."""
        feed = self._stored.feed(name)
        self._stored.remove_feed(feed.id)
        return feed

    @final("the check of feed {done.feed_id}", "Cancel its posts: ", Do("posts.list"), changed=lambda done: done.posts)
    def check(self, name: int | str) -> FeedCheck:
        """Poll a feed now, even if it is not due. Raises NotFound, Busy."""
        feed = self._stored.feed(name)
        claim = self._stored.claim_feed(feed.id, self._ctx.worker_name, FEED_LEASE_SECONDS)
        if claim is None and feed.lease_owner is not None and is_gone(feed.lease_owner):
            Leases(self._ctx.store).end(feed.lease_owner)
            claim = self._stored.claim_feed(feed.id, self._ctx.worker_name, FEED_LEASE_SECONDS)
        if claim is None:
            raise Busy(
                f"Feed {feed.id} is being checked by another process.", code="feed.busy", hint="Try again in a minute."
            )
        return self._checks.run(claim)

    def check_due(self) -> builtins.list[FeedCheck]:
        """Poll every feed that is due."""
        task = FeedTask(self._checks)
        Rounds(task, self._ctx.clock, threading.Event(), wait=True).run()
        return task.done

    def preview(
        self,
        url: str,
        *,
        account: str | None = None,
        limit: int = 3,
        prepare: bool = True,
        covers: Callable[[Sequence[str]], bool] = everything,
        **options: Any,
    ) -> builtins.list[FeedPreview]:
        """What the latest items of a feed would look like as posts; nothing is stored or sent.

        `url`: an address, or the number or address of a feed that was added (then with its settings). `options`: as in
        `add`. With `prepare=False`, only the texts are made. `covers`: whether the caller may know of a feed with these
        accounts.
        """
        from skywrite.features.feeds.reading.poll import feed_settings, find_feed, shown_entries

        there = [feed for feed in self._stored.feeds() if covers(feed.account_dids)]
        feed = next((known for known in there if url in (str(known.id), known.url)), None)
        if feed is None and row_number(url) is not None:
            raise unknown_feed(url)
        settings = {**(feed.settings if feed else {}), **feed_settings(**options)}
        if account is None and feed and feed.account_dids:
            account = feed.account_dids[0]
        owner = self._ctx.account(account)
        _, answer = find_feed(self._ctx.network.fetcher(), feed.url if feed else url)
        ledger = self._stored.known_items(feed.id, answer.fingerprints) if feed else {}
        shown = shown_entries(answer, settings, ledger)[:limit]
        return [self._shown(item, settings, owner, prepare) for item in shown]

    def _shown(self, item: ShownEntry, settings: Mapping[str, Any], account: Account, full: bool) -> FeedPreview:
        entry = item.entry
        plain = FeedPreview(entry.title, entry.link, entry.published_at, item.state, same_as=item.same_as)
        if item.same_as:
            return plain
        try:
            row = self._checks.item_row(item.content, settings, account)
            ready = self._checks.ready(item.content, settings, account) if full else None
        except Exception as error:
            return replace(plain, problem=Problem.of(error))
        return replace(plain, text=row["text"], ready=ready)

    @property
    def _stored(self) -> FeedStore:
        return FeedStore(self._ctx.store)


def _within(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise InputError(f"{name} is {value}; it can be from {least} to {most}.")
    return value


def _one_of(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise InputError(f"{name} cannot be {value!r}.", hint=f"It is one of: {', '.join(choices)}.")
    return value
