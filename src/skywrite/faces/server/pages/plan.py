"""The plan: a week, a month or a list of days of all accounts, with posts, free slots, coming occurrences, and drafts.

What lives here: what the page shows, and moving a post. What does not: the days and their items (`plan_days`), and the
queue's own plan (`operations`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from starlette.responses import Response

from skywrite.app.operations.plan import PlanShape, ShowPlan, show_plan
from skywrite.core.digits import row_number
from skywrite.core.errors import InputError, SkywriteError
from skywrite.faces.server.pages.forms import shown_version
from skywrite.faces.server.pages.frame import Visit, back, form_route, page_route, show
from skywrite.faces.server.pages.plan_days import (
    GONE,
    VIEWS,
    Face,
    Item,
    day_of,
    days_of,
    faces,
    heading,
    items_of,
    neighbours,
    plain,
    range_of,
)
from skywrite.faces.server.pages.words import when
from skywrite.faces.server.services import OnPlan
from skywrite.posting.publish.forecast import pace_of, pushes
from skywrite.queue.actions import Actions
from skywrite.queue.journal import together
from skywrite.queue.model import Account, Post

DRAFTS_MAX = 12
REPOST_WORDS = {"repost": "Repost", "unrepost": "Undo the repost", "pin": "Pin", "unpin": "Unpin", "like": "Like"}


def plan(visit: Visit) -> Response:
    """The page."""
    accounts = visit.sky.accounts.list()
    context = visit.sky.context
    known = faces(accounts, {account.did: context.zone(account) for account in accounts})
    named = visit.request.query_params.getlist("account")
    shown = [account for account in accounts if account.handle in named] or accounts
    zone = context.zone(shown[0]) if shown else "UTC"
    local = ZoneInfo(zone)
    today = context.clock.now().astimezone(local).date()
    view = visit.query("view", "week") if visit.query("view", "week") in VIEWS else "week"
    on = day_of(visit.query("on"), today)
    first, count = range_of(view, on)
    end = first + timedelta(days=count)
    shape = _between(visit, accounts, shown, (first, end), zone)
    rehearsed = _rehearsed(visit, shown, end, zone)
    remarks = rehearsed if isinstance(rehearsed, OnPlan) else OnPlan(_pushed(visit, shown, shape, zone), {}, "")
    reposts = (
        _rehearsed_reposts(remarks, local, known)
        if isinstance(rehearsed, OnPlan)
        else _reposts(visit, [face for face in known if face.did in {one.did for one in shown}], (first, end), local)
    )
    campaigns, campaign = sorted({post.campaign for post in shape.posts if post.campaign}), visit.query("campaign")
    # A month has no room for what is free.
    every = items_of(shape, remarks, local, known)
    items = [*(item for item in every if view != "month" or item.kind != "slot"), *reposts]
    if campaign:
        labelled = {post.id for post in shape.posts if post.campaign == campaign}
        items = [item for item in items if item.id in labelled]
    days = [*days_of(items, first, count, today, on if view == "month" else None)]
    earlier, later = neighbours(view, on)
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
        heading=heading(view, first, on),
        zone=zone,
        faces=known,
        shown={account.handle for account in shown},
        link=_links(view, on, [account.handle for account in shown] if len(shown) < len(accounts) else [], campaign),
        campaigns=sorted({*campaigns, *([campaign] if campaign else ())}),
        campaign=campaign,
        chosen=visit.query("choose"),
        drafts=_drafts(visit, shown, len(accounts)),
        colours={face.did: face for face in known},
        plain=plain,
        more=shape.more,
        rehearsed=remarks.summary,
        trouble=rehearsed if isinstance(rehearsed, SkywriteError) else None,
        may_rehearse=bool(shown and visit.services.layers) and end > today,
    )


def _links(view: str, on: date, handles: list[str], campaign: str) -> Callable[..., str]:
    """The address of the page as it is shown, with what is to be different in it; `toggled` is one more or less of the
    accounts.
    """

    def link(toggled: str = "", **changes: Any) -> str:
        if toggled:
            shown = [one for one in handles if one != toggled] if toggled in handles else [*handles, toggled]
        else:
            shown = changes.pop("accounts", handles)
        query = {"view": view, "on": on, "campaign": campaign, **changes}
        pairs = [(name, value) for name, value in query.items() if value not in ("", None)]
        return "/?" + urlencode([*pairs, *(("account", handle) for handle in shown)])

    return link


def _drafts(visit: Visit, shown: list[Account], known: int) -> list[Post]:
    """The latest drafts of these accounts."""
    dids = [None] if len(shown) == known else [account.did for account in shown]
    drafts = [
        post for did in dids for post in visit.sky.context.store.listing.drafts(account_did=did, limit=DRAFTS_MAX)
    ]
    return sorted(drafts, key=lambda post: -post.id)[:DRAFTS_MAX]


def move(visit: Visit, form: dict[str, str]) -> Response:
    """Move a post: by drag and drop, by the keyboard, or with a form."""
    visit.access.require("schedule")
    post_id, version = row_number(form["id"]), shown_version(form["version"]) if form.get("version") else None
    if post_id is None:
        raise InputError(f"{form['id']!r} is not the number of a post.")
    with together() as change:
        entry = visit.sky.posts.move(post_id, form["at"], version=version)
    zone = visit.sky.context.zone(entry.account)
    notes = " ".join(str(note) for note in entry.warnings)
    sentence = f"It goes out {when(entry.post.due_at, zone)} ({zone}). {notes}".strip()
    return back(where_it_is(form.get("back") or "/", entry.post.due_at, zone), sentence, undo=change)


def where_it_is(address: str, due_at: datetime | None, zone: str) -> str:
    """The address of the plan, on other days if the post has left those that it shows."""
    place = urlsplit(address)
    pairs = parse_qsl(place.query)
    query = dict(pairs)
    if due_at is None or place.path != "/" or query.get("view", "week") not in VIEWS:
        return address
    day = due_at.astimezone(ZoneInfo(zone)).date()
    first, count = range_of(query.get("view", "week"), day_of(query.get("on", ""), day))
    if first <= day < first + timedelta(days=count):
        return address
    return "/?" + urlencode([*(pair for pair in pairs if pair[0] != "on"), ("on", day.isoformat())])


def _between(
    visit: Visit, accounts: list[Account], shown: list[Account], days: tuple[date, date], zone: str
) -> PlanShape:
    """The queue's plan for these local days, which may have 23 or 25 hours."""
    start, end = (datetime.combine(day, datetime.min.time(), ZoneInfo(zone)).isoformat() for day in days)
    if not shown:
        return PlanShape([], [], [], False)
    if len(shown) == len(accounts):
        return show_plan(visit.access, ShowPlan(from_=start, to=end))
    parts = [show_plan(visit.access, ShowPlan(from_=start, to=end, account=account.handle)) for account in shown]
    return PlanShape(
        [post for part in parts for post in part.posts],
        [slot for part in parts for slot in part.slots],
        [coming for part in parts for coming in part.occurrences],
        any(part.more for part in parts),
    )


