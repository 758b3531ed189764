"""Which items are the same: every change that a feed goes through, alone and in any sequence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.features.feeds.model import KnownItem
from skywrite.features.feeds.reading.entry import FeedDocument, FeedEntry
from skywrite.features.feeds.reading.identity import (
    FINGERPRINTS_MAX,
    all_fingerprints,
    match,
    news_of,
    oldest_first,
    plain_link,
    with_fingerprints,
)

DAY = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class Ledger:
    """A ledger in memory, with the rules of the store: the first item that had a fingerprint keeps it."""

    items: dict[int, KnownItem] = field(default_factory=dict)
    fingerprints: dict[int, tuple[int, bool]] = field(default_factory=dict)
    posted: list[str] = field(default_factory=list)

    def look(self, *entries: FeedEntry, link: str = "https://site.example/") -> list[str]:
        """Take in a state of the feed; the titles of the items that are new, oldest first."""
        document = FeedDocument("Feed", link, entries)
        pairs = with_fingerprints(document)
        known = {n: self.items[self.fingerprints[n][0]] for n in all_fingerprints(pairs) if n in self.fingerprints}
        matching = match(document, pairs, known)
        new = oldest_first(matching.new)
        for entry, prints in new:
            number = len(self.items) + 1
            self._keep(number, entry, prints, matching.strong(prints), 0)
        for entry, prints, item in matching.known:
            strong = news_of(entry, prints, item, known, matching.strong(prints))
            if strong is not None:
                self.fingerprints = {n: kept for n, kept in self.fingerprints.items() if kept != (item.id, True)}
                self._keep(item.id, entry, prints, strong, item.fingerprints)
        titles = [entry.title for entry, _ in new]
        self.posted += titles
        return titles

    def _keep(self, number: int, entry: FeedEntry, prints: Any, strong: tuple[int, ...], before: int) -> None:
        self.items[number] = KnownItem(
            number, "queued", bool(prints.guid), entry.published_at, prints.title_hash, before + len(strong)
        )
        for one in strong:
            self.fingerprints.setdefault(one, (number, False))
        for one in prints.weak:
            if one:
                self.fingerprints.setdefault(one, (number, True))


def entry(name: str, **values: Any) -> FeedEntry:
    """An entry with everything an entry can have."""
    known = {
        "guid": f"Guid-{name}",
        "link": f"https://site.example/{name}",
        "title": name,
        "published_at": DAY,
        **values,
    }
    return FeedEntry(**known)


@pytest.mark.parametrize(
    "after",
    [
        entry("a"),
        entry("a", guid="GUID-A"),
        entry("a", guid=" guid-a "),
        entry("a", link="http://www.site.example/a/?utm_source=rss&utm_medium=feed#rss"),
        entry("a", title="edited"),
        entry("a", title="edited", published_at=DAY + timedelta(days=1)),
        entry("a", title="edited", link="https://other.example/z", published_at=None),
        entry("a", guid="another"),
        entry("a", guid=""),
        entry("a", guid="", title="edited", published_at=None),
        entry("a", guid="another", link="https://new.example/b"),
        entry("a", guid="another", title="edited"),
        entry("a", guid="another", published_at=DAY + timedelta(hours=1)),
    ],
)
def test_an_item_stays_the_same(after: FeedEntry) -> None:
    """Case, tracking parameters, edits, lost or new guids, and moves make no new item."""
    ledger = Ledger()
    ledger.look(entry("a"))
    assert [] == ledger.look(after)
    assert [] == ledger.look(entry("a"))


@pytest.mark.parametrize(
    "after",
    [
        entry("a", guid="", title="edited"),
        entry("a", guid="", link="http://www.site.example/a?fbclid=1"),
        entry("a", guid="", link="https://site.example/moved"),
        entry("a", guid="brand-new"),
    ],
)
def test_an_item_without_guid_stays_the_same(after: FeedEntry) -> None:
    """Without guids, links and pairs of title and date tell items."""
    ledger = Ledger()
    ledger.look(entry("a", guid=""))
    assert [] == ledger.look(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # A page for everything.
        (
            entry("a", link="https://site.example/status"),
            entry("b", link="https://site.example/status", published_at=DAY + timedelta(1)),
        ),
        # The feed's own page as every item's link, and the same title every time.
        (
            entry("a", title="Down", link="https://site.example/"),
            entry("b", title="Down", link="https://site.example/", published_at=DAY + timedelta(1)),
        ),
        # Parts of one page.
        (
            entry("a", guid="", link="https://site.example/log#v1"),
            entry("b", guid="", link="https://site.example/log#v2"),
        ),
        # Guids alone.
        (FeedEntry(guid="1"), FeedEntry(guid="2")),
        # Pages that differ in their query alone.
        (entry("a", guid="", link="https://site.example/?p=1"), entry("b", guid="", link="https://site.example/?p=2")),
    ],
)
def test_different_items_stay_different(before: FeedEntry, after: FeedEntry) -> None:
    """What feeds of all kinds have in common among their items makes none of them disappear."""
    ledger = Ledger()
    ledger.look(before)
    assert 1 == len(ledger.look(after))


def test_items_of_one_look_that_share_everything_weak_stay_different() -> None:
    """Entries with guids of their own are items of their own, in any order, unless nothing tells them apart."""
    ledger = Ledger()
    twins = [entry(name, link="https://site.example/all", title=f"News {name}") for name in "ab"]
    assert ["News b", "News a"] == ledger.look(*twins)
    assert [] == ledger.look(*reversed(twins))
    assert ["News c"] == ledger.look(
        entry("c", link="https://site.example/all", title="News c", published_at=None), *twins
    )
    assert [] == ledger.look(twins[1])


def test_a_link_that_several_items_had_tells_nothing_any_more() -> None:
    """Once two items share a link, a third one with it is new, also when it comes alone and without a date."""
    ledger = Ledger()
    first, second, third = (entry(name, link="https://site.example/all", published_at=None) for name in "abc")
    assert ["a"] == ledger.look(first)
    assert ["b"] == ledger.look(second, first)
    assert ["c"] == ledger.look(third)


def test_an_item_that_is_listed_twice_is_one() -> None:
    """The same guid twice, or the same title, link and date twice, is one item, now and at the next look."""
    ledger = Ledger()
    assert ["a"] == ledger.look(entry("a"), entry("a"), entry("a", guid="copy"))
    assert [] == ledger.look(entry("a", guid="copy"), entry("a"))


def test_recurring_titles_are_matched_with_their_own_dates() -> None:
    """Items of one title and link, without guids, are told by their dates, whatever their order."""
    ledger = Ledger()
    days = [
        entry("x", guid="", title="Weekly", link="https://site.example/", published_at=DAY + timedelta(n))
        for n in range(3)
    ]
    assert 2 == len(ledger.look(days[1], days[0]))
    assert 1 == len(ledger.look(days[2], days[1], days[0]))
    assert [] == ledger.look(*days)


def test_an_entry_with_nothing_to_be_known_by_is_passed_over() -> None:
    """No guid, no link and no text: nobody could tell it again."""
    assert [] == Ledger().look(FeedEntry(author="x"))


def test_a_feed_that_makes_up_guids_does_not_fill_the_ledger() -> None:
    """What an item is known by is bounded, and it is still the same item."""
    ledger = Ledger()
    for number in range(200):
        ledger.look(entry("a", guid=f"made-up-{number}"))
    assert (["a"], True) == (ledger.posted, len(ledger.fingerprints) <= FINGERPRINTS_MAX + 4)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://Site.Example/a", "http://www.site.example/a/"),
        ("https://site.example/a?b=1&c=2", "https://site.example/a?c=2&b=1&gclid=7"),
        ("https://site.example/a?source=rss------2", "https://site.example/a"),
        ("https://site.example/a#utm_campaign=x", "https://site.example/a"),
        ("https://site.example:443/a", "https://site.example/a"),
    ],
)
def test_copies_of_a_link_are_one(one: str, other: str) -> None:
    """Scheme, www, case of the host, order and tracking do not tell pages apart."""
    assert plain_link(one) == plain_link(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://site.example/a", "https://site.example/A"),
        ("https://site.example/a?id=1", "https://site.example/a?id=2"),
        ("https://site.example/a?ref=main", "https://site.example/a?ref=dev"),
        ("https://site.example/a#one", "https://site.example/a#two"),
        ("https://site.example:8080/a", "https://site.example/a"),
        ("https://site.example/a?b=1%262", "https://site.example/a?b=1&2"),
    ],
)
def test_links_to_different_pages_are_different(one: str, other: str) -> None:
    """What may name another page is kept."""
    assert plain_link(one) != plain_link(other)


# Any sequence of states


@st.composite
def sightings(draw: st.DrawFn, names: str) -> list[tuple[str, str, int, int, int]]:
    """One state of a feed: some of its items in some order, each changed in some ways."""
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=len(names)))
    return [
        (
            name,
            draw(st.sampled_from(["same", "upper", "folded"])),
            draw(st.integers(0, 2)),
            draw(st.integers(0, 3)),
            draw(st.integers(0, 1)),
        )
        for name in chosen
    ]


def seen_as(sighting: tuple[str, str, int, int, int], kind: str) -> FeedEntry:
    """An item as a state shows it: its guid in another case, its link with tracking, its title edited."""
    name, case, edit, tracking, redated = sighting
    guid = {"same": f"Tag:{name}", "upper": f"TAG:{name.upper()}", "folded": f"tag:{name}"}[case]
    link = (
        f"https://site.example/{name}" + ["", "?utm_source=x", "/", "/?utm_medium=rss&utm_campaign=y#utm_z"][tracking]
    )
    title = [f"Title of {name}", f"Corrected title of {name}", f"Title of {name} (updated)"][edit]
    date = DAY + timedelta(days=ord(name), hours=redated)
    if kind == "guid only":
        return FeedEntry(guid=guid, title=title, published_at=date)
    if kind == "link only":
        return FeedEntry(link=link, title=title)
    if kind == "one page":
        return FeedEntry(guid=guid, link="https://site.example/", title=title, published_at=date)
    return FeedEntry(guid=guid, link=link, title=title, published_at=date)


@given(
    states=st.lists(sightings("abcdefg"), max_size=12),
    kind=st.sampled_from(["everything", "guid only", "link only", "one page"]),
)
def test_any_sequence_of_states_posts_each_item_once(states: list[Any], kind: str) -> None:
    """Items that come, go, change places, guids' case, links' tracking, titles and dates: each is new exactly once."""
    ledger = Ledger()
    expected: set[str] = set()
    for state in states:
        new = {sighting[0] for sighting in state} - expected
        titles = ledger.look(*(seen_as(sighting, kind) for sighting in state))
        assert len(new) == len(titles)
        expected |= new
    assert len(expected) == len(ledger.posted)


@given(states=st.lists(sightings("abcde"), min_size=1, max_size=6), cut=st.integers(0, 5))
def test_a_feed_that_moves_to_another_host_repeats_nothing(states: list[Any], cut: int) -> None:
    """At a new address, with new links and new guids, but the same titles and dates, nothing is new."""
    ledger = Ledger()
    for state in states:
        ledger.look(
            *(
                replace(seen_as(one, "everything"), title=one[0], published_at=DAY + timedelta(ord(one[0])))
                for one in state
            )
        )
    before = len(ledger.posted)
    names = [one[0] for one in states[cut % len(states)]]
    moved = [
        FeedEntry(
            guid=f"new:{name}", link=f"https://new.example/{name}", title=name, published_at=DAY + timedelta(ord(name))
        )
        for name in names
    ]
    assert ([], before) == (ledger.look(*moved, link="https://new.example/"), len(ledger.posted))


def test_the_oldest_comes_first() -> None:
    """Dates order items; without them, the feed's own order does, from its end."""
    dated = [entry("new", published_at=DAY), entry("old", published_at=DAY - timedelta(1))]
    assert ["old", "new"] == Ledger().look(*dated)
    assert ["old", "new"] == Ledger().look(*reversed(dated))
    assert ["z", "y"] == Ledger().look(entry("y", published_at=None), entry("z"))
