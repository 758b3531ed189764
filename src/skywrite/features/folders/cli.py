"""sync."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.given import FilePath
from skywrite.faces.cli.options import account_option, json_option
from skywrite.faces.cli.output import one_line, print_aside, print_done, print_json, print_warnings
from skywrite.faces.cli.posting import print_stateless
from skywrite.faces.cli.status import approvals_note
from skywrite.faces.cli.troubles import SITE_HINT, Trouble, looks_like_a_site, trouble_lines

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.app.reports import FileReport


NOTES_MAX = 5
# Files about which nothing is said.
_LEFT_ALONE = ("unchanged", "published")


@click.command("sync", epilog="Example: skywrite sync posts --check, then: skywrite sync posts")
@click.argument("folder", type=FilePath(path_type=Path))
@account_option
@click.option("--check", is_flag=True, help="Only say what is wrong, by file and line. No account needed.")
@click.option("--stateless", is_flag=True, help="Without a database: publish what is due and not yet published.")
@click.option("--zone", metavar="ZONE", help="With --stateless: the zone of times that name none; else UTC.")
@click.option("--no-prune", is_flag=True, help="Leave the posts of files that are gone in the queue.")
@click.option("--mark", is_flag=True, help="Write `published: ...` into files whose posts are published.")
@click.option("--name", metavar="NAME", help="The name of the folder in the queue. Default: its path.")
@json_option
def sync_command(
    folder: Path,
    account: str | None,
    check: bool,
    stateless: bool,
    zone: str | None,
    no_prune: bool,
    mark: bool,
    name: str | None,
    as_json: bool,
) -> int:
    """Schedule the Markdown files of a FOLDER, and keep the queue in step with it. Run it as often as you like.

    It schedules new files, edits the posts of changed ones, and cancels those of removed ones. It leaves
    published posts alone.
    """
    _exclude(check=check, stateless=stateless)
    if check:
        return _check(folder, as_json)
    if stateless:
        _no_use(account=account, name=name, no_prune=no_prune)
        return _stateless(folder, zone, mark, as_json)
    _no_use(zone=zone)
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        reports = sky.folders.sync(folder, account=account, name=name, prune=not no_prune, mark=mark)
        approvals = approvals_note(sky) if any(report.id for report in reports) else ""
        whens = {} if as_json else dict(_whens(sky, reports))
    if as_json:
        from skywrite.app.shapes.imports import file_shape

        print_json([file_shape(report) for report in reports])
    else:
        _print_reports(folder, reports, whens)
        if approvals:
            print_aside(approvals)
    return _exit_code(reports)


def _exclude(**flags: bool) -> None:
    if sum(flags.values()) > 1:
        names = " and ".join(f"--{name}" for name in flags)
        raise InputError(f"{names} exclude each other.", hint="Leave one out. See: skywrite sync --help")


def _no_use(**options: Any) -> None:
    for name, value in options.items():
        if value:
            raise InputError(f"--{name.replace('_', '-')} has no effect here.", hint="See: skywrite sync --help")


def _check(folder: Path, as_json: bool) -> int:
    from skywrite.app.shapes.imports import file_problem_shape
    from skywrite.posting.sources.check import check_folder, marks_notes
    from skywrite.posting.sources.folder import read_folder

    content = read_folder(folder)
    problems = check_folder(content)
    if as_json:
        print_json([file_problem_shape(folder, problem) for problem in problems])
        return InputError.exit_code if problems else 0
    troubles = [Trouble(os.fspath(folder / one.path), one.line, one.message, one.hint) for one in problems]
    for line in trouble_lines(troubles):
        click.echo(line)
    _print_marks([f"{item.path}: {note}" for item in content.items for note in marks_notes(item)])
    if problems:
        files = len({problem.path for problem in problems})
        hint = SITE_HINT if looks_like_a_site(troubles) else "Fix what is listed above."
        raise InputError(
            f"{_count(files, 'file')} in {folder} cannot be posted.", code="folder.broken_files", hint=hint
        )
    print_done(f"{_count(len(content.items), 'file')} in {folder} can be posted.")
    return 0


def _print_marks(notes: Sequence[str]) -> None:
    """What goes out as it is written; of many files only the first."""
    print_warnings(notes[:NOTES_MAX])
    if len(notes) > NOTES_MAX:
        print_warnings([f"The same of {_count(len(notes) - NOTES_MAX, 'other file')}."])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _whens(sky: Skywrite, reports: Sequence[FileReport]) -> Iterator[tuple[int, str]]:
    """When the posts of files that changed are due, in the zones of their accounts."""
    from skywrite.faces.cli.view import short_time, zone_for

    for report in reports:
        if report.id and report.due_at and report.action not in _LEFT_ALONE:
            owner = sky.context.store.posts.get(report.id).account_did
            yield report.id, f", {short_time(report.due_at, zone_for(sky, owner))}"


def _print_reports(folder: Path, reports: Sequence[FileReport], whens: Mapping[int, str]) -> None:
    # A file with several mistakes has several reports, but counts once.
    counts = Counter(action for _, action in {(report.path, report.action) for report in reports})
    for report in reports:
        print_warnings(f"{report.path}: {warning}" for warning in report.warnings)
        if report.error is None and report.action not in _LEFT_ALONE:
            number = f" (post {report.id}{whens.get(report.id, '')})" if report.id else ""
            click.echo(f"{report.action:<9}  {one_line(report.path)}{number}")
    troubles = _print_errors([(os.fspath(folder / report.path), report) for report in reports])
    summary = ", ".join(f"{count} {action}" for action, count in sorted(counts.items()))
    say = click.echo if troubles else print_done
    say(f"{folder}: {summary or 'no posts'}.")
    if looks_like_a_site(troubles):
        print_aside(SITE_HINT)


def _print_errors(reports: Sequence[tuple[str, Any]]) -> list[Trouble]:
    """Print what is wrong with files, on standard error."""
    troubles = [
        Trouble(name, report.line, report.error.message, report.error.hint) for name, report in reports if report.error
    ]
    for line in trouble_lines(troubles, f"{click.style('Error:', fg='red')} "):
        click.echo(line, err=True)
    return troubles


def _exit_code(reports: Sequence[Any]) -> int:
    """The exit code of the first file that is wrong."""
    return next((report.error.exit_code for report in reports if report.error), 0)


def _stateless(folder: Path, zone: str | None, mark: bool, as_json: bool) -> int:
    from skywrite.stateless import Stateless

    with Stateless(zone=zone) as sky:
        reports = sky.publish_folder(folder, mark=mark)
    if as_json:
        print_json([report.as_dict() for report in reports])
    else:
        for report in reports:
            if report.error is None:
                print_stateless(report)
        troubles = _print_errors([(os.fspath(folder / report.name), report) for report in reports])
        published = sum(report.state == "published" for report in reports)
        say = click.echo if troubles else print_done
        say(f"{folder}: {_count(published, 'post')} published now.")
    return _exit_code(reports)
