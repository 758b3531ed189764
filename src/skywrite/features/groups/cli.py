"""groups: one text for several accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.completing import complete_posts
from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import A_HANDLE, ID, json_option, on_queue, one_text
from skywrite.faces.cli.output import print_done, print_json, print_warnings
from skywrite.faces.cli.words import OneTextCommand

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.groups.service import Group


@click.group("groups", cls=Noun, epilog='Example: skywrite groups add "We are open" --account a.test --account b.test')
def groups_command() -> None:
    """Post one text as several accounts: scheduled, moved and cancelled together."""


@groups_command.command(
    "add",
    cls=OneTextCommand,
    epilog='Example: skywrite groups add "We are open" --account a.test --account b.test --at "sat 9:00"',
)
@one_text()
@click.option("--account", "-u", "accounts", multiple=True, required=True, help="An account; repeat it.", **A_HANDLE)
@click.option("--but", "variants", multiple=True, metavar="HANDLE=TEXT", help="Another text for one of them.")
@click.option("--at", "-t", metavar="WHEN", help="One time for all. Default: the next free slot of the first account.")
@click.option("--late", metavar="POLICY", help="What to do if its time is missed: publish, skip:30m, hold.")
@click.option("--key", metavar="KEY", help="Add it only once for this key, however often you run it.")
@click.option("--draft", "as_draft", is_flag=True, help="Keep them as drafts, without a time.")
@json_option
@on_queue
def add_command(
    sky: Skywrite,
    text: str,
    accounts: tuple[str, ...],
    variants: tuple[str, ...],
    at: str | None,
    late: str | None,
    key: str | None,
    as_draft: bool,
    as_json: bool,
) -> None:
    """Schedule TEXT for each account.

    All of them, or none. Each is a post of its own, and goes out once.
    """
    differing = dict(_variant(variant) for variant in variants)
    group = sky.groups.add(text, accounts=accounts, variants=differing, at=at, late=late, key=key, draft=as_draft)
    print_warnings(group.warnings)
    what = "in the group, as drafts:" if as_draft else "in the group:"
    _print(sky, as_json, group, what, created=not group.existed)


@groups_command.command("show", epilog="Example: skywrite groups show 12 --json")
@click.argument("post_id", type=ID, metavar="ID", shell_complete=complete_posts)
@json_option
@on_queue
def show_command(sky: Skywrite, post_id: int, as_json: bool) -> None:
    """Show a post with those that belong to it."""
    _print(sky, as_json, sky.groups.get(post_id), "in the group:")


@groups_command.command("move", epilog='Example: skywrite groups move 12 "monday 9:00"')
@click.argument("post_id", type=ID, metavar="ID", shell_complete=complete_posts)
@click.argument("when")
@json_option
@on_queue
def move_command(sky: Skywrite, post_id: int, when: str, as_json: bool) -> None:
    """Move the posts of a group that wait: all of them, or none.

    Posts that are held or rejected stay as they are.
    """
    _print(sky, as_json, sky.groups.move(post_id, when), "of the group moved:")


@groups_command.command("cancel", epilog="Example: skywrite groups cancel 12")
@click.argument("post_id", type=ID, metavar="ID", shell_complete=complete_posts)
@json_option
@on_queue
def cancel_command(sky: Skywrite, post_id: int, as_json: bool) -> None:
    """Cancel all posts of a group that wait: all of them, or none."""
    _print(sky, as_json, sky.groups.cancel(post_id), "of the group cancelled:")


def _variant(value: str) -> tuple[str, dict[str, str]]:
    """The account and its own text. Raises InputError."""
    handle, joint, words = value.partition("=")
    if not (joint and handle.strip() and words.strip()):
        raise InputError(f"{value!r} is not an account and its text.", hint='Write it as: --but "b.test=Another text"')
    return handle.strip(), {"text": words}


def _print(sky: Skywrite, as_json: bool, group: Group, what: str, *, created: bool = False) -> None:
    from skywrite.features.groups.operations import together_shape
    from skywrite.posting.schedule.times import format_time

    if as_json:
        print_json(together_shape(group, created=created))
        return
    count, changed = len(group.posts), len(group.changed)
    of_all = f"{changed} of " if changed else ""
    print_done(f"{of_all}{count} {'post' if count == 1 else 'posts'} {what}")
    for entry in group.posts:
        post, account = entry.post, entry.account
        time = "no time" if post.due_at is None else format_time(post.due_at, sky.context.zone(account))
        click.echo(f"  {post.id}  {account.handle}, {post.state}, {time}")
