"""What scripts pass to `send_post`: text builders, references and models of the SDK among them.

What lives here: the draft that they stand for. What does not: checking them (`compose.draft`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from skywrite.core.errors import InputError
from skywrite.posting.compose.draft import Draft, draft_from_dict
from skywrite.sdk.answers import record_of


def built_text(text: Any, facets: Sequence[Any] | None) -> tuple[str, Sequence[Any] | None]:
    """The text and facets of a text builder of the SDK, or those given."""
    if hasattr(text, "build_text"):
        return text.build_text(), text.build_facets() if facets is None else facets
    return text, facets


def reply_target(reply_to: Any) -> Any:
    """A reply reference (root and parent), or the at-uri of what it replies to."""
    target = record_of(reply_to)
    if isinstance(target, Mapping):
        return target if "root" in target else target.get("uri")
    return getattr(target, "uri", target)


def quote_target(quote: Any) -> Any:
    """A strong reference as it is, or the at-uri of what is quoted."""
    target = record_of(quote)
    if isinstance(target, Mapping):
        return target if "cid" in target else target.get("uri")
    return getattr(target, "uri", target)


_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def also_named(**names: str) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """Let a method take arguments by the SDK's names, too: `post_uri="uri"`."""

    def decorate(method: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
        @wraps(method)
        def call(*arguments: _Given.args, **keywords: _Given.kwargs) -> _Result:
            for other in set(names) & set(keywords):
                if names[other] in keywords:
                    raise TypeError(f"{other} and {names[other]} are two names of one argument.")
                keywords[names[other]] = keywords.pop(other)
            return method(*arguments, **keywords)

        call.also = names  # type: ignore[attr-defined]
        return call

    return decorate


def takes(
    **kinds: tuple[str, type | tuple[type, ...]],
) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """Refuse arguments of another kind: `uri=("text", str)`. Scripts hand on what they found, which may be None."""

    def decorate(method: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
        names = method.__code__.co_varnames

        @wraps(method)
        def call(*arguments: _Given.args, **keywords: _Given.kwargs) -> _Result:
            for name, value in {**dict(zip(names, arguments, strict=False)), **keywords}.items():
                words, kind = kinds.get(name, ("", object))
                if not isinstance(value, kind):
                    raise InputError(
                        f"{method.__name__}: {name} must be {words}, not {type(value).__name__}.",
                        hint=f"help(Client.{method.__name__}) shows what it takes.",
                    )
            return method(*arguments, **keywords)

        return call

    return decorate


TEXT = ("text", str)
_AS_GIVEN = {"markdown": False, "shorten": False, "tidy": False, "card": "none"}


def draft_of(*, thread: Sequence[Draft] = (), **row: Any) -> Draft:
    """A draft from arguments of `send_post`, some of which may be models of the atproto SDK."""
    row["text"], facets = built_text(row.get("text", ""), row.get("facets"))
    row["facets"] = None if facets is None else [record_of(facet) for facet in facets]
    row["reply_to"] = reply_target(row.get("reply_to"))
    row["embed"] = record_of(row.get("embed"))
    row["quote"] = quote_target(row.get("quote"))
    return draft_from_dict({**_AS_GIVEN, **row, "thread": thread})


def media_of(value: Any) -> dict[str, Any]:
    """An image or a video from bytes, or from its path."""
    return {"data": value} if isinstance(value, bytes) else {"path": value}
