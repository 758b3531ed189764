"""Model classes with the names of the atproto SDK: `models.AppBskyFeedDefs.PostView`, made when they are first used.

What lives here: the names, and the SDK's helpers for models. What does not: the classes (`sdk.answers`) and the facts
that they are made from (`sdk.lexicons`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

from skywrite.core.errors import InputError
from skywrite.sdk.answers import Answer, answer, model, plain
from skywrite.sdk.lexicons import definition, is_record, lexicons

__all__ = [
    "create_strong_ref",
    "dot_dict",
    "get_model_as_dict",
    "get_model_as_json",
    "get_or_create",
    "ids",
    "is_record_type",
]


def _alias(nsid: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in nsid.split("."))


@cache
def _nsids() -> dict[str, str]:
    return {_alias(nsid): nsid for nsid in lexicons()}


_BYTES = {"Data": "in", "Response": "out"}


class Lexicon:
    """The classes of one lexicon: `models.AppBskyFeedPost.Record`."""

    def __init__(self, nsid: str) -> None:
        self.nsid = nsid

    def __repr__(self) -> str:
        return f"<models of {self.nsid}>"

    def __getattr__(self, name: str) -> Any:
        part = "main" if name in ("Main", "Record") and is_record(self.nsid) == (name == "Record") else name
        description = definition(f"{self.nsid}#{part}")
        if description is None and name[:1].isupper():
            part = name[:1].lower() + name[1:]
            description = definition(f"{self.nsid}#{part}")
        if name.endswith("Dict") and definition(f"{self.nsid}#{name.removesuffix('Dict')}") is not None:
            return dict
        if f"@{_BYTES.get(name)}" in lexicons()[self.nsid]:
            return bytes
        if description is None:
            raise AttributeError(f"{self.nsid} has no {name!r}; it has {', '.join(self._names())}.")
        return _class_of(description, f"{self.nsid}#{part}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names()]

    def _names(self) -> list[str]:
        names = [name for name in lexicons()[self.nsid] if not name.startswith("@")]
        record = is_record(self.nsid)
        return ["Record" if name == "main" and record else name[:1].upper() + name[1:] for name in names]


def _class_of(description: Any, name: str) -> type:
    """The class of a definition: of objects their own, of values that are none what they are in Python."""
    if isinstance(description, dict):
        return model(name)
    if description.startswith("[]"):
        return list
    return str if not description else Answer if description == "*" else model(description)


class _Ids:
    """NSIDs under the names of their lexicons: `models.ids.AppBskyFeedPost` is "app.bsky.feed.post"."""

    def __getattr__(self, name: str) -> str:
        try:
            return _nsids()[name]
        except KeyError:
            raise AttributeError(f"No lexicon is called {name!r}.") from None

    def __dir__(self) -> list[str]:
        return sorted(_nsids())


ids = _Ids()
dot_dict = SimpleNamespace(DotDict=Answer)
base = SimpleNamespace(ModelBase=Answer)


def __getattr__(name: str) -> Any:
    if name == "blob_ref":
        return SimpleNamespace(BlobRef=model("blob"))
    if name not in _nsids():
        raise AttributeError(f"module 'skywrite.models' has no attribute {name!r}")
    lexicon = globals()[name] = Lexicon(_nsids()[name])
    return lexicon


def __dir__() -> list[str]:
    return sorted({*__all__, "blob_ref", *_nsids()})


def create_strong_ref(of: Any) -> Any:
    """A reference to a post or another record, from anything with `uri` and `cid`."""
    if not (hasattr(of, "uri") and hasattr(of, "cid")):
        raise InputError(f"{of!r} has no uri and cid.", hint="Pass what send_post or get_posts answered.")
    return model("com.atproto.repo.strongRef#main")(uri=of.uri, cid=of.cid)


def get_model_as_dict(of: Any) -> dict[str, Any]:
    """A model as the plain JSON object, in the lexicon's spelling."""
    fields: dict[str, Any] = plain(of) if hasattr(of, "model_dump") else dict(of)
    return fields


def get_model_as_json(of: Any) -> str:
    """The same as text."""
    return json.dumps(get_model_as_dict(of), separators=(",", ":"), ensure_ascii=False)


def get_or_create(model_data: Any, model: Any = None, *, strict: bool = True, **_: Any) -> Any:
    """An object of a class from a dict; without a class, of the type that the dict names."""
    if model_data is None or (model is None and not isinstance(model_data, Mapping)):
        return None
    if model is None:
        instance = answer(dict(model_data))
        return instance if type(instance) is not Answer or not strict else None
    try:
        return model_data if isinstance(model_data, model) else model(model_data)
    except InputError:
        if strict:
            raise
        return answer(dict(model_data))


def is_record_type(of: Any, expected_type: Any) -> bool:
    """Whether a record is of a type: an NSID, `models.AppBskyFeedPost`, or its `Record`."""
    if isinstance(expected_type, Lexicon):
        expected_type = expected_type.nsid
    if isinstance(expected_type, type) and issubclass(expected_type, Answer):
        expected_type = expected_type._name.removesuffix("#main")
    return isinstance(expected_type, str) and getattr(of, "py_type", None) == expected_type
