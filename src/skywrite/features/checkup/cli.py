"""doctor: check whether everything is fine, what to do if it is not, repairs, and a report for whoever helps."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.given import FilePath
from skywrite.faces.cli.hints import hint_text
from skywrite.faces.cli.options import account_option, json_option, on_queue
from skywrite.faces.cli.output import print_json, print_outcome
from skywrite.faces.cli.terminal import can_ask

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.features.checkup.service import Finding, Repair, Repaired

_MARKS = {"ok": ("✓", "green"), "note": ("·", "yellow"), "wrong": ("✗", "red")}
REPORT = "skywrite-report.txt"
ROUNDS_MAX = 3


@click.command("doctor", epilog="Examples: skywrite doctor; skywrite doctor --fix; skywrite doctor --report")
@click.option(
    "--run", "run_only", is_flag=True, help="Only ask whether a worker lives and keeps up; for health checks."
)
@click.option("--fix", is_flag=True, help="Show what can be repaired without losing anything, ask, and repair it.")
@click.option("--yes", "-y", is_flag=True, help="With --fix: repair it without a question.")
@click.option("--report", is_flag=True, help="Write a report to send to a helper, without secrets and without posts.")
@click.option("--output", "-o", type=FilePath(path_type=Path), help=f"With --report: its file. Default: {REPORT}.")
@click.option("--with-texts", is_flag=True, help="With --report: names of accounts and what errors quote, too.")
@account_option
@json_option
def doctor_command(
    run_only: bool,
    fix: bool,
    yes: bool,
    report: bool,
    output: Path | None,
    with_texts: bool,
    account: str | None,
    as_json: bool,
) -> None:
    """Check sign-in, server, limits, clock, database and optional parts, and say what to do."""
    modes = {"--run": run_only, "--fix": fix, "--report": report}
    if len(mode_names := [name for name, is_given in modes.items() if is_given]) > 1:
        raise InputError(f"{' and '.join(mode_names)} do different things.", hint="Give one of them.")
    if (with_texts or output is not None) and not report:
        raise InputError(f"{'--with-texts' if with_texts else '--output'} is about a report.", hint="Add --report.")
    if yes and not fix:
        raise InputError("--yes answers the question of --fix.", hint="Add --fix.")
    if report:
        _write_report(Path(REPORT) if output is None else output, account, with_texts, as_json)
    elif fix:
        _fix(account, yes, as_json)
    else:
        _check(run_only, account, as_json)


@on_queue
def _check(sky: Skywrite, run_only: bool, account: str | None, as_json: bool) -> None:
    from skywrite.features.checkup.service import check_all, check_run

    findings = check_run(sky) if run_only else check_all(sky, account)
    if as_json:
        print_json(_shapes(findings))
    else:
        _print_findings(findings)
        if repairs := sum(finding.repair is not None for finding in findings):
            what = "one of these" if repairs == 1 else f"{repairs} of these"
            click.echo(f"{click.style('To do:', fg='cyan')} Let Skywrite repair {what}: skywrite doctor --fix")
    _leave(findings)


@on_queue
def _fix(sky: Skywrite, account: str | None, yes: bool, as_json: bool) -> None:
    from skywrite.features.checkup.service import check_all, repair

    planned: list[Repair] = []
    done: list[Repaired] = []
    # Some trouble hides other trouble.
    for _ in range(ROUNDS_MAX):
        findings = check_all(sky, account)
        wanted = [finding for finding in findings if finding.repair and finding.repair.words not in _words(planned)]
        planned += [finding.repair for finding in wanted if finding.repair]
        if not as_json and (wanted or not planned):
            _print_repairs(wanted)
        if not wanted or not (yes or (not as_json and can_ask() and click.confirm("Repair this?"))):
            break
        done += (tried := repair(wanted))
        if not as_json:
            _print_repaired(tried)
    if as_json:
        from skywrite.features.checkup.operations import repairs_shape

        print_json(repairs_shape([one.words for one in planned], done, findings))
    elif done:
        _print_findings([finding for finding in findings if finding.level != "ok"])
    elif planned:
        click.echo("Nothing was changed. To repair it: skywrite doctor --fix --yes")
    _leave(findings)


def _words(repairs: Sequence[Repair]) -> set[str]:
    return {one.words for one in repairs}


def _print_repairs(wanted: Sequence[Finding]) -> None:
    if not wanted:
        click.echo("There is nothing that can be repaired without you. For everything that was found: skywrite doctor")
    for finding in wanted:
        assert finding.repair is not None
        mark, colour = _MARKS[finding.level]
        click.echo(f"{click.style(mark, fg=colour)} {finding.what}: {finding.message}")
        click.echo(f"  {click.style('Repair:', fg='cyan')} {finding.repair.words}")


def _print_repaired(done: Sequence[Repaired]) -> None:
    for one in done:
        if one.error:
            click.echo(f"{click.style('✗', fg='red')} Not repaired: {one.repair} {one.error}")
        else:
            click.echo(f"{click.style('✓', fg='green')} Repaired: {one.repair}")


def _print_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        mark, colour = _MARKS[finding.level]
        click.echo(f"{click.style(mark, fg=colour)} {finding.what}: {finding.message}")
        if finding.hint:
            click.echo(f"  {click.style('To do:', fg='cyan')} {hint_text(finding.hint)}")


def _write_report(path: Path, account: str | None, with_texts: bool, as_json: bool) -> None:
    from skywrite.app.shapes.done import WrittenFile
    from skywrite.core.files import whole_private_file
    from skywrite.features.checkup.report import report_text

    text = report_text(account, with_texts=with_texts, render=hint_text)
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    with whole_private_file(path) as file:
        file.write(text.encode())
    print_outcome(as_json, WrittenFile(str(path)), f"The report is in {path}. Read it before you send it.")


def _shapes(findings: Sequence[Finding]) -> list[object]:
    from skywrite.features.checkup.operations import finding_shape

    return [finding_shape(finding) for finding in findings]


def _leave(findings: Sequence[Finding]) -> None:
    sys.exit(max((finding.exit_code for finding in findings), default=0))
