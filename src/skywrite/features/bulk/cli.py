"""shift, copy: several posts at once, with one undo. `cancel`, `approve` and others take several numbers themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.completing import complete_posts
from skywrite.faces.cli.options import A_HANDLE, json_option, on_queue
from skywrite.faces.cli.output import print_done, print_json, print_warnings
from skywrite.faces.cli.picking import PostNumbers, numbered

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.bulk.service import Done


def _posts(command: click.decorators.FC) -> click.decorators.FC:
    return click.argument(
        "numbers",
        type=PostNumbers(),
        nargs=-1,
        required=True,
        metavar="[ID|RANGE]...",
        shell_complete=complete_posts,
    )(command)


@click.command("shift", epilog="Example: skywrite shift 12 31-33 --by 1d, or: skywrite shift 12 --by -2h")
@_posts
@click.option("--by", required=True, metavar="DURATION", help="How far: 1d, 2h30m; with a minus for earlier.")
@json_option
@on_queue
def shift_command(sky: Skywrite, numbers: tuple[range, ...], by: str, as_json: bool) -> None:
    """Move several posts by a while: all of them, or none.

    9:00 stays 9:00 on days when clocks change.
    """
    _print(sky, sky.bulk.shift(numbered(sky, numbers), by), "moved", as_json)


@click.command("copy", epilog="Example: skywrite copy 12 31-33 --by 7d, or: skywrite copy 12 --to bob.test")
@_posts
@click.option("--to", **A_HANDLE, help="Post the copies as this account. Default: the account of each.")
@click.option("--by", metavar="DURATION", help="Move the copies: 7d, 2h30m; with a minus for earlier.")
@click.option("--draft", is_flag=True, help="Keep the copies as drafts.")
@json_option
@on_queue
def copy_command(
    sky: Skywrite, numbers: tuple[range, ...], to: str | None, by: str | None, draft: bool, as_json: bool
) -> None:
    """Copy posts, scheduled or published ones, to other times or another account: all of them, or none."""
    _print(sky, sky.bulk.copy(numbered(sky, numbers), to=to, by=by, draft=draft), "new", as_json)


def _print(sky: Skywrite, done: Done, what: str, as_json: bool) -> None:
    from skywrite.features.bulk.operations import bulk_shape
    from skywrite.posting.schedule.times import format_time

    if as_json:
        print_json(bulk_shape(done))
        return
    print_warnings(done.warnings)
    count = len(done.posts)
    print_done(
        f"{count} {'post is' if count == 1 else 'posts are'} {what}. All of it is taken back with: skywrite undo"
    )
    for entry in done.posts:
        post, account = entry.post, entry.account
        time = "no time" if post.due_at is None else format_time(post.due_at, sky.context.zone(account))
        click.echo(f"  {post.id}  {account.handle}, {post.state}, {time}")
