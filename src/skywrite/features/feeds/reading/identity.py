"""Recognises the items of a feed, however the feed changes. Pure.

What lives here: fingerprints, and matching a feed's entries with the items of the ledger. What does not: the
ledger (`features.feeds.store`).

An item is known by its guid (as written, and without case, scheme and tracking parameters), by its link (likewise), and
weakly by pairs of title, link and date. If any of them matches, from the surest to the weakest, an entry is the same
item, with three exceptions for different items:

- an item of the ledger is only one entry of a feed: a surer match wins over a weaker one;
- a link that several entries share, or that is the feed's own page, identifies nothing;
- if both have a guid and only the link is the same, a different title with a different date is another item.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import parse_qsl, quote, urlsplit

from skywrite.features.feeds.model import KnownItem
from skywrite.features.feeds.reading.entry import FeedDocument, FeedEntry

FINGERPRINTS_MAX = 64
TEXT_COMPARED_MAX = 300
WEAK = ("title-date", "link-date", "link-title")

_TRACKING = re.compile(
    r"utm_\w+|mtm_\w+|pk_\w+|hsa_\w+|at_(?:medium|campaign|link|format)\w*|xtor|fbclid|gclid|dclid|msclkid|mc_[ce]id"
    r"|igshid|yclid|_hsenc|_hsmi|ns_(?:mchannel|source|campaign|linkname|fee)|wt\.?_?mc\w*|mkt_tok"
)
# These may be the only difference between two pages, unless they say where the reader came from (tracking).
_ORIGIN = re.compile(r"ref|ref_src|source|src|from|cmp|cmpid|ocid|via|feed|rss", re.IGNORECASE)
_ORIGIN_VALUE = re.compile(
    r".*(?:rss|feed|atom|newsletter|bluesky|bsky|mastodon|twitter|social).*|1|true|", re.IGNORECASE | re.DOTALL
)
_TRACKING_FRAGMENT = re.compile(r"(?:utm_|mtm_|xtor=|ns_|at_)|rss\Z|feed\Z|more(?:-\d+)?\Z|ref=")


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The fingerprints of an entry, 64-bit numbers, 0 if it has none.

    `weak` are those of title and date, link and date, link and title. `title_hash` is only for comparison.
    """

    guid: tuple[int, ...]
    link: int
    shared: int
    weak: tuple[int, ...]
    title_hash: int
    hash: str


@dataclass(frozen=True, slots=True)
class Matching:
    """The new entries, in the feed's order, and those that are in the ledger."""

    new: tuple[tuple[FeedEntry, Fingerprints], ...]
    known: tuple[tuple[FeedEntry, Fingerprints, KnownItem], ...]
    shared: frozenset[int]

    def strong(self, prints: Fingerprints) -> tuple[int, ...]:
        """The strong fingerprints to store for an entry."""
        if not prints.link:
            return prints.guid
        return (*prints.guid, prints.shared if prints.link in self.shared else prints.link)


def plain_link(link: str) -> str:
    """A link without what differs between copies: scheme, `www.`, case of the host, tracking, order, trailing `/`."""
    parts = urlsplit(link)
    host = (parts.hostname or "").removeprefix("www.")
    port = f":{parts.port}" if _port(parts.netloc) else ""
    query = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True, max_num_fields=None)
        if not _TRACKING.fullmatch(name.lower()) and not (_ORIGIN.fullmatch(name) and _ORIGIN_VALUE.fullmatch(value))
    )
    fragment = "" if _TRACKING_FRAGMENT.match(parts.fragment) else parts.fragment
    asked = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    return f"{host}{port}{parts.path.rstrip('/')}?{asked}#{fragment}"


def _port(netloc: str) -> bool:
    tail = netloc.rpartition(":")[2]
    return tail.isdecimal() and tail not in ("80", "443")


