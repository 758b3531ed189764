"""Lists of posts on a terminal: a heading for each day, times in the account's zone, cut to the width.

What does not live here: what is listed (`queue`), one post whole (`showing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from skywrite.cli.terminal import columns, cut, pad, width

if TYPE_CHECKING:
    from skywrite.app.results import Entry

COLOURS = {"published": "green", "failed": "red", "held": "yellow", "publishing": "cyan", "draft": "blue"}
_SILENT_STATES = ("scheduled", "published")


def lines_of(
    entries: Sequence[Entry], when: Callable[[Entry], datetime | None], zone_of: Callable[[Any], str], now: datetime
) -> Iterator[str]:
    """Each entry on a line under the heading of its day; `when` returns the time that it is listed by."""
    zones = {entry.account.did: ZoneInfo(zone_of(entry.account)) for entry in entries}
    several = len({str(zone) for zone in zones.values()}) > 1
    accounts = len({entry.account.did for entry in entries}) > 1

    def local(entry: Entry) -> datetime | None:
        time = when(entry)
        return time.astimezone(zones[entry.account.did]) if time else None

    def clock(entry: Entry) -> str:
        time = local(entry)
        return f"{time:%H:%M} {time:%Z}" if time and several else f"{time:%H:%M}" if time else ""

    rows = [
        (
            _heading(local(entry), now),
            str(entry.post.id).rjust(6),
            clock(entry),
            "" if entry.post.state in _SILENT_STATES else entry.post.state,
            entry.account.handle if accounts else "",
            entry,
        )
        for entry in entries
    ]
    sizes = [max(width(str(row[place])) for row in rows) for place in range(1, 5)]
    for heading, group in groupby(rows, key=lambda row: row[0]):
        yield click.style(heading, bold=True)
        for _, number, time, state, handle, entry in group:
            cells = [pad(text, size) for text, size in zip((number, time, state, handle), sizes, strict=True) if size]
            yield _line(cells, entry, zones[entry.account.did])


def _line(cells: list[str], entry: Entry, zone: ZoneInfo) -> str:
    extras = _extras(entry, zone)
    room = columns() - sum(width(cell) + 2 for cell in cells) - (width(extras) + 2 if extras else 0)
    text = cut(entry.post.text or "(no text)", max(room, 16))
    state = entry.post.state
    shown = [click.style(cell, fg=COLOURS.get(state)) if cell.strip() == state else cell for cell in cells]
    return "  ".join([*shown, text, *([click.style(extras, dim=True)] if extras else [])])


def _heading(time: datetime | None, now: datetime) -> str:
    if time is None:
        return "Without a time"
    today = now.astimezone(time.tzinfo).date()
    names = {today: "Today, ", today + timedelta(days=1): "Tomorrow, ", today - timedelta(days=1): "Yesterday, "}
    year = "" if time.year == today.year else f" {time:%Y}"
    return f"{names.get(time.date(), '')}{time:%a} {time.day} {time:%b}{year}"


def _pushed(entry: Entry, zone: ZoneInfo) -> str:
    """When it goes out, if its account's pace delays it."""
    post, push = entry.post, entry.push
    if push is None or post.due_at is None:
        return ""
    at = push.at.astimezone(zone)
    day = "" if at.date() == post.due_at.astimezone(zone).date() else f"{at:%a} {at.day} {at:%b} "
    return f"goes out {day}{at:%H:%M:%S}: {push.reason}"


def _extras(entry: Entry, zone: ZoneInfo) -> str:
    """What a post has besides its text, and why it does not move, in a few words."""
    post = entry.post
    draft = post.draft
    images = len(draft.get("images") or ())
    thread = len(draft.get("thread") or ()) + 1
    found = [
        f"{images} image{'s' if images > 1 else ''}" if images else "",
        "video" if draft.get("video") else "",
        "quote" if draft.get("quote") else "",
        "reply" if draft.get("reply_to") else "",
        f"thread of {thread}" if thread > 1 else "",
        f"recurrence {post.recurrence_id}" if post.recurrence_id else "",
        post.problem.name if post.problem else "",
        _pushed(entry, zone),
    ]
    return ", ".join(filter(None, found))


def footer(shown: int, total: int, command: str) -> str:
    """How much is shown, and how to see more; empty if everything is shown."""
    if shown >= total:
        return ""
    more = min(max(shown * 10, 1000), 100_000)
    return click.style(f"{shown:,} of {total:,}. More: {command} --limit {more}", dim=True)
