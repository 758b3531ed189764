"""delete: a post that is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.completing import complete_posts
from skywrite.faces.cli.options import account_option, json_option, on_queue
from skywrite.faces.cli.output import print_outcome

if TYPE_CHECKING:
    from skywrite.app import Skywrite


@click.command("delete", epilog="Example: skywrite delete https://bsky.app/profile/alice.bsky.social/post/3k...")
@click.argument("target", shell_complete=complete_posts)
@account_option
@json_option
@on_queue
def delete_command(sky: Skywrite, target: str, account: str | None, as_json: bool) -> None:
    """Delete a published post: by its link, its at-uri, or its number here (then with its whole thread)."""
    from skywrite.app.shapes.done import DeletedPost

    uri = sky.posts.delete(target, account=account)
    print_outcome(as_json, DeletedPost(uri), f"Deleted: {uri}")
