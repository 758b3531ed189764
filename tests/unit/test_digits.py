"""Numbers that others write: digits that are no number for Python are no number for us, wherever we read one."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from skywrite.app.settings import read_setting
from skywrite.core.digits import whole_number
from skywrite.core.errors import InputError
from skywrite.faces.cli.metrics import serve_metrics
from skywrite.features.agents.clients import CACHE_SECONDS, CACHE_SECONDS_MAX, _cache_seconds
from skywrite.features.notices.mail import server_of
from skywrite.features.notices.service import read_quiet
from skywrite.features.rehearsal.service import read_span
from skywrite.posting.publish.processes import is_gone, worker_name
from skywrite.posting.schedule.recurrence import parse_rule
from tests.support.processes import ROOT

SOURCE = ROOT / "src" / "skywrite"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NO_NUMBERS = ("²", "9" * 5000)
# These cut a header to some digits before they read it.
CAREFUL = {"rate_limit_end", "retry_after", "whole_number"}

READERS: dict[str, Callable[[str], Any]] = {
    "quiet hours": lambda digits: read_quiet(f"{digits}:00-7:00"),
    "a span": lambda digits: read_span(f"sat 10:00-{digits}:00", NOW, "UTC"),
    "a cron rule": lambda digits: parse_rule(f"0 0 {digits} * *", zone="UTC"),
    "a rule in words": lambda digits: parse_rule(f"every {digits} days", zone="UTC"),
    "a setting": lambda digits: read_setting("max_per_day", digits),
    "a port for metrics": lambda digits: serve_metrics(f"127.0.0.1:{digits}", None, lambda *_, **__: None),
    "a mail server": lambda digits: server_of({"server": f"smtp.example.com:{digits}"}),
}


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("65535", 65_535), ("65536", None), ("", None), ("-1", None), ("1_0", None), ("٣", None)],
)
def test_a_number_in_plain_digits(text: str, number: int | None) -> None:
    """Up to the most that it may be."""
    assert number == whole_number(text, 65_535)


@pytest.mark.parametrize("digits", NO_NUMBERS, ids=["superscript", "long"])
@pytest.mark.parametrize("reader", READERS)
def test_digits_that_are_no_number_are_refused(reader: str, digits: str) -> None:
    """As any other input that cannot be read."""
    with pytest.raises(InputError):
        READERS[reader](digits)


@pytest.mark.parametrize("digits", NO_NUMBERS, ids=["superscript", "long"])
def test_a_holder_with_such_a_number_is_not_gone(digits: str) -> None:
    """What stands there keeps nobody from freeing what others held."""
    assert not is_gone(f"{worker_name().partition('/')[0]}/{digits}/abc")


@pytest.mark.parametrize(
    ("digits", "seconds"),
    [(NO_NUMBERS[0], CACHE_SECONDS), (NO_NUMBERS[1], CACHE_SECONDS_MAX)],
    ids=["superscript", "long"],
)
def test_an_age_of_a_strange_server(digits: str, seconds: int) -> None:
    """A page about an agent may say what it likes about how long it is good."""
    assert seconds == _cache_seconds(SimpleNamespace(headers={"cache-control": f"max-age={digits}"}))  # type: ignore[arg-type]


def test_nobody_else_reads_digits() -> None:
    """A function that asks `isdigit` and then calls `int` meets digits that `int` does not take."""
    assert CAREFUL == {name for path in SOURCE.rglob("*.py") for name in both(path)}


def both(path: Path) -> set[str]:
    """The functions of a file that ask `isdigit` and call `int`."""
    functions = set()
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
            names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
            if {"isdigit", "int"} <= names:
                functions.add(function.name)
    return functions
