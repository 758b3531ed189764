"""Keys for rows that have none, so that importing a file again queues nothing twice. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def keys_of(rows: Sequence[Mapping[str, Any]], source: str) -> dict[int, str]:
    """Keys for rows without one (recurrences never have one), by row number from 1.

    A key is made from the file's name and the row's content; identical rows get different keys. So a file may be sorted
    differently and grow, and each row is queued once.
    """
    counts: Counter[str] = Counter()
    keys: dict[int, str] = {}
    for number, row in enumerate(rows, 1):
        if row.get("key") is not None or row.get("every"):
            continue
        plain = json.dumps(row, sort_keys=True, ensure_ascii=True, default=str)
        digest = hashlib.sha256(plain.encode()).hexdigest()[:24]
        counts[digest] += 1
        keys[number] = f"{source}:{digest}" + (f":{counts[digest]}" if counts[digest] > 1 else "")
    return keys


def is_ours(key: str | None, source: str | None) -> bool:
    """Whether a key was made here. Such a key means nothing without its file."""
    return key is not None and source is not None and key.startswith(f"{source}:")
