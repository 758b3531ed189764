"""Feeds: their items become posts, each once.

What lives here: adding, checking and removing feeds, and the worker's task. A check has two steps, each of which may
be cut off anywhere: what the feed says goes into the ledger (one transaction), then waiting items are prepared and
stored as posts (one transaction an item). What is cut off is done by the next check: the lease of a checker that died
runs out. What does not live here: reading feeds and telling items apart (`sources`), the ledger (`queue.feeds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from skywrite.app.base import is_gone
from skywrite.app.feed_task import FEED_LEASE_SECONDS, FeedTask
from skywrite.app.posting import Posting, Ready
from skywrite.errors import InputError, RejectedError, SkywriteError, TemporaryError
from skywrite.queue.feed_model import Feed, FeedClaim, FeedItem, ItemState, NewFeed
from skywrite.queue.feeds import FeedLeaseLost
from skywrite.queue.model import Account, NewPost, Problem, UnknownAccount

if TYPE_CHECKING:
    from skywrite.sources.feed_poll import Seen

MOST_PER_CHECK = 5
MOST_PER_CHECK_MAX = 100
TROUBLED_MAX = 10
GAP_SECONDS = 60
BACKFILL_MAX = 1_000
SPACINGS = ("gap", "slots")
EDITABLE_OPTIONS = {"template", "include", "exclude", "most", "spacing", "every", "images", "langs", "labels"}


class FeedBusy(TemporaryError):
    """Another process is checking the feed just now."""


@dataclass(frozen=True, slots=True)
class FeedEntryShown:
    """An item as `preview_feed` shows it: what would be posted, or why nothing would be. `state`: as in the ledger,
    or "new".
    """

    title: str
    link: str
    published_at: datetime | None
    state: str
    text: str = ""
    ready: Ready | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A feed with its accounts' handles and how many items of each state its ledger has."""

    feed: Feed
    accounts: tuple[str, ...]
    items: Mapping[ItemState, int]

    def as_dict(self) -> dict[str, Any]:
        """The object of `feed list --json`."""
        from skywrite.clock import to_iso

        feed = self.feed
        return {
            "id": feed.id,
            "url": feed.url,
            "title": feed.title,
            "state": feed.state,
            "accounts": list(self.accounts),
            "items": dict(self.items),
            "settings": feed.settings,
            "checked_at": to_iso(feed.checked_at) if feed.checked_at else None,
            "next_check_at": to_iso(feed.next_check_at) if feed.next_check_at else None,
            "error": _problem_dict(feed.problem),
        }


