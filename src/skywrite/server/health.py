"""`/healthz` and `/metrics`, for monitoring. Anyone who can reach the server may read them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skywrite.errors import SkywriteError
from skywrite.server.metrics import CONTENT_TYPE
from skywrite.server.services import services_of


def healthz(request: Request) -> Response:
    """GET /healthz: whether the server can read its database, and nothing else."""
    try:
        services_of(request).sky.context.store.schema_version()
    except SkywriteError as error:
        return JSONResponse({"status": "unavailable", "error": error.name}, 503)
    return JSONResponse({"status": "ok"})


def metrics(request: Request) -> Response:
    """GET /metrics."""
    return Response(services_of(request).metrics.text(), media_type=CONTENT_TYPE)
