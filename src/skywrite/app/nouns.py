"""What the nouns of `Skywrite` share: each method refuses values of a wrong kind by name, before anything happens; and
what `undo` does not take back is recorded, so that undoing never reaches what was done before it.

What lives here: the check, made from the annotations that every method has, and the decorator `final`. What does not:
what a value of the right kind may be (each method), the arguments of `Client` (`sdk.arguments`), and what can be taken
back (`queue.journal`, `queue.undo`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, wraps
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple, ParamSpec, TypeVar

from skywrite.core.digits import ROW_MAX, row_number
from skywrite.core.errors import Do, Hint, InputError

P = ParamSpec("P")
Done = TypeVar("Done")


def final(
    what: str, *way_back: str | Do, changed: Callable[[Any], object] = lambda done: True
) -> Callable[[Callable[P, Done]], Callable[P, Done]]:
    """Decorator for a method of a noun that does what `undo` does not take back.

    `what` ends the sentence "The last change was ...", `way_back` is what to do instead; both may name the method's
    arguments and what it returned in braces: "{post_id}", "{done.id}". `changed`: whether that says that anything was
    changed.
    """

    def decorate(method: Callable[P, Done]) -> Callable[P, Done]:
        names = method.__code__.co_varnames

        @wraps(method)
        def run(*args: P.args, **options: P.kwargs) -> Done:
            done = method(*args, **options)
            if changed(done):
                named = {**dict(zip(names, args, strict=False)), **options, "done": done}
                noun: Any = args[0]
                noun._ctx.store.journal.note_final(what.format_map(named), _filled(way_back, named))
            return done

        run.final = what  # type: ignore[attr-defined]
        return run

    return decorate


def _filled(way_back: tuple[str | Do, ...], named: Mapping[str, Any]) -> Hint:
    return Hint(*(_with_target(part, named) if isinstance(part, Do) else part for part in way_back))


def _with_target(do: Do, named: Mapping[str, Any]) -> Do:
    if not isinstance(do.target, str):
        return do
    target = do.target.format_map(named)
    return do._replace(target=int(target) if target.isdecimal() else target)


Noun = TypeVar("Noun")
Fits = Callable[[Any], bool]


class Kind(NamedTuple):
    """What an argument may be, in words, and whether a value is that."""

    words: str
    fits: Fits


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or isinstance(value, float)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_many(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _is_map_of_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for text in (*value, *value.values()))


# An annotation's name, and what it is. Methods with other names in an annotation check that argument themselves.
KINDS = {
    "None": Kind("None", lambda value: value is None),
    "str": Kind("a text", lambda value: isinstance(value, str)),
    "State": Kind("a text", lambda value: isinstance(value, str)),
    "DateOrder": Kind("a text", lambda value: isinstance(value, str)),
    "bytes": Kind("bytes", lambda value: isinstance(value, bytes)),
    "int": Kind("a whole number", _is_whole),
    "float": Kind("a number", _is_number),
    "bool": Kind("True or False", lambda value: isinstance(value, bool)),
    "datetime": Kind("a datetime", lambda value: isinstance(value, datetime)),
    "Path": Kind("a Path", lambda value: isinstance(value, Path)),
    "TableMap": Kind("a dict of texts", _is_map_of_texts),
    "Mapping": Kind("a dict", lambda value: isinstance(value, Mapping)),
    "Sequence": Kind("a list", _is_list),
    "Iterable": Kind("a list", _is_many),
    "Callable": Kind("a function", callable),
}


def checked(noun: str) -> Callable[[type[Noun]], type[Noun]]:
    """Decorator for a class whose public methods refuse arguments of a wrong kind; `noun` is its name in `Skywrite`."""

    def decorate(owner: type[Noun]) -> type[Noun]:
        for name, method in list(vars(owner).items()):
            if isinstance(method, FunctionType) and not name.startswith("_"):
                setattr(owner, name, _checked(method, f"{noun}.{name}".lstrip(".")))
        return owner

    return decorate


def _checked(method: FunctionType, path: str) -> Callable[..., Any]:
    innermost = method
    while hasattr(innermost, "__wrapped__"):
        innermost = innermost.__wrapped__
    names = innermost.__code__.co_varnames[: innermost.__code__.co_argcount]

    @wraps(method)
    def run(*args: Any, **options: Any) -> Any:
        for name, value in (*zip(names[1:], args[1:], strict=False), *options.items()):
            kind = _kind(str(innermost.__annotations__.get(name, "Any")))
            if kind is not None and not kind.fits(value):
                message = f"{path}: {name} must be {kind.words}, not {_what(value)}."
                raise InputError(message, hint=f"help(sky.{path}) shows what it takes.")
            if name == "limit" and value is not None and row_number(value) is None:
                raise InputError(f"{path}: limit must be 0 or more, and at most {ROW_MAX}.", hint="Give a smaller one.")
        return method(*args, **options)

    return run


def _what(value: Any) -> str:
    inside = sorted({type(item).__name__ for item in value}) if isinstance(value, list | tuple) else []
    name = "None" if value is None else type(value).__name__
    return f"{name} of {', '.join(inside)}" if inside else name


@cache
def _kind(annotation: str) -> Kind | None:
    """What an annotation allows; None where it has a name that is not known here."""
    parts = [_one_kind(part) for part in _top_level(annotation, "|")]
    kinds = [part for part in parts if part is not None]
    if len(kinds) < len(parts):
        return None
    words = list(dict.fromkeys(kind.words for kind in kinds if kind.words != "None"))
    return Kind(" or ".join(words), lambda value: any(kind.fits(value) for kind in kinds))


def _one_kind(annotation: str) -> Kind | None:
    name, _, inside = annotation.rstrip("]").partition("[")
    kind = KINDS.get(name.rpartition(".")[2])
    inner = _kind(inside) if kind is not None and name in ("Sequence", "Iterable") else None
    if kind is None or inner is None:
        return kind
    fits, fits_inside = kind.fits, inner.fits
    return Kind(
        f"{kind.words} of {inner.words.removeprefix('a ')}s",
        lambda value: fits(value) and (not isinstance(value, Collection) or all(map(fits_inside, value))),
    )


def _top_level(annotation: str, between: str) -> list[str]:
    """The parts of an annotation that are not in brackets."""
    parts, depth = [""], 0
    for letter in annotation:
        depth += (letter == "[") - (letter == "]")
        if letter == between and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
