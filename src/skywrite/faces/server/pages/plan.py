"""The plan: a week, a month or a list of days, with posts, free slots, coming occurrences, and drafts.

What lives here: which days are shown, and what is on them. What does not: the queue's own plan (`operations`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from starlette.responses import Response

from skywrite.app.operations.plan import PlanShape, ShowPlan, show_plan
from skywrite.core.digits import row_number
from skywrite.core.errors import InputError, SkywriteError
from skywrite.faces.server.pages.frame import Visit, back, form_route, page_route, show
from skywrite.faces.server.pages.words import when
from skywrite.faces.server.services import OnPlan
from skywrite.posting.publish.forecast import pace_of, pushes
from skywrite.queue.actions import Actions
from skywrite.queue.model import Account

VIEWS = ("week", "month", "agenda")
AGENDA_DAYS = 28
DRAFTS_MAX = 12
FIRST_YEAR, LAST_YEAR = 1970, 2999
# A cell of the month shows so many items; the others are folded, unless it is only one.
CELL_ITEMS = 5
TROUBLED = ("failed", "held")
REPOST_WORDS = {"repost": "Repost", "unrepost": "Undo the repost", "pin": "Pin", "unpin": "Unpin", "like": "Like"}
GONE = ("cancelled", "skipped", "failed", "held")
OVER = (*GONE, "published")


class Item(NamedTuple):
    """Something on a day. `kind` is post, slot, coming or repost."""

    kind: str
    at: datetime
    account: str
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

    @property
    def iso(self) -> str:
        """The local time with its offset."""
        return self.at.isoformat()

    @property
    def needs_a_look(self) -> bool:
        """Whether there is a remark about it."""
        return bool(self.pushed or self.is_double or self.approval_wanted or self.state in TROUBLED)


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
        return sum(
            bool(item.pushed or item.is_double or item.approval_wanted or item.state in TROUBLED)
            for item in self.folded
        )


def plan(visit: Visit) -> Response:
    """The page."""
    accounts = visit.sky.accounts.list()
    account = next(
        (item for item in accounts if item.handle == visit.query("account")), accounts[0] if accounts else None
    )
    zone = visit.sky.context.zone(account) if account else "UTC"
    today = visit.sky.context.clock.now().astimezone(ZoneInfo(zone)).date()
    view = visit.query("view", "week") if visit.query("view", "week") in VIEWS else "week"
    on = _day(visit.query("on"), today)
    first, count = _range(view, on)
    found = _between(visit, account, first, count, zone)
    rehearsed = _rehearsed(visit, account, first + timedelta(days=count), zone)
    said = rehearsed if isinstance(rehearsed, OnPlan) else OnPlan(_pushed(visit, account, found, zone), {}, "")
    local = ZoneInfo(zone)
    is_rehearsed = isinstance(rehearsed, OnPlan)
    reposts = _rehearsed_reposts(said, local) if is_rehearsed else _reposts(visit, account, first, count, local)
    # A month has no room for what is free.
    items = [*(item for item in _items(found, said, local) if view != "month" or item.kind != "slot"), *reposts]
    days = [*_days(items, first, count, today, on if view == "month" else None)]
    earlier, later = _neighbours(view, on)
    drafts = visit.sky.context.store.listing.drafts(account_did=account.did if account else None, limit=DRAFTS_MAX)
    return show(
        visit,
        "plan.html",
        title="Plan",
        days=[day for day in days if day.items] if view == "agenda" else days,
        view=view,
        on=on,
        today=today,
        earlier=earlier,
        later=later,
        heading=_heading(view, first, on),
        zone=zone,
        account=account,
        accounts=accounts,
        drafts=drafts,
        more=found.more,
        rehearsed=said.summary,
        trouble=rehearsed if isinstance(rehearsed, SkywriteError) else None,
        may_rehearse=account is not None and bool(visit.services.layers) and first + timedelta(days=count) > today,
    )


def move(visit: Visit, form: dict[str, str]) -> Response:
    """Move a post: by drag and drop, by the keyboard, or with a form."""
    visit.access.require("schedule")
    post_id, version = row_number(form["id"]), row_number(form.get("version", ""))
    if post_id is None:
        raise InputError(f"{form['id']!r} is not the number of a post.")
    entry = visit.sky.posts.move(post_id, form["at"], version=version)
    zone = visit.sky.context.zone(entry.account)
    notes = " ".join(str(note) for note in entry.warnings)
    said = f"It goes out {when(entry.post.due_at, zone)} ({zone}). {notes}".strip()
    return back(_where_it_is(form.get("back") or "/", entry.post.due_at, zone), said)


def _where_it_is(address: str, due_at: datetime | None, zone: str) -> str:
    """The address of the plan, on other days if the post has left those that it shows."""
    place = urlsplit(address)
    query = dict(parse_qsl(place.query))
    if due_at is None or place.path != "/" or query.get("view", "week") not in VIEWS:
        return address
    day = due_at.astimezone(ZoneInfo(zone)).date()
    first, count = _range(query.get("view", "week"), _day(query.get("on", ""), day))
    if first <= day < first + timedelta(days=count):
        return address
    return "/?" + urlencode({**query, "on": day.isoformat()})


def _day(text: str, default: date) -> date:
    try:
        found = date.fromisoformat(text) if text else default
    except ValueError:
        raise InputError(f"{text} is not a day.", hint="Write it like 2027-01-31.") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise InputError(f"The plan shows the years from {FIRST_YEAR} to {LAST_YEAR}.")
    return found


def _range(view: str, on: date) -> tuple[date, int]:
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


def _neighbours(view: str, on: date) -> tuple[date, date]:
    if view == "month":
        first = on.replace(day=1)
        return (first - timedelta(days=1)).replace(day=1), (first + timedelta(days=32)).replace(day=1)
    days = timedelta(days=7 if view == "week" else AGENDA_DAYS)
    return on - days, on + days


def _heading(view: str, first: date, on: date) -> str:
    if view == "month":
        return f"{on:%B %Y}"
    if view == "agenda":
        return f"From {first.day} {first:%B %Y}"
    last = first + timedelta(days=6)
    if first.month == last.month:
        return f"{first.day} – {last.day} {last:%B %Y}"
    return f"{first.day} {first:%b} – {last.day} {last:%b %Y}"


def _between(visit: Visit, account: Account | None, first: date, count: int, zone: str) -> PlanShape:
    """The queue's plan for these local days, which may have 23 or 25 hours."""
    start, end = (
        datetime.combine(day, datetime.min.time(), ZoneInfo(zone)) for day in (first, first + timedelta(days=count))
    )
    if account is None:
        return PlanShape([], [], [], False)
    given = ShowPlan(from_=start.isoformat(), to=end.isoformat(), account=account.handle)
    return show_plan(visit.access, given)