def fingerprints_of(entry: FeedEntry) -> Fingerprints | None:
    """An entry's fingerprints; None if it has nothing to identify it."""
    title = _compared(entry.title or entry.summary_html or entry.content_html)
    link = _safe_link(entry.link)
    date = entry.published_at.isoformat() if entry.published_at else ""
    guid = (_number("guid", entry.guid), _number("folded", _folded(entry.guid))) if entry.guid else ()
    pairs = (("title-date", title, date), ("link-date", link, date), ("link-title", link, title))
    weak = tuple(_number(kind, one, other) if one and other else 0 for kind, one, other in pairs)
    if not guid and not link and not title:
        return None
    return Fingerprints(
        guid=guid,
        link=_number("link", link) if link else 0,
        shared=_number("shared", link) if link else 0,
        weak=weak,
        title_hash=zlib.crc32(title.encode("utf-8", "surrogatepass")),
        hash=_digest("guid", entry.guid).hex() if entry.guid else _digest("item", link, title, date).hex(),
    )


def all_fingerprints(entries: Sequence[tuple[FeedEntry, Fingerprints]]) -> list[int]:
    """All fingerprints to look up in the ledger."""
    numbers: dict[int, None] = {}
    for _, prints in entries:
        for number in (*prints.guid, prints.link, prints.shared, *prints.weak):
            if number:
                numbers[number] = None
    return list(numbers)


def with_fingerprints(document: FeedDocument) -> list[tuple[FeedEntry, Fingerprints]]:
    """The entries of a feed with their fingerprints; entries without any are left out."""
    pairs = ((entry, fingerprints_of(entry)) for entry in document.entries)
    return [(entry, prints) for entry, prints in pairs if prints is not None]


def match(
    document: FeedDocument, entries: Sequence[tuple[FeedEntry, Fingerprints]], ledger: Mapping[int, KnownItem]
) -> Matching:
    """Separate new entries from items of the ledger (by fingerprint, for all in `all_fingerprints`)."""
    shared = _shared_links(document, entries, ledger)
    matches: dict[int, KnownItem] = {}
    taken: set[int] = set()
    repeated: set[int] = set()
    for kind in ("guid", "folded", "link", *WEAK):
        for place, (entry, prints) in enumerate(entries):
            item = ledger.get(_usable(kind, prints, shared))
            if place in matches or place in repeated or item is None or _is_another(kind, entry, prints, item, shared):
                continue
            if item.id not in taken:
                matches[place] = item
                taken.add(item.id)
            elif kind == "guid":
                repeated.add(place)
    left = [pair for place, pair in enumerate(entries) if place not in matches and place not in repeated]
    new = _without_copies(left, [entries[place][1] for place in matches])
    return Matching(tuple(new), tuple((*entries[place], item) for place, item in sorted(matches.items())), shared)


def _usable(kind: str, prints: Fingerprints, shared: frozenset[int]) -> int:
    """The fingerprint of this kind that may be used for matching; 0, which never matches, if there is none."""
    if kind in WEAK:
        return prints.weak[WEAK.index(kind)]
    if kind == "link":
        return 0 if prints.link in shared else prints.link
    if not prints.guid:
        return 0
    return prints.guid[0] if kind == "guid" else prints.guid[1]


def _shared_links(
    document: FeedDocument, entries: Sequence[tuple[FeedEntry, Fingerprints]], ledger: Mapping[int, KnownItem]
) -> frozenset[int]:
    """Links of several different entries, now or before, and the feed's own page."""
    identities = {(prints.link, prints.guid[1:] or prints.title_hash) for _, prints in entries if prints.link}
    counts = Counter(link for link, _ in identities)
    shared = {link for link, count in counts.items() if count > 1}
    shared |= {prints.link for _, prints in entries if prints.link and prints.shared in ledger}
    home = _safe_link(document.link)
    if home:
        shared.add(_number("link", home))
    return frozenset(shared)


