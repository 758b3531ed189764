"""What the lexicons say about names: which methods are queries, and which fields an object has.

What lives here: reading `lexicons.json` (made from the reference server's own lexicons by `tests/contract/models.mjs`),
on first use. What does not: classes (`answers`), and checking values, which servers do.

An object is named by its lexicon and its definition: "app.bsky.feed.defs#postView". The main definition of a lexicon
is "#main"; the parameters, the input and the output of a method are "#Params", "#Data" and "#Response". The kind of a
field is "" for a plain value, "*" for an object that names its own type, the name of an object, or "[]" and the kind of
a list's items; "{}" is the same for an object whose fields are not known beforehand.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_CREATED = {"uri": "!", "cid": "!"}
# What the SDK's short forms for records answer; no lexicon has these.
_OF_RECORDS = {
    "CreateRecordResponse": _CREATED,
    "PutRecordResponse": _CREATED,
    "GetRecordResponse": {"uri": "!", "value": "#main!", "cid": ""},
    "ListRecordsResponse": {"records": "{}#main!", "cursor": ""},
}


class Fields(NamedTuple):
    """The fields of an object: the kind of each, and those that have to be there."""

    kinds: dict[str, str]
    required: tuple[str, ...]


class Method(NamedTuple):
    """A method of the network; `response` is the kind of its answer, None where it has none."""

    nsid: str
    is_query: bool
    params: frozenset[str]
    data: frozenset[str]
    has_data: bool
    response: str | None
    is_binary: bool


@cache
def lexicons() -> dict[str, dict[str, Any]]:
    """All lexicons, by their NSIDs."""
    content: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("lexicons.json").read_bytes())
    return content


def is_record(nsid: str) -> bool:
    """Whether a lexicon describes the records of a collection."""
    return bool(lexicons().get(nsid, {}).get("@") == "record")


@cache
def fields(name: str) -> Fields | None:
    """The fields of an object; None if the lexicons do not know it."""
    description = definition(name)
    if not isinstance(description, dict):
        return None
    nsid = name.partition("#")[0]
    kinds = {key: _whole(kind.removesuffix("!"), nsid) for key, kind in description.items()}
    return Fields(kinds, tuple(key for key, kind in description.items() if kind.endswith("!")))


def definition(name: str) -> Any:
    """What the data holds under a name: a dict of fields, the kind of something else, or None."""
    nsid, _, part = name.partition("#")
    if nsid == "blob":
        return {"ref": "*!", "mimeType": "!", "size": "!"} if not part else None
    lexicon = lexicons().get(nsid)
    if lexicon is None or part.startswith("@"):
        return None
    if part in _OF_RECORDS and lexicon.get("@") == "record":
        return _OF_RECORDS[part]
    description = lexicon.get(part or "main")
    if description is None and part == "Params" and lexicon.get("@") in ("query", "procedure"):
        return {}
    return _whole(description, nsid) if isinstance(description, str) else description


@cache
def method(nsid: str) -> Method | None:
    """A query or procedure; None if the lexicons do not know it."""
    lexicon = lexicons().get(nsid, {})
    if lexicon.get("@") not in ("query", "procedure"):
        return None
    response = lexicon.get("Response")
    return Method(
        nsid,
        lexicon["@"] == "query",
        frozenset(lexicon.get("Params", ())),
        frozenset(_names(lexicon.get("Data"), nsid)),
        "Data" in lexicon or "@in" in lexicon,
        f"{nsid}#Response" if isinstance(response, dict) else None if response is None else _whole(response, nsid),
        "@out" in lexicon,
    )


def _names(body: Any, nsid: str) -> Any:
    if isinstance(body, str):
        known_fields = fields(_whole(body, nsid))
        return known_fields.kinds if known_fields else ()
    return body or ()


def _whole(kind: str, nsid: str) -> str:
    at = kind.find("#")
    return kind if at < 0 or (at and kind[at - 1] not in "]}") else f"{kind[:at]}{nsid}{kind[at:]}"
