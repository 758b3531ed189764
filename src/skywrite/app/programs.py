"""The `Skywrite` of a user's program. What does not live here: loading its file (`sources.functions`)."""

from __future__ import annotations

from pathlib import Path

from skywrite.app.facade import Skywrite
from skywrite.core.errors import InputError
from skywrite.posting.sources.functions import load_program


def load_app(path: Path) -> Skywrite:
    """The `Skywrite` of a program: the one called `sky`, or the first one, with the functions of all of them.

    Raises InputError.
    """
    module = load_program(path)
    found = {id(value): value for value in vars(module).values() if isinstance(value, Skywrite)}
    named = vars(module).get("sky")
    apps = [named] if isinstance(named, Skywrite) else list(found.values())
    if not apps:
        raise InputError(f"{path} has no Skywrite.", code="program.invalid", hint="Make one in it: sky = Skywrite()")
    first = apps[0]
    for other in apps[1:]:
        first._functions.adopt(other._functions)
    if not (first._functions.names() or first._functions.listeners.all()):
        raise InputError(
            f"{path} has no functions that post or answer.",
            code="program.invalid",
            hint='Decorate one with @sky.every("0 9 * * *"), or with @sky.on_mention.',
        )
    return first
