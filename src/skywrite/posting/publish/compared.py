"""What was approved last beside what would go out now, part by part, with the differences marked.

What lives here: pure functions from the content of two approvals to rows. What does not: the content itself
(`queue.approval_rules`, `queue.templates`), and how rows are shown (`cli`, `server`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from skywrite.queue.model import Account

Mark = Literal["same", "changed", "added", "removed"]


class Piece(NamedTuple):
    """A run of text; `is_different`: the other side has something else in its place."""

    text: str
    is_different: bool


class Row(NamedTuple):
    """One part on both sides. A side that does not have it is empty."""

    part: str
    mark: Mark
    before: tuple[Piece, ...]
    now: tuple[Piece, ...]


class Verdict(Protocol):
    """What is known of a verdict, whatever it is about."""

    @property
    def verdict(self) -> str:
        """approved, withdrawn or rejected."""


V = TypeVar("V", bound=Verdict)


def base_of(verdicts: Sequence[V]) -> V | None:
    """The verdict to compare with, of those that are given latest first: the last approval, else the last one."""
    approvals = [one for one in verdicts if one.verdict != "rejected"]
    return next(iter(approvals or verdicts), None)


def changed(all_rows: list[Row]) -> list[Row]:
    """The rows, where any of them differs; else none."""
    return all_rows if any(row.mark != "same" for row in all_rows) else []


def joined(pieces: Sequence[Piece]) -> str:
    """The text of a side."""
    return "".join(piece.text for piece in pieces)


def rows(before: Mapping[str, Any], now: Mapping[str, Any], zone: str) -> list[Row]:
    """Both contents side by side. Where they differ, at least one row says so."""
    old, new = parts(before, zone), parts(now, zone)
    all_rows = [_row(name, old.get(name, ""), new.get(name, "")) for name in _in_order(old, new)]
    if before != now and all(row.mark == "same" for row in all_rows):
        # Nothing that people see in other words, but other bytes.
        all_rows.append(_row("Details", _plain(before), _plain(now)))
    return all_rows


def with_handle(content: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """The content with the handle of its account, for people."""
    return {**content, "account": account.handle if content.get("account") == account.did else content.get("account")}


def text_rows(before: Sequence[str], now: Sequence[str]) -> list[Row]:
    """The same of texts alone, for a verdict of which nothing else was kept."""
    old, new = ({_named("Text", number): text for number, text in enumerate(texts, 1)} for texts in (before, now))
    return [_row(name, old.get(name, ""), new.get(name, "")) for name in _in_order(old, new)]


def parts(content: Mapping[str, Any], zone: str) -> dict[str, str]:
    """Everything that an approval covers, by name, in the order in which people read it."""
    texts = dict(_posts(content))
    texts |= {
        "Due": _time(content.get("due"), zone),
        "Recurrence": f"{content['rule']} ({content['zone']})" if "rule" in content else "",
        "Starts": _time(content.get("starts"), zone),
        "Ends": _time(content.get("until"), zone),
        "Random delay": f"up to {content['jitter']} seconds" if content.get("jitter") else "",
        "If it is late": _late(*content["late"]),
        "Account": str(content["account"]),
    }
    return {name: text for name, text in texts.items() if text}


def _posts(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "prepared" in content:
        yield from _prepared(content["prepared"], "")
        return
    several = len(content["posts"]) > 1
    for number, prepared in enumerate(content["posts"], 1):
        yield from _prepared(prepared, f"{number}: " if several else "")


def _prepared(prepared: Mapping[str, Any], which: str) -> Iterator[tuple[str, str]]:
    for number, record in enumerate(prepared.get("records", ()), 1):
        for name, text in _record(record):
            yield which + _named(name, number), text
    yield f"{which}Not looked up yet", "\n".join(f"@{item[3]}" for item in prepared.get("pending", ()))
    if prepared.get("replies") is not None:
        yield f"{which}Who may reply", ", ".join(prepared["replies"]) or "nobody"
    if not prepared.get("quotes", True):
        yield f"{which}Who may quote", "nobody"
    yield f"{which}Files", "\n".join(f"{mime}, {size} bytes, {cid}" for cid, mime, size in prepared.get("blobs", ()))


def _record(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Text", str(record.get("text", "")) or "(no text)"
    yield "Links and mentions", "\n".join(_facets(record))
    yield from _embed(record.get("embed") or {})
    yield "Reply to", str(((record.get("reply") or {}).get("parent") or {}).get("uri", ""))
    yield "Languages", ", ".join(record.get("langs") or ())
    yield "Hashtags", ", ".join(record.get("tags") or ())
    yield "Labels", ", ".join(item["val"] for item in (record.get("labels") or {}).get("values", ()))


def _facets(record: Mapping[str, Any]) -> Iterator[str]:
    data = str(record.get("text", "")).encode()
    for facet in record.get("facets") or ():
        shown = data[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode("utf-8", "replace")
        for feature in facet.get("features", ()):
            target = feature.get("uri") or feature.get("did") or f"#{feature.get('tag', '')}"
            yield f"{shown} → {target}"


def _embed(embed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = str(embed.get("$type", "")).rpartition(".")[2]
    if kind == "recordWithMedia":
        yield from _embed(embed["media"])
        yield from _embed(embed["record"])
    elif kind == "record":
        yield "Quotes", str(embed["record"]["uri"])
    elif kind in ("images", "gallery"):
        for number, image in enumerate(embed["images" if kind == "images" else "items"], 1):
            yield f"Image {number}", f"{image.get('alt') or '(no alt text)'}\n{_blob(image['image'])}"
    elif kind == "video":
        captions = ", ".join(caption["lang"] for caption in embed.get("captions", ()))
        lines = (embed.get("alt") or "(no alt text)", _blob(embed["video"]), captions and f"captions: {captions}")
        yield "Video", "\n".join(line for line in lines if line)
    elif kind == "external":
        card = embed["external"]
        thumb = _blob(card["thumb"]) if card.get("thumb") else ""
        shown = (card.get("title", ""), card.get("description", ""), card["uri"], thumb)
        yield "Link card", "\n".join(line for line in shown if line)


def _blob(blob: Mapping[str, Any]) -> str:
    return f"{blob.get('mimeType', '')}, {blob.get('size', 0)} bytes, {(blob.get('ref') or {}).get('$link', '')}"


def _named(name: str, number: int) -> str:
    return name if number == 1 else f"{name}, part {number}"


def _time(text: str | None, zone: str) -> str:
    from skywrite.posting.schedule.times import format_time

    return "" if text is None else format_time(datetime.fromisoformat(text), zone)


def _late(policy: str, seconds: int | None) -> str:
    if seconds is None:
        return policy
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return f"{policy} after {' '.join(f'{count} {unit}' for count, unit in parts if count) or '0 s'}"


def _plain(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False)


def _in_order(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The names of both: as now, with those that are gone where they were."""
    names = list(new)
    for place, name in enumerate(old):
        if name not in new:
            names.insert(min(place, len(names)), name)
    return names


def _row(name: str, before: str, now: str) -> Row:
    if before == now:
        return Row(name, "same", (Piece(before, False),), (Piece(now, False),))
    if not before or not now:
        return Row(name, "added" if now else "removed", _whole(before), _whole(now))
    return Row(name, "changed", *_aligned(_words(before), _words(now)))


def _whole(text: str) -> tuple[Piece, ...]:
    return (Piece(text, True),) if text else ()


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|[^\s]+", text)


def _aligned(before: Sequence[str], now: Sequence[str]) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts in runs of words that are the same and runs that differ."""
    left, right = list[Piece](), list[Piece]()
    for tag, start, stop, other_start, other_stop in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        is_different = tag != "equal"
        left.append(Piece("".join(before[start:stop]), is_different))
        right.append(Piece("".join(now[other_start:other_stop]), is_different))
    return tuple(piece for piece in left if piece.text), tuple(piece for piece in right if piece.text)
