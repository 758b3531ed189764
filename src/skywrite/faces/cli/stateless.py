"""Posts without a database: what `post --stateless` does, and how such posts are reported."""

from __future__ import annotations

from typing import Any

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.output import print_done, print_json, print_warnings

_NO_USE = ("account", "next_slot", "every", "until", "pool", "zone", "jitter", "as_draft", "dry_run")


def post_stateless(row: dict[str, Any], options: dict[str, Any], as_json: bool) -> None:
    """Publish a post once for its key and time. One that is not due yet, or was missed, is only reported."""
    from skywrite.app.stateless import Stateless

    for name in ("key", "at"):
        if not options[name]:
            raise InputError(
                f"--stateless needs --{name}.",
                hint="The same --key and --at always mean the same post: --key release-1.2.0 --at 2027-01-05T09:00Z",
            )
    for name in _NO_USE:
        if options[name]:
            given = {"as_draft": "draft"}.get(name, name).replace("_", "-")
            raise InputError(f"--{given} and --stateless exclude each other.")
    with Stateless() as sky:
        report = sky.post(key=options["key"], at=options["at"], late=options["late"], **row)
    if as_json:
        print_json(report.as_dict())
        return
    print_warnings(report.warnings)
    if report.state == "waiting":
        print_done(f"Not due yet: it goes out with the first run after {report.due_at:%Y-%m-%d %H:%M} UTC.")
    elif report.state == "missed":
        print_done(f"Not posted: it was due at {report.due_at:%Y-%m-%d %H:%M} UTC, too long ago. See --late.")
    else:
        print_done(f"{'Posted' if report.state == 'published' else 'Posted before'}: {report.url}")


def print_stateless(report: Any) -> None:
    """Print one line about a post without a database."""
    print_warnings(f"{report.name}: {warning}" if report.name else warning for warning in report.warnings)
    when = f" {report.due_at:%Y-%m-%d %H:%M} UTC" if report.due_at and report.state in ("waiting", "missed") else ""
    click.echo(f"{report.state + when:<12} {report.name or ''} {report.url or ''}".rstrip())
