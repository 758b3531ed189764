"""Lists of posts on a terminal: a heading for each day, times in the account's zone, cut to the width.

What does not live here: what is listed (`posts`), one post whole (`showing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import click

from skywrite.faces.cli.terminal import columns, cut, pad, width

if TYPE_CHECKING:
    from skywrite.app.results import Entry
    from skywrite.queue.model import Standing

COLOURS = {"published": "green", "failed": "red", "held": "yellow", "publishing": "cyan", "draft": "blue"}
CHUNK = 500
_SILENT_STATES = ("scheduled", "published")


class _Row(NamedTuple):
    heading: str
    cells: tuple[str, str, str, str]
    entry: Entry


def lines_of(
    entries: Iterable[Entry], when: Callable[[Entry], datetime | None], zone_of: Callable[[Any], str], now: datetime
) -> Iterator[str]:
    """Each entry on a line under the heading of its day; `when` returns the time that it is listed by.

    Entries are read a few hundred at a time, so a list may be of any length; columns only grow on the way.
    """
    zones: dict[str, ZoneInfo] = {}
    sizes, heading = [0, 0, 0, 0], None
    remaining = iter(entries)
    while chunk := list(islice(remaining, CHUNK)):
        zones.update((entry.account.did, ZoneInfo(zone_of(entry.account))) for entry in chunk)
        rows = [_row(entry, when(entry), zones, now) for entry in chunk]
        sizes = [max(size, *(width(row.cells[place]) for row in rows)) for place, size in enumerate(sizes)]
        for row in rows:
            if row.heading != heading:
                heading = row.heading
                yield click.style(heading, bold=True)
            cells = [pad(text, size) for text, size in zip(row.cells, sizes, strict=True) if size]
            yield _line(cells, row.entry, zones[row.entry.account.did])


def _row(entry: Entry, time: datetime | None, zones: Mapping[str, ZoneInfo], now: datetime) -> _Row:
    """What a line shows; zones and handles only if there are several, in `zones`."""
    local = time.astimezone(zones[entry.account.did]) if time else None
    several = len({str(zone) for zone in zones.values()}) > 1
    clock = f"{local:%H:%M} {local:%Z}" if local and several else f"{local:%H:%M}" if local else ""
    state = "" if entry.post.state in _SILENT_STATES else entry.post.state
    handle = entry.account.handle if len(zones) > 1 else ""
    return _Row(_heading(local, now), (str(entry.post.id).rjust(6), clock, state, handle), entry)


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


def approval_words(standing: Standing) -> str:
    """How the approval of a post stands, if it needs one."""
    if standing.wanted:
        return "waits for approval"
    return f"approved by {standing.approved_by}" if standing.approved_by else ""


def _extras(entry: Entry, zone: ZoneInfo) -> str:
    """What a post has besides its text, and why it does not move, in a few words."""
    post = entry.post
    draft = post.draft
    images = len(draft.get("images") or ())
    thread = len(draft.get("thread") or ()) + 1
    parts = [
        f"{images} image{'s' if images > 1 else ''}" if images else "",
        "video" if draft.get("video") else "",
        "quote" if draft.get("quote") else "",
        "reply" if draft.get("reply_to") else "",
        f"thread of {thread}" if thread > 1 else "",
        f"recurrence {post.recurrence_id}" if post.recurrence_id else "",
        post.problem.code if post.problem else "",
        _pushed(entry, zone),
        approval_words(entry.standing),
    ]
    return ", ".join(filter(None, parts))


def footer(shown: int, total: int, command: str) -> str:
    """How much is shown, and how to see more; empty if everything is shown."""
    if shown >= total:
        return ""
    more = min(max(shown * 10, 1000), 100_000)
    return click.style(f"{shown:,} of {total:,}. More: {command} --limit {more}", dim=True)
