"""What a post has and the composer has no field for: said in words, so that people see that it stays.

What lives here: words for the fields of a stored draft. What does not: the fields that can be edited (`compose`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from skywrite.posting.compose.draft import FIELDS
from skywrite.posting.schedule.policy import DEFAULT_LATE_POLICY
from skywrite.queue.model import Post


def kept_words(post: Post, edited: Collection[str]) -> list[str]:
    """A line for each thing that stays as it is while the fields that are `edited` change."""
    draft = post.draft
    lines = [line for name in FIELDS if name in draft and name not in edited for line in _lines(name, draft[name])]
    return [*lines, *_card(draft.get("card")), *_captions(draft.get("video") or {}), *_late(post)]


def _lines(name: str, value: Any) -> list[str]:
    words = _WORDS.get(name)
    if words is None:
        return [f"{name.capitalize()}: {json.dumps(value, ensure_ascii=False)}"]
    return words(value)


def _thread(parts: list[Mapping[str, Any]]) -> list[str]:
    return [f"Post {number} of the thread: {_part(part)}" for number, part in enumerate(parts, 2)]


def _part(part: Mapping[str, Any]) -> str:
    images = len(part.get("images", ()))
    media = f"{images} image{'s' if images != 1 else ''}" if images else "a video" if part.get("video") else ""
    return ", with ".join(filter(None, (part["text"] or "(no text)", media)))


_POLICIES = {"publish": "publish it, however late", "skip": "leave it out", "hold": "hold it"}


def _off(words: str) -> Callable[[bool], list[str]]:
    """Words for a switch that is on by default."""
    return lambda value: [] if value else [words]


_WORDS: Mapping[str, Callable[[Any], list[str]]] = {
    "tags": lambda tags: ["Hashtags beside the text: " + ", ".join(f"#{tag}" for tag in tags)],
    "markdown": lambda markdown: (
        ["Headings, bold and the like lose their marks"]
        if markdown == "strip"
        else _off("[label](https://…) stays as it is written")(markdown)
    ),
    "shorten": _off("Links are shown in full"),
    "tidy": _off("Blank lines around the text stay"),
    "mentions": _off("An @handle is plain text, and sends no notification"),
    "numbering": lambda numbering: [f"The posts of a long text are numbered: {numbering}"],
    "facets": lambda facets: [f"{len(facets)} links or mentions that a program placed; they do not move with the text"],
    "embed": lambda embed: [f"An attachment that a program made: {embed['$type']}"],
    "thread": _thread,
}


def _card(card: Any) -> list[str]:
    return [f"Link card: {card.get('title') or card['url']} ({card['url']})"] if isinstance(card, Mapping) else []


def _captions(video: Mapping[str, Any]) -> list[str]:
    langs = [str(caption["lang"]) for caption in video.get("captions", ())]
    return ["Captions of the video: " + ", ".join(langs)] if langs else []


def _late(post: Post) -> list[str]:
    if (post.late_policy, post.late_seconds) == (DEFAULT_LATE_POLICY, None):
        return []
    seconds = post.late_seconds
    limit = "" if seconds is None else f" by more than {seconds // 60} minutes" if seconds >= 60 else f" by {seconds} s"
    return [f"If its time is missed{limit}: {_POLICIES[post.late_policy]}"]
