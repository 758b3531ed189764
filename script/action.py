"""The GitHub Action: its inputs from the environment, its outputs, annotations and summary for the runner.

What lives here: the runner's side. What does not: what is due and how it is published (`skywrite.stateless`).
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from skywrite.core.clock import SYSTEM_CLOCK, secret_bytes
from skywrite.core.config import load_config
from skywrite.core.errors import InputError, SkywriteError
from skywrite.core.shown import printable, printable_line
from skywrite.posting.schedule.timestamps import due_time, read_timestamp
from skywrite.posting.sources.check import check_folder
from skywrite.posting.sources.folder import read_folder
from skywrite.stateless import Stateless, StatelessReport

EVENT_BYTES_MAX = 25_000_000
CLOCKS_APART = timedelta(minutes=5)
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


class Runner:
    """What the runner hands over, and what it is told."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def text(self, name: str) -> str:
        """An input, "" where it was not given."""
        return self.environ.get(f"INPUT_{name.upper()}", "").strip()

    def flag(self, name: str) -> bool:
        """An input that is `true` or `false`."""
        value = self.text(name).lower()
        if value not in ("", "true", "false"):
            raise InputError(f"{name} must be true or false, not {value!r}.")
        return value == "true"

    def event(self) -> dict[str, Any]:
        """The event that started the workflow."""
        path = Path(self.environ.get("GITHUB_EVENT_PATH", ""))
        if not path.is_file() or path.stat().st_size > EVENT_BYTES_MAX:
            return {}
        event = json.loads(path.read_bytes())
        return event if isinstance(event, dict) else {}

    def output(self, **values: str) -> None:
        """Set outputs of the step."""
        # A value that holds the delimiter would set outputs of its own.
        delimiter = f"skywrite-{secret_bytes(16).hex()}"
        lines = [f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items()]
        self._append("GITHUB_OUTPUT", "".join(lines))

    def summary(self, text: str) -> None:
        """Add to the page of the run."""
        self._append("GITHUB_STEP_SUMMARY", text + "\n")

    def note(self, kind: str, message: str, file: str = "", line: int | None = None) -> None:
        """An annotation: `error`, `warning` or `notice`, at a file and line."""
        where = [f"file={_escaped(file, ':,')}"] if file else []
        where += [f"line={line}"] if line else []
        print(f"::{kind}{' ' if where else ''}{','.join(where)}::{_escaped(message)}")

    def _append(self, name: str, text: str) -> None:
        path = self.environ.get(name)
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)


def _escaped(text: str, more: str = "") -> str:
    for sign in ("%", "\r", "\n", *more):
        text = text.replace(sign, f"%{ord(sign):02X}")
    # The runner's older commands may stand anywhere in a line.
    return printable(text.replace("##[", "# #["))


def check(runner: Runner, folder: str) -> int:
    """Annotate what is wrong in a folder."""
    content = read_folder(Path(folder))
    problems = check_folder(content)
    for problem in problems:
        runner.note("error", f"{problem.message} {problem.hint}".strip(), f"{folder}/{problem.path}", problem.line)
    runner.output(published="0")
    runner.summary(f"{len(content.items)} posts in `{folder}` were checked, {len(problems)} mistakes were found.")
    return InputError.exit_code if problems else 0


def publish(runner: Runner, sky: Stateless, folder: str) -> int:
    """Publish what is due in a folder."""
    reports = sky.publish_folder(folder, mark=runner.flag("mark"))
    tell(runner, reports, folder)
    return next((report.error.exit_code for report in reports if report.error), 0)


def announce(runner: Runner, sky: Stateless, template: str) -> int:
    """Post a text about a release."""
    event = runner.event()
    release = event.get("release") or {}
    prereleases = runner.flag("prereleases")
    if release.get("prerelease") and not prereleases:
        runner.note("notice", "This is a prerelease, so nothing is posted; `prereleases: true` posts it.")
        runner.output(state="skipped", published="0")
        return 0
    values = placeholders(runner, release)
    at = runner.text("at") or release.get("published_at") or (event.get("head_commit") or {}).get("timestamp")
    key = runner.text("key") or (f"release:{values['repository']}@{values['tag']}" if values["tag"] else "")
    if not at or not key:
        raise InputError(
            "This run is about no release, so it needs the inputs `key` and `at`.",
            hint="The same key and time always mean the same post, however often the workflow is run.",
        )
    wait_until(at)
    draft: dict[str, Any] = {"card": runner.text("card") or "auto"}
    if runner.text("langs"):
        draft["langs"] = runner.text("langs").replace(",", " ").split()
    report = sky.post(filled(template, values), key=key, at=at, late=runner.text("late") or None, **draft)
    tell(runner, [report])
    runner.output(state=report.state, uri=report.uri or "", url=report.url or "")
    return 0


