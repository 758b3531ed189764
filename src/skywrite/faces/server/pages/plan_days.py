"""The days of the plan, and what is on them, in words for people.

What lives here: which days a view shows, and their items. What does not: where the items come from, and the page
(`plan`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from skywrite.app.operations.plan import PlanPost, PlanShape
from skywrite.core.errors import InputError
from skywrite.faces.server.services import OnPlan
from skywrite.protocol.bsky.markdown import parse_markdown_links
from skywrite.queue.model import Account

VIEWS = ("week", "month", "agenda")
AGENDA_DAYS = 28
FIRST_YEAR, LAST_YEAR = 1970, 2999
# A cell of the month shows so many items; the others are folded, unless it is only one.
CELL_ITEMS = 5
GONE = ("cancelled", "skipped", "failed", "held")
OVER = (*GONE, "published")
COLOURS = "abcd"
# What keeps a post from going out until a person does something, in a word.
NEEDS = {"failed": "failed", "held": "held"}
WAITING = ("scheduled", "held")


class Face(NamedTuple):
    """An account as people see it: its handle, its letter, and its colour. `out`: it is signed out."""

    did: str
    handle: str
    colour: str
    zone: str
    out: bool = False

    @property
    def letter(self) -> str:
        """The first letter of its handle."""
        return self.handle[:1].upper()


class Item(NamedTuple):
    """Something on a day. `kind` is post, slot, coming or repost."""

    kind: str
    at: datetime
    face: Face
    text: str = ""
    id: int | None = None
    state: str = ""
    media: int = 0
    recurrence: int | None = None
    version: int = 0
    # When it really goes out if the account's pace delays it, and whether another post is due in the same minute.
    pushed: str = ""
    is_double: bool = False
    approval_wanted: bool = False
    image: str | None = None

    @property
    def iso(self) -> str:
        """The local time with its offset."""
        return self.at.isoformat()

    @property
    def in_its_zone(self) -> str:
        """The time on the clock of its own account, as the composer reads it."""
        return self.at.astimezone(ZoneInfo(self.face.zone)).isoformat()[:16]

    @property
    def need(self) -> str:
        """What keeps it from going out until a person does something, in a word or two."""
        if self.kind != "post":
            return ""
        if self.state in NEEDS:
            return NEEDS[self.state]
        if self.approval_wanted:
            return "to approve"
        return "signed out" if self.face.out and self.state in WAITING else ""

    @property
    def needs_a_look(self) -> bool:
        """Whether there is a remark about it."""
        return bool(self.pushed or self.is_double or self.need)


class Day(NamedTuple):
    """A day of the plan, and what is on it, in order. What does not fit into a month's cell is `folded`."""

    date: date
    items: list[Item]
    folded: list[Item]
    is_today: bool
    is_past: bool
    in_month: bool = True

    @property
    def remarks(self) -> int:
        """How many of the folded items need a look."""
        return sum(item.needs_a_look for item in self.folded)


def faces(accounts: Iterable[Account], zones: Mapping[str, str]) -> list[Face]:
    """The accounts with their colours, which depend on their order only."""
    return [
        Face(
            account.did,
            account.handle,
            COLOURS[place % len(COLOURS)],
            zones[account.did],
            not account.signed_in or account.state == "needs_login",
        )
        for place, account in enumerate(accounts)
    ]


def day_of(text: str, default: date) -> date:
    """The day of an address. Raises InputError."""
    try:
        day = date.fromisoformat(text) if text else default
    except ValueError:
        raise InputError(f"{text} is not a day.", hint="Write it like 2027-01-31.") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InputError(f"The plan shows the years from {FIRST_YEAR} to {LAST_YEAR}.")
    return day


def range_of(view: str, on: date) -> tuple[date, int]:
    """The first day that is shown, and how many."""
    if view == "agenda":
        return on, AGENDA_DAYS
    if view == "week":
        return on - timedelta(days=on.weekday()), 7
    first = on.replace(day=1)
    start = first - timedelta(days=first.weekday())
    following = (first + timedelta(days=32)).replace(day=1)
    weeks = ((following - start).days + 6) // 7
    return start, 7 * weeks


def neighbours(view: str, on: date) -> tuple[date, date]:
    """A day of what comes before and after what is shown."""
    if view == "month":
        first = on.replace(day=1)
        return (first - timedelta(days=1)).replace(day=1), (first + timedelta(days=32)).replace(day=1)
    days = timedelta(days=7 if view == "week" else AGENDA_DAYS)
    return on - days, on + days


def heading(view: str, first: date, on: date) -> str:
    """What the page is called."""
    if view == "month":
        return f"{on:%B %Y}"
    if view == "agenda":
        return f"From {first.day} {first:%B %Y}"
    last = first + timedelta(days=6)
    if first.month == last.month:
        return f"{first.day} – {last.day} {last:%B %Y}"
    return f"{first.day} {first:%b} – {last.day} {last:%b %Y}"


def days_of(all_items: Iterable[Item], first: date, count: int, today: date, month: date | None) -> Iterator[Day]:
    """The days with their items."""
    items: dict[date, list[Item]] = {}
    for item in sorted(all_items, key=lambda item: (item.at, item.kind != "post")):
        items.setdefault(item.at.date(), []).append(item)
    for number in range(count):
        day = first + timedelta(days=number)
        found_here = items.get(day, [])
        most = CELL_ITEMS if month and len(found_here) > CELL_ITEMS + 1 else len(found_here)
        in_month = month is None or (day.year, day.month) == (month.year, month.month)
        yield Day(day, found_here[:most], found_here[most:], day == today, day < today, in_month)


def items_of(shape: PlanShape, remarks: OnPlan, zone: ZoneInfo, known: Collection[Face]) -> Iterator[Item]:
    """Posts, free slots and coming occurrences."""
    by_handle = {face.handle: face for face in known}
    minutes = Counter(_minute(post) for post in shape.posts if post.state not in OVER)
    for post in shape.posts:
        yield Item(
            "post",
            post.at.astimezone(zone),
            by_handle[post.account],
            post.text,
            post.id,
            post.state,
            post.media,
            post.recurrence,
            post.version,
            remarks.posts.get(post.id, ""),
            post.state not in OVER and minutes[_minute(post)] > 1,
            post.approval_wanted,
            post.image,
        )
    for slot in shape.slots:
        yield Item("slot", slot.at.astimezone(zone), by_handle[slot.account])
    for coming in shape.occurrences:
        late = remarks.coming.get((coming.recurrence, coming.at), "")
        at, text = coming.at.astimezone(zone), plain(coming.text)
        yield Item("coming", at, by_handle[coming.account], text, recurrence=coming.recurrence, pushed=late)


def plain(text: str) -> str:
    """A text as it is written, as readers see it: without the addresses of its links."""
    return parse_markdown_links(text).text


def _minute(post: PlanPost) -> tuple[str, int]:
    """Posts of different accounts never meet."""
    return post.account, int(post.at.timestamp()) // 60
