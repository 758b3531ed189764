"""From shapes to JSON: how values are written, whatever face writes them.

What lives here: times, hints and nested shapes. It loads nothing else, because every command may print JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from skywrite.core.clock import to_iso
from skywrite.core.errors import Hint

# Most values are of these types, exactly, and stay as they are.
_PLAIN = frozenset({str, int, bool, float, type(None)})


def jsonable(value: Any, words: Callable[[str], str]) -> Any:
    """A value of which JSON can be made: times are UTC with milliseconds, and `words` says hints as its face does."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, str):
        return words(value) if isinstance(value, Hint) else str(value)
    if isinstance(value, Mapping):
        return _object(value.items(), words)
    if isinstance(value, list | tuple):
        return [item if type(item) in _PLAIN else jsonable(item, words) for item in value]
    fields = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
    return _object(((name, getattr(value, field)) for name, field in fields), words)


def _object(fields: Iterable[tuple[str, Any]], words: Callable[[str], str]) -> dict[str, Any]:
    return {name: item if type(item) in _PLAIN else jsonable(item, words) for name, item in fields}
