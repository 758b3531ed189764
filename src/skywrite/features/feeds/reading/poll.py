"""One poll of a feed: a polite request, and what the response means for the ledger.

What lives here: conditional requests, remembering redirects and refusals, first polls, filters. What does not: storing
it (`features.feeds.store`), which entries are the same (`identity`), how often to poll (`pace`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from skywrite.core.contained import TooCostly
from skywrite.core.errors import InputError, SkywriteError
from skywrite.features.feeds.model import Feed, FeedState, ItemState, ItemUpdate, KnownItem, NewItem, Poll
from skywrite.features.feeds.reading.entry import FeedDocument, FeedEntry, FeedUnreadable
from skywrite.features.feeds.reading.examine import (
    ContainedTemplate,
    Examined,
    check_filter,
    contained_template,
    examine,
)
from skywrite.features.feeds.reading.feed import (
    FEED_ACCEPT,
    FEED_BYTES_MAX,
    FEED_TIMEOUT_SECONDS,
    looks_like_feed,
    page_feeds,
    read_feed,
)
from skywrite.features.feeds.reading.identity import (
    Fingerprints,
    Matching,
    all_fingerprints,
    copies,
    match,
    news_of,
    oldest_first,
    with_fingerprints,
)
from skywrite.features.feeds.reading.pace import (
    GONE_SEEN,
    MOVES_SEEN,
    after_error,
    checked_interval,
    interval_of,
    next_check,
)
from skywrite.features.feeds.reading.post import IMAGE_CHOICES
from skywrite.posting.schedule.policy import parse_duration
from skywrite.posting.sources.template import DEFAULT_TEMPLATE
from skywrite.protocol.bsky.limits import check_labels, check_langs
from skywrite.protocol.fetch.fetch import Fetched, Fetcher, FetchFailed, FetchRejected
from skywrite.protocol.fetch.guard import AddressRefused
from skywrite.queue.model import Problem

GONE = 410


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """The result of a poll: a document, nothing new (`document` is None), or an error.

    `memory` is stored for the next poll.
    """

    memory: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    document: FeedDocument | None = None
    entries: tuple[tuple[FeedEntry, Fingerprints], ...] = ()
    error: SkywriteError | None = None
    gone: bool = False

    @property
    def fingerprints(self) -> list[int]:
        """The fingerprints to look up in the ledger."""
        return all_fingerprints(self.entries)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Problems in the feed."""
        return self.document.warnings if self.document else ()


def feed_settings(**options: Any) -> dict[str, Any]:
    """The settings of a feed from a user's options, checked; unset options are left out."""
    settings = {name: value for name, value in options.items() if value not in (None, "", [], ())}
    check_filter(settings.get("include", ()), settings.get("exclude", ()))
    template_of(settings)
    if "labels" in settings:
        settings["labels"] = check_labels(list(settings["labels"]))
    if "langs" in settings:
        settings["langs"] = check_langs(list(settings["langs"]))
    if "every" in settings:
        settings["every"] = checked_interval(parse_duration(str(settings["every"])))
    if not isinstance(settings.get("mentions", False), bool):
        raise InputError(
            f"mentions must be true or false, not {settings['mentions']!r}.",
            hint="Write mentions=True or mentions=False.",
        )
    if settings.get("images", "auto") not in IMAGE_CHOICES:
        raise InputError(f"images cannot be {settings['images']!r}.", hint=f"It is one of: {', '.join(IMAGE_CHOICES)}.")
    return settings


def template_of(settings: Mapping[str, Any]) -> ContainedTemplate:
    """The template of a feed's settings; raises InputError."""
    return _template(str(settings.get("template", DEFAULT_TEMPLATE)))


@lru_cache(maxsize=256)
def _template(source: str) -> ContainedTemplate:
    return contained_template(source)


def with_scheme(url: str) -> str:
    """An address as people write it: `example.com/blog` is at https, and so is `feed://example.com/blog`."""
    text = url.strip()
    if text.lower().startswith("feed:"):
        text = text[5:].removeprefix("//")
    return text if "://" in text or not re.match(r"[\w-]+(\.[\w-]+)+([:/?#]|$)", text) else f"https://{text}"