@dataclass(frozen=True, slots=True)
class FeedCheck:
    """What one check came to: how many items were new, and the numbers of the posts made."""

    feed_id: int
    new: int = 0
    posts: tuple[int, ...] = ()
    waiting: int = 0
    problem: Problem | None = None
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The object of `feed check --json`."""
        return {
            "feed": self.feed_id,
            "new": self.new,
            "posts": list(self.posts),
            "waiting": self.waiting,
            "error": _problem_dict(self.problem),
            "warnings": list(self.warnings),
        }


def _problem_dict(problem: Problem | None) -> dict[str, str] | None:
    return {"error": problem.name, "message": problem.message, "hint": problem.hint} if problem else None


class Feeds(Posting):
    """Verbs about feeds."""

    def add_feed(
        self,
        url: str,
        *,
        accounts: Sequence[str] = (),
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
    ) -> tuple[FeedStatus, FeedCheck]:
        """Post what a feed says from now on; `url` is its address, or that of a page that names it.

        The items that are there now are not posted, but for the latest `backfill`. `accounts`: handles, the default
        one without any. `most`: posts a check. `spacing`: "gap" (the account's least gap, or a minute) or "slots".
        `every`: how often to look, at least 5m. `images`: "auto" (those with a description, else the page's card),
        "all", "card" or "none". Raises FeedExists, NotAFeed, TemplateError, InvalidFilter, IntervalTooShort.
        """
        from skywrite.sources.feed_poll import feed_settings, find_feed

        found = [self.account(name) for name in accounts] or [self.account()]
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
        )
        if spacing == "slots":
            for account in found:
                self.moment(account, None)
        feed_url, seen = find_feed(self._fetch(), url)
        title = seen.document.title if seen.document else ""
        new = NewFeed(feed_url, tuple(account.did for account in found), title, settings)
        claim = self.store.add_feed(new, self.worker_name, FEED_LEASE_SECONDS)
        return self.feed(claim.feed.id), self._take_in(claim, seen)

    def feeds(self) -> list[FeedStatus]:
        """All feeds."""
        counts = self.store.count_items()
        handles = {account.did: account.handle for account in self.store.accounts()}
        return [self._status(feed, handles, counts.get(feed.id, {})) for feed in self.store.feeds()]

    def feed(self, name: int | str) -> FeedStatus:
        """One feed, by its number or address. Raises UnknownFeed."""
        feed = self.store.feed(name)
        handles = {account.did: account.handle for account in self.store.accounts()}
        return self._status(feed, handles, self.store.count_items(feed.id).get(feed.id, {}))

    def _status(self, feed: Feed, handles: Mapping[str, str], counts: Mapping[ItemState, int]) -> FeedStatus:
        return FeedStatus(feed, tuple(handles.get(did, did) for did in feed.account_dids), counts)

    def feed_items(self, name: int | str, limit: int = 20) -> list[FeedItem]:
        """The ledger of a feed, the latest items first."""
        return self.store.feed_items(self.store.feed(name).id, limit)

    def edit_feed(self, name: int | str, *, accounts: Sequence[str] = (), **options: Any) -> FeedStatus:
        """Change who posts what a feed says, or any option of `add_feed` but `backfill`, from its next look on.

        What is not given stays; an empty value ("" or an empty list) takes an option back to its default. Items that
        were posted stay posted. Raises UnknownFeed and what `add_feed` raises for the options.
        """
        from skywrite.sources.feed_poll import feed_settings

        feed = self.store.feed(name)
        given = {option: value for option, value in options.items() if value is not None}
        unknown = sorted(set(given) - EDITABLE_OPTIONS)
        if unknown:
            raise InputError(f"A feed has no option {unknown[0]!r} that can be changed.")
        if "most" in given:
            _within("most", given["most"], 1, MOST_PER_CHECK_MAX)
        kept = {option: value for option, value in feed.settings.items() if option not in given}
        settings = {**kept, **feed_settings(**given)}
        found = [self.account(handle).did for handle in accounts] or list(feed.account_dids)
        if _one_of("spacing", settings.get("spacing", "gap"), SPACINGS) == "slots":
            for did in found:
                self.moment(self.store.account(did), None)
        self.store.edit_feed(feed.id, found, settings)
        return self.feed(feed.id)

    def remove_feed(self, name: int | str) -> Feed:
        """Forget a feed and its ledger; the posts that it made stay. Raises UnknownFeed."""
        feed = self.store.feed(name)
        self.store.remove_feed(feed.id)
        return feed

    def check_feed(self, name: int | str) -> FeedCheck:
        """Look at a feed now, whenever its next check is due. Raises UnknownFeed, FeedBusy."""
        feed = self.store.feed(name)
        claim = self.store.claim_feed(feed.id, self.worker_name, FEED_LEASE_SECONDS)
        if claim is None:
            self.free_dead_feeds()
            claim = self.store.claim_feed(feed.id, self.worker_name, FEED_LEASE_SECONDS)
        if claim is None:
            raise FeedBusy(f"Feed {feed.id} is being checked by another process.", hint="Try again in a minute.")
        return self.check_claimed(claim)

    def check_due_feeds(self) -> list[FeedCheck]:
        """Look at every feed that is due."""
        task = FeedTask(self)
        task.run()
        return task.checks

    def free_dead_feeds(self) -> int:
        """Free feeds whose checkers are gone (processes of this computer), or that wait for a moment which only a clock
        that ran ahead can have set; how many."""
        owners = [owner for owner in self.store.feed_lease_owners() if owner != self.worker_name and is_gone(owner)]
        ahead = self.store.recover_feed_clock_skew(lease_seconds=FEED_LEASE_SECONDS)
        return ahead + sum(self.store.expire_feed_leases(owner) for owner in owners)

    def preview_feed(
        self, url: str, *, account: str | None = None, limit: int = 3, prepare: bool = True, **options: Any
    ) -> list[FeedEntryShown]:
        """What the latest items of a feed would look like as posts: nothing is stored and nothing is sent.

        `url`: an address, or the number or address of a feed that is here (then with its settings). `options` as in
        `add_feed`. With `prepare` False only the texts are made.
        """
        from skywrite.sources.feed_poll import feed_settings, find_feed, shown_entries

        feed = next((known for known in self.store.feeds() if url in (str(known.id), known.url)), None)
        settings = {**(feed.settings if feed else {}), **feed_settings(**options)}
        found = self.account(account or (feed.account_dids[0] if feed and feed.account_dids else None))
        _, seen = find_feed(self._fetch(), feed.url if feed else url)
        ledger = self.store.known_items(feed.id, seen.marks) if feed else {}
        shown = []
        for entry, state, content in shown_entries(seen, settings, ledger)[:limit]:
            shown.append(self._shown(entry, state, content, settings, found, prepare))
        return shown

    def _shown(
        self,
        entry: Any,
        state: str,
        content: Mapping[str, Any],
        settings: Mapping[str, Any],
        account: Account,
        full: bool,
    ) -> FeedEntryShown:
        plain = FeedEntryShown(entry.title, entry.link, entry.published_at, state)
        try:
            row = self._item_row(content, settings, account)
            ready = self._prepared(row, account) if full else None
        except SkywriteError as error:
            return replace(plain, problem=Problem.of(error))
        return replace(plain, text=row["text"], ready=ready)

    def check_claimed(self, claim: FeedClaim) -> FeedCheck:
        """Look at a feed that is held, and give it back. Errors of the feed become the check's problem.

        After an error of ours the feed stays held until its lease runs out, so that it is not tried without a pause.
        """
        from skywrite.sources.feed_poll import look_at

        try:
            return self._take_in(claim, look_at(self._fetch(), claim.feed))
        except FeedLeaseLost as error:
            return FeedCheck(claim.feed.id, problem=Problem.of(error))

    def _take_in(self, claim: FeedClaim, seen: Seen) -> FeedCheck:
        """Enter what was seen into the ledger, then post what waits."""
        from skywrite.sources.feed_poll import make_poll

        ledger = self.store.known_items(claim.feed.id, seen.marks) if seen.marks else {}
        look = make_poll(claim.feed, seen, ledger, now=self.clock.now(), random=self.clock.random())
        waiting = self.store.record_poll(claim, look)
        posts, warnings, done = self._post_waiting(claim) if waiting else ([], [], 0)
        new = sum(item.state == "pending" for item in look.items)
        return FeedCheck(claim.feed.id, new, tuple(posts), waiting - done, look.problem, (*seen.warnings, *warnings))

    def _post_waiting(self, claim: FeedClaim) -> tuple[list[int], list[str], int]:
        """The posts made, what is to be told, and how many items are done with; then the feed is given back."""
        most = int(claim.feed.settings.get("most", MOST_PER_CHECK))
        posts: list[int] = []
        warnings: list[str] = []
        done = failed = 0
        for item in self.store.pending_items(claim.feed.id, most + TROUBLED_MAX):
            if done == most:
                break
            self.store.renew_feed(claim, FEED_LEASE_SECONDS)
            try:
                made, told = self._post_item(claim, item)
            except FeedLeaseLost:
                raise
            except SkywriteError as error:
                for_good = isinstance(error, InputError | RejectedError)
                self.store.fail_item(claim, item.id, Problem.of(error), for_good=for_good)
                failed += for_good
                warnings.append(error.about(f"Item {item.title!r}").message)
                continue
            done += 1
            posts += made
            warnings += told
        self.store.release_feed(claim)
        return posts, warnings, done + failed

    def _post_item(self, claim: FeedClaim, item: FeedItem) -> tuple[list[int], list[str]]:
        """Make the posts of one item, for every account, and mark it as queued, in one transaction."""
        new: list[NewPost] = []
        warnings: list[str] = []
        errors: list[SkywriteError] = []
        spacing = str(claim.feed.settings.get("spacing", "gap"))
        for did in claim.feed.account_dids:
            account = self.store.account(did)
            try:
                ready = self._prepared(self._item_row(item.content or {}, claim.feed.settings, account), account)
            except InputError as error:
                errors.append(error.about(account.handle) if len(claim.feed.account_dids) > 1 else error)
                continue
            self.keep_media([ready])
            warnings += ready.warnings
            due_at = self._due_at(account, spacing)
            key = f"feed:{claim.feed.id}:{item.hash}:{account.did}"
            source, exclusive_slot = f"feed:{claim.feed.id}", spacing == "slots"
            post = self.new_post(ready, due_at=due_at, key=key, source=source, exclusive_slot=exclusive_slot)
            # Whoever finds the item again, after a restore or on another computer, makes the same post of it.
            published_at = item.published_at or claim.feed.created_at
            new.append(post._replace(identity=(f"feed {claim.feed.url} {item.hash}", published_at)))
        if not new:
            raise errors[0] if errors else UnknownAccount("The feed has no account any more.", hint="Add it anew.")
        problem = Problem.of(errors[0]) if errors else None
        results, _ = self.store_in_slots(new, lambda posts: self.store.queue_item(claim, item.id, posts, problem))
        warnings += [error.message for error in errors]
        return [result.id for result in results if not result.existed], warnings

    def _item_row(self, content: Mapping[str, Any], settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        from skywrite.sources.feed_poll import template_of
        from skywrite.sources.feed_post import draft_row

        shorten = bool(account.settings.get("shorten", True))
        return draft_row(content, template_of(settings), {"shorten": shorten, **settings})

    def _prepared(self, row: Mapping[str, Any], account: Account) -> Ready:
        """Check a draft; images that cannot be had, and pages that may not be opened, are left out and told."""
        try:
            return self.prepare(self.draft(account, row), account)
        except SkywriteError as error:
            spare = [{**row, "images": [], "card": "auto"}] if row.get("images") else []
            for plainer in (*spare, {**row, "images": [], "card": "none"}):
                if plainer == row or not row["text"]:
                    continue
                try:
                    ready = self.prepare(self.draft(account, plainer), account)
                except SkywriteError:
                    continue
                ready.warnings.append(f"Posted without its images: {error.message}")
                return ready
            raise

    def _due_at(self, account: Account, spacing: str) -> datetime:
        """The next free slot, or the first moment with the account's gap to the posts that wait."""
        if spacing == "slots":
            return self.moment(account, None)
        now = self.clock.now()
        gap = timedelta(seconds=int(account.settings.get("gap_seconds") or GAP_SECONDS))
        due_at = now
        for taken in self.store.due_times(account.did, now - gap, now + timedelta(days=60)):
            if taken - due_at >= gap:
                break
            if taken > due_at - gap:
                due_at = taken + gap
        return due_at


def _within(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise InputError(f"{name} is {value}; it can be from {least} to {most}.")
    return value


def _one_of(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise InputError(f"{name} cannot be {value!r}.", hint=f"It is one of: {', '.join(choices)}.")
    return value
