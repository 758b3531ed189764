"""Hints, rendered for the command line.

What lives here: the command for each operation that a hint may suggest. What does not: the hints themselves (next to
the code that raises them).
"""

from __future__ import annotations

from skywrite.errors import Do, Hint

_COMMANDS = {
    "accounts.login": "login",
    "accounts.list": "accounts",
    "accounts.set": "set",
    "accounts.set_slots": "slots",
    "commands.list": "command list",
    "doctor": "doctor",
    "feeds.list": "feed list",
    "follow_ups.list": "follow-ups",
    "keys.add": "keys add",
    "keys.list": "keys list",
    "feeds.poll": "feed check",
    "feeds.remove": "feed remove",
    "oauth.init": "oauth init",
    "oauth.login": "login --oauth",
    "posts.approve": "approve",
    "posts.cancel": "cancel",
    "posts.delete": "delete",
    "posts.edit": "edit",
    "posts.get": "show",
    "posts.list": "queue",
    "posts.move": "move",
    "posts.release": "release",
    "posts.retry": "retry",
    "posts.undo": "undo",
    "recurrences.approve": "approve",
    "recurrences.edit": "recurring edit",
    "recurrences.list": "recurring",
    "reposts.list": "reposts",
    "rotate_key": "key rotate",
    "run": "run",
    "run_once": "run --once",
    "transfer.import_rows": "import",
}
_TARGETS = {"recurrences.approve": "recurring:"}
_REST = {"oauth.init": " https://me.example", "posts.move": " WHEN", "posts.edit": ' "another text"'}


def command(do: Do) -> str:
    """An operation as a command, an argument as an option."""
    if do.operation == "argument":
        return f"--{str(do.target).replace('_', '-')}"
    words = f"skywrite {_COMMANDS[do.operation]}"
    target = "" if do.target is None else f" {_TARGETS.get(do.operation, '')}{do.target}"
    return words + target + _REST.get(do.operation, "")


def hint_text(hint: str) -> str:
    """A hint for the command line."""
    return hint.said(command) if isinstance(hint, Hint) else hint
