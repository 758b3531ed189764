"""feeds: new items of a blog, a changelog or a podcast become posts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from skywrite.core.errors import Unexpected
from skywrite.core.files import private_file
from skywrite.faces.cli.given import OUTPUT, EmptyResets
from skywrite.faces.cli.hints import given_command, hint_text
from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import A_HANDLE, Whole, json_option, on_queue
from skywrite.faces.cli.output import (
    one_line,
    print_aside,
    print_done,
    print_json,
    print_outcome,
    print_table,
    print_warnings,
)
from skywrite.faces.cli.status import approvals_note
from skywrite.faces.cli.terminal import can_ask
from skywrite.features.feeds.model import SubscriptionReport

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.feeds.model import FeedStatus
    from skywrite.features.feeds.reading.opml import Subscription

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
@on_queue
def add(sky: Skywrite, /, url: str, yes: bool, as_json: bool, **options: Any) -> None:
    """Post a feed's new items from now on.

    \b
    Skips existing items, except the newest if you set --backfill.
    A template knows: title, summary, link, author, tags, hashtags, published, feed_title.
    URL may be a list of subscriptions (OPML): each feed is shown, and added only if you confirm.
    """

    options["images"] = options["images"] or "auto"
    options["accounts"] = options["accounts"] or None
    if is_list(url):
        sys.exit(add_list(sky, url, options, yes=yes, as_json=as_json))
    added = sky.feeds.add(url, **options)
    approvals = approvals_note(sky)
    status, check = added
    if as_json:
        from skywrite.features.feeds.operations import feed_shape

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
@click.option("--output", "-o", type=OUTPUT, help="Write to this file. Default: standard output.")
@json_option
@on_queue
def export(sky: Skywrite, output: Path | None, as_json: bool) -> None:
    """Write all feeds as a list of subscriptions (OPML).

    Feed readers and `skywrite feeds add` can read the list.
    """
    from skywrite.app.shapes.done import WrittenFile
    from skywrite.features.feeds.operations import feed_shape

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
    print_outcome(as_json, WrittenFile(str(output)), f"The feeds are written to {output}.")


@feeds_command.command("list", epilog="Example: skywrite feeds list --json")
@json_option
@on_queue
def list_(sky: Skywrite, as_json: bool) -> None:
    """List the feeds, and how many items are in each state."""

    feeds = sky.feeds.list()
    if as_json:
        from skywrite.features.feeds.operations import feed_shape

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
                (
                    str(status.feed.id),
                    name,
                    ", ".join(status.accounts),
                    items,
                    "!" if problem else next_poll(sky, status),
                )
            )
        print_table(("ID", "FEED", "ACCOUNTS", "ITEMS", "NEXT POLL"), rows)
        print_warnings(
            f"Feed {status.feed.id}: {status.feed.problem.message}" for status in feeds if status.feed.problem
        )


def next_poll(sky: Skywrite, status: FeedStatus) -> str:
    """The next poll, in the zone of the account that posts."""
    from skywrite.faces.cli.view import short_time, zone_for

    at = status.feed.next_check_at
    return short_time(at, zone_for(sky, next(iter(status.accounts), None))) if at else "never"


@feeds_command.command("check", epilog="Example: skywrite feeds check 3")
@click.argument("feed", required=False)
@json_option
@on_queue
def check(sky: Skywrite, feed: str | None, as_json: bool) -> None:
    """Poll a feed now, or all feeds that are due.

    Name a feed by its number or address. Exits with 4 if a feed could not be read.
    """

    checks = sky.feeds.check_due() if feed is None else [sky.feeds.check(feed)]
    statuses = sky.feeds.list()
    if as_json:
        from skywrite.features.feeds.operations import checked_shapes

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
@on_queue
def preview(sky: Skywrite, /, url: str, account: str | None, limit: int, as_json: bool, **options: Any) -> None:
    """Show the latest items as posts; nothing is sent.

    URL may also be the number of a feed you added: its settings apply, except those you set here.
    """
    from skywrite.faces.cli.view import print_preview

    shown = sky.feeds.preview(url, account=account, limit=limit, **options)
    if as_json:
        from skywrite.features.feeds.operations import item_shape

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
@on_queue
def edit(sky: Skywrite, /, feed: str, accounts: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Change a feed. Posts it has already made stay.

    Options you leave out keep their values. An empty text resets an option to its default: --template "" --include "".
    """
    from skywrite.features.feeds.operations import feed_shape

    changes = {
        name: [item for item in value if item] if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, ())
    }
    status = sky.feeds.edit(feed, accounts=accounts or None, **changes)

    print_outcome(
        as_json,
        feed_shape(status),
        f"Feed {status.feed.id} ({status.feed.url}) is changed; the change applies from its next poll.",
    )


