"""rehearse: what will happen in the coming days, tested on a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from skywrite.cli.options import account_option, json_option
from skywrite.cli.output import print_json
from skywrite.cli.terminal import show

if TYPE_CHECKING:
    from skywrite.rehearsal import Act, Rehearsed

_SPAN = 'SPAN, such as "sat 10:00-14:00"'


@click.command("rehearse", epilog='Example: skywrite rehearse --until monday --outage "sat 10:00-14:00"')
@click.option("--until", required=True, metavar="WHEN", help="The end; a day alone counts to its end.")
@click.option("--outage", multiple=True, metavar="SPAN", help=f"No worker runs: {_SPAN}. May be repeated.")
@click.option("--pds-down", multiple=True, metavar="SPAN", help="Servers do not answer.")
@click.option("--rate-limit", multiple=True, metavar="SPAN", help="Servers say that it is too much.")
@account_option
@json_option
def rehearse_command(
    until: str,
    outage: tuple[str, ...],
    pds_down: tuple[str, ...],
    rate_limit: tuple[str, ...],
    account: str | None,
    as_json: bool,
) -> None:
    """Show what will go out until then, and what will be late, held, skipped or refused, and why.

    The worker itself runs on a copy of the queue, with a stand-in for the network and a fast clock. Nothing is sent,
    and your queue is not changed.
    """
    from skywrite.app import Skywrite
    from skywrite.rehearsal import rehearse

    with Skywrite() as sky:
        found = rehearse(sky, until, account=account, outage=outage, pds_down=pds_down, rate_limit=rate_limit)
        zones = {known.did: sky.context.zone(known) for known in sky.accounts.list()}
    if as_json:
        print_json(found.as_dict())
        return
    show([*_lines(found, zones)])


def _lines(found: Rehearsed, zones: dict[str, str]) -> Iterator[str]:
    from zoneinfo import ZoneInfo

    day = ""
    for act in found.acts:
        zone = ZoneInfo(zones.get(act.account.did, "UTC"))
        at = (act.at or act.post.due_at or found.until).astimezone(zone)
        if (today := f"{at:%a} {at.day} {at:%b %Y}") != day:
            day = today
            yield click.style(day, bold=True)
        yield f"  {at:%H:%M}  {_what(act)}  {act.post.text[:60]}".replace("\n", " ")
        if act.why:
            yield click.style(f"         {_late(act)}{act.why}", dim=True)
    if not found.acts:
        yield "Nothing would go out until then."
    counts = {what: sum(act.what == what for act in found.acts) for what in dict.fromkeys(a.what for a in found.acts)}
    if counts:
        yield ", ".join(f"{count} {what}" for what, count in counts.items()) + "."
    yield click.style(f"Nobody can know: {'; '.join(found.left_out)}.", dim=True)


def _what(act: Act) -> str:
    colour = {"published": "green", "waiting": "yellow", "skipped": "yellow"}.get(act.what, "red")
    return click.style(act.what.ljust(9), fg=colour)


def _late(act: Act) -> str:
    if act.what != "published":
        return ""
    hours, minutes = divmod(int(act.late.total_seconds()) // 60, 60)
    return f"{f'{hours} h ' if hours else ''}{minutes} min late: "