def find_feed(fetcher: Fetcher, url: str) -> tuple[str, PollAnswer]:
    """The feed at an address, or the first readable one that the page there links to. Returns its address and content.

    Raises InputError, AddressRefused, FetchFailed, FetchRejected, FeedUnreadable.
    """
    url = with_scheme(url)
    fetched = _ask(fetcher, url, {})
    if looks_like_feed(fetched):
        return fetched.moved_to or url, _answer_of(fetched, {}, None)
    problem: SkywriteError | None = None
    for candidate in page_feeds(fetched):
        try:
            answer = _ask(fetcher, candidate, {})
            return answer.moved_to or candidate, _answer_of(answer, {}, None)
        except (AddressRefused, FetchFailed, FetchRejected, FeedUnreadable) as error:
            problem = problem or error
    if problem is not None:
        raise problem.about("The page names a feed that cannot be read")
    raise InputError(
        f"{url} is not a feed, and the page links to none.",
        code="feed.not_found",
        hint="Look for an RSS or Atom link on the page.",
    )


def poll_feed(fetcher: Fetcher, feed: Feed) -> PollAnswer:
    """Fetch a feed conditionally. Errors of the server and of the feed are in the result, not raised."""
    conditions = {
        header: str(feed.memory[name])
        for name, header in (("etag", "If-None-Match"), ("last_modified", "If-Modified-Since"))
        if feed.memory.get(name)
    }
    try:
        fetched = _ask(fetcher, feed.url, conditions)
        return _answer_of(fetched, feed.memory, feed.url)
    except (FetchFailed, FetchRejected) as error:
        answer = error.answer
        gone = answer is not None and answer.status == GONE
        count = int(feed.memory.get("gone_seen", 0)) + 1 if gone else 0
        memory = {**feed.memory, "gone_seen": count}
        headers = answer.headers if answer is not None else {}
        return PollAnswer(memory, headers, error=error, gone=count >= GONE_SEEN)
    except (AddressRefused, FeedUnreadable) as error:
        return PollAnswer(feed.memory, error=error)


def _ask(fetcher: Fetcher, url: str, headers: Mapping[str, str]) -> Fetched:
    return fetcher.fetch(
        url, max_bytes=FEED_BYTES_MAX, timeout_seconds=FEED_TIMEOUT_SECONDS, accept=FEED_ACCEPT, headers=headers
    )


def _answer_of(fetched: Fetched, memory: Mapping[str, Any], asked: str | None) -> PollAnswer:
    headers = fetched.headers
    moved: dict[str, Any] = {"moved_to": None, "moved_seen": 0}
    if asked is not None and fetched.moved_to is not None and fetched.moved_to != asked:
        before = int(memory.get("moved_seen", 0)) if memory.get("moved_to") == fetched.moved_to else 0
        moved = {"moved_to": fetched.moved_to, "moved_seen": before + 1}
    kept = {**memory, **moved, "gone_seen": 0}
    if fetched.status == 304:
        return PollAnswer(kept, headers)
    body_hash = blake2b(fetched.body, digest_size=16).hexdigest()
    known = {
        "etag": headers.get("etag", "")[:500],
        "last_modified": headers.get("last-modified", "")[:100],
        "body_hash": body_hash,
    }
    if memory.get("body_hash") == body_hash:
        return PollAnswer({**kept, **known}, headers)
    document = read_feed(fetched)
    kept |= {**known, "feed_seconds": document.interval_seconds}
    return PollAnswer(kept, headers, document, tuple(with_fingerprints(document)))


def make_poll(feed: Feed, answer: PollAnswer, ledger: Mapping[int, KnownItem], *, now: datetime, random: float) -> Poll:
    """What a response means for the ledger, and when to poll next. `random` is in [0, 1)."""
    memory = dict(answer.memory)
    asked = feed.settings.get("every")
    if answer.error is not None:
        failures = feed.failures + 1
        usual = interval_of(asked, memory.get("feed_seconds"), {})
        at = after_error(now, usual, failures, random, answer.headers)
        problem = Problem.of(answer.error)
        if answer.gone:
            gone = InputError(
                f"{feed.url} is permanently gone, says its server.", code="feed.gone", hint="Remove it, or check it."
            )
            problem = Problem.of(gone)
        state: FeedState = "gone" if answer.gone else "active"
        return Poll(feed.url, feed.title, memory, None if answer.gone else at, state, False, failures, problem)
    url = feed.url
    if memory.get("moved_to") and int(memory.get("moved_seen", 0)) >= MOVES_SEEN:
        url = str(memory["moved_to"])
        memory |= {"moved_to": None, "moved_seen": 0, "added_url": feed.added_url}
    try:
        items, updates = _changes(feed, answer, ledger) if answer.document else ((), ())
    except TooCostly as error:
        unread = PollAnswer(feed.memory, answer.headers, error=FeedUnreadable(error.message, hint=error.hint))
        return make_poll(feed, unread, ledger, now=now, random=random)
    interval = interval_of(asked, memory.get("feed_seconds"), answer.headers)
    title = answer.document.title if answer.document and answer.document.title else feed.title
    return Poll(url, title, memory, next_check(now, interval, random), items=items, updates=updates)


