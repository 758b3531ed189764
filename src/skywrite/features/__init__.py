"""The features: a folder each, and this list of them. Facade, worker, command line and server read it.

A feature whose name is not in the list is nowhere, and all others work without it. Features do not import each other:
what two of them need is in `app`, `posting` or `queue`. What lives here: reading the rows. What does not: any feature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

from skywrite.core.feature import Feature

NAMES = (
    "recurring",
    "reposts",
    "follow_ups",
    "feeds",
    "commands",
    "folders",
    "answers",
    "bots",
    "insight",
    "notices",
    "receipts",
    "tables",
    "drafts",
    "groups",
    "bulk",
    "agents",
    "service",
    "keys",
    "checkup",
    "rehearsal",
    "webhooks",
    "hooks",
    "ways",
    "calendars",
    "reviews",
    "people",
    "snippets",
)


@cache
def features() -> tuple[Feature, ...]:
    """All rows. Reading them loads no feature."""
    return tuple(import_module(f"skywrite.features.{name}").FEATURE for name in NAMES)


def feature(name: str) -> Feature | None:
    """One row, or None without such a feature."""
    return next((row for row in features() if row.name == name), None)


def homes(field: str) -> Iterator[Callable[..., Any]]:
    """What features have under one field of their rows, such as `works` or `prune`."""
    for row in features():
        if home := getattr(row, field):
            yield row.load(home)
