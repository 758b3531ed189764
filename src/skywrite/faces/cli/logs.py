"""Structured logs of a run: one line per event, as text or JSON, on standard error.

Facts are names and plain values, never secrets. An unexpected error is logged with its place, not its values.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from skywrite.core.clock import Clock, to_iso
from skywrite.core.shown import printable


def make_log(kind: str, clock: Clock) -> Callable[..., None]:
    """A function `log(event, **facts)`; `kind` is text, json or none. A line that cannot be written is skipped."""

    def log(event: str, **facts: Any) -> None:
        if kind == "none" or event == "idle":
            return
        plain = {name: _plain(value) for name, value in facts.items() if value is not None}
        at = to_iso(clock.now())
        if kind == "json":
            line = json.dumps({"time": at, "event": event, **plain}, ensure_ascii=False)
        else:
            line = " ".join([at, event, *(f"{name}={_quoted(value)}" for name, value in plain.items())])
        # A full disk, a broken pipe, or a closed stream.
        with suppress(OSError, ValueError):
            sys.stderr.write(printable(line) + "\n")
            sys.stderr.flush()

    return log


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        place = traceback.extract_tb(value.__traceback__)[-1:]
        where = f" at {place[0].filename.rpartition('skywrite/')[2]}:{place[0].lineno}" if place else ""
        return f"{type(value).__name__}{where}"
    return value if isinstance(value, str | int | float | bool) else str(value)


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(mark in text for mark in ' "=\\\n') else text