def _is_another(kind: str, entry: FeedEntry, prints: Fingerprints, item: KnownItem, shared: frozenset[int]) -> bool:
    """Whether the same link is not enough: both have different guids and different dates.

    If the link is unique, the titles must differ as well; if it is shared, that is all.
    """
    if kind not in ("link", "link-title") or not prints.guid or not item.has_guid:
        return False
    if entry.published_at is None or item.published_at is None or entry.published_at == item.published_at:
        return False
    return prints.link in shared or prints.title_hash != item.title_hash


def _without_copies(
    entries: Sequence[tuple[FeedEntry, Fingerprints]], known: Iterable[Fingerprints]
) -> list[tuple[FeedEntry, Fingerprints]]:
    """New entries without duplicates in the feed: the same guid, or the same title, link and date."""
    kept: list[tuple[FeedEntry, Fingerprints]] = []
    seen: set[object] = {prints.weak for prints in known if all(prints.weak)}
    for entry, prints in entries:
        own = {prints.guid[0] if prints.guid else prints.hash} | ({prints.weak} if all(prints.weak) else set())
        if not own & seen:
            kept.append((entry, prints))
        seen |= own
    return kept


def copies(
    entries: Sequence[tuple[FeedEntry, Fingerprints]], matching: Matching
) -> list[tuple[FeedEntry, FeedEntry, str]]:
    """Entries that are the same item as another one of the feed, that other one, and what they have in common."""
    kept = [*matching.new, *((entry, prints) for entry, prints, _ in matching.known)]
    ids = {id(entry) for entry, _ in kept}
    pairs = []
    for entry, prints in entries:
        if id(entry) in ids:
            continue
        for other, theirs in kept:
            if prints.guid and prints.guid[:1] == theirs.guid[:1]:
                pairs.append((entry, other, f"the same guid, {entry.guid}"))
                break
            if all(prints.weak) and prints.weak == theirs.weak:
                pairs.append((entry, other, "the same title, link and date"))
                break
    return pairs


def news_of(
    entry: FeedEntry, prints: Fingerprints, item: KnownItem, ledger: Mapping[int, KnownItem], keep: Sequence[int]
) -> tuple[int, ...] | None:
    """The strong fingerprints that the ledger lacks for a known item; None if nothing has changed.

    An item has at most 64 of them, because some feeds generate new guids at every poll.
    """
    strong = tuple(number for number in keep if number not in ledger)[: max(FINGERPRINTS_MAX - item.fingerprints, 0)]
    changed = (
        item.title_hash != prints.title_hash
        or item.published_at != entry.published_at
        or item.has_guid != bool(prints.guid)
        or any(number and number not in ledger for number in prints.weak)
    )
    return strong if strong or changed else None


def oldest_first(entries: Sequence[tuple[FeedEntry, Fingerprints]]) -> list[tuple[FeedEntry, Fingerprints]]:
    """Sort by date; without dates, or with equal ones, entries further down in the feed are older."""
    dates = [entry.published_at for entry, _ in entries]
    places = list(reversed(range(len(entries))))
    if all(date is not None for date in dates):
        places.sort(key=lambda place: str(dates[place]))
    return [entries[place] for place in places]


def _safe_link(link: str) -> str:
    try:
        return plain_link(link) if link else ""
    except ValueError:
        return link


def _folded(guid: str) -> str:
    if guid.lower().startswith(("http://", "https://")):
        guid = _safe_link(guid)
    return " ".join(guid.casefold().split())


def _compared(text: str) -> str:
    return " ".join(text[: 4 * TEXT_COMPARED_MAX].casefold().split())[:TEXT_COMPARED_MAX]


def _digest(kind: str, *parts: str) -> bytes:
    data = "\x00".join((kind, *parts)).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=8).digest()


def _number(kind: str, *parts: str) -> int:
    return int.from_bytes(_digest(kind, *parts), "big", signed=True) or 1
