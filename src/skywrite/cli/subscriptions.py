"""feeds add with a list of subscriptions.

What lives here: a look at each feed, the question, and adding them. What does not: reading lists (`sources.opml`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skywrite.app.reports import SubscriptionReport
from skywrite.cli.hints import given_command, hint_text
from skywrite.cli.output import one_line, print_aside, print_done, print_json
from skywrite.cli.terminal import can_ask
from skywrite.errors import Unexpected

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.sources.opml import Subscription

# Previews wait for the servers of others; so many at a time.
AT_ONCE = 8
ENDINGS = (".opml", ".xml")
# Options of adding that a preview has no use for.
_NOT_PREVIEWED = ("accounts", "backfill", "most", "spacing", "every", "labels")


def is_list(given: str) -> bool:
    """Whether what was given is a list of subscriptions, rather than an address."""
    return (
        "://" not in given
        and Path(given).suffix.lower() in ENDINGS
        and (given.endswith(ENDINGS[0]) or Path(given).is_file())
    )


def add_list(sky: Skywrite, path: str, options: Mapping[str, Any], *, yes: bool, as_json: bool) -> int:
    """Show each feed of a list, and add them if somebody says so. Returns the exit code."""
    found = sky.feeds.read_opml(path)
    here = {status.feed.url for status in sky.feeds.list()}
    account = next(iter(options["accounts"] or ()), None)
    shown = {name: value for name, value in options.items() if name not in _NOT_PREVIEWED}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reports = list(pool.map(partial(_looked_at, sky, here, account, shown), found))
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
    from skywrite.errors import Conflict

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
        from skywrite.app.shapes.feeds import subscription_shape

        print_json([subscription_shape(report) for report in reports])
        return
    added = sum(report.added is not None for report in reports)
    here, wrong = sum(report.existed for report in reports), sum(report.error is not None for report in reports)
    print_done(f"{added:,} of {len(reports):,} feeds added; {here:,} there already, {wrong:,} not to be had.")
    if ready and not added:
        print_aside(f"Nothing is posted until you say so. Add them: {given_command()} --yes")
