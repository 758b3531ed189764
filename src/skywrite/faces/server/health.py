"""`/healthz` and `/metrics`, for monitoring. Anyone who can reach the server may read them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skywrite.core.errors import SkywriteError
from skywrite.faces.server.auth import client_of
from skywrite.faces.server.metrics import CONTENT_TYPE
from skywrite.faces.server.services import services_of


def healthz(request: Request) -> Response:
    """GET /healthz: whether the server can read its database, and nothing else."""
    try:
        services_of(request).sky.context.store.schema_version()
    except SkywriteError as error:
        return JSONResponse({"status": "unavailable", "error": error.name, "code": error.code}, 503)
    return JSONResponse({"status": "ok"})


async def metrics(request: Request) -> Response:
    """GET /metrics. It counts posts, so whoever asks for it all the time waits for themselves."""
    services = services_of(request)
    text = await services.lanes.work.run(client_of(request), services.metrics.text)
    return Response(text, media_type=CONTENT_TYPE)
