"""Hints, rendered for the command line.

What lives here: the command for each operation that a hint may suggest. What does not: the hints themselves (next to
the code that raises them).
"""

from __future__ import annotations

from skywrite.core.errors import Do, Hint
from skywrite.faces.cli.given import shell_words

_COMMANDS = {
    "approvals.approve": "approve",
    "approvals.reject": "reject",
    "approvals.reject_recurrence": "reject",
    "accounts.login": "login",
    "accounts.list": "accounts",
    # What the lost settings said about approvals is not known.
    "accounts.reset": "accounts set --reset approval=all --account",
    "accounts.set": "accounts set",
    "accounts.set_default": "accounts use",
    "accounts.set_slots": "accounts slots",
    "answers.pause": "answers pause",
    "answers.resume": "answers resume",
    "bots.off": "accounts bot off",
    "bots.on": "accounts bot on",
    "commands.list": "commands list",
    "commands.remove": "commands remove",
    "doctor": "doctor",
    "feeds.add": "feeds add",
    "feeds.list": "feeds list",
    "follow_ups.cancel": "follow-ups cancel",
    "follow_ups.list": "follow-ups",
    "groups.cancel": "groups cancel",
    "groups.move": "groups move",
    "hooks.list": "hooks list",
    "hooks.remove": "hooks remove",
    "inbox.list": "inbox",
    "keys.add": "keys add",
    "keys.list": "keys list",
    "keys.revoke": "keys revoke",
    "notices.list": "notices list",
    "notices.remove": "notices remove",
    "feeds.poll": "feeds check",
    "feeds.remove": "feeds remove",
    "oauth.init": "accounts oauth init",
    "oauth.login": "login --oauth",
    "posts.approve": "approve",
    "posts.cancel": "cancel",
    "posts.delete": "delete",
    "posts.edit": "edit",
    "posts.get": "show",
    "posts.history": "list --past",
    "posts.list": "list",
    "posts.move": "move",
    "posts.release": "release",
    "posts.retry": "retry",
    "posts.undo": "undo",
    "recurrences.approve": "approve",
    "recurrences.edit": "recurring edit",
    "recurrences.get": "recurring show",
    "recurrences.list": "recurring",
    "reposts.cancel": "reposts cancel",
    "reposts.list": "reposts",
    "rotate_key": "keys rotate-encryption",
    "run": "run",
    "run_once": "run --once",
    "snippets.list": "snippets list",
    "snippets.remove": "snippets remove",
    "transfer.export_rows": "export",
    "transfer.import_rows": "import",
    "ways.list": "answers ways",
    "ways.pause": "answers stop",
    "ways.remove": "answers remove",
    "ways.resume": "answers start",
}
# What only the page and the API do.
_ON_THE_PAGE = ("calendars.list", "webhooks.list")
_TARGETS = {"approvals.reject_recurrence": "recurring:", "recurrences.approve": "recurring:"}
# What makes a command whole. Nothing here is a text that somebody could post by pasting it.
_REST = {
    "keys.add": ' --name "my program" --scope read --scope draft',
    "oauth.init": " https://me.example",
    "groups.move": ' "tomorrow 9:00"',
    "posts.edit": " --editor",
    "posts.move": ' "tomorrow 9:00"',
    "transfer.export_rows": " --account HANDLE --media media -o plan.jsonl",
    "transfer.import_rows": " plan.jsonl",
}
# Options that the command which was given lacks.
_MISSING = {"dates": "", "key": "", "media": " media", "partial": ""}
_given: list[str] = []


def remember(words: list[str]) -> None:
    """Keep the command line, for hints that repeat it with another option."""
    _given[:] = words


def given_command() -> str:
    """The command that was given, for a hint that adds to it."""
    return f"skywrite {shell_words(_given)}".strip()


def command(do: Do) -> str:
    """An operation as a command, an argument as an option."""
    if do.operation == "argument":
        option = f"--{str(do.target).replace('_', '-')}"
        return f"{given_command()} {option}{_MISSING[str(do.target)]}" if do.target in _MISSING and _given else option
    if do.operation in _ON_THE_PAGE:
        return "skywrite serve, and on its page Settings"
    words = f"skywrite {_COMMANDS[do.operation]}"
    whose = "" if do.account is None else f" --account {do.account}"
    if do.operation == "accounts.set_slots" and do.target is not None:
        return f"{words} {shell_words([str(do.target)]) if do.target else '--clear'}{whose}"
    target = "" if do.target is None else f" {_TARGETS.get(do.operation, '')}{do.target}"
    return words + target + whose + _REST.get(do.operation, "")


def hint_text(hint: str) -> str:
    """A hint for the command line."""
    return hint.said(command) if isinstance(hint, Hint) else hint