def _changes(
    feed: Feed, answer: PollAnswer, ledger: Mapping[int, KnownItem]
) -> tuple[tuple[NewItem, ...], tuple[ItemUpdate, ...]]:
    assert answer.document is not None
    matching = match(answer.document, answer.entries, ledger)
    new = oldest_first(matching.new)
    passed = len(new) - int(feed.settings.get("backfill", 0)) if feed.first_polled_at is None else 0
    examined = examine(answer.document, [entry for entry, _ in new[max(passed, 0) :]], feed.settings)
    items = []
    for place, (entry, prints) in enumerate(new):
        content: Mapping[str, Any] = {}
        state: ItemState = "passed"
        problem = None
        if place >= passed:
            examination = examined[place - max(passed, 0)]
            content, state = examination.content, _state(examination)
            problem = Problem.of(examination.too_slow) if examination.too_slow else None
        weak = _some(prints.weak)
        items.append(
            NewItem(
                state,
                prints.hash,
                entry.title[:300],
                content,
                bool(prints.guid),
                entry.published_at,
                prints.title_hash,
                matching.strong(prints),
                weak,
                problem,
            )
        )
    return tuple(items), tuple(_updates(answer, matching, ledger))


def _state(examination: Examined) -> ItemState:
    if examination.too_slow:
        return "failed"
    return "pending" if examination.wanted else "filtered"


def _updates(answer: PollAnswer, matching: Matching, ledger: Mapping[int, KnownItem]) -> list[ItemUpdate]:
    updates = []
    assert answer.document is not None
    waiting = [entry for entry, _, item in matching.known if item.state == "pending"]
    contents = iter(examine(answer.document, waiting))
    for entry, prints, item in matching.known:
        content = next(contents).content if item.state == "pending" else {}
        strong = news_of(entry, prints, item, ledger, matching.strong(prints))
        if strong is None and item.state != "pending":
            continue
        updates.append(
            ItemUpdate(
                item.id,
                entry.title[:300],
                content,
                bool(prints.guid) or item.has_guid,
                entry.published_at,
                prints.title_hash,
                strong or (),
                _some(prints.weak),
            )
        )
    return updates


def _some(numbers: Sequence[int]) -> tuple[int, ...]:
    return tuple(number for number in numbers if number)


class ShownEntry(NamedTuple):
    """An entry as it is previewed: its state ("new", "filtered" or "repeated" if it is not in the ledger), its content,
    and why it is the same item as another one."""

    entry: FeedEntry
    state: str
    content: dict[str, Any]
    same_as: str = ""


def shown_entries(answer: PollAnswer, settings: Mapping[str, Any], ledger: Mapping[int, KnownItem]) -> list[ShownEntry]:
    """The entries of a poll, the latest first."""
    if answer.document is None:
        return []
    matching = match(answer.document, answer.entries, ledger)
    states = {id(entry): str(item.state) for entry, _, item in matching.known}
    same = {
        id(entry): f"the same item as {(other.title or other.link)!r}: it has {why}"
        for entry, other, why in copies(answer.entries, matching)
    }
    shown = []
    entries = [entry for entry, _ in reversed(oldest_first(answer.entries))]
    for entry, examination in zip(entries, examine(answer.document, entries, settings), strict=True):
        state = states.get(id(entry)) or {"pending": "new"}.get(_state(examination), _state(examination))
        same_as = same.get(id(entry), "")
        shown.append(ShownEntry(entry, "repeated" if same_as else state, examination.content, same_as))
    return shown
