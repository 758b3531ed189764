"""The status: counts of posts, and the findings of the check-up, over HTTP and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from skywrite.app.operations.shapes import Nothing
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.features.checkup.service import Finding, Repaired, check_run
from skywrite.queue.model import STATES


class FindingShape(Output):
    """The result of one check."""

    what: str
    level: str
    message: str
    hint: str


class RepairedShape(Output):
    """A repair that was tried; `error` is empty where it was done."""

    repair: str
    error: str


class RepairsShape(Output):
    """What can be repaired, what became of it, and what there is now."""

    planned: list[str]
    done: list[RepairedShape]
    findings: list[FindingShape]


class StatusShape(Output):
    """The overall status."""

    version: str
    now: datetime
    posts: dict[str, int]
    findings: list[FindingShape]


@operation("GET /status", scope="read", tool="show_status")
def show_status(access: Access, request: Nothing) -> StatusShape:
    """Show the overall status."""
    from importlib.metadata import version

    counts: dict[str, int] = dict.fromkeys(STATES, 0)
    for did in access.dids(None):
        for state, count in access.sky.posts.count(did).items():
            counts[state] += count
    findings = check_run(access.sky, wrong="note", accounts=access.dids(None))
    shapes = [finding_shape(finding) for finding in findings]
    return StatusShape(version("skywrite"), access.sky.context.clock.now(), counts, shapes)


def finding_shape(finding: Finding) -> FindingShape:
    """The result of one check as JSON."""
    return FindingShape(finding.what, finding.level, finding.message, finding.hint)


def repairs_shape(planned: Sequence[str], done: Sequence[Repaired], findings: Sequence[Finding]) -> RepairsShape:
    """The result of `doctor --fix` as JSON."""
    repaired = [RepairedShape(one.repair, one.error) for one in done]
    return RepairsShape(list(planned), repaired, [finding_shape(finding) for finding in findings])
