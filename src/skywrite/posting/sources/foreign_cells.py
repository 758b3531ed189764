"""What cells of other programs become in a row, where they are not simply a field of a draft.

What lives here: images and videos in one column, links beside media, comments, states, posts of a thread in rows of
their own. What does not: which column is which (`column_maps`), fields of a draft (`table`). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from skywrite.posting.sources.column_maps import unreadable_table
from skywrite.posting.sources.table_formats import To

FOREIGN = frozenset(("media", "link", "gif", "state", "position", "platforms"))
MEDIA, LINK, PUBLISHED, POSITION = "\x00media", "\x00link", "\x00published", "\x00position"
# A row with one of these is not settled.
UNSETTLED = frozenset((MEDIA, LINK, "video"))
_VIDEO_ENDINGS = (".mp4", ".mov", ".m4v", ".webm", ".mpeg", ".mpg")
# No address holds a blank, or a comma before another address.
_BETWEEN_ADDRESSES = re.compile(r"\||(?<![,;\s])[,;\s]+(?=https?://)")
_STATES = {
    **dict.fromkeys(("published", "publishing", "sent", "posted", "success", "live"), "published"),
    **dict.fromkeys(("draft", "idea", "error", "failed", "needs approval", "pending approval"), "draft"),
    **dict.fromkeys(("scheduled", "schedule", "queue", "queued", "planned", "approved", "ready"), "scheduled"),
}


def addresses(cell: str) -> list[str]:
    """The items of a cell of media: separated by `|`, and addresses also by commas or blanks."""
    return [item.strip() for item in _BETWEEN_ADDRESSES.split(cell) if item.strip()]


def split_cell(to: To, cell: str) -> dict[str, Any]:
    """The values of a cell that holds several, by field."""
    parts = [part.strip() for part in cell.split(to.separator)]
    if not to.rest:
        return {to.field: [part for part in parts if part] if to.field == "thread" else parts}
    more = [part for part in parts[1:] if part]
    return {**({to.field: parts[0]} if parts[0] else {}), **({to.rest: more} if more else {})}


def put_foreign(row: dict[str, Any], field: str, value: Any, where: str) -> None:
    """Put the value of a field that only other programs have into a row."""
    if field == "media":
        row.setdefault(MEDIA, []).extend(_listed(value, where))
    elif field == "link":
        row[LINK] = str(value).strip()
    elif field == "gif":
        row["video"] = {**_place(str(value).strip()), "gif": True}
    elif field == "state":
        _put_state(row, str(value).strip(), where)
    elif field == "position":
        row[POSITION] = _number(str(value), where)
    elif field == "platforms":
        _put_posts(row, value, where)


def settle(row: dict[str, Any], where: str) -> None:
    """Settle what depends on several columns: media are images or one video, and a link beside them is in the text."""
    media = row.pop(MEDIA, [])
    if isinstance(row.get("video"), str):
        row["video"] = _place(row["video"].strip())
    videos = [item for item in media if item.split("?")[0].lower().endswith(_VIDEO_ENDINGS)]
    if videos and (len(media) > 1 or "video" in row or "images" in row):
        raise unreadable_table(
            f"{where}: a post has images or one video, and here are {len(media)} media with a video."
        )
    if videos:
        row["video"] = _place(videos[0])
    elif media:
        row["images"] = [*row.get("images", []), *media]
    link = row.pop(LINK, "")
    if not link:
        return
    if len(links := addresses(link)) > 1:
        raise unreadable_table(f"{where}: there are {len(links)} links, and a post has one card.", hint="Keep one.")
    if not ("images" in row or "video" in row):
        row["card"] = link
    elif link not in row.get("text", ""):
        row["text"] = f"{row.get('text', '')}\n\n{link}".strip()


def joined(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The rows as posts: one that says that it is a later post of a thread belongs to the row before, and what was
    published there is left out. Also how many were left out.
    """
    posts: list[dict[str, Any]] = []
    published = 0
    for row in rows:
        position = row.pop(POSITION, 1)
        if row.pop(PUBLISHED, False):
            published += 1
        elif position > 1 and posts:
            part = {name: row[name] for name in ("text", "images", "video", "card") if name in row}
            posts[-1].setdefault("thread", []).append(part)
        else:
            posts.append(row)
    return posts, published


def _put_state(row: dict[str, Any], value: str, where: str) -> None:
    # A time in such a column is the one at which it was published.
    state = _STATES.get(value.lower()) or ("published" if re.match(r"\d{4}-\d\d-\d\d", value) else None)
    if state is None:
        hint = "Leave the column out, or write draft, scheduled or published."
        raise unreadable_table(f"{where}: {value[:40]!r} is no state of a post that is known here.", hint=hint)
    if state == "published":
        row[PUBLISHED] = True
    elif state == "draft":
        row["draft"] = True


def _number(value: str, where: str) -> int:
    match = re.match(r"\s*(\d{1,3})\b", value)
    if match is None:
        raise unreadable_table(f"{where}: {value[:40]!r} is no position in a thread.")
    return int(match[1])


def _put_posts(row: dict[str, Any], value: Any, where: str) -> None:
    """The posts of a draft that has a version for each network: its Bluesky version, or the only one that there is."""
    versions: dict[str, list[str]] = {}
    for name, one in value.items() if isinstance(value, Mapping) else ():
        if isinstance(one, Mapping) and one.get("enabled", True) and isinstance(one.get("posts"), list):
            versions[name] = [str(post.get("text", "")) for post in one["posts"] if isinstance(post, Mapping)]
    texts = versions.get("bluesky") or next(iter(versions.values()), [])
    if "bluesky" not in versions and len({tuple(posts) for posts in versions.values()}) > 1:
        raise unreadable_table(
            f"{where}: its text differs for {', '.join(versions)}, and there is none for Bluesky.",
            hint="Write one for Bluesky there, and export it again.",
        )
    if texts:
        row["text"], *rest = texts
        if rest:
            row["thread"] = rest


def _listed(value: Any, where: str) -> list[str]:
    if isinstance(value, str):
        return addresses(value)
    links = [item.get("url") or item.get("path") if isinstance(item, Mapping) else item for item in value or []]
    if not all(isinstance(item, str) for item in links):
        raise unreadable_table(f"{where}: its media cannot be read.", hint="Each is an address or a file.")
    return [str(item) for item in links]


def _place(item: str) -> dict[str, str]:
    return {"url" if item.startswith(("https://", "http://")) else "path": item}
