"""delete: a post that is published."""

from __future__ import annotations

import click

from skywrite.faces.cli.completing import complete_posts
from skywrite.faces.cli.options import account_option, json_option
from skywrite.faces.cli.output import print_done, print_json


@click.command("delete", epilog="Example: skywrite delete https://bsky.app/profile/alice.bsky.social/post/3k...")
@click.argument("target", shell_complete=complete_posts)
@account_option
@json_option
def delete_command(target: str, account: str | None, as_json: bool) -> None:
    """Delete a published post: by its link, its at-uri, or its number here (then with its whole thread)."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.done import DeletedPost

    with Skywrite() as sky:
        uri = sky.posts.delete(target, account=account)
    if as_json:
        print_json(DeletedPost(uri))
    else:
        print_done(f"Deleted: {uri}")
