"""What the shell completes beside commands and options: accounts, posts, states.

Completion never fails: where the database cannot be read, nothing is proposed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from skywrite.errors import SkywriteError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from skywrite.app import Skywrite

POSTS_MAX = 100


def complete_accounts(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Handles that are signed in here."""
    return _from_database(begun, lambda sky: [(account.handle, account.state) for account in sky.accounts.list()])


def complete_posts(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Numbers of posts that wait, with the beginning of their texts."""

    def posts(sky: Skywrite) -> list[tuple[str, str]]:
        return [(str(entry.post.id), entry.post.text[:40]) for entry in sky.posts.list(limit=POSTS_MAX)]

    return _from_database(begun, posts)


def complete_states(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The states of a post."""
    from click.shell_completion import CompletionItem

    from skywrite.queue.model import STATES

    return [CompletionItem(state) for state in STATES if state.startswith(begun)]


def _from_database(begun: str, read: Callable[[Any], list[tuple[str, str]]]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from skywrite.app import Skywrite

    with suppress(SkywriteError, OSError), Skywrite() as sky:
        return [CompletionItem(value, help=about) for value, about in read(sky) if value.startswith(begun)]
    return []