def placeholders(runner: Runner, release: Mapping[str, Any]) -> dict[str, str]:
    """What {name}, {tag}, {url}, {repository} and {project} stand for."""
    environ = runner.environ
    is_tag = environ.get("GITHUB_REF_TYPE") == "tag"
    tag = str(release.get("tag_name") or (environ.get("GITHUB_REF_NAME", "") if is_tag else ""))
    repository = environ.get("GITHUB_REPOSITORY", "")
    page = f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/releases/tag/{tag}" if tag else ""
    return {
        "name": runner.text("name") or str(release.get("name") or tag),
        "tag": tag,
        "url": runner.text("url") or str(release.get("html_url") or page),
        "repository": repository,
        "project": repository.rpartition("/")[2],
    }


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders replaced, once: what they stand for is not looked at again."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise InputError(
                f"The text holds {match[0]}, which stands for nothing.",
                hint="It may hold: " + ", ".join(f"{{{name}}}" for name in values),
            )
        if not values[match[1]]:
            raise InputError(f"The text holds {match[0]}, and this run has no value for it.")
        return values[match[1]]

    return _PLACEHOLDER.sub(value, template)


def wait_until(at: str) -> None:
    """A release that was published just now may be some seconds ahead of this computer's clock."""
    early = due_time(read_timestamp(at), "UTC") - SYSTEM_CLOCK.now()
    if timedelta() < early < CLOCKS_APART:
        SYSTEM_CLOCK.wait(threading.Event(), early.total_seconds() + 1)


def tell(runner: Runner, reports: Sequence[StatelessReport], folder: str = "") -> None:
    """Annotations, summary and outputs of what became of posts."""
    lines = ["| post | state |", "| --- | --- |"]
    for report in reports:
        file = f"{folder}/{report.name}" if folder else ""
        for warning in report.warnings:
            runner.note("warning", warning, file)
        if report.error:
            runner.note("error", f"{report.error.message} {report.error.hint}".strip(), file, report.line or 1)
        if report.state == "missed":
            runner.note("warning", f"It was due at {report.due_at:%Y-%m-%d %H:%M} UTC: too long ago, not posted.", file)
        shown = printable_line(report.name or "the text").replace("|", "\\|")
        lines.append(f"| {shown} | {f'[{report.state}]({report.url})' if report.url else report.state} |")
        # Never at the start of a line: the runner obeys lines that begin with ::
        print(f"post {_escaped(shown)}: {report.state} {report.url or ''}".rstrip())
    published = sum(report.state == "published" for report in reports)
    runner.output(published=str(published), reports=json.dumps([report.as_dict() for report in reports]))
    runner.summary("\n".join(lines))


def main(environ: Mapping[str, str]) -> int:
    """Do what the inputs say; the exit code is that of the command line."""
    runner = Runner(environ)
    try:
        folder, text = runner.text("folder"), runner.text("text")
        if bool(folder) == bool(text):
            raise InputError("Give the action either a `folder` or a `text`.")
        if runner.flag("check"):
            return check(runner, folder)
        named = {"HANDLE": "BLUESKY_HANDLE", "APP_PASSWORD": "BLUESKY_APP_PASSWORD", "PDS": "BLUESKY_PDS"}
        variables = {known: runner.text(name) for name, known in named.items() if runner.text(name)}
        with Stateless(zone=runner.text("zone") or None, config=load_config({**environ, **variables})) as sky:
            return publish(runner, sky, folder) if folder else announce(runner, sky, text)
    except SkywriteError as error:
        runner.note("error", f"{error.message} {error.hint}".strip())
        return error.exit_code


if __name__ == "__main__":
    environ = dict(os.environ)
    # What we start (ffmpeg, the child process for pages and images) needs no password.
    for secret in ("INPUT_APP_PASSWORD", "BLUESKY_APP_PASSWORD", "SKYWRITE_KEY"):
        os.environ.pop(secret, None)
    sys.exit(main(environ))