def _pushed(visit: Visit, account: Account | None, found: PlanShape, zone: str) -> dict[int, str]:
    """Sentences about the posts that go out later than they are due, by their numbers."""
    if account is None:
        return {}
    pace = pace_of(account.settings, zone)
    posts = [(post.id, post.at, post.state == "published") for post in found.posts if post.state not in GONE]
    due = {post.id: post.at.astimezone(ZoneInfo(zone)).date() for post in found.posts}
    now = visit.sky.context.clock.now()
    said = {}
    for number, push in pushes(posts, pace, _last(account, found), now).items():
        at = push.at.astimezone(ZoneInfo(zone))
        clock = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
        day = "" if at.date() == due[number] else f"{at:%a} {at.day} {at:%b}, "
        said[number] = f"goes out {day}{clock} because of {push.reason}"
    return said


def _rehearsed(visit: Visit, account: Account | None, end: date, zone: str) -> OnPlan | SkywriteError | None:
    """What the worker would do until the end of these days, if requested; or why that is not possible."""
    if account is None or not visit.services.layers or not visit.query("rehearse"):
        return None
    until = datetime.combine(end, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    try:
        return visit.services.layers[0].on_plan(account, until, zone)
    except SkywriteError as error:
        return error


def _last(account: Account, found: PlanShape) -> datetime | None:
    """When the account last published, unless that post is shown."""
    shown = any(post.state == "published" for post in found.posts)
    return None if shown else account.last_published_at


def _days(found: list[Item], first: date, count: int, today: date, month: date | None) -> Iterator[Day]:
    items: dict[date, list[Item]] = {}
    for item in sorted(found, key=lambda item: (item.at, item.kind != "post")):
        items.setdefault(item.at.date(), []).append(item)
    for number in range(count):
        day = first + timedelta(days=number)
        found_here = items.get(day, [])
        most = CELL_ITEMS if month and len(found_here) > CELL_ITEMS + 1 else len(found_here)
        in_month = month is None or (day.year, day.month) == (month.year, month.month)
        yield Day(day, found_here[:most], found_here[most:], day == today, day < today, in_month)


def _items(found: PlanShape, said: OnPlan, zone: ZoneInfo) -> Iterator[Item]:
    minutes = Counter(_minute(post.at) for post in found.posts if post.state not in OVER)
    for post in found.posts:
        yield Item(
            "post",
            post.at.astimezone(zone),
            post.account,
            post.text,
            post.id,
            post.state,
            post.media,
            post.recurrence,
            post.version,
            said.posts.get(post.id, ""),
            post.state not in OVER and minutes[_minute(post.at)] > 1,
            post.approval_wanted,
        )
    for slot in found.slots:
        yield Item("slot", slot.at.astimezone(zone), slot.account)
    for coming in found.occurrences:
        at = coming.at.astimezone(zone)
        late = said.coming.get((coming.recurrence, coming.at), "")
        yield Item("coming", at, coming.account, coming.text, recurrence=coming.recurrence, pushed=late)


def _reposts(visit: Visit, account: Account | None, first: date, count: int, zone: ZoneInfo) -> Iterator[Item]:
    """The account's reposts and pins that wait for one of these days."""
    for action in Actions(visit.sky.context.store).list() if account is not None else ():
        at = action.due_at.astimezone(zone)
        on_day = first <= at.date() < first + timedelta(days=count)
        if account is not None and action.account_did == account.did and action.state == "waiting" and on_day:
            post = visit.sky.context.store.posts.published_as(action.author, action.uri)
            text = f"{REPOST_WORDS[action.kind]}: {post.text if post else action.uri}"
            yield Item("repost", at, account.handle, text)


def _rehearsed_reposts(said: OnPlan, zone: ZoneInfo) -> Iterator[Item]:
    """Those of a rehearsal, with what undoes and repeats them."""
    for one in said.reposts:
        text = f"{REPOST_WORDS[one.kind]}: {one.text}"
        yield Item("repost", one.at.astimezone(zone), one.account, text, pushed=one.remark)


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60


def routes() -> list[Any]:
    """The page and its form."""
    return [page_route("/", plan), form_route("/move", move)]
