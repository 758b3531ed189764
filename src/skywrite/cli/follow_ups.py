"""follow-up, follow-ups: a reply or a repost once a post has so many likes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from skywrite.cli.completing import complete_posts
from skywrite.cli.options import ID, json_option
from skywrite.cli.output import print_done, print_json

if TYPE_CHECKING:
    from skywrite.queue.follow_ups import FollowUp


@click.command(
    "follow-up", epilog='Example: skywrite follow-up 12 --when "50 likes" --reply "More of it: https://a.example"'
)
@click.argument("post_id", type=ID, metavar="ID", shell_complete=complete_posts)
@click.option("--when", required=True, metavar="NUMBER", help='What has to be reached: "50 likes", "5 replies".')
@click.option("--reply", metavar="TEXT", help="Reply with this text.")
@click.option("--repost", is_flag=True, help="Repost it.")
@click.option("--undo-after", metavar="DURATION", help="Take the repost back so long after it, such as 24h.")
@json_option
def follow_up_command(
    post_id: int, when: str, reply: str | None, repost: bool, undo_after: str | None, as_json: bool
) -> None:
    """Reply to a post of yours, or repost it, once it has so many likes, reposts, replies, quotes or bookmarks.

    It is done once. The worker counts a post 1, 6, 24, 72, 168 and 720 hours after it went out; what is not reached by
    then expires.
    """
    from skywrite.app import Skywrite
    from skywrite.app.shapes.follow_ups import follow_up_shape

    with Skywrite() as sky:
        added = sky.follow_ups.add(post_id, when=when, reply=reply, repost=repost, undo_after=undo_after)
    if as_json:
        print_json(follow_up_shape(added))
    else:
        print_done(f"Follow-up {added.id} waits until post {post_id} has {added.goal}.")


@click.group("follow-ups", invoke_without_command=True, epilog="Example: skywrite follow-ups cancel 3")
@json_option
@click.pass_context
def follow_ups_command(context: click.Context, as_json: bool) -> None:
    """List follow-ups that wait, and those of which nothing came; cancel one."""
    if context.invoked_subcommand is not None:
        return
    from skywrite.app import Skywrite
    from skywrite.app.shapes.follow_ups import follow_up_shape

    with Skywrite() as sky:
        found = sky.follow_ups.list()
    if as_json:
        print_json([follow_up_shape(item) for item in found])
    elif not found:
        click.echo("No follow-up waits.")
    else:
        for item in found:
            click.echo(f"{item.id}  post {item.post_id}  {line_of(item)}")


@follow_ups_command.command("cancel", epilog="Example: skywrite follow-ups cancel 3")
@click.argument("follow_up_id", type=ID, metavar="ID")
@json_option
def cancel_command(follow_up_id: int, as_json: bool) -> None:
    """Do not do it."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.follow_ups import follow_up_shape

    with Skywrite() as sky:
        cancelled = sky.follow_ups.cancel(follow_up_id)
    if as_json:
        print_json(follow_up_shape(cancelled))
    else:
        print_done(f"Follow-up {follow_up_id} is cancelled.")


def line_of(item: FollowUp) -> str:
    """A follow-up in one line."""
    what = "repost it" if item.kind == "repost" else f"reply: {item.text}"
    made = f", as post {item.made_id}" if item.made_id else ""
    note = f" ({item.note})" if item.note else ""
    return f"at {item.goal}, {what}  [{item.state}{made}]{note}"


def lines_of(items: Iterable[FollowUp]) -> Iterator[str]:
    """The follow-ups of a post, for `show`."""
    for item in items:
        yield f"Follow-up {item.id}: {line_of(item)}"
