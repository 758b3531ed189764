"""From texts as people write them to the fields of drafts: several posts in one text, separated by lines of `---`, and
a link to a post at the end of a text, which becomes a quote, as the official app does. Pure.

What does not live here: splitting a post that is too long (`bsky.split`), and looking the quoted post up (`resolve`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skywrite.core.errors import InputError
from skywrite.posting.compose.draft import FIELDS
from skywrite.posting.compose.references import parse_reference

QUOTE_LINKS = "quote_links"


def with_quoted_link(row: Mapping[str, Any], default: bool = False) -> dict[str, Any]:
    """The fields of a draft without `quote_links`.

    If that (or the default) is true, a link at the end of a text becomes its quote. A post that already has a quote
    stays as it is.
    """
    done = dict(row)
    wanted = done.pop(QUOTE_LINKS, None)
    if not (default if wanted is None else wanted):
        return done
    done = dict(_quoting(done))
    if isinstance(done.get("thread"), list | tuple):
        done["thread"] = [_quoting(_part(part)) for part in done["thread"]]
    return done


def _part(part: Any) -> Any:
    return {"text": part} if isinstance(part, str) else part


def _quoting(fields: Any) -> Any:
    if not isinstance(fields, Mapping) or fields.get("quote") or fields.get("embed") or fields.get("facets"):
        return fields
    text = fields.get("text")
    if not isinstance(text, str) or not text.strip():
        return fields
    last = text.split()[-1]
    if not last.startswith("https://bsky.app/"):
        return fields
    try:
        parse_reference(last)
    except InputError:
        return fields
    return {**fields, "text": text.rstrip().removesuffix(last).rstrip(), "quote": last}


def split_parts(text: str) -> list[str]:
    """The posts of a text, separated by lines of `---`."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip() == "---":
            blocks.append([])
        else:
            blocks[-1].append(line)
    return [part for lines in blocks if (part := "\n".join(lines).strip("\n"))] or [""]


def thread_draft(texts: Sequence[str], row: Mapping[str, Any]) -> dict[str, Any]:
    """The draft of a thread. Each text is a post, or several if it is too long; the first has the media and card."""
    whole = {**row, "split": True}
    return {**whole, "text": texts[0], "thread": [{**shared_fields(whole), "text": text} for text in texts[1:]]}


def shared_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the first post of a thread says for all of them."""
    return {name: row[name] for name, field in FIELDS.items() if field.is_shared and name in row}
