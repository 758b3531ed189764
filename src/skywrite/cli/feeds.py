"""feeds: new items of a blog, a changelog or a podcast become posts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from skywrite.cli.given import EmptyResets, FilePath
from skywrite.cli.hints import hint_text
from skywrite.cli.nouns import Noun
from skywrite.cli.options import A_HANDLE, Whole, json_option
from skywrite.cli.output import one_line, print_aside, print_done, print_json, print_table, print_warnings
from skywrite.cli.status import approvals_note
from skywrite.cli.subscriptions import add_list, is_list
from skywrite.files import private_file

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--template",
        metavar="TEXT",
        callback=lambda context, option, value: value and value.replace("\\n", "\n"),
        help="The text of a post (Jinja2; \\n is a new line). Default: title and link.",
    ),
    click.option("--include", multiple=True, metavar="RULE", help="Post only items with this word or /pattern/."),
    click.option("--exclude", multiple=True, metavar="RULE", help="Leave out items with this word or /pattern/."),
    click.option(
        "--images",
        type=click.Choice(["auto", "all", "card", "none"]),
        help="auto: the item's images that have a description, else the page's card. Default: auto.",
    ),
    click.option("--lang", "langs", multiple=True, metavar="LANG", help="The posts' language. Default: the feed's."),
    click.option("--mentions/--no-mentions", default=None, help="Whether an @handle in an item notifies its owner."),
)


def _options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group("feeds", cls=Noun, epilog="Example: skywrite feeds add https://example.com/blog")
def feeds_command() -> None:
    """Post new items of a feed: RSS, Atom or JSON Feed, or a page that links to one. `skywrite run` polls it."""


@feeds_command.command("add", epilog="Example: skywrite feeds add https://example.com/blog --backfill 3")
@click.argument("url")
@click.option("--yes", is_flag=True, help="Add all feeds of a list without asking.")
@click.option(
    "--account",
    "-u",
    "accounts",
    multiple=True,
    **A_HANDLE,
    help="The account that posts. May be repeated.",
)
@_options
@click.option("--backfill", type=Whole(0, 1000), default=0, help="Also post this many existing items.")
@click.option("--most", type=Whole(1, 100), default=5, show_default=True, help="Maximum posts per poll.")
@click.option(
    "--spacing",
    type=click.Choice(["gap", "slots"]),
    default="gap",
    show_default=True,
    help="Between posts: the account's minimum gap, or its weekly slots.",
)
@click.option("--every", metavar="TIME", help="Polling interval, such as 2h (default 30m, minimum 5m).")
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="A content label for its posts.")
@json_option
def add(url: str, yes: bool, as_json: bool, **options: Any) -> None:
    """Post a feed's new items from now on.

    \b
    Skips existing items, except the newest if you set --backfill.
    A template knows: title, summary, link, author, tags, hashtags, published, feed_title.
    URL may be a list of subscriptions (OPML): each feed is shown, and added only if you confirm.
    """
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        options["images"] = options["images"] or "auto"
        options["accounts"] = options["accounts"] or None
        if is_list(url):
            sys.exit(add_list(sky, url, options, yes=yes, as_json=as_json))
        added = sky.feeds.add(url, **options)
        approvals = approvals_note(sky)
    status, check = added
    if as_json:
        from skywrite.app.shapes.feeds import feed_shape

        print_json(feed_shape(status, check))
        return
    count = sum(status.items.values())
    print_done(f"Feed {status.feed.id}: {status.feed.title or status.feed.url} for {', '.join(status.accounts)}.")
    queued = len(check.posts)
    known = f"{count} {'item is' if count == 1 else 'items are'} known and not posted; " if count else ""
    click.echo(f"{known}{queued} {'post is' if queued == 1 else 'posts are'} queued. `skywrite run` finds new items.")
    if queued and approvals:
        print_aside(approvals)
    print_warnings(check.warnings)


@feeds_command.command("export", epilog="Example: skywrite feeds export -o subscriptions.opml")
@click.option("--output", "-o", type=FilePath(path_type=Path), help="Write to this file. Default: standard output.")
@json_option
def export(output: Path | None, as_json: bool) -> None:
    """Write all feeds as a list of subscriptions (OPML).

    Feed readers and `skywrite feeds add` can read the list.
    """
    from skywrite.app import Skywrite
    from skywrite.app.shapes.done import WrittenFile
    from skywrite.app.shapes.feeds import feed_shape

    with Skywrite() as sky:
        if as_json and output is None:
            print_json([feed_shape(status) for status in sky.feeds.list()])
            return
        text = sky.feeds.opml()
    if output is None:
        click.echo(text, nl=False)
        return
    # An address may hold a secret.
    with private_file(output) as file:
        file.write(text.encode())
    if as_json:
        print_json(WrittenFile(str(output)))
    else:
        print_done(f"The feeds are written to {output}.")


@feeds_command.command("list", epilog="Example: skywrite feeds list --json")
@json_option
def list_(as_json: bool) -> None:
    """List the feeds, and how many items are in each state."""
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        feeds = sky.feeds()
    if as_json:
        from skywrite.app.shapes.feeds import feed_shape

        print_json([feed_shape(status) for status in feeds])
    elif not feeds:
        click.echo("No feeds yet. Add one: skywrite feeds add https://example.com/blog")
    else:
        rows = []
        for status in feeds:
            items = ", ".join(f"{count} {state}" for state, count in sorted(status.items.items()))
            problem = status.feed.problem
            name = one_line(status.feed.title or status.feed.url, 40)
            rows.append(
                (str(status.feed.id), name, ", ".join(status.accounts), items, _when(status) if not problem else "!")
            )
        print_table(("ID", "FEED", "ACCOUNTS", "ITEMS", "NEXT POLL"), rows)
        print_warnings(
            f"Feed {status.feed.id}: {status.feed.problem.message}" for status in feeds if status.feed.problem
        )


def _when(status: Any) -> str:
    at = status.feed.next_check_at
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


@feeds_command.command("check", epilog="Example: skywrite feeds check 3")
@click.argument("feed", required=False)
@json_option
def check(feed: str | None, as_json: bool) -> None:
    """Poll a feed now, or all feeds that are due.

    Name a feed by its number or address. Exits with 4 if a feed could not be read.
    """
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        checks = sky.check_due_feeds() if feed is None else [sky.check_feed(feed)]
        statuses = sky.feeds.list()
    if as_json:
        from skywrite.app.shapes.feeds import checked_shapes

        print_json(checked_shapes(statuses, checks))
    else:
        for item in checks:
            if item.problem:
                click.echo(
                    f"Feed {item.feed_id}: {item.problem.message} {hint_text(item.problem.hint)}".rstrip(), err=True
                )
            else:
                counts = f"{item.new} new items, {len(item.posts)} posts queued, {item.waiting} waiting"
                print_done(f"Feed {item.feed_id}: {counts}.")
            print_warnings(item.warnings)
        if not checks:
            click.echo("No feed is due. Look at one: skywrite feeds check ID")
    sys.exit(4 if any(item.problem for item in checks) else 0)


@feeds_command.command(
    "preview", epilog="Example: skywrite feeds preview https://example.com/blog --template '{{ title }} {{ hashtags }}'"
)
@click.argument("url")
@click.option("--account", "-u", **A_HANDLE, help="The account to preview for. Default: your default account.")
@_options
@click.option("--limit", type=Whole(1, 50), default=3, show_default=True, help="Number of items.")
@json_option
def preview(url: str, account: str | None, limit: int, as_json: bool, **options: Any) -> None:
    """Show the latest items as posts; nothing is sent.

    URL may also be the number of a feed you added: its settings apply, except those you set here.
    """
    from skywrite.app import Skywrite
    from skywrite.cli.view import print_preview

    with Skywrite() as sky:
        shown = sky.preview_feed(url, account=account, limit=limit, **options)
    if as_json:
        from skywrite.app.shapes.feeds import item_shape

        print_json([item_shape(item) for item in shown])
        return
    for item in shown:
        click.echo(f"{click.style(item.state, bold=True)}  {one_line(item.title or item.link)}")
        if item.same_as:
            click.echo(f"{one_line(item.same_as)}. Only one of them is posted.")
        if item.ready is not None:
            print_preview(item.ready)
        elif item.problem is not None:
            click.echo(f"{item.problem.message} {hint_text(item.problem.hint)}".rstrip(), err=True)
        click.echo()


@feeds_command.command(
    "edit", cls=EmptyResets, epilog="Example: skywrite feeds edit 3 --template '{{ title }} {{ link }}'"
)
@click.argument("feed")
@click.option(
    "--account",
    "-u",
    "accounts",
    multiple=True,
    **A_HANDLE,
    help="The account that posts from now on. May be repeated.",
)
@_options
@click.option("--most", type=Whole(1, 100), help="Maximum posts per poll.")
@click.option("--spacing", type=click.Choice(["gap", "slots"]), help="Between posts: the minimum gap, or weekly slots.")
@click.option("--every", metavar="TIME", help="Polling interval, such as 2h.")
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="A content label for its posts.")
@json_option
def edit(feed: str, accounts: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Change a feed. Posts it has already made stay.

    Options you leave out keep their values. An empty text resets an option to its default: --template "" --include "".
    """
    from skywrite.app import Skywrite

    given = {
        name: [item for item in value if item] if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, ())
    }
    with Skywrite() as sky:
        status = sky.edit_feed(feed, accounts=accounts or None, **given)
    if as_json:
        from skywrite.app.shapes.feeds import feed_shape

        print_json(feed_shape(status))
    else:
        print_done(f"Feed {status.feed.id} ({status.feed.url}) is changed; the change applies from its next poll.")


@feeds_command.command("remove", epilog="Example: skywrite feeds remove 3")
@click.argument("feed")
@json_option
def remove(feed: str, as_json: bool) -> None:
    """Remove a feed. Its posts stay; the record of posted items is removed."""
    from skywrite.app import Skywrite
    from skywrite.app.shapes.feeds import removed_feed_shape

    with Skywrite() as sky:
        removed = sky.remove_feed(feed)
    if as_json:
        print_json(removed_feed_shape(removed))
    else:
        print_done(f"Feed {removed.id} ({removed.url}) is removed; its posts in the queue stay.")
