"""From shapes to JSON: how values are written, whatever face writes them.

What lives here: times, hints and nested shapes. It loads nothing else, because every command may print JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from skywrite.clock import to_iso
from skywrite.errors import Hint


def jsonable(value: Any, words: Callable[[str], str]) -> Any:
    """A value of which JSON can be made: times are UTC with milliseconds, and `words` says hints as its face does."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return words(value) if isinstance(value, Hint) else str(value)
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, Mapping):
        return {name: jsonable(item, words) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item, words) for item in value]
    names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
    return {name: jsonable(getattr(value, field), words) for name, field in names}
