"""drafts: the official app's own drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.options import account_option, json_option, on_queue
from skywrite.faces.cli.output import one_line, print_done, print_json

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.app.reports import PulledDraft


@click.group("drafts", epilog="Example: skywrite drafts pull")
def drafts_command() -> None:
    """Import drafts of the official app."""


@drafts_command.command("pull", epilog="Example: skywrite drafts pull, then: skywrite list, and skywrite move ID WHEN")
@account_option
@json_option
@on_queue
def pull(sky: Skywrite, account: str | None, as_json: bool) -> int:
    """Import the drafts of the official app, as drafts.

    Run it as often as you like; it makes no duplicates.

    Texts, threads, link cards, quotes, labels, languages and reply settings are copied. Images and videos are not: the
    app keeps them on the device.
    """

    pulled = sky.drafts.pull(account)
    if as_json:
        from skywrite.app.shapes.imports import pulled_shape

        print_json([pulled_shape(draft) for draft in pulled])
    else:
        _print(pulled)
    return next((draft.error.exit_code for draft in pulled if draft.error), 0)


def _print(pulled: list[PulledDraft]) -> None:
    for draft in pulled:
        number = f"draft {draft.post_id}" if draft.post_id else ""
        click.echo(f"{draft.action:<9}  {number:<10}  {one_line(draft.text)}".rstrip())
        if draft.error:
            click.echo(f"           {click.style('Error:', fg='red')} {draft.error.message}", err=True)
        if draft.action != "unchanged":
            for note in (*draft.notes, *draft.warnings):
                click.echo(f"           {click.style('Note:', fg='yellow')} {note}", err=True)
    fresh = sum(draft.action in ("pulled", "updated") for draft in pulled)
    print_done(f"{fresh} of {len(pulled)} drafts are new or changed. Give one a time with: skywrite move ID WHEN")