@feeds_command.command("remove", epilog="Example: skywrite feeds remove 3")
@click.argument("feed")
@json_option
@on_queue
def remove(sky: Skywrite, feed: str, as_json: bool) -> None:
    """Remove a feed. Its posts stay; the record of posted items is removed."""
    from skywrite.features.feeds.operations import removed_feed_shape

    removed = sky.feeds.remove(feed)
    print_outcome(
        as_json,
        removed_feed_shape(removed),
        f"Feed {removed.id} ({removed.url}) is removed; its posts in the queue stay.",
    )


# Previews wait for the servers of others; so many at a time.
AT_ONCE = 8
ENDINGS = (".opml", ".xml")
# Options of adding that a preview has no use for.
_NOT_PREVIEWED = ("accounts", "backfill", "most", "spacing", "every", "labels")


def is_list(address: str) -> bool:
    """Whether what was given is a list of subscriptions, rather than an address."""
    return (
        "://" not in address
        and Path(address).suffix.lower() in ENDINGS
        and (address.endswith(ENDINGS[0]) or Path(address).is_file())
    )


def add_list(sky: Skywrite, path: str, options: Mapping[str, Any], *, yes: bool, as_json: bool) -> int:
    """Show each feed of a list, and add them if somebody says so. Returns the exit code."""
    subscriptions = sky.feeds.read_opml(path)
    here = {status.feed.url for status in sky.feeds.list()}
    account = next(iter(options["accounts"] or ()), None)
    shown = {name: value for name, value in options.items() if name not in _NOT_PREVIEWED}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reports = list(pool.map(partial(_looked_at, sky, here, account, shown), subscriptions))
    if not as_json:
        for report in reports:
            _print(report)
    ready = [report for report in reports if report.error is None and not report.existed]
    if ready and (yes or (not as_json and _asked(len(ready)))):
        reports = [_added(sky, report, options) if report in ready else report for report in reports]
    _conclude(reports, len(ready), as_json)
    return next((report.error.exit_code for report in reports if report.error), 0)


def _looked_at(
    sky: Skywrite, here: set[str], account: str | None, options: Mapping[str, Any], one: Subscription
) -> SubscriptionReport:
    """One feed as it would be posted; what is wrong with it concerns no other."""
    report = SubscriptionReport(one.url, one.title)
    if one.url in here:
        return report._replace(existed=True)
    try:
        items = sky.feeds.preview(one.url, account=account, limit=1, prepare=False, **options)
    except Exception as error:
        return report._replace(error=Unexpected.of(error))
    return report._replace(latest=items[0] if items else None)


def _added(sky: Skywrite, report: SubscriptionReport, options: Mapping[str, Any]) -> SubscriptionReport:
    from skywrite.core.errors import Conflict

    try:
        return report._replace(added=sky.feeds.add(report.url, **options))
    except Conflict:
        return report._replace(existed=True)
    except Exception as error:
        return report._replace(error=Unexpected.of(error))


def _print(report: SubscriptionReport) -> None:
    click.echo(f"{click.style(one_line(report.title or report.url, 60), bold=True)}  {one_line(report.url, 80)}")
    if report.existed:
        click.echo("    It is here already.")
    elif report.error is not None:
        click.echo(f"    {report.error.message} {hint_text(report.error.hint)}".rstrip())
    elif report.latest is None:
        click.echo("    It has no items yet.")
    else:
        click.echo(f"    Its latest item, as a post: {one_line(report.latest.text or report.latest.title, 90)}")


def _asked(count: int) -> bool:
    if not can_ask():
        return False
    feeds = "this feed" if count == 1 else f"these {count:,} feeds"
    return click.confirm(f"Post the new items of {feeds} from now on?", err=True)


def _conclude(reports: Sequence[SubscriptionReport], ready: int, as_json: bool) -> None:
    if as_json:
        from skywrite.features.feeds.operations import subscription_shape

        print_json([subscription_shape(report) for report in reports])
        return
    added = sum(report.added is not None for report in reports)
    here, wrong = sum(report.existed for report in reports), sum(report.error is not None for report in reports)
    print_done(f"{added:,} of {len(reports):,} feeds added; {here:,} there already, {wrong:,} not to be had.")
    if ready and not added:
        print_aside(f"Nothing is posted until you say so. Add them: {given_command()} --yes")
