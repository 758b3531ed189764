"""What users do that `undo` does not take back: it is recorded, so that undoing never reaches what was done before it.

What lives here: the decorator for the methods of nouns that do such things. What does not: what can be taken back
(`queue.journal`, `queue.undo`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from skywrite.core.errors import Do, Hint

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