def _pushed(visit: Visit, shown: list[Account], shape: PlanShape, zone: str) -> dict[int, str]:
    """Sentences about the posts that go out later than they are due, by their numbers."""
    accounts = {account.handle: account for account in shown}
    now, due = (
        visit.sky.context.clock.now(),
        {post.id: post.at.astimezone(ZoneInfo(zone)).date() for post in shape.posts},
    )
    sentences = {}
    for handle, posts in groupby(sorted(shape.posts, key=lambda post: post.account), key=lambda post: post.account):
        account, planned = accounts[handle], [*posts]
        pace = pace_of(account.settings, visit.sky.context.zone(account))
        waiting = [(post.id, post.at, post.state == "published") for post in planned if post.state not in GONE]
        # What is shown need not be looked for.
        out = any(post.state == "published" for post in planned)
        last = None if out else account.last_published_at
        for number, push in pushes(waiting, pace, last, now).items():
            at = push.at.astimezone(ZoneInfo(zone))
            clock = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
            day = "" if at.date() == due[number] else f"{at:%a} {at.day} {at:%b}, "
            sentences[number] = f"goes out {day}{clock} because of {push.reason}"
    return sentences


def _rehearsed(visit: Visit, shown: list[Account], end: date, zone: str) -> OnPlan | SkywriteError | None:
    """What the worker would do until the end of these days, if requested; or why that is not possible."""
    if not shown or not visit.services.layers or not visit.query("rehearse"):
        return None
    until = datetime.combine(end, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    try:
        return _together([(account, visit.services.layers[0].on_plan(account, until, zone)) for account in shown])
    except SkywriteError as error:
        return error


def _together(rehearsals: list[tuple[Account, OnPlan]]) -> OnPlan:
    """What was rehearsed for each account, as one."""
    if len(rehearsals) == 1:
        return rehearsals[0][1]
    return OnPlan(
        {number: sentence for _, one in rehearsals for number, sentence in one.posts.items()},
        {coming: sentence for _, one in rehearsals for coming, sentence in one.coming.items()},
        "; ".join(f"{account.handle}: {one.summary}" for account, one in rehearsals),
        tuple(deed for _, one in rehearsals for deed in one.reposts),
    )


def _reposts(visit: Visit, shown: list[Face], days: tuple[date, date], zone: ZoneInfo) -> Iterator[Item]:
    """The reposts and pins of these accounts that wait for one of these days."""
    by_did = {face.did: face for face in shown}
    actions = Actions(visit.sky.context.store)
    for action in (one for did in by_did for one in actions.list(account_did=did, state="waiting")):
        at = action.due_at.astimezone(zone)
        if days[0] <= at.date() < days[1]:
            post = visit.sky.context.store.posts.published_as(action.author, action.uri)
            text = f"{REPOST_WORDS[action.kind]}: {plain(post.text) if post else action.uri}"
            yield Item("repost", at, by_did[action.account_did], text)


def _rehearsed_reposts(remarks: OnPlan, zone: ZoneInfo, known: Iterable[Face]) -> Iterator[Item]:
    """Those of a rehearsal, with what undoes and repeats them."""
    by_handle = {face.handle: face for face in known}
    for one in remarks.reposts:
        text = f"{REPOST_WORDS[one.kind]}: {plain(one.text)}"
        yield Item("repost", one.at.astimezone(zone), by_handle[one.account], text, pushed=one.remark)


def routes() -> list[Any]:
    """The page and its form."""
    return [page_route("/", plan), form_route("/move", move)]
