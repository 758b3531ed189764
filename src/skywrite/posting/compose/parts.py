"""Several posts in one text, separated by lines of `---`.

What does not live here: splitting a post that is too long (`bsky.split`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skywrite.posting.compose.draft import FIELDS


def split_parts(text: str) -> list[str]:
    """The posts of a text, separated by lines of `---`."""
    found: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip() == "---":
            found.append([])
        else:
            found[-1].append(line)
    return [part for lines in found if (part := "\n".join(lines).strip("\n"))] or [""]


def thread_draft(texts: Sequence[str], row: Mapping[str, Any]) -> dict[str, Any]:
    """The draft of a thread. Each text is a post, or several if it is too long; the first has the media and card."""
    whole = {**row, "split": True}
    return {**whole, "text": texts[0], "thread": [{**shared_fields(whole), "text": text} for text in texts[1:]]}


def shared_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the first post of a thread says for all of them."""
    return {name: row[name] for name, field in FIELDS.items() if field.is_shared and name in row}
