"""Periodic work of a worker: what each kind is made from.

What does not live here: the kinds, and whose turn it is (`publish.rounds`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.posting.publish.log import Log, silent


class WorkParts(NamedTuple):
    """What a kind of work may take. `answers`: a program's functions for replies; `commands`: whether commands run."""

    context: Context
    drafting: Drafting
    log: Log = silent
    answers: Mapping[str, Callable[..., Any]] = {}
    commands: bool = True


@runtime_checkable
class MakesPosts(Protocol):
    """Work that makes posts, so that a single run publishes again after it. `made` grows with what it makes."""

    made: int
