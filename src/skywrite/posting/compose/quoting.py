"""A link to a post at the end of a text, which becomes a quote, as the official app does. Pure.

What does not live here: looking the post up (`resolve`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skywrite.core.errors import InputError
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
