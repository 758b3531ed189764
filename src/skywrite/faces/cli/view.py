"""How a prepared post looks on a terminal: a box for each post, as readers will see it.

What does not live here: making the records (`compose`), tables of the queue (`queue`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

import click

from skywrite.app import Ready, Skywrite
from skywrite.faces.cli.output import print_json
from skywrite.faces.cli.terminal import columns, width
from skywrite.protocol.bsky.limits import TEXT_BYTES_MAX, TEXT_GRAPHEMES_MAX
from skywrite.protocol.bsky.richtext import grapheme_length

WIDTH_MAX = 72
_COLOURS = {"link": "blue", "mention": "magenta", "tag": "cyan"}


def short_time(at: datetime, zone: str) -> str:
    """A time in a zone, for a table: `2026-12-24 17:00 Europe/Berlin`."""
    from skywrite.posting.schedule.localtime import zone_of

    return f"{at.astimezone(zone_of(zone)):%Y-%m-%d %H:%M} {zone}"


def zone_for(sky: Skywrite, name: str | None) -> str:
    """The zone of an account, by its handle or DID; that of the computer if it is not known here any more."""
    from skywrite.posting.schedule.times import local_zone

    known = (account for account in sky.accounts.list() if name in (account.did, account.handle))
    return next((sky.context.zone(account) for account in known), None) or local_zone()


def show_preview(ready: Ready, as_json: bool) -> None:
    """What `skywrite preview` and `--dry-run` print."""
    if as_json:
        from skywrite.app.shapes.posts import preview_shape

        print_json(preview_shape(ready))
    else:
        print_preview(ready)


def print_preview(ready: Ready) -> None:
    """Print each post of the thread in a box, then who may reply, then the warnings."""
    count = len(ready.prepared.records)
    for number, record in enumerate(ready.prepared.records, 1):
        place = f" · {number} of {count}" if count > 1 else ""
        click.echo(f"┌─ {click.style('@' + ready.account.handle, bold=True)}{place}")
        for line in record_lines(record):
            click.echo(f"│ {line}".rstrip())
        click.echo(f"└─ {_counts(record)}")
    for line in _rules(ready):
        click.echo(line)
    for warning in ready.warnings:
        click.echo(f"{click.style('Note:', fg='yellow')} {warning}")
    click.echo("Nothing was sent.")


def record_lines(record: Mapping[str, Any]) -> list[str]:
    """A record as readers will see it: text with its links, media, card, quote, languages, labels."""
    lines = []
    if record.get("reply"):
        lines.append(click.style(f"replies to {record['reply']['parent']['uri']}", dim=True))
    lines += _coloured(record) if record["text"] else []
    lines += _facet_lines(record)
    lines += _embed_lines(record.get("embed") or {})
    return [*lines, *detail_lines(record)]


def detail_lines(record: Mapping[str, Any]) -> list[str]:
    """What readers do not see in the text: languages, tags and labels, on one line at most."""
    details = []
    if record.get("langs"):
        details.append("language " + ", ".join(record["langs"]))
    if record.get("tags"):
        details.append("tags " + ", ".join(record["tags"]))
    if record.get("labels"):
        details.append("labels " + ", ".join(item["val"] for item in record["labels"]["values"]))
    return [click.style(" · ".join(details), dim=True)] if details else []


def _coloured(record: Mapping[str, Any]) -> list[str]:
    """The text in lines that fit into the box, its facets in colour."""
    data = record["text"].encode()
    kinds = [""] * len(record["text"])
    for facet in record.get("facets", ()):
        start, end = (len(data[: facet["index"][side]].decode()) for side in ("byteStart", "byteEnd"))
        kinds[start:end] = [facet["features"][0]["$type"].rpartition("#")[2]] * (end - start)
    lines = []
    at = 0
    for paragraph in record["text"].split("\n"):
        for line in textwrap.wrap(paragraph, _room(paragraph), drop_whitespace=False, break_on_hyphens=False) or [""]:
            lines.append(_styled(line, kinds[at : at + len(line)]))
            at += len(line)
        at += 1
    return lines


def _room(text: str) -> int:
    """How many characters of a text fit into the box; wide ones use two columns."""
    box = min(WIDTH_MAX, columns() - 4)
    return box if text.isascii() or width(text) <= len(text) else box // 2


def _styled(line: str, kinds: list[str]) -> str:
    pieces = []
    for kind, group in groupby(zip(line, kinds, strict=True), key=lambda pair: pair[1]):
        text = "".join(character for character, _ in group)
        pieces.append(click.style(text, fg=_COLOURS.get(kind), underline=True) if kind else text)
    return "".join(pieces)


def _facet_lines(record: Mapping[str, Any]) -> list[str]:
    """The target of each link and mention."""
    data = record["text"].encode()
    lines = []
    for facet in record.get("facets", ()):
        feature = facet["features"][0]
        shown = data[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
        target = feature.get("uri") or feature.get("did") or "#" + feature.get("tag", "")
        if target != shown:
            lines.append(click.style(f"  {shown} → {target}", dim=True))
    return lines


def _embed_lines(embed: Mapping[str, Any]) -> list[str]:
    kind = str(embed.get("$type", "")).rpartition(".")[2]
    if kind == "recordWithMedia":
        return [*_embed_lines(embed["media"]), *_embed_lines(embed["record"])]
    if kind == "record":
        return [f"▤ quotes {embed['record']['uri']}"]
    if kind in ("images", "gallery"):
        return [_image_line(item) for item in embed["images" if kind == "images" else "items"]]
    if kind == "video":
        captions = ", ".join(caption["lang"] for caption in embed.get("captions", ()))
        size = _size(embed["video"], embed.get("aspectRatio"))
        alt = embed.get("alt") or "no alt text"
        return [f"▶ video, {size} — {alt}" + (f" (captions: {captions})" if captions else "")]
    if kind == "external":
        card = embed["external"]
        image = f" [image, {card['thumb']['size'] // 1000} kB]" if card.get("thumb") else ""
        about = textwrap.shorten(card["description"], _room(card["description"]), placeholder=" …")
        return [
            f"▭ {click.style(card['title'], bold=True)}{image}",
            *([f"  {about}"] if about else []),
            f"  {card['uri']}",
        ]
    return []


def _image_line(item: Mapping[str, Any]) -> str:
    return f"▣ image, {_size(item['image'], item.get('aspectRatio'))} — {item['alt'] or 'no alt text'}"


def _size(blob: Mapping[str, Any], ratio: Mapping[str, int] | None) -> str:
    pixels = f"{ratio['width']}×{ratio['height']}, " if ratio else ""
    return f"{pixels}{blob['mimeType'].rpartition('/')[2]}, {max(blob['size'] // 1000, 1)} kB"


def _counts(record: Mapping[str, Any]) -> str:
    graphemes, size = grapheme_length(record["text"]), len(record["text"].encode())
    return click.style(f"{graphemes}/{TEXT_GRAPHEMES_MAX} characters, {size}/{TEXT_BYTES_MAX} bytes", dim=True)


def _rules(ready: Ready) -> list[str]:
    lines = []
    if ready.prepared.replies is not None:
        lines.append("Replies: " + (", ".join(ready.prepared.replies) or "nobody"))
    if not ready.prepared.quotes:
        lines.append("Quotes: nobody")
    return lines
