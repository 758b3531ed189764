"""Assembles the application: middleware, routes, and what lives as long as the server.

What does not live here: any handler. `make_app` takes an open `Skywrite`; its caller closes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS
from skywrite.core.errors import SkywriteError
from skywrite.faces.server import events, pages
from skywrite.faces.server.auth import sign_in, sign_out
from skywrite.faces.server.health import healthz, metrics
from skywrite.faces.server.hub import EventHub
from skywrite.faces.server.lanes import Lanes
from skywrite.faces.server.limits import Buckets, Quota
from skywrite.faces.server.metrics import Metrics
from skywrite.faces.server.openapi import openapi, reference
from skywrite.faces.server.pages.frame import failed, missing, refused
from skywrite.faces.server.problems import on_wrong_method
from skywrite.faces.server.routes import PREFIX, api_routes
from skywrite.faces.server.security import Origin, Shield
from skywrite.faces.server.services import GUESSES, REQUESTS, Served, Services, ShownOnce
from skywrite.faces.server.uploads import (
    Uploads,
    append_upload,
    begin_upload,
    drop_upload,
    offer,
    upload_media,
    upload_offset,
)
from skywrite.features import homes
from skywrite.queue.api_keys import ApiKeys
from skywrite.queue.people import People


def make_app(sky: Skywrite, origin: Origin, *, requests: Quota = REQUESTS) -> Starlette:
    """The application of one server."""
    hub = EventHub(sky)
    services = Services(
        sky=sky,
        origin=origin,
        people=People(sky.context.store),
        keys=ApiKeys(sky.context.store),
        requests=Buckets(requests, sky.context.clock),
        guesses=Buckets(GUESSES, sky.context.clock),
        hub=hub,
        lanes=Lanes.new(),
        metrics=Metrics(sky, lambda: hub.listeners),
        layers=tuple(layer(sky) for layer in homes("layer")),
        shown_once=ShownOnce(),
    )

    parts: list[Served] = [served(sky) for served in homes("served")]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        services.hub.start()
        try:
            yield
        finally:
            services.hub.stop()
            for part in parts:
                if part.stop is not None:
                    await part.stop()

    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/sign-in/{token}", sign_in),
            Route("/sign-out", sign_out, methods=["POST"]),
            Route("/metrics", metrics),
            Route("/api", reference),
            Route("/api/openapi.json", openapi),
            Route(f"{PREFIX}/events", events.stream),
            Route(f"{PREFIX}/media", upload_media, methods=["POST"]),
            Route(f"{PREFIX}/media/uploads", offer, methods=["OPTIONS"]),
            Route(f"{PREFIX}/media/uploads", begin_upload, methods=["POST"]),
            Route(f"{PREFIX}/media/uploads/{{id}}", upload_offset, methods=["HEAD"]),
            Route(f"{PREFIX}/media/uploads/{{id}}", append_upload, methods=["PATCH"]),
            Route(f"{PREFIX}/media/uploads/{{id}}", drop_upload, methods=["DELETE"]),
            *(route for part in parts for route in part.routes),
            *api_routes(OPERATIONS.values()),
            *pages.routes(),
        ],
        middleware=[Middleware(Shield, origin=origin), Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)],
        exception_handlers={
            SkywriteError: refused,
            404: missing,
            405: on_wrong_method,
            Exception: failed,
        },
        lifespan=lifespan,
    )
    app.state.services = services
    for part in parts:
        for name, value in part.state.items():
            setattr(app.state, name, value)
    app.state.uploads = Uploads(sky.context.config.home / "uploads")
    return app
