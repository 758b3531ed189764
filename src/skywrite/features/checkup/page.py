"""The status: the worker, the database, the accounts and their servers, in the words of the check-up."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.faces.server.pages.frame import Visit, page_route, show
from skywrite.features.checkup.service import check_all, check_run


def status(visit: Visit) -> Response:
    """The page; with `?all` it also asks the accounts' servers, which takes a while."""
    everything = "all" in visit.request.query_params
    findings = check_all(visit.sky) if everything else check_run(visit.sky, wrong="note")
    counts = {state: count for state, count in visit.sky.posts.count().items() if count}
    return show(visit, "status.html", title="Status", findings=findings, counts=counts, everything=everything)


def routes() -> list[BaseRoute]:
    """The page."""
    return [page_route("/status", status)]
