"""Hints for each kind of caller: requests for HTTP clients, tools for agents.

What does not live here: hints themselves (`errors`), those of the command line (`cli.hints`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from skywrite.app.operations import OPERATIONS
from skywrite.core.errors import Do, Hint

API = "/api/v1"

# Operations whose name in hints differs from the table's.
_NAMES: Mapping[str, str] = {
    "posts.schedule": "posts.create",
    "posts.publish": "posts.create",
    "posts.delete": "posts.unpublish",
    "posts.history": "history.list",
    "recurrences.skip_or_move": "recurrences.change_occurrence",
    "accounts.set": "accounts.edit",
    "accounts.set_slots": "slots.set",
    "accounts.slots": "slots.list",
}
# What people do, never with a key.
_BY_PEOPLE: Mapping[str, str] = {
    "answers.resume": "a person lets it go on, on the page Inbox",
    "accounts.login": "a person signs in on the page",
    "oauth.login": "a person signs in on the page",
    "run": "start a worker on the server",
    "run_once": "start a worker on the server",
    "doctor": f"GET {API}/status",
}
_ELSEWHERE = "on the server"


def for_http(hint: str) -> str:
    """A hint that names requests."""
    return _said(hint, _request)


def for_agents(hint: str) -> str:
    """A hint that names tools."""
    return _said(hint, _tool)


def _said(hint: str, words: Callable[[Do], str]) -> str:
    return hint.said(words) if isinstance(hint, Hint) else hint


def _request(do: Do) -> str:
    if do.operation == "argument":
        return f"the field {do.target}"
    operation = OPERATIONS.get(_NAMES.get(do.operation, do.operation))
    if operation is None:
        return _BY_PEOPLE.get(do.operation, _ELSEWHERE)
    path = operation.path if do.target is None else operation.path.replace("{id}", str(do.target))
    return f"{operation.method} {API}{path}"


def _tool(do: Do) -> str:
    if do.operation == "argument":
        return f"the argument {do.target}"
    operation = OPERATIONS.get(_NAMES.get(do.operation, do.operation))
    if operation is None or operation.tool is None:
        return _BY_PEOPLE.get(do.operation, "a person does that on the page")
    return operation.tool if do.target is None else f"{operation.tool} with id {do.target}"
