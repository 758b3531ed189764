"""rehearse: what will happen in the coming days, tested on a copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import click

from skywrite.faces.cli.options import account_option, json_option, on_queue
from skywrite.faces.cli.output import print_json
from skywrite.faces.cli.terminal import show

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.rehearsal.service import Rehearsed
    from skywrite.queue.model import Account

_KINDS = {"repost": "repost: ", "unrepost": "repost: ", "pin": "pin: ", "unpin": "unpin: ", "like": "like: "}
_SPAN = 'SPAN, such as "sat 10:00-14:00"'


@click.command("rehearse", epilog='Example: skywrite rehearse --until monday --outage "sat 10:00-14:00"')
@click.option(
    "--until", default="in 7 days", show_default=True, metavar="WHEN", help="The end; a day alone counts to its end."
)
@click.option("--outage", multiple=True, metavar="SPAN", help=f"No worker runs: {_SPAN}. May be repeated.")
@click.option("--pds-down", multiple=True, metavar="SPAN", help="Servers do not answer.")
@click.option("--rate-limit", multiple=True, metavar="SPAN", help="Servers say that it is too much.")
@account_option
@json_option
@on_queue
def rehearse_command(
    sky: Skywrite,
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
    from skywrite.features.rehearsal.service import rehearse

    rehearsal = rehearse(sky, until, account=account, outage=outage, pds_down=pds_down, rate_limit=rate_limit)
    zones = {known.did: sky.context.zone(known) for known in sky.accounts.list()}
    if as_json:
        print_json(rehearsal.as_dict())
        return
    show([*_lines(rehearsal, zones)])


class _Line(NamedTuple):
    """What happens at a time, in words."""

    at: datetime
    what: str
    text: str
    why: str


def _lines(rehearsal: Rehearsed, zones: dict[str, str]) -> Iterator[str]:
    day = ""
    events = sorted([*_posts(rehearsal, zones), *_reposts(rehearsal, zones)], key=lambda line: line.at)
    for line in events:
        if (today := f"{line.at:%a} {line.at.day} {line.at:%b %Y}") != day:
            day = today
            yield click.style(day, bold=True)
        yield f"  {line.at:%H:%M}  {_coloured(line.what)}  {line.text[:60]}".replace("\n", " ")
        if line.why:
            yield click.style(f"         {line.why}", dim=True)
    if not events:
        yield "Nothing would go out until then."
    if counts := Counter(line.what for line in events):
        yield ", ".join(f"{count} {what}" for what, count in counts.items()) + "."
    yield click.style(f"Cannot be known: {'; '.join(rehearsal.left_out)}.", dim=True)


def _posts(rehearsal: Rehearsed, zones: dict[str, str]) -> Iterator[_Line]:
    for act in rehearsal.acts:
        at = _local(act.at or act.post.due_at or rehearsal.until, act.account, zones)
        late = _late(act.late) if act.what == "published" else ""
        yield _Line(at, act.what, act.post.text, act.why and f"{late}{act.why}")


def _reposts(rehearsal: Rehearsed, zones: dict[str, str]) -> Iterator[_Line]:
    """Reposts and pins; what failed or waits, or is undone, says which of them it is."""
    for deed in rehearsal.deeds:
        at = _local(deed.at or deed.action.due_at, deed.account, zones)
        kind = _KINDS[deed.action.kind] if deed.what in ("undone", "failed", "waiting") else ""
        late = _late(deed.late) if deed.at is not None else ""
        yield _Line(at, deed.what, f"{kind}{deed.text or deed.action.uri}", deed.why and f"{late}{deed.why}")


def _local(at: datetime, account: Account, zones: dict[str, str]) -> datetime:
    from zoneinfo import ZoneInfo

    return at.astimezone(ZoneInfo(zones.get(account.did, "UTC")))


def _coloured(what: str) -> str:
    bad = {"held": "red", "failed": "red", "waiting": "yellow", "skipped": "yellow"}
    return click.style(what.ljust(9), fg=bad.get(what, "green"))


def _late(late: timedelta) -> str:
    hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
    return f"{f'{hours} h ' if hours else ''}{minutes} min late: "
