"""Assembles the application: middleware, routes, and what lives as long as the server.

What does not live here: any handler. `make_app` takes an open `Skywrite`; its caller closes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS
from skywrite.errors import SkywriteError
from skywrite.queue.api_keys import ApiKeys
from skywrite.queue.people import People
from skywrite.server import events, pages
from skywrite.server.agents import AgentSignIns, agent_routes
from skywrite.server.auth import sign_in, sign_out
from skywrite.server.calendars import calendar, rss
from skywrite.server.health import healthz, metrics
from skywrite.server.hub import EventHub
from skywrite.server.lanes import Lanes
from skywrite.server.limits import Buckets, Quota
from skywrite.server.mcp import McpEndpoint
from skywrite.server.metrics import Metrics
from skywrite.server.openapi import openapi, reference
from skywrite.server.pages.frame import failed, missing, refused
from skywrite.server.passkeys import (
    Challenges,
    register,
    registration_options,
    sign_in_options,
    sign_in_with_passkey,
)
from skywrite.server.problems import on_wrong_method
from skywrite.server.rehearsals import Rehearsals
from skywrite.server.routes import PREFIX, api_routes
from skywrite.server.security import Origin, Shield
from skywrite.server.services import GUESSES, REQUESTS, Services
from skywrite.server.shown_once import ShownOnce
from skywrite.server.uploads import (
    Uploads,
    append_upload,
    begin_upload,
    drop_upload,
    offer,
    upload_media,
    upload_offset,
)


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
        rehearsals=Rehearsals(sky),
        shown_once=ShownOnce(),
    )

    agents = McpEndpoint()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        services.hub.start()
        try:
            yield
        finally:
            services.hub.stop()
            await agents.stop()

    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/sign-in/{token}", sign_in),
            Route("/sign-out", sign_out, methods=["POST"]),
            Route("/passkeys", register, methods=["POST"]),
            Route("/passkeys/options", registration_options, methods=["POST"]),
            Route("/passkeys/sign-in", sign_in_with_passkey, methods=["POST"]),
            Route("/passkeys/sign-in/options", sign_in_options, methods=["POST"]),
            Route("/metrics", metrics),
            Route("/mcp", agents),
            Route("/calendar/{token}.ics", calendar),
            Route("/rss/{token}.xml", rss),
            Route("/api", reference),
            Route("/api/openapi.json", openapi),
            Route(f"{PREFIX}/events", events.stream),
            Route(f"{PREFIX}/media", upload_media, methods=["POST"]),
            Route(f"{PREFIX}/media/uploads", offer, methods=["OPTIONS"]),
            Route(f"{PREFIX}/media/uploads", begin_upload, methods=["POST"]),
            Route(f"{PREFIX}/media/uploads/{{id}}", upload_offset, methods=["HEAD"]),
            Route(f"{PREFIX}/media/uploads/{{id}}", append_upload, methods=["PATCH"]),
            Route(f"{PREFIX}/media/uploads/{{id}}", drop_upload, methods=["DELETE"]),
            *agent_routes(),
            *api_routes(OPERATIONS.values()),
            *pages.routes(),
        ],
        middleware=[Middleware(Shield, origin=origin)],
        exception_handlers={
            SkywriteError: refused,
            404: missing,
            405: on_wrong_method,
            Exception: failed,
        },
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.challenges = Challenges(sky.context.clock)
    app.state.agents = AgentSignIns(sky)
    app.state.uploads = Uploads(sky.context.config.home / "uploads")
    return app
