"""What an import would do or did, on a terminal: day by day, with a summary of errors and warnings.

What does not live here: making the plan (`plan`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.hints import hint_text
from skywrite.faces.cli.terminal import columns, cut, pad, width

if TYPE_CHECKING:
    from skywrite.features.tables.plan import ImportPlan, PlannedPost, Remark

RUNS_MAX = 8


def plan_lines(plan: ImportPlan) -> Iterator[str]:
    """Each post on a line under its day."""
    posts = [*(post for day in plan.days for post in day.posts), *plan.undated]
    handles = {post.account for post in posts}
    handle_width = max(map(width, handles)) if len(handles) > 1 else 0
    for day in plan.days:
        yield click.style(f"{day.day:%a} {day.day.day} {day.day:%b %Y}", bold=True)
        yield from (_line(post, handle_width) for post in day.posts)
    if plan.undated:
        yield click.style("Without a time", bold=True)
        yield from (_line(post, handle_width) for post in plan.undated)


def _line(post: PlannedPost, handle_width: int) -> str:
    cells = [f"{post.at:%H:%M}" if post.at else "     "]
    if handle_width:
        cells.append(pad(post.account, handle_width))
    extras = _extras(post)
    room = columns() - 2 - sum(width(cell) + 2 for cell in cells) - (width(extras) + 2 if extras else 0)
    text = cut(post.text or "(no text)", max(room, 16))
    return "  " + "  ".join([*cells, text, *([click.style(extras, dim=True)] if extras else [])])


def _extras(post: PlannedPost) -> str:
    parts = [
        f"{post.images} image{'s' if post.images > 1 else ''}" if post.images else "",
        "video" if post.has_video else "",
        f"thread of {post.posts}" if post.posts > 1 else "",
        f"every {post.rule}" if post.rule and not post.rule.startswith("every") else post.rule,
        "there already" if post.existed else "",
    ]
    return ", ".join(filter(None, parts))


def remark_lines(remarks: Sequence[Remark], label: str, colour: str) -> Iterator[str]:
    """Remarks about many rows, each printed once: the message of the first row, and the other rows."""
    for remark in remarks:
        message = remark.message
        if remark.hint:
            message += f" {hint_text(remark.hint)}"
        yield f"Row {remark.rows[0]}: {click.style(label, fg=colour)} {message}"
        if len(remark.rows) > 1:
            more = len(remark.rows) - 1
            yield f"  {more:,} more {'row' if more == 1 else 'rows'} like it: {row_runs(remark.rows[1:])}"


def row_runs(rows: Sequence[int]) -> str:
    """Numbers of rows as runs: 2-30, 34, 40-50; the first few of them."""
    ordered = sorted(rows)
    starts = [ordered[0], *(after for before, after in pairwise(ordered) if after != before + 1)]
    ends = [*(before for before, after in pairwise(ordered) if after != before + 1), ordered[-1]]
    runs = [str(first) if first == last else f"{first}-{last}" for first, last in zip(starts, ends, strict=True)]
    return ", ".join(runs[:RUNS_MAX]) + (", ..." if len(runs) > RUNS_MAX else "")
