"""follow-ups: a reply or a repost once a post has enough likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.completing import complete_posts
from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import ID, json_option, on_queue
from skywrite.faces.cli.output import print_json, print_outcome
from skywrite.faces.cli.showing import follow_up_line

if TYPE_CHECKING:
    from skywrite.app import Skywrite


@click.group("follow-ups", cls=Noun, epilog='Example: skywrite follow-ups add 12 --when "50 likes" --repost')
def follow_ups_command() -> None:
    """Reply to a post of yours, or repost it, once it does well."""


@follow_ups_command.command(
    "add", epilog='Example: skywrite follow-ups add 12 --when "50 likes" --reply "More about it: https://a.example"'
)
@click.argument("post_id", type=ID, metavar="ID", shell_complete=complete_posts)
@click.option("--when", required=True, metavar="NUMBER", help='The threshold: "50 likes", "5 replies".')
@click.option("--reply", metavar="TEXT", help="Reply with this text.")
@click.option("--repost", is_flag=True, help="Repost the post.")
@click.option("--undo-after", metavar="DURATION", help="Undo the repost after this long, such as 24h.")
@json_option
@on_queue
def add_command(
    sky: Skywrite, post_id: int, when: str, reply: str | None, repost: bool, undo_after: str | None, as_json: bool
) -> None:
    """Reply to a post of yours, or repost it, once it does well.

    The threshold is a number of likes, reposts, replies, quotes or bookmarks. A follow-up happens
    once. The worker counts 1, 6, 24, 72, 168 and 720 hours after the post went out; then the follow-up expires.
    """
    from skywrite.app.shapes.reposts import follow_up_shape

    added = sky.follow_ups.add(post_id, when=when, reply=reply, repost=repost, undo_after=undo_after)
    print_outcome(as_json, follow_up_shape(added), f"Follow-up {added.id} waits until post {post_id} has {added.goal}.")


@follow_ups_command.command("list", epilog="Example: skywrite follow-ups list --json")
@json_option
@on_queue
def list_command(sky: Skywrite, as_json: bool) -> None:
    """List follow-ups that are waiting, and those that failed."""
    from skywrite.app.shapes.reposts import follow_up_shape

    follow_ups = sky.follow_ups.list()
    if as_json:
        print_json([follow_up_shape(item) for item in follow_ups])
    elif not follow_ups:
        click.echo('No follow-ups are waiting. Add one: skywrite follow-ups add 12 --when "50 likes" --repost')
    else:
        for item in follow_ups:
            click.echo(f"{item.id}  post {item.post_id}  {follow_up_line(item)}")


@follow_ups_command.command("cancel", epilog="Example: skywrite follow-ups cancel 3")
@click.argument("follow_up_id", type=ID, metavar="ID")
@json_option
@on_queue
def cancel_command(sky: Skywrite, follow_up_id: int, as_json: bool) -> None:
    """Cancel a follow-up."""
    from skywrite.app.shapes.reposts import follow_up_shape

    cancelled = sky.follow_ups.cancel(follow_up_id)
    print_outcome(as_json, follow_up_shape(cancelled), f"Follow-up {follow_up_id} is cancelled.")
