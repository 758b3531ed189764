"""What the shell completes besides commands and options: accounts, posts, states.

Completion never fails: if the database cannot be read, there are no suggestions.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from skywrite.core.errors import SkywriteError
from skywrite.queue.model import STATES, WAITING_STATES

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from skywrite.app import Skywrite

POSTS_MAX = 100
# The states that each command is for; the others take waiting posts.
_STATES = {
    "show": STATES,
    "retry": ("failed",),
    "release": ("held",),
    "hold": ("scheduled",),
    "delete": ("published",),
    "save": ("published",),
    "pin": ("published",),
    "unpin": ("published",),
    "add": ("published", *WAITING_STATES),
}


def complete_accounts(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Handles that are signed in here."""
    return _from_database(begun, lambda sky: [(account.handle, account.state) for account in sky.accounts.list()])


def complete_posts(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Numbers of waiting posts, with the beginning of their texts."""

    states: Any = _STATES.get(context.info_name or "", WAITING_STATES)

    def posts(sky: Skywrite) -> list[tuple[str, str]]:
        entries = sky.posts.list(states=states, limit=POSTS_MAX)
        return [(str(entry.post.id), entry.post.text[:40]) for entry in entries]

    return _from_database(begun, posts)


def complete_recurrences(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Numbers of recurrences, with their rules."""
    return _from_database(begun, lambda sky: [(str(one.id), one.rule) for one in sky.context.store.recurrences.all()])


def complete_files(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Files, completed by the shell itself."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type="file")]


def complete_commands(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The commands."""
    from click.shell_completion import CompletionItem

    root = context.find_root().command
    names = root.list_commands(context) if isinstance(root, click.Group) else []
    return [CompletionItem(name) for name in names if name.startswith(begun)]


def complete_states(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The states of a post."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(state) for state in STATES if state.startswith(begun)]


def _from_database(begun: str, read: Callable[[Any], list[tuple[str, str]]]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from skywrite.app import Skywrite

    with suppress(SkywriteError, OSError), Skywrite() as sky:
        return [CompletionItem(value, help=about) for value, about in read(sky) if value.startswith(begun)]
    return []
