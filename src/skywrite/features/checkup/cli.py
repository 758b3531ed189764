"""doctor: check whether everything is fine, and what to do if it is not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.hints import hint_text
from skywrite.faces.cli.options import account_option, json_option, on_queue
from skywrite.faces.cli.output import print_json

if TYPE_CHECKING:
    from skywrite.app import Skywrite

_MARKS = {"ok": ("✓", "green"), "note": ("·", "yellow"), "wrong": ("✗", "red")}


@click.command("doctor", epilog="Examples: skywrite doctor; skywrite doctor --run --json")
@click.option(
    "--run", "run_only", is_flag=True, help="Only ask whether a worker lives and keeps up; for health checks."
)
@account_option
@json_option
@on_queue
def doctor_command(sky: Skywrite, run_only: bool, account: str | None, as_json: bool) -> None:
    """Check sign-in, server, limits, clock, database and optional parts, and say what to do."""
    from skywrite.features.checkup.service import check_all, check_run

    findings = check_run(sky) if run_only else check_all(sky, account)
    if as_json:
        from skywrite.features.checkup.operations import finding_shape

        print_json([finding_shape(finding) for finding in findings])
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.level]
            click.echo(f"{click.style(mark, fg=colour)} {finding.what}: {finding.message}")
            if finding.hint:
                click.echo(f"  {click.style('To do:', fg='cyan')} {hint_text(finding.hint)}")
    sys.exit(max((finding.exit_code for finding in findings), default=0))
