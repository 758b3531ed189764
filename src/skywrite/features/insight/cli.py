"""stats: how published posts did."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.options import Whole, account_option, json_option, on_queue
from skywrite.faces.cli.output import print_json, print_table

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.insight.stats import Group

_COUNTS = ("likes", "reposts", "replies", "quotes", "bookmarks")


@click.command("stats", epilog="Example: skywrite stats --by hour --after 24")
@click.option("--by", default="day", show_default=True, help="day, hour, weekday, source, kind, account or campaign.")
@click.option(
    "--after",
    type=Whole(),
    default=24,
    show_default=True,
    metavar="HOURS",
    help="Counted at 1, 6, 24, 72, 168 or 720 hours.",
)
@click.option("--since", metavar="DAY", help="Only posts since then, such as 2026-11-01. Default: 90 days.")
@click.option("--csv", "as_csv", is_flag=True, help="Every count of every post, as CSV.")
@account_option
@json_option
@on_queue
def stats_command(
    sky: Skywrite, by: str, after: int, since: str | None, as_csv: bool, account: str | None, as_json: bool
) -> None:
    """Show how often your posts were liked, reposted, replied to, quoted and bookmarked.

    Workers count at fixed ages, so that posts compare. The network has no views, so there are none here. Medians of
    fewer than 20 posts are withheld.
    """

    start = None if since is None else _day(since, str(sky.stats.zone(account)))
    if as_csv:
        click.echo(sky.stats.csv(since=start, account=account), nl=False)
        return
    report = sky.stats.report(by, at=after, since=start, account=account)
    if as_json:
        from skywrite.features.insight.operations import stats_shape

        print_json(stats_shape(report))
    elif not report.groups:
        click.echo(f"Nothing was counted yet. A worker counts what it published, {after} hours later: skywrite run")
    else:
        rows = [_row(one) for one in (*report.groups, report.total)]
        print_table((by.upper(), "POSTS", *(name.upper() for name in _COUNTS)), rows)
        click.echo(f"Counted {after} h after publishing; in brackets the median.")
        for note in report.total.notes:
            click.echo(f"{note}.")


def _row(one: Group) -> tuple[str, ...]:
    medians = one.medians
    cells = [f"{one.sums[name]}{'' if medians is None else f' ({medians[name]:g})'}" for name in _COUNTS]
    return one.name, str(one.posts), *cells


def _day(text: str, zone: str) -> datetime:
    from zoneinfo import ZoneInfo

    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no day.", hint="Write it like 2026-11-01.") from None
    return day if day.tzinfo else day.replace(tzinfo=ZoneInfo(zone))
