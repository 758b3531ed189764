"""How the results of many posts at once look: rows of tables, files of folders, drafts of the official app."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from skywrite.app.reports import FileReport, PulledDraft, RowReport
from skywrite.app.shapes.base import ErrorShape, NoticeShape, Output, error_shape, messages, notices
from skywrite.core.codes import name_of
from skywrite.posting.sources.post_file import FileProblem


class RowShape(Output):
    """What became of a row: its post, or what is wrong. `uri`, `cid` and `url` are there if it was sent at once."""

    row: int
    id: int | None
    recurrence: int | None
    account: str
    text: str
    due_at: datetime | None
    existed: bool
    uri: str | None
    cid: str | None
    url: str | None
    warnings: list[str]
    notices: list[NoticeShape]
    error: ErrorShape | None


class FileShape(Output):
    """What became of a file of a folder: its post, or what is wrong in which line."""

    file: str
    action: str
    id: int | None
    due_at: datetime | None
    uri: str | None
    line: int | None
    warnings: list[str]
    notices: list[NoticeShape]
    error: ErrorShape | None


class FileProblemShape(Output):
    """What is wrong in a file of a folder."""

    file: str
    line: int | None
    error: str
    code: str
    message: str
    hint: str


class PulledShape(Output):
    """The result for one draft of the official app. `notes` say what could not be copied."""

    draft: str
    action: str
    id: int | None
    text: str
    notes: list[str]
    warnings: list[str]
    notices: list[NoticeShape]
    error: ErrorShape | None


def row_shape(report: RowReport) -> RowShape:
    """The result for a row as JSON."""
    sent = report.sent
    return RowShape(
        row=report.row,
        id=report.id,
        recurrence=report.recurrence_id,
        account=report.account,
        text=str(report.draft.get("text") or ""),
        due_at=report.due_at,
        existed=report.existed,
        uri=sent.uri if sent else None,
        cid=sent.cid if sent else None,
        url=sent.url if sent else None,
        warnings=messages(report.warnings),
        notices=notices(report.warnings),
        error=error_shape(report.error),
    )


def file_shape(report: FileReport) -> FileShape:
    """The result for a file as JSON."""
    return FileShape(
        file=report.path,
        action=report.action,
        id=report.id,
        due_at=report.due_at,
        uri=report.uri,
        line=report.line,
        warnings=messages(report.warnings),
        notices=notices(report.warnings),
        error=error_shape(report.error),
    )


def file_problem_shape(folder: Path, problem: FileProblem) -> FileProblemShape:
    """What is wrong in a file, as JSON."""
    place = os.fspath(folder / problem.path)
    return FileProblemShape(place, problem.line, name_of(problem.code), problem.code, problem.message, problem.hint)


def pulled_shape(draft: PulledDraft) -> PulledShape:
    """The result for a draft as JSON."""
    return PulledShape(
        draft=draft.id,
        action=draft.action,
        id=draft.post_id,
        text=draft.text,
        notes=list(draft.notes),
        warnings=messages(draft.warnings),
        notices=notices(draft.warnings),
        error=error_shape(draft.error),
    )
